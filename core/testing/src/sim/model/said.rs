//! Writes and broadcasts: their content, wire form, order and recipients.

use std::collections::BTreeSet;

use super::{Model, Must, Owner, Side};
use crate::sim::client::Kind;
use crate::sim::key::Key;
use crate::sim::reader::{Said, read_whole};

impl Model {
    /// Checks a write to one connection: its plain bytes, and the memory of its chunk.
    pub(in crate::sim) fn written(&mut self, id: Key, bytes: &[u8], memory: usize) {
        if let Some(Must::Broadcast { left, .. }) = self.must.front()
            && left.contains(&id)
        {
            // Behind filters, a broadcast is a write to each connection.
            return self.broadcast(&[id], bytes, memory);
        }
        let own_backlog = self.config.limits.own_backlog;
        let side = self.side(id);
        assert!(
            side.ending.is_none() || !self.must.is_empty(),
            "written after the end: {}",
            bytes.escape_ascii()
        );
        if self.sides[&id].is_socket() && !self.sides[&id].upgraded && bytes[0] == b'<' {
            self.mistake(id);
        }
        if !matches!(self.sides[&id].kind, Kind::Chat(_)) {
            self.side(id).wrote(Owner::Own, memory, own_backlog);
            return self.visited(id, bytes);
        }
        let (form, said) = read_whole(bytes, self.sides[&id].is_socket());
        assert_eq!(form, self.sides[&id].form_of(&said), "the wire form");
        if self.must.is_empty() && self.caused_in_a_room(&said) {
            return self.broadcast(&[id], bytes, memory);
        }
        let owner = match self.must.front() {
            Some(Must::Say(to, what, owner)) => {
                assert_eq!((&id, &said), (to, what), "what must come next");
                let owner = *owner;
                self.must.pop_front();
                owner
            }
            Some(other) => panic!("{said:?} to {id:?}, but {other:?} must come next"),
            None => {
                self.explain(id, &said);
                Owner::Own
            }
        };
        // Checked now that the command is known which this answers.
        assert!(self.sides[&id].may_hear(bytes), "in its code page");
        if owner == Owner::Others {
            self.may_have_queued_up(id);
        }
        self.side(id).wrote(owner, memory, own_backlog);
        self.will_hear(id, said);
    }

    pub(super) fn will_hear(&mut self, id: Key, said: Said) {
        self.expected.entry(id).or_default().push_back(said);
    }

    /// The core took a WebSocket client's first bytes for commands, because its request was too slow. The client is
    /// garbage from now on.
    pub(super) fn mistake(&mut self, id: Key) {
        let late = self.is_late_request(id);
        let side = self.side(id);
        assert!(late || side.eof, "not told apart: {side:?}");
        side.kind = Kind::Garbage;
        self.mistaken.insert(id);
        self.count("mistaken");
    }

    pub(super) fn broadcast(&mut self, to: &[Key], bytes: &[u8], memory: usize) {
        assert!(!to.is_empty(), "a broadcast to nobody");
        if self.must.is_empty() {
            let (_, said) = read_whole(bytes, self.sides[&to[0]].is_socket());
            self.caused_in_a_room(&said);
        }
        for id in to {
            assert!(self.sides[id].may_hear(bytes), "in its code page");
            let (form, heard) = read_whole(bytes, self.sides[id].is_socket());
            assert_eq!(form, self.sides[id].form_of(&heard), "the wire form");
            let Some(Must::Broadcast { said, left, author }) = self.must.front_mut() else {
                panic!("a broadcast of {heard:?}, but {:?}", self.must.front());
            };
            assert_eq!(&heard, said, "the broadcast");
            assert!(left.remove(id), "{id:?} is not to hear {heard:?}, or twice");
            let owner = if *author == Some(*id) {
                Owner::Own
            } else {
                Owner::Others
            };
            if owner == Owner::Others {
                self.may_have_queued_up(*id);
            }
            let side = self.sides.get_mut(id).expect("is online");
            side.wrote(owner, memory, self.config.limits.own_backlog);
            self.will_hear(*id, heard);
        }
        if matches!(self.must.front(), Some(Must::Broadcast { left, .. }) if left.is_empty()) {
            self.must.pop_front();
        }
    }

    /// The operator's announcement must go to every member whose client knows the element.
    pub(super) fn announced(&mut self, said: Said) {
        let online = self.online.iter().map(|(_, id)| &self.sides[id]);
        let getting: Vec<&Side> = online.filter(|side| side.level_two).collect();
        let is_paused = getting.iter().any(|side| side.paused);
        self.count(match getting.len() {
            0 => "announce to nobody",
            _ => "announce",
        });
        if is_paused {
            self.count("announce to a paused client");
        }
        self.everyone_of_level_two(said, None);
    }

    pub(super) fn everyone(&mut self, said: Said, author: Option<Key>) {
        self.all(|_, _| true, said, author);
    }

    pub(super) fn everyone_of_level_one(&mut self, said: Said) {
        self.all(|model, id| !model.is_level_two(id), said, None);
    }

    pub(super) fn everyone_of_level_two(&mut self, said: Said, author: Option<Key>) {
        self.all(|model, id| model.is_level_two(id), said, author);
    }

    fn all(&mut self, gets: impl Fn(&Self, Key) -> bool, said: Said, author: Option<Key>) {
        let online = self.online.iter().map(|(_, id)| *id);
        let left: BTreeSet<Key> = online.filter(|id| gets(self, *id)).collect();
        if !left.is_empty() {
            let must = Must::Broadcast { said, left, author };
            self.must.push_back(must);
        }
    }
}
