//! A connection behind a filter, and the account by which its backlog is translated.
//!
//! The runtime queues wire chunks and reports their memory. Everything else in the core counts the memory of plain
//! chunks, so that limits, recordings and replays are the same with a filter and without.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use crate::chunk::Chunk;
use crate::conn::filter::{Filter, Flow};

/// The filter of a connection, and what is queued of its wire bytes.
#[derive(Debug)]
pub(crate) struct Filtered {
    /// Until its last word.
    filter: Option<Box<dyn Filter>>,
    /// Whether more plain bytes may come.
    incoming: Flow,
    queued: Account,
}

impl Filtered {
    pub(crate) fn new(filter: Box<dyn Filter>) -> Self {
        Self {
            filter: Some(filter),
            incoming: Flow::Open,
            queued: Account::default(),
        }
    }

    /// Takes wire bytes, and appends plain ones. Returns what the filter itself sends, and whether the peer has ended
    /// its side now.
    ///
    /// A peer that lets the filter send and does not read must not fill memory: its side ends once more than `most`
    /// bytes of memory of this wait.
    pub(crate) fn receive(
        &mut self,
        wire: &[u8],
        plain: &mut Vec<u8>,
        most: usize,
    ) -> (Option<Chunk>, Flow) {
        let (Some(filter), Flow::Open) = (&mut self.filter, self.incoming) else {
            return (None, Flow::Open);
        };
        let mut back = Vec::new();
        self.incoming = if self.queued.unasked > most {
            Flow::Ended
        } else {
            filter.receive(wire, plain, &mut back)
        };
        (self.queue(None, &back), self.incoming)
    }

    /// The peer has ended its side; returns whether it had not before.
    pub(crate) fn end(&mut self) -> bool {
        mem::replace(&mut self.incoming, Flow::Ended) == Flow::Open
    }

    /// The wire form of a chunk.
    pub(crate) fn send(&mut self, chunk: &Chunk) -> Option<Chunk> {
        debug_assert!(self.filter.is_some(), "sent after the filter's last word");
        let mut wire = Vec::new();
        for part in chunk.slices(0) {
            self.filter.as_mut()?.send(part, &mut wire);
        }
        self.queue(Some(chunk), &wire)
    }

    /// The filter's last word.
    pub(crate) fn close(&mut self) -> Option<Chunk> {
        let mut wire = Vec::new();
        self.filter.take()?.close(&mut wire);
        self.queue(None, &wire)
    }

    /// Drops the filter without a last word.
    pub(crate) fn abort(&mut self) {
        self.filter = None;
    }

    /// Makes a chunk of wire bytes, which stand for `plain`.
    fn queue(&mut self, plain: Option<&Chunk>, wire: &[u8]) -> Option<Chunk> {
        let wire = (!wire.is_empty()).then(|| Chunk::new(wire));
        self.queued.push(Size::of(plain), Size::of(wire.as_ref()));
        wire
    }

    /// Translates what the runtime reports: from `left` of the wire chunks to what is left of the plain ones.
    pub(crate) fn left(&mut self, left: usize) -> usize {
        self.queued.left(left)
    }

    /// Panics unless the filter is there as long as the connection is `open`, and the plain memory that waits is
    /// accounted for.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn assert_consistent(&self, open: bool, waiting: usize) {
        assert_eq!(self.filter.is_some(), open, "a filter has the last word");
        assert!(waiting <= self.queued.plain, "{waiting} wait: {self:?}");
    }
}

/// The size of each chunk that is not known to be written, plain and on the wire.
///
/// It is bounded by what bounds the queue itself: it takes at most 256 bytes and 32 for each chunk, whose memory is at
/// least 80, and nothing when the queue is empty.
#[derive(Debug, Default)]
struct Account {
    /// In order. The first may be written in part.
    chunks: VecDeque<Queued>,
    /// The memory of all.
    plain: usize,
    wire: usize,
    /// The wire memory of what the filter sends by itself.
    unasked: usize,
}

/// A chunk that is queued. Its plain size is 0 if the filter sends it by itself, its wire size if the filter holds it
/// back.
#[derive(Clone, Copy, Debug)]
struct Queued {
    plain: Size,
    wire: Size,
}

/// The size of a chunk, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    memory: u32,
    length: u32,
}

