//! A connection behind a filter, and the account by which its backlog is translated.
//!
//! The runtime queues wire chunks and reports their memory. Everything else in the core counts the memory of plain
//! chunks, so that limits, recordings and replays are the same with a filter and without.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use crate::chunk::Chunk;
use crate::conn::filter::{Filter, FilterEvent, Flow};

/// The filter of a connection, and what is queued of its wire bytes.
#[derive(Debug)]
pub(crate) struct Filtered {
    /// Until it has ended its side.
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

    /// What became of the filter with the last wire bytes.
    pub(crate) fn event(&mut self) -> Option<FilterEvent> {
        self.filter.as_mut()?.event()
    }

    /// The peer has ended its side; returns whether it had not before.
    pub(crate) fn end(&mut self) -> bool {
        mem::replace(&mut self.incoming, Flow::Ended) == Flow::Open
    }

    /// The wire form of a chunk.
    pub(crate) fn send(&mut self, chunk: &Chunk) -> Option<Chunk> {
        debug_assert!(
            self.filter.is_some(),
            "sent after the filter has ended its side"
        );
        let mut wire = Vec::new();
        for part in chunk.slices(0) {
            self.filter.as_mut()?.send(part, &mut wire);
        }
        self.queue(Some(chunk), &wire)
    }

    /// What the filter sends at its end.
    pub(crate) fn close(&mut self) -> Option<Chunk> {
        let mut wire = Vec::new();
        self.filter.take()?.close(&mut wire);
        self.queue(None, &wire)
    }

    /// Drops the filter, which sends nothing more.
    pub(crate) fn abort(&mut self) {
        self.filter = None;
    }

    /// Makes a chunk of wire bytes, which stand for `plain`.
    fn queue(&mut self, plain: Option<&Chunk>, wire: &[u8]) -> Option<Chunk> {
        let wire = (!wire.is_empty()).then(|| Chunk::new(wire));
        self.queued.push(Queued {
            plain: Size::of(plain),
            wire: Size::of(wire.as_ref()),
        });
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
        assert_eq!(
            self.filter.is_some(),
            open,
            "the filter lives as long as the connection is open"
        );
        assert!(waiting <= self.queued.plain, "{waiting} wait: {self:?}");
    }
}

/// The size of each chunk that is not known to be written, plain and on the wire.
///
/// It is bounded by what bounds the queue itself: it takes at most 192 bytes and 24 for each chunk, whose memory is at
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

/// The size of a chunk in 6 bytes: a queue of short messages has thousands.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// How many bytes it holds, in two parts.
    length: [u16; 2],
    /// The memory that it takes besides.
    around: u16,
}

impl Size {
    fn of(chunk: Option<&Chunk>) -> Self {
        chunk.map_or(Self::default(), |chunk| {
            // A part of a file takes the memory of the file. What does not fit counts like its bytes.
            let around = (chunk.memory() - chunk.len()).min(u16::MAX.into());
            Self::new(chunk.memory() - around, around)
        })
    }

    fn new(length: usize, around: usize) -> Self {
        // No filter's buffer holds 4 GiB.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            length: [(length >> 16) as u16, length as u16],
            around: u16::try_from(around).unwrap_or(u16::MAX),
        }
    }

    fn length(self) -> usize {
        (self.length[0] as usize) << 16 | self.length[1] as usize
    }

    fn memory(self) -> usize {
        self.length() + self.around as usize
    }
}

impl Queued {
    fn unasked(self) -> usize {
        if self.plain.memory() == 0 {
            self.wire.memory()
        } else {
            0
        }
    }

    /// How many of the chunk's plain bytes are written once `wire` of its wire bytes are, in proportion.
    fn written(self, wire: usize) -> usize {
        let (plain, all) = (self.plain.length(), self.wire.length().max(1));
        let written = wire.min(all) as u64 * plain as u64 / all as u64;
        written as usize
    }
}

impl Account {
    fn push(&mut self, chunk: Queued) {
        let length = self.chunks.len();
        if self.chunks.capacity() == length {
            self.chunks.reserve_exact((length / 2).max(FIRST));
        }
        self.chunks.push_back(chunk);
        self.plain += chunk.plain.memory();
        self.wire += chunk.wire.memory();
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

/// The first capacity of an account.
const FIRST: usize = 4;

/// The spare capacity that an account may keep, 192 bytes.
const SPARE: usize = 16;

const _: () = assert!(size_of::<Queued>() == 12);

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of this memory, of which 50 are not its bytes.
    fn size(memory: usize) -> Size {
        match memory {
            0 => Size::default(),
            memory => Size::new(memory - 50, 50),
        }
    }

    fn push(account: &mut Account, plain: usize, wire: usize) {
        let (plain, wire) = (size(plain), size(wire));
        account.push(Queued { plain, wire });
    }

    #[test]
    fn a_backlog_is_exact_between_chunks() {
        let mut account = Account::default();
        push(&mut account, 100, 150);
        push(&mut account, 0, 80);
        push(&mut account, 200, 190);
        assert_eq!(account.left(420), 300);
        assert_eq!(account.left(419), 300, "half a byte");
        assert_eq!(account.left(418), 299);
        assert_eq!(account.left(321), 251, "its last byte is not written");
        assert_eq!(account.left(270), 200);
        assert_eq!((account.unasked, account.left(250)), (80, 200));
        assert_eq!((account.left(190), account.unasked), (200, 0));
        push(&mut account, 60, 100);
        assert_eq!(account.left(162), 123);
        assert_eq!(account.left(100), 60);
        assert_eq!(account.left(0), 0);
        assert_eq!((account.plain, account.wire), (0, 0));
    }

    #[test]
    fn a_part_of_a_file_counts_as_the_file() {
        let file = Chunk::new(&[7; 200_000]);
        for part in [file.part(0, 10), file.part(9, 150_000), Some(file)] {
            let part = part.expect("it is in the file");
            let mut account = Account::default();
            account.push(Queued {
                plain: Size::of(Some(&part)),
                wire: size(150),
            });
            assert_eq!(account.left(150), part.memory());
            assert!(account.left(51) > part.memory() - 200_000);
            assert_eq!(account.left(0), 0);
        }
    }

    #[test]
    fn what_is_empty_holds_no_memory() {
        let mut account = Account::default();
        for _ in 0..1000 {
            push(&mut account, 100, 100);
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
        push(&mut account, 100, 150);
        push(&mut account, 90, 0);
        assert_eq!(account.left(150), 190);
        assert_eq!(account.left(51), 141);
        assert_eq!(account.left(0), 0);
        push(&mut account, 90, 0);
        push(&mut account, 0, 60);
        assert_eq!((account.unasked, account.left(60)), (60, 0));
    }

    #[test]
    fn no_report_is_too_large_or_too_small() {
        let mut account = Account::default();
        assert_eq!(account.left(7), 0);
        push(&mut account, 100, 150);
        assert_eq!(account.left(1000), 100);
        assert_eq!(account.left(1), 50, "all bytes");
        push(&mut account, 1 << 30, 1 << 31);
        assert_eq!(account.left(1 << 31), 1 << 30);
        assert_eq!(account.left(50 + (1 << 30)), 38 + (1 << 29));
        assert_eq!(account.left(0), 0);
    }
}
