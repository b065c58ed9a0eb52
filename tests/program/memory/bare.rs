//! A WebSocket by hand, under a mask that changes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::outside::{PATIENCE, Server};

/// One that was welcomed.
pub(super) struct Bare {
    pub(super) socket: TcpStream,
}

impl Bare {
    pub(super) fn connect(server: &Server) -> Self {
        let mut socket = TcpStream::connect(server.addresses[0]).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(UPGRADE).unwrap();
        let mut bare = Self { socket };
        bare.wait_for("\r\n\r\n");
        bare
    }

    pub(super) fn frame(&mut self, first: u8, payload: &str) {
        self.socket.write_all(&masked(first, payload)).unwrap();
    }

    /// Reads up to a text.
    pub(super) fn wait_for(&mut self, text: &str) {
        let mut seen = Vec::new();
        while !seen.ends_with(text.as_bytes()) {
            let mut byte = [0];
            self.socket.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
    }

    pub(super) fn wait_for_end(&mut self) {
        self.socket.read_to_end(&mut Vec::new()).unwrap();
    }
}

/// A frame under a mask that changes nothing.
pub(super) fn masked(first: u8, payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len())
        .ok()
        .filter(|length| *length < 126);
    let head = [first, 0x80 | length.expect("a short one"), 0, 0, 0, 0];
    [&head, payload.as_bytes()].concat()
}

pub(super) const FIN: u8 = 0x80;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
