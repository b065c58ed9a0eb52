//! Things in the order in which they came, each at a place that it keeps.
//!
//! The places are an array. Each knows the one before and the one after it in order, so that a thing is cut
//! out and nothing moves. An empty place is taken again by the next that comes.

use alloc::vec::Vec;
use core::mem;

/// A place, for as long as what has it stays; another may have it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

#[derive(Debug)]
pub(crate) struct Order<T> {
    places: Vec<Place<T>>,
    /// The empty place to be taken next; each leads to another.
    free: Slot,
    first: Slot,
    last: Slot,
}

#[derive(Debug)]
enum Place<T> {
    Taken { seat: T, before: Slot, after: Slot },
    Free { next: Slot },
}

impl<T> Order<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: NOWHERE,
            first: NOWHERE,
            last: NOWHERE,
        }
    }

    /// Puts a seat at the end.
    pub(crate) fn push(&mut self, seat: T) -> Slot {
        let before = self.last;
        let slot = self.put(Place::Taken {
            seat,
            before,
            after: NOWHERE,
        });
        *self.after(before) = slot;
        self.last = slot;
        slot
    }

    /// Takes a seat out.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        self.get(slot)?;
        let free = Place::Free { next: self.free };
        let place = mem::replace(&mut self.places[slot.index()], free);
        let Place::Taken {
            seat,
            before,
            after,
        } = place
        else {
            return None;
        };
        self.free = slot;
        *self.after(before) = after;
        *self.before(after) = before;
        Some(seat)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        match self.places.get(slot.index())? {
            Place::Taken { seat, .. } => Some(seat),
            Place::Free { .. } => None,
        }
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        match self.places.get_mut(slot.index())? {
            Place::Taken { seat, .. } => Some(seat),
            Place::Free { .. } => None,
        }
    }

    /// From the one that came first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.from(self.first)
    }

    /// The last `count`, from the one of them that came first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = &T> {
        let mut start = NOWHERE;
        let mut before = self.last;
        for _ in 0..count {
            let Some(Place::Taken { before: b, .. }) = self.places.get(before.index()) else {
                break;
            };
            (start, before) = (before, *b);
        }
        self.from(start)
    }

    fn from(&self, start: Slot) -> impl Iterator<Item = &T> {
        let mut next = start;
        core::iter::from_fn(move || match self.places.get(next.index())? {
            Place::Taken { seat, after, .. } => {
                next = *after;
                Some(seat)
            }
            Place::Free { .. } => None,
        })
    }

    /// Puts a seat into an empty place.
    fn put(&mut self, place: Place<T>) -> Slot {
        let slot = self.free;
        if let Some(empty) = self.places.get_mut(slot.index()) {
            if let Place::Free { next } = mem::replace(empty, place) {
                self.free = next;
            }
            return slot;
        }
        let new = u32::try_from(self.places.len()).map_or(NOWHERE, Slot);
        assert!(new != NOWHERE, "there are fewer than 2^32 - 1 places");
        // Twice as much each time would be too much for a small room: there are thousands of them.
        if new.index() == self.places.capacity() && new.index() < SMALL {
            self.places.reserve_exact(STEP);
        }
        self.places.push(place);
        new
    }

    /// Where a place keeps the next in order; the first in order for no place.
    fn after(&mut self, slot: Slot) -> &mut Slot {
        match self.places.get_mut(slot.index()) {
            Some(Place::Taken { after, .. }) => after,
            Some(Place::Free { .. }) | None => &mut self.first,
        }
    }

    /// Where a place keeps the one before it in order; the last in order for no place.
    fn before(&mut self, slot: Slot) -> &mut Slot {
        match self.places.get_mut(slot.index()) {
            Some(Place::Taken { before, .. }) => before,
            Some(Place::Free { .. }) | None => &mut self.last,
        }
    }

    /// How many places there are, taken or free.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    /// Panics if the order of `len` seats is wrong.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn assert_consistent(&self, len: usize) {
        let mut before = NOWHERE;
        let mut next = self.first;
        for _ in 0..len {
            let Some(Place::Taken {
                before: b, after, ..
            }) = self.places.get(next.index())
            else {
                panic!("each seat but the last is followed by a seat: {next:?}");
            };
            assert_eq!(*b, before, "the seat before {next:?} is followed by it");
            (before, next) = (next, *after);
        }
        assert_eq!((next, before), (NOWHERE, self.last), "the order has an end");
        let mut free = 0;
        let mut next = self.free;
        while let Some(Place::Free { next: n }) = self.places.get(next.index()) {
            (free, next) = (free + 1, *n);
        }
        assert_eq!(free + len, self.places.len(), "no place is lost");
    }
}

impl Slot {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// An array of at most this many places grows by a few at a time.
const SMALL: usize = 32;
const STEP: usize = 4;

/// No place: what is before the first and after the last.
const NOWHERE: Slot = Slot(u32::MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::hub::OnlineMember;

    #[test]
    fn a_place_is_small() {
        // Where a word has 32 bits they may be smaller.
        assert!(size_of::<Place<OnlineMember>>() <= 48);
        assert!(size_of::<Place<Slot>>() <= 16);
    }

    #[test]
    fn the_last_few_in_order() {
        let mut order = Order::new();
        let slots: Vec<_> = (0..6).map(|n| order.push(n)).collect();
        order.remove(slots[1]);
        order.remove(slots[4]);
        order.push(6);
        for (count, expected) in [
            (0, &[][..]),
            (1, &[6]),
            (3, &[3, 5, 6]),
            (9, &[0, 2, 3, 5, 6]),
        ] {
            assert!(order.last(count).eq(expected), "{count}");
        }
        order.assert_consistent(5);
    }
}
