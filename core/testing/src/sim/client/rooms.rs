//! What a client knows of the rooms that it is in. It begins with a room's state and follows the events; every later
//! state must be what the events have led to.

use std::collections::BTreeMap;

use crate::sim::reader::Said;

/// What one client knows.
#[derive(Debug, Default)]
pub(in crate::sim) struct Known {
    me: String,
    rooms: BTreeMap<String, View>,
}

/// A room as one of its members sees it.
#[derive(Debug, PartialEq, Eq)]
struct View {
    topic: String,
    owner: String,
    /// In the order in which they came.
    members: Vec<String>,
}

impl Known {
    /// The nick of the client, as far as it knows.
    pub(in crate::sim) fn me(&self) -> &str {
        &self.me
    }

    /// The rooms that it is in.
    pub(in crate::sim) fn rooms(&self) -> Vec<&str> {
        self.rooms.keys().map(|name| &**name).collect()
    }

    /// The others in the rooms that it owns, each with the room.
    pub(in crate::sim) fn guests(&self) -> Vec<(&str, &str)> {
        let owned = self.rooms.iter().filter(|(_, view)| view.owner == self.me);
        let guests = owned.flat_map(|(name, view)| {
            let members = view.members.iter().filter(|nick| **nick != self.me);
            members.map(move |nick| (&**name, &**nick))
        });
        guests.collect()
    }

    /// Takes what the server sent.
    pub(super) fn hear(&mut self, said: &Said) {
        let Some(element) = said.element() else {
            return;
        };
        match element.parts() {
            ("identify", [nick, _]) => self.me.clone_from(nick),
            ("state", [name, topic, owner, ..]) => {
                let members = element.first_inside().map(String::from).collect();
                let (topic, owner) = (topic.clone(), owner.clone());
                let view = View {
                    topic,
                    owner,
                    members,
                };
                self.state(name, view);
            }
            ("join", [room, nick, _]) if *nick == self.me => {
                assert!(!self.rooms.contains_key(room), "joins {room:?} twice");
            }
            ("join", [room, nick, _]) => {
                let members = &mut self.room(room).members;
                assert!(!members.contains(nick), "{nick:?} joins {room:?} twice");
                members.push(nick.clone());
            }
            ("part" | "kick", [room, nick, ..]) => {
                let members = &mut self.room(room).members;
                let place = members.iter().position(|member| member == nick);
                members.remove(place.expect("who leaves was there"));
                if *nick == self.me {
                    self.rooms.remove(room);
                }
            }
            ("owner", [room, nick]) => {
                let room = self.room(room);
                assert!(room.members.contains(nick), "{nick:?} is not there");
                room.owner.clone_from(nick);
            }
            ("topic", [room, _, topic]) => self.room(room).topic.clone_from(topic),
            ("room msg" | "room action", [room, nick, ..]) => {
                assert!(self.room(room).members.contains(nick), "{nick:?}");
            }
            ("nickchanged", [old, new]) => self.renamed(old, new),
            _ => {}
        }
    }

    fn renamed(&mut self, old: &str, new: &str) {
        let views = self.rooms.values_mut();
        let nicks = views.flat_map(|view| view.members.iter_mut().chain([&mut view.owner]));
        for nick in nicks.chain([&mut self.me]).filter(|nick| **nick == old) {
            new.clone_into(nick);
        }
    }

    fn state(&mut self, name: &str, view: View) {
        match self.rooms.get_mut(name) {
            // A room may have become permanent, which changes owner and topic.
            Some(before) if view.owner.is_empty() => {
                assert_eq!(before.members, view.members, "{name:?} by its events");
                *before = view;
            }
            Some(before) => assert_eq!(*before, view, "{name:?} by its events, and its state"),
            None if view.members.contains(&self.me) => {
                self.rooms.insert(String::from(name), view);
            }
            // It asked about a room that it is not in.
            None => {}
        }
    }

    fn room(&mut self, name: &str) -> &mut View {
        let room = self.rooms.get_mut(name);
        room.unwrap_or_else(|| panic!("is not in {name:?}"))
    }
}
