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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use flashgate_core::{Action, Config, Gateway, Input, ListenerId, Now, Origin};

    /// Takes at most so many bytes a call.
    struct Socket {
        takes: usize,
        bytes: Vec<u8>,
    }

    impl Write for &mut Socket {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            unreachable!("a batch writes slices")
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let offered: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
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
        config.limits.rate = 0;
        let mut gateway = Gateway::new(Arc::new(config), Now::default());
        let origin = Origin {
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
        let chunks = chunks(3 * MAX_SLICES);
        let expected: Vec<u8> = chunks.iter().flat_map(Chunk::to_vec).collect();
        for takes in [1, 2, 3, 7, 22, 23, 24, 1000, usize::MAX] {
            let mut batch = Batch::default();
            batch.append(&mut chunks.clone());
            let mut socket = Socket {
                takes,
                bytes: Vec::new(),
            };
            let mut reported = 0;
            while !batch.is_empty() {
                reported += batch.write_to(&mut socket).expect("the socket takes some");
                assert_eq!(reported, socket.bytes.len());
            }
            assert_eq!(socket.bytes, expected, "{takes} at a time");
            assert_eq!(batch.chunks.capacity(), 0, "an empty batch holds no memory");
        }
    }
}
