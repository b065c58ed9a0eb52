//! A filter for tests. Both sides begin with the two bytes by which TLS is recognised; then come records of
//! a length byte and as many bytes, each of them masked. A length of 0 ends a side, and 255 breaks the rules.

use std::mem;

use flashgate_core::{Filter, FilterEvent, Flow, MakeFilter};

/// One side of a filtered connection. The client's side encodes and decodes as the server's does.
#[derive(Debug, Default)]
pub struct FakeFilter {
    /// Bytes of the other side's beginning that have come.
    begun: usize,
    /// The record under way: its length, and what has come of it.
    record: Option<(usize, Vec<u8>)>,
    ended: bool,
    event: Option<FilterEvent>,
    /// This side has begun.
    has_begun: bool,
    /// Hands out the bytes of a record before it is whole.
    eager: bool,
}

impl FakeFilter {
    /// What makes one for each connection.
    pub fn make() -> MakeFilter {
        MakeFilter::new(|| Box::<Self>::default())
    }

    /// A client's side that hands out each byte as it comes, so that the client can count what it takes.
    pub(crate) fn eager() -> Self {
        Self {
            eager: true,
            ..Self::default()
        }
    }

    /// Whether the other side has sent its end record, or nothing.
    pub(crate) fn is_over(&self) -> bool {
        self.ended || self.begun == 0
    }
}

impl Filter for FakeFilter {
    fn receive(&mut self, wire: &[u8], plain: &mut Vec<u8>, back: &mut Vec<u8>) -> Flow {
        for byte in wire {
            if self.ended {
                break;
            }
            if let Some(expected) = BEGINNING.get(self.begun) {
                self.begun += 1;
                if byte != expected {
                    self.breaks();
                } else if self.begun == BEGINNING.len() {
                    self.event = Some(FilterEvent::Established(None));
                }
                if self.begun == BEGINNING.len() && !mem::replace(&mut self.has_begun, true) {
                    back.extend_from_slice(BEGINNING);
                }
                continue;
            }
            match &mut self.record {
                None if *byte == 0 => self.ended = true,
                None if *byte == BAD => self.breaks(),
                None => self.record = Some((usize::from(*byte), Vec::new())),
                Some((length, bytes)) => {
                    bytes.push(byte ^ mask(bytes.len()));
                    if self.eager {
                        plain.extend(bytes.last());
                    }
                    if bytes.len() == *length {
                        if !self.eager {
                            plain.append(bytes);
                        }
                        self.record = None;
                    }
                }
            }
        }
        if self.ended { Flow::Ended } else { Flow::Open }
    }

    fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        if !mem::replace(&mut self.has_begun, true) {
            wire.extend_from_slice(BEGINNING);
        }
        for piece in plain.chunks(MOST) {
            wire.push(piece.len() as u8);
            wire.extend(piece.iter().zip(0..).map(|(byte, at)| byte ^ mask(at)));
        }
    }

    fn close(&mut self, wire: &mut Vec<u8>) {
        if self.has_begun {
            wire.push(0);
        }
    }

    fn event(&mut self) -> Option<FilterEvent> {
        self.event.take()
    }
}

impl FakeFilter {
    fn breaks(&mut self) {
        self.ended = true;
        self.event = Some(FilterEvent::Broken("a bad record".into()));
    }
}

fn mask(at: usize) -> u8 {
    0x55 ^ at as u8
}

/// The first bytes of each side.
pub(crate) const BEGINNING: &[u8] = b"\x16\x03";

/// Bytes in a record.
const MOST: usize = 100;

/// The length that breaks the rules.
const BAD: u8 = 255;
