//! What a recording without secrets keeps of the bytes that a connection sent: lines that mean the same.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::format::Content;
use super::redact::Key;
use super::{head, redact};
use crate::config::Config;
use crate::observer::Meaning;
use crate::wire::framing::{Framer, Rules};
use crate::wire::typed::Habits;
use crate::wire::websocket::{self, CloseCode, Opcode, Violation};

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// First bytes that were written before it was known what they begin. They are kept as they are: a replay
    /// would otherwise know sooner.
    written: usize,
    /// Whether it carries commands, not in frames.
    is_chat: bool,
}

impl Stream {
    /// The line that stands for bytes of this meaning, if one is to be written.
    pub(super) fn content(
        &mut self,
        meaning: Meaning<'_>,
        config: &Config,
    ) -> Option<Content<'static>> {
        let mut kept = Vec::new();
        let mut line: fn(Cow<'static, [u8]>) -> Content<'static> = Content::Raw;
        match meaning {
            Meaning::Undecided(bytes) => {
                kept.extend_from_slice(&bytes[self.written.min(bytes.len())..]);
                self.written = bytes.len();
                return (!kept.is_empty()).then(|| Content::Raw(kept.into()));
            }
            Meaning::Chat => {
                self.is_chat = true;
                return Some(Content::Chat);
            }
            Meaning::Frame {
                opcode,
                fin,
                length,
            } => return Some(Content::Frame(frame(opcode, fin, length))),
            Meaning::Dropped(bytes) if !self.is_chat => {
                let new = bytes.len().saturating_sub(self.written);
                self.written -= bytes.len() - new;
                return (new > 0).then_some(Content::Skip(new as u64));
            }
            Meaning::Opening(bytes) => kept.extend_from_slice(bytes),
            Meaning::Head(bytes) => head::head(bytes, config, &mut kept),
            // The host has looked at it; only its length counts.
            Meaning::Body(bytes) => kept.extend(bytes.iter().map(|_| b'x')),
            Meaning::Control(opcode, payload) => control(opcode, payload, &mut kept),
            Meaning::Broken(violation, bytes) => broken(violation, bytes, &mut kept),
            Meaning::Begun(bytes) => begun(bytes, &mut kept),
            Meaning::Command(said) => {
                line = Content::Text;
                redact::noise(said.before, &mut kept);
                let key = if said.wrong_key {
                    Key::Wrong
                } else {
                    Key::RightOrNone
                };
                redact::command(said.command, said.habits, key, &mut kept);
                redact::classes(said.after, &mut kept);
            }
            Meaning::Noise(bytes) => {
                line = Content::Text;
                redact::noise(bytes, &mut kept);
            }
            Meaning::Unused(bytes, habits) => {
                line = Content::Text;
                redact::stream(bytes, habits, &mut kept);
            }
            Meaning::Dropped(bytes) => {
                line = Content::Text;
                let rules = Rules::stream(config.limits.command, config.codepage);
                redact::stream(bytes, Habits::of(&Framer::default(), rules), &mut kept);
            }
        }
        let written = self.written.min(kept.len());
        self.written -= written;
        kept.drain(..written);
        (!kept.is_empty()).then(|| line(kept.into()))
    }
}

/// The head of a data frame without its mask.
fn frame(opcode: Opcode, fin: bool, length: u64) -> Vec<u8> {
    let fin = if fin { 0x80 } else { 0 };
    let mut head = Vec::from([fin | opcode as u8]);
    match length {
        0..=125 => head.push(0x80 | length as u8),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head
}

/// A control frame with the class of its payload. A close keeps a code that may be sent.
fn control(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&frame(opcode, true, payload.len() as u64));
    out.extend_from_slice(&KEY);
    let start = out.len();
    match (opcode, payload.split_first_chunk()) {
        (Opcode::Close, Some((code, reason))) => {
            let may_be_sent = CloseCode::read(*code).is_some();
            out.extend_from_slice(if may_be_sent { code } else { &[0, 0] });
            redact::classes(reason, out);
        }
        _ => redact::classes(payload, out),
    }
    websocket::unmask(&mut out[start..], KEY);
}

/// A head that breaks the same rule at the same byte.
fn broken(violation: Violation, head: &[u8], out: &mut Vec<u8>) {
    let first = head.first().copied().unwrap_or_default();
    match (violation, head.get(1).map(|second| second & 0x7f)) {
        (Violation::ReservedBits, _) => out.push(0xf1),
        (Violation::ReservedOpcode, _) => out.push(0x83),
        (Violation::FragmentedControl, _) => out.push(0x09),
        (Violation::Unmasked, _) => out.extend_from_slice(&[first, 0]),
        (Violation::LongControl, _) => out.extend_from_slice(&[first, 0xff]),
        (_, Some(126)) => out.extend_from_slice(&[first, 0xfe, 0, 0]),
        (_, _) => out.extend_from_slice(&[first, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
    }
}

/// The beginning of a head or of a control frame, without its mask and payload.
fn begun(frame: &[u8], out: &mut Vec<u8>) {
    let key_at = match frame.get(1).map(|second| second & 0x7f) {
        Some(126) => 4,
        Some(127) => 10,
        Some(_) | None => 2,
    };
    let (head, rest) = frame.split_at(key_at.min(frame.len()));
    out.extend_from_slice(head);
    out.extend(rest.iter().map(|_| 0));
}

/// The mask of every frame in a recording, and of those in transcripts: a client's own would reveal what it
/// masks.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
