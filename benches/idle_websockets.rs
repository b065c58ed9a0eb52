//! The cost of idle WebSockets in the real program: 19,000 of them over loopback for 50 seconds. The server pings each
//! every 25 seconds, and each answers.
//!
//!     cargo bench --bench idle_websockets
//!
//! Read the figures as ratios. They are compared with two others of the same run: as many raw chat connections, which cost
//! nothing while they are idle, and the cost of one command from each connection. The commands are sent alone, so that the
//! server wakes up for each, as it does for most pings and pongs, or a few together. Memory is that of the program, without
//! the system's memory for sockets.
//!
//! It measures only smol: `--runtime std` has a thread for each connection and is not made for such a crowd.
//! `core/benches/websocket_timers.rs` measures the core's own part.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

#[path = "../tests/program/outside.rs"]
mod outside;

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use flashgate_testing::Retrying;
use outside::{PATIENCE, Running, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor, Timer};
use tempfile::TempDir;

fn main() {
    // `cargo test --all-targets` starts benchmarks, too; this one has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let files = open_files();
    assert!(files > OTHER_FILES, "{files} open files are too few");
    let sockets = MOST.min(files - OTHER_FILES);
    println!("{sockets} connections over loopback to the program, on smol");
    let socket = of_websockets(sockets);
    let (raw, alone, together) = of_raw_connections(sockets);

    let [ping, alone, together] = [&socket, &alone, &together].map(micros);
    println!("idle WebSockets, {} s", IDLE.as_secs());
    println!("  pings sent and answered     {:>10}", socket.times);
    println!("  processor time              {:>10.2} s", seconds(&socket));
    println!(
        "  of one core                 {:>10.2} %",
        of_a_core(&socket)
    );
    println!("  a ping and its pong         {ping:>10.2} us");
    println!("  a raw command, alone        {alone:>10.2} us");
    println!("  and one of {TOGETHER} together      {together:>10.2} us");
    println!(
        "  a ping costs as much as     {:>10.2} commands alone",
        ping / alone
    );
    println!(
        "                           or {:>10.2} together",
        ping / together
    );
    println!("  memory of each              {:>10} bytes", socket.bytes);
    println!("idle raw connections, {} s", IDLE.as_secs());
    println!("  processor time              {:>10.2} s", seconds(&raw));
    println!("  of one core                 {:>10.2} %", of_a_core(&raw));
    println!("  memory of each              {:>10} bytes", raw.bytes);
    println!(
        "  a WebSocket takes as much as {:>9.2} raw connections",
        socket.bytes as f64 / raw.bytes as f64
    );
}

/// What a kind of work cost the server.
struct Cost {
    spent: Duration,
    /// How often it was done.
    times: usize,
    /// Bytes in memory for each connection, at the end.
    bytes: u64,
}

fn of_websockets(sockets: usize) -> Cost {
    let crowd = Crowd::new(sockets, upgraded);
    let pings = Cell::new(0);
    let executor = LocalExecutor::new();
    for stream in &crowd.streams {
        executor.spawn(lives(stream, &pings)).detach();
    }
    let cost = crowd.cost(|| {
        smol::block_on(executor.run(Timer::after(IDLE)));
        pings.get()
    });
    // Each was pinged twice; the second ping may be a moment late.
    assert!(cost.times > sockets * 3 / 2, "{} pings", cost.times);
    cost
}

/// The cost of idle connections, and of their commands, sent one by one and together.
fn of_raw_connections(sockets: usize) -> (Cost, Cost, Cost) {
    let crowd = Crowd::new(sockets, chatting);
    let idle = crowd.cost(|| {
        std::thread::sleep(IDLE);
        0
    });
    let ask = |at_once| crowd.cost(|| smol::block_on(ask_all(&crowd.streams, at_once)));
    (idle, ask(1), ask(TOGETHER))
}

/// A server, and the connections to it.
struct Crowd {
    server: Server,
    _folder: TempDir,
    /// Bytes of the server before they connected.
    alone: u64,
    streams: Vec<Async<TcpStream>>,
}

impl Crowd {
    fn new(connections: usize, connect: fn(SocketAddr) -> TcpStream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = server(connections, &folder);
        // By then the code that connections need is in memory.
        drop(connect(server.addresses[0]));
        std::thread::sleep(SETTLED);
        let alone = resident(&server);
        let connect = |_| Async::new(connect(server.addresses[0])).unwrap();
        let streams = (0..connections).map(connect).collect();
        let crowd = Self {
            server,
            _folder: folder,
            alone,
            streams,
        };
        crowd.is_whole();
        std::thread::sleep(SETTLED);
        crowd
    }

