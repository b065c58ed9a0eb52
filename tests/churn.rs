//! Members connect, chat and leave in every way, over plain TCP and WebSockets. Afterwards nothing may be left of them.
//!
//! The program runs as a user starts it. It is measured after a first round, which warms it up, and after the churn.
//! Descriptors, threads, connections and members online must be back at the first figures, and so must memory, except
//! for what an allocator keeps. The test takes a few seconds;
//! `CHURN_SECONDS=600 cargo test --release --test churn -- --nocapture` is the long run.

#[path = "program/guest.rs"]
mod guest;
#[path = "program/outside.rs"]
mod outside;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use guest::{Chats, Guest, Speaks};
use outside::{Client, PATIENCE, Server, import_members};
use socket2::SockRef;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

#[test]
fn smol_is_back_where_it_began() {
    churn("smol");
}

#[test]
fn std_is_back_where_it_began() {
    churn("std");
}

fn churn(runtime: &str) {
    let folder = tempfile::tempdir().unwrap();
    import_members(folder.path(), WORKERS);
    let server = Server::start(folder.path(), &["--runtime", runtime, "--rate", "0"]);

    let seconds = std::env::var("CHURN_SECONDS")
        .map_or(4, |seconds| seconds.parse().expect("a number of seconds"));
    round(&server, Duration::from_secs(seconds / 10 + 2), 0);
    let before = Held::by(&server);
    let done = round(&server, Duration::from_secs(seconds), 1);
    let end = Instant::now() + PATIENCE;
    let after = loop {
        // On a busy machine, the last connections may not have ended yet.
        let after = Held::by(&server);
        if after.is_no_more_than(&before) || Instant::now() > end {
            break after;
        }
    };
    eprintln!("{runtime}: {seconds} s, {done}\n  before {before:?}\n  after  {after:?}");

    assert!(
        after.is_no_more_than(&before),
        "{before:?} grew to {after:?}"
    );
    server.stop();
}

/// What a server without connections holds.
#[derive(Debug)]
struct Held {
    kib: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn is_no_more_than(&self, before: &Self) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.kib <= before.kib + SLACK_KIB
    }

    fn by(server: &Server) -> Self {
        // The server lets a peer that is slow to close linger for two seconds.
        let end = Instant::now() + PATIENCE;
        while !server
            .get("/server-status?json")
            .contains("\"clients\":0,\"max_clients\":4096,\"online\":0,\"connections\":1,")
        {
            assert!(
                Instant::now() < end,
                "somebody stays: {}",
                server.get("/server-status?json")
            );
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(server.connect().ask("LIST"), "<nicklist></nicklist>");
        let proc = format!("/proc/{}", server.running.child.id());
        let all = |folder: &str| fs::read_dir(format!("{proc}/{folder}")).unwrap();
        // The server closes a store that is not used for a while, so it may be open or closed now.
        let of_store = |path: &Path| path.to_string_lossy().contains("flashgate.db");
        let descriptors = || {
            let links = all("fd").map(|entry| fs::read_link(entry.unwrap().path()));
            links
                .filter(|to| !to.as_ref().is_ok_and(|to| of_store(to)))
                .count()
        };
        // The connections that asked these questions end, too.
        let idle = || (descriptors(), all("task").count());
        let mut last = idle();
        loop {
            thread::sleep(Duration::from_millis(300));
            let next = idle();
            if next == last {
                break;
            }
            last = next;
        }
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kib = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self {
            kib,
            descriptors: last.0,
            threads: last.1,
        }
    }
}

