//! Rooms: their members, owners, topics and keys, and who must be notified of what.
//!
//! A member of a room is known by connection, so a change of nick changes nothing here. After a takeover it is the
//! connection of the newcomer.

mod leaving;
mod visitors;

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, Must, Owner};
use crate::sim::ask::Ask;
use crate::sim::commands;
use crate::sim::key::Key;
use crate::sim::reader::Said;
use crate::sim::rooms::folded;
use flashgate_core::{Config, Millis, RoomCreation, Source};
use visitors::Visitor;

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// By folded name.
    all: BTreeMap<String, Room>,
    /// The rooms that each connection is in, by folded name, in the order of joining.
    joined: BTreeMap<Key, Vec<String>>,
    /// Who tried a wrong key, and when.
    tries: Vec<(Visitor, Millis)>,
}

#[derive(Debug, Default)]
struct Room {
    /// As its creator wrote it.
    name: String,
    topic: String,
    owner: Option<Key>,
    key: Option<String>,
    hidden: bool,
    permanent: bool,
    /// In the order in which they came.
    members: Vec<Key>,
    /// Who was kicked, and when.
    kicked: Vec<(Visitor, Millis)>,
    /// The address that it was created from.
    source: Option<Source>,
}

impl Rooms {
    /// The permanent rooms of these settings.
    pub(super) fn new(config: &Config) -> Self {
        let mut rooms = Self::default();
        rooms.configure(config);
        rooms
    }

    /// The settings have changed. A room that becomes permanent loses owner, key and being hidden, and gets the topic
    /// of the settings if there is one. A room that is no longer permanent lives until it is empty.
    fn configure(&mut self, config: &Config) -> [bool; 2] {
        let [mut made, mut unmade] = [false; 2];
        let permanent: BTreeMap<String, (String, &str)> = config
            .permanent_rooms
            .iter()
            .map(|(name, topic)| {
                let at = folded(name.as_str()).expect("a name of the table");
                (at, (String::from(name.as_str()), topic))
            })
            .collect();
        for (at, room) in &mut self.all {
            let Some((_, topic)) = permanent.get(at) else {
                unmade |= room.permanent && !room.members.is_empty();
                room.permanent = false;
                continue;
            };
            if !room.permanent {
                made = true;
                room.permanent = true;
                (room.owner, room.key, room.hidden, room.source) = (None, None, false, None);
                if !topic.is_empty() {
                    room.topic = String::from(*topic);
                }
            }
        }
        self.all
            .retain(|_, room| room.permanent || !room.members.is_empty());
        for (at, (name, topic)) in permanent {
            self.all.entry(at).or_insert_with(|| Room {
                name,
                topic: String::from(topic),
                permanent: true,
                ..Room::default()
            });
        }
        [made, unmade]
    }
}

/// The error that a command gets instead of what it asks for.
type Result<T> = std::result::Result<T, &'static str>;

impl Model {
    /// JOIN: the element that everyone in the room gets, the newcomer included.
    pub(in crate::sim) fn join(&mut self, id: Key, name: &str, key: Option<&str>) -> Result<Said> {
        let visitor = self.visitor(id).ok_or(NOT_IDENTIFIED)?;
        let at = folded(name).ok_or(BAD_NAME)?;
        if !self.rooms.all.contains_key(&at) {
            if self.config.rooms == RoomCreation::Off {
                return Err(NO_SUCH_ROOM);
            }
            return self.create(id, name, at, key, false);
        }
        let room = &self.rooms.all[&at];
        if room.members.contains(&id) {
            return Err(IN_ALREADY);
        }
        let kicks: Vec<(Visitor, Millis)> = room.kicked.clone();
        let is_of_it = |(kicked, _): &&(Visitor, Millis)| visitor.is_kicked_with(kicked);
        let mut kicks = kicks.iter().filter(is_of_it).peekable();
        let was_kicked = kicks.peek().is_some();
        if let Some((kicked, _)) = kicks.find(|(_, at)| self.now.mono < *at + KICKED_FOR) {
            self.count(match &visitor {
                Visitor::Member(_) => "a member kept out",
                Visitor::Guest(..) if *kicked == visitor => "a guest kept out",
                Visitor::Guest(..) => "a guest kept out by its nick or address alone",
            });
            return Err(WAS_KICKED);
        }
        self.unlock(&visitor, &at, key)?;
        self.may_join_one_more(id)?;
        if was_kicked {
            self.count("back after a kick");
        }
        Ok(self.enter(id, at))
    }

