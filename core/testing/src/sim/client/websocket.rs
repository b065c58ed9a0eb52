//! Commands in WebSocket messages, and frames that break a rule.

use super::{Batch, Client, Item, priced};
use crate::random::Random;
use crate::sim::ask::{Ask, IDLE, Speak};
use crate::sim::swarm::Swarm;

impl Client {
    pub(super) fn message(
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
        // The position in the payload at which the core can take the command.
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
            // A frame that begins a command costs nothing, which its head shows.
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
}

/// The positions of a message's parts among the bytes that a client sends.
#[derive(Debug, Default)]
struct Fragments {
    /// For each frame, the bytes of payload up to its end, and the position of its end.
    ends: Vec<(usize, u64)>,
    /// Frames that lead to no command.
    idle: Vec<Item>,
}

impl Fragments {
    /// The position at which this many bytes of the payload have arrived.
    fn at(&self, bytes: usize) -> u64 {
        let frame = self.ends.iter().find(|(payload, _)| *payload >= bytes);
        let (payload, end) = frame.expect("the payload is as long");
        end - (payload - bytes) as u64
    }

    fn end(&self) -> u64 {
        self.ends.last().map_or(0, |(_, end)| *end)
    }
}

/// One masked frame, with its length in the shortest form.
pub(super) fn frame(out: &mut Vec<u8>, random: &mut Random, first: u8, payload: &[u8]) {
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

pub(super) const UPGRADE: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
