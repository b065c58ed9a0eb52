//! What holds for everything that a client ever gets, whatever a transcript expects of it.

use std::str;

use flashgate_core::testing::transcript::{End, Played, Stream};

/// Checks every stream of a scenario: chat is strict XML, HTTP has a proper head.
pub(crate) fn check(played: &Played) -> Result<(), String> {
    for stream in &played.streams {
        let checked = match &stream.bytes {
            bytes if bytes.starts_with(b"HTTP/1.") && stream.end == End::Cut => continue,
            bytes if bytes.starts_with(b"HTTP/1.1 101") => websocket(bytes, stream.end),
            bytes if bytes.starts_with(b"HTTP/1.") => http(bytes),
            _ => chat(stream),
        };
        checked.map_err(|fault| format!(" {} got {fault}", stream.client))?;
    }
    Ok(())
}

/// Answers end with a NUL, and each is XML for a parser that takes nothing else.
fn chat(stream: &Stream) -> Result<(), String> {
    let mut answers: Vec<&[u8]> = stream.bytes.split(|byte| *byte == 0).collect();
    let rest = answers.pop().unwrap_or_default();
    if !rest.is_empty() && stream.end != End::Cut {
        return Err(format!(
            "bytes behind the last NUL: {}",
            rest.escape_ascii()
        ));
    }
    answers.into_iter().try_for_each(document)
}

fn document(answer: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(answer).map_err(|error| format!("no UTF-8: {error}"))?;
    let parsed = roxmltree::Document::parse(text);
    parsed.map_err(|error| format!("no XML: {error}\n  {text}"))?;
    Ok(())
}

/// The head of an upgrade, then whole frames without a mask; nothing behind a close.
fn websocket(bytes: &[u8], end: End) -> Result<(), String> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let mut rest = &bytes[head.ok_or("no end of the head")? + 4..];
    while let [first, second, ..] = *rest {
        let (length, from) = match second {
            127 => (rest.get(2..10).map(number), 10),
            126 => (rest.get(2..4).map(number), 4),
            masked @ 128.. => return Err(format!("a mask: {masked:02x}")),
            length => (Some(usize::from(length)), 2),
        };
        let Some(payload) = length.and_then(|length| rest.get(from..from + length)) else {
            break;
        };
        rest = &rest[from + payload.len()..];
        match first {
            0x81 => document(payload)?,
            0x82 => document(payload.strip_suffix(b"\0").ok_or("no NUL at the end")?)?,
            0x88 if rest.is_empty() => {}
            0x89 | 0x8a => {}
            other => return Err(format!("a frame {other:02x}")),
        }
    }
    if rest.is_empty() || end == End::Cut {
        Ok(())
    } else {
        Err(format!("half a frame: {}", rest.escape_ascii()))
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// RFC 9110 and 9112: a length that is true, a date, and that the connection closes.
fn http(bytes: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("no UTF-8: {error}"))?;
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
        // To HEAD the length is that of the body that GET would have got.
        Some(_) if body.is_empty() => {}
        Some(length) if length == body.len() => {}
        _ => return Err(format!("{length:?} for a body of {} bytes", body.len())),
    }
    match field("Content-Type") {
        _ if body.is_empty() => Ok(()),
        Some("application/json") => json(body),
        Some(kind) if kind.contains("version=0.0.4") => metrics(body),
        Some("text/x-cross-domain-policy") => {
            let parsed = roxmltree::Document::parse(body);
            parsed.map(drop).map_err(|error| format!("no XML: {error}"))
        }
        Some(_) => Ok(()),
        None => Err("a body without a type".to_owned()),
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
    let mut typed = "";
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
                _ => false,
            };
            if !right || described.iter().filter(|d| **d == name).count() != 1 {
                return Err(wrong());
            }
            typed = name;
        } else {
            let (sample, value) = line.rsplit_once(' ').ok_or_else(wrong)?;
            let name = sample.split('{').next().unwrap_or_default();
            if name != typed || samples.contains(&sample) || value.parse::<u64>().is_err() {
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
