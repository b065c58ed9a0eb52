//! Refused connections, logged at most once a second for each reason, with their number: a flood
//! of them must not become a flood of log lines.

use alloc::string::String;
use alloc::sync::Arc;

use crate::id::{ConnId, Peer};
use crate::note::{Note, Refusal, What};
use crate::time::Millis;

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    tallies: [Tally; REASONS.len()],
    /// When the next held-back note is due: asked for at every input, while refusals are rare.
    deadline: Option<Millis>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    /// No note before this.
    quiet_until: Millis,
    /// Not logged yet.
    unlogged: Option<Unlogged>,
    total: u64,
}

/// How many there were, and the last of them.
#[derive(Clone, Debug)]
struct Unlogged {
    times: u64,
    last: Last,
    detail: Option<Arc<str>>,
}

/// The connection that was turned away last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    /// `None` where it was refused before it had an id.
    pub(crate) conn: Option<ConnId>,
    pub(crate) peer: Peer,
}

impl Refusals {
    /// Counts one; the note, unless it is too early for another.
    pub(crate) fn count(
        &mut self,
        now: Millis,
        reason: Refusal,
        last: Last,
        detail: Option<&[u8]>,
    ) -> Option<Note> {
        let tally = &mut self.tallies[reason as usize];
        tally.total += 1;
        tally.unlogged = Some(Unlogged {
            times: tally
                .unlogged
                .as_ref()
                .map_or(1, |unlogged| unlogged.times + 1),
            last,
            detail: detail.map(|detail| Arc::from(String::from_utf8_lossy(shortened(detail)))),
        });
        let note = tally.tell(now, reason);
        self.schedule();
        note
    }

    /// When the next held-back note is due.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.deadline
    }

    /// A note that is due.
    pub(crate) fn due(&mut self, now: Millis) -> Option<Note> {
        let note = REASONS
            .into_iter()
            .find_map(|reason| self.tallies[reason as usize].tell(now, reason));
        self.schedule();
        note
    }

    /// How many were turned away so far, by reason.
    pub(crate) fn total(&self, reason: Refusal) -> u64 {
        self.tallies[reason as usize].total
    }

    pub(crate) fn totals(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        REASONS
            .into_iter()
            .map(|reason| (reason, self.total(reason)))
    }

    fn schedule(&mut self) {
        let waiting = self.tallies.iter().filter(|tally| tally.unlogged.is_some());
        self.deadline = waiting.map(|tally| tally.quiet_until).min();
    }
}

impl Tally {
    fn tell(&mut self, now: Millis, reason: Refusal) -> Option<Note> {
        if now < self.quiet_until {
            return None;
        }
        let Unlogged {
            times,
            last,
            detail,
        } = self.unlogged.take()?;
        self.quiet_until = now + Millis::from_secs(1);
        Some(Note {
            conn: last.conn,
            peer: last.peer,
            what: What::Refused {
                reason,
                times,
                detail,
            },
        })
    }
}

/// The longest host name has 253 characters; more is no origin that anybody wants to read.
fn shortened(detail: &[u8]) -> &[u8] {
    &detail[..detail.len().min(300)]
}

/// In the order of their declaration, which is their place in `tallies`.
const REASONS: [Refusal; 24] = [
    Refusal::Full,
    Refusal::AddressLimit,
    Refusal::NoCertificate,
    Refusal::Handshake,
    Refusal::Origin,
    Refusal::Http10,
    Refusal::Host,
    Refusal::Method,
    Refusal::NoUpgrade,
    Refusal::NoConnection,
    Refusal::Body,
    Refusal::NoVersion,
    Refusal::Version,
    Refusal::TwoVersions,
    Refusal::NoKey,
    Refusal::BadKey,
    Refusal::Head,
    Refusal::Shutdown,
    Refusal::NoProxyHeader,
    Refusal::BadProxyHeader,
    Refusal::Drain,
    Refusal::AdminToken,
    Refusal::AdminOrigin,
    Refusal::AdminLimit,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_explains_each_reason() {
        for reason in REASONS {
            let words = alloc::format!("{}{}", reason.as_str(), reason.advice());
            let rows = include_str!("../../PROTOCOL.md").lines();
            let mut rows = rows.filter(|line| line.starts_with("| `"));
            assert!(rows.any(|row| row.contains(&words)), "{words}");
        }
    }

    #[test]
    fn once_a_second_for_each_reason() {
        let mut refusals = Refusals::default();
        let peer = |n: u8| Last {
            conn: (n > 1).then(|| ConnId::new(n.into(), 0)),
            peer: Peer::Address(([192, 0, 2, n], 1).into()),
        };
        let note = |reason, n, times| {
            let Last { conn, peer } = peer(n);
            let detail = None;
            let what = What::Refused {
                reason,
                times,
                detail,
            };
            Some(Note { conn, peer, what })
        };
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        assert_eq!(
            refusals.count(Millis(5000), Refusal::Full, peer(1), None),
            note(Refusal::Full, 1, 1)
        );
        assert_eq!(refusals.deadline(), None);
        assert_eq!(
            refusals.count(Millis(5001), Refusal::Full, peer(2), None),
            None
        );
        assert_eq!(
            refusals.count(Millis(5999), Refusal::Full, peer(3), None),
            None
        );
        assert_eq!(
            refusals.count(Millis(5999), Refusal::AddressLimit, peer(4), None),
            note(Refusal::AddressLimit, 4, 1)
        );
        assert_eq!(refusals.deadline(), Some(Millis(6000)));
        assert_eq!(refusals.due(Millis(5999)), None);
        assert_eq!(refusals.due(Millis(6000)), note(Refusal::Full, 3, 2));
        assert_eq!(
            (refusals.due(Millis(6000)), refusals.deadline()),
            (None, None)
        );
        assert_eq!(
            refusals
                .totals()
                .map(|(_, n)| n)
                .take(4)
                .collect::<alloc::vec::Vec<_>>(),
            [3, 1, 0, 0]
        );
    }

    #[test]
    fn an_origin_is_shortened() {
        let peer = Peer::Address(([192, 0, 2, 1], 1).into());
        for (length, kept) in [(299, 299), (300, 300), (301, 300)] {
            let origin = [b'x'].repeat(length);
            let reason = Refusal::Origin;
            let last = Last { conn: None, peer };
            let note = Refusals::default().count(Millis(0), reason, last, Some(&origin));
            let expected = What::Refused {
                reason,
                times: 1,
                detail: Some(Arc::from("x".repeat(kept))),
            };
            assert_eq!(note.map(|note| note.what), Some(expected), "{length}");
        }
    }
}
