//! The reference model: a list of the members online, and for each connection what it has asked for and has not been
//! answered.
//!
//! The model sees every input before the core does, and every action afterwards. Each action must have a reason in
//! what the model knows. What follows from an action *must* come next. After an input, nothing may be left that could
//! have been done. The model shares no code with the core: it knows what clients ask for from the clients, and reads
//! answers as they do.

mod answers;
mod claims;
mod ends;
mod forwards;
mod guests;
mod hops;
mod late;
mod login;
mod passwords;
mod rate;
mod renaming;
mod rooms;
mod said;
mod side;
mod throttle;
mod visits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::client::Kind;
use super::forward::Trusted;
use super::hop::Proxies;
use super::key::{Key, Node};
use super::reader::Said;
use flashgate_core::{
    Accepted, Action, Answer, Cause, CloseReason, Config, Denial, Login, Member, MemberId, Millis,
    Note, Now, Peer, Refusal, Refused, Source, Ticket, What,
};
pub(super) use guests::is_guest;
use hops::TurnedAway;
use rooms::Rooms;
pub(super) use side::Side;
use side::{Stage, Turn};
use throttle::Past;

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: Arc<Config>,
    pub(super) now: Now,
    /// The time of the input before.
    before: Millis,
    /// The proxies that the configuration names.
    pub(super) proxies: Option<&'static Proxies>,
    pub(super) trusted: Option<&'static Trusted>,
    pub(super) sides: BTreeMap<Key, Side>,
    turned_away: TurnedAway,
    /// Clients whose upgrade request or PROXY header came so slowly that the core took it for commands.
    pub(super) mistaken: BTreeSet<Key>,
    /// What each client has yet to receive, in order.
    pub(super) expected: BTreeMap<Key, VecDeque<Said>>,
    /// The members and guests online, in the order of their logins.
    online: Vec<(Member, Key)>,
    questions: BTreeMap<(Node, Ticket), Question>,
    /// Newcomers that wait or have waited for an older connection, in the order of their claims.
    claims: Vec<Key>,
    /// When the last NICK of each member was done.
    last_nick: BTreeMap<MemberId, Millis>,
    /// How many guests have come.
    guests_so_far: i64,
    rooms: Rooms,
    past: Past,
    /// Timers fire with this input, in an order that the model cannot see: it checks less strictly which login
    /// passes.
    blurred: bool,
    /// Until then, a name may be paced by a question of which the model does not know whether the name was guarded.
    unsure_until: Millis,
    stopping: Option<Millis>,
    /// The present input.
    cause: Input,
    /// Failed logins that the log must mention next: the name and the reason.
    failed: VecDeque<(String, Denial)>,
    /// The name of a login of which the log said that the member is online already; the client's error must follow.
    already_online: Option<String>,
    /// The connection that the last write or resume of this input was about.
    last_written: Option<Key>,
    /// What must come next, in order.
    must: VecDeque<Must>,
    /// How often each kind of event happened.
    pub(super) seen: BTreeMap<&'static str, u64>,
}

/// An input, as far as the model knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Bytes(Key, usize),
    Eof(Key),
    Gone(Key, Cause),
    Backlog(Key, usize),
    Answer(Node, Ticket, Answer),
    Member(MemberId),
    Renamed(Member),
    Announce(String),
    Kick(Login, Option<String>),
    Configure,
    Timeout,
    Shutdown,
}

#[derive(Debug)]
struct Question {
    conn: Key,
    source: Source,
    name: String,
    /// The name that it counts for in the login throttle.
    counts_for: String,
    /// The member, if the question is about a claim.
    claim: Option<Member>,
    /// The member as it was, if the question is about another nick.
    rename: Option<Member>,
    /// Whether the question is about another password.
    password: bool,
    /// Whether the throttle was on when the question was asked.
    throttled: bool,
    /// Whether it counts as a failure until it is answered.
    counts: bool,
    submitted: Millis,
    /// Members that were changed since then.
    changed: BTreeSet<MemberId>,
    /// Members that were given other nicks since then, as they are now.
    renamed: BTreeMap<MemberId, Member>,
}

