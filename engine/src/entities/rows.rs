//! The rows of one shard: entities at rest, packed end to end.
//!
//! ```text
//! index  id → (start, length)
//! bytes  [ row 7 ][ row 3 ][ gone ][ row 9 ]      repacked when too much of it is gone
//! ```
//! A row is a few dozen bytes that live for months among buffers that live for milliseconds. Given an
//! allocation each, rows would pin nearly every page of the allocator: measured with a million
//! wallets, four times the memory of the rows themselves.

use hashbrown::HashMap;

/// Part of the bytes that may be gone before the rest is packed anew: bounds both the waste (a
/// quarter) and the copying (four bytes moved for each one that went).
const GONE_FRACTION: usize = 4;

/// Shards below this size are not repacked: there is nothing to gain.
const REPACK_BYTES_MIN: usize = 4_096;

/// Rows by id.
#[derive(Default)]
pub(super) struct Rows {
    index: HashMap<u64, Place>,
    bytes: Vec<u8>,
    /// Bytes of rows that were taken out.
    gone: usize,
}

/// Where a row lies. A shard of four billion bytes would be a store of a terabyte of wallets.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: u32,
    len: u32,
}

// === impl Rows ===

impl Rows {
    pub(super) fn contains(&self, id: u64) -> bool {
        self.index.contains_key(&id)
    }

    pub(super) fn get(&self, id: u64) -> Option<&[u8]> {
        self.find(id).map(|place| self.at(place))
    }

    /// Where a row lies, until something is put in or taken out.
    pub(super) fn find(&self, id: u64) -> Option<Place> {
        self.index.get(&id).copied()
    }

    /// Puts a row in, in place of any older one of this id. True when there was none.
    pub(super) fn insert(&mut self, id: u64, row: &[u8]) -> bool {
        if let Some(old) = self.index.get_mut(&id)
            && row.len() <= old.len as usize
        {
            self.bytes[old.start as usize..][..row.len()].copy_from_slice(row);
            self.gone += old.len as usize - row.len();
            // It is no longer than what was a `u32`.
            old.len = row.len() as u32;
            self.repack_if_worth_it();
            return false;
        }
        if self.bytes.len() + row.len() > self.bytes.capacity() {
            // Growing by a quarter, not by doubling: the slack is paid by every wallet.
            self.bytes
                .reserve_exact(row.len() + self.bytes.len() / GONE_FRACTION);
        }
        let start = u32::try_from(self.bytes.len());
        let (Ok(start), Ok(len)) = (start, u32::try_from(row.len())) else {
            unreachable!("a shard of 4 GiB")
        };
        self.bytes.extend_from_slice(row);
        let old = self.index.insert(id, Place { start, len });
        if let Some(old) = old {
            self.gone += old.len as usize;
            self.repack_if_worth_it();
        }
        old.is_none()
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, id: u64) -> Option<Box<[u8]>> {
        let place = self.index.remove(&id)?;
        let row = self.at(place).into();
        self.gone += place.len as usize;
        self.repack_if_worth_it();
        Some(row)
    }

    fn repack_if_worth_it(&mut self) {
        if self.gone > REPACK_BYTES_MIN && self.gone > self.bytes.len() / GONE_FRACTION {
            self.repack();
        }
    }

    pub(super) fn at(&self, place: Place) -> &[u8] {
        &self.bytes[place.start as usize..][..place.len as usize]
    }

    fn repack(&mut self) {
        let live = self.bytes.len() - self.gone;
        let mut packed = Vec::with_capacity(live + live / GONE_FRACTION);
        for place in self.index.values_mut() {
            let row = &self.bytes[place.start as usize..][..place.len as usize];
            // What is packed is no longer than what it is packed from.
            place.start = packed.len() as u32;
            packed.extend_from_slice(row);
        }
        self.bytes = packed;
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_what_a_plain_map_holds(
            steps in prop::collection::vec((0_u64..64, 0_usize..300), 1..2_000)
        ) {
            let mut rows = Rows::default();
            let mut plain = BTreeMap::new();
            for (at, (id, len)) in steps.into_iter().enumerate() {
                if len < 100 {
                    prop_assert_eq!(rows.remove(id).map(Vec::from), plain.remove(&id));
                } else {
                    let row = vec![at as u8; len];
                    rows.insert(id, &row);
                    plain.insert(id, row);
                }
                prop_assert_eq!(rows.get(id), plain.get(&id).map(Vec::as_slice));
                prop_assert_eq!(rows.contains(id), plain.contains_key(&id));
                let live: usize = plain.values().map(Vec::len).sum();
                prop_assert_eq!(rows.bytes.len() - rows.gone, live);
                let bound = live + live / GONE_FRACTION + REPACK_BYTES_MIN + 300;
                prop_assert!(rows.gone <= bound);
            }
            for (id, row) in &plain {
                prop_assert_eq!(rows.get(*id), Some(row.as_slice()));
            }
        }
    }
}
