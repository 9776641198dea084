//! Segments made of the input, read in every way there is.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::frame(bytes));
