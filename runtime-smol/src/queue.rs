//! The bytes that wait for one connection.

use std::io::{self, Write};
use std::mem;

use flashgate_core::{Chunk, Chunks};
use flashgate_host::queue::{Gather, write};

use crate::broadcast::{Logs, Part};

/// What waits, in order: the connection's own chunks, then its part of the broadcasts of this turn. A queue is
/// small, and has no memory of its own while it has no chunks.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    own: Option<Box<Chunks>>,
    news: Part,
}

/// What all queues share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) logs: Logs,
    gather: Gather,
    /// Memory of queues that have become empty, for the next ones that fill: thousands of connections are idle
    /// far longer than they are busy.
    #[expect(clippy::vec_box, reason = "the boxes go from queue to queue")]
    spare: Vec<Box<Chunks>>,
}

/// How much a write has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing is left.
    All,
    /// The socket takes no more for now.
    Part,
}

impl Queue {
    /// Appends a chunk for this connection alone.
    pub(crate) fn push(&mut self, chunk: Chunk, shared: &mut Shared) {
        self.settle(shared);
        self.own.get_or_insert_with(|| shared.memory()).push(chunk);
    }

    /// Appends a broadcast of this turn.
    pub(crate) fn push_news(&mut self, part: Part, shared: &mut Shared) {
        if !self.news.extend(part) {
            self.settle(shared);
            self.news = part;
        }
    }

    /// Moves the broadcasts into the queue's own chunks, so that they outlive the turn.
    pub(crate) fn settle(&mut self, shared: &mut Shared) {
        if self.news.is_empty() {
            return;
        }
        let own = self.own.get_or_insert_with(|| shared.memory());
        let (chunks, begun) = shared.logs.chunks(mem::take(&mut self.news));
        debug_assert!(begun == 0 || own.is_empty(), "written before what is first");
        for chunk in chunks {
            own.push(chunk.clone());
        }
        if begun > 0 {
            own.advance(begun);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_none() && self.news.is_empty()
    }

    /// What is left, in bytes as the core counts them. Broadcasts of this turn count, too: they may become the
    /// queue's own.
    pub(crate) fn left(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.left()) + self.news.memory()
    }

    /// Writes as much as the socket takes; what it does not take outlives the turn.
    pub(crate) fn write_to(
        &mut self,
        mut socket: impl Write,
        shared: &mut Shared,
    ) -> io::Result<Written> {
        if self.own.is_none() && !self.news.is_empty() {
            let written = write(&mut socket, shared.logs.bytes(self.news))?;
            self.news.advance(written);
            if !self.news.is_empty() {
                self.settle(shared);
                return Ok(Written::Part);
            }
        }
        self.settle(shared);
        let Some(mut own) = self.own.take() else {
            return Ok(Written::All);
        };
        while !own.is_empty() {
            let offered = shared.gather.next(&own);
            let (written, offered) = (write(&mut socket, offered)?, offered.len());
            own.advance(written);
            // Another try would only say that it would block.
            if written < offered {
                self.own = Some(own);
                return Ok(Written::Part);
            }
        }
        shared.keep(own);
        Ok(Written::All)
    }
}

impl Shared {
    /// `max_write`: the most bytes of short chunks that are copied together for one write.
    pub(crate) fn new(max_write: usize) -> Self {
        Self {
            logs: Logs::default(),
            gather: Gather::new(max_write),
            spare: Vec::new(),
        }
    }

    fn memory(&mut self) -> Box<Chunks> {
        self.spare.pop().unwrap_or_default()
    }

    fn keep(&mut self, empty: Box<Chunks>) {
        if empty.capacity() <= MAX_CHUNKS && self.spare.len() < MAX_SPARE {
            self.spare.push(empty);
        }
    }
}

