//! Records without an LSN of their own: MARK attests the last group, CLOSE ends the log in order.

use super::error::JournalError;
use super::frame::{
    FLAG_BARE, HEADER_BYTES, KIND_CLOSE, KIND_MARK, RecordHeader, body_crc, lay_act, stamp_group,
};
use super::segment::GROUP_ALIGN;
use super::writer::Writer;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

impl<T: Send + 'static> Writer<T> {
    /// Attests the last group with a record of its own. Without a free page it is left to the next group.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        if self.unattested && self.write_bare(KIND_MARK)? {
            self.core.metrics.marks.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn write_bare(&mut self, kind: u8) -> io::Result<bool> {
        let place = {
            let mut front = self.core.front.lock();
            if front.has_work() {
                return Ok(false);
            }
            front
                .take_bare_page(&self.core.ledger, kind == KIND_CLOSE)
                .map(|place| (place, front.time_us))
        };
        let Some(((segment, offset), time_us)) = place else {
            return Ok(false);
        };
        assert!(
            segment == self.active.header.seq,
            "a bare record follows the last written group"
        );
        let head = RecordHeader {
            kind,
            flags: FLAG_BARE,
            lsn: self.link.lsn,
            time_us,
            ..RecordHeader::default()
        };
        self.page.fill(0);
        lay_act(&mut self.page[..HEADER_BYTES], &head, &[], &[body_crc(&[])]);
        let seed = self.active.header.seed();
        stamp_group(
            &mut self.page[..HEADER_BYTES],
            1,
            self.link.lsn,
            self.link.crc,
            seed,
        );
        self.active.file.write_at(&self.page, offset)?;
        self.sync_group()?;
        self.active.end = offset + u64::from(GROUP_ALIGN);
        self.unattested = false;
        Ok(true)
    }

    /// Ends the log in order: CLOSE, then the clean flag. Called when every group is written; the flag must never
    /// promise more than that.
    pub(crate) fn close(&mut self) -> Result<(), JournalError> {
        let closed = self.write_bare(KIND_CLOSE).and_then(|written| {
            if !written {
                return Err(io::Error::other("groups are still waiting"));
            }
            let lsn = self.link.lsn;
            self.meta.update(|meta| meta.clean_lsn = Some(lsn))
        });
        closed.map_err(JournalError::io("close", &self.active.name))
    }
}
