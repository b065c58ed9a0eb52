//! What comes next in a chat: a stream and a WebSocket are both a source of frames.
//!
//! A frame is found without being taken. A command that has to wait is found again later, from the same
//! framer, as if it had never been seen.

use alloc::string::String;

use zeroize::Zeroizing;

use super::websocket::without_terminator;
use crate::chat::command::Call;
use crate::chunk::Form;
use crate::config::{Config, Limits};
use crate::conn::{Chat, Cost, Incoming};
use crate::text;
use crate::wiped;
use crate::wire::framing::{Frame, Framer, MARK, Rules};
use crate::wire::typed::{self, Habits, Text};

/// What the bytes of a chat begin with.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// Nothing can be found before more bytes come.
    Partial(Framer),
    /// The client has sent everything, and no frame is left.
    End,
    Frame(FoundFrame<'a>),
}

/// A frame that was found and may be taken.
#[derive(Debug)]
pub(super) struct FoundFrame<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) holds: Holds<'a>,
    /// How many bytes it takes.
    pub(super) used: usize,
    /// How its bytes were read.
    pub(super) habits: Habits,
    /// The framer behind it.
    pub(super) framer: Framer,
}

/// What a frame holds.
#[derive(Debug)]
pub(super) enum Holds<'a> {
    /// Nothing to answer.
    Nothing,
    /// A command, and whether it has a terminator.
    Command(Text<'a>, bool),
    /// A command that is too long.
    TooLong,
}

/// The text of a command.
#[derive(Debug)]
pub(super) enum Words<'a> {
    /// As the client sent it.
    Sent(&'a str),
    WithoutNuls(Zeroizing<String>),
}

impl<'a> Next<'a> {
    /// Looks at `input`, the chat's own bytes.
    #[inline(always)] // into its one caller, where what it finds needs no memory
    pub(super) fn of(
        chat: &Chat,
        form: Form,
        incoming: Incoming,
        input: &'a [u8],
        config: &Config,
    ) -> Self {
        let ended = chat.has_ended(incoming);
        let mut framer = chat.framer;
        if input.is_empty() && !ended && !chat.has_whole_message() {
            return Self::Partial(framer);
        }
        let (limit, page) = (config.limits.command, config.codepage);
        let rules = match form {
            Form::Stream | Form::AsciiStream => Rules::stream(limit, page),
            Form::Binary | Form::AsciiBinary | Form::Text => Rules::websocket(limit, page),
        };
        let frame = match form {
            Form::Text if chat.has_whole_message() => message(input, &framer),
            Form::Text => Frame::Partial,
            Form::Stream | Form::AsciiStream | Form::Binary | Form::AsciiBinary => {
                framer.next(input, rules)
            }
        };
        let frame = match frame {
            Frame::Partial if ended && (input.is_empty() || form == Form::Text) => {
                return Self::End;
            }
            Frame::Partial if ended => framer.finish(input, limit),
            Frame::Command(..)
            | Frame::TooLong(_)
            | Frame::Skip(_)
            | Frame::Noise(_)
            | Frame::Partial => frame,
        };
        let habits = Habits::of(&framer, rules);
        let (holds, used) = match frame {
            Frame::Partial => return Self::Partial(framer),
            Frame::Skip(used) | Frame::Noise(used) => (Holds::Nothing, used),
            Frame::TooLong(used) => (Holds::TooLong, used),
            Frame::Command(bytes, used) => (held(bytes, used, habits), used),
        };
        Self::Frame(FoundFrame {
            frame,
            holds,
            used,
            habits,
            framer,
        })
    }
}

impl FoundFrame<'_> {
    pub(super) fn is_answered(&self) -> bool {
        match self.holds {
            Holds::Nothing => false,
            Holds::Command(..) | Holds::TooLong => true,
        }
    }

    /// The text of its command; `None` if it holds none, or one that is not UTF-8.
    #[inline]
    pub(super) fn words(&self, form: Form) -> Option<Words<'_>> {
        let Holds::Command(text, _) = &self.holds else {
            return None;
        };
        let text = text.as_str()?;
        // A text message may hold a NUL.
        Some(if form == Form::Text && text.contains('\0') {
            Words::WithoutNuls(wiped::without_nuls(text))
        } else {
            Words::Sent(text)
        })
    }

    /// What the command rate takes for it; `before` is the framer in front of it, and `call` the command in it.
    #[inline]
    pub(super) fn cost(&self, before: &Framer, call: Option<Call<'_>>, limits: &Limits) -> Cost {
        match self.frame {
            // Part of something that may have any length.
            Frame::Noise(used) if before.is_dropping() => Cost::Rest(used),
            Frame::Skip(used) => Cost::Rest(used),
            Frame::Noise(used) => Cost::Idle(used),
            Frame::TooLong(used) => Cost::Long(used.saturating_sub(limits.command + 1)),
            // An empty text message was a frame, and has cost what one does.
            Frame::Command(_, 0) => Cost::Rest(0),
            Frame::Command(_, used) if !self.is_answered() => Cost::Idle(used),
            Frame::Command(..) | Frame::Partial => {
                Cost::Command(call.map_or(1, |call| call.price()))
            }
        }
    }
}

impl Words<'_> {
    /// The text without white space around it.
    #[inline]
    pub(super) fn trimmed(&self) -> &str {
        text::trim(match self {
            Self::Sent(text) => text,
            Self::WithoutNuls(text) => text,
        })
    }
}

/// What the bytes of a command hold.
#[inline]
fn held(bytes: &[u8], used: usize, habits: Habits) -> Holds<'_> {
    if text::is_blank(bytes) {
        return Holds::Nothing;
    }
    let text = typed::read(bytes, habits);
    // A line of which everything was erased.
    if !matches!(text, Text::Plain(_)) && text.is_blank() {
        return Holds::Nothing;
    }
    Holds::Command(text, used > bytes.len())
}

/// A whole text message as the command that it is.
fn message<'a>(message: &'a [u8], framer: &Framer) -> Frame<'a> {
    let command = without_terminator(message);
    let marked = command.strip_prefix(MARK).filter(|_| framer.is_fresh());
    Frame::Command(marked.unwrap_or(command), message.len())
}
