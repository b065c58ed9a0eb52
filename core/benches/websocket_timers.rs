//! What the timers of idle WebSockets cost: 19,000 of them in one gateway, each asked for a sign of
//! life every 25 seconds and answering, for ten minutes of the gateway's time.
//!
//!     cargo bench -p flashgate-core --bench websocket_timers
//!
//! Nothing here depends on a wall clock but the figures, and those are best read as ratios: the
//! reference of the same run is a relayed message, the work that a chat server is there for.

#![expect(clippy::disallowed_types, reason = "a benchmark is about real time")]
#![expect(clippy::print_stdout, reason = "and prints what it found")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flashgate_core::{
    Accepted, Action, Answer, Config, ConnId, Gateway, Input, Limits, ListenerId, Member, MemberId,
    Millis, Now,
};

const SOCKETS: u32 = 19_000;
const SPAN: Millis = Millis::from_secs(600);
const MESSAGES: u32 = 200_000;

fn main() {
    let plain = bytes_each(|bench| bench.connect(b"PING x\0"));
    let socket = bytes_each(Bench::upgraded);

    let mut bench = Bench::new();
    let message = bench.message();
    for _ in 0..SOCKETS {
        bench.upgraded();
    }
    let life = bench.idle();
    let second = life.spent / (SPAN.0 / 1000) as u32;

    println!(
        "{SOCKETS} idle WebSockets, {} s of the gateway's time",
        SPAN.0 / 1000
    );
    println!("  pings sent and answered     {:>10}", life.pings);
    println!(
        "  a ping, its timer and pong  {:>10.0} ns",
        nanos(life.spent, life.pings)
    );
    println!(
        "  a relayed message           {:>10.0} ns",
        nanos(message, MESSAGES)
    );
    println!(
        "  one ping costs as much as   {:>10.2} relayed messages",
        nanos(life.spent, life.pings) / nanos(message, MESSAGES)
    );
    println!(
        "  all timers, of one core     {:>10.3} %",
        100.0 * second.as_secs_f64()
    );
    println!("  the gateway's memory, a WebSocket {socket} bytes, a raw connection {plain} bytes");
}

/// A gateway and the little of a runtime that it needs.
struct Bench {
    gateway: Gateway,
    now: Now,
    port: u32,
}

struct Life {
    pings: u32,
    spent: Duration,
}

impl Bench {
    fn new() -> Self {
        let limits = Limits {
            clients: 20_000,
            connections: 20_000,
            per_address: 20_000,
            rate: None,
            login: Millis::from_secs(86_400),
            ..Limits::default()
        };
        let config = Config {
            limits,
            ..Config::default()
        };
        Self {
            gateway: Gateway::new(Arc::new(config), Now::default()),
            now: Now::default(),
            port: 0,
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now, input);
    }

    /// Carries out what was decided; which connections were written to.
    fn drain(&mut self) -> Vec<ConnId> {
        let mut written = Vec::new();
        while let Some(action) = self.gateway.poll() {
            match action {
                Action::Write(id, _) => written.push(id),
                Action::Broadcast(recipients, _) => written.extend(recipients.iter()),
                Action::Lookup(ticket, _) => {
                    let member = Member {
                        id: MemberId(i64::from(self.port)),
                        nick: format!("nick{}", self.port).into(),
                        name: "Name".into(),
                    };
                    self.handle(Input::Answer(ticket, Answer::Member(member)));
                }
                Action::Close(_)
                | Action::Abort(_)
                | Action::Finish(_)
                | Action::Pause(_)
                | Action::Resume(_)
                | Action::Note(_) => {}
            }
        }
        for id in &written {
            self.gateway.handle(self.now, Input::Backlog(*id, 0));
        }
        written
    }

    fn connect(&mut self, first: &[u8]) -> ConnId {
        self.port += 1;
        let peer = SocketAddr::from((Ipv4Addr::from(self.port), 4242));
        let listener = ListenerId(0);
        let origin = Accepted {
            listener,
            peer: peer.into(),
            user: None,
        };
        let accepted = self.gateway.accept(self.now, origin);
        let id = accepted.expect("there is room");
        self.handle(Input::Bytes(id, first));
        self.drain();
        id
    }

    fn upgraded(&mut self) -> ConnId {
        self.connect(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
    }

    /// How long [`MESSAGES`] take from one WebSocket to another.
    fn message(&mut self) -> Duration {
        let alice = self.upgraded();
        self.handle(Input::Bytes(alice, &frame(0x2, b"IDENTIFY 1 x\0")));
        self.drain();
        let bob = self.upgraded();
        self.handle(Input::Bytes(bob, &frame(0x2, b"IDENTIFY 2 x\0")));
        self.drain();
        let msg = frame(
            0x2,
            b"MSG nick1 Anybody there? It is a fine day for a chat.\0",
        );
        let start = Instant::now();
        for _ in 0..MESSAGES {
            self.handle(Input::Bytes(bob, &msg));
            assert_eq!(self.drain().len(), 2);
        }
        start.elapsed()
    }

    /// Lets time pass: every ping is answered at once.
    fn idle(&mut self) -> Life {
        let pong = frame(0xa, b"");
        let end = self.now.mono + SPAN;
        let mut pings = 0;
        let start = Instant::now();
        while let Some(at) = self.gateway.poll_timeout().filter(|at| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.handle(Input::Timeout);
            for id in self.drain() {
                pings += 1;
                self.handle(Input::Bytes(id, &pong));
            }
        }
        let spent = start.elapsed();
        assert!(u64::from(pings) >= u64::from(SOCKETS) * (SPAN.0 / 25_000));
        Life { pings, spent }
    }
}

/// A whole frame as a client sends it.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let masked = payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b);
    let head = [0x80 | opcode, 0x80 | payload.len() as u8];
    head.into_iter().chain(key).chain(masked).collect()
}

fn nanos(time: Duration, times: u32) -> f64 {
    time.as_nanos() as f64 / f64::from(times)
}

/// Bytes on the heap for each of many connections.
fn bytes_each(connect: impl Fn(&mut Bench) -> ConnId) -> usize {
    let mut bench = Bench::new();
    // The tables have grown to their size.
    let ids: Vec<ConnId> = (0..SOCKETS).map(|_| connect(&mut bench)).collect();
    let with = HEAP.load(Ordering::Relaxed);
    drop(bench);
    let without = HEAP.load(Ordering::Relaxed);
    (with - without) / ids.len()
}

/// Counts the bytes that are in use.
struct Counting;

static HEAP: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
