//! Sockets that block, and when they do not.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Limits how long a write waits for space; then it returns without success.
pub(crate) fn limit_writes(stream: &TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIMEOUT))
}

/// A socket whose writes do not block, though its reads do. On systems without such a write it never has space,
/// and writer threads write everything.
#[derive(Debug)]
pub(crate) struct Passing<'a>(pub(crate) &'a TcpStream);

impl Write for Passing<'_> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use rustix::net::{SendFlags, send};
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(send(self.0, bytes, flags)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket whose writes wait for space, up to the time limit, and which reports the wait before it begins. It
/// waits only for its first bytes: what it has taken is reported before the next wait.
#[derive(Debug)]
pub(crate) struct Patient<'a, F> {
    stream: &'a TcpStream,
    waits: F,
    took: bool,
}

impl<'a, F: FnMut()> Patient<'a, F> {
    pub(crate) fn new(stream: &'a TcpStream, waits: F) -> Self {
        let took = false;
        Self {
            stream,
            waits,
            took,
        }
    }
}

impl<F: FnMut()> Write for Patient<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Where every write may wait, whether there is space is not known before.
        if cfg!(any(target_os = "linux", target_os = "android")) {
            let written = Passing(self.stream).write(bytes);
            let stalled =
                matches!(&written, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if !stalled || self.took {
                self.took = true;
                return written;
            }
            (self.waits)();
        }
        self.took = true;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// After this time without progress a writer thread reports how much is left. From that the gateway learns that
/// a client does not read.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    #[test]
    fn a_writer_says_so_before_it_waits_and_reports_first_what_was_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let stream = TcpStream::connect(address).expect("there is a backlog");
        let (mut peer, _) = listener.accept().expect("it has connected");
        let bytes = [b'x'; 64 * 1024];
        // More time than this test needs on a busy machine.
        let longest = Some(Duration::from_secs(20));
        stream.set_write_timeout(longest).expect("a socket");

        let mut waits = 0;
        let mut socket = Patient::new(&stream, || waits += 1);
        let mut taken = 0;
        let full = loop {
            match socket.write(&bytes) {
                Ok(written) => taken += written,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(waits, 0, "{taken} bytes are to be reported before it waits");

        let mut socket = Patient::new(&stream, || {
            waits += 1;
            let mut rest = vec![0; taken];
            peer.read_exact(&mut rest).expect("all of it was sent");
        });
        let written = socket.write(&bytes).expect("the socket has space again");
        assert!(written > 0);
        assert_eq!(waits, 1);
    }
}
