//! What one member knows of the chat, and what of it is shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answer::{Answer, Member, RoomState, Said, To};
use super::line::{OPEN, is_room};
use super::show::{self, Kind, Shown, both, error, line, note, word};
use crate::text::is_unseen;

/// A command that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Message {
        to: String,
    },
    List,
    Join {
        room: String,
    },
    Part,
    Rooms,
    Who,
    /// Asks as [`Asked::Who`] does, for the topic.
    ShowTopic,
    Topic,
    Kick,
    Nick,
}

/// What one member knows of the chat.
#[derive(Debug)]
pub(super) struct View {
    me: Member,
    /// Where a line without a command goes: a nick or a room.
    target: Option<String>,
    /// Names by nick, because a `<quit>` contains only the nick.
    online: BTreeMap<String, String>,
    /// The rooms that this member is in.
    rooms: BTreeSet<String>,
    /// In the order of their answers, which is that of the commands.
    asked: VecDeque<Asked>,
}

impl View {
    pub(super) fn new(me: Member) -> Self {
        Self {
            me,
            target: None,
            online: BTreeMap::new(),
            rooms: BTreeSet::new(),
            asked: VecDeque::new(),
        }
    }

    /// A command is about to be sent. A message, and entering a room, choose the target of the next lines.
    pub(super) fn ask(&mut self, asked: Asked) {
        if let Asked::Message { to } | Asked::Join { room: to } = &asked {
            self.target = Some(to.clone());
        }
        self.asked.push_back(asked);
    }

    /// Commands without an answer so far.
    pub(super) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Nicks, or after a `#` rooms, that begin like this, and can be typed.
    pub(super) fn names(&self, start: &str) -> Vec<String> {
        let plain = |name: &&String| {
            name.starts_with(start) && !name.chars().any(|c| is_unseen(c) || c == ' ')
        };
        if is_room(start) {
            return self.rooms.iter().filter(plain).cloned().collect();
        }
        let from = self.online.range(start.to_owned()..).map(|(nick, _)| nick);
        let alike = from.take_while(|nick| nick.starts_with(start));
        alike.filter(plain).cloned().collect()
    }

    /// Takes an answer, and says what to show of it.
    pub(super) fn take(&mut self, answer: Answer) -> Vec<Shown> {
        match answer {
            Answer::Identify(_) | Answer::Hello | Answer::Pong | Answer::Other => Vec::new(),
            Answer::Login(member) if member.nick == self.me.nick => Vec::new(),
            Answer::Login(member) => {
                let line = format!("{} is here", both(&member));
                self.remember(member);
                vec![note(&line)]
            }
            Answer::Quit { nick } => {
                let who = self.who(&nick);
                self.online.remove(&nick);
                vec![note(&format!("{who} has left"))]
            }
            Answer::Message(said) => vec![self.said(&said)],
            Answer::List(members) => {
                self.answers(&Asked::List);
                self.online.clear();
                let names: Vec<String> = members.iter().map(both).collect();
                let count = members.len();
                members.into_iter().for_each(|member| self.remember(member));
                vec![note(&format!("{count} online: {}", names.join(", ")))]
            }
            Answer::NickChanged { old, new } => vec![self.renamed(&old, new)],
            Answer::Joined { member, .. } if member.nick == self.me.nick => Vec::new(),
            Answer::Joined { room, member } => {
                vec![note(&format!(
                    "{} has joined {}",
                    both(&member),
                    word(&room)
                ))]
            }
            Answer::Parted { room, nick, kick } => vec![self.parted(&room, &nick, kick)],
            Answer::Owner { room, nick } if nick == self.me.nick => {
                vec![note(&format!("You own {} now", word(&room)))]
            }
            Answer::Owner { room, nick } => {
                vec![note(&format!(
                    "{} owns {} now",
                    self.who(&nick),
                    word(&room)
                ))]
            }
            Answer::Topic { room, nick, topic } => vec![self.topic(&room, &nick, &topic)],
            Answer::Room(state) => self.state(&state),
            Answer::Rooms(rows) => {
                self.answers(&Asked::Rooms);
                show::rooms(&rows)
            }
            Answer::TooLong(most) => {
                // Only LIST and ROOMS have answers of this size.
                let _ = self.answers(&Asked::List) || self.answers(&Asked::Rooms);
                let mib = most >> 20;
                let text = format!("An answer of more than {mib} MiB has come, and is not shown.");
                vec![error(&text)]
            }
            Answer::Error(value) => vec![error(&self.explained(&value))],
            Answer::Kicked(reason) if reason.is_empty() => vec![error("You were kicked.")],
            Answer::Kicked(reason) => {
                vec![error(&format!("You were kicked: {}", line(&reason)))]
            }
            Answer::Announcement { time, text } => {
                vec![note(&format!("{} {}", word(&time), line(&text)))]
            }
        }
    }

