//! The write-ahead journal.
