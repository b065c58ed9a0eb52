//! Judges what a real server did by the reference model. The recording is played again on a fresh gateway, and the
//! model, which knows what each visitor asked for, checks every decision.
//!
//! Real time excuses nothing: the recording has the order in which things happened, and each decision must have a
//! reason in it. The recording shows what was decided. The bytes that visitors received show that it was done.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Failure;
use super::client::{Client, Kind};
use super::key::ONLY;
use super::model::{self, Model};
use super::outside::{Left, Visitor};
use super::witness::Witness;
use flashgate_core::_testing::{self, Plays};
use flashgate_core::record::Secrets;
use flashgate_core::replay::{Ended, Recording, Replayed, Until};
use flashgate_core::{
    Accepted, Action, Config, ConnId, Gateway, Input, MemberEvent, Now, Peer, Refused,
};

/// How a recording must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All connections are gone, and the recorder wrote its last line.
    Whole,
    /// Anywhere, since the server was killed. Its clients may have received more than the recording has.
    Lost,
}

/// What was judged, all of which was right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Inputs that the core took.
    pub inputs: u64,
    /// Decisions. Each has a reason and is the one that was recorded.
    pub decisions: u64,
    /// Bytes that visitors have received.
    pub heard: u64,
    /// How often each kind of event happened.
    pub seen: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, decisions, heard) = (self.inputs, self.decisions, self.heard);
        write!(
            f,
            "{inputs} inputs, {decisions} decisions, {heard} bytes heard"
        )?;
        for (what, times) in &self.seen {
            write!(f, ", {what} {times}")?;
        }
        Ok(())
    }
}

/// Judges a recording with secrets, and what these visitors have received. Other clients may have done anything
/// but log in.
pub fn judge(recording: &[u8], visitors: &[Visitor], tail: Tail) -> Result<Judged, Failure> {
    let mut judge = None;
    let played = catch_unwind(AssertUnwindSafe(|| {
        let recording = Recording::new(recording, SITE).expect("a recording");
        assert_eq!(recording.secrets(), Secrets::Kept);
        let (replayed, _) = _testing::play(&recording, &Until::End, |config, now| {
            judge.insert(Judge::new(config, now, visitors))
        });
        let judge = judge.as_mut().expect("the settings, and a time");
        judge.ended(&replayed, tail);
        judge.compare_all(visitors, tail);
        replayed
    }));
    match (played, judge) {
        (Ok(replayed), Some(judge)) => Ok(Judged {
            inputs: replayed.inputs,
            decisions: replayed.decisions,
            heard: visitors.iter().map(|v| v.heard.len() as u64).sum(),
            seen: judge.model.seen,
        }),
        (Ok(_), None) => unreachable!("it has ended"),
        (Err(panic), judge) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let lines = judge.map_or_else(Vec::new, |judge| judge.witness.lines());
            Err(Failure {
                message: text.unwrap_or_else(|| String::from("a panic")),
                swarm: String::new(),
                last: lines,
            })
        }
    }
}

struct Judge<'a> {
    gateway: Gateway,
    model: Model,
    visitors: BTreeMap<SocketAddr, &'a Visitor>,
    written: BTreeMap<SocketAddr, Written>,
    peers: BTreeMap<ConnId, SocketAddr>,
    /// Decisions of the gateway that the server had not polled yet.
    pending: VecDeque<Action>,
    witness: Witness,
    inputs: u64,
}

/// What was written to one connection, as far as the recording goes.
#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    aborted: bool,
    closed: bool,
    gone: bool,
}

impl<'a> Judge<'a> {
    fn new(config: Arc<Config>, now: Now, visitors: &'a [Visitor]) -> Self {
        let by_peer: BTreeMap<SocketAddr, &Visitor> = visitors
            .iter()
            .map(|visitor| (visitor.peer, visitor))
            .collect();
        assert_eq!(by_peer.len(), visitors.len(), "two from the same address");
        let witness = Witness::with_words();
        Self {
            gateway: Gateway::observed(Arc::clone(&config), now, Some(witness.observer())),
            model: Model::new(config, now),
            visitors: by_peer,
            written: BTreeMap::new(),
            peers: BTreeMap::new(),
            pending: VecDeque::new(),
            witness,
            inputs: 0,
        }
    }

