//! Leaving rooms: one of them, all with the server, or none because a newcomer has them.

use super::{Model, Owner};
use crate::sim::key::Key;
use crate::sim::reader::Said;

impl Model {
    /// A client is not in a room any more. A new owner must be announced to the others.
    pub(super) fn leave(&mut self, id: Key, at: &str) {
        let joined = self.rooms.joined.get_mut(&id).expect("is in rooms");
        joined.retain(|room| room != at);
        if joined.is_empty() {
            self.rooms.joined.remove(&id);
        }
        let room = self.rooms.all.get_mut(at).expect("it exists");
        room.members.retain(|member| *member != id);
        if room.members.is_empty() {
            room.kicked.clear();
        }
        let heir = room.members.first().copied();
        let (had, permanent, name) = (room.owner == Some(id), room.permanent, room.name.clone());
        if had {
            room.owner = heir;
        }
        match heir {
            None if permanent => {}
            None => {
                self.rooms.all.remove(at);
                self.count("room gone");
            }
            Some(heir) if had => {
                let said = Said::xml("owner", [&name, &self.nick(heir)]);
                self.everyone_in(at, &said, None);
                self.count("owner");
            }
            Some(_) => {}
        }
    }

    /// A member is offline, and leaves all rooms. `nick` is what the others know the member by.
    pub(in crate::sim::model) fn leave_rooms(&mut self, id: Key, nick: &str) {
        let Some(rooms) = self.rooms.joined.get(&id).cloned() else {
            return;
        };
        let tells = self.stopping.is_none();
        let before = self.must.len();
        for at in rooms {
            let room = self.rooms.all.get_mut(&at).expect("it exists");
            room.members.retain(|member| *member != id);
            let said = Said::xml("part", [&room.name, nick]);
            self.everyone_in(&at, &said, None);
            self.leave(id, &at);
            self.count("part of a member who leaves");
        }
        if !tells {
            self.must.truncate(before);
        }
    }

    /// A newcomer has taken the place of an older connection. One of level 2 gets its rooms.
    pub(in crate::sim::model) fn take_rooms(&mut self, old: Key, new: Key) {
        let Some(rooms) = self.rooms.joined.get(&old).cloned() else {
            return;
        };
        if !self.is_level_two(new) {
            self.count("takeover by a client of level 1 with rooms");
            let nick = self.nick(new);
            return self.leave_rooms(old, &nick);
        }
        self.count("takeover with rooms");
        self.rooms.joined.remove(&old);
        for at in &rooms {
            let room = self.rooms.all.get_mut(at).expect("it exists");
            let members = room.members.iter_mut().chain(room.owner.as_mut());
            members.filter(|id| **id == old).for_each(|id| *id = new);
        }
        self.rooms.joined.insert(new, rooms);
    }

    /// A client that took rooms over must get the state of each.
    pub(in crate::sim::model) fn must_say_rooms(&mut self, id: Key) {
        for at in self.rooms.joined.get(&id).cloned().unwrap_or_default() {
            let state = self.state(&at);
            self.must_say(id, state, Owner::Own);
        }
    }
}
