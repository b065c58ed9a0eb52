//! A client's side of WebSocket, as much of it as a check needs (RFC 6455).

use std::io;
use std::time::{Duration, Instant};

use super::dial::{PATIENCE, Target, Wire, is_silence};

/// The kinds of frame that carry the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text = 1,
    Binary = 2,
}

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    wire: Wire,
    /// The bytes of the next frame so far.
    input: Vec<u8>,
}

/// Why no WebSocket was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no connection, or no answer.
    Broken(String),
    /// The answer was not to switch protocols: its first line.
    Answered(String),
}

/// Opens a WebSocket. A browser names the origin of its page, other clients do not.
pub(super) fn open(target: &Target, origin: Option<&str>) -> Result<WebSocket, Refused> {
    let mut wire = target.connect().map_err(Refused::Broken)?;
    let origin = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{origin}\r\n",
        target.authority
    );
    wire.send(request.as_bytes()).map_err(Refused::Broken)?;
    let (head, input) = head(&mut wire).map_err(Refused::Broken)?;
    let first = head.lines().next().unwrap_or_default();
    let accepts = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT
    };
    if first.split(' ').nth(1) != Some("101") || !head.lines().any(accepts) {
        return Err(Refused::Answered(first.to_owned()));
    }
    Ok(WebSocket { wire, input })
}

/// Reads the head of an answer, and the bytes that came with it.
fn head(wire: &mut Wire) -> Result<(String, Vec<u8>), String> {
    let (mut all, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        if let Some(at) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            let behind = all.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&all).into_owned(), behind));
        }
        match wire.some(&mut piece) {
            Ok(0) if all.is_empty() => return Err("closed without an answer".to_owned()),
            Ok(count) if count > 0 && all.len() < MOST => all.extend_from_slice(&piece[..count]),
            Ok(_) => return Ok((String::from_utf8_lossy(&all).into_owned(), Vec::new())),
            Err(error) if is_silence(&error) => {
                return Err(format!("no answer within {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(format!("the connection broke: {error}")),
        }
    }
}

impl WebSocket {
    /// Sends a command in a frame of this kind, and returns the answer with the kind of its frame.
    pub(super) fn ask(&mut self, kind: Kind, command: &str) -> Result<(Kind, String), String> {
        let command = match kind {
            Kind::Text => command.to_owned(),
            Kind::Binary => format!("{command}\0"),
        };
        self.send(kind as u8, command.as_bytes())?;
        self.wire
            .wait_for(PATIENCE)
            .map_err(|error| error.to_string())?;
        loop {
            let (opcode, payload) = self.frame().map_err(|error| broken(&error))?;
            let kind = match opcode {
                1 => Kind::Text,
                2 => Kind::Binary,
                8 => return Err("the server closed the WebSocket".to_owned()),
                9 => {
                    self.send(PONG, &payload)?;
                    continue;
                }
                _ => continue,
            };
            let text = String::from_utf8_lossy(&payload).into_owned();
            return Ok((kind, text));
        }
    }

    /// Stays silent for a while, but answers pings as a browser does.
    pub(super) fn stay_silent(&mut self, long: Duration) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let left = long.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            self.wire
                .wait_for(left)
                .map_err(|error| error.to_string())?;
            match self.frame() {
                Ok((9, payload)) => self.send(PONG, &payload)?,
                Ok((8, _)) => return Err(closed(start)),
                Ok(_) => {}
                Err(error) if is_silence(&error) => {}
                Err(_) => return Err(closed(start)),
            }
        }
    }

    /// The next frame from the server. A part of it is kept when the time is up.
    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut piece = [0; 4096];
        loop {
            if let Some((opcode, from, to)) = complete(&self.input) {
                let payload = self.input[from..to].to_vec();
                self.input.drain(..to);
                return Ok((opcode, payload));
            }
            match self.wire.some(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count if self.input.len() < MOST => self.input.extend_from_slice(&piece[..count]),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Sends a frame, under a mask that changes nothing: it protects old proxies from pages, and there is none here.
    fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<(), String> {
        let length = u8::try_from(payload.len()).unwrap_or(125).min(125);
        let mut frame = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(&payload[..length.into()]);
        self.wire.send(&frame)
    }

    /// Closes in good order.
    pub(super) fn close(mut self) {
        // Where the server has closed already, nothing is left to do.
        let _ = self.send(8, &1000_u16.to_be_bytes());
    }
}

/// The opcode of the frame at the start, and where its payload begins and ends, if all of it is there.
fn complete(input: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, second, rest @ ..] = input else {
        return None;
    };
    let (from, length): (usize, usize) = match second & 0x7f {
        126 => (
            4,
            u16::from_be_bytes(rest.get(..2)?.try_into().ok()?).into(),
        ),
        127 => {
            let length = u64::from_be_bytes(rest.get(..8)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        length => (2, length.into()),
    };
    let to = from.checked_add(length)?;
    (input.len() >= to).then_some((first & 0x0f, from, to))
}

fn broken(error: &io::Error) -> String {
    if is_silence(error) {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else {
        format!("the connection broke: {error}")
    }
}

/// How long a silent connection has lived.
pub(super) fn closed(start: Instant) -> String {
    format!(
        "closed after {:.0} s of silence",
        start.elapsed().as_secs_f64()
    )
}

const PONG: u8 = 10;

/// The example of RFC 6455, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Bytes of a head or a frame.
const MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_when_they_are_whole() {
        let long = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        for (input, expected) in [
            (&b"\x82\x02hi"[..], Some((2, 2, 4))),
            (b"\x82\x02hi\x89\0", Some((2, 2, 4))),
            (b"\x89\0", Some((9, 2, 2))),
            (b"\x82\x02h", None),
            (b"\x82", None),
            (b"\x81\x7e\0", None),
            (&long, Some((1, 4, 204))),
            (&long[..203], None),
            (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(complete(input), expected, "{input:?}");
        }
    }
}