    /// Whether this was asked first of all, and so has its answer now.
    fn answers(&mut self, asked: &Asked) -> bool {
        let is = self.asked.front() == Some(asked);
        if is {
            self.asked.pop_front();
        }
        is
    }

    /// The name and the nick of a member, as far as they are known.
    fn who(&self, nick: &str) -> String {
        match self.online.get(nick) {
            Some(name) => both(&Member {
                nick: nick.to_owned(),
                name: name.clone(),
            }),
            None => word(nick),
        }
    }

    fn said(&mut self, said: &Said) -> Shown {
        let [time, sender] = [&said.time, &said.sender].map(|text| word(text));
        let text = line(&said.text);
        if said.sender == self.me.nick {
            let asked = self
                .asked
                .pop_front_if(|asked| matches!(asked, Asked::Message { .. }));
            let (To::Member(to) | To::Room(to)) = &said.to;
            if let Some(Asked::Message { to: typed }) = asked {
                self.aim(&typed, to);
            }
            let does = if said.action {
                format!("{sender} ")
            } else {
                String::new()
            };
            return Shown {
                kind: Kind::Mine,
                text: format!("{time} to {}: {does}{text}", word(to)),
            };
        }
        // No nick has a space, so none can look like a room and a nick.
        let sender = match &said.to {
            To::Member(_) => sender,
            To::Room(room) => format!("{} {sender}", word(room)),
        };
        let colon = if said.action { "" } else { ":" };
        Shown {
            kind: Kind::Theirs {
                time: time.len(),
                sender: sender.len(),
            },
            text: format!("{time} {sender}{colon} {text}"),
        }
    }

    /// A member has another nick. What was meant for that member goes there still.
    fn renamed(&mut self, old: &str, new: String) -> Shown {
        let shown = if old == self.me.nick {
            self.answers(&Asked::Nick);
            note(&format!("You are called {} now", word(&new)))
        } else {
            note(&format!("{} is called {} now", self.who(old), word(&new)))
        };
        // The name of a guest is the nick.
        let follow = |name: String| if name == old { new.clone() } else { name };
        if let Some(name) = self.online.remove(old) {
            self.online.insert(new.clone(), follow(name));
        }
        if old == self.me.nick {
            self.me = Member {
                name: follow(std::mem::take(&mut self.me.name)),
                nick: new.clone(),
            };
        }
        if self.target.as_deref() == Some(old) {
            self.target = Some(new);
        }
        shown
    }

    fn parted(&mut self, room: &str, nick: &str, kick: Option<(String, String)>) -> Shown {
        let mine = nick == self.me.nick;
        if mine {
            self.left(room);
        }
        let at = word(room);
        let Some((by, reason)) = kick else {
            if mine {
                self.answers(&Asked::Part);
                return note(&format!("You have left {at}"));
            }
            return note(&format!("{} has left {at}", self.who(nick)));
        };
        if by == self.me.nick {
            self.answers(&Asked::Kick);
        }
        let why = match reason.as_str() {
            "" => String::new(),
            reason => format!(": {}", line(reason)),
        };
        let by = self.who(&by);
        if mine {
            return error(&format!("{by} has removed you from {at}{why}"));
        }
        note(&format!(
            "{by} has removed {} from {at}{why}",
            self.who(nick)
        ))
    }

