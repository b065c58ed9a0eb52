//! The client's ear: bytes from the server become what was said, by a reader of the simulation's own
//! that knows nothing of how the core writes. Strict: what the contract prints is read, nothing else.

/// One thing that a server says to one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The answer to an upgrade.
    Upgraded,
    /// Another answer, by its status, and the body of that.
    NotUpgraded(String),
    Body(String),
    Error(String),
    Pong(String),
    Login(String, String),
    Identify(String, String),
    Quit(String),
    Msg {
        aid: String,
        time: String,
        text: String,
        from: String,
    },
    List(Vec<(String, String)>),
    /// A lone NUL.
    Nothing,
    /// Control frames of a WebSocket.
    Ping(Vec<u8>),
    Pinged(Vec<u8>),
    Close(Option<u16>),
}

/// How it was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Stream,
    Binary,
    Text,
    /// An HTTP head, or a control frame.
    Other,
}

/// Collects bytes until something has been said.
#[derive(Debug, Default)]
pub(super) struct Reader {
    kept: Vec<u8>,
    socket: bool,
}

impl Reader {
    pub(super) fn new(socket: bool) -> Self {
        Self {
            kept: Vec::new(),
            socket,
        }
    }

    /// Takes bytes as they come; all that was said in them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<(Form, Said)> {
        self.kept.extend_from_slice(bytes);
        let (mut at, mut all) = (0, Vec::new());
        while let Some((form, said, used)) = read(&self.kept[at..], self.socket) {
            all.push((form, said));
            at += used;
        }
        self.kept.drain(..at);
        all
    }

    /// Whether nothing is half said.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Reads one chunk, which must be one thing said, whole.
pub(super) fn read_whole(bytes: &[u8], socket: bool) -> (Form, Said) {
    match read(bytes, socket) {
        Some((form, said, used)) if used == bytes.len() => (form, said),
        _ => panic!("not one thing said: {}", bytes.escape_ascii()),
    }
}

fn read(bytes: &[u8], socket: bool) -> Option<(Form, Said, usize)> {
    // A raw connection hears HTTP where it turns out to be a request.
    let is_http = bytes
        .first()
        .is_some_and(|byte| *byte == b'H' || byte.is_ascii_digit());
    if !socket && !is_http {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        if end == 0 {
            return Some((Form::Stream, Said::Nothing, 1));
        }
        return Some((Form::Stream, xml(&bytes[..end]), end + 1));
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
        // The body of a refusal is its status line once more.
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let code = String::from_utf8_lossy(&bytes[..3]);
        return Some((Form::Other, Said::Body(code.into_owned()), end));
    }
    frame(bytes)
}

/// One unmasked, unfragmented frame, as this server sends them (RFC 6455 section 5.2).
fn frame(bytes: &[u8]) -> Option<(Form, Said, usize)> {
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
        0x81 => (Form::Text, xml(payload)),
        0x82 => match payload.split_last() {
            Some((0, text)) => (Form::Binary, xml(text)),
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

/// Reads an answer exactly as the contract prints it.
fn xml(bytes: &[u8]) -> Said {
    let Ok(text) = std::str::from_utf8(bytes) else {
        panic!("not UTF-8: {}", bytes.escape_ascii());
    };
    element(text).unwrap_or_else(|| panic!("no such answer: {text:?}"))
}

fn element(text: &str) -> Option<Said> {
    if let Some(nicks) = text.strip_prefix("<nicklist>") {
        let mut nicks = nicks.strip_suffix("</nicklist>")?;
        let mut list = Vec::new();
        while !nicks.is_empty() {
            let (values, rest) = values(nicks, &["<nick aid=\"", "\" name=\"", "\" />"])?;
            let [aid, name] = <[String; 2]>::try_from(values).ok()?;
            list.push((aid, name));
            nicks = rest;
        }
        return Some(Said::List(list));
    }
    let whole = |parts: &[&str]| {
        let (values, rest) = values(text, parts)?;
        rest.is_empty().then_some(values)
    };
    let two = |name: &str| {
        let values = whole(&[&format!("<{name} aid=\""), "\" name=\"", "\" />"])?;
        <[String; 2]>::try_from(values).ok()
    };
    let one = |before: &str, after: &str| whole(&[before, after])?.pop();
    if let Some(text) = one("<error value=\"", "\"/>") {
        return Some(Said::Error(text));
    }
    if let Some(token) = one("<pong value=\"", "\"/>") {
        return Some(Said::Pong(token));
    }
    if let Some(nick) = one("<quit aid=\"", "\" />") {
        return Some(Said::Quit(nick));
    }
    if let Some([aid, name]) = two("login") {
        return Some(Said::Login(aid, name));
    }
    if let Some([aid, name]) = two("identify") {
        return Some(Said::Identify(aid, name));
    }
    let parts = [
        "<msg aid=\"",
        "\" time=\"",
        "\" msg=\"",
        "\" from=\"",
        "\" />",
    ];
    let [aid, time, text, from] = <[String; 4]>::try_from(whole(&parts)?).ok()?;
    Some(Said::Msg {
        aid,
        time,
        text,
        from,
    })
}

/// The values between `parts`, and what follows the last part.
fn values<'a>(text: &'a str, parts: &[&str]) -> Option<(Vec<String>, &'a str)> {
    let (first, others) = parts.split_first()?;
    let mut rest = text.strip_prefix(first)?;
    let mut found = Vec::new();
    for part in others {
        let end = rest.find('"')?;
        found.push(unescaped(&rest[..end])?);
        rest = rest[end..].strip_prefix(part)?;
    }
    Some((found, rest))
}

/// What a strict parser would make of an attribute's value; nothing if it would refuse or change it.
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
    fn reads_what_the_contract_prints_and_nothing_else() {
        let error = |text: &str| Some(Said::Error(String::from(text)));
        assert_eq!(element("<error value=\"a&#13;&amp;\"/>"), error("a\r&"));
        for wrong in [
            "<error value=\"a\" />",
            "<error value=\"a\nb\"/>",
            "<error value=\"a'b\"/>",
            "<error value=\"&#65;\"/>",
            "<error value=\"a\"/> ",
            "<quit aid=\"a\"/>",
            "<nicklist><nick aid=\"a\" /></nicklist>",
        ] {
            assert_eq!(element(wrong), None, "{wrong}");
        }
        let two = Said::List(Vec::from(
            [("a", "A"), ("b", "B")].map(|(a, b)| (a.into(), b.into())),
        ));
        let list =
            "<nicklist><nick aid=\"a\" name=\"A\" /><nick aid=\"b\" name=\"B\" /></nicklist>";
        assert_eq!(element(list), Some(two));
    }
}
