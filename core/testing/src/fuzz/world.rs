//! A gateway in a world that the fuzzer's bytes control: connections, lookups, time.

mod administration;
mod script;
mod settings;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::listener::{Broadcast, Listener};
use flashgate_core::{
    Accepted, Action, Answer, Audience, Cause, Chunk, ConnId, Denial, Gateway, HostFacts, Input,
    ListenerId, Login, Member, MemberEvent, MemberId, Millis, Now, Query, StoreState, Ticket,
    Unavailable, UnixSeconds,
};
use script::Script;
pub(super) use settings::config;

/// Whatever happens, in any order: nothing panics. The gateway's state stays consistent and within its limits. No
/// action is about a connection that is gone, and nothing is written to a connection after its end. Pauses and
/// resumes alternate. A WebSocket gets whole frames of one kind, one answer in each, and a close frame at the end.
/// Every member online gets every broadcast, in any wire form. The same inputs give the same actions. When all
/// connections are gone, nothing is left of them.
pub fn gateway(data: &[u8]) {
    let first = World::play(data);
    let second = World::play(data);
    assert_eq!(first, second, "the same inputs give the same actions");
}

/// How often a member joins a room in a run of [`gateway`]. Seeds without a join test no room.
pub fn joins(data: &[u8]) -> usize {
    World::play(data)
        .iter()
        .filter(|action| is_join(action))
        .count()
}

/// One that everybody in the room is notified of, in one of the forms.
fn is_join(action: &Action) -> bool {
    let Action::Broadcast(recipients, chunk) = action else {
        return false;
    };
    let is_room = matches!(recipients.audience(), Audience::Room(_));
    is_room && chunk.to_vec().windows(6).any(|word| word == b"<join ")
}

struct World<'a> {
    script: Script<'a>,
    gateway: Gateway,
    now: Now,
    peers: Vec<Peer>,
    lookups: Vec<Ticket>,
    /// Requests for administration that wait for the host.
    requests: Vec<Ticket>,
    /// A ticket that was answered already.
    stale: Option<Ticket>,
    broadcast: Broadcast,
    trace: Vec<Action>,
}

/// One connection as its runtime sees it.
struct Peer {
    id: ConnId,
    waiting: usize,
    reading: Reading,
    end: End,
    listener: Listener,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    Open,
    Paused,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum End {
    Open,
    Finished,
    Closed,
    Aborted,
    Gone,
}

impl<'a> World<'a> {
    fn play(data: &'a [u8]) -> Vec<Action> {
        let mut script = Script(data);
        let config = config(script.byte());
        let now = Now {
            mono: Millis(1000),
            utc: UnixSeconds(1_184_064_842),
            offset: 0,
        };
        let gateway = Gateway::new(Arc::new(config), now);
        let (peers, lookups, trace) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = World {
            script,
            gateway,
            now,
            peers,
            lookups,
            requests: Vec::new(),
            stale: None,
            broadcast: Broadcast::default(),
            trace,
        };
        while !world.script.0.is_empty() && world.trace.len() < 5000 {
            world.step();
        }
        world.settle();
        world.trace
    }

    fn step(&mut self) {
        match self.script.byte() % 16 {
            0 | 1 => self.accept(),
            2..=4 => {
                let length = usize::from(self.script.byte());
                let bytes = self.script.take(length);
                self.bytes(bytes);
            }
            5 | 6 => {
                let command = self.script.command();
                self.bytes(command);
            }
            7 => self.bytes(UPGRADE),
            8 => self.frame(),
            9 => self.eof(),
            10 => self.gone(),
            11 => self.flush(),
            12 => self.answer(),
            13 => {
                let leap = LEAPS[usize::from(self.script.byte()) % LEAPS.len()];
                self.now.mono = self.now.mono + Millis(leap);
                self.now.utc.0 += (leap / 1000) as i64;
                self.handle(Input::Timeout);
            }
            14 => {
                let byte = self.script.byte();
                let event = match byte % 8 {
                    id @ 0..=3 => MemberEvent::Disabled(MemberId(id.into())),
                    id => MemberEvent::Renamed(renamed(id % 4, byte)),
                };
                self.handle(Input::Member(event));
            }
            _ => self.seldom(),
        }
    }

