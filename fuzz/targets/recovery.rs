//! A damaged directory gives back what was written, or is refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::recovery(bytes));