/// What must come next.
#[derive(Debug)]
enum Must {
    Say(Key, Said, Owner),
    Broadcast {
        said: Said,
        left: BTreeSet<Key>,
        author: Option<Key>,
    },
    Close(Key, Option<CloseReason>),
    Login(Key, Member),
    /// The log says that a member, who was called so before, has another nick.
    Nick(Key, Member, String),
    End(Key, Stage),
}

/// Who caused a chunk that waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Own,
    Others,
}

impl Model {
    pub(super) fn new(config: Arc<Config>, now: Now) -> Self {
        let rooms = Rooms::new(&config);
        Self {
            config,
            now,
            before: now.mono,
            proxies: None,
            trusted: None,
            sides: BTreeMap::new(),
            turned_away: TurnedAway::new(),
            mistaken: BTreeSet::new(),
            expected: BTreeMap::new(),
            online: Vec::new(),
            questions: BTreeMap::new(),
            claims: Vec::new(),
            last_nick: BTreeMap::new(),
            guests_so_far: 0,
            rooms,
            past: Past::default(),
            blurred: false,
            unsure_until: Millis(0),
            stopping: None,
            cause: Input::Timeout,
            failed: VecDeque::new(),
            already_online: None,
            last_written: None,
            must: VecDeque::new(),
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn accepted(&mut self, kind: Kind, origin: Accepted, got: Result<Key, Refused>) {
        let limits = &self.config.limits;
        let Peer::Address(peer) = origin.peer else {
            panic!("no client comes over a Unix socket");
        };
        let address = peer.ip().to_canonical();
        let peer = SocketAddr::new(address, peer.port());
        let proxy = self.proxies.and_then(|proxies| proxies.need(address));
        let trusted = self.trusted.is_some_and(|trusted| trusted.holds(address));
        let limited = proxy.is_none() && !trusted && self.is_limited(address);
        let expected = if self.stopping.is_some() {
            Err(Refused::ShuttingDown)
        } else if self.sides.len() >= limits.connections {
            Err(Refused::Full)
        } else if limited && self.open(address) >= limits.per_address {
            Err(Refused::AddressLimit)
        } else {
            Ok(())
        };
        assert_eq!(got.map(|_| ()), expected, "accept");
        if got == Err(Refused::AddressLimit) {
            self.turned_away_from(peer, Refusal::AddressLimit);
        }
        let Ok(id) = got else {
            return self.count("refused at the door");
        };
        let side = Side::new(kind, peer, limited, self.now.mono);
        assert!(self.sides.insert(id, side).is_none(), "an id comes back");
        self.expected.insert(id, VecDeque::new());
    }

    /// Takes note of an input that the core gets next. `due`: timers fire before it.
    pub(super) fn input(&mut self, now: Now, input: Input, due: bool) {
        self.before = self.now.mono;
        self.now = now;
        self.blurred = due && matches!(input, Input::Answer(..));
        self.forgive_the_unheard();
        self.forgive_the_asked();
        self.time_out_openings();
        match &input {
            Input::Bytes(id, bytes) => self.received(*id, *bytes),
            Input::Eof(id) => {
                self.side(*id).eof = true;
                self.interrupt(*id);
            }
            Input::Backlog(id, left) => self.side(*id).flushed(*left, now.mono),
            Input::Answer(node, ticket, answer) => self.answered(*node, *ticket, answer.clone()),
            Input::Member(member) => {
                self.outdate_claims(*member);
                for question in self.questions.values_mut() {
                    question.changed.insert(*member);
                }
            }
            Input::Renamed(member) => self.renamed_from_outside(member),
            Input::Announce(text) => {
                let said = Said::xml("announce", [&*self.time_of_day(), text]);
                self.announced(said);
            }
            Input::Kick(member, reason) => self.kicked(member, reason.as_deref()),
            Input::Shutdown if self.stopping.is_none() => {
                self.stopping = Some(now.mono + self.config.limits.linger);
                self.interrupt_the_silent();
            }
            Input::Configure => self.configure_rooms(),
            Input::Gone(..) | Input::Timeout | Input::Shutdown => {}
        }
        self.cause = input;
        self.last_written = None;
        self.time_out_questions();
    }

    /// Checks an action of this gateway, which must have a reason.
    pub(super) fn action(&mut self, node: Node, action: &Action) {
        if let Action::Write(id, _) | Action::Resume(id) = action {
            self.last_written = Some(node.key(*id));
        }
        match action {
            Action::Write(id, chunk) => {
                self.written(node.key(*id), &chunk.to_vec(), chunk.memory());
            }
            Action::Broadcast(to, chunk) => {
                let to: Vec<Key> = to.iter().map(|id| node.key(id)).collect();
                self.broadcast(&to, &chunk.to_vec(), chunk.memory());
            }
            Action::Finish(id) => self.ended(node.key(*id), Stage::Finish),
            Action::Close(id) => self.ended(node.key(*id), Stage::Close),
            Action::Abort(id) => self.ended(node.key(*id), Stage::Abort),
            Action::Pause(id) => {
                let side = self.side(node.key(*id));
                assert!(!side.paused && !side.eof, "paused twice, or after the end");
                side.paused = true;
                self.count("pause");
            }
            Action::Resume(id) => {
                let now = self.now.mono;
                let side = self.side(node.key(*id));
                assert!(side.paused, "resumed without a pause");
                side.paused = false;
                side.last_bytes = now;
            }
            Action::Lookup(ticket, query) => self.asked(node, *ticket, query),
            Action::Note(note) => self.noted(node, note),
        }
    }

    /// Checks after the last action of an input that nothing is left undone. `due`: timers are still due.
    pub(super) fn done(&mut self, due: bool) {
        assert!(self.must.is_empty(), "left out: {:?}", self.must);
        assert!(self.failed.is_empty(), "not in the log: {:?}", self.failed);
        assert_eq!(self.already_online, None, "in the log alone");
        self.join_claims();
        let ids: Vec<Key> = self.sides.keys().copied().collect();
        for id in ids {
            self.queue_up(id);
            let idle = self.left_undone(id);
            assert_eq!(idle, None, "{id:?} {:?}", self.sides[&id]);
        }
        if !due {
            self.assert_nobody_waits_for_nothing();
        }
        if let Input::Gone(id, _) = self.cause
            && let Some(side) = self.sides.remove(&id)
        {
            assert!(!side.chat || side.ending.is_some(), "a chat that is gone");
        }
        if let Input::Member(member) = self.cause {
            assert!(self.online.iter().all(|(m, _)| m.id != member), "disabled");
        }
    }

    /// Checks that no connection is left and no member is online.
    pub(super) fn assert_settled(&self) {
        assert!(
            self.online.is_empty() && self.sides.is_empty(),
            "somebody stays: {:?}",
            self.sides
        );
    }

    pub(super) fn clients(&self) -> usize {
        let chats = self.sides.values();
        chats
            .filter(|side| side.chat && side.ending.is_none())
            .count()
    }

    /// How many bytes all connections may keep of their input, at `each` bytes for a connection.
    pub(super) fn kept(&self, each: usize) -> usize {
        self.sides
            .values()
            .filter(|side| side.ending.is_none())
            .count()
            * each
    }

    pub(super) fn questions(&self) -> usize {
        self.questions.len()
    }

    /// How many logins wait in line, or for an older connection.
    pub(super) fn waiting(&self) -> usize {
        let waits = |side: &&Side| matches!(side.turn, Turn::Line(_) | Turn::Claim { .. });
        self.sides.values().filter(waits).count()
    }

    /// Chunks that clients have not taken.
    pub(super) fn waiting_chunks(&self) -> usize {
        self.sides.values().map(Side::waiting_chunks).sum()
    }

    /// How many addresses, names, and pairs of both the throttle remembers.
    pub(super) fn remembered(&self) -> [usize; 3] {
        self.past.sizes()
    }

    pub(super) fn online(&self) -> usize {
        self.online.len()
    }

    fn noted(&mut self, node: Node, note: &Note) {
        match &note.what {
            What::Connected { clients, max } => {
                assert!(self.must.is_empty(), "{:?}", self.must);
                let id = self.about(node, note);
                assert!(
                    self.clients() < self.config.limits.clients,
                    "over the limit"
                );
                let side = self.side(id);
                assert!(side.opening.is_none() && !side.refused, "{side:?}");
                side.chat = true;
                if side.is_socket() && !side.upgraded {
                    self.mistake(id);
                }
                let late = self.is_late_request(id);
                let side = self.side(id);
                if let Kind::Visit(visit) = side.kind {
                    // Half a request whose rest never came is a command like any other.
                    assert!(!side.has_all(visit) || late, "a visitor chats");
                    side.kind = Kind::Garbage;
                }
                assert_eq!(
                    (*clients, *max),
                    (self.clients(), self.config.limits.clients)
                );
                assert!(self.stopping.is_none(), "a new chat after the shutdown");
                self.count("chat");
            }
            What::Login { who, clients, .. } => {
                assert_eq!(*clients, self.clients());
                let id = self.about(node, note);
                self.logged_in(id, who);
            }
            What::Quit { who } => {
                let id = self.about(node, note);
                self.quit(id, who);
            }
            What::Closed { reason } => {
                let id = self.about(node, note);
                self.closed(id, *reason);
            }
            What::LoginFailed {
                id,
                why: Denial::AlreadyOnline,
                ..
            } => {
                let before = self.already_online.replace(String::from(&**id));
                assert_eq!(before, None, "not told to the client");
            }
            What::LoginFailed { id, why, .. } => {
                assert_eq!(self.failed.pop_front(), Some((String::from(&**id), *why)));
                self.count("login failed");
            }
            What::Nick { who, old, new } => {
                if self.must.is_empty() {
                    let id = self.about(node, note);
                    self.guest_renamed(id, new);
                }
                let Some(Must::Nick(id, member, before)) = self.must.pop_front() else {
                    panic!("no nick is to change: {note:?}");
                };
                assert_eq!(note.conn.map(|conn| node.key(conn)), Some(id));
                assert_eq!(*who, guests::identity(&member, &before));
                assert_eq!((&**old, &**new), (&*before, &*member.nick));
            }
            What::LoginUnavailable { .. } => self.count("login unavailable"),
            What::Slowed => {
                let id = self.about(node, note);
                self.slowed(id);
            }
            What::Refused { reason, times, .. } => self.logged_refusal(note, *reason, *times),
            What::Crossdomain | What::Status | What::Redirect { .. } => {}
            // Its filter is not TLS.
            What::Tls { version } => panic!("the fake filter speaks TLS {version:?}"),
            What::Admin { .. } | What::Drained { .. } => {
                panic!("nothing is administered: {note:?}")
            }
            other => panic!("the model does not know this note: {other:?}"),
        }
    }

    /// The connection that a note is about, which must still exist.
    fn about(&mut self, node: Node, note: &Note) -> Key {
        let id = node.key(note.conn.expect("a note about a connection names it"));
        assert_eq!(Peer::Address(self.side(id).peer), note.peer);
        id
    }

    fn side(&mut self, id: Key) -> &mut Side {
        let side = self.sides.get_mut(&id);
        side.unwrap_or_else(|| panic!("{id:?} is not, or no more"))
    }

    /// Adds something that must be said after everything else that must come.
    pub(super) fn must_say(&mut self, to: Key, said: Said, owner: Owner) {
        self.must.push_back(Must::Say(to, said, owner));
    }

    /// The time as messages show it.
    pub(super) fn time_of_day(&self) -> String {
        let seconds = (self.now.utc.0 + i64::from(self.now.offset)).rem_euclid(86_400);
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        format!("{hour:02}:{minute:02}:{:02}", seconds % 60)
    }

    /// A client has sent a command of level 2.
    pub(super) fn raise_level(&mut self, id: Key) {
        self.side(id).level_two = true;
    }

    pub(super) fn is_level_two(&self, id: Key) -> bool {
        self.sides[&id].level_two
    }

    /// The members online, in the order of their logins.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.online.iter().map(|(member, _)| member)
    }

    /// The member who is online under this nick, and the connection.
    pub(super) fn by_nick(&self, nick: &str) -> Option<(&Member, Key)> {
        let mut online = self.online.iter();
        let found = online.find(|(member, _)| &*member.nick == nick);
        found.map(|(member, id)| (member, *id))
    }

    /// The member that a connection has logged in as.
    pub(super) fn who(&self, id: Key) -> Option<&Member> {
        let mut online = self.online.iter();
        online
            .find(|(_, conn)| *conn == id)
            .map(|(member, _)| member)
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }
}
