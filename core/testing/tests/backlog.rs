//! Compares the memory that a server holds for clients that do not read, in allocated bytes, with what the core
//! counts by [`Chunk::memory`] and limits.
//!
//! The queues are those of both runtimes. Nothing is ever written from them, so that every limit is reached. The core
//! never counts less than what is held, and for a single queue not much more.

#![expect(clippy::print_stdout, reason = "a change of the figure has to be seen")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Answer, Cause, Chunk, Chunks, CodePage, Config, ConnId, Gateway, Input,
    ListenerId, Login, MAX_READ, Member, Now, Presence, Query, Ticket,
};
use flashgate_testing::counting::{Counting, held, most_held};

#[global_allocator]
static ALLOCATOR: Counting = Counting::by_thread();

/// Messages from others to a client that does not read: its queue is all that is held.
#[test]
fn a_backlog_stays_within_its_limit() {
    for wire in [Wire::Raw, Wire::Binary, Wire::Text] {
        for text in texts([1, 20, 200, 2000, 8000]) {
            let mut room = Room::new();
            let deaf = room.log_in(wire, 1, "Deaf");
            let sender = room.log_in(Wire::Raw, 2, "Sender");
            room.say(deaf, "PING warm");
            room.stop_reading(deaf);
            let message = format!("MSG n1 {text}");
            // As many as a gateway that counted bytes would allow.
            let most = room.flood(1 << 20, |room| room.say(sender, &message), deaf);
            let what = format!("{wire:?}, messages of {}", shown(&text));
            near(&what, most, BACKLOG, BACKLOG + longest(&text));
        }
    }
}

/// Logins and departures, broadcast to a client that does not read.
#[test]
fn a_backlog_of_logins_and_quits_stays_within_its_limit() {
    for wire in [Wire::Raw, Wire::Binary, Wire::Text] {
        let mut room = Room::new();
        let deaf = room.log_in(wire, 1, "Deaf");
        let visit = |room: &mut Room| {
            let visitor = room.log_in(Wire::Raw, 2, "Visitor");
            room.say(visitor, "QUIT");
            room.leave(visitor);
        };
        visit(&mut room);
        room.stop_reading(deaf);
        let most = room.flood(1 << 20, visit, deaf);
        near(
            &format!("{wire:?}, presence"),
            most,
            BACKLOG,
            BACKLOG + longest(""),
        );
    }
}

/// Each recipient of a broadcast counts all of its memory, though the recipients share it.
#[test]
fn each_recipient_counts_a_shared_broadcast() {
    const DEAF: u32 = 50;
    let mut room = Room::new();
    let deaf: Vec<_> = (0..DEAF)
        .map(|n| room.log_in(Wire::Raw, 10 + n, "Deaf"))
        .collect();
    let before = held();
    for id in &deaf {
        room.stop_reading(*id);
    }
    for _ in 0..1000 {
        let visitor = room.log_in(Wire::Raw, 2, "Visitor");
        room.say(visitor, "QUIT");
        room.leave(visitor);
    }
    let (all, counted) = (held() - before, room.left());
    println!("{DEAF} who share {:>8} bytes, {counted} are counted", all);
    assert!(all < counted && all > counted / 4, "{all} of {counted}");
}

/// A client's own answers hold back its next command, however small they are.
#[test]
fn own_answers_stay_within_their_limit() {
    for wire in [Wire::Raw, Wire::Binary, Wire::Text] {
        for text in texts([1, 50, 500, 4000, 8000]) {
            let mut room = Room::new();
            let deaf = room.log_in(wire, 1, "Deaf");
            room.say(deaf, "PING warm");
            room.stop_reading(deaf);
            let ping = format!("PING {text}");
            let most = room.flood(5000, |room| room.say(deaf, &ping), deaf);
            let what = format!("{wire:?}, own answers of {}", shown(&text));
            // The command that waits is held, too.
            let most_of_all = OWN + longest(&text) + 3 * text.len() as isize;
            near(&what, most, OWN, most_of_all);
        }
    }
    let mut room = Room::new();
    let deaf = room.log_in(Wire::Binary, 1, "Deaf");
    room.stop_reading(deaf);
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let most = room.flood(5000, |room| room.bytes(deaf, &ping), deaf);
    // Such a short piece takes less memory than allocators round up to.
    println!("{:<32} {most:>8} bytes of {OWN}", "pongs");
    assert!(
        (OWN / 2..OWN + longest("")).contains(&most),
        "pongs: {most}"
    );
}

