//! Who is online: found by number and by nick, and the group of everyone. A guest has no number.
//!
//! Nothing here knows sockets or bytes. A member's slot is its place in the order of login; a takeover
//! keeps it.
//!
//! A member costs one slot, one piece of text and twelve bytes in two sorted arrays, by which it is found
//! by its number and its nick. To log in or out moves half of these arrays on average, 120 KB among 20,000
//! members: less than to notify them costs, and some microseconds with presence off. Nicks are sorted by a
//! hash first, so that a search hardly ever compares one. A client can choose nicks of equal hashes; then
//! the nicks decide, and the search takes no more steps than before.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::chat::group::{Group, Seat};
use crate::chat::guests::GuestNicks;
pub(crate) use crate::chat::order::Slot;
use crate::chat::reply;
use crate::chat::rooms::{Left, Room, Rooms};
use crate::chunk::{Audience, Chunk, Form, Level, Message, Recipients};
use crate::id::{ConnId, RoomId};
use crate::member::{Identity, Member, MemberId};
use crate::name::GuestNick;

/// Everyone online, in order of login.
#[derive(Debug)]
pub(crate) struct Hub {
    everyone: Group<OnlineMember>,
    /// The slots of members, by their numbers. Guests are not in it.
    by_member: Vec<Slot>,
    /// All slots, by the hashes of their nicks, then by the nicks.
    by_nick: Vec<(u32, Slot)>,
    guests: GuestNicks,
    /// The connections of each level, made when first needed, and shared until a member joins or leaves.
    by_level: [Option<Arc<[Recipients]>>; 2],
    pub(crate) rooms: Rooms,
}

/// A member or a guest who is online, and on which connection.
#[derive(Debug)]
pub(crate) struct OnlineMember {
    pub(crate) conn: ConnId,
    form: Form,
    is_alone: bool,
    pub(crate) level: Level,
    /// A flag of its own, as an `Option` of the number would take 8 bytes more.
    is_guest: bool,
    /// Without meaning for a guest.
    number: MemberId,
    /// The nick, and right behind it the name.
    text: Box<str>,
    nick: u32,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            everyone: Group::new(Audience::Everyone),
            by_member: Vec::new(),
            by_nick: Vec::new(),
            guests: GuestNicks::default(),
            by_level: [None, None],
            rooms: Rooms::default(),
        }
    }
}

impl Hub {
    /// Adds a member at the end of the order. None of the same number or nick may be online.
    pub(crate) fn join(&mut self, conn: ConnId, form: Form, level: Level, member: &Member) -> Slot {
        let by_member = self.search_member(member.id).unwrap_or_else(|at| at);
        let slot = self.sit(OnlineMember::new(conn, form, level, member));
        self.by_member.insert(by_member, slot);
        slot
    }

    /// Adds a guest at the end of the order. No other guest may have the nick.
    pub(crate) fn join_guest(
        &mut self,
        conn: ConnId,
        form: Form,
        level: Level,
        nick: &GuestNick,
    ) -> Slot {
        self.guests.add(nick.as_str());
        self.sit(OnlineMember::guest(conn, form, level, nick.as_str()))
    }

    fn sit(&mut self, online: OnlineMember) -> Slot {
        self.by_level = [None, None];
        let hash = hash(online.nick());
        let by_nick = self.search_nick(online.nick()).unwrap_or_else(|at| at);
        let slot = self.everyone.join(online);
        self.by_nick.insert(by_nick, (hash, slot));
        slot
    }

    /// Gives a slot to another connection of the same member, by the same nick; returns the old one.
    pub(crate) fn replace(
        &mut self,
        slot: Slot,
        conn: ConnId,
        form: Form,
        level: Level,
        member: &Member,
    ) -> Option<ConnId> {
        self.by_level = [None, None];
        let new = OnlineMember::new(conn, form, level, member);
        self.rooms.readdress(slot);
        self.rooms.rename(slot);
        self.everyone.replace(slot, new).map(|old| old.conn)
    }

    /// Gives a member online another nick and name; its place and its connection stay. Returns the nick before;
    /// `None`, without a change, if another member online has the new one.
    pub(crate) fn rename(&mut self, slot: Slot, nick: &str, name: &str) -> Option<Arc<str>> {
        let old: Arc<str> = Arc::from(self.online(slot)?.nick());
        let from = self.search_nick(&old).ok()?;
        if self.search_nick(nick).is_ok_and(|at| at != from) {
            return None;
        }
        self.by_nick.remove(from);
        let to = self.search_nick(nick).unwrap_or_else(|at| at);
        self.by_nick.insert(to, (hash(nick), slot));
        if self.online(slot).is_some_and(|online| online.is_guest) {
            self.guests.remove(&old);
            self.guests.add(nick);
        }
        self.everyone
            .rename(slot, |online| online.rename(nick, name));
        self.rooms.rename(slot);
        Some(old)
    }

