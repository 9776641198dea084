//! Scrip's engine.
pub mod api;
pub mod clock;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod record;
