//! A stream whose reads and writes go on after a signal. flashgate-testing exports it.

#![allow(unreachable_pub)]

use std::io::{self, ErrorKind, IoSlice, Read, Write};

/// Repeats each read and each write that a signal has interrupted.
///
/// After a signal, the kernel restarts neither the reads nor the writes of a socket with a timeout, whatever the handler
/// asks for. A process that is stopped and continued needs no handler to see that. The timeout begins anew.
#[derive(Debug)]
pub struct Retrying<S>(
    /// The stream.
    pub S,
);

impl<S: Read> Read for Retrying<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| self.0.read(into))
    }
}

impl<S: Write> Write for Retrying<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| self.0.write(bytes))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| self.0.write_vectored(parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        retry(|| self.0.flush())
    }
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
