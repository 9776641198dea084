//! The first byte that cannot be believed, and why.

/// Why a walk stopped before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlawKind {
    /// A blank header inside a group.
    Unfinished,
    /// The bytes end inside a record.
    Cut,
    HeaderMagic,
    HeaderCrc,
    BodyCrc,
    /// The gap behind a group is not zero.
    Gap,
    /// A sound header with an impossible length.
    Length,
    /// A sound header with flags, kind or zero field that cannot be.
    Shape,
    /// A sound record with another LSN than expected.
    Order,
    /// A sound record that names another predecessor.
    Broken,
    /// A sound record that is earlier than the one before.
    Time,
    /// An act that its records do not complete.
    Act,
}

/// The first byte that cannot be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flaw {
    pub kind: FlawKind,
    /// Bytes from the start of the segment.
    pub offset: u64,
    /// The LSN that owns this byte; past the last whole group the next LSN.
    pub lsn: u64,
}

impl FlawKind {
    /// The CRCs hold, so no crash can have made this: the bytes were written wrong or moved.
    pub fn is_sound_but_wrong(self) -> bool {
        match self {
            Self::Length | Self::Shape | Self::Order | Self::Broken | Self::Time | Self::Act => {
                true
            }
            Self::Unfinished
            | Self::Cut
            | Self::HeaderMagic
            | Self::HeaderCrc
            | Self::BodyCrc
            | Self::Gap => false,
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Self::Unfinished => "a group stops before its END record",
            Self::Cut => "the file ends inside a record",
            Self::HeaderMagic => "a record should begin here",
            Self::HeaderCrc => "record header CRC does not match",
            Self::BodyCrc => "record body CRC does not match",
            Self::Gap => "the gap behind a group is not zero",
            Self::Length => "a sound header has an impossible length",
            Self::Shape => "a sound header has impossible flags or fields",
            Self::Order => "a sound record has another LSN than expected",
            Self::Broken => "a sound record names another predecessor",
            Self::Time => "a sound record is earlier than the one before",
            Self::Act => "a sound record does not continue its act",
        }
    }
}
