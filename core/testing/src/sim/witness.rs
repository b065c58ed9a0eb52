//! An observer of the gateway. It checks what observers are promised about bytes, and keeps the last events in
//! words, so that a failure can show what led to it. The model and the clients take nothing from it: they must know
//! without the core what bytes mean.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flashgate_core::observer::{Meaning, Observer, Said, Wanted};
use flashgate_core::{Accepted, Action, Config, ConnId, Input, Now, Refused};

/// A handle of an observer: one is given to the gateway, the other kept.
#[derive(Clone, Debug)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The last lines, if they are wanted.
    lines: Option<VecDeque<String>>,
    conns: BTreeMap<ConnId, Bytes>,
    /// The connection that the last input ended. Its bytes may still get a meaning.
    gone: Option<ConnId>,
}

/// Bytes of one connection.
#[derive(Debug, Default)]
struct Bytes {
    /// Those that have no meaning yet.
    unread: u64,
    /// Of those, first bytes that may begin more than one protocol.
    undecided: u64,
}

impl Witness {
    /// One that keeps words.
    pub(super) fn with_words() -> Self {
        let lines = Some(VecDeque::new());
        let seen = Seen {
            lines,
            ..Seen::default()
        };
        Self(Arc::new(Mutex::new(seen)))
    }

    /// One that only checks.
    pub(super) fn without_words() -> Self {
        Self(Arc::default())
    }

    /// The observer for the gateway.
    pub(super) fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// The last lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().lines.iter().flatten().cloned().collect()
    }

    // A failed check panics in the midst of the gateway's work; what was seen before is wanted even then.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Witness {
    fn begin(&mut self, _: Now, _: &Arc<Config>) {}

    fn accepted(&mut self, now: Now, origin: Accepted, taken: Result<ConnId, Refused>) {
        let seen = &mut *self.seen();
        seen.forget_the_gone();
        if let Ok(id) = taken {
            seen.conns.insert(id, Bytes::default());
        }
        seen.say(|| format!("{:>9} accept {origin:?}: {taken:?}", now.mono.0));
    }

    fn input(&mut self, now: Now, input: &Input<'_>) {
        let seen = &mut *self.seen();
        seen.forget_the_gone();
        match input {
            Input::Bytes(id, bytes) => {
                if let Some(conn) = seen.conns.get_mut(id) {
                    conn.unread += bytes.len() as u64;
                }
                let (now, length) = (now.mono.0, bytes.len());
                seen.say(|| format!("{now:>9} {length} bytes of {id:?}: {}", beginning(bytes)));
            }
            Input::Configure(_) => seen.say(|| format!("{:>9} Configure", now.mono.0)),
            Input::Gone(id, _) => {
                seen.gone = Some(*id);
                seen.say(|| format!("{:>9} {input:?}", now.mono.0));
            }
            Input::Eof(_)
            | Input::Backlog(..)
            | Input::Filter(..)
            | Input::Answer(..)
            | Input::Member(_)
            | Input::Announce(_)
            | Input::Kick { .. }
            | Input::Host(_)
            | Input::Timeout
            | Input::Shutdown => seen.say(|| format!("{:>9} {input:?}", now.mono.0)),
        }
    }

    fn understood(&mut self, id: ConnId, meaning: Meaning<'_>) {
        let seen = &mut *self.seen();
        if let Some(conn) = seen.conns.get_mut(&id) {
            if let Meaning::Undecided(bytes) = meaning {
                conn.undecided = bytes.len() as u64;
                assert_eq!(conn.undecided, conn.unread, "all first bytes of {id:?}");
            }
            let left = conn.unread.checked_sub(size(&meaning));
            conn.unread = left.unwrap_or_else(|| panic!("more than {id:?} sent: {meaning:?}"));
        }
        seen.say(|| shortened(format!("          {id:?}: {meaning:?}")));
    }

    fn decided(&mut self, action: &Action) {
        self.seen()
            .say(|| shortened(format!("          > {action:?}")));
    }

    fn polled(&mut self) -> Wanted {
        Wanted::More
    }
}

impl Seen {
    /// Forgets the connection that the last input ended: all its bytes must have a meaning now.
    fn forget_the_gone(&mut self) {
        let Some(id) = self.gone.take() else {
            return;
        };
        if let Some(conn) = self.conns.remove(&id) {
            let unread = conn.unread;
            assert!(
                unread == 0 || unread == conn.undecided,
                "{unread} bytes of {id:?} never had a meaning"
            );
        }
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push_back(words());
            if lines.len() > LINES {
                lines.pop_front();
            }
        }
    }
}

/// How many bytes of a connection have this meaning.
fn size(meaning: &Meaning<'_>) -> u64 {
    let bytes = match meaning {
        Meaning::Undecided(_) | Meaning::Chat => 0,
        Meaning::Opening(bytes)
        | Meaning::Head(bytes)
        | Meaning::Body(bytes)
        | Meaning::Broken(_, bytes)
        | Meaning::Begun(bytes)
        | Meaning::Noise(bytes)
        | Meaning::Unused(bytes, _)
        | Meaning::Dropped(bytes) => bytes.len(),
        // A client's frame has a mask of four bytes.
        Meaning::Frame { length, .. } => match length {
            0..=125 => 2 + 4,
            126..=0xffff => 4 + 4,
            _ => 10 + 4,
        },
        Meaning::Control(_, payload) => 2 + 4 + payload.len(),
        Meaning::Command(Said {
            before,
            command,
            after,
            ..
        }) => before.len() + command.len() + after.len(),
    };
    bytes as u64
}

fn beginning(bytes: &[u8]) -> impl fmt::Display {
    bytes[..bytes.len().min(300)].escape_ascii()
}

fn shortened(mut words: String) -> String {
    let end = (0..400).rev().find(|at| words.is_char_boundary(*at));
    words.truncate(end.unwrap_or(0));
    words
}

const LINES: usize = 60;
