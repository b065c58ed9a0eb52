//! The queue of chunks that wait for a connection, used by both runtimes, and the memory it takes.
//!
//! The limits on a queue are limits on its memory, not on its bytes: a short message takes more than twice its
//! bytes. The core counts [`Chunk::memory`]. This queue holds at most [`Chunks::left`], plus the written part of
//! its first chunk, plus 1 KiB.

use alloc::collections::VecDeque;
use core::mem;

use crate::chunk::{Chunk, PLACE};

/// Chunks that wait for one connection, in order; the first may be written in part.
#[derive(Debug, Default)]
pub struct Chunks {
    /// Its capacity is at most one and a half times its length, and [`SPARE`].
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already: fewer than it has.
    offset: usize,
    /// [`Chunk::memory`] of all chunks.
    memory: usize,
}

impl Chunks {
    /// Whether nothing is left to write.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many chunks are left. The first may be written in part.
    #[inline]
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// The memory of what is left, in bytes, as [`Input::Backlog`](crate::Input::Backlog) reports it: the memory of
    /// the chunks, less the bytes of the first that are written already. Each write makes it smaller.
    #[inline]
    pub fn left(&self) -> usize {
        self.memory - self.offset
    }

    /// How many chunks fit without another allocation.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.chunks.capacity()
    }

    /// Appends a chunk. An empty chunk is dropped.
    #[inline]
    pub fn push(&mut self, chunk: Chunk) {
        if chunk.len() == 0 {
            return;
        }
        self.reserve(1);
        self.memory += chunk.memory();
        self.chunks.push_back(chunk);
    }

    /// Puts `first`, a queue that was taken out and not completely written, back in front of what was queued
    /// meanwhile. Returns an empty queue, so that the caller can reuse its memory.
    pub fn put_back(&mut self, mut first: Self) -> Self {
        if first.is_empty() {
            return first;
        }
        debug_assert!(self.offset == 0, "written before what is first");
        first.memory += mem::take(&mut self.memory);
        // The shorter queue moves, and gives up its spare capacity before that: so the two together never take more
        // memory than is counted for their chunks.
        if self.chunks.len() <= first.chunks.len() {
            if !self.is_empty() {
                self.chunks.shrink_to_fit();
                first.reserve(self.chunks.len());
                first.chunks.append(&mut self.chunks);
            }
            mem::swap(self, &mut first);
        } else {
            first.chunks.shrink_to_fit();
            self.reserve(first.chunks.len());
            for chunk in first.chunks.drain(..).rev() {
                self.chunks.push_front(chunk);
            }
            self.offset = mem::take(&mut first.offset);
            self.memory = mem::take(&mut first.memory);
        }
        self.fit();
        first
    }

    /// All bytes that are left, in order.
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let chunks = self.chunks.iter().enumerate();
        let parts =
            chunks.flat_map(|(nth, chunk)| chunk.slices(if nth == 0 { self.offset } else { 0 }));
        parts.filter(|bytes| !bytes.is_empty())
    }

    /// Drops the first `written` bytes.
    #[inline]
    pub fn advance(&mut self, written: usize) {
        self.offset += written;
        while let Some(first) = self.chunks.front() {
            if self.offset < first.len() {
                return self.fit();
            }
            self.offset -= first.len();
            self.memory -= first.memory();
            self.chunks.pop_front();
        }
        debug_assert!(self.offset == 0, "more is written than was there");
        self.offset = 0;
        self.fit();
    }

    /// Reserves space for more chunks. A growing queue is moved once each time it grows by a quarter.
    fn reserve(&mut self, more: usize) {
        let length = self.chunks.len();
        if self.chunks.capacity() - length < more {
            self.chunks.reserve_exact(more.max(length / 4).max(FIRST));
        }
    }

    /// Frees memory that is too much for what is left.
    fn fit(&mut self) {
        let length = self.chunks.len();
        if self.chunks.capacity() > length + length / 2 + SPARE {
            self.chunks.shrink_to(length + length / 8 + SPARE / 2);
        }
    }
}

/// The first capacity of a queue.
const FIRST: usize = 4;

/// The spare capacity that a queue may keep, 1 KiB: as much as a busy client needs at a time.
const SPARE: usize = 32;

// What is counted for a place in the queue covers what it may take.
const _: () = assert!(2 * PLACE >= 3 * size_of::<Chunk>());

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    use crate::wire::websocket::Opcode;

    #[test]
    fn keeps_order_and_counts() {
        // Against the bytes alone.
        for seed in 1..50_u64 {
            let mut state = seed;
            let mut random = move |n: usize| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as usize % n
            };
            let (mut queue, mut expected) = (Chunks::default(), VecDeque::new());
            for n in 0..400 {
                let grows = n / 100 % 2 == 0;
                match random(if grows { 3 } else { 8 }) {
                    0 | 1 => {
                        let bytes = alloc::vec![n as u8; random(40)];
                        // A frame has a head of its own.
                        let chunk = match random(2) {
                            0 => Chunk::from(&bytes[..]),
                            _ => Chunk::frame(Opcode::Binary, &bytes),
                        };
                        expected.extend(chunk.to_vec());
                        queue.push(chunk);
                    }
                    2 => {
                        // Some come while the others are in the hands of a writer.
                        let mut taken = mem::take(&mut queue);
                        let some = random(20).min(expected.len());
                        taken.advance(some);
                        expected.drain(..some);
                        for _ in 0..random(4) {
                            expected.push_back(n as u8);
                            queue.push(Chunk::new(&[n as u8]));
                        }
                        let spare = queue.put_back(taken);
                        assert!(spare.is_empty() && spare.left() == 0);
                    }
                    _ => {
                        let before = queue.left();
                        let some = random(200).min(expected.len());
                        queue.advance(some);
                        expected.drain(..some);
                        let left = queue.left();
                        assert!(if some > 0 {
                            left < before
                        } else {
                            left == before
                        });
                    }
                }
                let bytes: Vec<u8> = queue.parts().flatten().copied().collect();
                assert!(expected.iter().eq(&bytes), "seed {seed}");
                assert_eq!(queue.is_empty(), expected.is_empty());
                let whole: usize = queue.chunks.iter().map(Chunk::memory).sum();
                assert_eq!(queue.left(), whole - queue.offset);
                assert!(queue.left() >= bytes.len());
                let most = queue.len() + queue.len() / 2 + SPARE;
                assert!(queue.capacity() <= most, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_queue_is_moved_seldom() {
        let mut queue = Chunks::default();
        let (mut capacity, mut moves) = (0, 0);
        let mut look = |queue: &Chunks| {
            moves += usize::from(queue.capacity() != capacity);
            capacity = queue.capacity();
        };
        for _ in 0..10_000 {
            queue.push(Chunk::new(b"x"));
            look(&queue);
        }
        // Where the length goes up and down, it is not moved again and again.
        for _ in 0..10_000 {
            queue.advance(1);
            look(&queue);
            queue.push(Chunk::new(b"x"));
            look(&queue);
        }
        for _ in 0..10_000 {
            queue.advance(1);
            look(&queue);
        }
        assert!((30..100).contains(&moves), "{moves}");
        assert!(queue.capacity() <= SPARE);
    }
}
