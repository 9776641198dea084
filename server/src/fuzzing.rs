//! The way in for fuzzers: bodies without sockets. Not there in a shipped binary.

use engine::domain::{ALLOTTED_ID_MIN, WalletId};

use crate::api::{Action, bulk};
use crate::exchange::read_command;
use crate::router::Router;

/// Reads a body as each route would. Returns how many take it; a bulk body is taken when one of its
/// items is.
pub fn read_bodies(body: &[u8]) -> usize {
    let Some(allotted) = WalletId::new(ALLOTTED_ID_MIN) else {
        unreachable!("the first allotted id is an id");
    };
    let allot = || allotted;
    let mut taken = 0;
    for action in Router::public(false).actions() {
        let Action::Command(route) = action else {
            continue;
        };
        match read_command(route, 1, &allot, body) {
            Ok(_) => taken += 1,
            Err(problem) => problem.write_members(&mut Vec::new(), ""),
        }
    }
    taken + bulk::read_body(body, &allot)
}
