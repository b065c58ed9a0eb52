//! One client: what it speaks, what it sends, and what it has heard so far.

use std::collections::BTreeMap;
use std::ops::Range;

use super::ask::{self, Ask, IDLE, NOT_UTF8, Speak};
use super::reader::{Reader, Said};
use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;

/// Who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chat(Speak),
    /// Asks one thing of what is not the chat, and is answered with this.
    Visit(Visit),
    /// Sends what it likes; nothing is foretold.
    Garbage,
}

/// What visitors ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Policy,
    /// A request that is answered with this status.
    Http(&'static str, &'static str),
}

/// What is asked, and the byte of the stream at whose arrival it has been.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: u64,
    pub(super) ask: Ask,
    /// It is asked in the code page.
    pub(super) paged: bool,
}

impl Item {
    fn new(at: u64, ask: Ask) -> Self {
        let paged = false;
        Self { at, ask, paged }
    }
}

/// [`Item::at`] of a command that only the end of the stream ends.
pub(super) const AT_EOF: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) kind: Kind,
    pub(super) reader: Reader,
    /// Whom it last saw come, or go.
    presence: BTreeMap<String, Presence>,
    /// Bytes sent so far.
    sent: u64,
    begun: bool,
    /// It has ended a command with NUL.
    flash: bool,
    /// Bytes that it has sent of its next command.
    lead: usize,
    /// It sends no more.
    pub(super) over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Came,
    Went,
}

/// What one act of a client puts on the wire.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// The sending side closes behind it.
    pub(super) fin: bool,
}

impl Client {
    pub(super) fn new(kind: Kind) -> Self {
        let socket = matches!(kind, Kind::Chat(Speak::Binary | Speak::Text));
        Self {
            kind,
            reader: Reader::new(socket),
            presence: BTreeMap::new(),
            sent: 0,
            begun: false,
            flash: false,
            lead: 0,
            over: false,
        }
    }

    /// What the client does next. `unique` grows by more than the commands of a batch between calls.
    pub(super) fn act(
        &mut self,
        random: &mut Random,
        swarm: &Swarm,
        members: &Members,
        unique: u64,
    ) -> Batch {
        let mut batch = Batch::default();
        match self.kind {
            Kind::Visit(visit) => {
                batch.bytes = visit.request().into();
                self.over = true;
                batch.fin = random.percent(30);
            }
            Kind::Garbage => {
                batch.bytes = garbage(random);
                self.over = random.percent(20);
                batch.fin = self.over;
            }
            Kind::Chat(speak) => {
                if !self.begun && self.is_socket() {
                    self.put(&mut batch, UPGRADE, Ask::Upgrade);
                }
                for n in 0..random.between(1, 6) {
                    if !self.over {
                        self.one(&mut batch, random, swarm, members, speak, unique + n);
                        self.begun = true;
                    }
                }
                if !self.over && random.below(1000) < swarm.faults.half_close {
                    batch.fin = true;
                    self.over = true;
                    if random.percent(50) && matches!(speak, Speak::Nul | Speak::Line) {
                        self.last_words(&mut batch);
                    }
                }
            }
        }
        self.sent += batch.bytes.len() as u64;
        batch
    }

