//! When each connection has to be looked at, the earliest first.
//!
//! A binary heap that knows where each connection stands in it, so that a deadline can be moved or
//! taken out: 20 bytes for each, where an ordered set needs 27 and the connection a copy of its own.
//! Of two equal deadlines the one of the smaller id comes first, whatever happened before.

use alloc::vec::Vec;

use crate::id::ConnId;
use crate::time::Millis;

/// One deadline at most for each connection.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Each is no earlier than its parent: the one at `i` has the one at `(i - 1) / 2`.
    heap: Vec<(Millis, ConnId)>,
    /// Where the connection of each slot stands in the heap.
    places: Vec<u32>,
}

impl Deadlines {
    /// The connection's deadline.
    pub(super) fn get(&self, id: ConnId) -> Option<Millis> {
        self.find(id).map(|place| self.heap[place].0)
    }

    /// Gives a connection a deadline, in place of the one it may have.
    pub(super) fn set(&mut self, id: ConnId, at: Millis) {
        let place = self.find(id).unwrap_or_else(|| {
            if self.places.len() <= id.slot() {
                self.places.resize(id.slot() + 1, NOWHERE);
            }
            self.heap.push((at, id));
            self.heap.len() - 1
        });
        self.settle(place, (at, id));
    }

    /// Takes a connection's deadline out.
    pub(super) fn remove(&mut self, id: ConnId) {
        let Some(place) = self.find(id) else { return };
        self.places[id.slot()] = NOWHERE;
        if let Some(last) = self.heap.pop()
            && place < self.heap.len()
        {
            self.settle(place, last);
        }
        // A crowd that has left, or has logged in and waits for nothing, takes its room along.
        if self.heap.len().max(FEW) < self.heap.capacity() / 4 {
            self.heap.shrink_to(2 * self.heap.len().max(FEW));
        }
    }

    /// The earliest, and whose it is.
    pub(super) fn first(&self) -> Option<(Millis, ConnId)> {
        self.heap.first().copied()
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    fn find(&self, id: ConnId) -> Option<usize> {
        let place = *self.places.get(id.slot())? as usize;
        // Another connection may have had the slot before.
        let (_, stands) = self.heap.get(place)?;
        (*stands == id).then_some(place)
    }

    /// Puts a deadline where it belongs, beginning with a place whose own is out of date.
    fn settle(&mut self, mut place: usize, due: (Millis, ConnId)) {
        while let Some(parent) = place.checked_sub(1).map(|before| before / 2)
            && due < self.heap[parent]
        {
            self.put(place, self.heap[parent]);
            place = parent;
        }
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let Some(mut child) = self.heap.get(left).map(|_| left) else {
                break;
            };
            if right < self.heap.len() && self.heap[right] < self.heap[left] {
                child = right;
            }
            if due < self.heap[child] {
                break;
            }
            self.put(place, self.heap[child]);
            place = child;
        }
        self.put(place, due);
    }

    fn put(&mut self, place: usize, due: (Millis, ConnId)) {
        self.heap[place] = due;
        self.places[due.1.slot()] = place as u32;
    }
}

/// For so few room is kept in any case.
const FEW: usize = 64;

/// The place of a connection without a deadline; no heap is so long.
const NOWHERE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn comes_out_in_order() {
        for seed in 1..5_u64 {
            let mut state = seed;
            let mut random = move |n: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) % n
            };
            let (mut deadlines, mut model) = (Deadlines::default(), BTreeMap::new());
            for step in 0..4000 {
                let id = ConnId::new(random(1000) as u32, random(2) as u32);
                let other = ConnId::new(id.slot() as u32, 1 - id.generation());
                // Two connections are never in one slot at once.
                let crowded = model.contains_key(&other);
                let emptying = step / 1000 % 2 == 1;
                if !crowded && random(4) < if emptying { 1 } else { 3 } {
                    let at = Millis(random(50));
                    deadlines.set(id, at);
                    model.insert(id, at);
                } else {
                    deadlines.remove(id);
                    model.remove(&id);
                }
                let first = model.iter().map(|(id, at)| (*at, *id)).min();
                assert_eq!(deadlines.first(), first, "seed {seed}");
                assert_eq!(deadlines.len(), model.len(), "seed {seed}");
                for id in [id, other] {
                    assert_eq!(deadlines.get(id), model.get(&id).copied(), "seed {seed}");
                }
            }
            while let Some((at, id)) = deadlines.first() {
                let first = model.iter().map(|(id, at)| (*at, *id)).min();
                assert_eq!(first, Some((at, id)), "seed {seed}");
                deadlines.remove(id);
                model.remove(&id);
            }
            assert!(model.is_empty() && deadlines.heap.capacity() <= 4 * FEW);
        }
    }
}
