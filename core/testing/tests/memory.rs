//! The memory that an idle member costs the core, in allocated bytes.
//!
//! Enough members log in to fill every array that grows by doubling: an empty half takes no physical memory.
//! Each has an address of its own and is subject to limits. The timer for the login still runs for each, and the last
//! login was broadcast. Not counted: what an allocator adds to each piece (one for each member, another for
//! a WebSocket), the answer to LIST, which is kept until the list changes, and what a runtime and the system have
//! for a connection.
//!
//! The same for a member of a room: what the room and its list of recipients take, for each member. The state of a room is
//! kept like the answer to LIST, and not counted either.

#![expect(clippy::print_stdout, reason = "a change of the figure has to be seen")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Answer, Config, ConnId, Gateway, Input, Limits, ListenerId, Member, MemberId,
    Now, Presence,
};
use flashgate_testing::counting::{Counting, asked, held};

#[global_allocator]
static ALLOCATOR: Counting = Counting::by_thread();

#[test]
fn an_idle_member_is_small() {
    for (row, wire, address, measured) in [
        ("raw", Wire::Raw, v4 as fn(u32) -> IpAddr, 239),
        ("raw, IPv6", Wire::Raw, v6, 260),
        ("binary", Wire::Binary, v4, 327),
        ("text", Wire::Text, v4, 327),
    ] {
        let each = cost(wire, address);
        println!("{row:<10} {each:>4} bytes for each of {MEMBERS}");
        // 5 % more fails. If the memory becomes less, lower the figure, so that the gain is not lost again.
        let most = measured * 21 / 20;
        assert!(each <= most, "{row}: {each} bytes, {most} allowed");
    }
}

/// Each room that a member is in costs at most 40 bytes, the snapshot of the room's connections included. The state of a
/// room is not counted: it is made for a newcomer, lists 200 members at most, and is dropped with the next change.
#[test]
fn a_place_in_a_room_is_small() {
    // A power of two each, so that the arrays are full.
    const ROOMS: usize = 16;
    const MEMBERS: u32 = 512;
    let mut server = Server::new(Wire::Raw, v4);
    let ids: Vec<_> = (1..=MEMBERS).map(|n| server.log_in(n)).collect();
    for (n, id) in (1..).zip(&ids) {
        server.bytes(n, *id, b"HELLO\0");
    }
    let before = held();
    for room in 0..ROOMS {
        for (n, id) in (1..).zip(&ids) {
            server.bytes(n, *id, format!("JOIN #{room}\0").as_bytes());
        }
        server.bytes(1, ids[0], format!("TOPIC #{room}\0").as_bytes());
    }
    let places = MEMBERS as isize * ROOMS as isize;
    let each = (held() - before) / places;
    println!("a room     {each:>4} bytes for each of {MEMBERS} in {ROOMS}");
    assert!(each <= 40, "{each} bytes for each member and room");
    assert!(each >= 28, "members are in the rooms: {each} bytes");
}

#[test]
fn a_member_of_a_room_is_small() {
    // With the one who comes and goes it is full. A larger room would take minutes to fill, and no more for each member.
    let large = LARGE - 1;
    let each = cost_of_rooms(1, large) / large as isize;
    println!("one room     {each:>3} bytes for each member");
    assert!(each <= 40, "one room: {each} bytes");
    // What a room costs by itself is left out: its name, and what is encoded.
    let (rooms, size) = (MEMBERS / 20, 20);
    let alone = cost_of_rooms(rooms, 1);
    let each = (cost_of_rooms(rooms, size) - alone) / (rooms * (size - 1)) as isize;
    let room = alone / rooms as isize - each;
    println!("rooms of 20  {each:>3} bytes for each member of each room, {room} for the room");
    assert!(each <= 40, "rooms of 20: {each} bytes");
}

/// Bytes of rooms of one size, which have all members in turn.
fn cost_of_rooms(rooms: u32, size: u32) -> isize {
    let mut server = Server::new(Wire::Raw, v4);
    let ids: Vec<_> = (1..=MEMBERS).map(|n| server.log_in(n)).collect();
    let mut say = |chair: u32, command: &str| {
        let at = chair % MEMBERS;
        server.bytes(at + 1, ids[at as usize], command.as_bytes());
    };
    let before = held();
    let rounds = [(); 2].map(|()| {
        for room in 0..rooms {
            let chairs = room * size..(room + 1) * size;
            for chair in chairs.clone() {
                say(chair, &format!("JOIN #{room}r\0"));
            }
            // Another member comes and goes, so that no state is kept. The recipients of a message are.
            say(chairs.end, &format!("JOIN #{room}r\0PART #{room}r\0"));
            say(chairs.start, &format!("MSG #{room}r x\0"));
        }
        let all = held() - before;
        for chair in 0..rooms * size {
            say(chair, &format!("PART #{}r\0", chair / size));
        }
        (all, held() - before)
    });
    let [(all, left), (_, left_again)] = rounds;
    assert_eq!(left_again, left, "memory comes back");
    // Arrays keep their capacity.
    let seats = (rooms * size) as isize;
    assert!(
        left <= 256 * rooms as isize + 24 * seats,
        "{left} bytes are left"
    );
    all
}

