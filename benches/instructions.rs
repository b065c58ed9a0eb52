//! The instructions of the core for each kind of work, counted by valgrind's callgrind, and its allocations, counted by
//! dhat. They are the same in every run, whatever else the machine does.
//!
//!     .ci/instructions
//!
//! Each bench does its work [`TIMES`] times. Its limit is the count at the time when the limit was set, plus a tenth. A
//! change that makes the core slower fails; a change that makes it faster lowers the limit.

#![expect(missing_docs, reason = "the macros make modules of their own")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Answer, Cause, Config, ConnId, Gateway, Input, Limits, ListenerId, Member,
    MemberId, Now, Presence,
};
use gungraun::prelude::*;
use gungraun::{Callgrind, Dhat, DhatMetric, EventKind};

const TIMES: u64 = 1000;

// One member writes to another: two frames out, and what was flushed is reported, as runtimes do.
#[library_benchmark]
#[bench::raw(args = (Wire::Raw, 2), setup = Server::of, config = most(3900, 2))]
#[bench::binary(args = (Wire::Binary, 2), setup = Server::of, config = most(4640, 2))]
#[bench::text(args = (Wire::Text, 2), setup = Server::of, config = most(4770, 2))]
#[bench::among_10_000(args = (Wire::Raw, 10_000), setup = Server::of, config = most(4080, 2))]
fn private_message(mut server: Server) -> Server {
    let message = server.wire.frame(b"MSG nick1 a word or two for you\0");
    for _ in 0..TIMES {
        server.hears(0, &message);
    }
    server
}

// The least that a client can ask.
#[library_benchmark]
#[bench::raw(args = (Wire::Raw, 1), setup = Server::of, config = most(2380, 2))]
#[bench::binary(args = (Wire::Binary, 1), setup = Server::of, config = most(3170, 2))]
fn ping(mut server: Server) -> Server {
    let message = server.wire.frame(b"PING x\0");
    for _ in 0..TIMES {
        server.hears(0, &message);
    }
    server
}

// Who is online, asked by many while nobody comes or goes.
#[library_benchmark]
#[bench::of_1_000(args = (Wire::Raw, 1000), setup = Server::of, config = most(2230, 1))]
fn list(mut server: Server) -> Server {
    for asks in 0..TIMES {
        server.hears(asks as usize, b"LIST\0");
    }
    server
}

// A member comes and goes again, and all of 1,000 hear both: a hundred times, so that 200 is for one delivery.
#[library_benchmark]
#[bench::to_1_000(args = (Wire::Raw, 1000), setup = Server::of, config = most(46_920, 2))]
fn presence(mut server: Server) -> Server {
    for _ in 0..TIMES / 10 {
        let id = server.connect();
        server.log_in(id);
        server.leave(id);
    }
    server
}

// One member of a room writes to all twenty.
#[library_benchmark]
#[bench::to_20(args = (20, 1), setup = Server::of_rooms, config = most(9230, 4))]
fn room_message(mut server: Server) -> Server {
    for _ in 0..TIMES {
        server.hears(0, b"MSG #r0 a word or two for you\0");
    }
    server
}

// A member joins a room of twenty, gets its state, and parts.
#[library_benchmark]
#[bench::of_20(args = (20, 1), setup = Server::of_rooms, config = most(31_990, 25))]
fn join(mut server: Server) -> Server {
    let id = server.connect();
    server.log_in(id);
    for _ in 0..TIMES {
        server.gets(id, b"JOIN #r0\0");
        server.gets(id, b"PART #r0\0");
    }
    server
}

// The rooms, asked for by many while nothing happens in them.
#[library_benchmark]
#[bench::of_100(args = (100, 100), setup = Server::of_rooms, config = most(17_890, 13))]
fn rooms(mut server: Server) -> Server {
    for asks in 0..TIMES {
        server.hears(asks as usize % 100, b"ROOMS\0");
    }
    server
}

// A connection that logs in and leaves, with nobody there.
#[library_benchmark]
#[bench::raw(args = (Wire::Raw, 0), setup = Server::of, config = most(13_150, 15))]
#[bench::binary(args = (Wire::Binary, 0), setup = Server::of, config = most(25_410, 20))]
fn visit(mut server: Server) -> Server {
    for _ in 0..TIMES {
        let id = server.connect();
        server.log_in(id);
        server.leave(id);
    }
    server
}

// What Flash asks before anything else.
#[library_benchmark]
#[bench::raw(args = (Wire::Raw, 0), setup = Server::of, config = most(2800, 1))]
fn policy(mut server: Server) -> Server {
    for _ in 0..TIMES {
        let id = server.accept();
        server.gets(id, b"<policy-file-request/>\0");
        server.leave(id);
    }
    server
}

library_benchmark_group!(
    name = core,
    benchmarks = [
        private_message,
        ping,
        list,
        presence,
        room_message,
        join,
        rooms,
        visit,
        policy
    ]
);
main!(library_benchmark_groups = core);

