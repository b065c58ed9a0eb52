//! What the server says, read back by an XML parser that is not ours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use roxmltree::{Document, Node};

use flashgate_core::{
    Accepted, Action, Answer, Config, ConnId, Gateway, Input, ListenerId, Login, MAX_READ, Member,
    MemberEvent, MemberId, Millis, Now, UnixSeconds,
};

/// Whatever a nick, a name or a text holds, everything that a client gets is well-formed elements, each with the
/// expected attributes in order and ended by the only NUL in it. An XML parser reads back the same text, with
/// U+FFFD in the place of what XML forbids.
pub fn xml_reply(data: &[u8]) {
    let [first, second, rest @ ..] = data else {
        return;
    };
    let (nick, rest) = rest.split_at(usize::from(*first).min(rest.len()));
    let (name, text) = rest.split_at(usize::from(*second).min(rest.len()));
    let [nick, name, text] = [nick, name, text].map(String::from_utf8_lossy);
    let other = if nick == "bob" { "eve" } else { "bob" };
    let shown = [("aid", &*nick), ("name", &*name)];
    let shown_too = [("aid", other), ("name", "B")];

    let mut server = Server::new();
    let (one, two) = (server.connect(1), server.connect(2));
    server.log_in(one, 1, &nick, &name);
    server.says(one, &[("login", &shown), ("identify", &shown)]);
    server.log_in(two, 2, other, "B");
    server.says(one, &[("login", &shown_too)]);
    server.says(two, &[("login", &shown_too), ("identify", &shown_too)]);

    // The first client knows what is newer than 2007.
    server.send(one, "HELLO");
    let version = env!("CARGO_PKG_VERSION");
    let hello = [
        ("server", "flashgate"),
        ("version", version),
        ("features", "nick me rooms"),
    ];
    server.says(one, &[("hello", &hello)]);

    server.send(two, "LIST");
    let [list] = &server.elements(two)[..] else {
        panic!("one answer");
    };
    read(list, |list| {
        is_element(list, "nicklist", &[]);
        let nicks: Vec<_> = list.children().collect();
        assert_eq!(nicks.len(), 2);
        is_element(nicks[0], "nick", &shown);
        is_element(nicks[1], "nick", &shown_too);
    });

    // A command ends at a NUL, and its last argument has no white space around it.
    let sent = text.replace('\0', "");
    let sent = sent.trim_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
    if !sent.is_empty() {
        server.send(two, &format!("PING {sent}"));
        let token = sent.split(' ').next().unwrap_or_default();
        server.says(two, &[("pong", &[("value", token)])]);
        server.send(one, &format!("MSG {other} {sent}"));
        let message = [("aid", &*nick), TEN, ("msg", sent), ("from", other)];
        server.says(one, &[("msg", &message)]);
        server.says(two, &[("msg", &message)]);
        server.send(one, &format!("ME {other} {sent}"));
        server.says(one, &[("action", &message)]);
        let starred = format!("*{sent}*");
        let message = [("aid", &*nick), TEN, ("msg", &*starred), ("from", other)];
        server.says(two, &[("msg", &message)]);
        in_a_room(&mut server, one, shown, sent);
    }

    let new = if nick == "n" { "m" } else { "n" };
    for (before, now) in [(&*nick, new), (new, &*nick)] {
        server.handle(Input::Member(MemberEvent::Renamed(Member {
            id: MemberId(1),
            nick: Arc::from(now),
            name: Arc::from(&*name),
        })));
        let changed = [("aid", before), ("to", now)];
        server.says(one, &[("nickchanged", &changed)]);
        let login = [("aid", now), ("name", &*name)];
        let quit = [("aid", before)];
        server.says(two, &[("quit", &quit), ("login", &login)]);
    }

    server.handle(Input::Announce(Arc::from(&*text)));
    server.says(one, &[("announce", &[TEN, ("msg", &text)])]);
    server.says(two, &[]);
    for number in [2, 1] {
        server.handle(Input::Kick {
            member: Login::Id(MemberId(number)),
            reason: Some(Arc::from(&*text)),
        });
    }
    let quit = [("aid", other)];
    server.says(two, &[("error", &[("value", &text)])]);
    server.says(one, &[("quit", &quit), ("kicked", &[("reason", &text)])]);
}

/// The first client goes into a room, writes there, and leaves it.
fn in_a_room(server: &mut Server, one: ConnId, shown: [(&str, &str); 2], sent: &str) {
    let (room, [aid, name]) = (("room", "#<r&\">"), shown);
    server.send(one, "JOIN #<r&\">");
    let [join, state] = &server.elements(one)[..] else {
        panic!("two answers");
    };
    read(join, |join| is_element(join, "join", &[room, aid, name]));
    let is_state = |state: &[u8], topic| {
        let (owner, zero) = (
            ("owner", aid.1),
            ["seats", "max", "n"].map(|name| (name, "0")),
        );
        let attributes = [&[("name", room.1), ("topic", topic), owner][..], &zero].concat();
        read(state, |state| {
            is_element(state, "room", &attributes);
            let nicks: Vec<_> = state.children().collect();
            assert_eq!(nicks.len(), 1);
            is_element(nicks[0], "nick", &[aid, name]);
        });
    };
    is_state(state, "");
    let topic: String = sent.chars().take(200).collect();
    server.send(one, &format!("TOPIC #<r&\"> {sent}"));
    server.says(one, &[("topic", &[room, aid, ("topic", &topic)])]);
    server.send(one, "WHO #<r&\">");
    is_state(&server.elements(one)[0], &topic);
    for (word, element) in [("MSG", "msg"), ("ME", "action")] {
        server.send(one, &format!("{word} #<r&\"> {sent}"));
        server.says(one, &[(element, &[room, aid, TEN, ("msg", sent)])]);
    }
    server.send(one, "ROOMS");
    read(&server.elements(one)[0], |rooms| {
        is_element(rooms, "rooms", &[]);
        let rows: Vec<_> = rooms.children().collect();
        assert_eq!(rows.len(), 1);
        let zero = ["seats", "taken", "max"].map(|name| (name, "0"));
        let row = [("name", room.1), ("topic", &topic), ("here", "1")];
        is_element(rows[0], "room", &[&row[..], &zero].concat());
    });
    server.send(one, "PART #<r&\">");
    server.says(one, &[("part", &[room, aid])]);
}

