//! A WebSocket client that is not ours, for the suites that talk to the real program.

// Included by more than one suite, none of which needs all of it.
#![allow(dead_code)]

use std::net::{SocketAddr, TcpStream};

use flashgate_testing::Retrying;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::{Request, Response};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{ClientHandshake, Error, Message, WebSocket};

use crate::outside::{Client, PATIENCE};

/// What its messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Whole commands and answers.
    Text,
    /// A stream in which a NUL ends each of them.
    Binary,
}

/// A WebSocket that was welcomed.
pub(crate) struct Guest {
    pub(crate) socket: WebSocket<Retrying<TcpStream>>,
    speaks: Speaks,
}

impl Guest {
    pub(crate) fn connect(to: SocketAddr, speaks: Speaks) -> Self {
        let (guest, _) = Self::with(to, speaks, request(to, "/")).unwrap();
        guest
    }

    /// With a request of one's own; the answer to it, or why there was none that will do.
    pub(crate) fn with(
        to: SocketAddr,
        speaks: Speaks,
        request: Request,
    ) -> Result<(Self, Response), Error> {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        // A message here is a segment, as it is from a browser.
        stream.set_nodelay(true).unwrap();
        let welcomed = tungstenite::client(request, Retrying(stream));
        let (socket, response) = welcomed.map_err(without_more)?;
        Ok((Self { socket, speaks }, response))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.get_ref().0.local_addr().unwrap()
    }

    /// Sends one command.
    pub(crate) fn send(&mut self, command: &str) {
        let message = match self.speaks {
            Speaks::Text => Message::text(command),
            Speaks::Binary => Message::binary(format!("{command}\0").into_bytes()),
        };
        self.socket.send(message).unwrap();
    }

    /// The next answer, which must be in the form that this client speaks.
    pub(crate) fn answer(&mut self) -> String {
        self.next()
            .unwrap_or_else(|code| panic!("closed with {code:?}"))
    }

    /// The next answer, or how the server says goodbye. What the server asks in between is answered
    /// by the library.
    fn next(&mut self) -> Result<String, Option<CloseCode>> {
        loop {
            match (self.socket.read().unwrap(), self.speaks) {
                (Message::Text(text), Speaks::Text) => {
                    assert!(!text.contains('\0'), "{text:?}");
                    return Ok(text.to_string());
                }
                (Message::Binary(bytes), Speaks::Binary) => {
                    let text = std::str::from_utf8(&bytes).unwrap();
                    let answer = text.strip_suffix('\0').expect(text);
                    assert!(!answer.contains('\0'), "{text:?}");
                    return Ok(answer.to_owned());
                }
                (Message::Close(frame), _) => return Err(frame.map(|frame| frame.code)),
                (Message::Ping(_), _) => {}
                (
                    message @ (Message::Text(_)
                    | Message::Binary(_)
                    | Message::Pong(_)
                    | Message::Frame(_)),
                    speaks,
                ) => panic!("{message:?} to one who speaks {speaks:?}"),
            }
        }
    }

    /// Sends one command, and takes the next answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.answer()
    }

    /// The answers up to the server's goodbye, and its code. The end of the stream must follow.
    pub(crate) fn rest(&mut self) -> (Vec<String>, Option<CloseCode>) {
        let mut answers = Vec::new();
        loop {
            match self.next() {
                Ok(answer) => answers.push(answer),
                Err(code) => {
                    let end = self.socket.read().unwrap_err();
                    assert!(matches!(end, Error::ConnectionClosed), "{end}");
                    return (answers, code);
                }
            }
        }
    }

    /// The code of a goodbye before which there is nothing.
    pub(crate) fn closed(&mut self) -> Option<CloseCode> {
        let (answers, code) = self.rest();
        assert_eq!(answers, [""; 0]);
        code
    }
}

/// A client that chats, on any wire.
pub(crate) trait Chats {
    fn say(&mut self, command: &str);
    fn hear(&mut self) -> String;
}

impl Chats for Client {
    fn say(&mut self, command: &str) {
        self.send(command);
    }

    fn hear(&mut self) -> String {
        self.answer()
    }
}

impl Chats for Guest {
    fn say(&mut self, command: &str) {
        self.send(command);
    }

    fn hear(&mut self) -> String {
        self.answer()
    }
}

/// A request for a WebSocket, to add header fields to.
pub(crate) fn request(to: SocketAddr, path: &str) -> Request {
    format!("ws://{to}{path}").into_client_request().unwrap()
}

fn without_more(error: HandshakeError<ClientHandshake<Retrying<TcpStream>>>) -> Error {
    match error {
        HandshakeError::Failure(error) => error,
        HandshakeError::Interrupted(_) => panic!("no answer in {PATIENCE:?}"),
    }
}
