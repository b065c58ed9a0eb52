//! What one member knows of the chat, and what of it is shown.

use std::collections::{BTreeMap, VecDeque};

use super::answer::{Answer, Member, Said};
use super::show::{Kind, Shown, both, error, line, note, word};
use crate::text::is_unseen;

/// A command that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Message { nick: String },
    Hello,
    List,
}

/// What one member knows of the chat.
#[derive(Debug)]
pub(super) struct View {
    me: Member,
    /// Names by nick, because a `<quit>` contains only the nick.
    online: BTreeMap<String, String>,
    /// In the order of their answers, which is that of the commands.
    asked: VecDeque<Asked>,
}

impl View {
    pub(super) fn new(me: Member) -> Self {
        Self {
            me,
            online: BTreeMap::new(),
            asked: VecDeque::new(),
        }
    }

    /// A command is about to be sent.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    /// Commands without an answer so far.
    pub(super) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Nicks that begin like this, and can be typed.
    pub(super) fn nicks(&self, start: &str) -> Vec<String> {
        let from = self.online.range(start.to_owned()..);
        let alike = from.take_while(|(nick, _)| nick.starts_with(start));
        let plain = alike.filter(|(nick, _)| !nick.chars().any(|c| is_unseen(c) || c == ' '));
        plain.map(|(nick, _)| nick.clone()).collect()
    }

    /// Takes an answer, and says what to show of it.
    pub(super) fn take(&mut self, answer: Answer) -> Option<Shown> {
        match answer {
            Answer::Identify(_) | Answer::Pong | Answer::Other => None,
            Answer::Hello => {
                self.asked.pop_front();
                None
            }
            Answer::Login(member) if member.nick == self.me.nick => None,
            Answer::Login(member) => {
                let line = format!("{} is here", both(&member));
                self.remember(member);
                Some(note(&line))
            }
            Answer::Quit { nick } => {
                let who = match self.online.remove(&nick) {
                    Some(name) => both(&Member { nick, name }),
                    None => word(&nick),
                };
                Some(note(&format!("{who} has left")))
            }
            Answer::Message(said) => Some(self.said(&said)),
            Answer::List(members) => {
                self.asked.pop_front();
                self.online.clear();
                let names: Vec<String> = members.iter().map(both).collect();
                let count = members.len();
                members.into_iter().for_each(|member| self.remember(member));
                Some(note(&format!("{count} online: {}", names.join(", "))))
            }
            Answer::TooLong(most) => {
                // Nothing but a list of everybody is so long.
                if self.asked.front() == Some(&Asked::List) {
                    self.asked.pop_front();
                }
                let mib = most >> 20;
                let text = format!("An answer of more than {mib} MiB has come, and is not shown.");
                Some(error(&text))
            }
            // A server of before answers like this. It knows no actions, and that is not worth a line.
            Answer::Error(value)
                if value != REPLACED && self.asked.front() == Some(&Asked::Hello) =>
            {
                self.asked.pop_front();
                None
            }
            Answer::Error(value) => Some(error(&self.explained(&value))),
            Answer::Kicked(reason) if reason.is_empty() => Some(error("You were kicked.")),
            Answer::Kicked(reason) => Some(error(&format!("You were kicked: {}", line(&reason)))),
            Answer::Announcement { time, text } => {
                Some(note(&format!("{} {}", word(&time), line(&text))))
            }
        }
    }

    fn said(&mut self, said: &Said) -> Shown {
        let [time, sender, recipient] =
            [&said.time, &said.sender, &said.recipient].map(|text| word(text));
        let text = line(&said.text);
        if said.sender == self.me.nick {
            self.asked.pop_front();
            let does = if said.action {
                format!("{sender} ")
            } else {
                String::new()
            };
            return Shown {
                kind: Kind::Mine,
                text: format!("{time} to {recipient}: {does}{text}"),
            };
        }
        let colon = if said.action { "" } else { ":" };
        Shown {
            kind: Kind::Theirs {
                time: time.len(),
                sender: sender.len(),
            },
            text: format!("{time} {sender}{colon} {text}"),
        }
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
        let Some(Asked::Message { nick }) = self.asked.pop_front() else {
            return line(value);
        };
        let nick = word(&nick);
        match value {
            "User is already left." => format!("{nick} is not online; the message was not sent."),
            "Message too long." => format!("The message to {nick} is too long; it was not sent."),
            other => format!("{} (The message to {nick} was not sent.)", line(other)),
        }
    }
}

