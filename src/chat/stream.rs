//! The connection to a server, plain or through TLS. One thread reads it while another writes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::tls::Session;

/// A connection; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Stream(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<Session>),
}

impl Stream {
    pub(super) fn plain(socket: TcpStream) -> Self {
        Self(Arc::new(Kind::Plain(socket)))
    }

    pub(super) fn tls(session: Session) -> Self {
        Self(Arc::new(Kind::Tls(Box::new(session))))
    }

    /// Sets how long reading waits.
    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &*self.0 {
            Kind::Plain(socket) => socket.set_read_timeout(timeout),
            Kind::Tls(session) => session.set_read_timeout(timeout),
        }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match &*self.0 {
            Kind::Plain(socket) => { socket }.write_all(bytes),
            Kind::Tls(session) => session.write_all(bytes),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Plain(socket) => { socket }.read(into),
            Kind::Tls(session) => session.read(into),
        }
    }
}
