//! What an observer of a gateway sees: every input, what the bytes in it mean, and every action.

use alloc::sync::Arc;
use core::fmt;

use crate::config::Config;
use crate::event::{Action, Input, Refused};
use crate::id::{Accepted, ConnId};
use crate::time::Now;
use crate::wire::framing;
pub use crate::wire::typed::Habits;
use crate::wire::websocket::{Opcode, Violation};

/// Sees what a gateway is given and what it decides, in order. A gateway calls it while it works, so it must
/// not block. Without an observer a gateway does none of the work for one.
pub trait Observer: fmt::Debug + Send {
    /// The gateway begins, with these settings.
    fn begin(&mut self, now: Now, config: &Arc<Config>);

    /// A connection was taken or refused.
    fn accepted(&mut self, now: Now, origin: Accepted, taken: Result<ConnId, Refused>);

    /// An input, before the gateway acts on it or on a timer that is due.
    fn input(&mut self, now: Now, input: &Input<'_>);

    /// What bytes of a connection mean. Every byte of an [`Input::Bytes`] is part of exactly one meaning other
    /// than [`Meaning::Undecided`], in order of the bytes; but payload of WebSocket frames follows its
    /// [`Meaning::Frame`] once a command of it is complete. Bytes of commands that have to wait are
    /// seen when the commands are carried out. If a connection ends before it is known what it speaks, its
    /// bytes have no other meaning than [`Meaning::Undecided`].
    fn understood(&mut self, conn: ConnId, meaning: Meaning<'_>);

    /// An action that the runtime will poll.
    fn decided(&mut self, action: &Action);

    /// The runtime has polled every action. An observer that wants no more is dropped, after it has seen
    /// the bytes that connections hold.
    fn polled(&mut self) -> Wanted;
}

/// Whether an observer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It does.
    More,
    /// It has seen as much as it may.
    NoMore,
}

/// What bytes mean.
#[derive(Clone, Copy, Debug)]
pub enum Meaning<'a> {
    /// All bytes of a connection so far. They may begin more than one protocol, and come again as a part of
    /// what they turn out to be.
    Undecided(&'a [u8]),
    /// First bytes that mean something by themselves: a policy request with its terminator, the two bytes
    /// that begin TLS, or the header of a proxy.
    Opening(&'a [u8]),
    /// The head of an HTTP request; as much of it as came, if it was refused or never ended.
    Head(&'a [u8]),
    /// The body of a request for administration; as much of it as came, if it never ended.
    Body(&'a [u8]),
    /// No bytes: those that follow are commands, not in WebSocket frames.
    Chat,
    /// The head of a WebSocket's data frame. Its payload follows as commands.
    Frame {
        /// What the frame is.
        opcode: Opcode,
        /// Whether the message ends with it.
        fin: bool,
        /// Bytes of its payload.
        length: u64,
    },
    /// A whole control frame, with its payload unmasked.
    Control(Opcode, &'a [u8]),
    /// The head of a frame, up to the byte at which it breaks a rule.
    Broken(Violation, &'a [u8]),
    /// The beginning of a head or of a control frame, whose rest never came.
    Begun(&'a [u8]),
    /// A command that is carried out, or a blank one.
    Command(Said<'a>),
    /// Bytes around commands that are none: a byte order mark, or a part of telnet's.
    Noise(&'a [u8]),
    /// Bytes of a command that is not carried out, because it is too long or never ended; and of those behind
    /// it.
    Unused(&'a [u8], Habits),
    /// Bytes that arrived at the end of a connection or behind it. Of a plain chat, they may be those of a
    /// command that had to wait.
    Dropped(&'a [u8]),
}

/// A command in its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// A byte order mark, or nothing.
    pub before: &'a [u8],
    /// The command without its terminator.
    pub command: &'a [u8],
    /// The terminator; nothing for a text message or the last command of a stream.
    pub after: &'a [u8],
    /// What the command may hold besides text.
    pub habits: Habits,
    /// Whether it is a `JOIN` with a key that is not the room's. An observer that keeps no keys needs it to tell the
    /// answers apart.
    pub wrong_key: bool,
}

impl<'a> Meaning<'a> {
    /// What `frame` makes of `bytes`, all that it takes.
    pub(crate) fn of(
        frame: framing::Frame<'a>,
        bytes: &'a [u8],
        habits: Habits,
        wrong_key: bool,
    ) -> Self {
        match frame {
            framing::Frame::Command(command, _) => {
                // The command is a part of `bytes`.
                let start = command
                    .as_ptr()
                    .addr()
                    .saturating_sub(bytes.as_ptr().addr());
                let (before, rest) = bytes.split_at(start.min(bytes.len() - command.len()));
                Self::Command(Said {
                    before,
                    command,
                    after: &rest[command.len()..],
                    habits,
                    wrong_key,
                })
            }
            framing::Frame::Noise(_) => Self::Noise(bytes),
            framing::Frame::TooLong(_) | framing::Frame::Skip(_) | framing::Frame::Partial => {
                Self::Unused(bytes, habits)
            }
        }
    }
}