    /// A member's connection gets messages in another form from now on.
    pub(crate) fn speak(&mut self, slot: Slot, form: Form) {
        self.by_level = [None, None];
        self.rooms.readdress(slot);
        self.everyone.speak(slot, form);
    }

    /// A member's client knows the elements of level 2 from now on.
    pub(crate) fn raise_level(&mut self, slot: Slot) {
        if let Some(online) = self.everyone.seat_mut(slot)
            && online.level == Level::One
        {
            online.level = Level::Two;
            self.by_level = [None, None];
        }
    }

    /// The bytes of a member's connection cannot be shared, as it has a filter.
    pub(crate) fn isolate(&mut self, slot: Slot) {
        self.by_level = [None, None];
        self.rooms.readdress(slot);
        self.everyone.isolate(slot);
    }

    /// Takes a member off the list, who has left all rooms before.
    pub(crate) fn leave(&mut self, slot: Slot) -> Option<OnlineMember> {
        self.by_level = [None, None];
        let online = self.online(slot)?;
        let by_member = online.member().map(|id| self.search_member(id));
        let by_nick = self.search_nick(online.nick());
        if let Some(Ok(by_member)) = by_member {
            self.by_member.remove(by_member);
        }
        if let Ok(by_nick) = by_nick {
            self.by_nick.remove(by_nick);
        }
        let left = self.everyone.leave(slot)?;
        if left.is_guest {
            self.guests.remove(left.nick());
        }
        Some(left)
    }

    /// The member of this number, or else of this nick, if it is online.
    pub(crate) fn find(&self, member: &Member) -> Option<Slot> {
        let by_member = self.search_member(member.id).map(|at| self.by_member[at]);
        by_member
            .or_else(|_| self.search_nick(&member.nick).map(|at| self.by_nick[at].1))
            .ok()
    }

    pub(crate) fn slot_of(&self, id: MemberId) -> Option<Slot> {
        Some(self.by_member[self.search_member(id).ok()?])
    }

    pub(crate) fn by_member(&self, id: MemberId) -> Option<&OnlineMember> {
        self.online(self.by_member[self.search_member(id).ok()?])
    }

    pub(crate) fn by_nick(&self, nick: &str) -> Option<&OnlineMember> {
        self.online(self.slot_by_nick(nick)?)
    }

    pub(crate) fn slot_by_nick(&self, nick: &str) -> Option<Slot> {
        Some(self.by_nick[self.search_nick(nick).ok()?].1)
    }

    pub(crate) fn online(&self, slot: Slot) -> Option<&OnlineMember> {
        self.everyone.get(slot)
    }

    /// The nicks of the guests online.
    pub(crate) fn guests(&self) -> &GuestNicks {
        &self.guests
    }

    /// How many members and guests are online.
    pub(crate) fn len(&self) -> usize {
        self.by_nick.len()
    }

    /// The connections of an audience as of now.
    pub(crate) fn recipients(&mut self, audience: Audience) -> Arc<[Recipients]> {
        match audience {
            Audience::Everyone => self.everyone.recipients(),
            Audience::Level(level) => {
                let everyone = &self.everyone;
                let some = &mut self.by_level[level as usize];
                let made = || everyone.recipients_of(audience, |online| online.level == level);
                Arc::clone(some.get_or_insert_with(made))
            }
            Audience::Room(id) => match self.rooms.get_mut(id) {
                Some(room) => room.recipients(&self.everyone),
                None => Arc::default(),
            },
        }
    }

