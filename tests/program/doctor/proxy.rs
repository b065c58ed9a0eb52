//! A proxy with the faults that proxies have.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How a proxy treats what it passes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    /// Names the client in the head of a request.
    pub(super) names_clients: bool,
    /// Leaves out the header `Upgrade`.
    pub(super) drops_upgrade: bool,
    /// Closes what is silent for this long.
    pub(super) patience: Option<Duration>,
}

/// Starts a proxy in front of a server. The server sees its connections come from 127.0.0.2.
pub(super) fn start(server: SocketAddr, habits: Habits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the process of the tests.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || pass(client, server, habits));
        }
    });
    address
}

fn pass(client: TcpStream, server: SocketAddr, habits: Habits) {
    let upstream = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let own: SocketAddr = "127.0.0.2:0".parse().unwrap();
    upstream.bind(&own.into()).unwrap();
    if upstream.connect(&server.into()).is_err() {
        return;
    }
    let upstream: TcpStream = upstream.into();
    for socket in [&client, &upstream] {
        socket.set_read_timeout(habits.patience).unwrap();
    }
    let name = client.peer_addr().unwrap().ip().to_string();
    let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    let back = thread::spawn(move || copy(&upstream, &client, |bytes| bytes.to_vec()));
    copy(&from, &to, |bytes| changed(bytes, habits, &name));
    let _ = back.join();
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, change: impl Fn(&[u8]) -> Vec<u8>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&change(&bytes[..count])).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// The head of a request as the proxy passes it on; a client here sends it in one piece.
fn changed(bytes: &[u8], habits: Habits, client: &str) -> Vec<u8> {
    let Some(head) = str::from_utf8(bytes)
        .ok()
        .filter(|head| head.starts_with("GET "))
    else {
        return bytes.to_vec();
    };
    let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
    if habits.drops_upgrade {
        lines.retain(|line| !line.starts_with("Upgrade:"));
    }
    if habits.names_clients {
        lines.insert(1, format!("X-Forwarded-For: {client}"));
    }
    lines.join("\r\n").into_bytes()
}
