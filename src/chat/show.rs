//! What of the chat is shown, and how: one line an event, from which nothing of a stranger's text
//! can break out.

use super::answer::{Member, RoomState, Row};
use crate::text::{is_unseen, shapes_others};

/// A line to show, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// The kind of a line, which gives its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message of another member; the first bytes, this many, are the time.
    Theirs { time: usize, sender: usize },
    /// A message of one's own.
    Mine,
    /// Online members, logins and quits, help.
    Note,
    /// What could not be done.
    Error,
}

/// The member that has logged in.
pub(super) fn welcome(me: &Member) -> Shown {
    note(&format!("You are {}.", both(me)))
}

pub(super) fn topic(state: &RoomState) -> Shown {
    let room = word(&state.room);
    note(&match state.topic.as_str() {
        "" => format!("{room} has no topic"),
        topic => format!("Topic of {room}: {}", line(topic)),
    })
}

pub(super) fn members(state: &RoomState) -> Shown {
    let count = state.members.len() + state.more as usize;
    let mut names: Vec<String> = state.members.iter().map(both).collect();
    let owner = state.members.iter().position(|m| m.nick == state.owner);
    if let Some(owner) = owner {
        names[owner].push_str(" [owner]");
    }
    if state.more > 0 {
        names.push(format!("and {} more", state.more));
    }
    note(&format!(
        "{count} in {}: {}",
        word(&state.room),
        names.join(", ")
    ))
}

/// The list of rooms, each on a line of its own.
pub(super) fn rooms(rows: &[Row]) -> Vec<Shown> {
    let count = match rows.len() {
        1 => "1 room".to_owned(),
        count => format!("{count} rooms"),
    };
    let row = |row: &Row| {
        let topic = match row.topic.as_str() {
            "" => String::new(),
            topic => format!(": {}", line(topic)),
        };
        note(&format!("{} ({}){topic}", word(&row.room), word(&row.here)))
    };
    std::iter::once(note(&count))
        .chain(rows.iter().map(row))
        .collect()
}

/// A line about the chat itself; what comes from outside is made safe already.
pub(super) fn note(text: &str) -> Shown {
    Shown {
        kind: Kind::Note,
        text: format!("* {text}"),
    }
}

/// A line about something that did not work; what comes from outside is made safe already.
pub(super) fn error(text: &str) -> Shown {
    Shown {
        kind: Kind::Error,
        text: format!("! {text}"),
    }
}

impl Shown {
    /// The line with what makes a terminal show it in colour.
    pub(super) fn coloured(&self) -> String {
        let text = &self.text;
        match self.kind {
            Kind::Theirs { time, sender } => {
                let (time, rest) = text.split_at(time + 1);
                let (sender, rest) = rest.split_at(sender);
                format!("{time}\x1b[1m{sender}\x1b[0m{rest}")
            }
            Kind::Mine => text.clone(),
            Kind::Note => format!("\x1b[2m{text}\x1b[0m"),
            Kind::Error => format!("\x1b[31m{text}\x1b[0m"),
        }
    }
}

/// A name and the nick; guests have no other name than that.
pub(super) fn both(member: &Member) -> String {
    if member.name == member.nick {
        return word(&member.nick);
    }
    let name = member.name.replace(shapes_others, "");
    format!("{} ({})", word(&name), word(&member.nick))
}

/// A nick, a name or a time: whatever shows nothing of itself is shown as U+FFFD.
pub(super) fn word(text: &str) -> String {
    let seen = |c| if is_unseen(c) { '\u{fffd}' } else { c };
    text.chars().map(seen).collect()
}

/// A text of one line: ends of lines become a visible mark, so that none can be forged. Joiners and
/// selectors of variants are left out, as of names, which emoji and Persian are full of: few terminals know what to
/// make of them, and the characters beside them can be read without. All else that is unseen is U+FFFD.
pub(super) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                // One end of a line, as Windows writes it.
                rest.next_if_eq(&'\n');
                safe.push('⏎');
            }
            '\n' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => safe.push('⏎'),
            '\t' => safe.push(' '),
            c if shapes_others(c) => {}
            c if is_unseen(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