type Attributes<'a> = &'a [(&'a str, &'a str)];

/// A gateway, and what its clients have got.
struct Server {
    gateway: Gateway,
    got: BTreeMap<ConnId, Vec<u8>>,
    /// The answer to the next login.
    member: Option<Member>,
}

impl Server {
    fn new() -> Self {
        let mut config = Config::default();
        config.limits.rate = None;
        config.limits.command = 1 << 16;
        Self {
            gateway: Gateway::new(Arc::new(config), NOW),
            got: BTreeMap::new(),
            member: None,
        }
    }

    fn connect(&mut self, port: u16) -> ConnId {
        let origin = Accepted {
            listener: ListenerId(0),
            peer: SocketAddr::from(([192, 0, 2, 1], port)).into(),
            user: None,
        };
        self.gateway
            .accept(NOW, origin)
            .expect("nobody else is here")
    }

    fn log_in(&mut self, conn: ConnId, number: i64, nick: &str, name: &str) {
        self.member = Some(Member {
            id: MemberId(number),
            nick: Arc::from(nick),
            name: Arc::from(name),
        });
        self.send(conn, &format!("IDENTIFY {number} x"));
    }

    fn send(&mut self, conn: ConnId, command: &str) {
        let bytes = [command.as_bytes(), b"\0"].concat();
        for piece in bytes.chunks(MAX_READ) {
            self.handle(Input::Bytes(conn, piece));
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(NOW, input);
        while let Some(action) = self.gateway.poll() {
            match action {
                Action::Write(conn, chunk) => {
                    self.got.entry(conn).or_default().extend(chunk.to_vec())
                }
                Action::Broadcast(to, chunk) => {
                    for conn in to.iter() {
                        self.got.entry(conn).or_default().extend(chunk.to_vec());
                    }
                }
                Action::Lookup(ticket, _) => {
                    let member = self.member.take().expect("a login");
                    self.handle(Input::Answer(ticket, Answer::Member(member)));
                }
                Action::Finish(_)
                | Action::Close(_)
                | Action::Abort(_)
                | Action::Pause(_)
                | Action::Resume(_)
                | Action::Note(_) => {}
            }
        }
    }

    /// What a client has got since the last call, element by element. It reads at once.
    fn elements(&mut self, conn: ConnId) -> Vec<Vec<u8>> {
        self.handle(Input::Backlog(conn, 0));
        let got = self.got.remove(&conn).unwrap_or_default();
        got.split_inclusive(|byte| *byte == 0)
            .map(Vec::from)
            .collect()
    }

    /// A client has got these elements, with nothing in them.
    fn says(&mut self, conn: ConnId, expected: &[(&str, Attributes<'_>)]) {
        let elements = self.elements(conn);
        assert_eq!(elements.len(), expected.len(), "{expected:?}");
        for (element, (name, attributes)) in elements.iter().zip(expected) {
            read(element, |element| {
                is_element(element, name, attributes);
                assert!(!element.has_children());
            });
        }
    }
}

fn read(message: &[u8], check: impl FnOnce(Node<'_, '_>)) {
    let xml = message.strip_suffix(b"\0").expect("a NUL ends an answer");
    assert!(!xml.contains(&0), "and is nowhere else");
    let xml = std::str::from_utf8(xml).expect("answers are UTF-8");
    let document =
        Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {}", xml.escape_debug()));
    let root = document.root();
    assert_eq!(root.children().count(), 1, "nothing is beside the element");
    check(document.root_element());
}

fn is_element(node: Node<'_, '_>, name: &str, attributes: &[(&str, &str)]) {
    assert_eq!(node.tag_name().name(), name);
    let found: Vec<_> = node.attributes().map(|a| (a.name(), a.value())).collect();
    let texts: Vec<_> = attributes.iter().map(|(_, text)| as_read(text)).collect();
    let names = attributes.iter().map(|(name, _)| *name);
    let expected: Vec<_> = names.zip(texts.iter().map(String::as_str)).collect();
    assert_eq!(found, expected);
}

/// `Char` of XML 1.0, section 2.2; what is none is lost.
fn as_read(text: &str) -> String {
    let is_char = |c| matches!(u32::from(c), 0x9 | 0xa | 0xd | 0x20..=0xd7ff | 0xe000..=0xfffd | 0x1_0000..=0x10_ffff);
    let chars = text.chars();
    chars
        .map(|c| if is_char(c) { c } else { '\u{fffd}' })
        .collect()
}

const NOW: Now = Now {
    mono: Millis(0),
    utc: UnixSeconds(36_000),
    offset: 0,
};

/// The same, as messages have it.
const TEN: (&str, &str) = ("time", "10:00:00");