/// Lets the workers work for some time. Returns what they have done.
fn round(server: &Server, time: Duration, round: usize) -> String {
    let (end, to) = (Instant::now() + time, server.addresses[0]);
    let (visits, messages) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (visits, messages) = (&visits, &messages);
            scope.spawn(move || {
                let mut visit = round;
                while Instant::now() < end {
                    messages.fetch_add(visit_as(to, worker, visit), Ordering::Relaxed);
                    visits.fetch_add(1, Ordering::Relaxed);
                    visit += 1;
                    // The test is about what is left, not about speed.
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    format!(
        "{} visits, {} messages",
        visits.into_inner(),
        messages.into_inner()
    )
}

/// A visit of a worker's member, with the next wire and the next way to leave. Returns how many messages it sent.
fn visit_as(to: SocketAddr, worker: usize, visit: usize) -> u64 {
    let kind = visit / 4;
    match visit % 4 {
        0 => {
            strange(to, kind);
            0
        }
        1 => {
            let mut client = Client::connect(to);
            let sent = chat(&mut client, worker, visit);
            leave(client, kind);
            sent
        }
        2 => {
            let mut guest = Guest::connect(to, Speaks::Text);
            let sent = chat(&mut guest, worker, visit);
            leave_as_guest(guest, kind);
            sent
        }
        _ => {
            let mut guest = Guest::connect(to, Speaks::Binary);
            let sent = chat(&mut guest, worker, visit);
            leave_as_guest(guest, kind);
            sent
        }
    }
}

/// Connections that do not chat.
fn strange(to: SocketAddr, kind: usize) {
    let mut client = Client::connect(to);
    match kind % 7 {
        0 => {
            client.write(b"<policy-file-request/>\0");
            assert!(client.rest().ends_with("</cross-domain-policy>\0"));
        }
        1 => {
            client.write(b"GET /metrics HTTP/1.0\r\n\r\n");
            assert!(client.rest().starts_with("HTTP/1.1 200 OK\r\n"));
        }
        2 => client.write(b"GET /half-a-reque"),
        3 => client.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnec"),
        4 => {
            let other = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 8";
            client.write(format!("GET / HTTP/1.1\r\nHost: x\r\n{other}\r\n\r\n").as_bytes());
            assert!(client.rest().starts_with("HTTP/1.1 426 "));
        }
        5 => drop(Guest::connect(to, Speaks::Text)),
        _ => {
            let mut guest = Guest::connect(to, Speaks::Binary);
            guest.socket.send(Message::Ping("x".into())).unwrap();
            assert_eq!(guest.socket.read().unwrap(), Message::Pong("x".into()));
        }
    }
}

/// Logs in and sends messages. Returns how many it sent.
fn chat(client: &mut impl Chats, worker: usize, visit: usize) -> u64 {
    client.say(&format!("IDENTIFY {} x", worker + 1));
    loop {
        let answer = client.hear();
        if answer.starts_with("<identify ") {
            break;
        }
        // The server may not have noticed the end of the connection before.
        if answer == "<error value=\"Already online.\"/>" {
            thread::sleep(Duration::from_millis(1));
            client.say(&format!("IDENTIFY {} x", worker + 1));
        }
    }
    let mut sent = 0;
    for other in 0..WORKERS {
        client.say(&format!("MSG m{} hello from visit {visit}", other + 1));
        sent += 1;
    }
    client.say("PING done");
    while client.hear() != "<pong value=\"done\"/>" {}
    sent
}

fn leave(mut client: Client, kind: usize) {
    match kind % 4 {
        0 => {
            client.send("QUIT");
            client.rest();
        }
        1 => {
            client.socket.shutdown(Shutdown::Write).unwrap();
            client.rest();
        }
        2 => {
            client.send("LIST");
            reset(&client.socket);
        }
        _ => {}
    }
}

fn leave_as_guest(mut guest: Guest, kind: usize) {
    match kind % 9 {
        0 => {
            guest.send("QUIT");
            assert_eq!(guest.rest().1, Some(CloseCode::Normal));
        }
        1 => {
            guest.socket.close(None).unwrap();
            assert_eq!(guest.rest().1, None);
        }
        // Leaves without waiting for an answer.
        2 => guest.socket.close(None).unwrap(),
        3 => {
            let mut stream = guest.socket.into_inner().0;
            stream.shutdown(Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        }
        4 => guest.socket.get_mut().write_all(CUT).unwrap(),
        5 => {
            guest.socket.get_mut().write_all(UNMASKED).unwrap();
            assert_eq!(guest.rest().1, Some(CloseCode::Protocol));
        }
        6 => {
            guest.send("LIST");
            reset(&guest.socket.get_ref().0);
        }
        7 => {
            guest.socket.get_mut().write_all(CUT).unwrap();
            reset(&guest.socket.get_ref().0);
        }
        _ => {}
    }
}

/// Makes the end of a connection a reset.
fn reset(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// The beginning of a text message in two frames, the second of which is incomplete. On a connection that uses binary
/// messages it also breaks a rule.
const CUT: &[u8] = b"\x01\x84\0\0\0\0PING\x80\x84\0\0\0\0 x";

/// Bytes that no client may send.
const UNMASKED: &[u8] = b"\x81\x06PING x";

const WORKERS: usize = 16;

/// How much freed memory an allocator may keep, in pieces that it cannot give back.
const SLACK_KIB: u64 = 4096;
