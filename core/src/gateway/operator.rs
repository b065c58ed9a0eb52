//! What an operator does to a running gateway, and what the host can see of it.

use alloc::sync::Arc;

use super::ending::Ends;
use super::{Gateway, Phase};
use crate::chat::reply;
use crate::chunk::{Audience, Level};
use crate::config::Config;
use crate::conn::{Stage, State};
use crate::id::ConnId;
use crate::member::{Login, MemberId};
use crate::note::{CloseReason, Refusal};
use crate::web::counters::Counters;

/// A member or a guest who is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Online<'a> {
    /// The connection; a takeover changes it.
    pub conn: ConnId,
    /// The member's number; `None` for a guest.
    pub member: Option<MemberId>,
    /// The nick that others use to address it.
    pub nick: &'a str,
    /// The name that is shown.
    pub name: &'a str,
}

impl Gateway {
    /// The members and guests who are online, in the order of their logins.
    pub fn online(&self) -> impl Iterator<Item = Online<'_>> {
        self.hub.in_order().map(|online| Online {
            conn: online.conn,
            member: online.member(),
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

    #[cold]
    pub(super) fn configure(&mut self, config: Arc<Config>) {
        #[cfg(any(test, feature = "_testing"))]
        {
            self.highest = self.highest.and(&config.limits);
        }
        let has_access_changed = config.admin_access != self.config.admin_access;
        self.config = config;
        if has_access_changed {
            self.end_streams();
        }
        self.hub.rooms.configure(&self.config.permanent_rooms);
        // A deadline that has come nearer must not wait for the one that was armed.
        for id in self.conns.ids() {
            self.arm(id);
        }
        self.keep_all_alive();
        self.throttle.reconsider();
        self.ask_next();
    }

    #[cold]
    pub(super) fn shut_down(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Stopping(self.now.mono + self.config.limits.linger);
        // Before the clients leave, which is no news then.
        self.end_streams();
        // All at once: no member is notified, and one after the other would move the memberships of the others.
        self.hub.rooms.leave_all();
        for id in self.conns.ids() {
            match self.conns.known(id).map(|conn| &conn.state) {
                Some(State::Chat(_)) => {
                    self.end_chat(id, CloseReason::Shutdown, Ends::With(Stage::Finishing))
                }
                Some(State::Sniffing(_, None)) => self.close(id),
                // A client that has begun a request gets its answer.
                Some(State::Sniffing(_, Some(_)) | State::Http { .. } | State::Ending(_))
                | None => {}
            }
            self.settle(id);
        }
    }

    /// Whether new connections and chats may begin.
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }
}
