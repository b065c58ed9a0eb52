//! Checks of everything that clients receive, beside the expectations of transcripts.

use std::str;

use flashgate_testing::transcript::{End, Played, Stream};

/// Checks every stream of a scenario: strict XML in a chat, correct frames, a correct HTTP head.
pub(crate) fn check(played: &Played) -> Result<(), String> {
    for stream in &played.streams {
        let checked = match &stream.bytes {
            bytes if bytes.starts_with(b"HTTP/1.1 101") => websocket(stream),
            bytes if bytes.starts_with(b"HTTP/1.") && stream.end == End::Cut => continue,
            bytes if bytes.starts_with(b"HTTP/1.") => http(bytes),
            _ => chat(stream),
        };
        checked.map_err(|fault| format!(" {} got {fault}", stream.client))?;
    }
    Ok(())
}

/// Each answer ends with a NUL, and is XML for a strict parser.
fn chat(stream: &Stream) -> Result<(), String> {
    let mut answers: Vec<&[u8]> = stream.bytes.split(|byte| *byte == 0).collect();
    let rest = answers.pop().unwrap_or_default();
    if !rest.is_empty() && stream.end != End::Cut {
        return Err(format!(
            "bytes behind the last NUL: {}",
            rest.escape_ascii()
        ));
    }
    // A lone NUL keeps the connection of a Flash client alive.
    let mut answers = answers.into_iter().filter(|answer| !answer.is_empty());
    answers.try_for_each(document)
}

fn document(answer: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(answer).map_err(|error| format!("no UTF-8: {error}"))?;
    let parsed = roxmltree::Document::parse(text);
    parsed.map_err(|error| format!("no XML: {error}\n  {text}"))?;
    Ok(())
}

/// RFC 6455: the head of an upgrade, then whole frames as a server may send them, and nothing behind a close. Each
/// message is one answer, and all messages of a connection have the same kind.
fn websocket(stream: &Stream) -> Result<(), String> {
    let end = stream.bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, mut rest) = stream.bytes.split_at(end.ok_or("no end of the head")? + 4);
    upgraded(head)?;
    let (mut kind, mut closed) = (None, false);
    while let Some(frame) = frame(rest)? {
        rest = frame.rest;
        if closed {
            return Err(format!("a frame {:02x} behind the close", frame.first));
        }
        match frame.first {
            0x81 | 0x82 => {
                if *kind.get_or_insert(frame.first) != frame.first {
                    return Err("both text and binary messages".to_owned());
                }
                answer(frame.first, frame.payload)?;
            }
            0x88 => {
                goodbye(frame.payload)?;
                closed = true;
            }
            0x89 | 0x8a if frame.payload.len() <= 125 => {}
            other => return Err(format!("a frame {other:02x}")),
        }
    }
    // A client that is cut off gets no close frame, and perhaps half a frame.
    if rest.is_empty() || stream.end == End::Cut {
        Ok(())
    } else {
        Err(format!("half a frame: {}", rest.escape_ascii()))
    }
}

/// The fields of RFC 6455 section 4.2.2, and no others except a subprotocol.
fn upgraded(head: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(head).map_err(|error| format!("no UTF-8: {error}"))?;
    let lines: Vec<&str> = text.split("\r\n").collect();
    let right = match lines[..] {
        [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            accept,
            "",
            "",
        ]
        | [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            accept,
            "Sec-WebSocket-Protocol: binary",
            "",
            "",
        ] => accept.starts_with("Sec-WebSocket-Accept: ") && accept.len() == 22 + 28,
        _ => false,
    };
    if right {
        Ok(())
    } else {
        Err(format!("a head that is no upgrade: {text}"))
    }
}

/// The first frame of a stream.
struct Frame<'a> {
    /// What it is, and that it is the last of its message.
    first: u8,
    payload: &'a [u8],
    /// The bytes behind it.
    rest: &'a [u8],
}

