//! What one connection sends, on its way into a recording: held back until it is known what it is.
//!
//! The bytes are read once more here, with the core's own parsers, ahead of the core where that has to
//! wait. What never ends (half a command, half a head) is told by the class of its characters alone.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::format::Content;
use super::{head, redact};
use crate::config::Config;
use crate::conn::sniff::{Kind as Speaks, Verdict, sniff};
use crate::wiped;
use crate::wire::framing::{Frame, Framer, MARK, Rules};
use crate::wire::http::{self, Head};
use crate::wire::typed::Habits;
use crate::wire::websocket::{self, Kind, Opcode, Violation};

/// What the core made of a connection's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldApart {
    NotYet,
    Chat,
    /// As something else, or it has come to its end since.
    Otherwise,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Perhaps,
    /// The peer has said its last.
    Ended,
    /// And nobody heard the rest of it.
    Lost,
}

#[derive(Debug, Default)]
pub(crate) struct Stream {
    mode: Mode,
    /// Bytes that were not told yet.
    held: Zeroizing<Vec<u8>>,
    /// How many of the first bytes came while they could still begin a request. They are told as
    /// they are, or the replay would know too early.
    ambiguous: usize,
}

#[derive(Debug, Default)]
enum Mode {
    #[default]
    First,
    Head {
        searched: usize,
    },
    Chat(Framer),
    Socket(Socket),
    /// Nobody looks at what comes.
    Over,
}

#[derive(Debug, Default)]
struct Socket {
    speaks: Option<Kind>,
    /// The data message under way, and its bytes so far.
    message: Option<(Kind, u64)>,
    /// What is still to come of the frame under way.
    left: u64,
    fin: bool,
    key: [u8; 4],
    framer: Framer,
    /// Unmasked payload that was not told yet.
    text: Zeroizing<Vec<u8>>,
}

type Out = Vec<Content<'static>>;

impl Stream {
    /// Takes the next bytes, and tells what is known now.
    pub(crate) fn take(
        &mut self,
        data: &[u8],
        more: More,
        told: ToldApart,
        config: &Config,
        out: &mut Out,
    ) {
        wiped::append(&mut self.held, data);
        loop {
            match &mut self.mode {
                Mode::First => {
                    if self.begin(more, told, out).is_none() {
                        return;
                    }
                }
                Mode::Head { .. } => {
                    if self.head(more, config, out).is_none() {
                        return;
                    }
                }
                Mode::Chat(framer) => {
                    let (rules, literal) = (Rules::stream(config), &mut self.ambiguous);
                    return commands(framer, &mut self.held, rules, more, literal, out);
                }
                Mode::Socket(socket) => {
                    let rules = Rules::websocket(config);
                    match socket.take(&mut self.held, rules, more, out) {
                        Life::GoesOn => return,
                        Life::Over => self.mode = Mode::Over,
                    }
                }
                Mode::Over => {
                    if !self.held.is_empty() {
                        out.push(Content::Skip(self.held.len() as u64));
                        self.held = Zeroizing::default();
                    }
                    return;
                }
            }
        }
    }

    /// Looks at the first bytes; nothing while they may be more than one thing.
    fn begin(&mut self, more: More, told: ToldApart, out: &mut Out) -> Option<()> {
        if told == ToldApart::NotYet && more == More::Perhaps || self.held.is_empty() {
            self.ambiguous = self.held.len();
            return None;
        }
        let verdict = match told {
            ToldApart::Chat => Verdict::Is(Speaks::Chat),
            ToldApart::NotYet | ToldApart::Otherwise => {
                sniff(&self.held, |kind| kind != Speaks::Proxy)
            }
        };
        self.mode = match verdict {
            Verdict::Is(Speaks::Http) => Mode::Head { searched: 0 },
            Verdict::Is(Speaks::Policy) | Verdict::Unterminated => {
                self.literally(policy_request(&self.held), out);
                Mode::Over
            }
            Verdict::Is(Speaks::Tls) => {
                self.literally(2, out);
                Mode::Over
            }
            Verdict::Is(Speaks::Chat | Speaks::Proxy) | Verdict::Undecided => {
                out.push(Content::Chat);
                Mode::Chat(Framer::default())
            }
        };
        Some(())
    }

    /// Tells bytes that anybody may know.
    fn literally(&mut self, length: usize, out: &mut Out) {
        let known = Vec::from(&self.held[..length.min(self.held.len())]);
        wiped::consume(&mut self.held, known.len());
        out.push(Content::Raw(Cow::Owned(known)));
    }

