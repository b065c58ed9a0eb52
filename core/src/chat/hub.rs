//! Who is online, and everyone who is to hear of it.
//!
//! "Everyone online" is the one audience there is. Nothing here knows sockets or bytes; a seat is
//! where a member sits, in the order of login, and a takeover keeps it.
//!
//! A member costs one seat, one piece of text and twelve bytes by which they are found. The seats are
//! an array; each knows who logged in before and after, so that whoever leaves is cut out and nothing
//! moves. Members are found by number and by nick in two arrays that are kept sorted. To come or to go
//! moves half of these on average, 120 KB among 20,000: less than telling them takes, and some
//! microseconds where nobody is told. Nicks are sorted by a hash first, so that a search hardly ever
//! looks at one. Somebody may choose nicks of equal hashes; then the nicks decide, and the search takes
//! no more steps than before.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::mem;

use crate::chat::reply;
use crate::chunk::{Chunk, Form, Message, Recipients};
use crate::id::ConnId;
use crate::member::{Member, MemberId};

/// Where a member sits for as long as they are online; somebody else may sit there afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

/// Everyone online, in order of login.
#[derive(Debug)]
pub(crate) struct Hub {
    seats: Vec<Place>,
    /// The empty seat to be taken next; each leads to another.
    free: Slot,
    first: Slot,
    last: Slot,
    /// Seats taken, by the numbers of their members.
    by_member: Vec<Slot>,
    /// The same, by the hashes of their nicks, then by the nicks.
    by_nick: Vec<(u32, Slot)>,
    /// How many of them are spoken to in each form, in the order of [`Form::ALL`].
    speaking: [usize; Form::ALL.len()],
    /// Made when first asked for, shared until who is online changes.
    everyone: Option<Audience>,
    /// The answer to LIST, likewise; and the same in ASCII.
    list: Option<Message>,
    ascii_list: Option<Message>,
}

#[derive(Debug)]
enum Place {
    Taken {
        online: Online,
        /// Who logged in before, and after.
        before: Slot,
        after: Slot,
    },
    Free {
        next: Slot,
    },
}

/// A member who is online, and where.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) conn: ConnId,
    /// How the connection carries messages.
    pub(crate) form: Form,
    pub(crate) id: MemberId,
    /// The nick, and right behind it the name.
    text: Box<str>,
    nick: u32,
}

/// Those who are to hear something, by the wire form in which they do; no form without anybody.
pub(crate) type Audience = Arc<[Recipients]>;

impl Default for Hub {
    fn default() -> Self {
        Self {
            seats: Vec::new(),
            free: NOWHERE,
            first: NOWHERE,
            last: NOWHERE,
            by_member: Vec::new(),
            by_nick: Vec::new(),
            speaking: [0; Form::ALL.len()],
            everyone: None,
            list: None,
            ascii_list: None,
        }
    }
}

impl Hub {
    /// Gives a newcomer the last place. Nobody of the same number or nick may be online.
    pub(crate) fn join(&mut self, conn: ConnId, form: Form, member: &Member) -> Slot {
        let by_member = self.search_member(member.id).unwrap_or_else(|at| at);
        let by_nick = self.search_nick(&member.nick).unwrap_or_else(|at| at);
        let before = self.last;
        let seat = self.sit(Place::Taken {
            online: Online::new(conn, form, member),
            before,
            after: NOWHERE,
        });
        self.by_member.insert(by_member, seat);
        self.by_nick.insert(by_nick, (hash(&member.nick), seat));
        *self.after(before) = seat;
        self.last = seat;
        self.speaking[form as usize] += 1;
        self.changed();
        seat
    }

    /// Gives a seat to another connection of the same member, by the same nick; returns the old one.
    pub(crate) fn replace(
        &mut self,
        seat: Slot,
        conn: ConnId,
        form: Form,
        member: &Member,
    ) -> Option<ConnId> {
        let Some(Place::Taken { online, .. }) = self.seats.get_mut(seat.index()) else {
            return None;
        };
        let old = mem::replace(online, Online::new(conn, form, member));
        self.speaking[old.form as usize] -= 1;
        self.speaking[form as usize] += 1;
        self.changed();
        Some(old.conn)
    }

    /// A member's connection carries messages in another form from now on.
    pub(crate) fn speak(&mut self, seat: Slot, form: Form) {
        if let Some(Place::Taken { online, .. }) = self.seats.get_mut(seat.index()) {
            self.speaking[online.form as usize] -= 1;
            self.speaking[form as usize] += 1;
            online.form = form;
            self.everyone = None;
        }
    }

