//! Streams of events: one JSON object a line, for each client that watches.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::{Gateway, address};
use crate::admin::AdminTexts;
use crate::chat::event::Event;
use crate::chat::hub::Slot;
use crate::chunk::Chunk;
use crate::conn::Whose;
use crate::id::{ConnId, Peer, RoomId};
use crate::json::Object;
use crate::member::{Identity, MemberId};
use crate::note::What;

impl Gateway {
    /// Whether any client watches.
    #[inline]
    pub(in crate::gateway) fn is_watched(&self) -> bool {
        !self.admin.watching.is_empty()
    }

    /// Ends all streams, and those that the host is about to grant.
    #[cold]
    pub(in crate::gateway) fn end_streams(&mut self) {
        for asked in self.admin.asked.values_mut() {
            asked.is_stale = true;
        }
        for (id, _) in mem::take(&mut self.admin.watching) {
            self.close(id);
            self.settle(id);
        }
    }

    /// Shows that a member or guest has come online, or has taken over from an older connection.
    #[cold]
    pub(in crate::gateway) fn watch_login(&mut self, id: ConnId, slot: Slot) {
        let Some(online) = self.hub.online(slot) else {
            return;
        };
        let object = match online.member() {
            Some(MemberId(id)) => self.event("login").raw("id", id),
            None => self.event("login").raw("id", "null"),
        };
        let object = object
            .text("nick", online.nick())
            .text("name", online.name());
        let peer = self.conns.known(id).map(|conn| conn.peer());
        let object = match peer {
            Some(peer) => object.text("address", &address(peer)),
            None => object,
        };
        self.show(object, AdminTexts::Hidden);
    }

    /// Shows what the log says of members and guests.
    #[cold]
    pub(in crate::gateway) fn watch_note(&mut self, peer: Peer, what: &What) {
        // Not about the chat, or about a client that is not online.
        #[allow(clippy::wildcard_enum_match_arm)]
        let object = match what {
            What::Quit { who } => self.of(self.event("quit"), who),
            What::Nick { who, old, new } => {
                let object = self.of(self.event("nick"), who);
                object.text("old", old).text("new", new)
            }
            What::LoginFailed { id, why } => {
                let object = self.event("login_failed");
                object.text("name", id).text("reason", why.as_str())
            }
            What::Closed { reason } => self.event("closed").text("reason", reason.as_str()),
            What::Admin {
                request,
                status,
                by,
                about,
            } => self
                .event("admin")
                .text("request", request)
                .raw("status", status)
                .optional("by", by.as_deref())
                .optional("about", about.as_deref()),
            _ => return,
        };
        let object = object.text("address", &address(peer));
        self.show(object, AdminTexts::Hidden);
    }

    /// Shows what a command has done.
    #[cold]
    pub(in crate::gateway) fn watch_command(&mut self, event: Event<'_>) {
        let object = match event {
            Event::Joined(room, member) => self.in_room("join", room, member),
            Event::Left(room, member) => self.in_room("part", room, member),
            Event::Owner(room, member) => self.in_room("owner", room, member),
            Event::Removed {
                room,
                member,
                by,
                reason,
            } => {
                let object = self.in_room("room_kick", room, member);
                object.text("by", self.nick(by)).text("reason", reason)
            }
            Event::Topic { room, by, topic } => {
                self.in_room("topic", room, by).text("topic", topic)
            }
            Event::Message { from, to, text } => {
                let object = self.event("message").text("from", self.nick(from));
                let object = object.text("to", to).text("text", text);
                return self.show(object, AdminTexts::Shown);
            }
        };
        self.show(object, AdminTexts::Hidden);
    }

    /// Shows a message of the site.
    pub(super) fn watch_message(&mut self, from: &str, to: &str, text: &str) {
        if self.is_watched() {
            let object = self.event("message").text("from", from);
            let object = object.text("to", to).text("text", text);
            self.show(object, AdminTexts::Shown);
        }
    }

    fn event(&self, name: &str) -> Object {
        let time = alloc::format!("{}", self.now.timestamp());
        Object::new().text("event", name).text("time", &time)
    }

    /// Adds the identity of a member or guest.
    fn of(&self, object: Object, who: &Identity) -> Object {
        match who {
            Identity::Member(id) => {
                let online = self.hub.by_member(*id).map(|online| online.nick());
                object.raw("id", id).optional("nick", online)
            }
            Identity::Guest(nick) => object.raw("id", "null").text("nick", nick),
        }
    }

    fn in_room(&self, name: &str, room: RoomId, member: Slot) -> Object {
        let room = self.hub.rooms.get(room);
        let online = self.hub.online(member);
        let id = online.and_then(|online| online.member());
        let object = self.event(name);
        let object = object.text("room", room.map_or("", |room| &*room.name));
        let object = match id {
            Some(MemberId(id)) => object.raw("id", id),
            None => object.raw("id", "null"),
        };
        object.text("nick", self.nick(member))
    }

    fn nick(&self, slot: Slot) -> &str {
        self.hub.online(slot).map_or("", |online| online.nick())
    }

    /// Sends a line to the clients that watch and may see it. A client that reads too slowly is cut off.
    fn show(&mut self, object: Object, shows: AdminTexts) {
        let mut line: String = object.end();
        line.push('\n');
        let chunk = Chunk::new(line.as_bytes());
        let mut slow = Vec::new();
        for at in 0..self.admin.watching.len() {
            let (id, texts) = self.admin.watching[at];
            if shows == AdminTexts::Shown && texts == AdminTexts::Hidden {
                continue;
            }
            let chunk = chunk.clone();
            self.send(id, Whose::Others, |_| chunk);
            let conn = self.conns.known(id);
            if conn.is_some_and(|conn| conn.is_too_slow(&self.config.limits)) {
                slow.push(id);
            }
        }
        for id in slow {
            self.abort(id);
            self.settle(id);
        }
    }
}