    /// What happens less often.
    fn seldom(&mut self) {
        let byte = self.script.byte();
        match byte {
            0..=9 => self.handle(Input::Shutdown),
            10..=99 => self.stale(),
            100..=119 => {
                let text = String::from_utf8_lossy(self.script.command()).into();
                self.handle(Input::Announce(text));
            }
            120..=139 => {
                let member = Login::Id(MemberId(i64::from(self.script.byte() % 4)));
                self.handle(Input::Kick {
                    member,
                    reason: None,
                });
            }
            140..=159 => self.bytes(administration::request(byte)),
            160..=199 => self.administer(),
            _ => self.handle(Input::Host(HostFacts {
                log_dropped: 7,
                store: StoreState::Down,
                process: None,
            })),
        }
    }

    fn accept(&mut self) {
        let byte = self.script.byte();
        let address = match byte % 4 {
            0 => IpAddr::from([127, 0, 0, 1]),
            1 => IpAddr::from([192, 0, 2, byte >> 4]),
            2 => IpAddr::V6(Ipv6Addr::from_bits(
                u128::from(byte >> 5) << 64 | u128::from(byte),
            )),
            _ => IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]),
        };
        let is_unix = byte & 0x7f == UNIX;
        let origin = Accepted {
            listener: ListenerId(usize::from(byte >> 7)),
            peer: if is_unix {
                flashgate_core::Peer::Unix
            } else {
                SocketAddr::new(address, 1).into()
            },
            user: None,
        };
        if let Ok(id) = self.gateway.accept(self.now, origin) {
            assert!(
                self.peers.iter().all(|peer| peer.id != id),
                "an id never comes back"
            );
            self.peers.push(Peer {
                id,
                waiting: 0,
                reading: Reading::Open,
                end: End::Open,
                listener: Listener::default(),
            });
            if address == PROXY {
                self.handle(Input::Bytes(id, HEADER));
            } else if address == HTTP_PROXY {
                self.handle(Input::Bytes(id, FORWARDED));
            }
        }
        self.drain();
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let Some(peer) = self.pick() else { return };
        if peer.reading == Reading::Open && peer.end != End::Gone {
            let id = peer.id;
            self.handle(Input::Bytes(id, bytes));
        }
    }

    /// One frame, as a client masks it, in two pieces.
    fn frame(&mut self) {
        let head = HEADS[usize::from(self.script.byte()) % HEADS.len()];
        let payload = match self.script.byte() {
            short @ 0..=125 => self.script.take(usize::from(short)),
            _ => self.script.command(),
        };
        let key = [self.script.byte(), 0, 7, 0xff];
        let mut frame = Vec::from([head, 0x80 | payload.len() as u8]);
        frame.extend(key);
        frame.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
        let cut = usize::from(self.script.byte()).min(frame.len());
        let Some(id) = self.pick().map(|peer| peer.id) else {
            return;
        };
        for piece in [&frame[..cut], &frame[cut..]] {
            let peer = self.peers.iter().find(|peer| peer.id == id);
            if peer.is_some_and(|peer| peer.reading == Reading::Open && peer.end != End::Gone) {
                self.handle(Input::Bytes(id, piece));
            }
        }
    }

    fn eof(&mut self) {
        let Some(peer) = self.pick() else { return };
        if peer.reading != Reading::Ended && peer.end != End::Gone {
            peer.reading = Reading::Ended;
            let id = peer.id;
            self.handle(Input::Eof(id));
        }
    }

    fn gone(&mut self) {
        let cause = if self.script.byte().is_multiple_of(2) {
            Cause::Reset
        } else {
            Cause::TimedOut
        };
        // Timers fire before the input is taken, while the connection is still known.
        self.handle(Input::Timeout);
        let Some(peer) = self.pick() else { return };
        let cause = if peer.end >= End::Closed {
            Cause::Closed
        } else {
            cause
        };
        if peer.end != End::Gone {
            peer.end = End::Gone;
            let id = peer.id;
            self.handle(Input::Gone(id, cause));
        }
    }

    fn flush(&mut self) {
        let left = usize::from(self.script.byte());
        let Some(peer) = self.pick() else { return };
        if peer.end != End::Gone {
            peer.waiting = peer.waiting * left / 255;
            let (id, waiting) = (peer.id, peer.waiting);
            self.handle(Input::Backlog(id, waiting));
        }
    }

    fn answer(&mut self) {
        let byte = self.script.byte();
        if self.lookups.is_empty() {
            return;
        }
        let ticket = self
            .lookups
            .remove(usize::from(byte >> 4) % self.lookups.len());
        let answer = match byte % 8 {
            0..=3 => Answer::Member(member(byte % 5)),
            4 => Answer::Renamed(renamed(1 + byte / 16 % 4, byte)),
            5 | 6 => Answer::Denied(Denial::WrongPassword, None),
            _ if byte > 127 => Answer::Taken,
            _ => Answer::Unavailable(Unavailable::Failed),
        };
        self.stale = Some(ticket);
        self.handle(Input::Answer(ticket, answer));
    }

    /// The host answers a request for administration.
    fn administer(&mut self) {
        let byte = self.script.byte();
        if self.requests.is_empty() {
            return;
        }
        let which = usize::from(byte >> 5) % self.requests.len();
        let ticket = self.requests.remove(which);
        self.stale = Some(ticket);
        let answer = administration::answer(byte);
        self.handle(Input::Answer(ticket, answer));
    }

    /// Checks that inputs about ended connections and questions change nothing.
    fn stale(&mut self) {
        if let Some(ticket) = self.stale {
            self.handle(Input::Answer(ticket, Answer::Member(member(1))));
        }
        if let Some(id) = self
            .peers
            .iter()
            .find(|peer| peer.end == End::Gone)
            .map(|peer| peer.id)
        {
            let before = self.trace.len();
            self.handle(Input::Bytes(id, b"LIST\0"));
            self.handle(Input::Eof(id));
            self.handle(Input::Backlog(id, 1 << 40));
            self.handle(Input::Gone(id, Cause::Reset));
            assert!(
                self.trace[before..]
                    .iter()
                    .all(|action| !matches!(action, Action::Write(to, _) if *to == id))
            );
        }
    }

    fn pick(&mut self) -> Option<&mut Peer> {
        let byte = usize::from(self.script.byte());
        let count = self.peers.len();
        (count > 0).then(|| &mut self.peers[byte % count])
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now, input);
        self.drain();
        self.gateway.assert_consistent();
    }

    fn drain(&mut self) {
        while let Some(action) = self.gateway.poll() {
            if !matches!(action, Action::Broadcast(..)) {
                self.heard();
            }
            match &action {
                Action::Write(id, chunk) => self.wrote(*id, chunk),
                Action::Broadcast(everyone, chunk) => {
                    let bytes = chunk.to_vec();
                    let first = everyone.iter().next().expect("nobody is told nothing");
                    let xml = self.peer(first).listener.xml(&bytes).to_vec();
                    let audience = everyone.audience();
                    if !self.broadcast.is_of(audience, &xml) {
                        self.heard();
                    }
                    for id in everyone.iter() {
                        self.wrote(id, chunk);
                        self.broadcast.hears(id, audience, &xml);
                    }
                }
                Action::Finish(id) => {
                    self.peer(*id).listener.is_left();
                    self.ends(*id, End::Finished)
                }
                Action::Close(id) => self.ends(*id, End::Closed),
                Action::Abort(id) => self.ends(*id, End::Aborted),
                Action::Pause(id) => self.reads(*id, Reading::Open, Reading::Paused),
                Action::Resume(id) => self.reads(*id, Reading::Paused, Reading::Open),
                Action::Lookup(ticket, Query::Admin(_)) => self.requests.push(*ticket),
                Action::Lookup(ticket, _) => self.lookups.push(*ticket),
                Action::Note(_) => {}
            }
            self.trace.push(action);
        }
        self.heard();
    }

    /// Checks after a broadcast that everyone has got it.
    fn heard(&mut self) {
        let open = self.peers.iter().filter(|peer| peer.end == End::Open);
        let online = open.filter(|peer| peer.listener.is_online());
        self.broadcast.all_heard(online.map(|peer| peer.id));
    }

    fn wrote(&mut self, id: ConnId, chunk: &Chunk) {
        let peer = self.peer(id);
        assert_eq!(peer.end, End::Open, "nothing is said after the end");
        peer.waiting += chunk.memory();
        peer.listener.hear(&chunk.to_vec());
    }

    fn ends(&mut self, id: ConnId, end: End) {
        let peer = self.peer(id);
        assert!(
            peer.end < end,
            "an end is said once: {:?}, {end:?}",
            peer.end
        );
        peer.end = end;
    }

    fn reads(&mut self, id: ConnId, from: Reading, to: Reading) {
        let peer = self.peer(id);
        assert_eq!(peer.reading, from);
        peer.reading = to;
    }

    fn peer(&mut self, id: ConnId) -> &mut Peer {
        let peer = self
            .peers
            .iter_mut()
            .find(|peer| peer.id == id)
            .expect("actions are for known connections");
        assert_ne!(peer.end, End::Gone, "actions are for connections that live");
        peer
    }

    /// All clients leave, and all questions are answered or given up.
    fn settle(&mut self) {
        self.handle(Input::Timeout);
        for index in 0..self.peers.len() {
            let Peer { id, end, .. } = self.peers[index];
            if end != End::Gone {
                self.peers[index].end = End::Gone;
                self.handle(Input::Gone(id, Cause::Reset));
            }
        }
        for _ in 0..1000 {
            let Some(next) = self.gateway.poll_timeout() else {
                break;
            };
            self.now.mono = self.now.mono.max(next);
            self.handle(Input::Timeout);
        }
        for ticket in std::mem::take(&mut self.requests) {
            self.handle(Input::Answer(ticket, administration::answer(0)));
        }
        self.gateway.assert_settled();
    }
}

