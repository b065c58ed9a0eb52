//! What rooms remember of members who are not in them: kicks, and wrong keys.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::id::Source;
use crate::member::MemberId;
use crate::time::Millis;

/// A member or a guest at the door of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// Known by its number.
    Member(MemberId),
    /// Known by its nick without letter case, and by where it comes from.
    Guest { nick: Arc<str>, source: Source },
}

impl Visitor {
    /// Whether a kick of one is a kick of the other. A guest has a new nick at once, but not a new address.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Member(one), Self::Member(other)) => one == other,
            (
                Self::Guest { nick, source },
                Self::Guest {
                    nick: other,
                    source: from,
                },
            ) => nick == other || source == from,
            (Self::Member(_), Self::Guest { .. }) | (Self::Guest { .. }, Self::Member(_)) => false,
        }
    }

    fn trier(&self) -> Trier {
        match self {
            Self::Member(member) => Trier::Member(*member),
            Self::Guest { source, .. } => Trier::Guest(*source),
        }
    }
}

/// Who may not come back into a room, and until when; the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Kicks(Vec<(Visitor, Millis)>);

impl Kicks {
    /// Keeps a visitor out from now on.
    pub(super) fn add(&mut self, visitor: Visitor, now: Millis) {
        self.0
            .retain(|(other, until)| *other != visitor && now < *until);
        if self.0.len() == MOST_KICKS {
            self.0.remove(0);
        }
        self.0.push((visitor, now + KICKED_FOR));
    }

    pub(crate) fn hold(&self, visitor: &Visitor, now: Millis) -> bool {
        let mut kicks = self.0.iter();
        kicks.any(|(kicked, until)| kicked.is(visitor) && now < *until)
    }
}

/// Who gave wrong keys lately, and when.
#[derive(Debug, Default)]
pub(crate) struct Tries(BTreeMap<Trier, [Option<Millis>; MOST_TRIES]>);

/// What wrong keys count against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trier {
    Member(MemberId),
    Guest(Source),
}

impl Tries {
    /// Whether a visitor has given as many wrong keys as it may.
    pub(crate) fn are_used_up(&self, visitor: &Visitor, now: Millis) -> bool {
        let tries = self.0.get(&visitor.trier());
        tries.is_some_and(|tries| tries.iter().all(|at| counts(*at, now)))
    }

    /// A visitor gave a wrong key.
    pub(crate) fn add(&mut self, visitor: &Visitor, now: Millis) {
        let trier = visitor.trier();
        if self.0.len() >= MOST_TRIERS && !self.0.contains_key(&trier) {
            self.0
                .retain(|_, tries| tries.iter().any(|at| counts(*at, now)));
            if self.0.len() >= MOST_TRIERS {
                let last = |tries: &[Option<Millis>; MOST_TRIES]| tries.iter().max().copied();
                let oldest = self.0.iter().min_by_key(|(_, tries)| last(tries));
                if let Some(oldest) = oldest.map(|(trier, _)| *trier) {
                    self.0.remove(&oldest);
                }
            }
        }
        let tries = self.0.entry(trier).or_default();
        if let Some(oldest) = tries.iter_mut().min() {
            *oldest = Some(now);
        }
    }
}

fn counts(at: Option<Millis>, now: Millis) -> bool {
    at.is_some_and(|at| now < at + TRIES_COUNT_FOR)
}

/// The kicks that one room remembers. A room of that many unwanted members needs another key, or a moderator.
const MOST_KICKS: usize = 256;

const KICKED_FOR: Millis = Millis::from_secs(300);

/// Wrong keys until the next is not looked at.
const MOST_TRIES: usize = 5;

const TRIES_COUNT_FOR: Millis = Millis::from_secs(60);

/// How many members and addresses are remembered for their wrong keys: many more than can log in within a minute.
const MOST_TRIERS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Millis = Millis::from_secs;

    fn member(number: i64) -> Visitor {
        Visitor::Member(MemberId(number))
    }

    fn guest(nick: &str, last: u8) -> Visitor {
        Visitor::Guest {
            nick: Arc::from(nick),
            source: Source::Address([192, 0, 2, last].into()),
        }
    }

    #[test]
    fn a_kick_holds_for_five_minutes() {
        let mut kicks = Kicks::default();
        let (one, other) = (member(1), member(2));
        kicks.add(one.clone(), AT(100));
        assert!(kicks.hold(&one, AT(399)) && !kicks.hold(&one, AT(400)));
        assert!(!kicks.hold(&other, AT(100)));
        kicks.add(one.clone(), AT(200));
        assert!(kicks.hold(&one, AT(499)));
        assert_eq!(kicks.0.len(), 1, "the last counts");
        for n in 0..1000 {
            kicks.add(member(10 + n), AT(300));
        }
        assert_eq!(kicks.0.len(), MOST_KICKS);
        assert!(kicks.hold(&member(1009), AT(300)) && !kicks.hold(&one, AT(300)));
        kicks.add(one, AT(600));
        assert_eq!(kicks.0.len(), 1, "those that ended are forgotten");
    }

    #[test]
    fn a_guest_is_known_by_nick_or_address() {
        let mut kicks = Kicks::default();
        kicks.add(guest("~a", 1), AT(0));
        assert!(kicks.hold(&guest("~a", 2), AT(1)) && kicks.hold(&guest("~b", 1), AT(1)));
        assert!(!kicks.hold(&guest("~b", 2), AT(1)) && !kicks.hold(&member(1), AT(1)));
        let mut tries = Tries::default();
        for at in 0..5 {
            tries.add(&guest("~a", 1), AT(at));
        }
        assert!(tries.are_used_up(&guest("~b", 1), AT(5)));
        assert!(!tries.are_used_up(&guest("~a", 2), AT(5)));
    }

    #[test]
    fn five_wrong_keys_in_a_minute() {
        let mut tries = Tries::default();
        let (one, other) = (member(1), member(2));
        for at in [0, 10, 20, 30, 40] {
            assert!(!tries.are_used_up(&one, AT(at)));
            tries.add(&one, AT(at));
        }
        assert!(tries.are_used_up(&one, AT(40)) && !tries.are_used_up(&other, AT(40)));
        assert!(tries.are_used_up(&one, AT(59)) && !tries.are_used_up(&one, AT(60)));
        tries.add(&one, AT(60));
        assert!(tries.are_used_up(&one, AT(69)) && !tries.are_used_up(&one, AT(70)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut tries = Tries::default();
        let most = MOST_TRIERS as i64;
        for n in 0..most {
            tries.add(&member(n), Millis(n as u64));
        }
        tries.add(&member(most), AT(30));
        assert_eq!(tries.0.len(), MOST_TRIERS);
        let oldest = member(0).trier();
        assert!(!tries.0.contains_key(&oldest), "the oldest is forgotten");
        tries.add(&member(-1), AT(80));
        assert_eq!(tries.0.len(), 2, "those that no longer count, too");
    }
}
