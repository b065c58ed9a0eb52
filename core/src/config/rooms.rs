//! The operator's rooms, and who may create others.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::name::RoomName;

/// Who may create rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomCreation {
    /// Every member who is online.
    All,
    /// No member: there are only permanent rooms.
    Off,
}

/// Rooms that always exist and have no owner, by default none.
#[derive(Clone, Debug, Default)]
pub struct PermanentRooms {
    names: Vec<String>,
    /// The topics of the first of them.
    topics: Vec<String>,
}

impl PermanentRooms {
    /// No rooms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a room, whose topic is `topic` until a moderator changes it. Of rooms whose names are the same but for
    /// letter case, the last counts.
    pub fn add(&mut self, name: &RoomName, topic: &str) {
        self.names.push(name.as_str().to_string());
        self.topics.resize(self.names.len() - 1, String::new());
        self.topics.push(topic.to_string());
    }

    /// Gives a room another topic. `None` if there is no such room.
    pub(crate) fn set_topic(&mut self, name: &RoomName, topic: &str) -> Option<()> {
        let at = self.names.iter().position(|word| word == name.as_str())?;
        self.topics.resize(self.names.len(), String::new());
        self.topics[at] = topic.to_string();
        Some(())
    }

    /// Rooms without topics. A word that cannot be the name of a room is skipped.
    pub(crate) fn of(names: Vec<String>) -> Self {
        Self {
            names,
            topics: Vec::new(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The rooms with their topics.
    pub fn iter(&self) -> impl Iterator<Item = (RoomName, &str)> {
        let topics = self.topics.iter().map(String::as_str);
        let topics = topics.chain(core::iter::repeat(""));
        let rooms = self.names.iter().zip(topics);
        rooms.filter_map(|(name, topic)| Some((RoomName::new(name).ok()?, topic)))
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

/// The word must be the name of a room.
pub(super) fn check(word: &str) -> Result<(), Cow<'static, str>> {
    match RoomName::new(word) {
        Ok(_) => Ok(()),
        Err(_) => Err(
            "it must be # and 1 to 31 characters, like #lobby, without spaces or invisible characters; a shell \
             needs quotes around it"
                .into(),
        ),
    }
}

/// The word must say who may create rooms.
pub(super) fn check_creation(word: &str) -> Result<(), Cow<'static, str>> {
    match word {
        "all" | "off" => Ok(()),
        "moderators" => {
            Err("there are no moderators in this version: it must be all or off".into())
        }
        _ => Err("it must be all or off".into()),
    }
}