    fn head(&mut self, more: More, config: &Config, out: &mut Out) -> Option<()> {
        let Mode::Head { searched } = &mut self.mode else {
            return None;
        };
        let length = match http::find_head(&self.held, searched, config.limits.head) {
            Head::Partial if more == More::Perhaps => return None,
            Head::Partial | Head::Bad(_) => None,
            Head::Complete(length) => Some(length),
        };
        let end = length.unwrap_or(self.held.len());
        let whole = &self.held[..end];
        let mut kept = Vec::with_capacity(end);
        head::head(whole, config, &mut kept);
        out.push(Content::Raw(Cow::Owned(kept)));
        let upgrade =
            length.is_some() && http::parse(whole).is_ok_and(|request| request.upgrade.is_some());
        self.mode = if upgrade {
            Mode::Socket(Socket::default())
        } else {
            Mode::Over
        };
        wiped::consume(&mut self.held, end);
        wiped::fit(&mut self.held);
        Some(())
    }
}

/// How many bytes a policy request takes with its terminator.
fn policy_request(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| *byte == b'>');
    let end = end.map_or(bytes.len(), |at| at + 1);
    match bytes[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [0 | b'\n', ..] => end + 1,
        _ => end,
    }
}

/// Tells the commands that have ended. The first `literal` bytes are told as they are.
fn commands(
    framer: &mut Framer,
    held: &mut Vec<u8>,
    rules: Rules,
    more: More,
    literal: &mut usize,
    out: &mut Out,
) {
    let mut at = 0;
    while at < held.len() {
        let rest = &held[at..];
        let mut kept = Vec::new();
        let used = match framer.next(rest, rules) {
            Frame::Partial if more == More::Perhaps => break,
            Frame::Partial if more == More::Lost => {
                redact::stream(rest, Habits::of(framer, rules), &mut kept);
                rest.len()
            }
            Frame::Partial => {
                let last = framer.finish(rest, rules.limit);
                frame(framer, last, rest, rules, &mut kept)
            }
            found @ (Frame::Command(..) | Frame::TooLong(_) | Frame::Skip(_) | Frame::Noise(_)) => {
                frame(framer, found, rest, rules, &mut kept)
            }
        };
        let known = used.min(*literal);
        kept[..known].copy_from_slice(&rest[..known]);
        *literal -= known;
        out.push(Content::Text(Cow::Owned(kept)));
        at += used;
    }
    wiped::consume(held, at);
    if held.is_empty() {
        *held = Vec::new();
    }
}

/// Appends what is kept of a frame, with which `rest` begins; how long it is.
fn frame(
    framer: &mut Framer,
    frame: Frame<'_>,
    rest: &[u8],
    rules: Rules,
    kept: &mut Vec<u8>,
) -> usize {
    let habits = Habits::of(framer, rules);
    match frame {
        Frame::Command(command, used) => {
            if redact::command(command, habits, kept) {
                framer.has_begun();
            }
            redact::classes(&rest[command.len()..used], kept);
            used
        }
        Frame::TooLong(used) => {
            framer.has_begun();
            redact::stream(&rest[..used], habits, kept);
            used
        }
        Frame::Skip(used) => {
            redact::classes(&rest[..used], kept);
            used
        }
        Frame::Noise(used) => {
            redact::noise(&rest[..used], kept);
            used
        }
        Frame::Partial => 0,
    }
}

enum Life {
    GoesOn,
    Over,
}

impl Socket {
    /// Takes the frames that are there, and says whether more mean anything.
    fn take(&mut self, held: &mut Vec<u8>, rules: Rules, more: More, out: &mut Out) -> Life {
        let mut at = 0;
        let life = loop {
            let rest = &held[at..];
            if self.left > 0 {
                if rest.is_empty() {
                    break Life::GoesOn;
                }
                at += self.payload(rest, rules, out);
                continue;
            }
            match websocket::Head::read(rest) {
                Ok(None) => break Life::GoesOn,
                Ok(Some(head)) if head.opcode.is_control() => {
                    let end = head.size + head.length as usize;
                    let Some(payload) = rest.get(head.size..end) else {
                        break Life::GoesOn;
                    };
                    out.push(Content::Raw(Cow::Owned(control(&head, rest, payload))));
                    at += end;
                    if head.opcode == Opcode::Close {
                        self.finish(rules, More::Ended, out);
                        break Life::Over;
                    }
                }
                Ok(Some(head)) => {
                    at += head.size;
                    let bytes = &rest[..head.size - KEY.len()];
                    if !self.data(&head, rules) {
                        out.push(Content::Raw(Cow::Owned([bytes, &KEY].concat())));
                        break Life::Over;
                    }
                    out.push(Content::Frame(Vec::from(bytes)));
                    self.frame_goes_on(rules, out);
                }
                Err(violation) => {
                    let bytes = broken(violation, rest);
                    at += bytes.len();
                    out.push(Content::Raw(Cow::Owned(bytes)));
                    break Life::Over;
                }
            }
        };
        wiped::consume(held, at);
        match (life, more) {
            (Life::GoesOn, More::Perhaps) => Life::GoesOn,
            (Life::GoesOn, More::Ended | More::Lost) => {
                self.finish(rules, more, out);
                if !held.is_empty() {
                    out.push(Content::Raw(Cow::Owned(begun(held))));
                    wiped::clear(held);
                }
                Life::Over
            }
            (Life::Over, _) => {
                self.finish(rules, More::Lost, out);
                Life::Over
            }
        }
    }