#[test]
fn a_join_touches_only_its_room() {
    let mut server = Server::new(Wire::Raw, v4);
    let ids: Vec<_> = (1..=MEMBERS).map(|n| server.log_in(n)).collect();
    for (n, id) in (1..=LARGE).zip(&ids).skip(2) {
        server.bytes(n, *id, b"JOIN #large\0");
    }
    server.bytes(1, ids[0], b"JOIN #small\0");
    server.written = Some(Vec::with_capacity(8));
    let (before, asked_before) = (held(), asked());
    server.bytes(2, ids[1], b"JOIN #small\0");
    let (grown, asked) = (held() - before, asked() - asked_before);
    // The join, for both, and the state of the room.
    let written = server.written.replace(Vec::new());
    assert_eq!(written, Some(vec![ids[0], ids[1], ids[1]]));
    assert!(grown <= 1024, "the gateway has grown by {grown} bytes");
    assert!(asked <= 4096, "{asked} bytes were allocated");
    // The large room is notified as a whole, and nobody else.
    server.bytes(2, ids[1], b"JOIN #large\0");
    let written = server.written.map(|written| written.len());
    // Those who were there, the newcomer, and the state.
    assert_eq!(written, Some(LARGE as usize));
}

/// Bytes per member.
fn cost(wire: Wire, address: fn(u32) -> IpAddr) -> isize {
    let before = held();
    let mut server = Server::new(wire, address);
    for n in 1..MEMBERS {
        server.log_in(n);
    }
    server.configure(Presence::All);
    server.log_in(MEMBERS);
    let all = held() - before;
    drop(server);
    assert_eq!(held(), before, "all is given back");
    all / MEMBERS as isize
}

fn v4(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

fn v6(n: u32) -> IpAddr {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(n)).into()
}

/// The wire form of members.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Raw,
    Binary,
    Text,
}

/// A gateway, with the least runtime that it needs.
struct Server {
    gateway: Gateway,
    wire: Wire,
    address: fn(u32) -> IpAddr,
    /// The connections that were written to, where a test wants to know.
    written: Option<Vec<ConnId>>,
}

impl Server {
    fn new(wire: Wire, address: fn(u32) -> IpAddr) -> Self {
        Self {
            gateway: Gateway::new(config(Presence::Off), Now::default()),
            wire,
            address,
            written: None,
        }
    }

    fn configure(&mut self, presence: Presence) {
        self.input(Input::Configure(config(presence)));
    }

    fn log_in(&mut self, n: u32) -> ConnId {
        let origin = Accepted {
            listener: ListenerId(0),
            peer: SocketAddr::new((self.address)(n), 4242).into(),
            user: None,
        };
        let id = self.gateway.accept(Now::default(), origin);
        let id = id.expect("there is room");
        let identify = format!("IDENTIFY {n} x\0");
        match self.wire {
            Wire::Raw => self.bytes(n, id, identify.as_bytes()),
            Wire::Binary => self.upgrade(n, id, 0x82, &identify),
            Wire::Text => self.upgrade(n, id, 0x81, &identify),
        }
        id
    }

    /// Begins a WebSocket and sends one message, under a mask that changes nothing.
    fn upgrade(&mut self, n: u32, id: ConnId, first: u8, text: &str) {
        self.bytes(n, id, UPGRADE);
        let head = [first, 0x80 | text.len() as u8, 0, 0, 0, 0];
        self.bytes(n, id, &[&head, text.as_bytes()].concat());
    }

    fn bytes(&mut self, n: u32, id: ConnId, bytes: &[u8]) {
        self.input(Input::Bytes(id, bytes));
        while let Some(action) = self.gateway.poll() {
            self.carry_out(n, action);
        }
    }

    fn carry_out(&mut self, n: u32, action: Action) {
        match action {
            Action::Lookup(ticket, _) => {
                let member = Member {
                    id: MemberId(n.into()),
                    nick: format!("nick{n}").into(),
                    name: format!("Member {n}").into(),
                };
                self.input(Input::Answer(ticket, Answer::Member(member)));
            }
            Action::Write(id, _) => {
                self.wrote(id);
            }
            Action::Broadcast(recipients, _) => {
                for id in recipients.iter() {
                    self.wrote(id);
                }
            }
            Action::Note(_) => {}
            Action::Finish(_)
            | Action::Close(_)
            | Action::Abort(_)
            | Action::Pause(_)
            | Action::Resume(_) => panic!("nobody leaves: {action:?}"),
        }
    }

    fn wrote(&mut self, id: ConnId) {
        if let Some(written) = &mut self.written {
            written.push(id);
        }
        self.input(Input::Backlog(id, 0));
    }

    fn input(&mut self, input: Input<'_>) {
        self.gateway.handle(Now::default(), input);
    }
}

fn config(presence: Presence) -> Arc<Config> {
    let limits = Limits {
        clients: MEMBERS as usize,
        connections: MEMBERS as usize,
        // Time stands still, so that no command would ever be free again.
        rate: None,
        ..Limits::default()
    };
    Arc::new(Config {
        limits,
        presence,
        ..Config::default()
    })
}

const MEMBERS: u32 = 1 << 14;

/// Members of a large room.
const LARGE: u32 = 1 << 10;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