    /// OPEN: the same for a room that must not exist.
    pub(in crate::sim) fn open_room(
        &mut self,
        id: Key,
        name: &str,
        key: Option<&str>,
        hidden: bool,
    ) -> Result<Said> {
        self.who(id).ok_or(NOT_IDENTIFIED)?;
        let at = folded(name).ok_or(BAD_NAME)?;
        if self.config.rooms == RoomCreation::Off {
            return Err(MAY_NOT);
        }
        if self.rooms.all.contains_key(&at) {
            return Err(EXISTS);
        }
        self.create(id, name, at, key, hidden)
    }

    /// Checks the key for a room.
    fn unlock(&mut self, visitor: &Visitor, at: &str, key: Option<&str>) -> Result<()> {
        let now = self.now.mono;
        let room = &self.rooms.all[at];
        let Some(lock) = &room.key else {
            return Ok(());
        };
        let (right, hidden) = (key == Some(lock), room.hidden);
        if key.is_some() {
            let tries = &mut self.rooms.tries;
            tries.retain(|(_, at)| now < *at + TRIES_FOR);
            let of_it = tries.iter().filter(|(other, _)| visitor.tries_with(other));
            if of_it.count() >= TRIES {
                return Err(TRY_LATER);
            }
            if !right {
                tries.push((visitor.clone(), now));
            }
        }
        match (right, hidden) {
            (true, _) => Ok(()),
            (false, true) => Err(NO_SUCH_ROOM),
            (false, false) => Err(WRONG_KEY),
        }
    }

    fn may_join_one_more(&self, id: Key) -> Result<()> {
        let joined = self.rooms.joined.get(&id).map_or(0, Vec::len);
        match joined < self.config.limits.rooms_each {
            true => Ok(()),
            false => Err(TOO_MANY),
        }
    }

    fn create(
        &mut self,
        id: Key,
        name: &str,
        at: String,
        key: Option<&str>,
        hidden: bool,
    ) -> Result<Said> {
        if self.rooms.all.len() >= self.config.limits.rooms {
            return Err(TOO_MANY);
        }
        self.may_join_one_more(id)?;
        let source = Some(self.source(id));
        if let Some(Source::Address(_)) = source {
            let rooms = self.rooms.all.values();
            if rooms.filter(|room| room.source == source).count()
                >= self.config.limits.rooms_per_address
            {
                self.count("rooms of one address");
                return Err(TOO_MANY);
            }
        }
        let room = Room {
            name: String::from(name),
            owner: Some(id),
            key: key.map(String::from),
            hidden,
            source,
            ..Room::default()
        };
        self.rooms.all.insert(at.clone(), room);
        self.count("room created");
        Ok(self.enter(id, at))
    }

    fn enter(&mut self, id: Key, at: String) -> Said {
        let room = self.rooms.all.get_mut(&at).expect("it exists");
        room.members.push(id);
        let name = room.name.clone();
        let member = self.who(id).expect("is identified");
        let said = Said::xml("join", [&name, &member.nick, &member.name]);
        self.rooms.joined.entry(id).or_default().push(at.clone());
        self.everyone_in(&at, &said, Some(id));
        let state = self.state(&at);
        self.must_say(id, state, Owner::Own);
        self.count("join");
        said
    }

    /// PART.
    pub(in crate::sim) fn part(&mut self, id: Key, name: &str) -> Result<Said> {
        let at = self.room_of(id, name)?;
        let (room, nick) = (&self.rooms.all[&at], self.nick(id));
        let said = Said::xml("part", [&room.name, &nick]);
        self.everyone_in(&at, &said, Some(id));
        self.leave(id, &at);
        self.count("part");
        Ok(said)
    }

    /// MSG and ME to a room.
    pub(in crate::sim) fn say_in_room(
        &mut self,
        kind: &'static str,
        id: Key,
        name: &str,
        text: &str,
    ) -> Result<Said> {
        let at = self.room_of(id, name)?;
        let (room, nick) = (&self.rooms.all[&at], self.nick(id));
        let said = Said::xml(kind, [&room.name, &nick, &self.time_of_day(), text]);
        self.everyone_in(&at, &said, Some(id));
        self.count(kind);
        Ok(said)
    }