/// Many clients send LIST and do not read the answer: they share it, in every form.
#[test]
fn clients_that_ask_for_the_same_list_share_it() {
    let mut room = Room::of(MEMBERS);
    let mut asks = |wire: Wire, paged: bool| -> Vec<ConnId> {
        let asker = |_| {
            let id = room.connect(wire);
            if paged {
                room.bytes(id, b"PING \xe9\0");
            }
            id
        };
        (0..ASKERS).map(asker).collect()
    };
    let groups = [
        ("raw", asks(Wire::Raw, false)),
        ("binary", asks(Wire::Binary, false)),
        ("text", asks(Wire::Text, false)),
        ("raw, in ASCII", asks(Wire::Raw, true)),
    ];
    let mut longest = 0;
    let before = held();
    for (what, askers) in &groups {
        let (before, left) = (held(), room.left());
        for id in askers {
            room.stop_reading(*id);
            room.say(*id, "LIST");
            // The next answer waits until this one is read.
            room.say(*id, "LIST");
        }
        let (all, counted) = (held() - before, room.left() - left);
        let list = counted / ASKERS as isize;
        longest = longest.max(list);
        println!("LIST, {what:<13} {all:>8} bytes for {ASKERS} who count {list} each");
        // The answer is made once.
        assert!(all < list + EACH * ASKERS as isize, "{what}: {all}");
    }
    let all = held() - before;
    let many = EACH * (ASKERS * groups.len()) as isize;
    assert!(
        all < 2 * longest + many,
        "one with its characters, one in ASCII: {all}"
    );
    // After a change there is a second version for clients that ask now. Each client counts its own.
    let newcomer = room.log_in(Wire::Raw, MEMBERS + 1, "New");
    room.stop_reading(newcomer);
    room.say(newcomer, "LIST");
    let versions = held() - before;
    assert!(versions < 3 * longest + many, "{versions}");
}

/// Each client holds one list at the most, however many versions of it there are.
#[test]
fn a_client_holds_one_list_at_most() {
    let (mut room, mut counted, mut all) = (Room::of(MEMBERS), 0, 0);
    let askers: Vec<_> = (0..10).map(|_| room.connect(Wire::Raw)).collect();
    let before = held();
    for id in &askers {
        room.stop_reading(*id);
    }
    for _ in 0..3 {
        for id in &askers {
            let visitor = room.log_in(Wire::Raw, MEMBERS + 1, "Visitor");
            room.say(visitor, "QUIT");
            room.leave(visitor);
            room.say(*id, "LIST");
        }
        (counted, all) = (counted.max(room.left()), all.max(held() - before));
        // They read all of it but one byte, and get no other.
        room.take_all_but_one();
    }
    // The version for the next client is held, too.
    let most = counted + counted / askers.len() as isize;
    println!("LIST, in versions {all:>8} bytes of {most}");
    assert!(all < most + EACH * askers.len() as isize);
    assert!(all > most * 7 / 10);
}

/// What a connection keeps of waiting commands: the beginning of one, and the read that completed it.
#[test]
fn unread_commands_stay_within_their_limit() {
    for wire in [Wire::Raw, Wire::Binary, Wire::Text] {
        let mut room = Room::new();
        let deaf = room.log_in(wire, 1, "Deaf");
        room.stop_reading(deaf);
        let ping = format!("PING {}", "x".repeat(COMMAND - 5));
        let command = match wire {
            Wire::Raw => format!("{ping}\0").into_bytes(),
            Wire::Binary => frame(0x82, &format!("{ping}\0")),
            Wire::Text => frame(0x81, &ping),
        };
        let stream = command.repeat(30);
        let before = held();
        let (mut at, mut most) = (0, 0);
        while !room.paused.contains(&deaf) {
            // All of a command but its last byte, and then the longest possible read.
            let begun = at % command.len() == command.len() - 1;
            let piece = match begun {
                true => MAX_READ,
                false => command.len() - 1 - at % command.len(),
            };
            room.bytes(deaf, &stream[at..at + piece]);
            at += piece;
            most = most.max(held() - before - room.left());
        }
        let what = format!("{wire:?}, unread commands");
        println!("{what:<32} {most:>8} bytes of {UNREAD}");
        assert!(most <= UNREAD && most > UNREAD / 3, "{wire:?}: {most}");
    }
}

