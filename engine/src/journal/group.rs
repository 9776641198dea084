//! Groups under construction: the part of the journal that the mutex guards.
//!
//! ```text
//! append ─► open group ─(full)─► closed groups ─► writer's hands (in flight) ─► durable
//!           └──── taken as it is when the writer is free ────┘
//! ```
//!
//! A group knows its place in the log from the moment it is opened, so that space is exact and an append cannot fail.

use super::buffer::PageBuffer;
use super::frame::{RecordHeader, lay_act};
use super::ledger::Ledger;
use super::segment::{GROUP_ALIGN, HEADER_PAGE_BYTES, paged, payload_end};
use std::collections::VecDeque;

/// Longest group: one write, one sync.
pub const GROUP_BYTES_MAX: usize = 1 << 20;
/// One checkpoint of the sparse index per this many bytes of log.
pub(crate) const CHECKPOINT_BYTES: usize = 4096;
/// Group buffers kept for the next groups; more are made and dropped under a burst.
const SPARE_GROUPS_MAX: usize = 4;

/// A waiter that has got what it waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered<T> {
    /// The LSN waited for.
    pub lsn: super::Lsn,
    /// Header time of the act; for a mere wait, the time of the newest record when it began to wait.
    pub time_us: i64,
    pub ticket: T,
}

/// Bytes and tickets of what one sync will cover.
#[derive(Debug)]
pub(crate) struct Group<T> {
    pub(crate) buffer: PageBuffer,
    pub(crate) used: usize,
    pub(crate) records: u32,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) last_lsn: u64,
    pub(crate) tickets: Vec<Delivered<T>>,
    /// Acts for the sparse index: LSN and offset from the start of the group.
    pub(crate) checkpoints: Vec<(u64, u32)>,
    checkpoint_at: usize,
}

/// What appenders and the writer share.
#[derive(Debug)]
pub(crate) struct Front<T> {
    pub(crate) open: Group<T>,
    pub(crate) closed: VecDeque<Group<T>>,
    spare: Vec<Group<T>>,
    /// Last LSN of the group in the writer's hands.
    pub(crate) flight: Option<u64>,
    /// Tickets that joined the group in flight.
    pub(crate) flight_waits: Vec<Delivered<T>>,
    pub(crate) next_lsn: u64,
    pub(crate) time_us: i64,
    pub(crate) writer_idle: bool,
    group_bytes_max: usize,
    payload_end: u64,
}

/// Where an act came to lie.
pub(crate) struct Laid {
    pub(crate) lsn: u64,
    pub(crate) last_lsn: u64,
    pub(crate) time_us: i64,
}

impl<T> Group<T> {
    fn new(capacity: usize) -> Self {
        Self {
            buffer: PageBuffer::new(capacity),
            used: 0,
            records: 0,
            segment: 0,
            offset: 0,
            last_lsn: 0,
            tickets: Vec::new(),
            checkpoints: Vec::new(),
            checkpoint_at: 0,
        }
    }

    fn restart(&mut self, segment: u64, offset: u64) {
        self.used = 0;
        self.records = 0;
        self.segment = segment;
        self.offset = offset;
        self.last_lsn = 0;
        self.checkpoints.clear();
        self.checkpoint_at = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Offset of the first byte behind the group, gap included.
    pub(crate) fn end(&self) -> u64 {
        self.offset + paged(self.used as u64)
    }
}

impl<T> Front<T> {
    pub(crate) fn new(
        segment: u64,
        capacity: u64,
        group_bytes_max: usize,
        next_lsn: u64,
        time_us: i64,
    ) -> Self {
        let mut open = Group::new(group_bytes_max);
        open.restart(segment, HEADER_PAGE_BYTES);
        Self {
            open,
            closed: VecDeque::new(),
            spare: Vec::new(),
            flight: None,
            flight_waits: Vec::new(),
            next_lsn,
            time_us,
            writer_idle: false,
            group_bytes_max,
            payload_end: payload_end(capacity),
        }
    }

    /// Bytes that groups may still use in the segment of the open group.
    pub(crate) fn active_free(&self) -> u64 {
        self.payload_end.saturating_sub(self.open.end())
    }

