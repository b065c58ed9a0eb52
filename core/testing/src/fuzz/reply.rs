//! What the server says, read back by an XML parser that is not ours.

use std::sync::Arc;

use roxmltree::{Document, Node};

use flashgate_core::_testing;
use flashgate_core::{Member, MemberId, Now, UnixSeconds};

/// Whatever a nick, a name or a text holds, each answer is one well-formed element, with its
/// attributes in order, and an XML parser reads back the same text, but for U+FFFD in the place of
/// what XML forbids; one NUL is at its end and none before.
pub fn xml_reply(data: &[u8]) {
    let [first, second, rest @ ..] = data else {
        return;
    };
    let (nick, rest) = rest.split_at(usize::from(*first).min(rest.len()));
    let (name, text) = rest.split_at(usize::from(*second).min(rest.len()));
    let [nick, name, text] = [nick, name, text].map(String::from_utf8_lossy);
    let now = Now {
        utc: UnixSeconds(36_000),
        ..Now::default()
    };
    let member = |nick: &str, name: &str| Member {
        id: MemberId(1),
        nick: Arc::from(nick),
        name: Arc::from(name),
    };
    let (one, other) = (member(&nick, &name), member(&text, &nick));

    let shown = [("aid", &*nick), ("name", &*name)];
    let sent = [
        ("aid", &*nick),
        ("time", "10:00:00"),
        ("msg", &*text),
        ("from", &*name),
    ];
    let [
        error,
        pong,
        quit,
        login,
        identify,
        msg,
        action,
        announce,
        hello,
        kicked,
        nicklist,
    ] = _testing::replies(&one, &other, now, &text);
    says(&error, "error", &[("value", &text)]);
    says(&pong, "pong", &[("value", &text)]);
    says(&quit, "quit", &[("aid", &nick)]);
    says(&login, "login", &shown);
    says(&identify, "identify", &shown);
    says(&msg, "msg", &sent);
    says(&action, "action", &sent);
    says(&announce, "announce", &sent[1..3]);
    let about = [
        ("server", "flashgate"),
        ("version", &*nick),
        ("features", &*text),
    ];
    says(&hello, "hello", &about);
    says(&kicked, "kicked", &[("reason", &text)]);
    read(&nicklist, |list| {
        is_element(list, "nicklist", &[]);
        let nicks: Vec<_> = list.children().collect();
        assert_eq!(nicks.len(), 2);
        is_element(nicks[0], "nick", &shown);
        is_element(nicks[1], "nick", &[("aid", &text), ("name", &nick)]);
    });
}

/// The message is this element, and nothing is in it.
fn says(message: &[u8], name: &str, attributes: &[(&str, &str)]) {
    read(message, |element| {
        is_element(element, name, attributes);
        assert!(!element.has_children());
    });
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