/// Takes a frame off the stream; `None` if it is incomplete.
fn frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, String> {
    let [first, second, behind @ ..] = bytes else {
        return Ok(None);
    };
    let (size, least) = match second {
        126 => (2, 126),
        127 => (8, 65_536),
        masked @ 128.. => return Err(format!("a mask: {masked:02x}")),
        _ => (0, 0),
    };
    let Some((extended, behind)) = behind.split_at_checked(size) else {
        return Ok(None);
    };
    let length = match size {
        0 => usize::from(*second),
        _ => extended
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)),
    };
    if length < least {
        return Err(format!("a length of {length} in {size} bytes"));
    }
    let parts = behind.split_at_checked(length);
    Ok(parts.map(|(payload, rest)| Frame {
        first: *first,
        payload,
        rest,
    }))
}

/// A text message is an answer without its NUL, a binary one ends with it.
fn answer(first: u8, payload: &[u8]) -> Result<(), String> {
    match first {
        0x82 => document(payload.strip_suffix(b"\0").ok_or("no NUL at the end")?),
        _ => document(payload),
    }
}

/// A close is empty, or has a code that may be sent and a reason.
fn goodbye(payload: &[u8]) -> Result<(), String> {
    match payload {
        [] => Ok(()),
        [high, low] => match u16::from_be_bytes([*high, *low]) {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(()),
            code => Err(format!("a close with {code}")),
        },
        more => Err(format!("a close with {}", more.escape_ascii())),
    }
}

/// RFC 9110 and 9112: a length that is true, a date, and that the connection closes.
fn http(bytes: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("no UTF-8: {error}"))?;
    // An interim answer comes before the one that counts.
    let text = text
        .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(text);
    if text.is_empty() {
        return Ok(());
    }
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no end of the head")?;
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(n, value)| (n == name).then_some(value))
    };
    if field("Connection") != Some("close") || field("Date").is_none() {
        return Err(format!("no Connection or Date in {head}"));
    }
    let length: Option<usize> = field("Content-Length").and_then(|value| value.parse().ok());
    match length {
        None if head.starts_with("HTTP/1.1 204") || head.starts_with("HTTP/1.1 304") => {}
        // A stream of events ends with its connection.
        None if field("Content-Type") == Some("application/x-ndjson") => {}
        // To HEAD the length is that of the body that GET would have got.
        Some(_) if body.is_empty() => {}
        Some(length) if length == body.len() => {}
        _ => return Err(format!("{length:?} for a body of {} bytes", body.len())),
    }
    match field("Content-Type") {
        _ if body.is_empty() => Ok(()),
        Some("application/json") if body.starts_with("{\"clients\":0") => json(body),
        Some("application/json") => object(body).map(drop),
        Some("application/problem+json") => problem(head, body),
        Some("application/x-ndjson") => body.lines().try_for_each(|line| object(line).map(drop)),
        Some(kind) if kind.contains("version=0.0.4") => metrics(body),
        Some("text/x-cross-domain-policy") => {
            let parsed = roxmltree::Document::parse(body);
            parsed.map(drop).map_err(|error| format!("no XML: {error}"))
        }
        Some(_) => Ok(()),
        None => Err("a body without a type".to_owned()),
    }
}

fn object(text: &str) -> Result<serde_json::Value, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!("no JSON object: {value}"))
    }
}

/// RFC 9457: an object that repeats the status.
fn problem(head: &str, body: &str) -> Result<(), String> {
    let problem = object(body)?;
    let status = format!("HTTP/1.1 {} {}", problem["status"], problem["title"]);
    if head.starts_with(&status.replace('"', "")) && problem["detail"].is_string() {
        Ok(())
    } else {
        Err(format!("{problem} does not describe {head}"))
    }
}

/// An object of numbers.
fn json(body: &str) -> Result<(), String> {
    let value: serde_json::Value =
        serde_json::from_str(body).map_err(|error| format!("no JSON: {error}"))?;
    let facts = value.as_object().ok_or("no JSON object")?;
    match facts.iter().find(|(_, fact)| !fact.is_u64()) {
        Some((name, fact)) => Err(format!("no number: {name} is {fact}")),
        None => Ok(()),
    }
}

