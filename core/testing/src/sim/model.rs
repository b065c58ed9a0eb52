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
mod rate;
mod side;
mod throttle;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::client::Kind;
use super::reader::{Said, read_whole};
use flashgate_core::{
    Accepted, Action, Answer, Cause, Chunk, CloseReason, Config, ConnId, Denial, Loopback, Member,
    MemberId, Millis, Note, Now, Refused, Source, Ticket, What,
};
pub(super) use side::Side;
use side::{Stage, Turn};
use throttle::Past;

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: Arc<Config>,
    pub(super) now: Now,
    pub(super) sides: BTreeMap<ConnId, Side>,
    /// WebSocket clients whose request came so slowly that it was taken for text.
    pub(super) mistaken: BTreeSet<ConnId>,
    /// What each client must hear, in order; kept until it has.
    pub(super) expected: BTreeMap<ConnId, VecDeque<Said>>,
    /// In order of login.
    online: Vec<(Member, ConnId)>,
    questions: BTreeMap<Ticket, Question>,
    /// Newcomers that wait for an older connection, or did, in the order of their claims.
    claims: Vec<ConnId>,
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
    told: Option<ConnId>,
    /// What has to come next, before anything else.
    must: VecDeque<Must>,
    /// How often everything happened.
    pub(super) seen: BTreeMap<&'static str, u64>,
}

/// What the model is told of an input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Bytes(ConnId, usize),
    Eof(ConnId),
    Gone(ConnId, Cause),
    Backlog(ConnId, usize),
    Answer(Ticket, Answer),
    Member(MemberId),
    Configure,
    Timeout,
    Shutdown,
}

#[derive(Debug)]
struct Question {
    conn: ConnId,
    source: Source,
    name: String,
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
    Say(ConnId, Said, Owner),
    Broadcast {
        said: Said,
        left: BTreeSet<ConnId>,
        author: Option<ConnId>,
    },
    Close(ConnId, Option<CloseReason>),
    Login(ConnId, Member),
    End(ConnId, Stage),
}