    fn step(&mut self, now: Now, input: Input<'_>, known: model::Input) {
        self.inputs += 1;
        let gone = if let model::Input::Gone(id, _) = &known {
            self.peers.get(&id.conn).copied()
        } else {
            None
        };
        self.model.input(now, known, false);
        self.gateway.handle(now, input);
        self.drain();
        self.model.done(false);
        self.model.expected.clear();
        if let Some(written) = gone.and_then(|peer| self.written.get_mut(&peer)) {
            written.gone = true;
        }
        if self.inputs.is_multiple_of(64) {
            self.gateway.assert_consistent();
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.gateway.poll() {
            self.model.action(ONLY, &action);
            self.tell(&action);
            self.pending.push_back(action);
        }
    }

    fn tell(&mut self, action: &Action) {
        match action {
            Action::Write(id, chunk) => self.to(*id).bytes.extend(chunk.to_vec()),
            Action::Broadcast(everyone, chunk) => {
                for id in everyone.iter() {
                    self.to(id).bytes.extend(chunk.to_vec());
                }
            }
            Action::Abort(id) => self.to(*id).aborted = true,
            Action::Close(id) => self.to(*id).closed = true,
            Action::Finish(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Lookup(..)
            | Action::Note(_) => {}
        }
    }

    fn to(&mut self, id: ConnId) -> &mut Written {
        self.written.entry(self.peers[&id]).or_default()
    }

    /// The memory of writes to a connection that the server had not polled yet.
    fn unseen(&self, to: ConnId) -> usize {
        let memory = |action: &Action| match action {
            Action::Write(id, chunk) => usize::from(*id == to) * chunk.memory(),
            Action::Broadcast(everyone, chunk) => {
                everyone.iter().filter(|id| *id == to).count() * chunk.memory()
            }
            Action::Finish(_)
            | Action::Close(_)
            | Action::Abort(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Lookup(..)
            | Action::Note(_) => 0,
        };
        self.pending.iter().map(memory).sum()
    }

    fn ended(&self, replayed: &Replayed, tail: Tail) {
        match (&replayed.ended, tail) {
            (Ended::Whole(why), Tail::Whole) if why == "stop" => self.model.assert_settled(),
            (Ended::Truncated, Tail::Lost) => {}
            (ended, _) => panic!("line {} of the recording: {ended:?}", replayed.line),
        }
    }

    fn compare_all(&mut self, visitors: &[Visitor], tail: Tail) {
        for visitor in visitors {
            let written = self.written.remove(&visitor.peer);
            let what = match written {
                Some(written) => compare(visitor, &written, tail),
                None if tail == Tail::Lost || visitor.heard.is_empty() => "was not there",
                None => panic!("{} received bytes, and nothing was written", named(visitor)),
            };
            self.model.count(what);
        }
    }
}

impl Plays for &mut Judge<'_> {
    fn accept(&mut self, now: Now, origin: Accepted) -> Result<ConnId, Refused> {
        let Peer::Address(peer) = origin.peer else {
            panic!("no visitor comes over a Unix socket");
        };
        let visitor = self.visitors.get(&peer);
        let kind = visitor.map_or(Kind::Garbage, |visitor| visitor.kind);
        let got = self.gateway.accept(now, origin);
        self.model.now = now;
        self.model
            .accepted(kind, origin, got.map(|id| ONLY.key(id)));
        if let Ok(id) = got {
            self.peers.insert(id, peer);
            self.written.entry(peer).or_default();
            if let (Some(visitor), Some(side)) = (visitor, self.model.sides.get_mut(&ONLY.key(id)))
            {
                side.will_ask(visitor.items.clone());
            }
        }
        self.drain();
        got
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        // The gateway fires the timers that are due before it takes an input. As inputs of their own, the model can
        // tell what they lead to.
        let due = |judge: &Self| {
            judge
                .gateway
                .poll_timeout()
                .is_some_and(|at| at <= now.mono)
        };
        while !matches!(input, Input::Timeout) && due(self) {
            self.step(now, Input::Timeout, model::Input::Timeout);
        }
        let known = match &input {
            Input::Bytes(id, bytes) => model::Input::Bytes(ONLY.key(*id), bytes.len()),
            Input::Eof(id) => model::Input::Eof(ONLY.key(*id)),
            Input::Gone(id, cause) => model::Input::Gone(ONLY.key(*id), *cause),
            Input::Backlog(id, left) => {
                model::Input::Backlog(ONLY.key(*id), left + self.unseen(*id))
            }
            Input::Answer(ticket, answer) => model::Input::Answer(ONLY, *ticket, answer.clone()),
            Input::Member(MemberEvent::Renamed(member)) => model::Input::Renamed(member.clone()),
            Input::Member(MemberEvent::Disabled(id) | MemberEvent::Removed(id)) => {
                model::Input::Member(*id)
            }
            Input::Announce(text) => model::Input::Announce(text.to_string()),
            Input::Kick { member, reason } => {
                model::Input::Kick(member.clone(), reason.as_deref().map(str::to_owned))
            }
            Input::Configure(config) => {
                self.model.config = Arc::clone(config);
                model::Input::Configure
            }
            // The model knows no filters.
            Input::Filter(..) | Input::Host(_) | Input::Timeout => model::Input::Timeout,
            Input::Shutdown => model::Input::Shutdown,
        };
        self.step(now, input, known);
    }

    fn poll(&mut self) -> Option<Action> {
        self.pending.pop_front()
    }
}

/// Compares what a visitor received with what was written to it.
fn compare(visitor: &Visitor, written: &Written, tail: Tail) -> &'static str {
    let (heard, written_bytes) = (&visitor.heard, &written.bytes);
    let same = heard.iter().zip(written_bytes).take_while(|(a, b)| a == b);
    let same = same.count();
    let unexplained = &heard[same..];
    let more = same == written_bytes.len() && tail == Tail::Lost && !written.gone;
    assert!(
        unexplained.is_empty() || more,
        "{} received, after {same} bytes that were written, {:?}; these were written: {:?}",
        named(visitor),
        beginning(unexplained),
        beginning(&written_bytes[same..]),
    );
    if let Kind::Chat(_) = visitor.kind {
        let mut listener = Client::new(visitor.kind, visitor.level());
        for (_, said) in listener.reader.take(heard) {
            listener.hear(&said);
        }
    }
    match visitor.left {
        Some(Left::ReadToTheEnd) if tail == Tail::Whole => {
            let never = &written_bytes[same..];
            assert!(
                never.is_empty(),
                "{} has read to the end, and never received {:?}",
                named(visitor),
                beginning(never)
            );
            "heard to the end"
        }
        Some(Left::WasReset) => {
            let why = written.aborted || written.closed || tail == Tail::Lost;
            assert!(why, "{} was reset without a reason", named(visitor));
            "was reset"
        }
        Some(Left::ReadToTheEnd | Left::CutOff) | None => "heard a beginning",
    }
}

fn named(visitor: &Visitor) -> String {
    format!("{:?} {} ({:?})", visitor.kind, visitor.peer, visitor.left)
}

fn beginning(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(400)].escape_ascii().to_string()
}

/// The built-in pages.
const SITE: usize = 64 * 1024 * 1024;