    fn one(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        swarm: &Swarm,
        members: &Members,
        speak: Speak,
        unique: u64,
    ) {
        let limit = swarm.config.limits.command;
        if !self.begun && speak == Speak::Line && random.percent(3) {
            let (line, code) = *random.pick(&OTHER_METHODS);
            let ask = Ask::OtherMethod(code);
            self.over = true;
            return self.stream(batch, ask, line.as_bytes(), b"\r\n", limit);
        }
        let (ask, text) = ask::ask(random, swarm, members, speak, !self.begun, unique);
        match speak {
            Speak::Nul => self.stream(batch, ask, &text, b"\0", limit),
            Speak::Line => {
                let end = *random.pick(&["\n", "\r\n"]);
                self.stream(batch, ask, &text, end.as_bytes(), limit);
            }
            Speak::Page => {
                // What is too long in UTF-8 might not be in the code page.
                let paged = page(&text).filter(|_| text.len() <= limit);
                let paged = paged.filter(|text| std::str::from_utf8(text).is_err());
                let has_page = swarm.config.codepage.is_some();
                let ask = match paged {
                    Some(_) if !has_page && !matches!(ask, Ask::Idle(_)) => Ask::Wrong(NOT_UTF8),
                    Some(_) | None => ask,
                };
                let bytes = paged.as_deref().unwrap_or(&text);
                self.stream(batch, ask, bytes, b"\0", limit);
                if let Some(item) = batch.items.last_mut() {
                    item.paged = paged.is_some() && has_page;
                }
            }
            Speak::Both => self.mixed(batch, random, ask, &text, limit),
            Speak::Telnet => {
                if !self.begun {
                    self.greet(batch, random);
                }
                let text = typed(random, &text, swarm.config.codepage.is_some());
                let ask = ask.unless_longer(text.len(), limit);
                let end = *random.pick(&["\n", "\r\n"]);
                self.stream(batch, ask, &text, end.as_bytes(), limit);
            }
            Speak::Binary | Speak::Text => self.message(batch, random, swarm, speak, ask, text),
        }
    }

    /// What telnet says first: each sequence costs as much as what leads to no command, and what is inside a
    /// subnegotiation by its length.
    fn greet(&self, batch: &mut Batch, random: &mut Random) {
        let start = self.sent + batch.bytes.len() as u64;
        let (bytes, costs) = *random.pick(&GREETINGS);
        batch.bytes.extend_from_slice(bytes);
        let items = costs
            .iter()
            .map(|(at, cost)| Item::new(start + at, Ask::Idle(*cost)));
        batch.items.extend(items);
    }

