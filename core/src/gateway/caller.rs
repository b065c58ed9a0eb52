//! The gateway as a command sees it.

use alloc::sync::Arc;

use super::Gateway;
use super::ending::Ends;
use crate::chat::attempt::Attempt;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::hub::{Hub, OnlineMember, Slot};
use crate::chunk::{Audience, Chunk, Form, Message};
use crate::config::Config;
use crate::conn::{Stage, Who};
use crate::id::{ConnId, Source};
use crate::member::{Answer, Member};
use crate::name::{GuestNick, Nick};
use crate::note::CloseReason;
use crate::time::{Millis, Now};
use crate::web::counters::Counters;

/// The gateway, and the connection whose command it carries out.
pub(super) struct Caller<'a> {
    pub(super) gateway: &'a mut Gateway,
    pub(super) conn: ConnId,
}

impl Context for Caller<'_> {
    fn config(&self) -> &Config {
        &self.gateway.config
    }

    fn now(&self) -> Now {
        self.gateway.now
    }

    fn hub(&self) -> &Hub {
        &self.gateway.hub
    }

    fn hub_mut(&mut self) -> &mut Hub {
        &mut self.gateway.hub
    }

    fn counters(&mut self) -> &mut Counters {
        &mut self.gateway.counters
    }

    fn conn(&self) -> ConnId {
        self.conn
    }

    fn form(&self) -> Form {
        self.gateway.form(self.conn)
    }

    fn raise_level(&mut self) {
        self.gateway.raise_level(self.conn);
    }

    fn member(&self) -> Option<&OnlineMember> {
        self.gateway.member_of(self.conn)
    }

    fn slot(&self) -> Option<Slot> {
        match self.gateway.conns.known(self.conn)?.who()? {
            Who::Member(slot) => Some(slot),
            Who::Nobody { .. } => None,
        }
    }

    fn source_of(&self, conn: ConnId) -> Source {
        self.gateway.source(conn)
    }

    fn say(&mut self, message: &Message) {
        self.gateway.say(self.conn, message);
    }

    fn say_encoded(&mut self, chunk: Chunk) {
        self.gateway.write(self.conn, chunk);
    }

    fn tell(&mut self, conn: ConnId, message: &Message) {
        self.gateway.tell(conn, message);
    }

    fn announce(&mut self, audience: Audience, message: &Message) {
        self.gateway.broadcast(audience, message, Some(self.conn));
    }

    fn happened(&mut self, event: Event<'_>) {
        if self.gateway.is_watched() {
            self.gateway.watch_command(event);
        }
    }

    fn attempt(&mut self, attempt: Attempt) {
        self.gateway.attempt(self.conn, attempt);
    }

    fn claim(&mut self, id: Arc<str>, member: Member) {
        self.gateway.claim(self.conn, id, member);
    }

    fn take_place(&mut self, id: Arc<str>, member: Member) {
        self.gateway.take_place(self.conn, id, member);
    }

    fn refuse_claim(&mut self, id: Arc<str>) {
        self.gateway.refuse_claim(self.conn, id);
    }

    fn log_failure(&mut self, id: &Arc<str>, answer: &Answer) {
        self.gateway.log_failure(self.conn, id, answer);
    }

    fn hold_refusal(&mut self, asked: Millis) {
        self.gateway.hold_refusal(self.conn, asked);
    }

    fn may_add_guest(&self) -> bool {
        self.gateway.may_add_guest(self.conn)
    }

    fn be_guest(&mut self, nick: &GuestNick) {
        self.gateway.be_guest(self.conn, nick);
    }

    fn may_rename(&self) -> bool {
        self.gateway.may_rename(self.conn)
    }

    fn ask_rename(&mut self, nick: &Nick) {
        self.gateway.ask_rename(self.conn, nick);
    }

    fn rename_guest(&mut self, nick: &GuestNick) {
        self.gateway.rename_guest(self.conn, nick);
    }

    fn end(&mut self, reason: CloseReason) {
        let ends = Ends::With(Stage::Finishing);
        self.gateway.end_chat(self.conn, reason, ends);
    }
}
