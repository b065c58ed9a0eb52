//! Which nicks the guests online have, and which is free for the next.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use crate::name::{GuestNick, Reserved, fold};

/// The nicks of all guests online. Connections bound it.
#[derive(Debug, Default)]
pub(crate) struct GuestNicks {
    /// The nicks without letter case: no two guests may differ in that alone.
    keys: BTreeSet<Box<str>>,
    /// Each number that follows [`UNNAMED`] in one of them, in order.
    numbers: Vec<u64>,
}

impl GuestNicks {
    pub(crate) fn add(&mut self, nick: &str) {
        let key = fold(nick);
        if let Some(number) = number(&key)
            && let Err(at) = self.numbers.binary_search(&number)
        {
            self.numbers.insert(at, number);
        }
        self.keys.insert(key.into());
    }

    pub(crate) fn remove(&mut self, nick: &str) {
        let key = fold(nick);
        if let Some(number) = number(&key)
            && let Ok(at) = self.numbers.binary_search(&number)
        {
            self.numbers.remove(at);
        }
        self.keys.remove(&*key);
    }

    /// Whether a guest online has this nick, in whatever letter case.
    pub(crate) fn has(&self, nick: &GuestNick) -> bool {
        self.keys.contains(&*nick.key())
    }

    /// `~guest` and the lowest number that no guest online has, and with which the nick is not reserved.
    pub(crate) fn free(&self, reserved: &Reserved) -> GuestNick {
        // Up to the first gap, each number is one more than its place.
        let (mut from, mut to) = (0, self.numbers.len());
        while from < to {
            let middle = from.midpoint(to);
            if self.numbers[middle] == middle as u64 + 1 {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        let (taken, mut number) = (&self.numbers[from..], from as u64 + 1);
        let mut taken = taken.iter().peekable();
        // It ends: each turn skips a guest online or a reserved nick, and there are finitely many of both.
        loop {
            let nick = format!("{UNNAMED}{number}");
            if taken.next_if_eq(&&number).is_none() && !reserved.has(&nick) {
                return GuestNick::chosen(&nick).expect("the number has at most 20 digits");
            }
            number += 1;
        }
    }

    /// Whether the two lists agree, and have `len` nicks.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn is_consistent(&self, len: usize) -> bool {
        let mut numbers: Vec<_> = self.keys.iter().filter_map(|key| number(key)).collect();
        numbers.sort_unstable();
        numbers == self.numbers && self.keys.len() == len
    }
}

/// The number of a nick that looks like one of [`GuestNicks::free`].
fn number(key: &str) -> Option<u64> {
    let digits = key.strip_prefix(UNNAMED)?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_plain)
}

/// What the nick of a guest who has chosen none begins with.
const UNNAMED: &str = "~guest";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_number_is_free() {
        let mut nicks = GuestNicks::default();
        let free = |nicks: &GuestNicks| {
            alloc::string::String::from(nicks.free(&Reserved::default()).as_str())
        };
        for number in 1..=5 {
            assert_eq!(free(&nicks), format!("~guest{number}"));
            nicks.add(&format!("~Guest{number}"));
        }
        // These have no number of ours.
        for other in [
            "~guest06",
            "~guest",
            "~guest6x",
            "~guest18446744073709551616",
        ] {
            nicks.add(other);
        }
        nicks.add("~guest8");
        for (gone, next) in [("~guest4", 4), ("~GUEST2", 2), ("~guest1", 1), ("~mona", 1)] {
            nicks.remove(gone);
            assert_eq!(free(&nicks), format!("~guest{next}"));
        }
        for (number, next) in [(1, 2), (2, 4), (4, 6), (6, 7), (7, 9)] {
            nicks.add(&format!("~guest{number}"));
            assert_eq!(free(&nicks), format!("~guest{next}"));
        }
        assert!(nicks.is_consistent(12));
        // Numbers 1 to 8 have guests. What looks like 9, 11 and 12 is reserved.
        let reserved = Reserved::new("Guest9 guestll guest12".into());
        assert_eq!(nicks.free(&reserved).as_str(), "~guest10");
        nicks.add("~guest10");
        nicks.add("~guest14");
        assert_eq!(nicks.free(&reserved).as_str(), "~guest13");
        nicks.add("~guest13");
        assert_eq!(nicks.free(&reserved).as_str(), "~guest15");
        let named = |nick| nicks.has(&GuestNick::chosen(nick).unwrap());
        assert!(named("GUEST8") && named("~guest") && !named("mona"));
    }
}
