//! Chat: takes commands when their turn has come, and carries them out.

use alloc::string::String;

use super::ending::Ends;
use super::{Gateway, Step};
use crate::command::{self, Command, Fault};
use crate::config::ListAccess;
use crate::conn::{Incoming, Stage, Turn, Who};
use crate::event::ConnId;
use crate::frame::Form;
use crate::hub::Online;
use crate::note::CloseReason;
use crate::reply;
use crate::wiped;
use crate::wire::nul::Frame;

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
        let waiting = conn.outbox.waiting();
        let chat = conn.chat()?;
        let ended = incoming == Incoming::Ended || chat.has_ended(incoming);
        if chat.is_late(since, limits, now) {
            self.end_chat(id, CloseReason::NoLogin, Ends::With(Stage::Finishing));
            return Some(Step::Consumed(0));
        }
        match &mut chat.turn {
            Turn::Ready => None,
            Turn::Rate { until } | Turn::Refusal { until } if now < *until => Some(Step::Wait),
            Turn::Backlog { most } if waiting > *most => {
                if ended && now >= chat.waiting_since + limits.close_stall {
                    self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Aborted));
                    return Some(Step::Consumed(0));
                }
                Some(Step::Wait)
            }
            Turn::Rate { .. } | Turn::Backlog { .. } => {
                conn.ready(now);
                None
            }
            Turn::Refusal { .. } => Some(self.refuse_login(id)),
            Turn::Throttled(in_line) => {
                let source = in_line.source;
                if in_line.until.take_if(|until| *until <= now).is_some() {
                    self.pump(source);
                }
                Some(Step::Wait)
            }
            Turn::Lookup(_) | Turn::Claim(_) => Some(Step::Wait),
        }
    }

    fn take_command(&mut self, id: ConnId, input: &[u8]) -> Step {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let Some(conn) = self.conns.get_mut(id) else {
            return Step::Wait;
        };
        let (incoming, waiting, form) = (conn.incoming, conn.outbox.waiting(), conn.form());
        let Some(chat) = conn.chat() else {
            return Step::Wait;
        };
        let ended = chat.has_ended(incoming);
        // A copy, so that a command that may not be taken yet was never seen.
        let mut framer = chat.framer;
        let frame = match form {
            Form::Stream | Form::Binary => framer.next(input, limits.command),
            Form::Text if chat.has_whole_message() => {
                Frame::Command(without_terminator(input), input.len())
            }
            Form::Text => Frame::Partial,
        };
        let frame = match frame {
            Frame::Partial if ended && (input.is_empty() || form == Form::Text) => {
                self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Finishing));
                return Step::Consumed(0);
            }
            Frame::Partial if ended => framer.finish(input, limits.command),
            frame @ (Frame::Partial | Frame::Command(..) | Frame::TooLong(_) | Frame::Skip(_)) => {
                frame
            }
        };
        let (command, used) = match frame {
            Frame::Partial => {
                chat.framer = framer;
                return Step::Wait;
            }
            Frame::Skip(used) => (None, used),
            Frame::Command(text, used) if command::is_blank(text) => (None, used),
            Frame::Command(text, used) => (Some(Ok(text)), used),
            Frame::TooLong(used) => (Some(Err(Fault("Message too long."))), used),
        };
        if let Some(command) = command {
            if waiting > limits.own_backlog {
                let most = limits.own_backlog;
                chat.wait(Turn::Backlog { most }, now);
                return Step::Wait;
            }
            if let Err(until) = chat.take_token(limits, now) {
                chat.wait(Turn::Rate { until }, now);
                return Step::Wait;
            }
            chat.took(framer);
            self.counters.commands += 1;
            match command {
                Ok(text) => self.command(id, text, form == Form::Text || framer.is_line()),
                Err(Fault(text)) => self.say(id, &reply::error(text)),
            }
        } else {
            chat.took(framer);
        }
        Step::Consumed(used)
    }

    /// `nul_is_content` where something else ends a command.
    fn command(&mut self, id: ConnId, bytes: &[u8], nul_is_content: bool) {
        let Ok(text) = core::str::from_utf8(bytes) else {
            return self.say(id, &reply::error("Message is not valid UTF-8."));
        };
        // A line, or a message, may hold a NUL.
        let clean = (nul_is_content && text.contains('\0')).then(|| wiped::without_nuls(text));
        let text = clean.as_deref().map_or(text, String::as_str);
        match command::parse(command::trim(text)) {
            Ok(Command::Identify { id: name, password }) => self.identify(id, name, password),
            Ok(Command::Msg { nick, text }) => self.msg(id, nick, text),
            Ok(Command::List) => self.list(id),
            Ok(Command::Ping { token }) => self.say(id, &reply::pong(token)),
            Ok(Command::Quit) => self.end_chat(id, CloseReason::Quit, Ends::With(Stage::Finishing)),
            Err(Fault(text)) => self.say(id, &reply::error(text)),
        }
    }

    fn msg(&mut self, id: ConnId, nick: &str, text: &str) {
        let Some(sender) = self.online(id) else {
            return self.say(id, &reply::error("Not identified."));
        };
        let Some(recipient) = self.hub.by_nick(nick) else {
            return self.say(id, &reply::error("User is already left."));
        };
        let to = recipient.conn;
        let message = reply::msg(sender.nick(), self.now, text, recipient.nick());
        self.counters.messages += 1;
        self.say(id, &message);
        if to != id {
            self.tell(to, &message);
        }
    }

    fn list(&mut self, id: ConnId) {
        if self.config.list == ListAccess::Identified && self.online(id).is_none() {
            return self.say(id, &reply::error("Not identified."));
        }
        let list = self.hub.list();
        self.say(id, &list);
    }

    /// The member on this connection.
    fn online(&self, id: ConnId) -> Option<&Online> {
        match self.conns.get(id)?.who()? {
            Who::Member(seat) => self.hub.online(seat),
            Who::Nobody { .. } => None,
        }
    }
}

/// The command in a text message, which needs no terminator but may have one.
pub(super) fn without_terminator(message: &[u8]) -> &[u8] {
    match message {
        [command @ .., b'\r', b'\n'] | [command @ .., b'\0' | b'\r' | b'\n'] => command,
        command => command,
    }
}
