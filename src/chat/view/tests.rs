//! Tests of the view: what it shows of each answer, and where plain lines go.

use super::super::answer::Row;
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
        to: To::Member(recipient.to_owned()),
        time: "14:02:11".to_owned(),
        text: text.to_owned(),
        action,
    })
}

/// What is shown of an answer.
fn lines(view: &mut View, answer: Answer) -> Vec<String> {
    let shown = view.take(answer).into_iter();
    shown.map(|shown| shown.text).collect()
}

fn state(room: &str, owner: &str, topic: &str, members: &[Member], more: u32) -> Answer {
    Answer::Room(RoomState {
        room: room.to_owned(),
        topic: topic.to_owned(),
        owner: owner.to_owned(),
        members: members.to_vec(),
        more,
    })
}

fn parted(nick: &str, kick: Option<(&str, &str)>) -> Answer {
    Answer::Parted {
        room: "#Lobby".to_owned(),
        nick: nick.to_owned(),
        kick: kick.map(|(by, reason)| (by.to_owned(), reason.to_owned())),
    }
}

fn renamed(old: &str, new: &str) -> Answer {
    Answer::NickChanged {
        old: old.to_owned(),
        new: new.to_owned(),
    }
}

fn joining(room: &str) -> Asked {
    Asked::Join {
        room: room.to_owned(),
    }
}

#[test]
fn events() {
    let mut view = view();
    let bob = || member("bob", "Bob");
    let quit = || Answer::Quit {
        nick: "bob".to_owned(),
    };
    view.ask(Asked::List);
    for (answer, shown) in [
        (Answer::Hello, None),
        (Answer::Login(member("alice", "Alice")), None),
        (Answer::Login(bob()), Some("* Bob (bob) is here")),
        (quit(), Some("* Bob (bob) has left")),
        (quit(), Some("* bob has left")),
        (
            Answer::Login(member("~mona", "~mona")),
            Some("* ~mona is here"),
        ),
        (
            renamed("~mona", "~lisa"),
            Some("* ~mona is called ~lisa now"),
        ),
        (
            Answer::Quit {
                nick: "~lisa".to_owned(),
            },
            Some("* ~lisa has left"),
        ),
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
        assert_eq!(
            lines(&mut view, answer.clone()),
            shown.as_slice(),
            "{answer:?}"
        );
    }
}