    /// TOPIC.
    pub(in crate::sim) fn set_topic(&mut self, id: Key, name: &str, text: &str) -> Result<Said> {
        let at = self.room_of(id, name)?;
        self.must_own(id, &at)?;
        let nick = self.nick(id);
        let room = self.rooms.all.get_mut(&at).expect("it exists");
        room.topic = text.chars().take(LONGEST_TEXT).collect();
        let said = Said::xml("topic", [&room.name, &nick, &room.topic]);
        self.everyone_in(&at, &said, Some(id));
        self.count("topic");
        Ok(said)
    }

    /// KICK from a room.
    pub(in crate::sim) fn kick_from_room(
        &mut self,
        id: Key,
        name: &str,
        nick: &str,
        reason: &str,
    ) -> Result<Said> {
        let at = self.room_of(id, name)?;
        self.must_own(id, &at)?;
        let members = &self.rooms.all[&at].members;
        let named = members.iter().find(|other| self.nick(**other) == nick);
        let kicked = *named.ok_or(LEFT)?;
        if kicked == id {
            return Err(MAY_NOT);
        }
        let reason: String = reason.chars().take(LONGEST_TEXT).collect();
        let (now, by) = (self.now.mono, self.nick(id));
        let visitor = self.visitor(kicked).expect("is identified");
        let said = Said::xml("kick", [&self.rooms.all[&at].name, nick, &by, &reason]);
        self.everyone_in(&at, &said, Some(id));
        self.leave(kicked, &at);
        let room = self.rooms.all.get_mut(&at).expect("the kicker is in it");
        room.kicked.push((visitor, now));
        self.count("kick from a room");
        Ok(said)
    }

    /// WHO.
    pub(in crate::sim) fn who_is_in(&self, id: Key, name: &str) -> Result<Said> {
        self.who(id).ok_or(NOT_IDENTIFIED)?;
        let at = folded(name).ok_or(BAD_NAME)?;
        let room = self.rooms.all.get(&at).ok_or(NO_SUCH_ROOM)?;
        let is_in = room.members.contains(&id);
        match (is_in, room.hidden, &room.key) {
            (false, true, _) => Err(NO_SUCH_ROOM),
            (false, false, Some(_)) => Err(NOT_IN),
            (true, ..) | (false, false, None) => Ok(self.state(&at)),
        }
    }

    /// ROOMS.
    pub(in crate::sim) fn list_rooms(&self, id: Key) -> Result<Said> {
        self.who(id).ok_or(NOT_IDENTIFIED)?;
        let is_in = |room: &Room| room.members.contains(&id);
        let rooms = self.rooms.all.values();
        let shown = rooms.filter(|room| !room.hidden || is_in(room));
        let rows: Vec<[String; 3]> = shown
            .map(|room| {
                let is_secret = room.key.is_some() && !is_in(room);
                let topic = if is_secret { "" } else { &room.topic };
                let here = room.members.len().to_string();
                [room.name.clone(), String::from(topic), here]
            })
            .collect();
        let rows = rows.iter();
        let rows = rows.map(|[name, topic, here]| [&**name, topic, here, "0", "0", "0"]);
        Ok(Said::list("rooms", "room", rows))
    }

    /// The room that a client is in under this name.
    fn room_of(&self, id: Key, name: &str) -> Result<String> {
        self.who(id).ok_or(NOT_IDENTIFIED)?;
        let at = folded(name).ok_or(BAD_NAME)?;
        let room = self.rooms.all.get(&at).ok_or(NO_SUCH_ROOM)?;
        match (room.members.contains(&id), room.hidden) {
            (true, _) => Ok(at),
            (false, true) => Err(NO_SUCH_ROOM),
            (false, false) => Err(NOT_IN),
        }
    }

    fn must_own(&self, id: Key, at: &str) -> Result<()> {
        match self.rooms.all[at].owner == Some(id) {
            true => Ok(()),
            false => Err(ONLY_OWNER),
        }
    }

    fn nick(&self, id: Key) -> String {
        let member = self.who(id).expect("is identified");
        String::from(&*member.nick)
    }