    /// Takes the head of a data frame, unless it breaks a rule.
    fn data(&mut self, head: &websocket::Head, rules: Rules) -> bool {
        let kind = match (head.opcode, self.message) {
            (Opcode::Continuation, Some((kind, _))) => kind,
            (Opcode::Text, None) => Kind::Text,
            (Opcode::Binary, None) => Kind::Binary,
            _ => return false,
        };
        let before = self.message.map_or(0, |(_, length)| length);
        let length = before.saturating_add(head.length);
        // As in the core: room for a terminator.
        if kind == Kind::Text && length > rules.limit.saturating_add(2) as u64 {
            return false;
        }
        if *self.speaks.get_or_insert(kind) != kind {
            return false;
        }
        self.message = Some((kind, length));
        (self.left, self.fin, self.key) = (head.length, head.fin, head.key);
        true
    }

    fn payload(&mut self, rest: &[u8], rules: Rules, out: &mut Out) -> usize {
        let here = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
        let start = self.text.len();
        wiped::append(&mut self.text, &rest[..here]);
        websocket::unmask(&mut self.text[start..], self.key);
        self.key.rotate_left(here % 4);
        self.left -= here as u64;
        self.frame_goes_on(rules, out);
        here
    }

    /// Tells what the payload so far has ended.
    fn frame_goes_on(&mut self, rules: Rules, out: &mut Out) {
        let ends = self.left == 0 && self.fin;
        match self.speaks {
            Some(Kind::Text) if ends => {
                let (text, end) = match self.text.split_last() {
                    Some((0, text)) => (text, &b"\0"[..]),
                    Some(_) | None => (&self.text[..], &b""[..]),
                };
                let mut kept = Vec::new();
                let text = match text.strip_prefix(MARK) {
                    Some(text) if self.framer.is_fresh() => {
                        kept.extend_from_slice(MARK);
                        text
                    }
                    Some(_) | None => text,
                };
                if redact::command(text, Habits::of(&self.framer, rules), &mut kept) {
                    self.framer.has_begun();
                }
                kept.extend_from_slice(end);
                out.push(Content::Text(Cow::Owned(kept)));
                self.text = Zeroizing::default();
            }
            Some(Kind::Text) => {}
            Some(Kind::Binary) | None => {
                commands(
                    &mut self.framer,
                    &mut self.text,
                    rules,
                    More::Perhaps,
                    &mut 0,
                    out,
                );
            }
        }
        if ends {
            self.message = None;
        }
    }

    /// Tells what is left of the payload.
    fn finish(&mut self, rules: Rules, more: More, out: &mut Out) {
        let more = match self.speaks {
            Some(Kind::Binary) => more,
            // A message that is not whole is no command.
            Some(Kind::Text) | None => More::Lost,
        };
        commands(&mut self.framer, &mut self.text, rules, more, &mut 0, out);
    }
}

/// A whole control frame with the class of its payload; a close keeps a code that may be sent.
fn control(head: &websocket::Head, frame: &[u8], masked: &[u8]) -> Vec<u8> {
    let mut payload = Vec::from(masked);
    websocket::unmask(&mut payload, head.key);
    let mut kept = Vec::new();
    match (head.opcode, payload.split_first_chunk()) {
        (Opcode::Close, Some((code, reason))) => {
            let may_be_sent = websocket::CloseCode::read(*code).is_some();
            kept.extend_from_slice(if may_be_sent { code } else { &[0, 0] });
            redact::classes(reason, &mut kept);
        }
        _ => redact::classes(&payload, &mut kept),
    }
    websocket::unmask(&mut kept, KEY);
    [&frame[..head.size - KEY.len()], &KEY, &kept].concat()
}

/// Stands for a head that breaks a rule, up to the byte at which that is seen.
fn broken(violation: Violation, head: &[u8]) -> Vec<u8> {
    let first = head.first().copied().unwrap_or_default();
    match (violation, head.get(1).map(|second| second & 0x7f)) {
        (Violation::ReservedBits, _) => Vec::from([0xf1]),
        (Violation::ReservedOpcode, _) => Vec::from([0x83]),
        (Violation::FragmentedControl, _) => Vec::from([0x09]),
        (Violation::Unmasked, _) => Vec::from([first, 0]),
        (Violation::LongControl, _) => Vec::from([first, 0xff]),
        (_, Some(126)) => Vec::from([first, 0xfe, 0, 0]),
        (_, _) => Vec::from([first, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
    }
}

/// Stands for the beginning of a head, or of a control frame: its mask and payload are left out.
fn begun(frame: &[u8]) -> Vec<u8> {
    let key_at = match frame.get(1).map(|second| second & 0x7f) {
        Some(126) => 4,
        Some(127) => 10,
        Some(_) | None => 2,
    };
    let mut kept = Vec::from(frame);
    for byte in kept.iter_mut().skip(key_at) {
        *byte = 0;
    }
    kept
}

/// The mask of every frame in a recording, and of those in transcripts: a client's own would be its
/// word.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
