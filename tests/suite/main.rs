//! One binary for every test that crosses a package: it links once and runs its tests side by side.

mod damage;
mod dependencies;
mod fuzz_corpus;
mod http;
mod kill_cycles;
mod model;
mod operations;
mod race;
mod readme;
mod scenarios;
mod tidy;
