//! One connection: what it speaks, what it waits for, and when its patience ends.

pub(crate) mod admin;
mod chat;
pub(crate) mod filter;
pub(crate) mod filtered;
pub(crate) mod inbox;
pub(crate) mod outbox;
mod peer;
mod rate;
pub(crate) mod sniff;
pub(crate) mod table;
pub(crate) mod websocket;

use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};

use crate::chunk::Form;
use crate::config::{Config, Limits};
use crate::gateway::MAX_ADMIN_WAIT;
use crate::id::{Accepted, ListenerId, Peer};
use crate::time::Millis;
use admin::Admin;
pub(crate) use chat::{Chat, Claim, InLine, Turn, Who, Wire};
use inbox::Inbox;
use outbox::{Outbox, Progress};
use peer::Standing;
pub(crate) use rate::Cost;
use sniff::{Kind, Layer, Serves};
use websocket::WebSocket;

/// A connection. Idle, it holds no buffer.
///
/// There is one for each slot of the table, so that every byte here counts as often as anybody is
/// connected; what only few have at a time is boxed.
#[derive(Debug)]
pub(crate) struct Conn {
    standing: Standing,
    listener: u16,
    /// How the connection carries what is said in the chat.
    pub(crate) form: Form,
    /// What tells it from others that have had its slot.
    generation: u32,
    /// Before the login: when it was accepted, later by the time for which the login timeout stood still. After
    /// it: when it logged in or, on a plain stream, when its last byte came.
    pub(crate) since: Millis,
    /// Bytes that came and were not used yet: the beginning of a command, or what waits its turn.
    pub(crate) inbox: Inbox,
    pub(crate) incoming: Incoming,
    outbox: Outbox,
    /// An answer larger than `own_backlog` is not yet written whole.
    long: bool,
    pub(crate) state: State,
}

/// Which connection has caused bytes to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The one that they go to.
    Own,
    /// Another one.
    Others,
}

/// Whether more bytes will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The runtime is reading.
    Open,
    /// The runtime was told to pause.
    Paused,
    /// The peer has closed its sending side.
    Ended,
}

/// What a connection speaks, and how far it has come with it.
#[derive(Debug)]
pub(crate) enum State {
    /// Not recognised yet; all its bytes behind this layer are in the inbox.
    Sniffing(Layer, Option<FirstBytes>),
    /// Sending an HTTP request.
    Http {
        layer: Layer,
        since: Millis,
        asks: Asks,
    },
    /// Chatting. Counted as a client.
    Chat(Chat),
    /// Said all it will ever say; what still comes is dropped.
    Ending(Ending),
}

/// How far an HTTP request has come.
#[derive(Debug)]
pub(crate) enum Asks {
    /// Its head is not complete; this many bytes of it were searched for its end.
    Head { searched: usize },
    /// The head of a request for administration is there.
    Admin(Box<Admin>),
}

/// When the first bytes of a connection came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstBytes {
    pub(crate) first: Millis,
    pub(crate) last: Millis,
    /// They are a policy request that lacks only its terminator.
    pub(crate) unterminated: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) stage: Stage,
    /// The last progress.
    pub(crate) since: Millis,
    pub(crate) patience: Patience,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `Finish` was said: the peer may read the rest and close.
    Finishing,
    /// `Close` was said.
    Closing,
    /// `Abort` was said.
    Aborted,
}

/// How long a peer may take none of what is left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// [`Limits::close_stall`].
    Short,
    /// [`Limits::body_stall`].
    Body,
}

impl Conn {
    pub(crate) fn new(origin: Accepted, accepted: Millis) -> Self {
        Self {
            standing: origin.peer.into(),
            // No configuration has 65,536 listeners; any id past the end of the list is treated alike.
            listener: u16::try_from(origin.listener.0).unwrap_or(u16::MAX),
            form: Form::Stream,
            generation: 0,
            since: accepted,
            inbox: Inbox::default(),
            incoming: Incoming::Open,
            outbox: Outbox::default(),
            long: false,
            state: State::Sniffing(Layer::Outermost, None),
        }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.standing.peer()
    }

