//! What a line that was typed means.

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing but white space.
    Nothing,
    /// Text for the current target, a member or a room.
    Say(String),
    /// Text for a member or a room, which becomes the target.
    Message {
        to: String,
        text: String,
    },
    /// What the user does, for the current target.
    Act(String),
    /// Asks for the list of online members.
    List,
    Join {
        room: String,
        key: Option<String>,
    },
    /// Creates a room; `options` are the server's.
    Open {
        room: String,
        options: String,
    },
    /// Leaves a room, or the current one.
    Part(Option<String>),
    Rooms,
    /// Asks who is in a room, or in the current one.
    Who(Option<String>),
    Nick(String),
    /// Shows the topic of a room.
    ShowTopic(Option<String>),
    /// Sets the topic of a room; an empty one removes it.
    Topic {
        room: Option<String>,
        topic: String,
    },
    Kick {
        room: Option<String>,
        nick: String,
        reason: String,
    },
    /// What can be typed?
    Help,
    /// To leave.
    Quit,
}

/// Reads a line; an error says what to type instead.
pub(super) fn parse(line: &str) -> Result<Line, String> {
    let line = line.trim_matches(is_space);
    if line.contains('\0') {
        return Err("A NUL character cannot be sent.".to_owned());
    }
    let Some(command) = line.strip_prefix('/') else {
        return Ok(match line {
            "" => Line::Nothing,
            text => Line::Say(text.to_owned()),
        });
    };
    if command.starts_with('/') {
        return Ok(Line::Say(command.to_owned()));
    }
    let (word, rest) = cut(command);
    match word.to_ascii_lowercase().as_str() {
        "msg" => match cut(rest) {
            ("", _) | (_, "") => Err("Type /msg NICK TEXT, or /msg #ROOM TEXT.".to_owned()),
            (to, text) => Ok(Line::Message {
                to: to.to_owned(),
                text: text.to_owned(),
            }),
        },
        "me" => match rest {
            "" => Err("Type /me TEXT, as in /me waves.".to_owned()),
            text => Ok(Line::Act(text.to_owned())),
        },
        "list" => Ok(Line::List),
        "join" => {
            let (room, key) = room(rest).ok_or("Type /join #ROOM, or /join #ROOM KEY.")?;
            let key = cut(key).0;
            let key = (!key.is_empty()).then(|| key.to_owned());
            Ok(Line::Join { room, key })
        }
        "open" => {
            let (room, options) = room(rest).ok_or(OPEN)?;
            let options = options.to_owned();
            Ok(Line::Open { room, options })
        }
        "part" => Ok(Line::Part(
            room_alone(rest).ok_or("Type /part, or /part #ROOM.")?,
        )),
        "rooms" => Ok(Line::Rooms),
        "who" => Ok(Line::Who(
            room_alone(rest).ok_or("Type /who, or /who #ROOM.")?,
        )),
        "nick" => match cut(rest).0 {
            "" => Err("Type /nick NEW.".to_owned()),
            nick => Ok(Line::Nick(nick.to_owned())),
        },
        "topic" => Ok(topic(rest)),
        "kick" => kick(rest).ok_or_else(|| {
            "Type /kick NICK REASON, or /kick #ROOM NICK REASON; the reason may be left out."
                .to_owned()
        }),
        "help" | "?" => Ok(Line::Help),
        "quit" | "exit" => Ok(Line::Quit),
        _ => Err(format!(
            "There is no command /{word}. Type /help for those there are, or // to begin a text \
             with a slash."
        )),
    }
}

fn topic(rest: &str) -> Line {
    let (room, topic) = match room(rest) {
        Some((room, topic)) => (Some(room), topic),
        None => (None, rest),
    };
    match topic {
        "" => Line::ShowTopic(room),
        "-" => Line::Topic {
            room,
            topic: String::new(),
        },
        topic => Line::Topic {
            room,
            topic: topic.to_owned(),
        },
    }
}

fn kick(rest: &str) -> Option<Line> {
    let (room, rest) = match room(rest) {
        Some((room, rest)) => (Some(room), rest),
        None => (None, rest),
    };
    let (nick, reason) = cut(rest);
    (!nick.is_empty()).then(|| Line::Kick {
        room,
        nick: nick.to_owned(),
        reason: reason.to_owned(),
    })
}

/// A room's name, and the text behind it.
fn room(text: &str) -> Option<(String, &str)> {
    let (room, rest) = cut(text);
    is_room(room).then(|| (room.to_owned(), rest))
}

/// A room's name or nothing; `None` for anything else.
fn room_alone(text: &str) -> Option<Option<String>> {
    match text {
        "" => Some(None),
        text => room(text).map(|(room, _)| Some(room)),
    }
}

/// The names of rooms begin with `#`, and no nick does.
pub(super) fn is_room(target: &str) -> bool {
    target.starts_with('#')
}

