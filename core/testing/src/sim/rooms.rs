//! What clients call rooms, and the keys that they try. The model knows from here which names are one.

use super::ask::Writer;

/// How clients of a run use rooms.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    /// How many of 100 commands are about rooms, of clients that know them.
    pub(super) share: u64,
    /// How many names they use. With few of them, clients meet.
    pub(super) names: u64,
    /// How many of 100 JOINs and OPENs have a key.
    pub(super) keyed: u64,
}

impl Writer<'_> {
    /// The name of a room. Few of them break a rule.
    pub(super) fn room(&mut self) -> String {
        if self.random.percent(4) {
            return String::from(*self.random.pick(&BAD_NAMES));
        }
        match self.random.below(self.swarm.rooms.names) as usize {
            n if n < NAMES.len() => String::from(NAMES[n].0),
            n => format!("#r{n}"),
        }
    }

    /// A room that the client is in, as far as it knows, or any room.
    pub(super) fn room_inside(&mut self) -> String {
        let rooms = self.known.rooms();
        if rooms.is_empty() || self.random.percent(30) {
            return self.room();
        }
        String::from(*self.random.pick(&rooms))
    }

    /// A room and a member that the client may kick there, as far as it knows. Sometimes any room and any nick.
    pub(super) fn room_and_member(&mut self) -> (String, String) {
        let guests = self.known.guests();
        if guests.is_empty() || self.random.percent(30) {
            return (self.room_inside(), self.nick());
        }
        let (room, nick) = *self.random.pick(&guests);
        (String::from(room), String::from(nick))
    }

    /// A key, if this client gives one.
    pub(super) fn key(&mut self) -> Option<&'static str> {
        let gives = self.random.percent(self.swarm.rooms.keyed);
        gives.then(|| *self.random.pick(&KEYS))
    }
}

/// What a name has in common with all that mean the same room; `None` if no room may be called so.
pub(super) fn folded(name: &str) -> Option<String> {
    let mut names = NAMES.iter();
    let known = names.find(|(written, _)| *written == name);
    if let Some((_, folded)) = known {
        return Some(String::from(*folded));
    }
    let number = name.strip_prefix("#r")?.parse::<u64>();
    number.is_ok().then(|| String::from(name))
}

/// Names as clients write them, and in folded form.
const NAMES: [(&str, &str); 13] = [
    ("#lobby", "#lobby"),
    ("#Lobby", "#lobby"),
    ("#<&>\"'", "#<&>\"'"),
    ("#ÁRVÍZTŰRŐ", "#árvíztűrő"),
    ("#árvíztűrő", "#árvíztűrő"),
    ("#🦀", "#🦀"),
    ("#7", "#7"),
    ("#a", "#a"),
    ("#A", "#a"),
    ("#ΟΔΟΣ", "#οδοσ"),
    ("#οδος", "#οδοσ"),
    ("#straße", "#strasse"),
    ("#STRASSE", "#strasse"),
];

/// Names that no room may have: too short, too long, and with characters that cannot be seen.
const BAD_NAMES: [&str; 4] = [
    "#",
    "#a\u{200b}",
    "#\u{202e}a",
    "#xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

const KEYS: [&str; 3] = ["sésame", "K", "<&>"];
