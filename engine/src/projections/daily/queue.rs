//! What the publisher has handed over and nobody has folded yet. The publisher only appends.

use super::leg::{DayLeg, Turn};

/// Legs after which the thread folds. Few, because whoever asks for a report folds what is left first.
const FOLD_LEGS: usize = 4096;

/// Most legs that wait, 64 bytes each: ten seconds of 100,000 a second. Beyond it they are dropped, and the log gives
/// them again.
pub(super) const LEGS_MAX: usize = 1024 * 1024;

/// Legs of durable acts, in LSN order.
pub(super) struct Queue {
    pub(super) legs: Vec<DayLeg>,
    /// What happened between them, with the number of legs before it.
    pub(super) turns: Vec<(usize, Turn)>,
    /// All legs are above this LSN.
    pub(super) above: u64,
    /// Everything up to here has been handed over.
    pub(super) reached: u64,
    /// Whether there is something to do besides folding.
    pub(super) work: bool,
    /// An empty buffer, to be used again.
    spare: Vec<DayLeg>,
}

// === impl Queue ===

impl Queue {
    pub(super) fn starting_above(lsn: u64) -> Self {
        Self {
            legs: Vec::new(),
            turns: Vec::new(),
            above: lsn,
            reached: lsn,
            work: true,
            spare: Vec::new(),
        }
    }

    /// Everything up to `lsn` has been pushed. True when the thread should fold.
    pub(super) fn reach(&mut self, lsn: u64) -> bool {
        self.reached = self.reached.max(lsn);
        if self.legs.len() > LEGS_MAX {
            self.legs.clear();
            self.turns.clear();
            self.above = self.reached;
            self.work = true;
        }
        self.is_full()
    }

    pub(super) fn is_full(&self) -> bool {
        self.work || self.legs.len() >= FOLD_LEGS
    }

    /// All legs with what happened between them, and up to where they go.
    pub(super) fn take(&mut self) -> (Vec<DayLeg>, Vec<(usize, Turn)>, u64) {
        self.above = self.reached;
        let spare = std::mem::take(&mut self.spare);
        let legs = std::mem::replace(&mut self.legs, spare);
        (legs, std::mem::take(&mut self.turns), self.reached)
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&mut self, mut legs: Vec<DayLeg>) {
        legs.clear();
        self.spare = legs;
    }
}
