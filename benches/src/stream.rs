//! A connection, plain or over TLS, for the load and for the floor: the least that a program does to read and write
//! through rustls.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::Connection;

/// A connection. A write over TLS takes all bytes, and [`is_behind`](Self::is_behind) until the socket has them.
pub(crate) struct Stream {
    pub(crate) socket: TcpStream,
    tls: Option<Box<Connection>>,
}

impl Stream {
    pub(crate) fn new(socket: TcpStream, tls: Option<Connection>) -> Self {
        let tls = tls.map(|mut tls| {
            tls.set_buffer_limit(None);
            Box::new(tls)
        });
        Self { socket, tls }
    }

    /// Whether records wait for space in the socket.
    pub(crate) fn is_behind(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(buffer);
        };
        if tls.read_tls(&mut self.socket)? == 0 {
            return Ok(0);
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        let read = tls.reader().read(buffer);
        // rustls may have records to send, such as those of a handshake, though there is nothing to read.
        self.flush()?;
        read
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.write(bytes);
        };
        tls.writer().write_all(bytes)?;
        self.flush()?;
        Ok(bytes.len())
    }

    /// Sends as many records as the socket takes.
    fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            return Ok(());
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
