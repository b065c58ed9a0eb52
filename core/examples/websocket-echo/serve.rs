//! A connection of the echo server: the head of the request, then frames until the end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use flashgate_core::websocket::Handshake;

use crate::echo::Echo;

/// Serves a client until one side ends the connection.
pub(crate) fn serve(mut stream: TcpStream) -> io::Result<()> {
    let (mut bytes, mut head) = (vec![0; 64 << 10], Vec::new());
    let (answer, length) = loop {
        if let Some(upgrade) = upgrade(&head)? {
            break upgrade;
        }
        match read(&stream, &mut bytes)? {
            0 => return Ok(()),
            _ if head.len() > 16 << 10 => return Err(io::ErrorKind::FileTooLarge.into()),
            read => head.extend_from_slice(&bytes[..read]),
        }
    };
    let (mut echo, mut out) = (Echo::default(), answer.into_bytes());
    let mut end = echo.take(&head[length..], &mut out);
    loop {
        stream.write_all(&out)?;
        out.clear();
        if end {
            break;
        }
        match read(&stream, &mut bytes)? {
            0 => return Ok(()),
            read => end = echo.take(&bytes[..read], &mut out),
        }
    }
    // Closing a socket with unread bytes in it may destroy the last answer.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    while read(&stream, &mut bytes).is_ok_and(|read| read > 0) {}
    Ok(())
}

/// Reads once, and again where a signal has interrupted that.
fn read(mut stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The answer to a request and the length of its head, once the head is complete.
fn upgrade(bytes: &[u8]) -> io::Result<Option<(String, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(length) = status else {
        return Ok(None);
    };
    let (method, minor) = (request.method.unwrap_or(""), request.version.unwrap_or(0));
    let headers = request.headers.iter().map(|one| (one.name, one.value));
    match Handshake::read(method, minor, headers) {
        Some(Ok(handshake)) => Ok(Some((handshake.answer(), length))),
        other => Err(io::Error::other(format!("no WebSocket: {other:?}"))),
    }
}
