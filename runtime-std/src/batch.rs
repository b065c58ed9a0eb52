//! What waits to be written to one connection, or is in the hands of whoever writes it.

use std::io::{self, Write};

use flashgate_core::{Chunk, Chunks};

/// Chunks in order, of which the first may have been written in part. Empty, it need not hold any memory.
#[derive(Debug, Default)]
pub(crate) struct Batch(Chunks);

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.0.push(chunk);
    }

    /// Puts what was not written back in front of what has come meanwhile, and returns memory that is
    /// not needed any more.
    pub(crate) fn put_back(&mut self, rest: Self) -> Room {
        self.0.put_back(rest.0)
    }

    /// Whether there is memory for what comes next.
    pub(crate) fn has_room(&self) -> bool {
        self.0.capacity() > 0
    }

    /// Lends one that holds no memory some.
    pub(crate) fn lend(&mut self, room: Room) {
        if !self.has_room() {
            self.0 = room;
        }
    }

    /// Writes as much as the socket takes, but no more than is to be reported at once. One report for
    /// many writes: a writer wants the lock for each, and one that has to ask for it every few
    /// messages falls behind whoever makes them.
    pub(crate) fn write_to(&mut self, mut socket: impl Write) -> io::Result<Written> {
        let mut together = Vec::new();
        let before = self.0.left();
        while !self.is_empty() && before - self.0.left() < REPORT_AT {
            let (written, offered) = self.offer(&mut socket, &mut together);
            let written = match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if is_stall(&error) => 0,
                Err(error) => return Err(error),
            };
            self.0.advance(written);
            // It has no room, or has had none until its time limit.
            if written < offered {
                return Ok(self.written(before, Flow::Stalled));
            }
        }
        Ok(self.written(before, Flow::Open))
    }

    /// Offers a socket as much as goes in one system call; how much it took, and how much was offered.
    ///
    /// Short messages are copied together: to look at slices takes the kernel longer than to copy them
    /// takes us. What is long, or alone, goes as it is.
    fn offer(&self, socket: &mut impl Write, together: &mut Vec<u8>) -> (io::Result<usize>, usize) {
        let mut parts = self.0.parts();
        let (first, second) = (parts.next().unwrap_or(&[]), parts.next());
        let Some(second) = second.filter(|second| first.len() + second.len() <= TOGETHER) else {
            return (socket.write(first), first.len());
        };
        together.clear();
        together.reserve(TOGETHER.min(2 * self.0.len() * (first.len() + second.len())));
        for part in [first, second].into_iter().chain(parts) {
            if together.len() + part.len() > TOGETHER {
                break;
            }
            together.extend_from_slice(part);
        }
        (socket.write(together), together.len())
    }

    fn written(&self, before: usize, flow: Flow) -> Written {
        let freed = before - self.0.left();
        Written { freed, flow }
    }
}

/// The memory of an empty batch.
pub(crate) type Room = Chunks;

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// How much less is left, as the core counts it; 0 if no byte was written.
    pub(crate) freed: usize,
    pub(crate) flow: Flow,
}

/// Whether the socket would have taken more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Open,
    Stalled,
}

/// Whether the socket has no room, or our own limit on the time of a write ran out. On Unix `TimedOut`
/// is another thing: there it is the system that gives the peer up.
fn is_stall(error: &io::Error) -> bool {
    let ours = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
    ours.contains(&error.kind()) || cfg!(windows) && error.kind() == io::ErrorKind::TimedOut
}

/// Bytes that are copied together for one system call.
const TOGETHER: usize = 16 * 1024;

/// After so much, as the core counts it, the gateway wants to know, though there be more.
const REPORT_AT: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::mem;
    use std::sync::Arc;

    use flashgate_core::{Accepted, Action, Config, Gateway, Input, ListenerId, Now};

    /// Takes at most so many bytes a call.
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

    /// Only a gateway makes chunks: these are its answers to so many commands in WebSocket frames, each
    /// a head of its own and a body; but for the first, which lets the WebSocket in.
    fn chunks(count: usize) -> VecDeque<Chunk> {
        let mut config = Config::default();
        (config.limits.rate, config.limits.own_backlog) = (None, usize::MAX);
        let mut gateway = Gateway::new(Arc::new(config), Now::default());
        let origin = Accepted {
            listener: ListenerId(0),
            peer: ([127, 0, 0, 1], 1).into(),
        };
        let conn = gateway
            .accept(Now::default(), origin)
            .expect("the first connection is welcome");
        let mut chunks = VecDeque::new();
        for i in 0..count {
            let ping = format!("PING {i}\0");
            let sent = match i {
                0 => UPGRADE.as_bytes().to_vec(),
                // Under a mask that changes nothing.
                _ => [
                    &[0x82, 0x80 | ping.len() as u8, 0, 0, 0, 0],
                    ping.as_bytes(),
                ]
                .concat(),
            };
            gateway.handle(Now::default(), Input::Bytes(conn, &sent));
            while let Some(action) = gateway.poll() {
                if let Action::Write(_, chunk) = action {
                    chunks.push_back(chunk);
                }
            }
        }
        assert_eq!(chunks.len(), count);
        chunks
    }

    const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[test]
    fn bytes_leave_in_order_however_little_the_socket_takes() {
        let few = [1, 2, 3, 7, 22, 23, 24].map(|takes| (takes, 200));
        // More than are copied together at once.
        let many = [1000, TOGETHER, usize::MAX].map(|takes| (takes, 3 * TOGETHER / 20));
        for (takes, count) in few.into_iter().chain(many) {
            let chunks = chunks(count);
            let expected: Vec<u8> = chunks.iter().flat_map(Chunk::to_vec).collect();
            let mut batch = Batch::default();
            let mut later = chunks.iter().cloned();
            batch.push(later.next().expect("there are many chunks"));
            let mut socket = Socket {
                takes,
                bytes: Vec::new(),
            };
            let mut queued = chunks.iter().map(Chunk::memory).sum::<usize>();
            while !batch.is_empty() {
                let mut taken = mem::take(&mut batch);
                let written = taken.write_to(&mut socket);
                let freed = written.expect("the socket takes some").freed;
                assert!(freed > 0);
                queued -= freed;
                // Meanwhile there is more, sooner than it is written.
                later.by_ref().take(2).for_each(|chunk| batch.push(chunk));
                let room = batch.put_back(taken);
                if batch.is_empty() {
                    assert!(!batch.has_room() && room.is_empty() && room.capacity() > 0);
                }
            }
            assert_eq!(socket.bytes, expected, "{takes} at a time");
            assert_eq!(queued, 0);
        }
    }
}