    /// This member is not in that room any more: no line may go there, nor to anybody else instead.
    fn left(&mut self, room: &str) {
        self.rooms.remove(room);
        if self.target.as_deref() == Some(room) {
            self.target = None;
        }
    }

    /// Takes the name of a target as the server writes it, in place of the one that was typed.
    fn aim(&mut self, typed: &str, name: &str) {
        if self.target.as_deref() == Some(typed) {
            self.target = Some(name.to_owned());
        }
    }

    fn topic(&mut self, room: &str, nick: &str, topic: &str) -> Shown {
        if nick == self.me.nick {
            self.answers(&Asked::Topic);
        }
        let (who, room) = (self.who(nick), word(room));
        note(&match topic {
            "" => format!("{who} has removed the topic of {room}"),
            topic => format!("{who} has set the topic of {room}: {}", line(topic)),
        })
    }

    fn state(&mut self, state: &RoomState) -> Vec<Shown> {
        if self.answers(&Asked::Who) {
            return vec![show::topic(state), show::members(state)];
        }
        if self.answers(&Asked::ShowTopic) {
            return vec![show::topic(state)];
        }
        // Without a JOIN of this connection, the room is one that an earlier connection was in.
        let asked = self
            .asked
            .pop_front_if(|asked| matches!(asked, Asked::Join { .. }));
        if let Some(Asked::Join { room }) = asked {
            self.aim(&room, &state.room);
        }
        if self.rooms.len() < MAX_ROOMS {
            self.rooms.insert(state.room.clone());
        }
        let here = note(&format!("You are in {} now", word(&state.room)));
        let mut shown = vec![here, show::members(state)];
        if !state.topic.is_empty() {
            shown.insert(1, show::topic(state));
        }
        shown
    }

    fn remember(&mut self, member: Member) {
        if self.online.len() < MAX_ONLINE || self.online.contains_key(&member.nick) {
            self.online.insert(member.nick, member.name);
        }
    }

    /// An error, for a user who does not see the commands.
    fn explained(&mut self, value: &str) -> String {
        if value == REPLACED {
            return "Somebody has logged in as you from elsewhere, and takes over.".to_owned();
        }
        match self.asked.pop_front() {
            Some(Asked::Message { to }) => not_sent(&word(&to), value),
            Some(Asked::Join { room }) => self.not_joined(&room, value),
            Some(_) if value == UNKNOWN => "The server does not know this command.".to_owned(),
            Some(_) | None => line(value),
        }
    }

    fn not_joined(&mut self, room: &str, value: &str) -> String {
        let at = word(room);
        if value == "You are in that room already." {
            let same = |name: &&String| name.to_lowercase() == room.to_lowercase();
            if let Some(name) = self.rooms.iter().find(same).cloned() {
                self.aim(room, &name);
            }
            return format!("You are in {at} already.");
        }
        self.left(room);
        match value {
            UNKNOWN => "This server has no rooms.".to_owned(),
            // JOIN is checked before it is sent.
            usage if usage.starts_with("Usage: ") => OPEN.to_owned(),
            other => format!("{} ({at} was not joined.)", line(other)),
        }
    }
}

fn not_sent(to: &str, value: &str) -> String {
    match value {
        "User is already left." => format!("{to} is not online; the message was not sent."),
        "Message too long." => format!("The message to {to} is too long; it was not sent."),
        other => format!("{} (The message to {to} was not sent.)", line(other)),
    }
}

/// Sent before the connection of a replaced member is closed. It answers no command.
const REPLACED: &str = "Replaced by a new login.";

/// What a server answers to a command that came later than the server.
const UNKNOWN: &str = "Unknown command.";

/// The number of names to remember. A `<quit>` of a further member shows only the nick.
const MAX_ONLINE: usize = 65_536;

/// The number of rooms to complete.
const MAX_ROOMS: usize = 1024;

#[cfg(test)]
mod tests;