    /// The members and guests online, in the order of their logins.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &OnlineMember> {
        self.everyone.in_order()
    }

    /// The members and guests online after this nick, in the order in which they are kept. The nick itself may be
    /// offline.
    pub(crate) fn page(&self, after: Option<&str>) -> impl Iterator<Item = &OnlineMember> {
        let from = after.map_or(0, |nick| match self.search_nick(nick) {
            Ok(at) => at + 1,
            Err(at) => at,
        });
        self.by_nick[from..]
            .iter()
            .filter_map(|(_, slot)| self.online(*slot))
    }

    /// The reply to LIST as of now.
    pub(crate) fn list(&mut self, form: Form) -> Chunk {
        self.everyone.list(form)
    }

    /// Lets a member into a room.
    pub(crate) fn join_room(&mut self, slot: Slot, room: RoomId) {
        self.rooms.join(slot, room);
    }

    /// Takes a member out of a room.
    pub(crate) fn leave_room(&mut self, slot: Slot, room: RoomId) -> Option<Left> {
        self.rooms.leave(slot, room)
    }

    /// The connections of the others who are in a room with a member, each once.
    pub(crate) fn neighbours(&self, slot: Slot) -> Vec<ConnId> {
        let rooms = self.rooms.of(slot).filter_map(|id| self.rooms.get(id));
        let mut slots: Vec<Slot> = rooms.flat_map(Room::in_order).collect();
        slots.sort_unstable();
        slots.dedup();
        let others = slots.iter().filter(|other| **other != slot);
        let others = others.filter_map(|other| self.online(*other));
        others.map(|online| online.conn).collect()
    }

    /// The state of a room as of now; `None` if it is gone.
    pub(crate) fn room_state(&mut self, room: RoomId, form: Form) -> Option<Chunk> {
        let room = self.rooms.get_mut(room)?;
        Some(room.state(&self.everyone, form))
    }

    /// The reply to ROOMS for a member.
    pub(crate) fn room_list(&mut self, slot: Slot) -> Message {
        reply::rooms(&self.rooms.rows(slot))
    }

    fn search_member(&self, id: MemberId) -> Result<usize, usize> {
        let sits = |slot: &Slot| self.compare(*slot, |online| online.number.cmp(&id));
        self.by_member.binary_search_by(sits)
    }

    fn search_nick(&self, nick: &str) -> Result<usize, usize> {
        let hash = hash(nick);
        let sits = |(other, slot): &(u32, Slot)| {
            let by_nick = |online: &OnlineMember| online.nick_bytes().cmp(nick.as_bytes());
            other.cmp(&hash).then_with(|| self.compare(*slot, by_nick))
        };
        self.by_nick.binary_search_by(sits)
    }

    fn compare(&self, slot: Slot, with: impl FnOnce(&OnlineMember) -> Ordering) -> Ordering {
        self.online(slot).map_or(Ordering::Less, with)
    }

    /// Panics if what the hub knows in several places disagrees.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn assert_consistent(&self) {
        self.everyone.assert_consistent(self.len());
        let members = self.by_member.iter().map(|slot| self.online(*slot));
        let members: Vec<_> = members
            .map(|online| online.and_then(OnlineMember::member))
            .collect();
        assert!(members.iter().all(Option::is_some) && members.is_sorted_by(|a, b| a < b));
        let nicks = self.by_nick.iter().map(|(hash, slot)| {
            let nick = self.online(*slot).map_or("", OnlineMember::nick);
            assert_eq!(*hash, self::hash(nick));
            (hash, nick)
        });
        assert!(nicks.is_sorted_by(|a, b| a < b));
        let guests = self.in_order().filter(|online| online.is_guest).count();
        assert_eq!(
            members.len() + guests,
            self.by_nick.len(),
            "each member is found by both, each guest by its nick"
        );
        assert!(self.guests.is_consistent(guests), "{:?}", self.guests);
        self.rooms.assert_consistent(&self.everyone);
    }
}

impl OnlineMember {
    fn new(conn: ConnId, form: Form, level: Level, member: &Member) -> Self {
        Self {
            conn,
            form,
            is_alone: false,
            level,
            is_guest: false,
            number: member.id,
            text: [&*member.nick, &*member.name].concat().into(),
            nick: length(&member.nick),
        }
    }

    fn rename(&mut self, nick: &str, name: &str) {
        self.text = [nick, name].concat().into();
        self.nick = length(nick);
    }

    fn guest(conn: ConnId, form: Form, level: Level, nick: &str) -> Self {
        Self {
            conn,
            form,
            is_alone: false,
            level,
            is_guest: true,
            number: MemberId(0),
            text: [nick, nick].concat().into(),
            nick: length(nick),
        }
    }

    /// The member's number; `None` for a guest.
    pub(crate) fn member(&self) -> Option<MemberId> {
        (!self.is_guest).then_some(self.number)
    }

    /// Who it is, for the log.
    pub(crate) fn identity(&self) -> Identity {
        match self.member() {
            Some(member) => Identity::Member(member),
            None => Identity::Guest(Arc::from(self.nick())),
        }
    }

    /// The name by which others address the member.
    pub(crate) fn nick(&self) -> &str {
        &self.text[..self.nick as usize]
    }

    fn nick_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.nick as usize]
    }

    /// The name that is shown.
    pub(crate) fn name(&self) -> &str {
        &self.text[self.nick as usize..]
    }
}

impl Seat for OnlineMember {
    fn conn(&self) -> ConnId {
        self.conn
    }

    fn form(&self) -> Form {
        self.form
    }

    fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    fn is_alone(&self) -> bool {
        self.is_alone
    }

    fn set_alone(&mut self) {
        self.is_alone = true;
    }

    fn names(&self) -> (&str, &str) {
        (self.nick(), self.name())
    }
}

fn length(nick: &str) -> u32 {
    u32::try_from(nick.len()).expect("a nick is shorter than 4 GiB")
}

/// FNV-1a, of 32 bits: short, and good enough to tell most nicks apart.
fn hash(nick: &str) -> u32 {
    nick.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
