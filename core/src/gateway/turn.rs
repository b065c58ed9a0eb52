//! Chat: takes commands when their turn has come, and carries them out.

use alloc::string::String;
use core::mem;

use super::caller::Caller;
use super::ending::Ends;
use super::http::Body;
use super::{Gateway, Step};
use crate::chat::command::{self, Fault};
use crate::chat::hub::Online;
use crate::chat::reply;
use crate::chunk::Form;
use crate::conn::{Cost, Incoming, Stage, Turn, Who};
use crate::id::ConnId;
use crate::note::{CloseReason, What};
use crate::observer::Meaning;
use crate::text;
use crate::time::Millis;
use crate::wiped;
use crate::wire::framing::{Frame, Framer, MARK, Rules};
use crate::wire::http::{self, Status};
use crate::wire::typed::{self, Habits, Text};

impl Gateway {
    /// Carries out the command that `input`, the chat's own bytes, begins with, if its turn has come.
    pub(super) fn next_command(&mut self, id: ConnId, input: &[u8]) -> Step {
        match self.wait_for_turn(id) {
            Some(step) => step,
            None => self.take_command(id, input),
        }
    }

    /// What is to be done before the next command may be looked at; `None` when its turn has come.
    fn wait_for_turn(&mut self, id: ConnId) -> Option<Step> {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let conn = self.conns.get_mut(id)?;
        let (since, incoming) = (conn.since, conn.incoming);
        let is_behind = conn.is_behind(limits);
        let chat = conn.chat()?;
        let ended = incoming == Incoming::Ended || chat.has_ended(incoming);
        if chat.is_late(since, limits, now) {
            self.end_chat(id, CloseReason::NoLogin, Ends::With(Stage::Finishing));
            return Some(Step::Consumed(0));
        }
        match &mut chat.turn {
            Turn::Ready => None,
            Turn::Rate { until } | Turn::Refusal { until } if now < *until => Some(Step::Wait),
            Turn::Backlog if is_behind => {
                if ended && now >= chat.waiting_since + limits.close_stall {
                    self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Aborted));
                    return Some(Step::Consumed(0));
                }
                Some(Step::Wait)
            }
            Turn::Rate { .. } | Turn::Backlog => {
                conn.ready(now);
                None
            }
            Turn::Refusal { .. } => Some(self.refuse_login(id)),
            Turn::Throttled(_) | Turn::Question(_) | Turn::Claim(_) => Some(Step::Wait),
        }
    }

    fn take_command(&mut self, id: ConnId, input: &[u8]) -> Step {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let Some(conn) = self.conns.get_mut(id) else {
            return Step::Wait;
        };
        let (incoming, form, is_behind) = (conn.incoming, conn.form, conn.is_behind(limits));
        let Some(chat) = conn.chat() else {
            return Step::Wait;
        };
        let ended = chat.has_ended(incoming);
        if input.is_empty() && !ended && !chat.has_whole_message() {
            return Step::Wait;
        }
        // A copy, so that a command that may not be taken yet was never seen.
        let mut framer = chat.framer;
        let rules = match form {
            Form::Stream | Form::AsciiStream => Rules::stream(&self.config),
            Form::Binary | Form::AsciiBinary | Form::Text => Rules::websocket(&self.config),
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
                self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Finishing));
                return Step::Consumed(0);
            }
            Frame::Partial if ended => framer.finish(input, limits.command),
            found @ (Frame::Command(..)
            | Frame::TooLong(_)
            | Frame::Skip(_)
            | Frame::Noise(_)
            | Frame::Partial) => found,
        };
        let (command, used) = match frame {
            Frame::Partial => {
                chat.framer = framer;
                return Step::Wait;
            }
            Frame::Skip(used) | Frame::Noise(used) => (None, used),
            Frame::Command(bytes, used) if text::is_blank(bytes) => (None, used),
            Frame::Command(bytes, used) => {
                let text = typed::read(bytes, Habits::of(&framer, rules));
                // A line of which everything was erased.
                let blank = !matches!(text, Text::Plain(_)) && text.is_blank();
                let whole = used > bytes.len();
                ((!blank).then_some(Some((text, whole))), used)
            }
            Frame::TooLong(used) => (Some(None), used),
        };
        let cost = match frame {
            // Part of something that may have any length.
            Frame::Noise(used) if chat.framer.is_dropping() => Cost::Rest(used),
            Frame::Skip(used) => Cost::Rest(used),
            Frame::Noise(used) => Cost::Idle(used),
            Frame::TooLong(used) => Cost::Long(used.saturating_sub(limits.command + 1)),
            // An empty text message was a frame, and has cost what one does.
            Frame::Command(_, 0) => Cost::Rest(0),
            Frame::Command(_, used) if command.is_none() => Cost::Idle(used),
            Frame::Command(..) | Frame::Partial => Cost::Command,
        };
        if command.is_some() && is_behind {
            chat.wait(Turn::Backlog, now);
            return Step::Wait;
        }
        if let Err(until) = chat.take(cost, limits, now) {
            self.slow_down(id, until);
            return Step::Wait;
        }
        if let Some(observer) = &mut self.observer {
            let habits = Habits::of(&framer, rules);
            observer.understood(id, Meaning::of(frame, &input[..used], habits));
        }
        let Some(command) = command else {
            chat.took(framer);
            self.keep_alive(id);
            return Step::Consumed(used);
        };
        let first = framer.is_fresh();
        framer.has_begun();
        chat.took(framer);
        self.keep_alive(id);
        self.counters.commands += 1;
        match command {
            Some((text, whole)) => {
                let may_be_http = first && whole && form == Form::Stream && framer.is_line();
                self.command(id, &text, form, may_be_http);
            }
            None => self.say(id, &reply::error(reply::TOO_LONG)),
        }
        Step::Consumed(used)
    }

    fn command(&mut self, id: ConnId, text: &Text<'_>, form: Form, may_be_http: bool) {
        if let Text::Paged(_) = text {
            self.speak_ascii(id);
        }
        let Some(text) = text.as_str() else {
            return self.say(id, &reply::error(reply::NOT_UTF8));
        };
        // A text message may hold a NUL.
        let clean = (form == Form::Text && text.contains('\0')).then(|| wiped::without_nuls(text));
        let text = text::trim(clean.as_deref().map_or(text, String::as_str));
        match command::parse(text) {
            Ok(call) => call.run(&mut Caller {
                gateway: self,
                conn: id,
            }),
            Err(Fault::Usage(usage)) => self.say(id, &reply::error(usage)),
            Err(Fault::Unknown) => match http::other_method(text).filter(|_| may_be_http) {
                Some(status) => self.not_chat(id, status),
                None => self.say(id, &reply::error(reply::UNKNOWN_COMMAND)),
            },
        }
    }

    /// Characters beyond ASCII are written as references from now on, to a client that sends them in a code
    /// page.
    fn speak_ascii(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let form = conn.form.in_ascii();
        let spoke = mem::replace(&mut conn.form, form);
        if let Some(Who::Member(seat)) = conn.who()
            && spoke != form
        {
            self.hub.speak(seat, form);
        }
    }

    /// Answers a request line that the first bytes did not give away, and ends the chat it was taken for.
    fn not_chat(&mut self, id: ConnId, status: Status) {
        self.respond(id, http::refused(status), Body::Whole);
        self.end_chat(id, CloseReason::NotChat, Ends::With(Stage::Finishing));
    }

    /// Lets the next command wait for the rate, and says so once in a while: a client whose commands
    /// come late is not told why.
    pub(super) fn slow_down(&mut self, id: ConnId, until: Millis) {
        let now = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if let Some(chat) = conn.chat() {
            chat.wait(Turn::Rate { until }, now);
        }
        self.counters.slowed += 1;
        let quiet_until = self.slowed.entry(id).or_insert(now);
        if *quiet_until <= now {
            *quiet_until = now + SLOW_AGAIN;
            self.note(id, What::Slowed);
        }
    }

    /// The member on this connection.
    pub(super) fn member_of(&self, id: ConnId) -> Option<&Online> {
        match self.conns.get(id)?.who()? {
            Who::Member(seat) => self.hub.online(seat),
            Who::Nobody { .. } => None,
        }
    }
}

/// A whole text message as the command that it is.
fn message<'a>(message: &'a [u8], framer: &Framer) -> Frame<'a> {
    let command = without_terminator(message);
    let marked = command.strip_prefix(MARK).filter(|_| framer.is_fresh());
    Frame::Command(marked.unwrap_or(command), message.len())
}

/// The command in a text message, which needs no terminator but may have one.
pub(super) fn without_terminator(message: &[u8]) -> &[u8] {
    match message {
        [command @ .., b'\r', b'\n'] | [command @ .., b'\0' | b'\r' | b'\n'] => command,
        command => command,
    }
}

/// Between two lines of the log that say of a connection that the command rate slows it down.
const SLOW_AGAIN: Millis = Millis::from_secs(60);