/// The most spare queues that are kept, and the most chunks that each may hold: half a megabyte in all.
const MAX_SPARE: usize = 1024;
const MAX_CHUNKS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    use flashgate_core::Form;

    /// Takes these numbers of bytes, one for each call, and then blocks.
    #[derive(Default)]
    struct Socket {
        takes: Vec<usize>,
        bytes: Vec<u8>,
    }

    impl Write for &mut Socket {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.takes.is_empty() {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = self.takes.remove(0).min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn chunks(count: usize) -> Vec<Chunk> {
        let chunk = |n| Chunk::from(format!("<pong value=\"{n}\"/>\0").as_bytes());
        (0..count).map(chunk).collect()
    }

    #[test]
    fn bytes_leave_in_order_however_little_the_socket_takes() {
        let chunks = chunks(200);
        let expected: Vec<u8> = chunks.iter().flat_map(|c| c.to_vec()).collect();
        // A write holds a part of a chunk, one, a few, or many.
        for (step, max_write) in [1, 2, 3, 7, 22, 23, 24, 1000, usize::MAX]
            .into_iter()
            .flat_map(|step| [1, 12, 100, 16 * 1024].map(|max_write| (step, max_write)))
        {
            let (mut queue, mut shared) = (Queue::default(), Shared::new(max_write));
            for chunk in &chunks {
                queue.push(chunk.clone(), &mut shared);
            }
            let mut socket = Socket::default();
            let written = queue.write_to(&mut socket, &mut shared);
            assert_eq!(written.ok(), Some(Written::Part));
            while !queue.is_empty() {
                let (left, had) = (queue.left(), socket.bytes.len());
                socket.takes = vec![step; 2];
                assert!(queue.write_to(&mut socket, &mut shared).is_ok());
                assert!(socket.bytes.len() > had && queue.left() < left);
            }
            assert_eq!(queue.left(), 0);
            assert_eq!(socket.bytes, expected, "{step} at a time");
            let written = queue.write_to(&mut socket, &mut shared);
            assert_eq!(written.ok(), Some(Written::All));
            assert!(queue.own.is_none(), "empty, and with memory of its own");
        }
    }

    #[test]
    fn many_messages_are_one_write() {
        let (mut queue, mut shared) = (Queue::default(), Shared::new(16 * 1024));
        for (nth, chunk) in chunks(200).into_iter().enumerate() {
            if nth % 2 == 0 {
                queue.push(chunk, &mut shared);
            } else {
                let part = shared.logs.append(0, Form::Binary, &chunk).unwrap();
                queue.push_news(part, &mut shared);
            }
        }
        let mut socket = Socket {
            takes: vec![usize::MAX],
            bytes: Vec::new(),
        };
        let written = queue.write_to(&mut socket, &mut shared);
        assert_eq!(written.ok(), Some(Written::All));
    }

    #[test]
    fn broadcasts_take_no_memory_and_one_write() {
        let (mut queue, mut shared) = (Queue::default(), Shared::new(16 * 1024));
        for chunk in chunks(64) {
            for form in Form::ALL {
                let part = shared.logs.append(0, form, &chunk).unwrap();
                if form == Form::Text {
                    queue.push_news(part, &mut shared);
                }
            }
        }
        assert!(queue.own.is_none());
        let mut socket = Socket {
            takes: vec![usize::MAX],
            bytes: Vec::new(),
        };
        let written = queue.write_to(&mut socket, &mut shared);
        assert_eq!(written.ok(), Some(Written::All));
    }

    /// Several queues, what each must write, and what it wrote: for any order of broadcasts and single
    /// messages, however few bytes the sockets take, and wherever a turn ends.
    #[test]
    fn everyone_hears_all_in_order() {
        let chunks = chunks(50);
        for seed in 0..300_u64 {
            let mut state = seed;
            let mut random = move |n: usize| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as usize % n
            };
            let mut shared = Shared::new(64);
            let mut all: Vec<_> = (0..6).map(|_| Listener::default()).collect();
            for _ in 0..200 {
                let (chunk, nth) = (&chunks[random(chunks.len())], random(all.len()));
                match random(8) {
                    0 | 1 => all[nth].push(chunk, |queue| queue.push(chunk.clone(), &mut shared)),
                    2..=4 => {
                        let form = Form::ALL[nth % 3];
                        let Some(part) = shared.logs.append(0, form, chunk) else {
                            panic!("so little does not fill it");
                        };
                        // Now and then a connection gets it that has missed the one before.
                        let skipped = random(8);
                        for (at, listener) in all.iter_mut().enumerate() {
                            if at != skipped && Form::ALL[at % 3] == form {
                                listener.push(chunk, |queue| queue.push_news(part, &mut shared));
                            }
                        }
                    }
                    5 | 6 => all[nth].write(&mut shared, vec![random(100) + 1; random(4)]),
                    _ => {
                        for listener in &mut all {
                            listener.queue.settle(&mut shared);
                        }
                        shared.logs.clear();
                    }
                }
            }
            for listener in &mut all {
                listener.write(&mut shared, vec![usize::MAX; 1000]);
                assert_eq!(listener.socket.bytes, listener.expected, "seed {seed}");
                assert!(listener.queue.is_empty(), "seed {seed}");
            }
        }
    }

    #[derive(Default)]
    struct Listener {
        queue: Queue,
        socket: Socket,
        expected: Vec<u8>,
    }

    impl Listener {
        fn push(&mut self, chunk: &Chunk, push: impl FnOnce(&mut Queue)) {
            self.expected.extend(chunk.to_vec());
            push(&mut self.queue);
        }

        fn write(&mut self, shared: &mut Shared, takes: Vec<usize>) {
            self.socket.takes = takes;
            let written = self.queue.write_to(&mut self.socket, shared);
            let is_all = if self.expected.len() == self.socket.bytes.len() {
                Written::All
            } else {
                Written::Part
            };
            assert_eq!(written.ok(), Some(is_all));
            assert_eq!(self.queue.is_empty(), is_all == Written::All);
        }
    }
}
