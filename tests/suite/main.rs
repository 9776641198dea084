//! One binary for every test that crosses a package: it links once and runs its tests side by side.

mod archive;
mod batches;
mod churn;
mod companies;
mod damage;
mod day;
mod dependencies;
mod faults;
mod fuzz_corpus;
mod golden;
mod http;
mod kill_cycles;
mod manual;
mod model;
mod operations;
mod overload;
mod race;
mod readme;
mod scenarios;
mod settlement_runs;
mod stalls;
mod tidy;
mod tool;
mod tool_scenarios;