impl Size {
    fn of(chunk: Option<&Chunk>) -> Self {
        let counted = |size| u32::try_from(size).unwrap_or(u32::MAX);
        chunk.map_or(Self::default(), |chunk| Self {
            memory: counted(chunk.memory()),
            length: counted(chunk.len()),
        })
    }

    fn memory(self) -> usize {
        self.memory as usize
    }
}

impl Queued {
    fn unasked(self) -> usize {
        if self.plain.memory == 0 {
            self.wire.memory()
        } else {
            0
        }
    }

    /// How many of its plain bytes are written with so many of its wire bytes, in proportion.
    fn written(self, wire: usize) -> usize {
        let plain = wire as u64 * u64::from(self.plain.length);
        let plain = plain / u64::from(self.wire.length.max(1));
        plain.min(self.plain.length.into()) as usize
    }
}

impl Account {
    fn push(&mut self, plain: Size, wire: Size) {
        let chunk = Queued { plain, wire };
        self.chunks.push_back(chunk);
        self.plain += plain.memory();
        self.wire += wire.memory();
        self.unasked += chunk.unasked();
    }

    /// Drops the chunks that are written when `left` of the wire memory is left, and returns what is left of the
    /// plain memory: exactly between two chunks, and in proportion within one.
    fn left(&mut self, left: usize) -> usize {
        let mut written = self.wire.saturating_sub(left);
        while let Some(first) = self.chunks.front() {
            if written < first.wire.memory() {
                let left = self.plain - first.written(written);
                self.fit();
                return left;
            }
            written -= first.wire.memory();
            self.plain -= first.plain.memory();
            self.wire -= first.wire.memory();
            self.unasked -= first.unasked();
            self.chunks.pop_front();
        }
        self.fit();
        0
    }

    /// Frees memory that is too much for what is left.
    fn fit(&mut self) {
        let length = self.chunks.len();
        if length == 0 {
            self.chunks = VecDeque::new();
        } else if self.chunks.capacity() > 2 * length + SPARE {
            self.chunks.shrink_to(length + SPARE / 2);
        }
    }
}

/// The spare capacity that an account may keep, 256 bytes.
const SPARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn size(memory: u32) -> Size {
        let length = memory.saturating_sub(50);
        Size { memory, length }
    }

    #[test]
    fn a_backlog_is_exact_between_chunks() {
        let mut account = Account::default();
        account.push(size(100), size(150));
        account.push(size(0), size(80));
        account.push(size(200), size(190));
        assert_eq!(account.left(420), 300);
        assert_eq!(account.left(419), 300, "half a byte");
        assert_eq!(account.left(418), 299);
        assert_eq!(account.left(321), 251, "its last byte is not written");
        assert_eq!(account.left(270), 200);
        assert_eq!((account.unasked, account.left(250)), (80, 200));
        assert_eq!((account.left(190), account.unasked), (200, 0));
        account.push(size(60), size(100));
        assert_eq!(account.left(162), 123);
        assert_eq!(account.left(100), 60);
        assert_eq!(account.left(0), 0);
        assert_eq!((account.plain, account.wire), (0, 0));
    }

    #[test]
    fn what_is_empty_holds_no_memory() {
        let mut account = Account::default();
        for _ in 0..1000 {
            account.push(size(100), size(100));
        }
        for left in (0..1000).rev() {
            assert_eq!(account.left(100 * left), 100 * left);
            let most = if left > 0 { 2 * left + SPARE } else { 0 };
            assert!(account.chunks.capacity() <= most, "{left}");
        }
    }

    #[test]
    fn what_a_filter_holds_back_goes_with_what_was_sent_before() {
        let mut account = Account::default();
        account.push(size(100), size(150));
        account.push(size(90), size(0));
        assert_eq!(account.left(150), 190);
        assert_eq!(account.left(51), 141);
        assert_eq!(account.left(0), 0);
        account.push(size(90), size(0));
        account.push(size(0), size(60));
        assert_eq!((account.unasked, account.left(60)), (60, 0));
    }

    #[test]
    fn no_report_is_too_large_or_too_small() {
        let mut account = Account::default();
        assert_eq!(account.left(7), 0);
        account.push(size(100), size(150));
        assert_eq!(account.left(1000), 100);
        assert_eq!(account.left(1), 50, "all bytes");
        account.push(size(u32::MAX), size(u32::MAX));
        assert_eq!(account.left(u32::MAX as usize), u32::MAX as usize);
        assert_eq!(account.left(0), 0);
    }
}