#[test]
fn events_of_rooms() {
    let mut view = view();
    let (alice, bob) = (member("alice", "Alice"), member("bob", "Bob"));
    let room = || "#Lobby".to_owned();
    let said = |sender: &str, action| {
        Answer::Message(Said {
            sender: sender.to_owned(),
            to: To::Room(room()),
            time: "14:02:11".to_owned(),
            text: "nods".to_owned(),
            action,
        })
    };
    let topic = |nick: &str, topic: &str| Answer::Topic {
        room: room(),
        nick: nick.to_owned(),
        topic: topic.to_owned(),
    };
    let owner = |nick: &str| Answer::Owner {
        room: room(),
        nick: nick.to_owned(),
    };
    let joined = |member: &Member| Answer::Joined {
        room: room(),
        member: member.clone(),
    };
    let full = [alice.clone(), bob.clone()];
    view.take(Answer::Login(bob.clone()));
    view.ask(joining("#lobby"));
    for (answer, shown) in [
        (joined(&alice), &[][..]),
        (
            state("#Lobby", "alice", "Tea", &full, 0),
            &[
                "* You are in #Lobby now",
                "* Topic of #Lobby: Tea",
                "* 2 in #Lobby: Alice (alice) [owner], Bob (bob)",
            ],
        ),
        (joined(&bob), &["* Bob (bob) has joined #Lobby"]),
        (said("bob", false), &["14:02:11 #Lobby bob: nods"]),
        (said("bob", true), &["14:02:11 #Lobby bob nods"]),
        (said("alice", false), &["14:02:11 to #Lobby: nods"]),
        (said("alice", true), &["14:02:11 to #Lobby: alice nods"]),
        (
            topic("bob", "a\nb"),
            &["* Bob (bob) has set the topic of #Lobby: a⏎b"],
        ),
        (
            topic("alice", ""),
            &["* alice has removed the topic of #Lobby"],
        ),
        (owner("bob"), &["* Bob (bob) owns #Lobby now"]),
        (owner("alice"), &["* You own #Lobby now"]),
        (
            parted("carol", Some(("bob", ""))),
            &["* Bob (bob) has removed carol from #Lobby"],
        ),
        (
            parted("bob", Some(("carol", "a\r\nb"))),
            &["* carol has removed Bob (bob) from #Lobby: a⏎b"],
        ),
        (parted("bob", None), &["* Bob (bob) has left #Lobby"]),
        (renamed("bob", "bo"), &["* Bob (bob) is called bo now"]),
        (parted("bo", None), &["* Bob (bo) has left #Lobby"]),
        (renamed("alice", "al"), &["* You are called al now"]),
        (said("al", false), &["14:02:11 to #Lobby: nods"]),
        (parted("al", None), &["* You have left #Lobby"]),
        (Answer::Rooms(Vec::new()), &["* 0 rooms"]),
    ] {
        assert_eq!(lines(&mut view, answer.clone()), shown, "{answer:?}");
    }
    view.ask(Asked::Who);
    assert_eq!(
        lines(&mut view, state("#x\x1b", "", "", &[bob], 19_800)),
        [
            "* #x\u{fffd} has no topic",
            "* 19801 in #x\u{fffd}: Bob (bob), and 19800 more"
        ]
    );
    let row = |room: &str, topic: &str| Row {
        room: room.to_owned(),
        topic: topic.to_owned(),
        here: "3".to_owned(),
    };
    let rows = Answer::Rooms(vec![row("#a", "Tea\n* 1 room"), row("#b", "")]);
    let expected = ["* 2 rooms", "* #a (3): Tea⏎* 1 room", "* #b (3)"];
    assert_eq!(lines(&mut view, rows), expected);
    assert_eq!(view.unanswered(), 0);
}

/// A line goes to the room that was entered last, or the member written to last, under whatever nick;
/// after a room is left it goes nowhere.
#[test]
fn where_lines_go() {
    let mut view = view();
    let failed = |value: &str| Answer::Error(value.to_owned());
    view.ask(Asked::Message {
        to: "bob".to_owned(),
    });
    view.take(message("alice", "bob", "hi"));
    view.take(message("carol", "alice", "hi"));
    assert_eq!(view.target(), Some("bob"));
    view.take(renamed("bob", "bo"));
    view.take(renamed("carol", "bob"));
    assert_eq!(view.target(), Some("bo"));
    for (leaves, shown) in [
        (parted("alice", None), "* You have left #Lobby"),
        (
            parted("alice", Some(("bo", "Out\n!"))),
            "! bo has removed you from #Lobby: Out⏎!",
        ),
    ] {
        view.ask(joining("#lobby"));
        assert_eq!(view.target(), Some("#lobby"));
        view.take(state("#Lobby", "", "", &[], 0));
        assert_eq!(view.target(), Some("#Lobby"));
        view.take(parted("bo", None));
        assert_eq!(view.target(), Some("#Lobby"));
        assert_eq!(lines(&mut view, leaves), [shown]);
        assert_eq!(view.target(), None);
    }
    for (value, shown, target) in [
        ("Wrong key.", "! Wrong key. (#a was not joined.)", None),
        ("Unknown command.", "! This server has no rooms.", None),
        (
            "Usage: OPEN #room",
            "! Type /open #ROOM, and perhaps key=K, hidden.",
            None,
        ),
        (
            "You are in that room already.",
            "! You are in #a already.",
            Some("#a"),
        ),
    ] {
        view.ask(joining("#a"));
        assert_eq!(lines(&mut view, failed(value)), [shown]);
        assert_eq!(view.target(), target);
    }
    // A room of an earlier connection changes nothing.
    view.take(state("#B", "", "", &[], 0));
    assert_eq!(view.target(), Some("#a"));
    // The server's name of a room counts, however the room was typed.
    let said = || {
        Answer::Message(Said {
            sender: "alice".to_owned(),
            to: To::Room("#B".to_owned()),
            time: "14:02:11".to_owned(),
            text: "x".to_owned(),
            action: false,
        })
    };
    let to = "#b".to_owned();
    for (asked, answer) in [
        (Asked::Message { to }, said()),
        (joining("#b"), failed("You are in that room already.")),
    ] {
        view.ask(asked);
        assert_eq!(view.target(), Some("#b"));
        view.take(answer);
        assert_eq!(view.target(), Some("#B"));
    }
}

