//! Writing the chunks that wait for a connection.

use std::io::{self, ErrorKind, Write};

use flashgate_core::Chunks;

/// Copies short chunks together, so that one system call writes them all. Copying costs less than a vectored
/// write, for which the kernel looks at each slice.
#[derive(Debug)]
pub struct Gather {
    bytes: Vec<u8>,
    most: usize,
}

impl Gather {
    /// Copies at most `most` bytes for one system call. Memory is allocated when it is needed.
    pub const fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
        }
    }

    /// The bytes to write next: what is first in the queue, or several chunks copied together. A long chunk,
    /// and one that is alone, is not copied.
    pub fn next<'a>(&'a mut self, chunks: &'a Chunks) -> &'a [u8] {
        let mut parts = chunks.parts();
        let (first, second) = (parts.next().unwrap_or(&[]), parts.next());
        let Some(second) = second.filter(|second| first.len() + second.len() <= self.most) else {
            return first;
        };
        self.bytes.clear();
        // Twice the pair's bytes for each chunk: a guess that spares a small queue the whole buffer.
        let guess = 2 * chunks.len() * (first.len() + second.len());
        self.bytes.reserve(self.most.min(guess));
        for part in [first, second].into_iter().chain(parts) {
            if self.bytes.len() + part.len() > self.most {
                break;
            }
            self.bytes.extend_from_slice(part);
        }
        &self.bytes
    }
}

/// Writes once; returns how many bytes the socket took. They are 0 if it would block, or if the time limit of
/// the write has passed.
pub fn write(socket: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match socket.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_stall(error.kind()) => return Ok(0),
            written => return written,
        }
    }
}

/// On Windows a time limit that has passed is `TimedOut`. On Unix that is a peer which the system gave up.
fn is_stall(error: ErrorKind) -> bool {
    error == ErrorKind::WouldBlock || cfg!(windows) && error == ErrorKind::TimedOut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of its writes, the last one first.
    struct Socket(Vec<Result<usize, ErrorKind>>);

    impl Write for Socket {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            let result = self.0.pop().expect("no further write");
            result.map_err(io::Error::from)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_write_whatever_interrupts_it() {
        use ErrorKind::{ConnectionReset, Interrupted, WouldBlock, WriteZero};
        for (results, expected) in [
            (&[Ok(3)][..], Ok(3)),
            (&[Err(Interrupted), Err(Interrupted), Ok(3)], Ok(3)),
            (&[Err(Interrupted), Err(WouldBlock)], Ok(0)),
            (&[Err(ConnectionReset)], Err(ConnectionReset)),
            (&[Ok(0)], Err(WriteZero)),
        ] {
            let mut socket = Socket(results.iter().rev().copied().collect());
            let written = write(&mut socket, b"hello").map_err(|error| error.kind());
            assert_eq!(written, expected, "{results:?}");
            assert!(socket.0.is_empty(), "{results:?}");
        }
    }
}
