//! The names that have logged in from each address.

use alloc::collections::BTreeSet;
use core::mem;
use core::net::IpAddr;

use sha1::{Digest, Sha1};

use super::Name;
use crate::event::Source;

/// A pair of a name and an address, as some bits of a hash of both: every member who is online has one.
/// Two pairs with the same mark do no harm: one of them does not wait for the failures of others.
pub(super) type Mark = u32;

/// The pairs that have logged in. Two sets instead of a list by age: the older set is dropped whole.
#[derive(Debug, Default)]
pub(super) struct Known {
    young: BTreeSet<Mark>,
    old: BTreeSet<Mark>,
}

impl Known {
    /// Adds a pair to a set of at most `most`.
    pub(super) fn add(&mut self, mark: Mark, most: usize) {
        if self.young.contains(&mark) {
            return;
        }
        if self.young.len() >= most.max(1) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(mark);
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.young.contains(&mark) || self.old.contains(&mark)
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.young.len(), self.old.len()]
    }
}

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
