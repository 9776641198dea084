//! Writing a whole store at once: acts that stood elsewhere become the log of a new directory.
//!
//! ```text
//! segment, segment, …, CLOSE ─► fsync each ─► fsync directory ─► store.meta
//! ```
//! `store.meta` comes last, and nobody serves segments without it: a rewrite that was cut off is no store. Acts keep
//! their LSNs and times; everything that says which store they belong to is new.

use super::base::{Base, Beginning};
use super::error::JournalError;
use super::frame::{
    FLAG_BARE, HEADER_BYTES, KIND_CLOSE, KIND_LOSS, RecordHeader, act_framed_len, body_crc,
    lay_act, stamp_group,
};
use super::group::GROUP_BYTES_MAX;
use super::loss::Loss;
use super::meta::{META_FILE, Meta};
use super::options::Entropy;
use super::segment::{
    CODEC_BINCODE_2, FEATURE_LOSS, FORMAT_MAJOR, FORMAT_MINOR, GROUP_ALIGN, HEADER_PAGE_BYTES,
    SegmentHeader, paged, payload_bytes, payload_end,
};
use super::start::create_meta;
use super::storage::{Storage, StorageFile};
use super::walk::Link;
use super::{BODY_BYTES_MAX, NewAct};
use std::sync::Arc;

/// What makes the new store another one than the old.
pub(crate) struct Identity {
    pub(crate) store_id: u128,
    pub(crate) timeline: u32,
    /// For display in the headers.
    pub(crate) created_us: i64,
}

/// A store that is being written.
pub(crate) struct Rewrite<'a> {
    storage: &'a dyn Storage,
    identity: Identity,
    entropy: &'a Entropy,
    capacity: u64,
    segment: Option<Open>,
    /// The group that is being gathered.
    group: Vec<u8>,
    records: u32,
    last: RecordHeader,
    /// The last record that is written.
    link: Link,
    segments: u64,
    /// LSN of the state that stands for what was before; 0: the log goes back to its beginning.
    state: u64,
}

/// The segment in use.
struct Open {
    header: SegmentHeader,
    name: String,
    file: Arc<dyn StorageFile>,
    /// End of its last group.
    at: u64,
}

impl<'a> Rewrite<'a> {
    /// Into an empty directory.
    pub(crate) fn new(
        storage: &'a dyn Storage,
        identity: Identity,
        entropy: &'a Entropy,
        capacity: u64,
    ) -> Self {
        Self {
            storage,
            identity,
            entropy,
            capacity,
            segment: None,
            group: Vec::new(),
            records: 0,
            last: RecordHeader::default(),
            link: Link::default(),
            segments: 0,
            state: 0,
        }
    }

    /// The same behind a record of the old log, which does not go back to its beginning.
    pub(crate) fn behind(self, link: Link) -> Self {
        Self {
            last: RecordHeader {
                lsn: link.lsn,
                ..self.last
            },
            link,
            ..self
        }
    }

    /// The LSN that the next act gets.
    pub(crate) fn next_lsn(&self) -> u64 {
        self.last.lsn + 1
    }

    pub(crate) fn segments(&self) -> u64 {
        self.segments
    }

    /// Appends one act; gives its last LSN.
    pub(crate) fn append(&mut self, act: NewAct<'_>) -> Result<u64, JournalError> {
        let framed = act_framed_len(act.body.len());
        if framed as u64 > payload_bytes(self.capacity) {
            let what = format!(
                "segments of {} bytes cannot hold an act of {framed} bytes",
                self.capacity
            );
            return Err(JournalError::Options(what));
        }
        let room = self.segment.as_ref().map_or(0, |segment| {
            payload_end(self.capacity).saturating_sub(segment.at)
        });
        let joined = self.group.len() + framed;
        if joined > GROUP_BYTES_MAX || paged(joined as u64) > room {
            self.flush()?;
        }
        let room = self.segment.as_ref().map_or(0, |segment| {
            payload_end(self.capacity).saturating_sub(segment.at)
        });
        if self.group.is_empty() && paged(framed as u64) > room {
            self.roll()?;
        }
        let mut crcs: Vec<u32> = act.body.chunks(BODY_BYTES_MAX).map(body_crc).collect();
        if crcs.is_empty() {
            crcs.push(body_crc(&[]));
        }
        let head = RecordHeader {
            kind: act.kind,
            schema: act.schema,
            lsn: self.next_lsn(),
            time_us: act.now_us,
            ..RecordHeader::default()
        };
        let from = self.group.len();
        self.group.resize(from + framed, 0);
        let last_lsn = lay_act(&mut self.group[from..], &head, act.body, &crcs);
        self.records += u32::try_from(crcs.len()).unwrap_or(u32::MAX);
        self.last = RecordHeader {
            lsn: last_lsn,
            ..head
        };
        Ok(last_lsn)
    }

    /// Appends what stands for records that were given up elsewhere; their LSNs stay unused here too.
    pub(crate) fn append_loss(&mut self, loss: Loss, now_us: i64) -> Result<u64, JournalError> {
        let body = Loss {
            next_crc: 0,
            ..loss
        }
        .encode(0);
        self.append(NewAct {
            kind: KIND_LOSS,
            schema: 0,
            now_us,
            body: &body,
        })?;
        self.flush()?;
        if let Some(segment) = &mut self.segment {
            segment.header.incompatible |= FEATURE_LOSS;
            segment
                .file
                .write_at(&segment.header.page(), 0)
                .map_err(JournalError::io("write", &segment.name))?;
        }
        self.last.lsn = loss.to_lsn;
        self.link.lsn = loss.to_lsn;
        Ok(loss.to_lsn)
    }

