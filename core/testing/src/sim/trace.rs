//! Everything that went into the core and came out of it, as one number; in words when asked for.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write as _;

use flashgate_core::{_testing, Action, ConnId, Now};

#[derive(Debug)]
pub(super) struct Trace {
    hash: Fnv,
    /// The last lines, if somebody wants to read them.
    words: Option<VecDeque<String>>,
}

/// FNV-1a (Fowler, Noll and Vo): a few lines, and the same everywhere.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Trace {
    pub(super) fn new(words: bool) -> Self {
        Self {
            hash: Fnv(0xcbf2_9ce4_8422_2325),
            words: words.then(VecDeque::new),
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.0
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        self.words.iter().flatten()
    }

    pub(super) fn input(&mut self, now: Now, words: &dyn fmt::Debug, number: u64) {
        self.hash.number(now.mono.0 ^ number << 40);
        self.say(|| format!("{:>9} {words:?}", now.mono.0));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.hash.bytes(bytes);
        self.say(|| {
            format!(
                "          > {}",
                bytes[..bytes.len().min(300)].escape_ascii()
            )
        });
    }

    pub(super) fn action(&mut self, action: &Action) {
        let mut conn = |kind: u64, id: &ConnId| self.hash.number(kind << 56 ^ id.to_bits());
        match action {
            Action::Write(id, chunk) => {
                conn(1, id);
                chunk
                    .slices(0)
                    .into_iter()
                    .for_each(|part| self.hash.bytes(part));
            }
            Action::Broadcast(to, chunk) => {
                to.iter().for_each(|id| conn(2, &id));
                chunk
                    .slices(0)
                    .into_iter()
                    .for_each(|part| self.hash.bytes(part));
            }
            Action::Finish(id) => conn(3, id),
            Action::Close(id) => conn(4, id),
            Action::Abort(id) => conn(5, id),
            Action::Pause(id) => conn(6, id),
            Action::Resume(id) => conn(7, id),
            Action::Lookup(ticket, _) => self.hash.number(8 << 56 ^ _testing::number(*ticket)),
            Action::Note(note) => {
                // Writing to a hash does not fail.
                let _ = write!(self.hash, "{note:?}");
            }
        }
        self.say(|| {
            let mut words = format!("          {action:?}");
            let most = (0..400).rev().find(|at| words.is_char_boundary(*at));
            words.truncate(most.unwrap_or(0));
            words
        });
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.words {
            lines.push_back(words());
            if lines.len() > LINES {
                lines.pop_front();
            }
        }
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

const LINES: usize = 60;