    /// Takes a member off the list.
    pub(crate) fn leave(&mut self, seat: Slot) -> Option<Online> {
        let online = self.online(seat)?;
        let by_member = self.search_member(online.id);
        let by_nick = self.search_nick(online.nick());
        let free = Place::Free { next: self.free };
        let place = mem::replace(&mut self.seats[seat.index()], free);
        let Place::Taken {
            online,
            before,
            after,
        } = place
        else {
            return None;
        };
        self.free = seat;
        *self.after(before) = after;
        *self.before(after) = before;
        self.speaking[online.form as usize] -= 1;
        if let (Ok(by_member), Ok(by_nick)) = (by_member, by_nick) {
            self.by_member.remove(by_member);
            self.by_nick.remove(by_nick);
        }
        self.changed();
        Some(online)
    }

    /// Whoever is online under this number, or this nick.
    pub(crate) fn find(&self, member: &Member) -> Option<Slot> {
        let by_member = self.search_member(member.id).map(|at| self.by_member[at]);
        by_member
            .or_else(|_| self.search_nick(&member.nick).map(|at| self.by_nick[at].1))
            .ok()
    }

    pub(crate) fn by_member(&self, id: MemberId) -> Option<&Online> {
        self.online(self.by_member[self.search_member(id).ok()?])
    }

    pub(crate) fn by_nick(&self, nick: &str) -> Option<&Online> {
        self.online(self.by_nick[self.search_nick(nick).ok()?].1)
    }

