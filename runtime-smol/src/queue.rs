//! The bytes that wait for one connection.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;

use flashgate_core::Chunk;

/// Chunks in order, of which the first may have been written in part. Empty, it need not hold any memory.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already; less than its length.
    offset: usize,
    /// Bytes that are left in all.
    bytes: usize,
}

/// The memory of an empty queue.
pub(crate) type Room = VecDeque<Chunk>;

/// Chunks of 32 bytes that are kept for a connection whose socket could take them: among so many, a
/// system call costs each little.
pub(crate) const MANY: usize = 16;

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

    /// Whether it holds [`MANY`] chunks.
    pub(crate) fn is_long(&self) -> bool {
        self.chunks.len() >= MANY
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes as much as the socket takes. `scratch` is overwritten.
    pub(crate) fn write_to(
        &mut self,
        mut socket: impl Write,
        scratch: &mut [u8],
    ) -> io::Result<Written> {
        while self.bytes > 0 {
            let (written, offered) = self.offer(&mut socket, scratch);
            let written = match written {
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

    /// Offers a socket as much as goes in one system call; how much it took, and how much was offered.
    ///
    /// Short messages are copied together: to look at slices takes the kernel longer than to copy them
    /// takes us. What is long goes as it is.
    fn offer(&self, socket: &mut impl Write, scratch: &mut [u8]) -> (io::Result<usize>, usize) {
        let mut parts = self.parts().peekable();
        if let Some(first) =
            parts.next_if(|first| first.len() == self.bytes || first.len() >= scratch.len())
        {
            return (socket.write(first), first.len());
        }
        let mut end = 0;
        for part in parts {
            let Some(room) = scratch.get_mut(end..end + part.len()) else {
                break;
            };
            room.copy_from_slice(part);
            end += part.len();
        }
        (socket.write(&scratch[..end]), end)
    }

    /// All that is left, in order.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let chunks = self.chunks.iter().enumerate();
        let parts =
            chunks.flat_map(|(nth, chunk)| chunk.slices(if nth == 0 { self.offset } else { 0 }));
        parts.filter(|bytes| !bytes.is_empty())
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
    }

    /// Takes the empty queue's memory away: a connection is idle far longer than it is busy, and there
    /// are thousands.
    pub(crate) fn take_room(&mut self) -> Option<Room> {
        (self.bytes == 0 && self.chunks.capacity() > 0).then(|| mem::take(&mut self.chunks))
    }

    /// Lends an empty queue without memory some.
    pub(crate) fn lend(&mut self, room: Room) {
        if self.chunks.capacity() == 0 {
            self.chunks = room;
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.chunks.capacity() > 0
    }
}

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
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.takes.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = self.takes.remove(0).min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..taken]);
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
        let chunks = chunks(200);
        let expected: Vec<u8> = chunks.iter().flat_map(|c| c.to_vec()).collect();
        // Some parts fit into none of these, into one, and many at a time.
        for (step, scratch) in [1, 2, 3, 7, 22, 23, 24, 1000, usize::MAX]
            .into_iter()
            .flat_map(|step| [1, 12, 100, 16 * 1024].map(|scratch| (step, scratch)))
        {
            let scratch = &mut vec![0; scratch][..];
            let mut queue = Queue::default();
            queue.lend(Room::with_capacity(4));
            for chunk in &chunks {
                queue.push(chunk.clone());
            }
            let mut socket = Socket {
                takes: Vec::new(),
                bytes: Vec::new(),
            };
            assert_eq!(
                queue.write_to(&mut socket, scratch).ok(),
                Some(Written::Part)
            );
            while queue.bytes() > 0 {
                assert!(queue.take_room().is_none());
                socket.takes = vec![step; 2];
                assert!(queue.write_to(&mut socket, scratch).is_ok());
                assert_eq!(queue.bytes(), expected.len() - socket.bytes.len());
            }
            assert_eq!(socket.bytes, expected, "{step} at a time");
            assert_eq!(
                queue.write_to(&mut socket, scratch).ok(),
                Some(Written::All)
            );
            assert!(queue.take_room().is_some() && !queue.has_room());
        }
    }

    #[test]
    fn many_messages_are_one_write() {
        let mut queue = Queue::default();
        for chunk in chunks(200) {
            queue.push(chunk);
        }
        let mut socket = Socket {
            takes: vec![usize::MAX],
            bytes: Vec::new(),
        };
        let written = queue.write_to(&mut socket, &mut [0; 16 * 1024]);
        assert_eq!(written.ok(), Some(Written::All));
    }
}
