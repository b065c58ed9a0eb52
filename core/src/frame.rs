//! What leaves the core: bytes encoded once, and the connections they go to.

use alloc::sync::Arc;
use core::fmt;

use crate::event::ConnId;

/// Bytes to write, shared by every connection that gets them; a clone copies no byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk(Arc<[u8]>);

impl Chunk {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// The bytes, in order.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it holds; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk(\"{}\")", self.0.escape_ascii())
    }
}

/// The connections a broadcast goes to: a snapshot, taken when the broadcast was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Arc<[ConnId]>);

impl Recipients {
    pub(crate) fn new(ids: impl Iterator<Item = ConnId>) -> Self {
        Self(ids.collect())
    }

    /// Each connection once, in order of login.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ConnId> + '_ {
        self.0.iter().copied()
    }
}
