//! One binary for every test that crosses a package: it links once and runs its tests side by side.

mod dependencies;
mod fuzz_corpus;
mod scenarios;
mod tidy;
