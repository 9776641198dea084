//! A page over the parts: which entries match, how many there are, where the next page begins.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::entry::{Filter, Packed, Place};
use super::part::{Part, Slice};
use crate::api::Total;
use crate::projections::blocks::Damaged;

/// Entries a page looks at before it ends short, with a cursor.
pub(crate) const LOOKED_AT_MAX: usize = 20_000;

/// Up to here totals are exact when they must be counted.
const COUNTED_MAX: u64 = 10_000;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) wallet: u64,
    pub(crate) filter: Filter,
    /// Not before this instant, µs.
    pub(crate) from_us: i64,
    /// Strictly before this instant, µs.
    pub(crate) to_us: Option<i64>,
    pub(crate) ascending: bool,
    pub(crate) limit: usize,
    /// Matching entries to pass over.
    pub(crate) offset: usize,
    /// Go on behind this entry.
    pub(crate) after: Option<Place>,
}

/// Entries that match, in the order asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    pub(crate) found: Vec<Place>,
    /// Last entry looked at, when there is or may be more behind it.
    pub(crate) next: Option<Place>,
    pub(crate) total: Total,
    /// Whether the page began: false when passing over took all that a page may look at.
    pub(crate) begun: bool,
}

/// Parts as they were at one moment, with one wallet's entries among those not in a part yet.
pub(super) struct View {
    pub(super) parts: Arc<Vec<Part>>,
    pub(super) open: Vec<Packed>,
}

struct Walk<'a> {
    ask: &'a Ask,
    skip: usize,
    looked: usize,
    found: Vec<Place>,
    last: Option<Place>,
    more: bool,
}

// === impl View ===

impl View {
    pub(super) fn page(&self, ask: &Ask, begins: u64) -> Result<Page, Damaged> {
        let mut slices = self.slices(ask.wallet, ask.from_us, ask.to_us)?;
        if begins > 1 {
            cut(&mut slices, Place::new(begins - 1, u8::MAX), true)?;
        }
        let total = total(&slices, &ask.filter)?;
        if let Some(after) = ask.after {
            cut(&mut slices, after, ask.ascending)?;
        }
        let mut skip = ask.offset;
        if ask.filter.is_open() {
            skip = drop_front(&mut slices, skip, ask.ascending);
        }
        let mut walk = Walk {
            ask,
            skip,
            looked: 0,
            found: Vec::new(),
            last: None,
            more: false,
        };
        walk_all(&slices, ask.ascending, |entry| walk.look(entry))?;
        Ok(Page {
            next: walk.last.filter(|_| walk.more),
            begun: walk.skip == 0 || !walk.more,
            found: walk.found,
            total,
        })
    }

    /// All entries of a wallet up to a place and an instant, oldest first.
    pub(super) fn until(
        &self,
        wallet: u64,
        to: Place,
        to_us: i64,
        mut each: impl FnMut(Place) -> ControlFlow<()>,
    ) -> Result<(), Damaged> {
        let slices = self.slices(wallet, i64::MIN, to_us.checked_add(1))?;
        walk_all(&slices, true, |entry| {
            if entry.place() > to {
                return ControlFlow::Break(());
            }
            each(entry.place())
        })
    }

    /// All entries of a wallet from an instant on, oldest first.
    pub(super) fn since(
        &self,
        wallet: u64,
        from_us: i64,
        mut each: impl FnMut(Place) -> ControlFlow<()>,
    ) -> Result<(), Damaged> {
        let slices = self.slices(wallet, from_us, None)?;
        walk_all(&slices, true, |entry| each(entry.place()))
    }