/// The text format 0.0.4: HELP and TYPE before the samples of a metric, each sample once, a number.
fn metrics(body: &str) -> Result<(), String> {
    let mut described = Vec::new();
    let (mut typed, mut is_histogram) = ("", false);
    let mut samples = Vec::new();
    for line in body.lines() {
        let wrong = || format!("a line that is no metric: {line}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            described.push(help.split_once(' ').ok_or_else(wrong)?.0);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(wrong)?;
            let right = match kind {
                "counter" => name.ends_with("_total"),
                "gauge" => !name.ends_with("_total"),
                "histogram" => name.ends_with("_seconds") || name.ends_with("_bytes"),
                _ => false,
            };
            if !right || described.iter().filter(|d| **d == name).count() != 1 {
                return Err(wrong());
            }
            (typed, is_histogram) = (name, kind == "histogram");
        } else {
            let (sample, value) = line.rsplit_once(' ').ok_or_else(wrong)?;
            let name = sample.split('{').next().unwrap_or_default();
            let mut parts = ["_bucket", "_sum", "_count"].iter();
            let of_typed = if is_histogram {
                parts.any(|part| name.strip_suffix(part) == Some(typed))
            } else {
                name == typed
            };
            let is_number = if is_histogram && name.ends_with("_sum") {
                value.parse::<f64>().is_ok()
            } else {
                value.parse::<u64>().is_ok()
            };
            if !of_typed || samples.contains(&sample) || !is_number {
                return Err(wrong());
            }
            samples.push(sample);
        }
    }
    if body.ends_with('\n') && !samples.is_empty() {
        Ok(())
    } else {
        Err("metrics without an end".to_owned())
    }
}

#[test]
fn a_websocket_that_is_wrong_is_found() {
    const HEAD: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let is_right = |frames: &[u8], end: End| {
        websocket(&Stream {
            client: String::new(),
            bytes: [HEAD, frames].concat(),
            end,
        })
        .is_ok()
    };
    let long = [b"\x89\x7d", &[b'x'; 125][..]].concat();
    let longer = [b"\x82\x7e\x00\x7e<a>", &[b'x'; 118][..], b"</a>\0"].concat();
    let right: [&[u8]; 6] = [
        b"",
        b"\x81\x04<a/>\x89\x00\x8a\x01x\x81\x04<b/>\x88\x00",
        b"\x82\x05<a/>\0\x82\x05<a/>\0",
        b"\x88\x02\x03\xe8",
        &long,
        &longer,
    ];
    for frames in right {
        let shown = frames.escape_ascii();
        assert!(is_right(frames, End::Closed), "{shown}");
        let half = frames.split_last().map_or(frames, |(_, half)| half);
        assert!(is_right(half, End::Cut), "{shown}");
        let whole = frames.is_empty();
        assert_eq!(is_right(half, End::Closed), whole, "half of {shown}");
    }
    let wrong: [&[u8]; 14] = [
        b"\x01\x04<a/>",
        b"\xc1\x04<a/>",
        b"\x80\x04<a/>",
        b"\x83\x04<a/>",
        b"\x81\x84\0\0\0\0<a/>",
        b"\x81\x05<a/>\0",
        b"\x81\x03<a>",
        b"\x82\x04<a/>",
        b"\x82\x0a<a/>\0<a/>\0",
        b"\x81\x04<a/>\x82\x05<a/>\0",
        b"\x81\x7e\x00\x04<a/>",
        b"\x88\x00\x89\x00",
        b"\x88\x02\x03\xed",
        b"\x88\x05\x03\xe8bye",
    ];
    for frames in wrong {
        let shown = frames.escape_ascii();
        assert!(!is_right(frames, End::Closed), "{shown}");
        assert!(!is_right(frames, End::Cut), "{shown}");
    }
}
