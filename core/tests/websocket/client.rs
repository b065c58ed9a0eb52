//! tungstenite as a client of the echo server, over TCP.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Error, Message, WebSocket};

use crate::frames::{PING, TEXT, masked};
use crate::retrying::Retrying;
use crate::serve::serve;

/// A client after its handshake, and the server's thread.
fn connect() -> (WebSocket<Retrying<TcpStream>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0).unwrap());
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = format!("ws://{address}/");
    let (client, response) = tungstenite::client(request, Retrying(stream)).unwrap();
    assert_eq!(response.status().as_u16(), 101);
    (client, server)
}

/// Reads to the end, which must be a close from the server with this code.
fn ends_with(mut client: WebSocket<Retrying<TcpStream>>, server: JoinHandle<()>, code: CloseCode) {
    let Message::Close(Some(frame)) = client.read().unwrap() else {
        panic!("no close");
    };
    assert_eq!(frame.code, code);
    let end = client.read().unwrap_err();
    assert!(matches!(end, Error::ConnectionClosed), "{end}");
    drop(client);
    server.join().unwrap();
}

#[test]
fn messages_pings_and_a_close() {
    let (mut client, server) = connect();
    let long: String = "0123456789abcdé ".chars().cycle().take(1 << 20).collect();
    let messages = [
        Message::text(""),
        Message::text("Grüße, κόσμε 😀"),
        Message::binary(vec![0, 0xff, 0xfe]),
        Message::text(long.clone()),
        Message::binary(long.into_bytes()),
    ];
    for message in messages {
        client.send(message.clone()).unwrap();
        assert!(client.read().unwrap() == message, "{} bytes", message.len());
    }
    client.send(Message::Ping("alive?".into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong("alive?".into()));
    let code = CloseCode::Library(4321);
    let reason = "enough".into();
    client.close(Some(CloseFrame { code, reason })).unwrap();
    ends_with(client, server, code);
}

#[test]
fn fragments_with_a_ping_between() {
    let (mut client, server) = connect();
    let piece = |payload: &'static str, opcode, last| {
        let opcode = OpCode::Data(opcode);
        Message::Frame(Frame::message(payload, opcode, last))
    };
    client.send(piece("Stra", Data::Text, false)).unwrap();
    client.send(Message::Ping("1".into())).unwrap();
    client.send(piece("", Data::Continue, false)).unwrap();
    client.send(piece("ße", Data::Continue, true)).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong("1".into()));
    assert_eq!(client.read().unwrap(), Message::text("Straße"));
    let (code, reason) = (CloseCode::Normal, "".into());
    client.close(Some(CloseFrame { code, reason })).unwrap();
    ends_with(client, server, code);
}

/// The close arrives although the server leaves many bytes behind the broken frame unread.
#[test]
fn a_broken_rule_is_answered_with_its_code() {
    let broken: [(Vec<u8>, CloseCode); 3] = [
        (vec![TEXT, 1, b'a'], CloseCode::Protocol),
        (masked(TEXT, b"\xc3(", [1, 2, 3, 4]), CloseCode::Invalid),
        (
            vec![TEXT, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0],
            CloseCode::Size,
        ),
    ];
    for (bytes, code) in broken {
        let (mut client, server) = connect();
        let more = masked(PING, b"more", [4, 3, 2, 1]).repeat(1 << 14);
        client.get_mut().write_all(&bytes).unwrap();
        // The server may be gone before everything is sent.
        if let Err(error) = client.get_mut().write_all(&more) {
            assert!(matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ));
        }
        ends_with(client, server, code);
    }
}