    /// What a wallet has between two instants, part by part.
    fn slices(
        &self,
        wallet: u64,
        from_us: i64,
        to_us: Option<i64>,
    ) -> Result<Vec<Slice<'_>>, Damaged> {
        let mut slices = Vec::with_capacity(self.parts.len() + 1);
        for part in self.parts.iter() {
            if let Part::File(run) = part {
                let late = to_us.is_some_and(|to| run.header.first_at_us >= to);
                if late || run.header.last_at_us < from_us {
                    continue;
                }
            }
            let mut slice = Slice::of(part, wallet)?;
            if slice.len() > 0 {
                let whole = matches!(part, Part::File(run)
                    if run.header.first_at_us >= from_us
                    && to_us.is_none_or(|to| run.header.last_at_us < to));
                if !whole {
                    let range = between(&slice, from_us, to_us)?;
                    slice.narrow(range);
                }
                slices.push(slice);
            }
        }
        let mut open = Slice::Memory(self.open.clone());
        let range = between(&open, from_us, to_us)?;
        open.narrow(range);
        slices.push(open);
        slices.retain(|slice| slice.len() > 0);
        Ok(slices)
    }
}

fn between(slice: &Slice<'_>, from_us: i64, to_us: Option<i64>) -> Result<Range<usize>, Damaged> {
    let start = match from_us {
        i64::MIN => 0,
        from => slice.count_before(|entry| entry.at_us() >= from)?,
    };
    let end = match to_us {
        None => slice.len(),
        Some(to) => slice.count_before(|entry| entry.at_us() >= to)?,
    };
    Ok(start.min(end)..end)
}

/// Leaves what lies behind a place, in the order asked for.
fn cut(slices: &mut Vec<Slice<'_>>, after: Place, ascending: bool) -> Result<(), Damaged> {
    for slice in slices.iter_mut() {
        let range = if ascending {
            slice.count_before(|entry| entry.place() > after)?..slice.len()
        } else {
            0..slice.count_before(|entry| entry.place() >= after)?
        };
        slice.narrow(range);
    }
    slices.retain(|slice| slice.len() > 0);
    Ok(())
}

/// Leaves out so many entries at the front, and says how many could not be.
fn drop_front(slices: &mut Vec<Slice<'_>>, mut count: usize, ascending: bool) -> usize {
    while count > 0 {
        let slice = if ascending {
            slices.first_mut()
        } else {
            slices.last_mut()
        };
        let Some(slice) = slice else { return 0 };
        let len = slice.len();
        if count < len {
            slice.narrow(if ascending {
                count..len
            } else {
                0..len - count
            });
            return 0;
        }
        count -= len;
        if ascending {
            slices.remove(0);
        } else {
            slices.pop();
        }
    }
    0
}

/// How many match: known without a look when nothing is left out.
fn total(slices: &[Slice<'_>], filter: &Filter) -> Result<Total, Damaged> {
    if filter.is_open() {
        return Ok(Total::Exactly(
            slices.iter().map(|slice| slice.len() as u64).sum(),
        ));
    }
    let (mut looked, mut count, mut all) = (0, 0, true);
    walk_all(slices, false, |entry| {
        let matches = filter.accepts(entry);
        all = looked < LOOKED_AT_MAX && !(matches && count == COUNTED_MAX);
        if !all {
            return ControlFlow::Break(());
        }
        looked += 1;
        count += u64::from(matches);
        ControlFlow::Continue(())
    })?;
    Ok(if all {
        Total::Exactly(count)
    } else {
        Total::AtLeast(count)
    })
}

fn walk_all(
    slices: &[Slice<'_>],
    ascending: bool,
    mut look: impl FnMut(&Packed) -> ControlFlow<()>,
) -> Result<(), Damaged> {
    for at in 0..slices.len() {
        let at = if ascending { at } else { slices.len() - 1 - at };
        if slices[at].each(ascending, &mut look)?.is_break() {
            break;
        }
    }
    Ok(())
}

// === impl Walk ===

impl Walk<'_> {
    fn look(&mut self, entry: &Packed) -> ControlFlow<()> {
        if self.looked == LOOKED_AT_MAX {
            self.more = true;
            return ControlFlow::Break(());
        }
        let matches = self.ask.filter.accepts(entry);
        if matches && self.skip == 0 && self.found.len() == self.ask.limit {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.looked += 1;
        self.last = Some(entry.place());
        if matches {
            if self.skip > 0 {
                self.skip -= 1;
            } else {
                self.found.push(entry.place());
            }
        }
        ControlFlow::Continue(())
    }
}
