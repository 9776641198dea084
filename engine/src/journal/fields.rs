//! An annotated field of a header: where it stands and what it says, for the operator's byte-by-byte view.

/// One field of a fixed layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Bytes from the start of the structure.
    pub offset: usize,
    pub len: usize,
    pub name: &'static str,
    /// The value in readable form.
    pub value: String,
}

impl Field {
    pub(crate) fn new(
        offset: usize,
        len: usize,
        name: &'static str,
        value: impl Into<String>,
    ) -> Self {
        Self {
            offset,
            len,
            name,
            value: value.into(),
        }
    }
}
