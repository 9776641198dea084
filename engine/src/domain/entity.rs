//! What has an actor of its own, whatever its kind.

use super::{Company, Program, Wallet};

/// State of one entity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entity {
    /// A wallet.
    Wallet(Wallet),
    /// The program.
    Program(Box<Program>),
    /// A company.
    Company(Box<Company>),
}

// === impl Entity ===

impl Entity {
    /// Takes down where in the log the act stands that was just applied. Only a settlement has to be found again, by the
    /// record in which its numbers stand, and that record cannot know its own place.
    pub fn mark(&mut self, lsn: u64) {
        match self {
            Self::Company(company) => company.books.mark(lsn),
            Self::Program(program) => program.mark(lsn),
            Self::Wallet(_) => {}
        }
    }
}
