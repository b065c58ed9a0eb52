//! Reads a client's frames with the codec and with tungstenite's server, and compares the results.
//!
//! Where the two differ on purpose:
//!
//! - A length that is not in its shortest form is an error here (RFC 6455 section 5.2), for a control
//!   frame as for any other; tungstenite takes it.
//! - tungstenite reads a frame once it is complete, and a head once that is complete. The codec reports an error at the
//!   first wrong byte, so tungstenite's may come later.
//! - Code 1014, which is registered, may be sent here, and not there.
//! - A close code that must not be sent is an error here; tungstenite reads it as a close with 1002.
//! - The limit here applies to text only; a binary message is a stream.

use std::io::{self, Read, Write};

use flashgate_core::websocket::{Decoded, Decoder, Kind, Violation};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

pub(crate) const LIMIT: usize = 1 << 16;

#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
}

/// How a stream ended for a reader.
#[derive(Debug)]
pub(crate) enum End<E> {
    /// It has not ended.
    Open,
    Closed(Option<u16>),
    Broken(E),
}

/// Whether the two differ only where they may.
pub(crate) fn agree(
    ours: &[Event],
    our_end: &End<Violation>,
    theirs: &[Event],
    their_end: &End<Error>,
) -> bool {
    match (our_end, their_end) {
        // tungstenite does not require the shortest form.
        (End::Broken(Violation::Length | Violation::LongControl), _) => theirs.starts_with(ours),
        (End::Broken(Violation::BadCloseCode), End::Closed(code)) => {
            ours == theirs && *code == Some(1002)
        }
        (End::Closed(Some(1014)), End::Closed(code)) => ours == theirs && *code == Some(1002),
        (End::Closed(our_code), End::Closed(their_code)) => {
            ours == theirs && our_code == their_code
        }
        (End::Open, End::Open) => ours == theirs,
        (End::Broken(_), End::Open) => ours == theirs,
        (End::Broken(violation), End::Broken(error)) => ours == theirs && alike(*violation, error),
        // tungstenite limits binary frames, and the codec does not.
        (_, End::Broken(Error::Capacity(_))) => ours.starts_with(theirs),
        (End::Open | End::Broken(_) | End::Closed(_), _) => false,
    }
}

/// Whether two errors may be about the same bytes. A frame that breaks several rules breaks
/// another one first for each of them; bad text is what both look at last, but for a close code
/// before its bad reason.
fn alike(violation: Violation, error: &Error) -> bool {
    let bad_text = [Violation::BadText, Violation::BadCloseReason].contains(&violation);
    let long_text = violation == Violation::LongText;
    if matches!(error, Error::Utf8(_)) {
        return bad_text || violation == Violation::BadCloseCode;
    }
    !bad_text && (!long_text || matches!(error, Error::Capacity(_)))
}

pub(crate) fn ours(stream: &[u8], size: &mut dyn FnMut() -> usize) -> (Vec<Event>, End<Violation>) {
    let mut decoder = Decoder::default();
    let (mut events, mut message) = (Vec::new(), Vec::new());
    let (mut at, mut end) = (0, 0);
    loop {
        match decoder.decode(&stream[at..end], &mut message, LIMIT) {
            Ok(Decoded::Partial) if end == stream.len() => return (events, End::Open),
            Ok(Decoded::Partial) => end = (end + size()).min(stream.len()),
            Ok(Decoded::Data { used, kind, end }) => {
                at += used;
                if end {
                    let message = std::mem::take(&mut message);
                    events.push(match kind {
                        Kind::Text => Event::Text(message),
                        Kind::Binary => Event::Binary(message),
                    });
                }
            }
            Ok(Decoded::Ping(used, payload)) => {
                at += used;
                events.push(Event::Ping(payload.as_bytes().to_vec()));
            }
            Ok(Decoded::Pong(used)) => {
                at += used;
                events.push(Event::Pong);
            }
            Ok(Decoded::Close(_, code)) => {
                return (events, End::Closed(code.map(|code| code.get())));
            }
            Err(violation) => return (events, End::Broken(violation)),
        }
    }
}

pub(crate) fn theirs(stream: &[u8], size: &mut dyn FnMut() -> usize) -> (Vec<Event>, End<Error>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let pipe = Pipe(stream, size);
    let mut socket = WebSocket::from_raw_socket(pipe, Role::Server, Some(config));
    let mut events = Vec::new();
    loop {
        events.push(match socket.read() {
            Ok(Message::Text(text)) => Event::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Event::Binary(bytes.to_vec()),
            Ok(Message::Ping(payload)) => Event::Ping(payload.to_vec()),
            Ok(Message::Pong(_)) => Event::Pong,
            Ok(Message::Close(frame)) => {
                let code = frame.map(|frame| u16::from(frame.code));
                return (events, End::Closed(code));
            }
            Ok(Message::Frame(_)) => unreachable!("frames are not read one by one"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (events, End::Open);
            }
            Err(error) => return (events, End::Broken(error)),
        });
    }
}

/// A connection that delivers bytes in pieces, then would block, and accepts all writes.
struct Pipe<'a>(&'a [u8], &'a mut dyn FnMut() -> usize);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let piece = (self.1)().min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(piece);
        buffer[..piece].copy_from_slice(now);
        self.0 = later;
        Ok(piece)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