/// A queue that a writer has taken out, and the queue that has grown meanwhile, take no more than is counted while
/// they become one: however long each is.
#[test]
fn queues_that_become_one_stay_within_what_is_counted() {
    for (taken, since) in [
        (1, 0),
        (1, 9000),
        (10, 9000),
        (3000, 6000),
        (4500, 4500),
        (6000, 3000),
        (9000, 10),
    ] {
        let before = held();
        let (mut first, mut queue) = (Chunks::default(), Chunks::default());
        (0..taken).for_each(|_| first.push(Chunk::from(&b"<msg />"[..])));
        (0..since).for_each(|_| queue.push(Chunk::from(&b"<msg />"[..])));
        let counted = (first.left() + queue.left()) as isize;
        let (most, spare) = most_held(|| queue.put_back(first));
        assert!(spare.is_empty());
        assert_eq!(
            (queue.len(), queue.left() as isize),
            (taken + since, counted)
        );
        let most = most - before;
        assert!(
            most <= counted + 2048,
            "{taken} and {since}: {most} are held, {counted} are counted"
        );
    }
}

/// Texts of these lengths, and one that becomes as long as possible when it is escaped.
fn texts(lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = String> {
    let plain = lengths.into_iter().map(|length| "x".repeat(length));
    plain.chain(["\"".repeat(COMMAND - 10)])
}

fn shown(text: &str) -> String {
    format!("{} {:.1}", text.len(), text)
}

/// A message or an answer that passes the limit, as long as escapes make it; its markup; and places in a
/// queue that are kept in vain.
fn longest(text: &str) -> isize {
    6 * text.len() as isize + 2048
}

fn near(what: &str, held: isize, limit: isize, most: isize) {
    println!("{what:<32} {held:>8} bytes of {limit}");
    assert!(held <= most, "{what}: {held} are held, {most} may");
    assert!(
        held > limit * 7 / 10,
        "{what}: {held} are held, {limit} are counted"
    );
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Raw,
    Binary,
    Text,
}

/// A gateway, and the queues of clients that do not read.
struct Room {
    gateway: Gateway,
    wires: BTreeMap<ConnId, Wire>,
    deaf: BTreeMap<ConnId, Chunks>,
    aborted: Vec<ConnId>,
    paused: BTreeSet<ConnId>,
}

impl Room {
    fn new() -> Self {
        Self::with(Presence::All)
    }

    fn with(presence: Presence) -> Self {
        let mut config = Config {
            presence,
            codepage: CodePage::named("windows-1252").ok(),
            ..Config::default()
        };
        config.limits.rate = None;
        Self {
            gateway: Gateway::new(Arc::new(config), Now::default()),
            wires: BTreeMap::new(),
            deaf: BTreeMap::new(),
            aborted: Vec::new(),
            paused: BTreeSet::new(),
        }
    }

    /// A gateway with this many members online, whose names are not ASCII.
    fn of(members: u32) -> Self {
        let mut room = Self::with(Presence::Off);
        for n in 1..=members {
            room.log_in(Wire::Raw, n, "Naïve naïve naïve naïve naïve");
        }
        room
    }

    fn connect(&mut self, wire: Wire) -> ConnId {
        let origin = Accepted {
            listener: ListenerId(0),
            peer: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 4242).into(),
            user: None,
        };
        let id = self.gateway.accept(Now::default(), origin);
        let id = id.expect("there is room");
        self.wires.insert(id, wire);
        if wire != Wire::Raw {
            self.bytes(id, UPGRADE);
        }
        id
    }

    fn log_in(&mut self, wire: Wire, n: u32, name: &str) -> ConnId {
        let id = self.connect(wire);
        self.say(id, &format!("IDENTIFY {n} {name}"));
        id
    }

    fn say(&mut self, id: ConnId, text: &str) {
        match self.wires[&id] {
            Wire::Raw => self.bytes(id, format!("{text}\0").as_bytes()),
            Wire::Binary => self.bytes(id, &frame(0x82, &format!("{text}\0"))),
            Wire::Text => self.bytes(id, &frame(0x81, text)),
        }
    }

    fn bytes(&mut self, id: ConnId, bytes: &[u8]) {
        self.input(Input::Bytes(id, bytes));
    }

    fn stop_reading(&mut self, id: ConnId) {
        self.deaf.insert(id, Chunks::default());
    }

    fn leave(&mut self, id: ConnId) {
        self.input(Input::Gone(id, Cause::Closed));
        self.wires.remove(&id);
    }

    /// Returns the most that is held until the connection is closed or has to wait.
    fn flood(&mut self, times: usize, mut act: impl FnMut(&mut Self), deaf: ConnId) -> isize {
        let before = held();
        let mut most = 0;
        let mut left = 0;
        for _ in 0..times {
            act(self);
            most = most.max(held() - before);
            let now = self.deaf[&deaf].left();
            if self.aborted.contains(&deaf) || now == left {
                break;
            }
            left = now;
        }
        most
    }

    /// Reads all of each queue but one byte.
    fn take_all_but_one(&mut self) {
        let ids: Vec<_> = self.deaf.keys().copied().collect();
        for id in ids {
            let queue = self.deaf.get_mut(&id).expect("it is there");
            let bytes: usize = queue.parts().map(<[u8]>::len).sum();
            queue.advance(bytes - 1);
            let left = queue.left();
            self.input(Input::Backlog(id, left));
        }
    }

    /// What the core counts for all connections.
    fn left(&self) -> isize {
        self.deaf.values().map(Chunks::left).sum::<usize>() as isize
    }

    /// Gives an input, and carries out the actions.
    fn input(&mut self, input: Input<'_>) {
        self.gateway.handle(Now::default(), input);
        let (mut written, mut asked) = (BTreeSet::new(), Vec::new());
        while let Some(action) = self.gateway.poll() {
            self.carry_out(action, &mut written, &mut asked);
        }
        for id in written {
            let left = self.deaf.get(&id).map_or(0, Chunks::left);
            self.input(Input::Backlog(id, left));
        }
        for (ticket, query) in asked {
            let Query::Identify {
                login, password, ..
            } = query
            else {
                panic!("the gateway decides about claims");
            };
            let Login::Id(id) = login else {
                panic!("members are asked for by number");
            };
            let member = Member {
                id,
                nick: format!("n{}", id.0).into(),
                name: password.expose().into(),
            };
            self.input(Input::Answer(ticket, Answer::Member(member)));
        }
    }

    fn carry_out(
        &mut self,
        action: Action,
        written: &mut BTreeSet<ConnId>,
        asked: &mut Vec<(Ticket, Query)>,
    ) {
        let mut write = |id, chunk: Chunk| {
            written.insert(id);
            if let Some(queue) = self.deaf.get_mut(&id) {
                queue.push(chunk);
            }
        };
        match action {
            Action::Lookup(ticket, query) => asked.push((ticket, query)),
            Action::Write(id, chunk) => write(id, chunk),
            Action::Broadcast(to, chunk) => to.iter().for_each(|id| write(id, chunk.clone())),
            Action::Abort(id) => self.aborted.push(id),
            Action::Pause(id) => drop(self.paused.insert(id)),
            Action::Resume(id) => drop(self.paused.remove(&id)),
            Action::Note(_) | Action::Finish(_) | Action::Close(_) => {}
        }
    }
}

/// A frame under a mask that changes nothing.
fn frame(first: u8, text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short message");
    let mut frame = vec![first];
    if length < 126 {
        frame.push(0x80 | length as u8);
    } else {
        frame.push(0xfe);
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

const MEMBERS: u32 = 3000;
const ASKERS: usize = 100;

/// The default limits.
const BACKLOG: isize = 1024 * 1024;
const OWN: isize = 64 * 1024;
const COMMAND: usize = 8 * 1024;

/// What a connection may keep of commands that wait.
const UNREAD: isize = 48 * 1024;

/// The most that a queue of one chunk and a waiting command take.
const EACH: isize = 600;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
