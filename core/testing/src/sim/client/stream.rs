//! Commands as a stream of bytes: their terminators, telnet's sequences between them, and what they cost.

use std::ops::Range;

use super::{AT_EOF, Batch, Client, Item, Kind, priced};
use crate::random::Random;
use crate::sim::ask::{Ask, IDLE, Speak};

impl Client {
    /// Telnet's first sequences. Each costs as much as a blank command, and the content of a subnegotiation costs by
    /// its length.
    pub(super) fn greet(&self, batch: &mut Batch, random: &mut Random) {
        let start = self.sent + batch.bytes.len() as u64;
        let (bytes, costs) = *random.pick(&GREETINGS);
        batch.bytes.extend_from_slice(bytes);
        let items = costs
            .iter()
            .map(|(at, cost)| Item::new(start + at, Ask::Idle(*cost)));
        batch.items.extend(items);
    }

    /// A command that ends with LF and NUL, as ActionScript sends it, or with one of the two.
    pub(super) fn mixed(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        ask: Ask,
        text: &[u8],
        limit: usize,
    ) {
        let ends: &[&[u8]] = &[b"\n\0", b"\0\n", b"\0", b"\r\n\0", b"\n", b"\r\n"];
        let ends = *random.pick(&ends[..if self.flash { 4 } else { 6 }]);
        let (start, lead) = (self.sent + batch.bytes.len() as u64, self.lead);
        batch.bytes.extend_from_slice(text);
        batch.bytes.extend_from_slice(ends);
        let is_end = |byte: &u8| *byte == 0 || !self.flash && *byte == b'\n';
        let end = ends.iter().position(is_end).expect("one of them ends it");
        // A line end is content for a Flash client, and never for a client that sends lines.
        let content = if self.flash { end } else { 0 };
        let size = lead + text.len() + content;
        let at = if size > limit {
            start + (limit + 1 - lead) as u64
        } else {
            start + (text.len() + end + 1) as u64
        };
        let ask = priced(ask.unless_longer(size, limit), size + 1);
        batch.items.push(Item::new(at, ask));
        let ended = start + (text.len() + end + 1) as u64;
        let rest = (at + 1..=ended).map(|at| Item::new(at, Ask::Idle(1)));
        batch.items.extend(rest);
        if ends[end] == b'\n' && end + 1 < ends.len() {
            // The NUL behind a line ends an empty command.
            self.put(batch, b"", Ask::Idle(IDLE));
        }
        self.flash |= ends.contains(&0);
        self.lead = usize::from(ends[end] == 0 && end + 1 < ends.len());
    }

    pub(super) fn stream(
        &mut self,
        batch: &mut Batch,
        ask: Ask,
        text: &[u8],
        end: &[u8],
        limit: usize,
    ) {
        let start = self.sent + batch.bytes.len() as u64;
        batch.bytes.extend_from_slice(text);
        batch.bytes.extend_from_slice(end);
        let ends = self.sent + batch.bytes.len() as u64;
        if text.len() <= limit {
            let ask = priced(ask, text.len() + end.len());
            return batch.items.push(Item::new(ends, ask));
        }
        // A CR might be half of a line end, which does not count.
        let half = usize::from(end != b"\0" && text[limit] == b'\r');
        let at = start + (limit + 1 + half) as u64;
        batch.items.push(Item::new(at, ask));
        let units = units(text, self.kind == Kind::Chat(Speak::Telnet));
        let units = units.chain((text.len()..text.len() + end.len()).map(|at| at..at + 1));
        for unit in units {
            let item = Item::new(start + unit.end as u64, Ask::Idle(1));
            let rest = unit.end - unit.start.max(limit + 1).min(unit.end);
            batch.items.extend(std::iter::repeat_n(item, rest));
        }
    }

    /// A command without a terminator, at the end of the stream.
    pub(super) fn last_words(&mut self, batch: &mut Batch) {
        batch.bytes.extend_from_slice(b"PING last");
        let ask = Ask::command("PING", ["last"]);
        batch.items.push(Item::new(AT_EOF, ask));
    }
}

/// A command as a person types it into a terminal: with mistakes that are erased, and with telnet sequences in
/// between.
pub(super) fn typed(random: &mut Random, text: &[u8], has_page: bool) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else {
        return text.to_vec();
    };
    let mut typed = Vec::new();
    for c in text.chars() {
        if random.percent(5) {
            // If there is a code page, a command that is not UTF-8 is read in it.
            let mistakes = &MISTAKES[usize::from(has_page)..];
            typed.extend_from_slice(random.pick::<&[u8]>(mistakes));
        }
        typed.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if random.percent(3) && !has_page {
            typed.extend_from_slice(random.pick::<&[u8]>(&TELNET));
        }
    }
    typed
}

/// A unit in which the core takes a command that is too long: a byte, or IAC with its sequence.
fn units(text: &[u8], telnet: bool) -> impl Iterator<Item = Range<usize>> {
    let (mut from, mut inside) = (0, false);
    std::iter::from_fn(move || {
        let length = match text.get(from..)? {
            [] => return None,
            [0xff, 250, ..] if telnet && !inside => {
                inside = true;
                2
            }
            [0xff, 251..=254, ..] if telnet && !inside => 3,
            [0xff, second, ..] if telnet => {
                inside &= *second != 240;
                2
            }
            [..] => 1,
        };
        from += length;
        Some(from - length..from)
    })
}

/// The same text in windows-1250, if it has all of its characters.
pub(super) fn page(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let one = |c: char| match c {
        '\0'..='\x7f' => Some(c as u8),
        '\u{a0}' => Some(0xa0),
        'á' => Some(0xe1),
        'é' => Some(0xe9),
        'ë' => Some(0xeb),
        'í' => Some(0xed),
        'ó' => Some(0xf3),
        'ő' => Some(0xf5),
        'ű' => Some(0xfb),
        _ => None,
    };
    text.chars().map(one).collect()
}

pub(super) const OTHER_METHODS: [(&str, &str); 4] = [
    ("PROPFIND / HTTP/1.1", "405"),
    ("get / HTTP/1.0", "405"),
    ("PRI * HTTP/2.0", "505"),
    ("\u{8}BREW a\u{7f}/ HTTP/3", "505"),
];

/// What telnet and other programs send before the first line, with the cost of each part and where it ends.
type Greeting = (&'static [u8], &'static [(u64, u64)]);

const GREETINGS: [Greeting; 5] = [
    (b"", &[]),
    (b"\xef\xbb\xbf", &[(3, IDLE)]),
    (
        b"\xff\xfb\x1f\xff\xfb\0\xff\xfd\n",
        &[(3, IDLE), (6, IDLE), (9, IDLE)],
    ),
    (
        b"\xff\xfa\x1f\0P\0\x18\xff\xf0\xef\xbb\xbf",
        &[
            (2, IDLE),
            (3, 1),
            (4, 1),
            (5, 1),
            (6, 1),
            (7, 1),
            (9, 2),
            (12, IDLE),
        ],
    ),
    (b"\r\n\xff\xf1\r\n", &[(2, IDLE), (4, IDLE), (6, IDLE)]),
];

const MISTAKES: [&[u8]; 5] = [
    b"\xf0\x9f\x08\x08",
    b"x\x08",
    b"xy\x7f\x08",
    "é\u{8}".as_bytes(),
    "🦀\u{7f}".as_bytes(),
];

const TELNET: [&[u8]; 4] = [
    b"\xff\xf1",
    b"\xff\xfb\0",
    b"\xff\xfe\n",
    b"\xff\xfa\0\n\xff\xff\xff\xf0",
];
