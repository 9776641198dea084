//! A sealed segment mapped for reading. The one file of the project with `unsafe`: mapping a file is unsafe because
//! someone could change or cut it under the map.
//!
//! Only sealed segments are mapped. Their bytes never change again: the server holds LOCK, writes to the newest
//! segment alone, and hole punching behind the stated end leaves the length as it is. Recovery and `verify` never
//! map: a damaged page would kill the process with SIGBUS instead of giving an error.
#![expect(unsafe_code, reason = "memmap2 offers no safe way to map a file")]

use memmap2::Mmap;
use std::fs::File;
use std::ops::Deref;

/// The bytes of a whole segment.
#[derive(Debug)]
pub struct MappedSegment(Mmap);

impl MappedSegment {
    /// None when the system refuses, for instance out of address space; the caller then reads instead.
    pub(crate) fn of(file: &File) -> Option<Self> {
        // SAFETY: see the head of this file; the map is read-only and the file is sealed.
        unsafe { Mmap::map(file) }.ok().map(Self)
    }
}

impl Deref for MappedSegment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