/// What [`Line::Help`] is answered with.
pub(super) const HELP: [&str; 14] = [
    "/msg NICK TEXT writes to a member, /msg #ROOM TEXT to a room you are in",
    "TEXT alone goes where the last message went; //TEXT if it begins with a slash",
    "/me TEXT tells there what you do, as in /me waves",
    "/list shows who is online",
    "/rooms shows the rooms",
    "/join #ROOM [KEY] enters a room, or creates it; TEXT alone then goes there",
    "/open #ROOM [key=K] [hidden] creates a room with a key, or one that is not listed",
    "/who [#ROOM] shows who is in a room",
    "/part [#ROOM] leaves a room",
    "/topic [#ROOM] [TEXT] shows or sets the topic; /topic - removes it",
    "/kick [#ROOM] NICK [REASON] removes a member from your room for 5 minutes",
    "/nick NEW changes your nick",
    "/help shows this",
    "/quit leaves the chat",
];

/// The commands, as they are completed.
pub(super) const COMMANDS: [&str; 13] = [
    "/msg ", "/me ", "/list", "/rooms", "/join #", "/open #", "/who", "/part", "/topic ", "/kick ",
    "/nick ", "/help", "/quit",
];

/// What OPEN takes.
pub(super) const OPEN: &str = "Type /open #ROOM, and perhaps key=K, hidden.";

/// The first word, and the rest without the white space between and behind.
fn cut(text: &str) -> (&str, &str) {
    match text.split_once(is_space) {
        Some((word, rest)) => (word, rest.trim_matches(is_space)),
        None => (text, ""),
    }
}

/// What the chat takes for white space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let say = |text: &str| Line::Say(text.to_owned());
        let message = |to: &str, text: &str| Line::Message {
            to: to.to_owned(),
            text: text.to_owned(),
        };
        let room = || "#a".to_owned();
        let join = |key: Option<&str>| Line::Join {
            room: room(),
            key: key.map(str::to_owned),
        };
        let open = |options: &str| Line::Open {
            room: room(),
            options: options.to_owned(),
        };
        let topic = |room: Option<String>, topic: &str| Line::Topic {
            room,
            topic: topic.to_owned(),
        };
        let kick = |room: Option<String>, reason: &str| Line::Kick {
            room,
            nick: "bob".to_owned(),
            reason: reason.to_owned(),
        };
        for (line, meaning) in [
            ("", Line::Nothing),
            (" \t\r", Line::Nothing),
            ("hi", say("hi")),
            ("  two  words ", say("two  words")),
            ("a /msg b c", say("a /msg b c")),
            ("//msg bob hi", say("/msg bob hi")),
            ("//", say("/")),
            ("///", say("//")),
            ("\u{a0}", say("\u{a0}")),
            ("/msg bob hi", message("bob", "hi")),
            ("/MSG bob  two  words ", message("bob", "two  words")),
            ("/msg\tbob\thi", message("bob", "hi")),
            ("/msg bob //hi", message("bob", "//hi")),
            ("/msg bob a\nb", message("bob", "a\nb")),
            ("/me  waves  back ", Line::Act("waves  back".to_owned())),
            ("/ME /msg", Line::Act("/msg".to_owned())),
            ("/list", Line::List),
            ("/list all", Line::List),
            ("/msg #a hi", message("#a", "hi")),
            ("/join #a", join(None)),
            ("/JOIN  #a  key more", join(Some("key"))),
            ("/open #a", open("")),
            ("/open #a key=k  hidden ", open("key=k  hidden")),
            ("/part", Line::Part(None)),
            ("/part #a bye", Line::Part(Some(room()))),
            ("/rooms", Line::Rooms),
            ("/who", Line::Who(None)),
            ("/who #a", Line::Who(Some(room()))),
            ("/nick bobby b", Line::Nick("bobby".to_owned())),
            ("/topic", Line::ShowTopic(None)),
            ("/topic #a", Line::ShowTopic(Some(room()))),
            ("/topic -", topic(None, "")),
            ("/topic #a -", topic(Some(room()), "")),
            ("/topic two  words", topic(None, "two  words")),
            ("/topic #a #b", topic(Some(room()), "#b")),
            ("/kick bob", kick(None, "")),
            ("/kick bob be  nice", kick(None, "be  nice")),
            ("/kick #a bob #b", kick(Some(room()), "#b")),
            ("/help", Line::Help),
            (" /quit ", Line::Quit),
        ] {
            assert_eq!(parse(line), Ok(meaning), "{line:?}");
        }
        for (line, tells) in [
            ("/", "no command /."),
            ("/fly", "no command /fly."),
            ("/ msg bob hi", "no command /."),
            ("/msg", "/msg NICK TEXT"),
            ("/msg bob", "/msg NICK TEXT"),
            ("/msg bob ", "/msg NICK TEXT"),
            ("/me", "/me TEXT"),
            ("/me  ", "/me TEXT"),
            ("/join", "/join #ROOM"),
            ("/join a", "/join #ROOM"),
            ("/open", "/open #ROOM"),
            ("/part a", "/part #ROOM"),
            ("/who bob", "/who #ROOM"),
            ("/nick", "/nick NEW"),
            ("/kick", "/kick NICK"),
            ("/kick #a", "/kick #ROOM NICK"),
            ("a\0b", "NUL"),
            ("/msg bob a\0QUIT", "NUL"),
        ] {
            let fault = parse(line).expect_err(line);
            assert!(fault.contains(tells), "{line:?}: {fault}");
        }
    }
}
