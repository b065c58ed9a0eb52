//! Chat: takes commands when their turn has come, and carries them out.

use core::mem;

use super::caller::Caller;
use super::ending::Ends;
use super::frames::{Holds, Next, Words};
use super::http::Body;
use super::{Gateway, Step};
use crate::chat::command::{self, Call};
use crate::chat::hub::OnlineMember;
use crate::chat::reply;
use crate::chunk::{Form, Level};
use crate::conn::{Incoming, Stage, Turn, Who};
use crate::id::ConnId;
use crate::note::{CloseReason, What};
use crate::observer::Meaning;
use crate::time::Millis;
use crate::web::counters::Limit;
use crate::wire::http::{self, Status};
use crate::wire::typed::Text;

impl Gateway {
    /// Carries out the command that `input`, the chat's own bytes, begins with, if its turn has come.
    pub(super) fn next_command(&mut self, id: ConnId, input: &[u8]) -> Step {
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let incoming = conn.incoming;
        match conn.chat() {
            Some(chat) if input.is_empty() && chat.awaits_bytes(incoming) => Step::Wait,
            Some(_) => self.take_command(id, input),
            None => Step::Wait,
        }
    }

    /// What happens instead of the next command: its turn has not come, or the login is late.
    fn wait_for_turn(&mut self, id: ConnId) -> Step {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let (since, incoming) = (conn.since, conn.incoming);
        let is_behind = conn.is_behind(limits);
        let Some(chat) = conn.chat() else {
            return Step::Wait;
        };
        let ended = incoming == Incoming::Ended || chat.has_ended(incoming);
        if chat.is_late(since, limits, now) {
            self.counters.hit(Limit::Login);
            self.end_chat(id, CloseReason::NoLogin, Ends::With(Stage::Finishing));
            return Step::Consumed(0);
        }
        match &mut chat.turn {
            Turn::Rate { until } | Turn::Refusal { until } if now < *until => Step::Wait,
            Turn::Backlog if is_behind => {
                if ended && now >= chat.waiting_since + limits.close_stall {
                    self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Aborted));
                    return Step::Consumed(0);
                }
                Step::Wait
            }
            Turn::Ready | Turn::Rate { .. } | Turn::Backlog => {
                conn.ready(now);
                Step::Consumed(0)
            }
            Turn::Refusal { .. } => self.refuse_login(id),
            Turn::Throttled(_) | Turn::Question(_) | Turn::Claim(_) => Step::Wait,
        }
    }

    /// Takes the frame that `input` begins with, unless it has to wait.
    fn take_command(&mut self, id: ConnId, input: &[u8]) -> Step {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let (since, incoming, form) = (conn.since, conn.incoming, conn.form);
        let is_behind = conn.is_behind(limits);
        let Some(chat) = conn.chat() else {
            return Step::Wait;
        };
        if !matches!(chat.turn, Turn::Ready) || chat.is_late(since, limits, now) {
            return self.wait_for_turn(id);
        }
        let found = match Next::of(chat, form, incoming, input, &self.config) {
            Next::Frame(found) => found,
            Next::Partial(framer) => {
                chat.framer = framer;
                return Step::Wait;
            }
            Next::End => {
                self.end_chat(id, CloseReason::EndOfStream, Ends::With(Stage::Finishing));
                return Step::Consumed(0);
            }
        };
        if found.is_answered() && is_behind {
            chat.wait(Turn::Backlog, now);
            return Step::Wait;
        }
        let words = found.words(form);
        let text = words.as_ref().map(Words::trimmed);
        let call = text.and_then(command::parse);
        if let Err(until) = chat.take(found.cost(&chat.framer, call, limits), limits, now) {
            self.slow_down(id, until);
            return Step::Wait;
        }
        let (mut framer, used) = (found.framer, found.used);
        let is_first = framer.is_fresh();
        if !matches!(found.holds, Holds::Nothing) {
            framer.has_begun();
        }
        chat.took(framer);
        if let Some(observer) = &mut self.observer {
            let key = call.and_then(|call| call.key());
            let rooms = &self.hub.rooms;
            let is_wrong = key.is_some_and(|(room, key)| rooms.has_other_key(room, key));
            let meaning = Meaning::of(found.frame, &input[..used], found.habits, is_wrong);
            observer.understood(id, meaning);
        }
        self.keep_alive(id);
        match &found.holds {
            Holds::Nothing => {}
            Holds::Command(typed, is_whole) => {
                self.counters.commands += 1;
                if let Text::Paged(_) = typed {
                    self.speak_ascii(id);
                }
                let may_be_http = is_first && *is_whole && form == Form::Stream && framer.is_line();
                self.command(id, text, call, may_be_http);
            }
            Holds::TooLong => {
                self.counters.commands += 1;
                self.counters.hit(Limit::Command);
                self.say(id, &reply::error(reply::TOO_LONG));
            }
        }
        Step::Consumed(used)
    }

    fn command(
        &mut self,
        id: ConnId,
        text: Option<&str>,
        call: Option<Call<'_>>,
        may_be_http: bool,
    ) {
        let Some(text) = text else {
            return self.say(id, &reply::error(reply::NOT_UTF8));
        };
        match call {
            Some(call) => call.run(&mut Caller {
                gateway: self,
                conn: id,
            }),
            None => match http::other_method(text).filter(|_| may_be_http) {
                Some(status) => self.not_chat(id, status),
                None => self.say(id, &reply::error(reply::UNKNOWN_COMMAND)),
            },
        }
    }

    /// Characters beyond ASCII are written as references from now on, to a client that sends them in a code
    /// page.
    fn speak_ascii(&mut self, id: ConnId) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let form = conn.form.in_ascii();
        let spoke = mem::replace(&mut conn.form, form);
        if let Some(Who::Member(slot)) = conn.who()
            && spoke != form
        {
            self.hub.speak(slot, form);
        }
    }

    /// The client knows the elements of level 2 from now on.
    #[cold]
    pub(super) fn raise_level(&mut self, id: ConnId) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        match conn.chat().map(|chat| &mut chat.who) {
            Some(Who::Nobody { level, .. }) => *level = Level::Two,
            Some(Who::Member(slot)) => self.hub.raise_level(*slot),
            None => {}
        }
    }

    /// Answers a request line that the first bytes did not give away, and ends the chat it was taken for.
    fn not_chat(&mut self, id: ConnId, status: Status) {
        self.respond(id, http::refused(status), Body::Whole);
        self.end_chat(id, CloseReason::NotChat, Ends::With(Stage::Finishing));
    }

    /// Lets the next command wait for the rate, and logs that once in a while: the client itself is not
    /// notified.
    pub(super) fn slow_down(&mut self, id: ConnId, until: Millis) {
        let now = self.now.mono;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        if let Some(chat) = conn.chat() {
            chat.wait(Turn::Rate { until }, now);
        }
        self.counters.slowed += 1;
        self.counters.hit(Limit::Rate);
        let quiet_until = self.slowed.entry(id).or_insert(now);
        if *quiet_until <= now {
            *quiet_until = now + SLOW_AGAIN;
            self.note(id, What::Slowed);
        }
    }

    /// Which elements a connection's client knows.
    pub(super) fn level(&self, id: ConnId) -> Level {
        match self.conns.known(id).and_then(|conn| conn.who()) {
            Some(Who::Nobody { level, .. }) => level,
            Some(Who::Member(slot)) => self
                .hub
                .online(slot)
                .map_or(Level::One, |online| online.level),
            None => Level::One,
        }
    }

    /// The member on this connection.
    pub(super) fn member_of(&self, id: ConnId) -> Option<&OnlineMember> {
        match self.conns.known(id)?.who()? {
            Who::Member(slot) => self.hub.online(slot),
            Who::Nobody { .. } => None,
        }
    }
}

/// Between two log lines that say that the command rate slows one connection down.
const SLOW_AGAIN: Millis = Millis::from_secs(60);
