//! The one exit: every byte for a connection, and every action, leaves here and is counted.

use super::Gateway;
use crate::chunk::{Audience, Chunk, Form, Message};
use crate::conn::Whose;
use crate::event::Action;
use crate::id::ConnId;

impl Gateway {
    /// Sends a connection bytes that answer it.
    pub(super) fn write(&mut self, id: ConnId, chunk: Chunk) {
        self.send(id, Whose::Own, |_| chunk);
    }

    /// Sends a connection a message that answers it.
    pub(super) fn say(&mut self, id: ConnId, message: &Message) {
        self.send(id, Whose::Own, |form| message.to(form));
    }

    /// Sends a connection a message that another one caused.
    pub(super) fn tell(&mut self, id: ConnId, message: &Message) {
        self.send(id, Whose::Others, |form| message.to(form));
    }

    /// The only place where bytes for one connection leave.
    pub(super) fn send(&mut self, id: ConnId, whose: Whose, chunk: impl FnOnce(Form) -> Chunk) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let chunk = chunk(conn.form);
        conn.queued(chunk.memory(), whose, &self.config.limits);
        self.counters.sent += chunk.len() as u64;
        self.act(Action::Write(id, chunk));
    }

    /// Sends a message to an audience. It answers `author`, if there is one in the audience.
    pub(super) fn broadcast(
        &mut self,
        audience: Audience,
        message: &Message,
        author: Option<ConnId>,
    ) {
        for recipients in self.hub.recipients(audience).iter() {
            let chunk = message.to(recipients.form());
            let (memory, bytes) = (chunk.memory(), chunk.len() as u64);
            for id in recipients.iter() {
                let Some(conn) = self.conns.known_mut(id) else {
                    continue;
                };
                let whose = if Some(id) == author {
                    Whose::Own
                } else {
                    Whose::Others
                };
                conn.queued(memory, whose, &self.config.limits);
                self.counters.sent += bytes;
            }
            self.act(Action::Broadcast(recipients.clone(), chunk));
        }
    }

    /// Decides on an action, which the runtime then polls.
    pub(super) fn act(&mut self, action: Action) {
        if self.observer.is_none() && self.filters.is_empty() {
            self.actions.push_back(action);
        } else {
            self.act_aside(action);
        }
    }

    /// Shows an action to the observer, and puts it through filters.
    #[cold]
    fn act_aside(&mut self, action: Action) {
        if let Some(observer) = &mut self.observer {
            observer.decided(&action);
        }
        self.act_filtered(action);
    }

    /// How a connection carries what is said in the chat.
    pub(super) fn form(&self, id: ConnId) -> Form {
        self.conns.known(id).map_or(Form::Stream, |conn| conn.form)
    }
}
