//! The journal's tests: bytes, a running journal on real files, damage, and simulated crashes.

mod archiving;
mod crash;
mod damage;
mod failing;
mod flips;
mod golden;
mod looking;
mod racing;
mod restoring;
mod retaining;
mod running;
mod stage;