/// A member under a nick that another may have, so that changes wait for one another.
fn renamed(n: u8, byte: u8) -> Member {
    let nick = ["zero", "alice", "bob", "zoe"][usize::from(byte >> 6)];
    Member {
        nick: Arc::from(nick),
        ..member(n % 4)
    }
}

pub(super) fn member(n: u8) -> Member {
    // Two members with the same nick, and a nick that changed: the gateway must stand a store that is wrong.
    let nick = ["zero", "alice", "bob", "bob", "<&\">"][usize::from(n) % 5];
    Member {
        id: MemberId(i64::from(n % 4)),
        nick: Arc::from(nick),
        name: Arc::from("Name"),
    }
}

/// A process on a Unix socket.
pub(crate) const UNIX: u8 = 0x7c;

/// A proxy that names its client as soon as it connects.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 14));

/// The client has other connections of its own.
const HEADER: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.8 4242 80\r\n";

/// A proxy that names its client in a request for a WebSocket, as soon as it connects.
const HTTP_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 13));

const FORWARDED: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.9, 192.0.2.1\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(super) const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// First bytes of frames: mostly whole messages, then fragments, control frames and wrong ones.
const HEADS: [u8; 16] = [
    0x82, 0x82, 0x82, 0x82, 0x81, 0x81, 0x81, 0x02, 0x01, 0x00, 0x80, 0x89, 0x89, 0x8a, 0x88, 0xc1,
];

const LEAPS: [u64; 8] = [0, 1, 50, 300, 1000, 10_000, 600_000, u64::MAX / 2];

#[cfg(test)]
mod tests;
