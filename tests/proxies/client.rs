//! Clients that come from an address of their choice.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use flashgate_testing::Retrying;
use socket2::{Domain, Socket, Type};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::process::PATIENCE;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    WebSocket,
}

/// How a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooManyRequests,
    Closed,
}

/// A connected client.
#[derive(Debug)]
pub(crate) enum Client {
    Raw(TcpStream),
    WebSocket(Box<WebSocket<TcpStream>>),
}

impl Client {
    pub(crate) fn connect(form: Form, from: [u8; 4], port: u16) -> Self {
        let stream = stream(from, port);
        match form {
            Form::Raw => Self::Raw(stream),
            Form::WebSocket => match upgrade(stream, port) {
                Ok(socket) => Self::WebSocket(socket.into()),
                Err(error) => panic!("no WebSocket from {from:?}: {error}"),
            },
        }
    }

    /// How a client is refused, which must be.
    pub(crate) fn refused(form: Form, from: [u8; 4], port: u16) -> Refused {
        let mut stream = stream(from, port);
        match form {
            Form::Raw => {
                // The proxy may have closed it before.
                let _ = stream.write_all(b"PING x\0");
                let mut answer = [0; 64];
                match Retrying(stream).read(&mut answer) {
                    Ok(0) | Err(_) => Refused::Closed,
                    Ok(length) => panic!("answered: {}", answer[..length].escape_ascii()),
                }
            }
            Form::WebSocket => match upgrade(stream, port) {
                Ok(_) => panic!("a WebSocket"),
                Err(Error::Http(answer)) => {
                    assert_eq!(answer.status().as_u16(), 429, "{answer:?}");
                    Refused::TooManyRequests
                }
                Err(_) => Refused::Closed,
            },
        }
    }

    /// The answer to a policy request.
    pub(crate) fn policy(from: [u8; 4], port: u16) -> String {
        let mut stream = stream(from, port);
        stream
            .write_all(b"<policy-file-request/>\0")
            .expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a policy");
        answer
    }

    /// Sends a command, and takes its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        match self {
            Self::Raw(stream) => {
                stream
                    .write_all(format!("{command}\0").as_bytes())
                    .expect("it is open");
                let mut answer = Vec::new();
                // A lone NUL keeps the connection alive.
                while answer.is_empty() {
                    let mut byte = [1];
                    while byte != [0] {
                        stream.read_exact(&mut byte).expect("an answer");
                        answer.extend(byte.iter().filter(|byte| **byte != 0));
                    }
                }
                String::from_utf8(answer).expect("text")
            }
            Self::WebSocket(socket) => {
                socket.send(Message::text(command)).expect("it is open");
                loop {
                    if let Message::Text(text) = socket.read().expect("an answer") {
                        return text.as_str().to_owned();
                    }
                }
            }
        }
    }

    /// Says nothing for this long, and answers pings.
    pub(crate) fn stay_silent(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|t| !t.is_zero())
        {
            let some = Some(left.min(Duration::from_secs(1)));
            match self {
                Self::Raw(stream) => {
                    stream.set_read_timeout(some).expect("a socket");
                    let mut byte = [1];
                    match Retrying(&*stream).read(&mut byte) {
                        Ok(length) => assert_eq!((length, byte), (1, [0]), "closed, or answered"),
                        Err(error) => assert!(is_timeout(error.kind()), "{error}"),
                    }
                }
                Self::WebSocket(socket) => {
                    socket.get_ref().set_read_timeout(some).expect("a socket");
                    match socket.read() {
                        Ok(message) => assert!(message.is_ping(), "{message:?}"),
                        Err(Error::Io(error)) => assert!(is_timeout(error.kind()), "{error}"),
                        Err(error) => panic!("{error}"),
                    }
                    let _ = socket.flush();
                }
            }
        }
        let stream = match self {
            Self::Raw(stream) => stream,
            Self::WebSocket(socket) => socket.get_ref(),
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&kind)
}

pub(crate) fn stream(from: [u8; 4], port: u16) -> TcpStream {
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        let proxy = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), port));
        socket.connect(&proxy.into())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        std::io::Result::Ok(socket.into())
    };
    connect().expect("the proxy listens")
}

/// Asks for a WebSocket, and names others as its address.
fn upgrade(stream: TcpStream, port: u16) -> Result<WebSocket<TcpStream>, Error> {
    let url = format!("ws://192.0.2.1:{port}/");
    let mut request = url.into_client_request().expect("a good address");
    for (name, value) in [
        ("X-Forwarded-For", "203.0.113.1"),
        ("X-Forwarded-For", "127.0.0.1, 203.0.113.2"),
        ("Forwarded", "for=203.0.113.3"),
        ("X-Real-IP", "203.0.113.4"),
    ] {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static(value));
    }
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(error)) => Err(error),
        Err(HandshakeError::Interrupted(_)) => panic!("the socket blocks"),
    }
}
