//! Bodies of every kind: they mean something or are refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::record(bytes));
