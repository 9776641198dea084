//! The daily report held against the log: for those who verify a store.
//!
//! Folds every event into days of its own and checks that balances join from day to day, wallet by wallet, and that
//! the days on disk say the same. A day that cannot be read is no finding: a server builds it anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::book::{Closed, Folder};
use super::file::DayFile;
use super::layout::day_name;
use super::leg::{DayLeg, Turn};
use crate::domain::{Day, DayClosed, DayFlow, Event, Points, Timestamp, Zone};
use crate::journal::{FileStorage, Storage};
use crate::projections::INDEX_FOLDER;

/// The check, as far as events were taken in.
pub struct DayAudit {
    folder: Folder,
    index: Option<Arc<dyn Storage>>,
    /// What each wallet held at the end of its last day.
    held: HashMap<u64, Points>,
    contradictions: u64,
    /// Days that ended: sums of all wallets, how many had entries, LSN of the last entry.
    days: BTreeMap<Day, (DayFlow, u64, u64)>,
    found: Vec<DayDifference>,
}

/// A day that does not add up, or is not on disk as the log has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayDifference {
    /// Which day.
    pub day: Day,
    /// Name of its file.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

// === impl DayAudit ===

impl DayAudit {
    /// Days of a log, and of the directory that it lies in.
    pub fn new(directory: Option<&Path>) -> Self {
        let zone = Zone::default();
        let index = directory.map(|directory| directory.join(INDEX_FOLDER));
        let index = index.and_then(|index| FileStorage::existing(index).ok());
        Self {
            folder: Folder::starting_above(&zone, 0, Points::ZERO),
            index: index.map(|index| Arc::new(index) as Arc<dyn Storage>),
            held: HashMap::new(),
            contradictions: 0,
            days: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// Takes the next event in.
    pub fn take(&mut self, lsn: u64, at: Timestamp, event: &Event) {
        if let Event::DayClosed(event) = event {
            self.check_closed(event);
        }
        if let Some(turn) = Turn::of(event) {
            self.folder.turn(turn);
        }
        DayLeg::of(lsn, at.0, event, |leg| self.folder.fold(&leg));
        for closed in std::mem::take(&mut self.folder.ended) {
            self.check(&closed);
        }
    }

    /// All that was found, and what all wallets held in the end.
    pub fn finish(mut self) -> (Vec<DayDifference>, Points) {
        self.folder.end_day();
        for closed in std::mem::take(&mut self.folder.ended) {
            self.check(&closed);
        }
        (self.found, self.folder.sum.opening)
    }

    /// Holds a record that closed a day against the day as it is folded from the entries before it.
    fn check_closed(&mut self, event: &DayClosed) {
        // Whatever came behind the day was folded too; the day may still be the one that runs.
        let known = self.days.get(&event.day).copied();
        let (sum, wallets, to) = match known {
            Some(known) => known,
            None if self.folder.day == event.day => {
                let folder = &self.folder;
                (folder.sum, folder.wallets(), folder.span.to)
            }
            None => {
                let mut before = self.days.range(..event.day);
                let before = before
                    .next_back()
                    .map(|(_, (sum, _, to))| (sum.closing(), *to));
                let running = (self.folder.day < event.day)
                    .then(|| (self.folder.sum.closing(), self.folder.span.to));
                let (held, to) = running.or(before).unwrap_or_default();
                (DayFlow::opening_with(held), 0, to)
            }
        };
        if (event.sum, event.wallets, event.watermark) != (sum, wallets, to) {
            self.found.push(DayDifference {
                day: event.day,
                file: "the whole log".to_owned(),
                what: "it was closed with other sums than its entries have".to_owned(),
            });
        }
    }

    fn check(&mut self, closed: &Closed) {
        let wallets = closed.rows.len() as u64;
        self.days
            .insert(closed.day, (closed.sum, wallets, closed.span.to));
        let unfit = self.folder.contradictions - self.contradictions;
        self.contradictions = self.folder.contradictions;
        if unfit > 0 {
            self.tell(
                closed,
                format!("{unfit} entries do not follow from those before them"),
            );
        }
        let mut moved = Points::ZERO;
        for (wallet, row) in &closed.rows {
            moved += row.net();
            let before = self.held.insert(*wallet, row.closing());
            let before = before.unwrap_or(Points::ZERO);
            if before != row.opening {
                let (had, has) = (before.sum(), row.opening.sum());
                let what = format!(
                    "wallet {wallet} ended its last day with {had} points and begins with {has}"
                );
                self.tell(closed, what);
            }
        }
        if moved != closed.sum.net() {
            let (nets, all) = (moved.sum(), closed.sum.net().sum());
            self.tell(
                closed,
                format!("nets of wallets sum up to {nets} points, the ledger moved by {all}"),
            );
        }
        self.compare(closed);
    }

    /// Holds a day against its file, if that covers the same LSNs.
    fn compare(&mut self, closed: &Closed) {
        let Some(index) = self.index.clone() else {
            return;
        };
        let file = DayFile::find(&*index, &day_name(closed.day));
        let Some(file) = file.ok().filter(|file| file.header.span == closed.span) else {
            return;
        };
        let Ok(rows) = file.rows_from(&*index, 0, usize::MAX) else {
            return;
        };
        let mut pairs = rows.iter().zip(&closed.rows);
        if let Some((found, _)) = pairs.find(|(found, wanted)| found != wanted) {
            let what = format!("its row of wallet {} is not what the log says", found.0);
            self.tell(closed, what);
        } else if rows.len() != closed.rows.len() || file.header.sum != closed.sum {
            self.tell(closed, "its sums are not what the log says".to_owned());
        }
    }

    fn tell(&mut self, closed: &Closed, what: String) {
        self.found.push(DayDifference {
            day: closed.day,
            file: format!("{INDEX_FOLDER}/{}", day_name(closed.day)),
            what,
        });
    }
}
