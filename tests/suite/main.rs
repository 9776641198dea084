//! One binary for every test that crosses a package: it links once and runs its tests side by side.

mod damage;
mod day;
mod dependencies;
mod faults;
mod fuzz_corpus;
mod http;
mod kill_cycles;
mod model;
mod operations;
mod overload;
mod race;
mod readme;
mod scenarios;
mod tidy;
