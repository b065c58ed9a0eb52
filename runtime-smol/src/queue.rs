//! The bytes that wait for one connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use flashgate_core::Chunk;

/// Chunks in order, of which the first may have been written in part. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already; less than its length.
    offset: usize,
    /// Bytes that are left in all.
    bytes: usize,
}

/// How far a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing is left.
    All,
    /// The socket takes no more for now.
    Part,
}

impl Queue {
    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes as much as the socket takes.
    pub(crate) fn write_to(&mut self, mut socket: impl Write) -> io::Result<Written> {
        while self.bytes > 0 {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let (slices, offered) = self.slices(&mut slices);
            let written = match socket.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Written::Part);
                }
                Err(error) => return Err(error),
            };
            self.advance(written);
            // It would only say "would block" if it were asked again.
            if written < offered {
                return Ok(Written::Part);
            }
        }
        Ok(Written::All)
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
        self.bytes -= written;
        self.offset += written;
        while let Some(first) = self.chunks.front() {
            if self.offset < first.len() {
                return;
            }
            self.offset -= first.len();
            self.chunks.pop_front();
        }
        // A connection is idle far longer than it is busy, and there are thousands.
        self.chunks = VecDeque::new();
    }
}

/// In one system call; Linux takes 1,024, but few queues are longer than this, and it is on the stack.
const MAX_SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use flashgate_core::{Action, Config, Gateway, Input, ListenerId, Now, Origin};

    /// Takes so many bytes a call, and then blocks.
    struct Socket {
        takes: Vec<usize>,
        bytes: Vec<u8>,
    }

    impl Write for &mut Socket {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            unreachable!("a queue writes slices")
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            if self.takes.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let offered: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
            let taken = self.takes.remove(0).min(offered.len());
            self.bytes.extend_from_slice(&offered[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Only a gateway makes chunks: these are its answers to so many commands in WebSocket frames, each
    /// a head of its own and a body; but for the first, which lets the WebSocket in.
    fn chunks(count: usize) -> Vec<Chunk> {
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
        let mut chunks = Vec::new();
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
                    chunks.push(chunk);
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
        let expected: Vec<u8> = chunks.iter().flat_map(|c| c.to_vec()).collect();
        for step in [1, 2, 3, 7, 22, 23, 24, 1000, usize::MAX] {
            let mut queue = Queue::default();
            for chunk in &chunks {
                queue.push(chunk.clone());
            }
            let mut socket = Socket {
                takes: Vec::new(),
                bytes: Vec::new(),
            };
            assert_eq!(queue.write_to(&mut socket).ok(), Some(Written::Part));
            while queue.bytes() > 0 {
                socket.takes = vec![step; 2];
                assert!(queue.write_to(&mut socket).is_ok());
                assert_eq!(queue.bytes(), expected.len() - socket.bytes.len());
            }
            assert_eq!(socket.bytes, expected, "{step} at a time");
            assert_eq!(queue.write_to(&mut socket).ok(), Some(Written::All));
            assert_eq!(queue.chunks.capacity(), 0, "an empty queue holds no memory");
        }
    }
}