/// Limits: these numbers of instructions and allocations for each time, and a tenth more.
fn most(instructions: u64, blocks: u64) -> LibraryBenchmarkConfig {
    let limit = |each: u64| each * TIMES * 11 / 10;
    let mut config = LibraryBenchmarkConfig::default();
    config
        .tool(Callgrind::default().hard_limits([(EventKind::Ir, limit(instructions))]))
        // Deep stacks, too: an allocation is counted where the bench is among its callers.
        .tool(
            Dhat::with_args(["--num-callers=100"])
                .hard_limits([(DhatMetric::TotalBlocks, limit(blocks))]),
        );
    config
}

/// How clients speak.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Raw,
    Binary,
    Text,
}

impl Wire {
    /// A command as a client sends it, under a mask that changes nothing.
    fn frame(self, command: &[u8]) -> Vec<u8> {
        let head = |first| [first, 0x80 | command.len() as u8, 0, 0, 0, 0];
        match self {
            Self::Raw => command.to_vec(),
            Self::Binary => [&head(0x82), command].concat(),
            Self::Text => [&head(0x81), command].concat(),
        }
    }
}

/// A gateway, the members who are online in it, and as little of a runtime as it needs.
struct Server {
    gateway: Gateway,
    wire: Wire,
    members: Vec<ConnId>,
    port: u32,
    /// Connections that were written to since the last flush.
    written: Vec<ConnId>,
}

impl Server {
    fn of(wire: Wire, members: usize) -> Self {
        let limits = Limits {
            clients: 20_000,
            connections: 20_000,
            per_address: 20_000,
            rate: None,
            ..Limits::default()
        };
        // Nobody is notified of these logins, which would take most of the time.
        let quiet = Config {
            limits,
            presence: Presence::Off,
            ..Config::default()
        };
        let told = Config {
            presence: Presence::All,
            ..quiet.clone()
        };
        let mut server = Self {
            gateway: Gateway::new(Arc::new(quiet), Now::default()),
            wire,
            members: Vec::new(),
            port: 0,
            written: Vec::new(),
        };
        for _ in 0..members {
            let id = server.connect();
            server.log_in(id);
            server.members.push(id);
        }
        let told = Input::Configure(Arc::new(told));
        server.gateway.handle(Now::default(), told);
        server
    }

    /// Members in rooms: the first in the first room, and so on in turn.
    fn of_rooms(members: usize, rooms: usize) -> Self {
        let mut server = Self::of(Wire::Raw, members);
        for member in 0..members {
            let join = format!("JOIN #r{}\0", member % rooms);
            server.hears(member, join.as_bytes());
        }
        server
    }

    fn accept(&mut self) -> ConnId {
        self.port += 1;
        let address = Ipv4Addr::from_bits(0x7f00_0000 | self.port >> 15);
        let origin = Accepted {
            listener: ListenerId(0),
            peer: SocketAddr::from((address, 1024 + (self.port & 0x7fff) as u16)).into(),
            user: None,
        };
        self.gateway
            .accept(Now::default(), origin)
            .expect("the limit is not reached")
    }

    fn connect(&mut self) -> ConnId {
        let id = self.accept();
        if !matches!(self.wire, Wire::Raw) {
            self.gets(id, UPGRADE);
        }
        id
    }

    fn log_in(&mut self, id: ConnId) {
        let identify = self.wire.frame(b"IDENTIFY 1 x\0");
        self.gets(id, &identify);
    }

    fn leave(&mut self, id: ConnId) {
        let gone = Input::Gone(id, Cause::Closed);
        self.gateway.handle(Now::default(), gone);
        self.carry_out();
    }

    fn hears(&mut self, member: usize, bytes: &[u8]) {
        self.gets(self.members[member], bytes);
    }

    fn gets(&mut self, id: ConnId, bytes: &[u8]) {
        self.gateway.handle(Now::default(), Input::Bytes(id, bytes));
        self.carry_out();
    }

    /// Does what was decided, then says that everything was written.
    fn carry_out(&mut self) {
        loop {
            while let Some(action) = self.gateway.poll() {
                self.take(action);
            }
            if self.written.is_empty() {
                return;
            }
            for id in std::mem::take(&mut self.written) {
                self.gateway.handle(Now::default(), Input::Backlog(id, 0));
            }
        }
    }

    fn take(&mut self, action: Action) {
        match action {
            Action::Write(id, _) => self.written.push(id),
            Action::Broadcast(recipients, _) => self.written.extend(recipients.iter()),
            Action::Lookup(ticket, _) => {
                let number = self.port;
                let member = Member {
                    id: MemberId(i64::from(number)),
                    nick: format!("nick{}", self.members.len()).into(),
                    name: "Name".into(),
                };
                let answer = Input::Answer(ticket, Answer::Member(member));
                self.gateway.handle(Now::default(), answer);
            }
            Action::Finish(_)
            | Action::Close(_)
            | Action::Abort(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Note(_) => {}
        }
    }
}

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
