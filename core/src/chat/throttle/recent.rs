//! Tables of failures, bounded by forgetting the oldest entry.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::time::Millis;

/// A table that knows how old each entry is.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: BTreeMap<K, (Millis, V)>,
    /// The same keys by the time of their last change.
    oldest: BTreeSet<(Millis, K)>,
}

/// The times of the last failures of one address or in one name, oldest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    times: [Millis; REMEMBERED],
    len: usize,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        let (key, (at, value)) = self.entries.remove_entry(key)?;
        self.oldest.remove(&(at, key));
        Some(value)
    }

    /// Puts an entry into the table. Returns the oldest key if the table had `most` entries already.
    pub(super) fn put(&mut self, key: K, value: V, now: Millis, most: usize) -> Option<K> {
        self.take(&key);
        let forgotten = if self.entries.len() >= most.max(1) {
            self.forget_oldest()
        } else {
            None
        };
        self.entries.insert(key.clone(), (now, value));
        self.oldest.insert((now, key));
        forgotten
    }

    /// Forgets entries whose last change is a `window` ago.
    pub(super) fn forget(&mut self, now: Millis, window: Millis) {
        while self
            .oldest
            .first()
            .is_some_and(|(at, _)| *at + window <= now)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> Option<K> {
        let (_, key) = self.oldest.pop_first()?;
        self.entries.remove(&key);
        Some(key)
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        assert_eq!(self.entries.len(), self.oldest.len());
        self.entries.keys()
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            oldest: BTreeSet::new(),
        }
    }
}

impl Failures {
    pub(super) fn push(&mut self, now: Millis) {
        if self.len == REMEMBERED {
            self.times.rotate_left(1);
            self.len -= 1;
        }
        self.times[self.len] = now;
        self.len += 1;
    }

    /// Adds the failures of another name of the same member.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut all = [Millis(0); 2 * REMEMBERED];
        let both = self.len + other.len;
        all[..self.len].copy_from_slice(&self.times[..self.len]);
        all[self.len..both].copy_from_slice(&other.times[..other.len]);
        let all = &mut all[..both];
        all.sort_unstable();
        *self = Self::default();
        all.iter().for_each(|at| self.push(*at));
    }

    pub(super) fn last(&self) -> Millis {
        self.times[self.len.saturating_sub(1)]
    }

    /// How many of them are less than a `window` ago.
    pub(super) fn since(&self, now: Millis, window: Millis) -> usize {
        let recent = self.times().filter(|time| now < **time + window);
        recent.count()
    }

    pub(super) fn times(&self) -> impl Iterator<Item = &Millis> {
        self.times[..self.len].iter()
    }
}

/// Enough for the default wait to double from 1 s at the third failure to 16 s at the seventh, and for
/// the eighth failure in a name.
pub(super) const REMEMBERED: usize = 8;