    /// A command with LF and NUL behind it, as ActionScript sends them, or with one of these.
    fn mixed(
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
        // To a Flash client a line end is content, to a line connection none of it is.
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

    fn stream(&mut self, batch: &mut Batch, ask: Ask, text: &[u8], end: &[u8], limit: usize) {
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

    /// A command without an end, before the end of the stream.
    fn last_words(&mut self, batch: &mut Batch) {
        batch.bytes.extend_from_slice(b"PING last");
        let ask = Ask::Ping(String::from("last"));
        batch.items.push(Item::new(AT_EOF, ask));
    }

    fn message(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        swarm: &Swarm,
        speak: Speak,
        ask: Ask,
        text: Vec<u8>,
    ) {
        if random.below(1000) < swarm.faults.broken {
            return self.break_a_rule(batch, random, speak);
        }
        if random.percent(5) {
            let payload = text[..text.len().min(random.below(126) as usize)].to_vec();
            frame(&mut batch.bytes, random, 0x89, &payload);
            let at = self.sent + batch.bytes.len() as u64;
            batch.items.push(Item::new(at, Ask::Control(payload)));
        }
        let limit = swarm.config.limits.command;
        let (mut payload, counted) = (text, speak == Speak::Binary);
        let length = payload.len();
        match speak {
            Speak::Binary => payload.push(0),
            Speak::Text if random.percent(20) => {
                payload.extend_from_slice(random.pick(&["\0", "\r\n", "\n"]).as_bytes())
            }
            Speak::Text | Speak::Nul | Speak::Line | Speak::Both | Speak::Telnet | Speak::Page => {}
        }
        // Where in the payload the command is known to be asked.
        let decisive = if counted && length > limit {
            limit + 1
        } else {
            payload.len()
        };
        let opcode = if speak == Speak::Text { 1 } else { 2 };
        let blank = matches!(ask, Ask::Idle(_));
        let sent = self.fragments(batch, random, opcode, &payload);
        let whole = speak == Speak::Text;
        let at = if whole { sent.end() } else { sent.at(decisive) };
        let mut items = sent.idle.clone();
        // An empty text message was paid for with its frame.
        if !blank || !payload.is_empty() {
            let ask = priced(ask, payload.len());
            items.push(Item::new(at, ask));
        }
        let rest =
            (decisive + 1..=payload.len()).map(|byte| Item::new(sent.at(byte), Ask::Idle(1)));
        items.extend(rest);
        items.sort_by_key(|item| item.at);
        batch.items.extend(items);
        if random.below(1000) < swarm.faults.half_close {
            let code = *random.pick(&[None, Some(1000), Some(3000)]);
            let payload = code.map_or(Vec::new(), |code: u16| code.to_be_bytes().to_vec());
            frame(&mut batch.bytes, random, 0x88, &payload);
            self.put(batch, b"", Ask::Close(code));
            self.over = true;
        }
    }

    /// One message in some frames, perhaps with a pong in between.
    fn fragments(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        opcode: u8,
        payload: &[u8],
    ) -> Fragments {
        let (mut from, mut opcode, mut sent) = (0, opcode, Fragments::default());
        let idle = |at| Item::new(at, Ask::Idle(IDLE));
        loop {
            let left = payload.len() - from;
            let last = random.percent(60);
            let size = if last {
                left
            } else {
                random.below(left as u64 + 1) as usize
            };
            let part = &payload[from..from + size];
            frame(
                &mut batch.bytes,
                random,
                opcode | if last { 0x80 } else { 0 },
                part,
            );
            let end = self.sent + batch.bytes.len() as u64;
            from += size;
            // A frame that begins a command costs nothing; its head is enough to know.
            if opcode == 0 || size == 0 {
                sent.idle.push(idle(end - size as u64));
            }
            sent.ends.push((from, end));
            if last {
                return sent;
            }
            opcode = 0;
            if random.percent(10) {
                frame(&mut batch.bytes, random, 0x8a, b"pong");
                sent.idle.push(idle(self.sent + batch.bytes.len() as u64));
            }
        }
    }

    fn break_a_rule(&mut self, batch: &mut Batch, random: &mut Random, speak: Speak) {
        let (bytes, code): (&[u8], u16) = match (random.below(4), speak) {
            (0, _) => (b"\x82\x01", 1002),
            (1, _) => (b"\xc1", 1002),
            (2, Speak::Text) => (b"\x81\x81\0\0\0\0\xff", 1007),
            (3, Speak::Text) if self.begun => (b"\x82\x80\0\0\0\0", 1003),
            (3, Speak::Binary) if self.begun => (b"\x81\x80\0\0\0\0", 1003),
            _ => (b"\x83", 1002),
        };
        self.put(batch, bytes, Ask::Break(code));
        self.over = true;
    }

    fn put(&mut self, batch: &mut Batch, bytes: &[u8], ask: Ask) {
        batch.bytes.extend_from_slice(bytes);
        let at = self.sent + batch.bytes.len() as u64;
        batch.items.push(Item::new(at, ask));
    }

    /// An answer of the client's to what it was told, outside its script.
    pub(super) fn reply(&mut self, random: &mut Random, said: &Said) -> Batch {
        let mut batch = Batch::default();
        if let Said::Ping(payload) = said
            && !self.over
        {
            frame(&mut batch.bytes, random, 0x8a, payload);
            self.put(&mut batch, b"", Ask::Idle(IDLE));
        }
        self.sent += batch.bytes.len() as u64;
        batch
    }

    /// Presence alternates for every observer.
    pub(super) fn hear(&mut self, said: &Said) {
        let (nick, presence) = if let Said::Login(nick, _) = said {
            (nick, Presence::Came)
        } else if let Said::Quit(nick) = said {
            (nick, Presence::Went)
        } else {
            return;
        };
        let before = self.presence.insert(nick.clone(), presence);
        assert_ne!(before, Some(presence), "{nick:?} twice");
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Chat(Speak::Binary | Speak::Text))
    }
}

/// Where the parts of a message stand among the bytes that a client sends.
#[derive(Debug, Default)]
struct Fragments {
    /// For each frame, the bytes of payload up to its end, and where that is.
    ends: Vec<(usize, u64)>,
    /// Frames that lead to no command.
    idle: Vec<Item>,
}

impl Fragments {
    /// Where so many bytes of the payload have come.
    fn at(&self, bytes: usize) -> u64 {
        let frame = self.ends.iter().find(|(payload, _)| *payload >= bytes);
        let (payload, end) = frame.expect("the payload is as long");
        end - (payload - bytes) as u64
    }