    pub(crate) fn online(&self, seat: Slot) -> Option<&Online> {
        match self.seats.get(seat.index())? {
            Place::Taken { online, .. } => Some(online),
            Place::Free { .. } => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_member.len()
    }

    /// Everyone online, as of now.
    pub(crate) fn everyone(&mut self) -> Audience {
        if let Some(everyone) = &self.everyone {
            return Arc::clone(everyone);
        }
        let heard = Form::ALL.into_iter().zip(self.speaking);
        let heard = heard.filter(|(_, speak)| *speak > 0).map(|(form, speak)| {
            let mut who = self.in_order().filter(|online| online.form == form);
            // Of a known length, so that they are collected in one piece of just that size.
            let ids = (0..speak).map(|_| who.next().expect("they are counted").conn);
            Recipients::new(form, ids)
        });
        let everyone = heard.collect();
        Arc::clone(self.everyone.insert(everyone))
    }

    /// The answer to LIST, as of now. All who wait for the same list share its bytes.
    pub(crate) fn list(&mut self, form: Form) -> Chunk {
        if self.list.is_none() {
            let members = self.in_order().map(|online| (online.nick(), online.name()));
            self.list = Some(reply::nicklist(members));
        }
        let (list, ascii) = (&self.list, &mut self.ascii_list);
        let list = list.as_ref().expect("it was made just now");
        if form.is_ascii() {
            ascii.get_or_insert_with(|| list.in_ascii()).as_it_is(form)
        } else {
            list.as_it_is(form)
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Online> {
        let mut next = self.first;
        core::iter::from_fn(move || match self.seats.get(next.index())? {
            Place::Taken { online, after, .. } => {
                next = *after;
                Some(online)
            }
            Place::Free { .. } => None,
        })
    }

    /// Puts somebody on an empty seat.
    fn sit(&mut self, place: Place) -> Slot {
        let seat = self.free;
        if let Some(empty) = self.seats.get_mut(seat.index()) {
            if let Place::Free { next } = mem::replace(empty, place) {
                self.free = next;
            }
            return seat;
        }
        let new = u32::try_from(self.seats.len()).map_or(NOWHERE, Slot);
        assert!(new != NOWHERE, "fewer members than 2^32 - 1 are online");
        self.seats.push(place);
        new
    }

    /// Who logged in after this seat's; after nobody's, who was the first.
    fn after(&mut self, seat: Slot) -> &mut Slot {
        match self.seats.get_mut(seat.index()) {
            Some(Place::Taken { after, .. }) => after,
            Some(Place::Free { .. }) | None => &mut self.first,
        }
    }

    /// Who logged in before this seat's; before nobody's, who was the last.
    fn before(&mut self, seat: Slot) -> &mut Slot {
        match self.seats.get_mut(seat.index()) {
            Some(Place::Taken { before, .. }) => before,
            Some(Place::Free { .. }) | None => &mut self.last,
        }
    }

    fn search_member(&self, id: MemberId) -> Result<usize, usize> {
        let sits = |seat: &Slot| self.compare(*seat, |online| online.id.cmp(&id));
        self.by_member.binary_search_by(sits)
    }

    fn search_nick(&self, nick: &str) -> Result<usize, usize> {
        let hash = hash(nick);
        let sits = |(other, seat): &(u32, Slot)| {
            let by_nick = |online: &Online| online.nick_bytes().cmp(nick.as_bytes());
            other.cmp(&hash).then_with(|| self.compare(*seat, by_nick))
        };
        self.by_nick.binary_search_by(sits)
    }

    fn compare(&self, seat: Slot, with: impl FnOnce(&Online) -> Ordering) -> Ordering {
        self.online(seat).map_or(Ordering::Less, with)
    }

    fn changed(&mut self) {
        self.everyone = None;
        self.list = None;
        self.ascii_list = None;
    }

    /// Panics if what the hub knows in several places disagrees.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn assert_consistent(&self) {
        let mut before = NOWHERE;
        let mut next = self.first;
        for _ in 0..self.len() {
            let Some(Place::Taken {
                before: b, after, ..
            }) = self.seats.get(next.index())
            else {
                panic!("everyone but the last is followed by somebody: {next:?}");
            };
            assert_eq!(*b, before, "who is followed by {next:?} is before it");
            (before, next) = (next, *after);
        }
        assert_eq!((next, before), (NOWHERE, self.last), "the order has an end");
        let speaking = Form::ALL.map(|form| self.in_order().filter(|o| o.form == form).count());
        assert_eq!(speaking, self.speaking, "everyone is counted once");
        let members = self.by_member.iter().map(|seat| self.online(*seat));
        let members: Vec<_> = members
            .map(|online| online.map(|online| online.id))
            .collect();
        assert!(members.iter().all(Option::is_some) && members.is_sorted_by(|a, b| a < b));
        let nicks = self.by_nick.iter().map(|(hash, seat)| {
            let nick = self.online(*seat).map_or("", Online::nick);
            assert_eq!(*hash, self::hash(nick));
            (hash, nick)
        });
        assert!(nicks.is_sorted_by(|a, b| a < b));
        assert_eq!(
            members.len(),
            self.by_nick.len(),
            "everyone is found by both"
        );
        let mut free = 0;
        let mut next = self.free;
        while let Some(Place::Free { next: n }) = self.seats.get(next.index()) {
            (free, next) = (free + 1, *n);
        }
        assert_eq!(free + self.len(), self.seats.len(), "no seat is lost");
    }
}

impl Slot {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Online {
    fn new(conn: ConnId, form: Form, member: &Member) -> Self {
        Self {
            conn,
            form,
            id: member.id,
            text: [&*member.nick, &*member.name].concat().into(),
            nick: u32::try_from(member.nick.len()).expect("a nick is shorter than 4 GiB"),
        }
    }

    /// The name others address the member by.
    pub(crate) fn nick(&self) -> &str {
        &self.text[..self.nick as usize]
    }

    fn nick_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.nick as usize]
    }

    /// The name that is shown.
    fn name(&self) -> &str {
        &self.text[self.nick as usize..]
    }
}

/// FNV-1a, of 32 bits: short, and good enough to tell most nicks apart.
fn hash(nick: &str) -> u32 {
    nick.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// No seat: what is before the first and after the last.
const NOWHERE: Slot = Slot(u32::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: i64, nick: &str) -> Member {
        Member {
            id: MemberId(id),
            nick: Arc::from(nick),
            name: Arc::from("N"),
        }
    }

    #[test]
    fn order_of_login_survives_a_takeover() {
        let mut hub = Hub::default();
        let conn = |n| ConnId::new(n, 0);
        let alice = hub.join(conn(1), Form::Stream, &member(1, "alice"));
        let bob = hub.join(conn(2), Form::Stream, &member(2, "bob"));
        let before = hub.everyone();
        assert_eq!(
            hub.replace(alice, conn(3), Form::Stream, &member(1, "alice")),
            Some(conn(1))
        );
        let everyone = |audience: &Audience| -> Vec<(Form, ConnId)> {
            let who = |who: &Recipients| {
                let form = who.form();
                who.iter().map(move |id| (form, id)).collect::<Vec<_>>()
            };
            audience.iter().flat_map(who).collect()
        };
        assert_eq!(
            everyone(&hub.everyone()),
            [(Form::Stream, conn(3)), (Form::Stream, conn(2))]
        );
        assert_eq!(
            everyone(&before)[0].1,
            conn(1),
            "a snapshot stays what it was"
        );
        let carol = hub.join(conn(5), Form::Text, &member(3, "carol"));
        hub.join(conn(6), Form::Stream, &member(4, "dave"));
        assert_eq!(
            everyone(&hub.everyone()),
            [
                (Form::Stream, conn(3)),
                (Form::Stream, conn(2)),
                (Form::Stream, conn(6)),
                (Form::Text, conn(5))
            ]
        );
        hub.leave(carol);
        assert_eq!(hub.find(&member(1, "other")), Some(alice));
        assert_eq!(hub.find(&member(9, "bob")), Some(bob));
        assert_eq!(hub.by_nick("bob").map(|o| o.conn), Some(conn(2)));
        assert!(hub.by_nick("Bob").is_none());
        assert_eq!(hub.leave(bob).map(|o| o.id), Some(MemberId(2)));
        assert!(
            hub.leave(bob).is_none()
                && hub
                    .replace(bob, conn(4), Form::Stream, &member(2, "bob"))
                    .is_none()
        );
        assert_eq!((hub.len(), hub.seats.len()), (2, 4));
        hub.replace(alice, conn(7), Form::Text, &member(1, "alice"));
        assert_eq!(
            everyone(&hub.everyone()),
            [(Form::Stream, conn(6)), (Form::Text, conn(7))]
        );
        let dave = hub.find(&member(4, "dave")).unwrap();
        hub.speak(dave, Form::AsciiStream);
        assert_eq!(
            everyone(&hub.everyone()),
            [(Form::Text, conn(7)), (Form::AsciiStream, conn(6))]
        );
        hub.assert_consistent();
    }

    #[test]
    fn comes_and_goes_like_a_list() {
        let mut state = 1_u64;
        let mut random = move |n: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % n
        };
        let (mut hub, mut model) = (Hub::default(), Vec::new());
        for n in 0..2000_u32 {
            // Numbers and nicks come in no order, and the crowd grows, shrinks and is gone again.
            let shrinks = n / 100 % 2 == 1;
            if !model.is_empty() && random(4) < if shrinks { 3 } else { 1 } {
                let (seat, id): (Slot, i64) = model.remove(random(model.len()));
                assert_eq!(hub.leave(seat).map(|o| o.id), Some(MemberId(id)));
            } else {
                let id = (i64::from(n) * 7919) % 2003;
                let member = member(id, &alloc::format!("é{}", (id * 31) % 2003));
                assert_eq!(hub.find(&member), None);
                let seat = hub.join(ConnId::new(n, 0), Form::Stream, &member);
                assert_eq!(hub.find(&member), Some(seat));
                model.push((seat, id));
            }
            hub.assert_consistent();
            assert!(
                hub.in_order()
                    .map(|o| o.id.0)
                    .eq(model.iter().map(|(_, id)| *id))
            );
            for (seat, id) in &model {
                let online = hub.online(*seat).unwrap();
                assert_eq!((online.id.0, online.name()), (*id, "N"));
                assert_eq!(hub.by_nick(online.nick()).unwrap().id.0, *id);
                assert_eq!(hub.by_member(MemberId(*id)).unwrap().nick(), online.nick());
            }
        }
        assert!(
            hub.seats.len() < 200,
            "seats are used again: {}",
            hub.seats.len()
        );
    }

    #[test]
    fn nicks_of_equal_hashes_are_told_apart() {
        // Found by trying words: FNV-1a of 32 bits gives them the same number.
        let (one, other) = ("nick38659", "nick473034");
        assert_eq!(hash(one), hash(other));
        for (first, second) in [(one, other), (other, one)] {
            let mut hub = Hub::default();
            let seat = hub.join(ConnId::new(1, 0), Form::Stream, &member(1, first));
            assert!(hub.by_nick(first).is_some() && hub.by_nick(second).is_none());
            hub.join(ConnId::new(2, 0), Form::Stream, &member(2, second));
            hub.assert_consistent();
            let id = |nick| hub.by_nick(nick).map(|online| online.id.0);
            assert_eq!((id(first), id(second)), (Some(1), Some(2)));
            hub.leave(seat);
            hub.assert_consistent();
            assert!(hub.by_nick(first).is_none() && hub.by_nick(second).is_some());
        }
    }

    #[test]
    fn a_seat_is_small() {
        // Where a word has 32 bits it may be smaller.
        assert!(size_of::<Place>() <= 48);
    }
}
