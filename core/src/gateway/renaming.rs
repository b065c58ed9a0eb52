//! Another nick for a member or guest online: by NICK, or from outside.

use alloc::sync::Arc;

use super::Gateway;
use crate::chat::hub::Slot;
use crate::chat::reply;
use crate::chunk::{Audience, Level, Message};
use crate::config::Presence;
use crate::id::ConnId;

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "NICK and the changes of the store come next")
)]
impl Gateway {
    /// Gives a member online another nick and name, and notifies those who may know. `author` is the connection
    /// that asked for it, if it is still the member's. Returns the nick before; `None`, without a change, if another
    /// member online has the new one.
    pub(super) fn change_nick(
        &mut self,
        slot: Slot,
        nick: &str,
        name: &str,
        author: Option<ConnId>,
    ) -> Option<Arc<str>> {
        let online = self.hub.online(slot);
        let (conn, level) = online.map(|online| (online.conn, online.level))?;
        let old = self.hub.rename(slot, nick, name)?;
        let author = author.filter(|author| *author == conn);
        let changed = reply::nickchanged(&old, nick);
        let (quit, login) = (reply::quit(&old), reply::login(nick, name));
        match self.config.presence {
            Presence::All => {
                self.broadcast(Audience::Level(Level::One), &quit, author);
                self.broadcast(Audience::Level(Level::One), &login, author);
                self.broadcast(Audience::Level(Level::Two), &changed, author);
            }
            Presence::Off => match level {
                Level::One => {
                    self.inform(conn, &quit, author);
                    self.inform(conn, &login, author);
                }
                Level::Two => self.inform(conn, &changed, author),
            },
        }
        if level == Level::One {
            // Only a change from outside reaches such a client, which learns here that it is its own.
            self.tell(conn, &reply::identify(nick, name));
        }
        Some(old)
    }

    fn inform(&mut self, conn: ConnId, message: &Message, author: Option<ConnId>) {
        if author == Some(conn) {
            self.say(conn, message);
        } else {
            self.tell(conn, message);
        }
    }
}
