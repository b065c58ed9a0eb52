//! All connections, by id: an array of slots, each with a generation that makes its ids unique.

use alloc::vec::Vec;
use core::mem;

use super::Conn;
use crate::id::ConnId;

#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Entry>,
    /// Empty slots, to be used again: the last one first, while it is warm.
    free: Vec<u32>,
    live: usize,
}

#[derive(Debug)]
enum Entry {
    /// The connection knows its generation.
    Taken(Conn),
    /// This will be the next one's.
    Free { generation: u32 },
}

impl Table {
    pub(crate) fn insert(&mut self, mut conn: Conn) -> ConnId {
        self.live += 1;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            if let Entry::Free { generation } = slot {
                conn.generation = *generation;
            }
            let id = ConnId::new(index, conn.generation);
            *slot = Entry::Taken(conn);
            return id;
        }
        let index =
            u32::try_from(self.slots.len()).expect("fewer connections than 2^32 live at once");
        self.slots.push(Entry::Taken(conn));
        ConnId::new(index, 0)
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Conn> {
        match self.slots.get(id.slot())? {
            Entry::Taken(conn) if conn.generation == id.generation() => Some(conn),
            Entry::Taken(_) | Entry::Free { .. } => None,
        }
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        match self.slots.get_mut(id.slot())? {
            Entry::Taken(conn) if conn.generation == id.generation() => Some(conn),
            Entry::Taken(_) | Entry::Free { .. } => None,
        }
    }

    /// A connection whose id the gateway itself keeps, or has checked during this input: it is there. An id
    /// from outside may be stale, and is for [`Self::get`].
    #[inline]
    pub(crate) fn known(&self, id: ConnId) -> Option<&Conn> {
        let conn = self.get(id);
        debug_assert!(conn.is_some(), "{id:?} is known, but gone");
        conn
    }

    /// The same, to change it.
    #[inline]
    pub(crate) fn known_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        let conn = self.get_mut(id);
        debug_assert!(conn.is_some(), "{id:?} is known, but gone");
        conn
    }

    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        self.get(id)?;
        let next = id.generation().checked_add(1);
        // A slot whose generations are used up is left alone, so that no id ever comes back.
        self.free.extend(next.map(|_| id.slot() as u32));
        let generation = next.unwrap_or(u32::MAX);
        self.live -= 1;
        match mem::replace(&mut self.slots[id.slot()], Entry::Free { generation }) {
            Entry::Taken(conn) => Some(conn),
            Entry::Free { .. } => None,
        }
    }

    /// Open connections.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// The ids of all of them, in order of slot.
    pub(crate) fn ids(&self) -> Vec<ConnId> {
        let id = |(slot, index): (&Entry, u32)| match slot {
            Entry::Taken(conn) => Some(ConnId::new(index, conn.generation)),
            Entry::Free { .. } => None,
        };
        self.slots.iter().zip(0..).filter_map(id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Accepted, ListenerId};
    use crate::time::Millis;

    fn conn() -> Conn {
        let peer = "192.0.2.1:1".parse().unwrap();
        Conn::new(
            Accepted {
                listener: ListenerId(0),
                peer,
                user: None,
            },
            Millis(0),
        )
    }

    #[test]
    fn ids_never_come_back() {
        let mut table = Table::default();
        let a = table.insert(conn());
        let b = table.insert(conn());
        assert!(table.remove(a).is_some());
        assert!(table.remove(a).is_none() && table.get(a).is_none() && table.get_mut(a).is_none());
        let c = table.insert(conn());
        assert_eq!(
            (c.slot(), c != a),
            (a.slot(), true),
            "the slot is used again, the id is not"
        );
        assert!(table.get(a).is_none() && table.get(c).is_some());
        assert_eq!((table.len(), table.ids()), (2, alloc::vec![c, b]));
    }

    #[test]
    fn a_worn_out_slot_is_retired() {
        let mut table = Table::default();
        let first = table.insert(conn());
        table.get_mut(first).unwrap().generation = u32::MAX;
        assert!(table.remove(ConnId::new(0, u32::MAX)).is_some());
        let next = table.insert(conn());
        assert_eq!((first.slot(), next.slot()), (0, 1));
    }

    #[test]
    fn a_slot_is_a_connection() {
        assert_eq!(size_of::<Entry>(), size_of::<Conn>());
    }
}
