//! Rooms: found by name, and the members of each in the order in which they joined.
//!
//! A member's place in a room costs 16 bytes there, and 12 in the one sorted array of all memberships. What a
//! connection is and how it gets messages is looked up in the hub. A member in no room costs nothing here.

mod room;
mod strangers;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

#[cfg(any(test, feature = "_testing"))]
use crate::chat::group::Group;
#[cfg(any(test, feature = "_testing"))]
use crate::chat::hub::OnlineMember;
use crate::chat::order::Slot;
use crate::config::PermanentRooms;
use crate::id::{RoomId, Source};
use crate::name::RoomName;
use crate::time::Millis;
pub(crate) use room::Room;
use strangers::Tries;
pub(crate) use strangers::Visitor;

/// All rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// By the keys of their names, which is the order of ROOMS.
    by_name: BTreeMap<Arc<str>, RoomId>,
    places: Vec<Place>,
    free: Vec<u32>,
    /// Sorted by member; those of one member in the order of joining.
    memberships: Vec<Membership>,
    /// How many rooms live that were created from each address.
    created: BTreeMap<Source, usize>,
    pub(crate) tries: Tries,
}

/// Where a room is, and how many were there before.
#[derive(Debug, Default)]
struct Place {
    generation: u32,
    room: Option<Box<Room>>,
}

/// One member in one room.
#[derive(Clone, Copy, Debug)]
struct Membership {
    member: Slot,
    /// The room's place.
    room: u32,
    /// The member's place in the room.
    seat: Slot,
}

/// A room that is to be created.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) name: RoomName,
    pub(crate) key: Option<&'a str>,
    pub(crate) hidden: bool,
    /// What the room counts against, if anything.
    pub(crate) from: Option<Source>,
}

/// What became of a room that a member has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nobody else changes.
    Stays,
    /// Another member owns the room from now on.
    HandedTo(Slot),
    /// It was the last member: the room is gone, or empty if it is permanent.
    Empty,
}

impl Rooms {
    pub(crate) fn find(&self, name: &RoomName) -> Option<RoomId> {
        self.by_name.get(&*name.key()).copied()
    }

    pub(crate) fn get(&self, id: RoomId) -> Option<&Room> {
        let place = self.places.get(id.slot())?;
        place.room.as_deref().filter(|room| room.id == id)
    }

