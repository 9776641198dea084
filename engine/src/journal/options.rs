//! How a journal is run.

use super::error::JournalError;
use super::frame::{BODY_BYTES_MAX, HEADER_BYTES, act_framed_len, framed_len};
use super::group::GROUP_BYTES_MAX;
use super::segment::{GROUP_ALIGN, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, payload_bytes};
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest body of one act: a transfer over a thousand lots fits, a runaway does not.
pub const ACT_BYTES_MAX: usize = 256 * 1024;
const SEGMENT_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
/// Two segments ahead: one may be claimed in a burst while the next is being filled.
const SEGMENTS_AHEAD_DEFAULT: usize = 2;
/// More would only hold disk space back.
const SEGMENTS_AHEAD_MAX: usize = 16;
/// A log without a successor record is attested after this long.
const MARK_AFTER_DEFAULT: Duration = Duration::from_millis(10);
/// How often a full disk is tried again.
const FULL_RETRY_DEFAULT: Duration = Duration::from_millis(500);

/// How a group gets to the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SyncMode {
    /// Write, then `fdatasync`.
    #[default]
    Fdatasync,
    /// `O_DIRECT|O_DSYNC`: the write itself returns when the bytes are on disk.
    Direct,
}

/// Where store ids and salts come from.
#[derive(Clone, Debug, Default)]
pub enum Entropy {
    #[default]
    System,
    /// Repeatable, for simulations.
    Seeded(Arc<AtomicU64>),
}

/// Called once, after a failed write has been told to all who wait.
pub type OnPoison = Box<dyn Fn() + Send + Sync>;

pub struct JournalOptions {
    /// File length of new segments; a multiple of 4,096.
    pub segment_bytes: u64,
    pub sync: SyncMode,
    /// Filled segments kept ready behind the one in use.
    pub segments_ahead: usize,
    /// Idle time after which the last group is attested by a MARK.
    pub mark_after: Duration,
    pub full_retry: Duration,
    pub entropy: Entropy,
    pub on_poison: OnPoison,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            sync: SyncMode::default(),
            segments_ahead: SEGMENTS_AHEAD_DEFAULT,
            mark_after: MARK_AFTER_DEFAULT,
            full_retry: FULL_RETRY_DEFAULT,
            entropy: Entropy::default(),
            on_poison: Box::new(|| {}),
        }
    }
}

impl fmt::Debug for JournalOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalOptions")
            .field("segment_bytes", &self.segment_bytes)
            .field("sync", &self.sync)
            .field("segments_ahead", &self.segments_ahead)
            .field("mark_after", &self.mark_after)
            .field("full_retry", &self.full_retry)
            .finish_non_exhaustive()
    }
}

impl JournalOptions {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        let bytes = self.segment_bytes;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes)
            || !bytes.is_multiple_of(u64::from(GROUP_ALIGN))
        {
            return Err(JournalError::Options(format!(
                "segment bytes must be {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX} and a multiple of {GROUP_ALIGN}, not {bytes}"
            )));
        }
        if self.segments_ahead == 0 || self.segments_ahead > SEGMENTS_AHEAD_MAX {
            return Err(JournalError::Options(format!(
                "segments ahead must be 1 to {SEGMENTS_AHEAD_MAX}, not {}",
                self.segments_ahead
            )));
        }
        Ok(())
    }

    /// Longest body of an act: at most half of a small segment, so that space can be promised without knowing the order
    /// in which acts will be appended.
    pub fn act_bytes_max(&self) -> usize {
        let half = usize::try_from(payload_bytes(self.segment_bytes) / 2).unwrap_or(usize::MAX);
        if act_framed_len(ACT_BYTES_MAX) <= half {
            return ACT_BYTES_MAX;
        }
        let whole = half / framed_len(BODY_BYTES_MAX);
        let rest = (half % framed_len(BODY_BYTES_MAX)).saturating_sub(HEADER_BYTES);
        whole * BODY_BYTES_MAX + rest
    }

    pub(crate) fn group_bytes_max(&self) -> usize {
        let payload = usize::try_from(payload_bytes(self.segment_bytes)).unwrap_or(usize::MAX);
        GROUP_BYTES_MAX.min(payload)
    }
}

impl Entropy {
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    pub(crate) fn draw(&self) -> io::Result<u128> {
        match self {
            Self::System => {
                let mut raw = [0; 16];
                std::fs::File::open("/dev/urandom")?.read_exact(&mut raw)?;
                Ok(u128::from_le_bytes(raw))
            }
            Self::Seeded(state) => {
                let high = split_mix(state.fetch_add(1, Ordering::Relaxed));
                let low = split_mix(high ^ 0x5CA1);
                Ok(u128::from(high) << 64 | u128::from(low))
            }
        }
    }
}

/// One step of SplitMix64: well spread, and nothing secret hangs on it.
pub(crate) fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