/// Who caused what waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
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

    pub(super) fn accepted(&mut self, kind: Kind, origin: Accepted, got: Result<ConnId, Refused>) {
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
            Input::Answer(ticket, answer) => self.answered(*ticket, answer.clone()),
            Input::Member(member) => {
                self.outdate_claims(*member);
                for question in self.questions.values_mut() {
                    question.changed.insert(*member);
                }
            }
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

    /// Asks for the reason of an action.
    pub(super) fn action(&mut self, action: &Action) {
        if let Action::Write(id, _) | Action::Resume(id) = action {
            self.told = Some(*id);
        }
        match action {
            Action::Write(id, chunk) => self.written(*id, chunk),
            Action::Broadcast(to, chunk) => {
                let to: Vec<ConnId> = to.iter().collect();
                self.broadcast(&to, chunk);
            }
            Action::Finish(id) => self.ended(*id, Stage::Finish),
            Action::Close(id) => self.ended(*id, Stage::Close),
            Action::Abort(id) => self.ended(*id, Stage::Abort),
            Action::Pause(id) => {
                let side = self.side(*id);
                assert!(!side.paused && !side.eof, "paused twice, or after the end");
                side.paused = true;
                self.count("pause");
            }
            Action::Resume(id) => {
                let now = self.now.mono;
                let side = self.side(*id);
                assert!(side.paused, "resumed without a pause");
                side.paused = false;
                side.last_bytes = now;
            }
            Action::Lookup(ticket, query) => self.asked(*ticket, query),
            Action::Note(note) => self.noted(note),
        }
    }

    /// After the last action of an input: nothing is left undone, unless timers are due yet.
    pub(super) fn done(&mut self, due: bool) {
        assert!(self.must.is_empty(), "left out: {:?}", self.must);
        assert!(self.failed.is_empty(), "not in the log: {:?}", self.failed);
        assert_eq!(self.already_online, None, "in the log alone");
        self.join_claims();
        let ids: Vec<ConnId> = self.sides.keys().copied().collect();
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

    /// Addresses and names that are remembered, and pairs of both that have logged in.
    pub(super) fn remembered(&self) -> [usize; 3] {
        self.past.sizes()
    }

    pub(super) fn online(&self) -> usize {
        self.online.len()
    }

    fn written(&mut self, id: ConnId, chunk: &Chunk) {
        let (bytes, memory) = (&chunk.to_vec()[..], chunk.memory());
        let own_backlog = self.config.limits.own_backlog;
        let side = self.side(id);
        assert!(
            side.ending.is_none() || !self.must.is_empty(),
            "written after the end: {}",
            bytes.escape_ascii()
        );
        if self.sides[&id].is_socket() && !self.sides[&id].upgraded && bytes[0] == b'<' {
            self.mistake(id);
        }
        if !matches!(self.sides[&id].kind, Kind::Chat(_)) {
            self.side(id).wrote(Owner::Own, memory, own_backlog);
            return self.visited(id, bytes);
        }
        let (form, said) = read_whole(bytes, self.sides[&id].is_socket());
        assert_eq!(form, self.sides[&id].form_of(&said), "the wire form");
        let owner = match self.must.front() {
            Some(Must::Say(to, what, owner)) => {
                assert_eq!((&id, &said), (to, what), "what must come next");
                let owner = *owner;
                self.must.pop_front();
                owner
            }
            Some(other) => panic!("{said:?} to {id:?}, but {other:?} must come next"),
            None => {
                self.explain(id, &said);
                Owner::Own
            }
        };
        // Only now is it known which command this answers.
        assert!(self.sides[&id].may_hear(bytes), "in its code page");
        self.side(id).wrote(owner, memory, own_backlog);
        self.will_hear(id, said);
    }

    fn will_hear(&mut self, id: ConnId, said: Said) {
        self.expected.entry(id).or_default().push_back(said);
    }

    /// The first bytes of a WebSocket client were not told apart in time: it is raw from now on.
    fn mistake(&mut self, id: ConnId) {
        let late = self.is_late_request(id);
        let side = self.side(id);
        assert!(late || side.eof, "not told apart: {side:?}");
        side.kind = Kind::Garbage;
        self.mistaken.insert(id);
        self.count("mistaken");
    }

    fn broadcast(&mut self, to: &[ConnId], chunk: &Chunk) {
        let (bytes, memory) = (&chunk.to_vec()[..], chunk.memory());
        assert!(!to.is_empty(), "a broadcast to nobody");
        for id in to {
            assert!(self.sides[id].may_hear(bytes), "in its code page");
            let (form, heard) = read_whole(bytes, self.sides[id].is_socket());
            assert_eq!(form, self.sides[id].form_of(&heard), "the wire form");
            let Some(Must::Broadcast { said, left, author }) = self.must.front_mut() else {
                panic!("a broadcast of {heard:?}, but {:?}", self.must.front());
            };
            assert_eq!(&heard, said, "the broadcast");
            assert!(left.remove(id), "{id:?} is not to hear {heard:?}, or twice");
            let owner = if *author == Some(*id) {
                Owner::Own
            } else {
                Owner::Others
            };
            let side = self.sides.get_mut(id).expect("is online");
            side.wrote(owner, memory, self.config.limits.own_backlog);
            self.will_hear(*id, heard);
        }
        if matches!(self.must.front(), Some(Must::Broadcast { left, .. }) if left.is_empty()) {
            self.must.pop_front();
        }
    }

    fn everyone(&mut self, said: Said, author: Option<ConnId>) {
        let left: BTreeSet<ConnId> = self.online.iter().map(|(_, id)| *id).collect();
        if !left.is_empty() {
            let must = Must::Broadcast { said, left, author };
            self.must.push_back(must);
        }
    }

    fn noted(&mut self, note: &Note) {
        match &note.what {
            What::Connected { clients, max } => {
                assert!(self.must.is_empty(), "{:?}", self.must);
                let id = self.about(note);
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
                let id = self.about(note);
                self.logged_in(id, *member);
            }
            What::Quit { member } => {
                let id = self.about(note);
                self.quit(id, *member);
            }
            What::Closed { reason } => {
                let id = self.about(note);
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
                let id = self.about(note);
                self.slowed(id);
            }
            What::Refused { .. } => self.count("refused"),
            What::Crossdomain | What::Status | What::Redirect { .. } => {}
            other => panic!("the model does not know this note: {other:?}"),
        }
    }

    /// The connection that a note is about, which is still there.
    fn about(&mut self, note: &Note) -> ConnId {
        let id = note.conn.expect("a note about a connection names it");
        assert_eq!(self.side(id).peer, note.peer);
        id
    }

    fn side(&mut self, id: ConnId) -> &mut Side {
        let side = self.sides.get_mut(&id);
        side.unwrap_or_else(|| panic!("{id:?} is not, or no more"))
    }

    fn who(&self, id: ConnId) -> Option<&Member> {
        let mut online = self.online.iter();
        online
            .find(|(_, conn)| *conn == id)
            .map(|(member, _)| member)
    }

    /// Whether its time to identify may be over.
    fn may_be_late(&self, id: ConnId) -> bool {
        let [least, _] = self.sides[&id].stood_still;
        self.is_late(id, least)
    }

    fn must_be_late(&self, id: ConnId) -> bool {
        let [_, most] = self.sides[&id].stood_still;
        self.is_late(id, most)
    }

    fn is_late(&self, id: ConnId, stood_still: Millis) -> bool {
        let (side, limits) = (&self.sides[&id], &self.config.limits);
        let until = side.accepted + stood_still + limits.login;
        side.turn == Turn::Free && self.who(id).is_none() && self.now.mono >= until
    }

    /// Whether the time for a request, once begun, is over.
    fn is_late_request(&self, id: ConnId) -> bool {
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
