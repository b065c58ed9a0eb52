//! The names that have logged in from each address.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;

use sha1::{Digest, Sha1};

use super::Name;
use crate::id::Source;

/// A pair of a name and an address, as some bits of a hash of both.
/// Two pairs with the same mark do no harm: one of them does not wait for the failures of others.
pub(super) type Mark = u32;

/// The pairs that have logged in. Two sets instead of a list by age: the older set is dropped whole.
#[derive(Debug, Default)]
pub(super) struct Known {
    young: Marks,
    old: Marks,
}

/// A set of marks, of which each member online has two. Most are in a sorted array, which takes half the
/// memory of a tree. The latest are in a tree until there are enough of them to merge.
#[derive(Debug, Default)]
struct Marks {
    sorted: Vec<Mark>,
    latest: BTreeSet<Mark>,
}

impl Known {
    /// Adds a pair to a set of at most `most`.
    pub(super) fn add(&mut self, mark: Mark, most: usize) {
        if self.young.has(mark) {
            return;
        }
        if self.young.len() >= most.max(1) {
            self.old = mem::take(&mut self.young);
        }
        self.young.add(mark);
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.young.has(mark) || self.old.has(mark)
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.young.len(), self.old.len()]
    }
}

impl Marks {
    fn len(&self) -> usize {
        self.sorted.len() + self.latest.len()
    }

    fn has(&self, mark: Mark) -> bool {
        self.latest.contains(&mark) || self.sorted.binary_search(&mark).is_ok()
    }

    /// Adds a mark that is not in the set.
    fn add(&mut self, mark: Mark) {
        self.latest.insert(mark);
        if self.latest.len() > MOST_LATEST.max(self.sorted.len() / 16) {
            self.sorted.reserve_exact(self.latest.len());
            self.sorted.extend(mem::take(&mut self.latest));
            // Two runs that are sorted: the stable sort merges them.
            self.sorted.sort();
        }
    }
}

/// Marks in the tree before the first merge.
const MOST_LATEST: usize = 64;

/// The mark of a pair; `None` where the source is exempt from limits by address, and never counts as
/// one that has logged in.
///
/// SHA-1 is here for WebSockets anyway. With a plain checksum, members could choose nicks that share a
/// mark with another member's.
pub(super) fn mark(name: &Name, source: Source) -> Option<Mark> {
    let Source::Address(address) = source else {
        return None;
    };
    // Numbers have eight bytes after a byte that no nick holds.
    let hash = match name {
        Name::Number(number) => Sha1::new()
            .chain_update([0xff])
            .chain_update(number.0.to_le_bytes()),
        Name::Nick(nick) => Sha1::new().chain_update(&**nick),
    };
    let hash = match address {
        IpAddr::V4(four) => hash.chain_update(four.octets()),
        IpAddr::V6(six) => hash.chain_update(six.octets()),
    };
    let [a, b, c, d, ..]: [u8; 20] = hash.finalize().into();
    Some(u32::from_le_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_and_nothing_else() {
        let (mut known, mut mark) = (Known::default(), 1_u32);
        let marks = core::iter::repeat_with(|| {
            mark = mark.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            mark
        });
        let marks: Vec<_> = marks.take(5000).collect();
        for (n, mark) in marks.iter().enumerate() {
            assert!(!known.has(*mark));
            known.add(*mark, 4000);
            known.add(*mark, 4000);
            assert!(
                marks[..=n]
                    .iter()
                    .rev()
                    .step_by(97)
                    .all(|mark| known.has(*mark))
            );
        }
        assert_eq!(known.sizes(), [1000, 4000]);
    }
}
