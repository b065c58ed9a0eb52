//! What a writer thread has in hand.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::mem;

use flashgate_core::Chunk;

/// Chunks in order, of which the first may have been written in part. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already; less than its length.
    offset: usize,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Takes over everything in an outbox.
    pub(crate) fn append(&mut self, outbox: &mut VecDeque<Chunk>) {
        if self.chunks.is_empty() {
            mem::swap(&mut self.chunks, outbox);
        } else {
            self.chunks.append(outbox);
        }
    }

    /// Writes as much as the socket takes before its time limit, but no more than is to be reported
    /// at once; says how many bytes. One report for many writes: a writer wants the lock for each,
    /// and one that has to ask for it every few messages falls behind whoever makes them.
    pub(crate) fn write_to(&mut self, mut socket: impl Write) -> io::Result<usize> {
        let mut total = 0;
        while !self.chunks.is_empty() && total < REPORT_AT {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let (slices, offered) = self.slices(&mut slices);
            let written = match socket.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if is_stall(&error) => break,
                Err(error) => return Err(error),
            };
            self.advance(written);
            total += written;
            // A blocking write that falls short has met its time limit.
            if written < offered {
                break;
            }
        }
        Ok(total)
    }

    fn slices<'a, 'b>(
        &'a self,
        slices: &'b mut [IoSlice<'a>; MAX_SLICES],
    ) -> (&'b [IoSlice<'a>], usize) {
        let mut offered = 0;
        let mut count = 0;
        let chunks = self.chunks.iter().enumerate();
        let parts = chunks
            .flat_map(|(nth, chunk)| chunk.slices(if nth == 0 { self.offset } else { 0 }))
            .filter(|bytes| !bytes.is_empty());
        for (slice, bytes) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(bytes);
            offered += bytes.len();
            count += 1;
        }
        (&slices[..count], offered)
    }

    fn advance(&mut self, written: usize) {
        self.offset += written;
        while let Some(first) = self.chunks.front() {
            if self.offset < first.len() {
                return;
            }
            self.offset -= first.len();
            self.chunks.pop_front();
        }
        self.chunks = VecDeque::new();
    }
}

/// Whether our own limit on the time of a write ran out. On Unix `TimedOut` is another thing: there
/// it is the system that gives the peer up.
fn is_stall(error: &io::Error) -> bool {
    let ours = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
    ours.contains(&error.kind()) || cfg!(windows) && error.kind() == io::ErrorKind::TimedOut
}

/// In one system call; Linux takes 1,024, but few queues are longer than this, and it is on the stack.
const MAX_SLICES: usize = 64;

/// After so many bytes the gateway wants to know, though there be more.
const REPORT_AT: usize = 256 * 1024;
