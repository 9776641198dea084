//! The journal's tests: bytes, a running journal on real files, damage, and simulated crashes.

mod looking;
mod running;
mod stage;