/// Each command has its answer, whatever others do meanwhile.
#[test]
fn answers_to_commands() {
    let topic = |nick: &str| Answer::Topic {
        room: "#Lobby".to_owned(),
        nick: nick.to_owned(),
        topic: String::new(),
    };
    for (asked, others, answer) in [
        (Asked::Part, parted("bob", None), parted("alice", None)),
        (
            Asked::Kick,
            parted("carol", Some(("bob", ""))),
            parted("bob", Some(("alice", ""))),
        ),
        (Asked::Topic, topic("bob"), topic("alice")),
        (Asked::Nick, renamed("bob", "b"), renamed("alice", "a")),
        (Asked::Rooms, topic("bob"), Answer::TooLong(64 << 20)),
        (Asked::ShowTopic, topic("bob"), state("#a", "", "", &[], 0)),
        (
            Asked::Nick,
            topic("bob"),
            Answer::Error("Nick is taken.".to_owned()),
        ),
    ] {
        let mut view = view();
        view.ask(asked.clone());
        view.take(others);
        assert_eq!(view.unanswered(), 1, "{asked:?}");
        view.take(answer);
        assert_eq!(view.unanswered(), 0, "{asked:?}");
    }
    let mut view = view();
    view.ask(Asked::Rooms);
    let unknown = Answer::Error("Unknown command.".to_owned());
    assert_eq!(
        lines(&mut view, unknown),
        ["! The server does not know this command."]
    );
}

#[test]
fn errors_find_their_command() {
    let mut view = view();
    let to = |to: &str| Asked::Message { to: to.to_owned() };
    for asked in [to("bob"), to("carol"), Asked::List, to("dave"), to("eve")] {
        view.ask(asked);
    }
    let mut told = |answer| lines(&mut view, answer).concat();
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
        to: "bob".to_owned(),
    };
    for asked in [bob, Asked::List] {
        view.ask(asked);
    }
    let told = view.take(Answer::TooLong(4 << 20)).remove(0);
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
        let told = view.take(message("b\x1bb\n", "alice", text)).remove(0);
        assert_eq!(told.text, format!("14:02:11 b\u{fffd}b\u{fffd}: {shown}"));
        let colours = told
            .coloured()
            .replace("\x1b[1m", "")
            .replace("\x1b[0m", "");
        assert_eq!(colours, told.text);
    }
    let mut view = view();
    let evil = member("b\x1b[2J", "\r* Carol\u{202e}\u{200d}");
    let told = view.take(Answer::Login(evil)).remove(0);
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
fn completing_names() {
    let mut view = view();
    for nick in ["bob", "bo\x1bx", "bo b", "bo", "carol"] {
        view.take(Answer::Login(member(nick, "X")));
    }
    assert_eq!(view.names("bo"), ["bo", "bob"]);
    assert_eq!(view.names(""), ["bo", "bob", "carol"]);
    assert_eq!(view.names("x"), [""; 0]);
    for room in ["#a", "#b\x1b", "#c"] {
        view.take(state(room, "", "", &[], 0));
    }
    assert_eq!(view.names("#"), ["#a", "#c"]);
    assert_eq!(view.names("#c"), ["#c"]);
}