    /// The room's state, as it is sent.
    fn state(&self, at: &str) -> Said {
        let room = &self.rooms.all[at];
        let owner = room.owner.map_or_else(String::new, |id| self.nick(id));
        let members = room.members.iter();
        let members = members.map(|id| self.who(*id).expect("is identified"));
        let values = [&*room.name, &*room.topic, &*owner, "0", "0", "0"];
        let nicks = members.map(|member| [&*member.nick, &*member.name]);
        Said::holding("state", values, "nick", nicks)
    }

    fn everyone_in(&mut self, at: &str, said: &Said, author: Option<Key>) {
        let left: BTreeSet<Key> = self.rooms.all[at].members.iter().copied().collect();
        let newer = left.iter().all(|id| self.is_level_two(*id));
        assert!(newer, "a client of level 1 is in a room");
        if !left.is_empty() {
            let said = said.clone();
            self.must.push_back(Must::Broadcast { said, left, author });
        }
    }

    /// Everyone who is in a room with a client gets this, and the client itself.
    pub(super) fn neighbours_and_itself(&mut self, id: Key, said: Said, author: Option<Key>) {
        let rooms = self.rooms.all.values();
        let shared = rooms.filter(|room| room.members.contains(&id));
        let members = shared.flat_map(|room| room.members.iter().copied());
        let left = members.chain([id]).collect();
        self.must.push_back(Must::Broadcast { said, left, author });
    }

    /// An unexpected element may be an event in a room. Then the command of the member that the element names has
    /// caused it.
    pub(super) fn caused_in_a_room(&mut self, said: &Said) -> bool {
        let Some((kind, values)) = said.element().map(|element| element.parts()) else {
            return false;
        };
        let author = match kind {
            "join" | "part" | "topic" | "room msg" | "room action" => 1,
            "kick" => 2,
            _ => return false,
        };
        let author = self.online_as(&values[author]);
        let id = author.unwrap_or_else(|| panic!("nobody has caused {said:?}"));
        let ask = self.take(id);
        let Ask::Command(word, arguments) = &ask else {
            panic!("{said:?} is no answer to {ask:?}");
        };
        let expected = commands::answer(self, id, word, arguments);
        assert_eq!(*said, expected, "the answer to {ask:?}");
        self.count("answer");
        true
    }

    /// The connection of the member whom clients know by this nick.
    fn online_as(&self, heard: &str) -> Option<Key> {
        let mut online = self.online.iter();
        let is_it = |member: &str| Said::xml("quit", [member]) == Said::xml("quit", [heard]);
        let found = online.find(|(member, _)| is_it(&member.nick));
        found.map(|(_, id)| *id)
    }

    /// The settings have changed.
    pub(super) fn configure_rooms(&mut self) {
        let [made, unmade] = self.rooms.configure(&self.config);
        if made {
            self.count("a room becomes permanent");
        }
        if unmade {
            self.count("a room with members is no longer permanent");
        }
    }

    /// How many rooms there are, and how many places in them are taken.
    pub(in crate::sim) fn rooms(&self) -> [usize; 2] {
        let members = self.rooms.all.values().map(|room| room.members.len());
        [self.rooms.all.len(), members.sum()]
    }
}

/// How long a kicked member may not come back.
const KICKED_FOR: Millis = Millis(5 * 60 * 1000);

/// How many wrong keys a member may try in a minute.
const TRIES: usize = 5;

const TRIES_FOR: Millis = Millis(60 * 1000);

/// In characters, of a topic and of a reason.
const LONGEST_TEXT: usize = 200;

const NOT_IDENTIFIED: &str = "Not identified.";
const BAD_NAME: &str = "Room name is not allowed.";
const EXISTS: &str = "Room exists already.";
const NO_SUCH_ROOM: &str = "No such room.";
const NOT_IN: &str = "You are not in that room.";
const IN_ALREADY: &str = "You are in that room already.";
const WAS_KICKED: &str = "You were kicked from that room.";
const WRONG_KEY: &str = "Wrong key.";
const TRY_LATER: &str = "Please try again later.";
const TOO_MANY: &str = "Too many rooms.";
const ONLY_OWNER: &str = "Only the owner may do that.";
const LEFT: &str = "User is already left.";
const MAY_NOT: &str = "You may not do that.";
