//! The reference: who is online, as a list, and for each connection what it has asked for and not
//! been answered.
//!
//! It is told every input before the core takes it, and every action after. Each action must have a
//! reason in what the model knows; what follows from an action *must* come next; and when an input is
//! done, nothing may be left that could have been done. It shares no code with the core: it knows the
//! clients' wishes as they meant them, and hears answers as clients do.

mod answers;
mod claims;
mod ends;
mod login;
mod rate;
mod said;
mod side;
mod throttle;
mod visits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::client::Kind;
use super::key::{Key, Node};
use super::reader::Said;
use flashgate_core::{
    Accepted, Action, Answer, Cause, CloseReason, Config, Denial, Login, Loopback, Member,
    MemberId, Millis, Note, Now, Refused, Source, Ticket, What,
};
pub(super) use side::Side;
use side::{Stage, Turn};
use throttle::Past;

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: Arc<Config>,
    pub(super) now: Now,
    pub(super) sides: BTreeMap<Key, Side>,
    /// WebSocket clients whose request came so slowly that it was taken for text.
    pub(super) mistaken: BTreeSet<Key>,
    /// What each client must hear, in order; kept until it has.
    pub(super) expected: BTreeMap<Key, VecDeque<Said>>,
    /// In order of login.
    online: Vec<(Member, Key)>,
    questions: BTreeMap<(Node, Ticket), Question>,
    /// Newcomers that wait for an older connection, or did, in the order of their claims.
    claims: Vec<Key>,
    past: Past,
    /// Timers fire with the input at hand, in an order that is not seen: who passes is not looked at so
    /// closely.
    blurred: bool,
    /// Until then a name may be paced by a question that passed while it was not clear whether it was guarded.
    unsure_until: Millis,
    stopping: Option<Millis>,
    /// What the input at hand is about.
    cause: Input,
    /// The names of failed logins, and the reasons that the log must give.
    failed: VecDeque<(String, Denial)>,
    /// The name of a login of which the log says, and the client is to be told, that the member is online.
    already_online: Option<String>,
    /// To whom the last answer of that went.
    told: Option<Key>,
    /// What has to come next, before anything else.
    must: VecDeque<Must>,
    /// How often everything happened.
    pub(super) seen: BTreeMap<&'static str, u64>,
}

/// What the model is told of an input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Bytes(Key, usize),
    Eof(Key),
    Gone(Key, Cause),
    Backlog(Key, usize),
    Answer(Node, Ticket, Answer),
    Member(MemberId),
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
    /// The member, if this is about a claim.
    claim: Option<Member>,
    /// Whether logins were throttled when it was asked.
    throttled: bool,
    /// Whether it counts as a failure until it is answered.
    counts: bool,
    submitted: Millis,
    /// Members that were changed since.
    changed: BTreeSet<MemberId>,
}

/// What has to come next.
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
    End(Key, Stage),
}

/// Who caused what waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Own,
    Others,
}

