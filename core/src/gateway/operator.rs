//! What an operator does to a running gateway, and what the host can see of it.

use super::Gateway;
use super::ending::Ends;
use crate::chat::reply;
use crate::chunk::{Audience, Level};
use crate::conn::Stage;
use crate::id::ConnId;
use crate::member::{Login, MemberId};
use crate::note::{CloseReason, Refusal};
use crate::web::status::Counters;

/// A member who is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Online<'a> {
    /// The connection; a takeover changes it.
    pub conn: ConnId,
    /// The member's number.
    pub member: MemberId,
    /// The nick that others address the member by.
    pub nick: &'a str,
    /// The name that is shown.
    pub name: &'a str,
}

impl Gateway {
    /// The members who are online, in the order of their logins.
    pub fn online(&self) -> impl Iterator<Item = Online<'_>> {
        self.hub.in_order().map(|online| Online {
            conn: online.conn,
            member: online.id,
            nick: online.nick(),
            name: online.name(),
        })
    }

    /// How many chat connections are open, identified or not.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// How many connections of any kind are open.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// What has happened since the start: the counters of `/metrics`.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections were refused for this reason since the start.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refusals.total(reason)
    }

    /// Sends an announcement to everyone online whose client knows the element.
    #[cold]
    pub(super) fn announce(&mut self, text: &str) {
        let message = reply::announce(self.now, text);
        self.broadcast(Audience::Level(Level::Two), &message, None);
    }

    /// Sends a member who is online the reason, then closes the connection.
    #[cold]
    pub(super) fn kick(&mut self, member: &Login, reason: Option<&str>) {
        let online = match member {
            Login::Id(id) => self.hub.by_member(*id),
            Login::Nick(nick) => self.hub.by_nick(nick),
        };
        if let Some(id) = online.map(|online| online.conn) {
            let message = match self.level(id) {
                Level::One => reply::error(reason.unwrap_or(reply::KICKED)),
                Level::Two => reply::kicked(reason.unwrap_or_default()),
            };
            self.tell(id, &message);
            self.end_chat(id, CloseReason::Kicked, Ends::With(Stage::Finishing));
            self.settle(id);
        }
    }
}