/// Sent before the connection of a replaced member is closed. It answers no command.
const REPLACED: &str = "Replaced by a new login.";

/// The number of names to remember. A `<quit>` of a further member shows only the nick.
const MAX_ONLINE: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn member(nick: &str, name: &str) -> Member {
        Member {
            nick: nick.to_owned(),
            name: name.to_owned(),
        }
    }

    fn view() -> View {
        View::new(member("alice", "Alice"))
    }

    fn message(sender: &str, recipient: &str, text: &str) -> Answer {
        said(sender, recipient, text, false)
    }

    fn action(sender: &str, recipient: &str, text: &str) -> Answer {
        said(sender, recipient, text, true)
    }

    fn said(sender: &str, recipient: &str, text: &str, action: bool) -> Answer {
        Answer::Message(Said {
            sender: sender.to_owned(),
            recipient: recipient.to_owned(),
            time: "14:02:11".to_owned(),
            text: text.to_owned(),
            action,
        })
    }

    #[test]
    fn events() {
        let mut view = view();
        let bob = || member("bob", "Bob");
        let quit = || Answer::Quit {
            nick: "bob".to_owned(),
        };
        view.ask(Asked::Hello);
        view.ask(Asked::Hello);
        view.ask(Asked::List);
        for (answer, shown) in [
            (Answer::Hello, None),
            // A server that has no HELLO.
            (Answer::Error("Unknown command.".to_owned()), None),
            (Answer::Login(member("alice", "Alice")), None),
            (Answer::Login(bob()), Some("* Bob (bob) is here")),
            (quit(), Some("* Bob (bob) has left")),
            (quit(), Some("* bob has left")),
            (
                Answer::List(vec![member("alice", "Alice"), bob()]),
                Some("* 2 online: Alice (alice), Bob (bob)"),
            ),
            (quit(), Some("* Bob (bob) has left")),
            (message("bob", "alice", "hi"), Some("14:02:11 bob: hi")),
            (message("alice", "bob", "hi"), Some("14:02:11 to bob: hi")),
            (action("bob", "alice", "nods"), Some("14:02:11 bob nods")),
            (
                action("alice", "bob", "waves"),
                Some("14:02:11 to bob: alice waves"),
            ),
            (Answer::Error("No.".to_owned()), Some("! No.")),
            (Answer::Pong, None),
            (Answer::Kicked(String::new()), Some("! You were kicked.")),
            (
                Answer::Kicked("Be\nnice.".to_owned()),
                Some("! You were kicked: Be⏎nice."),
            ),
            (
                Answer::Announcement {
                    time: "14:02:11".to_owned(),
                    text: "Soon.".to_owned(),
                },
                Some("* 14:02:11 Soon."),
            ),
            (Answer::Other, None),
        ] {
            let text = view.take(answer.clone()).map(|shown| shown.text);
            assert_eq!(text.as_deref(), shown, "{answer:?}");
        }
    }

    #[test]
    fn errors_find_their_command() {
        let mut view = view();
        let to = |nick: &str| Asked::Message {
            nick: nick.to_owned(),
        };
        for asked in [to("bob"), to("carol"), Asked::List, to("dave"), to("eve")] {
            view.ask(asked);
        }
        let mut told = |answer| view.take(answer).unwrap().text;
        let failed = |value: &str| Answer::Error(value.to_owned());
        assert!(told(message("alice", "bob", "x")).contains("to bob"));
        assert!(told(message("bob", "alice", "x")).contains("bob: x"));
        let left = failed("User is already left.");
        assert_eq!(
            told(left),
            "! carol is not online; the message was not sent."
        );
        told(Answer::List(Vec::new()));
        let long = told(failed("Message too long."));
        assert_eq!(long, "! The message to dave is too long; it was not sent.");
        assert!(told(failed("Replaced by a new login.")).contains("takes over"));
        let other = told(failed("Please\n\u{1b}."));
        assert_eq!(
            other,
            "! Please⏎\u{fffd}. (The message to eve was not sent.)"
        );
        assert_eq!(view.unanswered(), 0);
    }

    #[test]
    fn an_answer_that_is_too_long_is_the_answer_to_list() {
        let mut view = view();
        let bob = Asked::Message {
            nick: "bob".to_owned(),
        };
        for asked in [bob, Asked::List] {
            view.ask(asked);
        }
        let told = view.take(Answer::TooLong(4 << 20)).unwrap();
        assert_eq!(told.kind, Kind::Error);
        assert_eq!(
            told.text,
            "! An answer of more than 4 MiB has come, and is not shown."
        );
        assert_eq!(view.unanswered(), 2);
        view.take(message("alice", "bob", "hi"));
        view.take(Answer::TooLong(64 << 20));
        assert_eq!(view.unanswered(), 0);
    }

    #[test]
    fn hostile_text_stays_in_its_line() {
        for (text, shown) in [
            ("hi", "hi"),
            ("Árvíztűrő 😀 <b>&amp;\"", "Árvíztűrő 😀 <b>&amp;\""),
            ("a\nb\rc\r\nd\n\re", "a⏎b⏎c⏎d⏎⏎e"),
            ("a\u{85}b\u{2028}c\u{2029}d\x0be\x0cf", "a⏎b⏎c⏎d⏎e⏎f"),
            ("a\tb", "a b"),
            ("\x1b[2J\x1b]0;x\x07", "\u{fffd}[2J\u{fffd}]0;x\u{fffd}"),
            ("\0\x08\x7f\u{9b}31m", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}31m"),
            ("\u{202e}abc\u{2066}\u{200f}", "\u{fffd}abc\u{fffd}\u{fffd}"),
            ("👨\u{200d}👩 ❤\u{fe0f}", "👨👩 ❤"),
            (
                "a\u{2800}\u{3164}\u{e0041}\u{fdd0}",
                "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
            let mut view = view();
            let told = view.take(message("b\x1bb\n", "alice", text)).unwrap();
            assert_eq!(told.text, format!("14:02:11 b\u{fffd}b\u{fffd}: {shown}"));
            let colours = told
                .coloured()
                .replace("\x1b[1m", "")
                .replace("\x1b[0m", "");
            assert_eq!(colours, told.text);
        }
        let mut view = view();
        let evil = member("b\x1b[2J", "\r* Carol\u{202e}\u{200d}");
        let told = view.take(Answer::Login(evil)).unwrap();
        assert_eq!(
            told.text,
            "* \u{fffd}* Carol\u{fffd} (b\u{fffd}[2J) is here"
        );
        // In a nick, and a text, nothing unseen stays.
        for c in ('\0'..=char::MAX).filter(|c| is_unseen(*c)) {
            assert_eq!(word(&c.to_string()), "\u{fffd}", "{c:?}");
            assert!(!line(&format!("a{c}b")).contains(is_unseen), "{c:?}");
        }
    }

    /// The memory is bounded, whatever a server sends.
    #[test]
    fn more_than_can_be_online_are_not_remembered() {
        let mut view = view();
        for n in 0..=MAX_ONLINE {
            view.take(Answer::Login(member(&format!("n{n}"), "X")));
        }
        assert_eq!(view.online.len(), MAX_ONLINE);
        view.take(Answer::Login(member("n0", "Y")));
        assert_eq!(view.online["n0"], "Y");
    }

    #[test]
    fn completing_nicks() {
        let mut view = view();
        for nick in ["bob", "bo\x1bx", "bo b", "bo", "carol"] {
            view.take(Answer::Login(member(nick, "X")));
        }
        assert_eq!(view.nicks("bo"), ["bo", "bob"]);
        assert_eq!(view.nicks(""), ["bo", "bob", "carol"]);
        assert_eq!(view.nicks("x"), [""; 0]);
    }
}
