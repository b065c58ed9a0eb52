//! How many connections are open from each address.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

/// Counts by address. IPv4 and IPv6 have a table each: a key for both would take three times the memory of an
/// IPv4 address, and every connection may have its own.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    v4: BTreeMap<[u8; 4], u32>,
    v6: BTreeMap<[u8; 16], u32>,
}

impl Addresses {
    /// How many are open from this address.
    pub(crate) fn open(&self, address: IpAddr) -> usize {
        let open = match address {
            IpAddr::V4(v4) => self.v4.get(&v4.octets()),
            IpAddr::V6(v6) => self.v6.get(&v6.octets()),
        };
        open.map_or(0, |open| *open as usize)
    }

    /// One more is open.
    pub(crate) fn add(&mut self, address: IpAddr) {
        let open = match address {
            IpAddr::V4(v4) => self.v4.entry(v4.octets()).or_default(),
            IpAddr::V6(v6) => self.v6.entry(v6.octets()).or_default(),
        };
        *open += 1;
    }

    /// One of them is gone.
    pub(crate) fn remove(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => subtract(&mut self.v4, &v4.octets()),
            IpAddr::V6(v6) => subtract(&mut self.v6, &v6.octets()),
        }
    }

    /// How many are open from all of them.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn total(&self) -> usize {
        let open = self.v4.values().chain(self.v6.values());
        open.map(|open| *open as usize).sum()
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

fn subtract<K: Ord>(open: &mut BTreeMap<K, u32>, address: &K) {
    if let Some(left) = open.get_mut(address) {
        *left -= 1;
        if *left == 0 {
            open.remove(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_counted_alone() {
        let addresses = ["192.0.2.1", "192.0.2.2", "::c000:201", "::ffff:192.0.2.1"];
        let addresses = addresses.map(|text| text.parse::<IpAddr>().unwrap());
        let mut counts = Addresses::default();
        for (n, address) in (1..).zip(addresses) {
            (0..n).for_each(|_| counts.add(address));
        }
        assert_eq!(addresses.map(|address| counts.open(address)), [1, 2, 3, 4]);
        assert_eq!(counts.total(), 10);
        for address in addresses {
            counts.remove(address);
        }
        assert_eq!(addresses.map(|address| counts.open(address)), [0, 1, 2, 3]);
        for address in addresses {
            (0..3).for_each(|_| counts.remove(address));
        }
        assert!(counts.is_empty() && counts.total() == 0);
    }
}
