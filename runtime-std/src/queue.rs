//! What waits to be written to one connection, or is in the hands of the thread that writes it.

use std::io::{self, Write};

use flashgate_core::{Chunk, Chunks};
use flashgate_host::queue::{Gather, write};

/// Chunks in order, of which the first may have been written in part. An empty queue need not hold any memory.
#[derive(Debug, Default)]
pub(crate) struct Queue(Chunks);

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.0.push(chunk);
    }

    /// Puts what was not written back in front of what has come meanwhile, and returns memory that is
    /// no longer needed.
    pub(crate) fn put_back(&mut self, rest: Self) -> Spare {
        self.0.put_back(rest.0)
    }

    /// Whether it has memory for the next chunk.
    pub(crate) fn has_memory(&self) -> bool {
        self.0.capacity() > 0
    }

    /// Gives memory to a queue that has none.
    pub(crate) fn give(&mut self, spare: Spare) {
        if !self.has_memory() {
            self.0 = spare;
        }
    }

    /// Writes as much as the socket takes, but no more than the gateway wants in one report. A report covers
    /// many writes: each needs the lock, and a writer that had to wait for it every few messages would fall
    /// behind the threads that add to the queue.
    pub(crate) fn write_to(&mut self, mut socket: impl Write) -> io::Result<Written> {
        let mut gather = Gather::new(MAX_WRITE);
        let before = self.0.left();
        let mut flow = Flow::Open;
        while flow == Flow::Open && !self.is_empty() && before - self.0.left() < REPORT_AT {
            let offered = gather.next(&self.0);
            let written = write(&mut socket, offered)?;
            if written < offered.len() {
                flow = Flow::Stalled;
            }
            self.0.advance(written);
        }
        let freed = before - self.0.left();
        Ok(Written { freed, flow })
    }
}

/// The memory of an empty queue.
pub(crate) type Spare = Chunks;

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// By how much less is left, as the core counts it; 0 if no byte was written.
    pub(crate) freed: usize,
    pub(crate) flow: Flow,
}

/// Whether the socket would have taken more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Open,
    /// It has no space, or had none until the time limit of the write.
    Stalled,
}

/// The most bytes of several chunks in one system call.
const MAX_WRITE: usize = 16 * 1024;

/// How much may be written between two reports to the gateway, as the core counts it.
const REPORT_AT: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem;

    /// Takes at most this many bytes a call.
    struct Socket {
        takes: usize,
        bytes: Vec<u8>,
    }

    impl Write for &mut Socket {
        fn write(&mut self, offered: &[u8]) -> io::Result<usize> {
            let taken = self.takes.min(offered.len());
            self.bytes.extend_from_slice(&offered[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_leave_in_order_however_few_the_socket_takes() {
        let few = [1, 2, 3, 7, 22, 23, 24].map(|takes| (takes, 200));
        // More than goes in one write.
        let many = [1000, MAX_WRITE, usize::MAX].map(|takes| (takes, 3 * MAX_WRITE / 20));
        for (takes, count) in few.into_iter().chain(many) {
            let texts = (0..count).map(|n| format!("<pong value=\"{n}\"/>\0"));
            let expected: Vec<u8> = texts.clone().flat_map(String::into_bytes).collect();
            let mut later = texts.map(|text| Chunk::from(text.as_bytes()));
            let mut queue = Queue::default();
            queue.push(later.next().expect("there are many chunks"));
            let mut socket = Socket {
                takes,
                bytes: Vec::new(),
            };
            while !queue.is_empty() {
                let mut taken = mem::take(&mut queue);
                let before = taken.0.left();
                let written = taken.write_to(&mut socket);
                let freed = written.expect("the socket takes some").freed;
                assert!(freed > 0 && freed == before - taken.0.left());
                // Chunks come faster than they are written.
                later.by_ref().take(2).for_each(|chunk| queue.push(chunk));
                let spare = queue.put_back(taken);
                if queue.is_empty() {
                    assert!(!queue.has_memory() && spare.is_empty() && spare.capacity() > 0);
                }
            }
            assert_eq!(socket.bytes, expected, "{takes} at a time");
        }
    }
}