impl Model {
    pub(super) fn new(config: Arc<Config>, now: Now) -> Self {
        Self {
            config,
            now,
            sides: BTreeMap::new(),
            mistaken: BTreeSet::new(),
            expected: BTreeMap::new(),
            online: Vec::new(),
            questions: BTreeMap::new(),
            claims: Vec::new(),
            past: Past::default(),
            blurred: false,
            unsure_until: Millis(0),
            stopping: None,
            cause: Input::Timeout,
            failed: VecDeque::new(),
            already_online: None,
            told: None,
            must: VecDeque::new(),
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn accepted(&mut self, kind: Kind, origin: Accepted, got: Result<Key, Refused>) {
        let limits = &self.config.limits;
        let address = origin.peer.ip().to_canonical();
        let peer = SocketAddr::new(address, origin.peer.port());
        let limited = self.config.loopback == Loopback::Limited || !address.is_loopback();
        let sides = self.sides.values();
        let same = sides.filter(|side| side.limited && side.peer.ip() == address);
        let expected = if self.stopping.is_some() {
            Err(Refused::ShuttingDown)
        } else if self.sides.len() >= limits.connections {
            Err(Refused::Full)
        } else if limited && same.count() >= limits.per_address {
            Err(Refused::AddressLimit)
        } else {
            Ok(())
        };
        assert_eq!(got.map(|_| ()), expected, "accept");
        let Ok(id) = got else {
            return self.count("refused at the door");
        };
        let side = Side::new(kind, peer, limited, self.now.mono);
        assert!(self.sides.insert(id, side).is_none(), "an id comes back");
        self.expected.insert(id, VecDeque::new());
    }

    /// Takes note of an input that the core is about to get, and whether timers are due before it.
    pub(super) fn input(&mut self, now: Now, input: Input, due: bool) {
        self.now = now;
        self.blurred = due && matches!(input, Input::Answer(..));
        self.forgive_the_unheard();
        self.forgive_the_asked();
        match &input {
            Input::Bytes(id, bytes) => {
                let side = self.side(*id);
                side.arrived_before = side.arrived;
                side.arrived += *bytes as u64;
                side.heard_before = std::mem::replace(&mut side.last_bytes, now.mono);
                side.began.get_or_insert(now.mono);
            }
            Input::Eof(id) => self.side(*id).eof = true,
            Input::Backlog(id, left) => self.side(*id).flushed(*left, now.mono),
            Input::Answer(node, ticket, answer) => self.answered(*node, *ticket, answer.clone()),
            Input::Member(member) => {
                self.outdate_claims(*member);
                for question in self.questions.values_mut() {
                    question.changed.insert(*member);
                }
            }
            Input::Announce(text) => {
                let said = Said::xml("announce", [&*self.time_of_day(), text]);
                self.announced(said);
            }
            Input::Kick(member, reason) => self.kicked(member, reason.as_deref()),
            Input::Shutdown if self.stopping.is_none() => {
                self.stopping = Some(now.mono + self.config.limits.linger);
            }
            Input::Gone(..) | Input::Configure | Input::Timeout | Input::Shutdown => {}
        }
        self.cause = input;
        self.told = None;
        self.time_out_questions();
    }

    /// A host that did not look for seconds after the time had come was away itself, and everyone
    /// it could not hear meanwhile has the whole time again.
    fn forgive_the_unheard(&mut self) {
        let now = self.now.mono;
        let Some(silence) = self.config.limits.silence else {
            return;
        };
        for side in self.sides.values_mut() {
            let unheard = side.chat && side.is_socket() && !side.paused && !side.eof;
            if unheard && now >= side.last_bytes + silence + AWAY {
                side.last_bytes = now;
            }
        }
    }

    /// Asks for the reason of an action of this gateway.
    pub(super) fn action(&mut self, node: Node, action: &Action) {
        if let Action::Write(id, _) | Action::Resume(id) = action {
            self.told = Some(node.key(*id));
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

    /// After the last action of an input: nothing is left undone, unless timers are due yet.
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

    /// Nobody is online, nothing is asked.
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

    /// Of so many bytes each, what connections may keep that have sent more than was used: a chat that
    /// has its next command not whole or waiting, or whoever was not told apart.
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

    /// Who waits in line to ask one, or for an older connection.
    pub(super) fn waiting(&self) -> usize {
        let waits = |side: &&Side| matches!(side.turn, Turn::Line(_) | Turn::Claim { .. });
        self.sides.values().filter(waits).count()
    }

    /// Chunks that clients have not taken.
    pub(super) fn waiting_chunks(&self) -> usize {
        self.sides.values().map(Side::waiting_chunks).sum()
    }

    /// Addresses and names that are remembered, and pairs of both that have logged in.
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
                side.chat = true;
                if side.is_socket() && !side.upgraded {
                    self.mistake(id);
                }
                let late = self.is_late_request(id);
                let side = self.side(id);
                if let Kind::Visit(visit) = side.kind {
                    // Half a request that went no further is text like any other.
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
            What::Login {
                member, clients, ..
            } => {
                assert_eq!(*clients, self.clients());
                let id = self.about(node, note);
                self.logged_in(id, *member);
            }
            What::Quit { member } => {
                let id = self.about(node, note);
                self.quit(id, *member);
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
            What::LoginUnavailable { .. } => self.count("login unavailable"),
            What::Slowed => {
                let id = self.about(node, note);
                self.slowed(id);
            }
            What::Refused { .. } => self.count("refused"),
            What::Crossdomain | What::Status | What::Redirect { .. } => {}
            other => panic!("the model does not know this note: {other:?}"),
        }
    }

    /// The connection that a note is about, which is still there.
    fn about(&mut self, node: Node, note: &Note) -> Key {
        let id = node.key(note.conn.expect("a note about a connection names it"));
        assert_eq!(self.side(id).peer, note.peer);
        id
    }

    fn side(&mut self, id: Key) -> &mut Side {
        let side = self.sides.get_mut(&id);
        side.unwrap_or_else(|| panic!("{id:?} is not, or no more"))
    }

    /// What must come next, after what must come already.
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

    /// The member online under this nick, and the connection.
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

    /// Whether its time to identify may be over.
    fn may_be_late(&self, id: Key) -> bool {
        let [least, _] = self.sides[&id].stood_still;
        self.is_late(id, least)
    }

    fn must_be_late(&self, id: Key) -> bool {
        let [_, most] = self.sides[&id].stood_still;
        self.is_late(id, most)
    }

    fn is_late(&self, id: Key, stood_still: Millis) -> bool {
        let (side, limits) = (&self.sides[&id], &self.config.limits);
        let until = side.accepted + stood_still + limits.login;
        side.turn == Turn::Free && self.who(id).is_none() && self.now.mono >= until
    }

    /// Whether the time for a request, once begun, is over.
    fn is_late_request(&self, id: Key) -> bool {
        let patience = self.config.limits.request;
        let began = self.sides[&id].began;
        began.is_some_and(|at| self.now.mono >= at + patience)
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }
}

/// So late nobody looks who was there all the time.
const AWAY: Millis = Millis(5000);
