//! A room as one member sees it, and what those who stay agree on.

use std::collections::BTreeMap;

/// The members of a room and its owner, as a client knows them by the room's state and what came after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Nicks, in the order in which they came.
    pub(crate) members: Vec<String>,
    pub(crate) owner: String,
    /// The owner has parted: the next event has to name this one.
    heir: Option<String>,
}

/// The number of the last message of each member that a client has received in a room.
pub(crate) type Last = BTreeMap<String, u32>;

/// The events of a room, in the order in which the first of those who stay received them.
#[derive(Debug, Default)]
pub(crate) struct Log(Vec<String>);

impl View {
    /// Reads the state of a room.
    pub(crate) fn of(state: &str) -> Result<Self, String> {
        let (head, list) = state.split_once('>').ok_or("no end of the first tag")?;
        let list = list.strip_suffix("</room>").ok_or("no end of the state")?;
        let nicks = list.split("<nick ").skip(1);
        let members: Vec<String> = nicks.map(|nick| attribute(nick, "aid").into()).collect();
        let view = Self {
            owner: attribute(head, "owner").into(),
            members,
            heir: None,
        };
        let mut sorted = view.members.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < view.members.len() {
            return Err("a member is in the state twice".into());
        }
        if !view.members.contains(&view.owner) {
            return Err("the owner is not in the room".into());
        }
        Ok(view)
    }

    /// Takes an event. Fails if it does not fit what is known of the room.
    pub(crate) fn take(&mut self, event: &str) -> Result<(), String> {
        let aid = attribute(event, "aid");
        let place = self.members.iter().position(|nick| nick == aid);
        if let Some(heir) = self.heir.take() {
            let is_heir = event.starts_with("<owner ") && aid == heir;
            self.owner = heir;
            return if is_heir {
                Ok(())
            } else {
                Err(format!("{} should be the new owner", self.owner))
            };
        }
        match (event.split(' ').next(), place) {
            (Some("<join"), None) => self.members.push(aid.into()),
            (Some("<part"), Some(place)) => {
                self.members.remove(place);
                if self.owner == aid {
                    self.heir = self.members.first().cloned();
                }
            }
            (Some("<msg"), Some(_)) => {}
            (Some("<join"), Some(_)) => return Err("it is in the room already".into()),
            _ => return Err("it is not in the room, or the event is unknown".into()),
        }
        Ok(())
    }
}

impl Log {
    /// Where the events begin for a member whose own join this is. It joins once.
    pub(crate) fn begin(&mut self, join: &str) -> usize {
        match self.0.iter().position(|event| event == join) {
            Some(place) => place + 1,
            None => {
                self.0.push(join.into());
                self.0.len()
            }
        }
    }

    /// Compares the event at a place with what others received there.
    pub(crate) fn take(&mut self, place: usize, event: &str) -> Result<(), String> {
        match self.0.get(place) {
            Some(agreed) if agreed == event => Ok(()),
            Some(agreed) => Err(format!("lost, doubled or reordered: others got {agreed}")),
            None => {
                self.0.push(event.into());
                Ok(())
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Takes a message of a room. Those who stay have to be received without a gap, by those who saw the first one, too.
pub(crate) fn take_message(last: &mut Last, event: &str, without_gap: bool) -> Result<(), String> {
    let number: u32 = attribute(event, "msg").parse().map_err(|_| "no number")?;
    let before = last.insert(attribute(event, "aid").into(), number);
    match before {
        Some(before) if number <= before => Err(format!("doubled or reordered: {before} before")),
        Some(before) if without_gap && number != before + 1 => {
            Err(format!("lost: {before} before"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The value of an attribute; empty if there is none.
pub(crate) fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let mut rest = element;
    while let Some((before, after)) = rest.split_once("=\"") {
        let Some((value, behind)) = after.split_once('"') else {
            break;
        };
        if before.rsplit(' ').next() == Some(name) {
            return value;
        }
        rest = behind;
    }
    ""
}

/// The number of the room that an element is about.
pub(crate) fn room_of(element: &str) -> Option<usize> {
    let name = if element.starts_with("<room ") {
        attribute(element, "name")
    } else {
        attribute(element, "room")
    };
    name.strip_prefix("#r")?.parse().ok()
}
