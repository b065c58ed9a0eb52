//! The chat of a connection: who it is, and what its next command waits for.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use super::Incoming;
use super::websocket::WebSocket;
use crate::chat::attempt::Attempt;
use crate::chat::hub::Slot;
use crate::chunk::Level;
use crate::config::Limits;
use crate::id::{ConnId, Source, Ticket};
use crate::member::Member;
use crate::time::Millis;
use crate::wire::framing::Framer;

/// A chat.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) wire: Wire,
    pub(crate) framer: Framer,
    pub(crate) who: Who,
    pub(crate) turn: Turn,
    /// Since when the turn is not [`Turn::Ready`]; in [`Turn::Backlog`], the last progress.
    pub(crate) waiting_since: Millis,
    /// When the command rate allows the next command, were there no burst; in 1,024ths of a microsecond.
    pub(crate) next_command: u64,
}

/// What carries the chat.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Plain TCP.
    Stream,
    /// A WebSocket.
    WebSocket(Box<WebSocket>),
}

/// Who a chat connection is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// Not identified; this many of its passwords were wrong. The level is of the elements that the client knows.
    Nobody { failures: u8, level: Level },
    /// Online. The hub knows the level.
    Member(Slot),
}

/// What a chat connection's next command waits for.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Nothing.
    Ready,
    /// The command rate.
    Rate { until: Millis },
    /// The client to read what it was answered.
    Backlog,
    /// The throttle, which delays passwords of its address or in the name that it tries.
    Throttled(Box<InLine>),
    /// The host, which was asked.
    Question(Ticket),
    /// A sign of life from an older connection of the same member, or that none comes.
    Claim(Box<Claim>),
    /// The earliest moment a refusal may leave.
    Refusal { until: Millis },
}

/// A password that waits in the lines of its address and of its name.
#[derive(Debug)]
pub(crate) struct InLine {
    pub(crate) attempt: Attempt,
    pub(crate) source: Source,
}

/// A login with the right password, of a member that is online already.
#[derive(Debug)]
pub(crate) struct Claim {
    /// As the client sent it, for the log.
    pub(crate) name: Arc<str>,
    pub(crate) member: Member,
    /// The older connection.
    pub(crate) old: ConnId,
    /// When it was asked for a sign of life.
    pub(crate) asked: Millis,
}

impl Claim {
    /// How long the older connection may take for a sign of life.
    pub(crate) fn due(&self, limits: &Limits) -> Millis {
        self.asked + limits.ghost_websocket
    }
}

impl Chat {
    pub(crate) fn new(wire: Wire) -> Self {
        Self {
            wire,
            framer: Framer::default(),
            who: Who::Nobody {
                failures: 0,
                level: Level::One,
            },
            turn: Turn::Ready,
            waiting_since: Millis(0),
            next_command: 0,
        }
    }

    pub(crate) fn websocket(&mut self) -> Option<&mut WebSocket> {
        match &mut self.wire {
            Wire::WebSocket(websocket) => Some(websocket),
            Wire::Stream => None,
        }
    }

    /// Whether a text message waits to be carried out.
    pub(crate) fn has_whole_message(&self) -> bool {
        match &self.wire {
            Wire::WebSocket(websocket) => websocket.whole,
            Wire::Stream => false,
        }
    }

    /// A command was taken; this is what its framer knows now.
    pub(crate) fn took(&mut self, framer: Framer) {
        self.framer = framer;
        if let Some(websocket) = self.websocket() {
            websocket.whole = false;
        }
    }

    /// Whether the client has said its last: nothing more will come from it.
    pub(crate) fn has_ended(&self, incoming: Incoming) -> bool {
        match &self.wire {
            Wire::WebSocket(websocket) => websocket.has_ended(),
            Wire::Stream => incoming == Incoming::Ended,
        }
    }

    pub(super) fn deadline(
        &self,
        since: Millis,
        incoming: Incoming,
        limits: &Limits,
    ) -> Option<Millis> {
        let turn = match &self.turn {
            Turn::Ready | Turn::Throttled(_) | Turn::Question(_) => None,
            // Nothing more will come from it, and it takes nothing.
            Turn::Backlog if self.has_ended(incoming) || incoming == Incoming::Ended => {
                Some(self.waiting_since + limits.close_stall)
            }
            Turn::Backlog => None,
            Turn::Rate { until } | Turn::Refusal { until } => Some(*until),
            Turn::Claim(claim) => Some(claim.due(limits)),
        };
        let login = match self.who {
            Who::Nobody { .. } if !self.waits_for_us() => Some(since + limits.login),
            Who::Nobody { .. } | Who::Member(_) => None,
        };
        let life = match &self.wire {
            Wire::WebSocket(websocket) => websocket.deadline(incoming, limits),
            Wire::Stream => None,
        };
        earliest(earliest(turn, login), life)
    }

    /// Whether the next command waits for the server. Then the time to log in stands still. It does not while the
    /// client exceeds its rate or does not read its answers: it could stay for ever without a login.
    fn waits_for_us(&self) -> bool {
        match self.turn {
            Turn::Throttled(_) | Turn::Question(_) | Turn::Claim(_) | Turn::Refusal { .. } => true,
            Turn::Ready | Turn::Rate { .. } | Turn::Backlog => false,
        }
    }

    /// Whether a member sits there whose next command may come, and none has begun.
    pub(crate) fn awaits_bytes(&self, incoming: Incoming) -> bool {
        matches!((&self.turn, self.who), (Turn::Ready, Who::Member(_)))
            && !self.has_ended(incoming)
            && !self.has_whole_message()
    }

    /// Whether it has had its time to identify.
    pub(crate) fn is_late(&self, since: Millis, limits: &Limits, now: Millis) -> bool {
        matches!(self.who, Who::Nobody { .. })
            && !self.waits_for_us()
            && now >= since + limits.login
    }

    /// The next command must wait.
    pub(crate) fn wait(&mut self, turn: Turn, now: Millis) {
        if matches!(self.turn, Turn::Ready) {
            self.waiting_since = now;
        }
        self.turn = turn;
    }

    /// The next command may come. Returns what it has waited for, and for how long the time to log in has
    /// stood still.
    pub(super) fn ready(&mut self, now: Millis) -> (Turn, Millis) {
        let is_nobody = matches!(self.who, Who::Nobody { .. });
        let stood_still = if is_nobody && self.waits_for_us() {
            now - self.waiting_since
        } else {
            Millis(0)
        };
        (mem::replace(&mut self.turn, Turn::Ready), stood_still)
    }
}

/// The earlier of two times that may never come.
pub(super) fn earliest(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
