//! The bodies of the fuzz targets: plain functions from bytes to nothing, which panic where a promise is
//! broken. `fuzz/` feeds them new bytes, `suite/fuzz_corpus.rs` the bytes that were once interesting.

mod frame;
mod record;
mod recovery;
mod request;

pub use self::frame::frame;
pub use self::record::record;
pub use self::recovery::recovery;
pub use self::request::request;

/// What a fuzzer calls.
pub type Target = fn(&[u8]);

/// Every target with the name of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 4] = [
    ("frame", frame),
    ("record", record),
    ("recovery", recovery),
    ("request", request),
];

/// Eats bytes from the front; there are always more, and the last ones are zeros.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (head, rest) = self.0.split_at(self.0.len().min(N));
        taken[..head.len()].copy_from_slice(head);
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn number(&mut self) -> usize {
        usize::from(u16::from_le_bytes(self.take()))
    }

    fn slice(&mut self, len: usize) -> Vec<u8> {
        let (head, rest) = self.0.split_at(self.0.len().min(len));
        self.0 = rest;
        let mut slice = head.to_vec();
        slice.resize(len, 0);
        slice
    }
}