    /// Its address, if it counts against the limit there.
    pub(crate) fn counted(&self) -> Option<IpAddr> {
        match self.standing {
            Standing::Counted(address) => Some(address.socket().ip()),
            Standing::Exempt(_) | Standing::Unix => None,
        }
    }

    /// From now on it counts against the limit of its address.
    pub(crate) fn count(&mut self) {
        if let Standing::Exempt(address) = self.standing {
            self.standing = Standing::Counted(address);
        }
    }

    /// A proxy has named its client, which does not count yet.
    pub(crate) fn set_peer(&mut self, peer: SocketAddr) {
        self.standing = Standing::Exempt(peer.into());
    }

    /// What its listener serves to it.
    pub(crate) fn serves<'a>(&self, config: &'a Config) -> Serves<'a> {
        config.serves(ListenerId(self.listener.into()), self.standing.ip())
    }

    /// A chunk that takes this much memory has joined the runtime's queue.
    #[inline]
    pub(crate) fn queued(&mut self, memory: usize, whose: Whose, limits: &Limits) {
        match whose {
            Whose::Own => {
                self.outbox.own(memory);
                self.long |= memory > limits.own_backlog;
            }
            Whose::Others => self.outbox.others(memory),
        }
    }

    /// The runtime has flushed, and this is left; whether that is progress.
    pub(crate) fn flushed(&mut self, left: usize) -> Progress {
        let progress = self.outbox.flushed(left);
        if self.long {
            self.long = self.outbox.has_own();
        }
        progress
    }

    /// All that waits for it.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// Whether more of others waits than may.
    pub(crate) fn is_too_slow(&self, limits: &Limits) -> bool {
        self.outbox.others_waiting() > limits.backlog
    }

    /// Whether so much waits that its next command has to. The memory of a long answer is held until the
    /// last byte of it is taken; so no second one is begun before.
    pub(crate) fn is_behind(&self, limits: &Limits) -> bool {
        self.long || self.waiting() > limits.own_backlog
    }

    /// Whether it has not begun to end.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Ending(_))
    }

    /// The chat on this connection, while it is one.
    pub(crate) fn chat(&mut self) -> Option<&mut Chat> {
        match &mut self.state {
            State::Chat(chat) => Some(chat),
            State::Sniffing(..) | State::Http { .. } | State::Ending(_) => None,
        }
    }

    /// The WebSocket that carries the chat, if one does.
    pub(crate) fn websocket(&mut self) -> Option<&mut WebSocket> {
        self.chat()?.websocket()
    }

    /// Who is chatting on this connection, and what its next command waits for.
    pub(crate) fn who(&self) -> Option<Who> {
        self.as_chat().map(|chat| chat.who)
    }

    pub(crate) fn turn(&self) -> Option<&Turn> {
        self.as_chat().map(|chat| &chat.turn)
    }

    /// The next command of the chat may come; returns what it has waited for.
    pub(crate) fn ready(&mut self, now: Millis) -> Turn {
        let Some(chat) = self.chat() else {
            return Turn::Ready;
        };
        let (turn, stood_still) = chat.ready(now);
        self.since = self.since + stood_still;
        turn
    }

    /// Bytes came, or can come again after a pause.
    pub(crate) fn heard(&mut self, now: Millis) {
        match &mut self.state {
            State::Sniffing(_, first) => {
                let fresh = FirstBytes {
                    first: now,
                    last: now,
                    unterminated: false,
                };
                first.get_or_insert(fresh).last = now;
            }
            State::Chat(chat) => match (&mut chat.wire, chat.who) {
                (Wire::WebSocket(websocket), _) => websocket.heard = now,
                (Wire::Stream, Who::Member(_)) => self.since = now,
                (Wire::Stream, Who::Nobody { .. }) => {}
            },
            State::Http { .. } | State::Ending(_) => {}
        }
    }

    /// The WebSocket that carries the chat, to look at.
    pub(crate) fn as_websocket(&self) -> Option<&WebSocket> {
        match &self.as_chat()?.wire {
            Wire::WebSocket(websocket) => Some(websocket),
            Wire::Stream => None,
        }
    }

    /// Whether it has sent more commands than the rate allows: then the next one is there already.
    pub(crate) fn waits_for_rate(&self) -> bool {
        matches!(self.turn(), Some(Turn::Rate { .. }))
    }

    /// The claim that it waits with.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self.turn()? {
            Turn::Claim(claim) => Some(claim),
            Turn::Ready
            | Turn::Rate { .. }
            | Turn::Backlog
            | Turn::Throttled(_)
            | Turn::Question(_)
            | Turn::Refusal { .. } => None,
        }
    }

    /// Takes the claim that it waits with; the next command may come.
    pub(crate) fn end_claim(&mut self, now: Millis) -> Option<Claim> {
        self.claim()?;
        match self.ready(now) {
            Turn::Claim(claim) => Some(*claim),
            Turn::Ready
            | Turn::Rate { .. }
            | Turn::Backlog
            | Turn::Throttled(_)
            | Turn::Question(_)
            | Turn::Refusal { .. } => None,
        }
    }

    fn as_chat(&self) -> Option<&Chat> {
        match &self.state {
            State::Chat(chat) => Some(chat),
            State::Sniffing(..) | State::Http { .. } | State::Ending(_) => None,
        }
    }

    /// When the state has to be looked at again if nothing happens.
    #[inline]
    pub(crate) fn deadline(&self, config: &Config) -> Option<Millis> {
        let limits = &config.limits;
        match &self.state {
            State::Sniffing(layer, first) => Some(self.sniff_deadline(*layer, *first, config)),
            State::Http {
                since,
                asks: Asks::Head { .. },
                ..
            } => Some(*since + limits.request),
            State::Http {
                asks: Asks::Admin(admin),
                ..
            } => match admin.stage {
                admin::Stage::Body(_) => Some(admin.since + limits.request),
                admin::Stage::Asked(_) => Some(admin.since + MAX_ADMIN_WAIT),
                admin::Stage::Events(_) => None,
            },
            State::Chat(chat) => chat.deadline(self.since, self.incoming, limits),
            State::Ending(ending) => ending.deadline(&self.outbox, limits),
        }
    }

    /// Whether its first bytes have to be understood as they are: no more will come, or none in time.
    pub(crate) fn is_last_word(&self, config: &Config, now: Millis) -> bool {
        self.incoming == Incoming::Ended || self.deadline(config).is_some_and(|at| at <= now)
    }

    fn sniff_deadline(&self, layer: Layer, first: Option<FirstBytes>, config: &Config) -> Millis {
        let limits = &config.limits;
        let serves = self.serves(config);
        let due = match first {
            Some(FirstBytes {
                last,
                unterminated: true,
                ..
            }) => last + limits.policy_grace,
            Some(FirstBytes {
                first,
                unterminated: false,
                ..
            }) => first + limits.request,
            None => self.since + limits.login,
        };
        if serves.kind(layer, Kind::Chat) {
            due
        } else {
            due.min(self.since + limits.request)
        }
    }
}

impl Ending {
    fn deadline(&self, outbox: &Outbox, limits: &Limits) -> Option<Millis> {
        let stall = match self.patience {
            Patience::Short => limits.close_stall,
            Patience::Body => limits.body_stall,
        };
        match self.stage {
            Stage::Finishing if outbox.waiting() == 0 => Some(self.since + limits.linger),
            Stage::Finishing | Stage::Closing => Some(self.since + stall),
            Stage::Aborted => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // Where a word has 32 bits it may be smaller.
        assert!(size_of::<Conn>() <= 112);
    }
}
