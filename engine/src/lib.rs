//! Scrip’s engine.
pub mod journal;
