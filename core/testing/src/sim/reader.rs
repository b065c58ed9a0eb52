//! Reads the bytes that a client receives. It shares no code with the core, and takes exactly what the protocol's
//! description prints.

use flashgate_core::Chunk;

/// One thing that a server sends to one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The answer to an upgrade.
    Upgraded,
    /// Another answer to a request, by its status; and its body.
    NotUpgraded(String),
    Body(String),
    /// An element.
    Xml(Element),
    /// A lone NUL.
    Nothing,
    /// Control frames of a WebSocket.
    Ping(Vec<u8>),
    Pinged(Vec<u8>),
    Close(Option<u16>),
}

/// An element of XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    kind: &'static str,
    /// The values of its attributes, in order.
    values: Vec<String>,
    inside: Vec<Self>,
}

impl Said {
    /// An element with these values, as a client reads them back.
    pub(super) fn xml<const N: usize>(kind: &'static str, values: [&str; N]) -> Self {
        Self::Xml(Element::new(kind, values))
    }

    /// An element with others inside.
    pub(super) fn list<'a, const N: usize>(
        kind: &'static str,
        inside: &'static str,
        all: impl Iterator<Item = [&'a str; N]>,
    ) -> Self {
        Self::holding(kind, [], inside, all)
    }

    /// An element with values and others inside.
    pub(super) fn holding<'a, const M: usize, const N: usize>(
        kind: &'static str,
        values: [&str; M],
        inside: &'static str,
        all: impl Iterator<Item = [&'a str; N]>,
    ) -> Self {
        let mut list = Element::new(kind, values);
        list.inside = all.map(|values| Element::new(inside, values)).collect();
        Self::Xml(list)
    }

    pub(super) fn error(text: &str) -> Self {
        Self::xml("error", [text])
    }

    /// The values, if it is an element of this kind.
    pub(super) fn values(&self, kind: &str) -> Option<&[String]> {
        self.element()
            .filter(|element| element.kind == kind)
            .map(|element| &*element.values)
    }

    /// The element, if it is one.
    pub(super) fn element(&self) -> Option<&Element> {
        match self {
            Self::Xml(element) => Some(element),
            Self::Upgraded
            | Self::NotUpgraded(_)
            | Self::Body(_)
            | Self::Nothing
            | Self::Ping(_)
            | Self::Pinged(_)
            | Self::Close(_) => None,
        }
    }
}

impl Element {
    fn new<const N: usize>(kind: &'static str, values: [&str; N]) -> Self {
        Self {
            kind,
            values: values.map(as_heard).to_vec(),
            inside: Vec::new(),
        }
    }

    /// Its kind and its values.
    pub(super) fn parts(&self) -> (&'static str, &[String]) {
        (self.kind, &self.values)
    }

    /// The first values of the elements inside.
    pub(super) fn first_inside(&self) -> impl Iterator<Item = &str> {
        self.inside.iter().map(|element| &*element.values[0])
    }
}

/// The text that a client reads back: characters that XML cannot have are U+FFFD.
fn as_heard(text: &str) -> String {
    let heard = |c| match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(heard).collect()
}

/// The wire form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Stream,
    Binary,
    Text,
    /// An HTTP head, or a control frame.
    Other,
}

/// What a client knows of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The elements of 2007 alone. It refuses every other one, and sends no newer command.
    One,
    /// All elements.
    Two,
}

/// Collects bytes until an answer is complete.
#[derive(Debug)]
pub(super) struct Reader {
    kept: Vec<u8>,
    socket: bool,
    level: Level,
}

impl Reader {
    pub(super) fn new(socket: bool, level: Level) -> Self {
        Self {
            kept: Vec::new(),
            socket,
            level,
        }
    }

    /// Takes bytes as they come, and returns the answers that they complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<(Form, Said)> {
        self.kept.extend_from_slice(bytes);
        let (mut at, mut all) = (0, Vec::new());
        while let Some((form, said, used)) = read(&self.kept[at..], self.socket, self.level) {
            all.push((form, said));
            at += used;
        }
        self.kept.drain(..at);
        all
    }

    /// Whether no answer is incomplete.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Reads a chunk, which must be one complete answer.
pub(super) fn read_whole(bytes: &[u8], socket: bool) -> (Form, Said) {
    match read(bytes, socket, Level::Two) {
        Some((form, said, used)) if used == bytes.len() => (form, said),
        _ => panic!("not one thing said: {}", bytes.escape_ascii()),
    }
}