    fn end(&self) -> u64 {
        self.ends.last().map_or(0, |(_, end)| *end)
    }
}

/// What is blank costs by its length, terminator and all.
fn priced(ask: Ask, bytes: usize) -> Ask {
    if let Ask::Idle(cost) = ask {
        Ask::Idle(cost.max(bytes as u64))
    } else {
        ask
    }
}

impl Visit {
    pub(super) fn any(random: &mut Random) -> Self {
        match random.below(3) {
            0 => Self::Policy,
            _ => {
                let (request, status) = *random.pick(&REQUESTS);
                Self::Http(request, status)
            }
        }
    }

    pub(super) fn request(self) -> &'static [u8] {
        match self {
            Self::Policy => b"<policy-file-request/>\0",
            Self::Http(request, _) => request.as_bytes(),
        }
    }
}

/// A command as somebody types it into a terminal: with mistakes that are erased, and with what telnet
/// puts in between.
fn typed(random: &mut Random, text: &[u8], has_page: bool) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else {
        return text.to_vec();
    };
    let mut typed = Vec::new();
    for c in text.chars() {
        if random.percent(5) {
            // With a code page, all of a command that is not UTF-8 is in it.
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

/// What is taken as one of a command that is too long: a byte, or IAC and what belongs to it.
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
fn page(text: &[u8]) -> Option<Vec<u8>> {
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

/// One masked frame, its length in the shortest form.
fn frame(out: &mut Vec<u8>, random: &mut Random, first: u8, payload: &[u8]) {
    out.push(first);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let key = (random.next() as u32).to_be_bytes();
    out.extend_from_slice(&key);
    out.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

/// Bytes of no meaning, of half a meaning, and such as begin like something else.
fn garbage(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.between(1, 5) {
        match random.below(4) {
            0 => bytes.extend((0..random.below(40)).map(|_| random.next() as u8)),
            _ => bytes.extend_from_slice(random.pick::<&[u8]>(&SCRAPS)),
        }
    }
    bytes
}

const UPGRADE: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const REQUESTS: [(&str, &str); 11] = [
    ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
    ("GET /crossdomain.xml HTTP/1.0\r\n\r\n", "200"),
    ("GET /server-status HTTP/1.0\r\n\r\n", "200"),
    ("GET /server-status?json HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    ("HEAD /metrics HTTP/1.0\r\n\r\n", "200"),
    ("GET /metrics HTTP/1.0\r\n\r\n", "200"),
    ("GET /favicon.ico HTTP/1.0\r\n\r\n", "204"),
    ("GET /nothing HTTP/1.0\r\n\r\n", "302"),
    ("OPTIONS / HTTP/1.0\r\n\r\n", "204"),
    ("DELETE / HTTP/1.0\r\n\r\n", "405"),
    ("GET / HTTP/1.1\r\n\r\n", "400"),
];

const OTHER_METHODS: [(&str, &str); 4] = [
    ("PROPFIND / HTTP/1.1", "405"),
    ("get / HTTP/1.0", "405"),
    ("PRI * HTTP/2.0", "505"),
    ("\u{8}BREW a\u{7f}/ HTTP/3", "505"),
];

/// What telnet and others say before the first line; and after how many bytes that costs how much.
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

const SCRAPS: [&[u8]; 17] = [
    b"<policy-file-request/>",
    b"<policy-file",
    b"GET ",
    b"POST / HTTP/1.0\r\n",
    b"\r\n\r\n",
    b"\0",
    b"LIST\0",
    b"PING 1\n",
    b"\x16\x03\x01",
    b"MSG alice hi\0",
    b"\xff\xfe",
    b"QUIT\0",
    b"PROXY TCP4 ",
    b"\xff\xfa",
    b"\xff\xf0\xef\xbb\xbf",
    b"PUTT / HTTP/1.1\n",
    b"\x81\x85abcd",
];