    /// What the server spends on work that returns how often it was done.
    fn cost(&self, run: impl FnOnce() -> usize) -> Cost {
        let before = spent(&self.server);
        let times = run();
        let spent = spent(&self.server) - before;
        let bytes = (resident(&self.server) - self.alone) / self.streams.len() as u64;
        self.is_whole();
        Cost {
            spent,
            times,
            bytes,
        }
    }

    /// No connection was refused or closed.
    fn is_whole(&self) {
        let clients = format!("Clients: {}/", self.streams.len());
        let status = self.server.get("/server-status");
        assert!(status.contains(&clients), "{status}");
    }
}

/// A server that ends when this program ends, in whatever way. It must not hash a password: the megabytes
/// that this takes would be reused for connections, which would then seem to need no memory.
fn server(clients: usize, folder: &TempDir) -> Server {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig=KILL", env!("CARGO_BIN_EXE_flashgate")])
        .args(["serve", "--members=none.db", "--listen=127.0.0.1:0"])
        .args(["--login-timeout=86400", "--runtime=smol"])
        .arg(format!("--max-clients={clients}"))
        .current_dir(folder.path())
        .env_remove("RUST_LOG");
    Server::of(Running::spawn(command), 1)
}

/// A WebSocket that has got one answer.
fn upgraded(to: SocketAddr) -> TcpStream {
    let mut stream = connected(to);
    let mut hello = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
        \x82\x87\0\0\0\0"
        .to_vec();
    hello.extend(COMMAND);
    stream.write_all(&hello).unwrap();
    let mut answer = Vec::new();
    let mut some = [0; 512];
    while !answer.ends_with(ANSWER) {
        let read = Retrying(&stream).read(&mut some).unwrap();
        assert!(read > 0, "closed after {}", answer.escape_ascii());
        answer.extend(&some[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// A raw connection that has got one answer.
fn chatting(to: SocketAddr) -> TcpStream {
    let mut stream = connected(to);
    stream.write_all(COMMAND).unwrap();
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, ANSWER);
    stream
}

fn connected(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Answers and counts the pings of a connection. It ends only when its future is dropped.
async fn lives(mut stream: &Async<TcpStream>, pings: &Cell<usize>) {
    loop {
        let mut frame = [0; 2];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame, PING);
        stream.write_all(PONG).await.unwrap();
        pings.set(pings.get() + 1);
    }
}

/// Sends one command on each connection, `at_once` together, and pauses after each group for as long as that many
/// pings would take. Returns how many commands there were.
async fn ask_all(streams: &[Async<TcpStream>], at_once: usize) -> usize {
    let rest = SPREAD * at_once as u32 / streams.len() as u32;
    for some in streams.chunks(at_once) {
        for mut stream in some {
            stream.write_all(COMMAND).await.unwrap();
        }
        for mut stream in some {
            let mut answer = [0; ANSWER.len()];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, ANSWER);
        }
        Timer::after(rest).await;
    }
    streams.len()
}

/// Processor time of the server so far, its own and the system's for it.
fn spent(server: &Server) -> Duration {
    let stat = fs::read_to_string(proc(server, "stat")).unwrap();
    // The name in front of it may hold any character.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let times = fields.split(' ').skip(11).take(2);
    let ticks: u32 = times.map(|time| time.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// Bytes of the server that are in memory.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(proc(server, "status")).unwrap();
    let mut lines = status.lines();
    let kib = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

fn proc(server: &Server, file: &str) -> String {
    format!("/proc/{}/{file}", server.running.child.id())
}

/// Raises the limit on open files. Returns it.
fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    limit.maximum.map_or(usize::MAX, |most| most as usize)
}

fn seconds(cost: &Cost) -> f64 {
    cost.spent.as_secs_f64()
}

fn of_a_core(cost: &Cost) -> f64 {
    100.0 * seconds(cost) / IDLE.as_secs_f64()
}

fn micros(cost: &Cost) -> f64 {
    seconds(cost) * 1e6 / cost.times as f64
}

/// Below the 28,232 ports that Linux has, unless told otherwise, for connections between two addresses.
const MOST: usize = 19_000;

/// Descriptors that this process or the server needs beside its connections.
const OTHER_FILES: usize = 1000;

/// Two pings for each.
const IDLE: Duration = Duration::from_secs(50);

/// The server spreads the pings of connections that came at once over a fifth of the ping interval.
const SPREAD: Duration = Duration::from_secs(5);

/// Commands at once; each connection has one.
const TOGETHER: usize = 4;

/// By then the log is written, and closed connections are gone.
const SETTLED: Duration = Duration::from_millis(500);

/// What Linux counts processor time in, on every machine that this runs on.
const TICK: Duration = Duration::from_millis(10);

const COMMAND: &[u8] = b"PING x\0";
const ANSWER: &[u8] = b"<pong value=\"x\"/>\0";
const PING: &[u8] = &[0x89, 0];
const PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];