    /// Lays an act of `framed` bytes into the open group; `head` has kind and schema, the place is given here.
    #[inline]
    pub(crate) fn lay(
        &mut self,
        ledger: &Ledger,
        mut head: RecordHeader,
        now_us: i64,
        body: &[u8],
        crcs: &[u32],
        framed: usize,
    ) -> Laid {
        self.make_room(ledger, framed);
        let group = &mut self.open;
        self.time_us = self.time_us.max(now_us);
        head.lsn = self.next_lsn;
        head.time_us = self.time_us;
        let from = group.used;
        let last_lsn = lay_act(&mut group.buffer[from..from + framed], &head, body, crcs);
        if group.checkpoints.is_empty() || from - group.checkpoint_at >= CHECKPOINT_BYTES {
            group
                .checkpoints
                .push((head.lsn, u32::try_from(from).unwrap_or(u32::MAX)));
            group.checkpoint_at = from;
        }
        group.used += framed;
        group.records += u32::try_from(crcs.len()).unwrap_or(u32::MAX);
        group.last_lsn = last_lsn;
        self.next_lsn = last_lsn + 1;
        ledger.set_active_free(self.active_free());
        Laid {
            lsn: head.lsn,
            last_lsn,
            time_us: head.time_us,
        }
    }

    /// Closes the open group when the next act does not fit, and moves on to the next segment when it must.
    #[inline]
    fn make_room(&mut self, ledger: &Ledger, framed: usize) {
        let used = self.open.used + framed;
        let fits_segment = self.open.offset + paged(used as u64) <= self.payload_end;
        if fits_segment && used <= self.group_bytes_max {
            return;
        }
        if !self.open.is_empty() {
            self.close_open();
        }
        if self.open.offset + paged(framed as u64) > self.payload_end {
            ledger.claim_segment();
            self.open.segment += 1;
            self.open.offset = HEADER_PAGE_BYTES;
        }
    }

    fn close_open(&mut self) {
        let mut fresh = self
            .spare
            .pop()
            .unwrap_or_else(|| Group::new(self.group_bytes_max));
        fresh.restart(self.open.segment, self.open.end());
        let full = std::mem::replace(&mut self.open, fresh);
        self.closed.push_back(full);
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.closed.is_empty() || !self.open.is_empty()
    }

    /// The next group for the writer; it is in flight from now on.
    pub(crate) fn take(&mut self) -> Option<Group<T>> {
        if self.closed.is_empty() {
            if self.open.is_empty() {
                return None;
            }
            self.close_open();
        }
        let group = self.closed.pop_front()?;
        self.flight = Some(group.last_lsn);
        Some(group)
    }

    /// Takes a page for a record without an LSN. MARK needs room that nobody was promised, or its own reserve; the
    /// last page of a segment stays for CLOSE.
    pub(crate) fn take_bare_page(&mut self, ledger: &Ledger, is_close: bool) -> Option<(u64, u64)> {
        let page = u64::from(GROUP_ALIGN);
        let offset = self.open.offset;
        let last_mark = self.payload_end;
        let allowed = is_close || offset == last_mark || ledger.take_page(self.active_free());
        if !allowed {
            return None;
        }
        self.open.offset += page;
        ledger.set_active_free(self.active_free());
        Some((self.open.segment, offset))
    }

    /// Gives a written group's memory back.
    pub(crate) fn recycle(&mut self, group: Group<T>) {
        if self.spare.len() < SPARE_GROUPS_MAX {
            self.spare.push(group);
        }
    }

    /// Attaches a ticket to the group that makes `lsn` durable.
    pub(crate) fn attach(&mut self, lsn: u64, ticket: T) {
        let time_us = self.time_us;
        let delivered = Delivered {
            lsn: super::Lsn(lsn),
            time_us,
            ticket,
        };
        if self.flight.is_some_and(|last| lsn <= last) {
            self.flight_waits.push(delivered);
            return;
        }
        let index = self.closed.partition_point(|group| group.last_lsn < lsn);
        match self.closed.get_mut(index) {
            Some(group) => group.tickets.push(delivered),
            None => self.open.tickets.push(delivered),
        }
    }

    /// Everything that waits, for a journal that will never write again.
    pub(crate) fn abandon(&mut self) -> Vec<Delivered<T>> {
        let mut all = std::mem::take(&mut self.flight_waits);
        for group in &mut self.closed {
            all.append(&mut group.tickets);
        }
        self.closed.clear();
        all.append(&mut self.open.tickets);
        let (segment, end) = (self.open.segment, self.open.offset);
        self.open.restart(segment, end);
        self.flight = None;
        all
    }
}
