//! The tests of the format; those of a whole engine with snapshots lie beside the engine.

mod golden;