    pub(super) fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        let place = self.places.get_mut(id.slot())?;
        place.room.as_deref_mut().filter(|room| room.id == id)
    }

    /// Whether a word names a room whose key is another than this.
    pub(crate) fn has_other_key(&self, name: &str, key: &str) -> bool {
        let id = RoomName::new(name).ok().and_then(|name| self.find(&name));
        let wanted = id.and_then(|id| self.get(id)?.key.as_deref());
        wanted.is_some_and(|wanted| wanted != key)
    }

    /// The rooms after this key of a name, in the order of their keys. No room needs to have the key itself.
    pub(crate) fn page(&self, after: Option<&str>) -> impl Iterator<Item = &Room> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = self.by_name.range::<str, _>((from, Bound::Unbounded));
        rooms.filter_map(|(_, id)| self.get(*id))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// How many live that were created from an address.
    pub(crate) fn created_from(&self, from: Source) -> usize {
        self.created.get(&from).copied().unwrap_or_default()
    }

    /// The rooms of a member, in the order of joining.
    pub(crate) fn of(&self, member: Slot) -> impl ExactSizeIterator<Item = RoomId> {
        self.memberships[self.range(member)]
            .iter()
            .map(|membership| {
                let place = &self.places[membership.room as usize];
                RoomId::new(membership.room, place.generation)
            })
    }

    pub(crate) fn is_in(&self, member: Slot, id: RoomId) -> bool {
        self.of(member).any(|room| room == id)
    }

    /// Creates a room that is empty yet. There must be none of its name.
    pub(crate) fn create(&mut self, new: New<'_>) -> RoomId {
        let New {
            name,
            key,
            hidden,
            from,
        } = new;
        if let Some(from) = from {
            *self.created.entry(from).or_default() += 1;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).expect("there are far fewer than 2^32 rooms")
        });
        let place = &mut self.places[slot as usize];
        let id = RoomId::new(slot, place.generation);
        let name_key: Arc<str> = Arc::from(name.key());
        let mut room = Room::new(id, Arc::clone(&name_key), name.as_str());
        room.key = key.map(Box::from);
        room.hidden = hidden;
        room.from = from;
        place.room = Some(Box::new(room));
        self.by_name.insert(name_key, id);
        id
    }

    /// Puts a member at the end of a room's order. The first becomes its owner, unless it is permanent.
    pub(super) fn join(&mut self, member: Slot, id: RoomId) {
        let Some(room) = self.get_mut(id) else {
            debug_assert!(false, "{id:?} is gone");
            return;
        };
        let seat = room.join(member);
        let membership = Membership {
            member,
            room: id.slot() as u32,
            seat,
        };
        let at = self.range(member).end;
        self.memberships.insert(at, membership);
    }

    /// Takes a member out of a room. A room that this empties is gone, unless it is permanent.
    pub(super) fn leave(&mut self, member: Slot, id: RoomId) -> Option<Left> {
        let mut range = self.range(member);
        let at = range.find(|at| self.memberships[*at].room as usize == id.slot())?;
        let Membership { seat, .. } = self.memberships.remove(at);
        let left = self.get_mut(id)?.leave(member, seat);
        if left == Left::Empty {
            self.emptied(id);
        }
        Some(left)
    }

    pub(crate) fn set_topic(&mut self, id: RoomId, topic: &str) {
        if let Some(room) = self.get_mut(id) {
            room.set_topic(topic);
        }
    }

    /// Keeps a visitor from coming back into a room for a while.
    pub(crate) fn kick(&mut self, id: RoomId, visitor: Visitor, now: Millis) {
        if let Some(room) = self.get_mut(id) {
            room.kicks.add(visitor, now);
        }
    }

    fn range(&self, member: Slot) -> core::ops::Range<usize> {
        let start = self
            .memberships
            .partition_point(|other| other.member < member);
        let end = start
            + self.memberships[start..]
                .iter()
                .take_while(|other| other.member == member)
                .count();
        start..end
    }

    /// A room is empty: it is gone unless it is permanent.
    fn emptied(&mut self, id: RoomId) {
        match self.get_mut(id) {
            Some(room) if room.permanent => room.clear(),
            Some(_) => self.remove(id),
            None => {}
        }
    }

    fn remove(&mut self, id: RoomId) {
        let Some(place) = self.places.get_mut(id.slot()) else {
            return;
        };
        let Some(room) = place.room.take() else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.slot() as u32);
        self.by_name.remove(&room.name_key);
        self.forget_creator(room.from);
    }

    fn forget_creator(&mut self, from: Option<Source>) {
        if let Some(from) = from
            && let Some(count) = self.created.get_mut(&from)
        {
            *count -= 1;
            if *count == 0 {
                self.created.remove(&from);
            }
        }
    }

    /// Makes just these rooms permanent.
    pub(crate) fn configure(&mut self, permanent: &PermanentRooms) {
        let wanted: BTreeMap<Arc<str>, (RoomName, &str)> = permanent
            .iter()
            .map(|(name, topic)| (Arc::from(name.key()), (name, topic)))
            .collect();
        let known: Vec<RoomId> = self.by_name.values().copied().collect();
        for id in known {
            if let Some(room) = self.get_mut(id)
                && room.permanent
                && !wanted.contains_key(&room.name_key)
            {
                room.permanent = false;
                if room.len() == 0 {
                    self.remove(id);
                }
            }
        }
        for (name_key, (name, topic)) in wanted {
            let id = self.by_name.get(&name_key).copied().unwrap_or_else(|| {
                self.create(New {
                    name,
                    key: None,
                    hidden: false,
                    from: None,
                })
            });
            if let Some(room) = self.get_mut(id)
                && !room.permanent
            {
                let from = room.make_permanent(topic);
                self.forget_creator(from);
            }
        }
    }

    /// All members leave at once.
    pub(crate) fn leave_all(&mut self) {
        self.memberships = Vec::new();
        let all: Vec<RoomId> = self.by_name.values().copied().collect();
        for id in all {
            self.emptied(id);
        }
    }

    /// A member's connection, or the form of it, is another from now on.
    pub(super) fn readdress(&mut self, member: Slot) {
        self.change(member, Room::readdressed);
    }

    /// A member is shown otherwise from now on.
    pub(super) fn rename(&mut self, member: Slot) {
        self.change(member, Room::renamed);
    }

    fn change(&mut self, member: Slot, change: fn(&mut Room)) {
        for at in self.range(member) {
            let place = self.memberships[at].room as usize;
            if let Some(room) = &mut self.places[place].room {
                change(room);
            }
        }
    }

    /// The rows of ROOMS for a member.
    pub(super) fn rows(&mut self, member: Slot) -> String {
        let inside: Vec<RoomId> = self.of(member).collect();
        let mut rows = String::new();
        for id in self.by_name.values() {
            let is_in = inside.contains(id);
            if let Some(room) = &mut self.places[id.slot()].room
                && (is_in || !room.hidden)
            {
                rows.push_str(room.row(is_in));
            }
        }
        rows
    }

    /// Panics if what is known in several places disagrees.
    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn assert_consistent(&self, everyone: &Group<OnlineMember>) {
        let key = |membership: &Membership| membership.member;
        assert!(self.memberships.is_sorted_by_key(key));
        let mut created: BTreeMap<Source, usize> = BTreeMap::new();
        let mut members = 0;
        for (name_key, id) in &self.by_name {
            let room = self.get(*id).expect("a name leads to its room");
            assert_eq!(*name_key, room.name_key);
            assert!(room.permanent || room.len() > 0, "no room is left over");
            room.assert_consistent();
            members += room.len();
            if let Some(from) = room.from {
                *created.entry(from).or_default() += 1;
            }
            for member in room.in_order() {
                let online = everyone.get(member).expect("it is online");
                assert_eq!(online.level, crate::chunk::Level::Two);
                assert!(self.is_in(member, *id), "it knows that it is there");
            }
        }
        assert_eq!(members, self.memberships.len(), "each is in it once");
        for membership in &self.memberships {
            let room = self.places[membership.room as usize].room.as_ref();
            let seat = room.and_then(|room| room.seat(membership.seat));
            assert_eq!(seat, Some(membership.member), "and at that place");
        }
        assert_eq!(created, self.created);
        let taken = self.places.iter().filter(|place| place.room.is_some());
        assert_eq!(taken.count(), self.by_name.len());
        assert_eq!(self.by_name.len() + self.free.len(), self.places.len());
    }
}

#[cfg(test)]
mod tests;
