//! A fixed block of memory that starts on a page boundary, as writes and reads past the page cache need it.

use super::segment::GROUP_ALIGN;
use std::ops::{Deref, DerefMut};

/// Page-aligned bytes. The length never changes, so the memory never moves.
#[derive(Debug)]
pub(crate) struct PageBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl PageBuffer {
    pub(crate) fn new(len: usize) -> Self {
        let page = GROUP_ALIGN as usize;
        let memory = vec![0; len + page];
        let start = memory.as_ptr().align_offset(page);
        assert!(start < page, "bytes can be aligned to a page");
        Self { memory, start, len }
    }
}

impl Deref for PageBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for PageBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}