    /// Ends the segment, so that a state can end with it, and has that state written.
    pub(crate) fn settle(&mut self, beginning: Beginning<'_>) -> Result<(), JournalError> {
        self.flush()?;
        if self.segment.is_some() {
            self.roll()?;
        }
        let base = Base {
            crc: self.link.crc,
            ..beginning.base
        };
        let Identity {
            store_id, timeline, ..
        } = self.identity;
        (beginning.write)(self.storage, store_id, timeline, base)?;
        self.state = base.lsn.0;
        Ok(())
    }

    /// Ends the group, so that the next act opens one.
    pub(crate) fn flush(&mut self) -> Result<(), JournalError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let Some(segment) = &mut self.segment else {
            unreachable!("an act is laid only where a segment has room");
        };
        let seed = segment.header.seed();
        let crc = stamp_group(
            &mut self.group,
            self.records,
            self.link.lsn,
            self.link.crc,
            seed,
        );
        let len = paged(self.group.len() as u64);
        self.group
            .resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        segment.put(&self.group)?;
        self.link = Link {
            lsn: self.last.lsn,
            crc,
            time_us: self.last.time_us,
        };
        self.group.clear();
        self.records = 0;
        Ok(())
    }

    /// Closes the log in order and makes it a store.
    pub(crate) fn finish(mut self) -> Result<Meta, JournalError> {
        self.flush()?;
        if self.segment.is_none() {
            self.roll()?;
        }
        let Some(mut segment) = self.segment.take() else {
            unreachable!("the last segment has just been opened");
        };
        segment.close(self.link)?;
        segment.seal(self.capacity)?;
        self.storage
            .sync_dir()
            .map_err(JournalError::io("sync", "the directory"))?;
        let meta = Meta {
            store_id: self.identity.store_id,
            epoch: segment.header.epoch,
            timeline: self.identity.timeline,
            clean_lsn: Some(self.link.lsn),
            active_seq: segment.header.seq,
            active_first_lsn: segment.header.first_lsn,
            oldest_seq: 1,
            snapshots: [self.state, 0],
            // Without its beginning a log has to say that it has none.
            archive_seq: u64::from(self.state > 0),
            ..Meta::default()
        };
        let (meta, _) =
            create_meta(self.storage, meta).map_err(JournalError::io("create", META_FILE))?;
        Ok(meta)
    }

    /// Seals the segment in use and opens the next one.
    fn roll(&mut self) -> Result<(), JournalError> {
        let old = self.segment.take();
        if let Some(old) = &old {
            old.seal(self.capacity)?;
        }
        let salt = self
            .entropy
            .draw()
            .map_err(JournalError::io("draw", "a salt"))?;
        let header = SegmentHeader {
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            incompatible: 0,
            store_id: self.identity.store_id,
            seq: old.as_ref().map_or(1, |old| old.header.seq + 1),
            first_lsn: self.link.lsn + 1,
            epoch: 1,
            salt: u64::try_from(salt & u128::from(u64::MAX)).unwrap_or(0),
            created_us: self.identity.created_us,
            prev_bytes: old.as_ref().map_or(0, |old| old.at),
            prev_lsn: self.link.lsn,
            prev_crc: self.link.crc,
            timeline: self.identity.timeline,
            root: [0; 32],
            codec: CODEC_BINCODE_2,
            alignment: GROUP_ALIGN,
            capacity: self.capacity,
        };
        let name = header.file_name();
        let file = self
            .storage
            .create(&name)
            .map_err(JournalError::io("create", &name))?;
        let mut segment = Open {
            header,
            name,
            file,
            at: 0,
        };
        let page = segment.header.page();
        segment.put(&page)?;
        assert!(
            segment.at == HEADER_PAGE_BYTES,
            "the header fills its page exactly"
        );
        self.segment = Some(segment);
        self.segments += 1;
        Ok(())
    }
}

impl Open {
    fn put(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.file
            .write_at(bytes, self.at)
            .map_err(JournalError::io("write", &self.name))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// The last record: CLOSE, which attests the group before it.
    fn close(&mut self, link: Link) -> Result<(), JournalError> {
        let mut page = vec![0; GROUP_ALIGN as usize];
        let head = RecordHeader {
            kind: KIND_CLOSE,
            flags: FLAG_BARE,
            lsn: link.lsn,
            time_us: link.time_us,
            ..RecordHeader::default()
        };
        lay_act(&mut page[..HEADER_BYTES], &head, &[], &[body_crc(&[])]);
        let seed = self.header.seed();
        stamp_group(&mut page[..HEADER_BYTES], 1, link.lsn, link.crc, seed);
        self.put(&page)
    }

    /// Gives the file its full length, the rest as a hole, and makes it durable.
    fn seal(&self, capacity: u64) -> Result<(), JournalError> {
        let fill = if self.at < capacity {
            self.file.write_at(&[0], capacity - 1)
        } else {
            Ok(())
        };
        fill.and_then(|()| self.file.sync_all())
            .map_err(JournalError::io("sync", &self.name))
    }
}