/// The memory of the chunk in which the core keeps one thing said. The head of a frame is not a part of its body; the
/// NUL of an answer is, even where a text message goes without.
pub(super) fn memory(bytes: &[u8], socket: bool) -> usize {
    let body = match bytes {
        [first @ 128..=255, length, ..] if socket => {
            let head = match length {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            let nul: &[u8] = if *first == 0x81 { b"\0" } else { b"" };
            [&bytes[head..], nul].concat()
        }
        whole => whole.to_vec(),
    };
    Chunk::from(&body[..]).memory()
}

fn read(bytes: &[u8], socket: bool, level: Level) -> Option<(Form, Said, usize)> {
    // A raw connection gets an HTTP answer if its bytes turn out to be a request.
    let is_http = bytes
        .first()
        .is_some_and(|byte| *byte == b'H' || byte.is_ascii_digit());
    if !socket && !is_http {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        if end == 0 {
            return Some((Form::Stream, Said::Nothing, 1));
        }
        return Some((Form::Stream, xml(&bytes[..end], level), end + 1));
    }
    if bytes.first() == Some(&b'H') {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let said = match head.strip_prefix("HTTP/1.1 ") {
            Some(line) if line.starts_with("101 Switching Protocols\r\n") => Said::Upgraded,
            Some(line) => Said::NotUpgraded(String::from(&line[..3])),
            None => panic!("no answer of HTTP: {head}"),
        };
        return Some((Form::Other, said, end));
    }
    if bytes.first().is_some_and(u8::is_ascii_digit) {
        // The body of a refusal repeats its status line.
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let code = String::from_utf8_lossy(&bytes[..3]);
        return Some((Form::Other, Said::Body(code.into_owned()), end));
    }
    frame(bytes, level)
}

/// One unmasked, unfragmented frame, as this server sends them (RFC 6455 section 5.2).
fn frame(bytes: &[u8], level: Level) -> Option<(Form, Said, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    assert!(second < 128, "a server does not mask");
    let (length, head) = match second {
        126 => {
            let length = usize::from(*bytes.get(2)?) << 8 | usize::from(*bytes.get(3)?);
            assert!(length >= 126, "the shortest length");
            (length, 4)
        }
        127 => {
            let eight = bytes.get(2..10)?;
            let length = eight
                .iter()
                .fold(0, |all, byte| all << 8 | usize::from(*byte));
            assert!(length >= 65_536, "the shortest length");
            (length, 10)
        }
        short => (usize::from(short), 2),
    };
    let payload = bytes.get(head..head + length)?;
    let (form, said) = match first {
        0x81 => (Form::Text, xml(payload, level)),
        0x82 => match payload.split_last() {
            Some((0, text)) => (Form::Binary, xml(text, level)),
            _ => panic!("a binary answer ends with NUL: {}", payload.escape_ascii()),
        },
        0x88 => {
            let code = match payload {
                [] => None,
                [high, low] => Some(u16::from(*high) << 8 | u16::from(*low)),
                _ => panic!("a close says its code and no more"),
            };
            (Form::Other, Said::Close(code))
        }
        0x89 => (Form::Other, Said::Ping(payload.to_vec())),
        0x8a => (Form::Other, Said::Pinged(payload.to_vec())),
        _ => panic!("a frame of no kind: {first:#x}"),
    };
    assert!(form != Form::Other || length < 126, "a long control frame");
    Some((form, said, head + length))
}

/// Reads an answer exactly as the protocol prints it.
fn xml(bytes: &[u8], level: Level) -> Said {
    let Ok(text) = std::str::from_utf8(bytes) else {
        panic!("not UTF-8: {}", bytes.escape_ascii());
    };
    let newer: &[Shape] = match level {
        Level::One => &[],
        Level::Two => &NEWER,
    };
    let mut shapes = OF_2007.iter().chain(newer);
    let said = shapes.find_map(|shape| element(text, shape));
    match said {
        Some((element, "")) => Said::Xml(element),
        _ => panic!("no such answer: {text:?}"),
    }
}

/// Reads one element of this shape, and what follows it.
fn element<'a>(text: &'a str, shape: &Shape) -> Option<(Element, &'a str)> {
    let mut rest = text.strip_prefix('<')?.strip_prefix(shape.name)?;
    let mut values = Vec::new();
    for attribute in shape.attributes {
        rest = rest.strip_prefix(' ')?.strip_prefix(attribute)?;
        rest = rest.strip_prefix("=\"")?;
        let end = rest.find('"')?;
        values.push(unescaped(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    rest = rest.strip_prefix(shape.end)?;
    let (mut inside, outer) = (Vec::new(), shape.name);
    if let Some(shape) = shape.inside {
        while let Some((element, behind)) = element(rest, shape) {
            inside.push(element);
            rest = behind;
        }
        rest = rest
            .strip_prefix("</")?
            .strip_prefix(outer)?
            .strip_prefix('>')?;
    }
    let kind = shape.kind;
    let element = Element {
        kind,
        values,
        inside,
    };
    Some((element, rest))
}

/// An attribute's value as a strict parser reads it; `None` if the parser would refuse or change it.
fn unescaped(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if c == '&' {
            if let Some((text, entity)) = ENTITIES.iter().find(|(_, e)| rest.starts_with(e)) {
                out.push(*text);
                rest = &rest[entity.len()..];
            } else {
                let (number, behind) = rest.strip_prefix("&#")?.split_once(';')?;
                let text = char::from_u32(number.parse().ok()?)?;
                (!text.is_ascii() && !number.starts_with('0')).then_some(())?;
                out.push(text);
                rest = behind;
            }
            continue;
        }
        if c < ' ' || matches!(c, '<' | '>' | '\'' | '"' | '\u{fffe}' | '\u{ffff}') {
            return None;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

/// An element as the protocol prints it.
struct Shape {
    /// Its name, or a word of its own where elements of one name differ in their attributes.
    kind: &'static str,
    name: &'static str,
    attributes: &'static [&'static str],
    /// The end of the element, or the end of its start tag if it has children.
    end: &'static str,
    inside: Option<&'static Self>,
}

impl Shape {
    const fn new(
        name: &'static str,
        attributes: &'static [&'static str],
        end: &'static str,
    ) -> Self {
        Self {
            kind: name,
            name,
            attributes,
            end,
            inside: None,
        }
    }

    const fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    const fn holding(self, inside: &'static Self) -> Self {
        let inside = Some(inside);
        Self { inside, ..self }
    }
}

static NICK: Shape = Shape::new("nick", &["aid", "name"], " />");

/// A row of the answer to ROOMS.
static ROW: Shape = Shape::new(
    "room",
    &["name", "topic", "here", "seats", "taken", "max"],
    " />",
);

/// The elements that every client knows.
static OF_2007: [Shape; 7] = [
    Shape::new("error", &["value"], "/>"),
    Shape::new("pong", &["value"], "/>"),
    Shape::new("login", &["aid", "name"], " />"),
    Shape::new("identify", &["aid", "name"], " />"),
    Shape::new("quit", &["aid"], " />"),
    Shape::new("msg", &["aid", "time", "msg", "from"], " />"),
    Shape::new("nicklist", &[], ">").holding(&NICK),
];

/// The elements that only clients of level 2 get.
static NEWER: [Shape; 15] = [
    Shape::new("nickchanged", &["aid", "to"], " />"),
    Shape::new("action", &["aid", "time", "msg", "from"], " />"),
    Shape::new("announce", &["time", "msg"], " />"),
    Shape::new("hello", &["server", "version", "features"], " />"),
    Shape::new("kicked", &["reason"], "/>"),
    Shape::new("done", &["command", "aid"], " />"),
    Shape::new("join", &["room", "aid", "name"], " />"),
    Shape::new("part", &["room", "aid"], " />"),
    Shape::new("part", &["room", "aid", "by", "reason"], " />").of_kind("kick"),
    Shape::new("owner", &["room", "aid"], " />"),
    Shape::new("topic", &["room", "aid", "topic"], " />"),
    Shape::new("msg", &["room", "aid", "time", "msg"], " />").of_kind("room msg"),
    Shape::new("action", &["room", "aid", "time", "msg"], " />").of_kind("room action"),
    Shape::new(
        "room",
        &["name", "topic", "owner", "seats", "max", "n"],
        ">",
    )
    .of_kind("state")
    .holding(&NICK),
    Shape::new("rooms", &[], ">").holding(&ROW),
];

const ENTITIES: [(char, &str); 8] = [
    ('&', "&amp;"),
    ('<', "&lt;"),
    ('>', "&gt;"),
    ('"', "&quot;"),
    ('\'', "&apos;"),
    ('\t', "&#9;"),
    ('\n', "&#10;"),
    ('\r', "&#13;"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly_what_the_protocol_prints() {
        let read = |text: &str| {
            let mut found = OF_2007.iter().filter_map(|shape| element(text, shape));
            match found.next() {
                Some((element, "")) => Some(Said::Xml(element)),
                _ => None,
            }
        };
        let error = read("<error value=\"a&#13;&amp;\"/>");
        assert_eq!(error, Some(Said::error("a\r&")));
        for wrong in [
            "<error value=\"a\" />",
            "<error value=\"a\nb\"/>",
            "<error value=\"a'b\"/>",
            "<error value=\"&#65;\"/>",
            "<error value=\"a\"/> ",
            "<quit aid=\"a\"/>",
            "<nick aid=\"a\" name=\"A\" />",
            "<nicklist><nick aid=\"a\" /></nicklist>",
            "<nicklist><nick aid=\"a\" name=\"A\" />",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let two = Said::list("nicklist", "nick", [["a", "A"], ["b", "B"]].into_iter());
        let list =
            "<nicklist><nick aid=\"a\" name=\"A\" /><nick aid=\"b\" name=\"B\" /></nicklist>";
        assert_eq!(read(list), Some(two));
        assert_eq!(
            read("<nicklist></nicklist>"),
            Some(Said::list::<2>("nicklist", "nick", [].into_iter()))
        );
    }
}
