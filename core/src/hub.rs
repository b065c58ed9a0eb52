//! Who is online, and everyone who is to hear of it.
//!
//! "Everyone online" is the one audience there is. Nothing here knows sockets or bytes; a seat is
//! a place in the order of login, which a takeover keeps.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::event::ConnId;
use crate::frame::{Form, Message, Recipients};
use crate::member::{Member, MemberId};
use crate::reply;

/// A place in the order of login. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat(u64);

/// Everyone online, in order of login.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    seats: BTreeMap<Seat, Online>,
    by_member: BTreeMap<MemberId, Seat>,
    by_nick: BTreeMap<Arc<str>, Seat>,
    next: u64,
    /// Made when first asked for, shared until who is online changes.
    everyone: Option<Audience>,
    /// The answer to LIST, likewise.
    list: Option<Message>,
}

/// A member who is online, and where.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) conn: ConnId,
    /// How the connection carries messages; it was decided before its first command.
    pub(crate) form: Form,
    pub(crate) member: Member,
}

/// Those who are to hear something, by the wire form in which they do; no form without anybody.
pub(crate) type Audience = Arc<[Recipients]>;

impl Hub {
    /// Gives a newcomer the last place. Nobody of the same number or nick may be online.
    pub(crate) fn join(&mut self, conn: ConnId, form: Form, member: Member) -> Seat {
        let seat = Seat(self.next);
        self.next += 1;
        self.by_member.insert(member.id, seat);
        self.by_nick.insert(member.nick.clone(), seat);
        self.seats.insert(seat, Online { conn, form, member });
        self.changed();
        seat
    }

    /// Gives a seat to another connection of the same member, by the same nick; returns the old one.
    pub(crate) fn replace(
        &mut self,
        seat: Seat,
        conn: ConnId,
        form: Form,
        member: Member,
    ) -> Option<ConnId> {
        let online = self.seats.get_mut(&seat)?;
        let old = core::mem::replace(online, Online { conn, form, member });
        self.changed();
        Some(old.conn)
    }

    /// Takes a member off the list.
    pub(crate) fn leave(&mut self, seat: Seat) -> Option<Member> {
        let Online { member, .. } = self.seats.remove(&seat)?;
        self.by_member.remove(&member.id);
        self.by_nick.remove(&member.nick);
        self.changed();
        Some(member)
    }

    /// Whoever is online under this number, or this nick.
    pub(crate) fn find(&self, member: &Member) -> Option<Seat> {
        self.by_member
            .get(&member.id)
            .or_else(|| self.by_nick.get(&member.nick))
            .copied()
    }

    pub(crate) fn by_member(&self, id: MemberId) -> Option<&Online> {
        self.online(*self.by_member.get(&id)?)
    }

    pub(crate) fn by_nick(&self, nick: &str) -> Option<&Online> {
        self.online(*self.by_nick.get(nick)?)
    }

    pub(crate) fn online(&self, seat: Seat) -> Option<&Online> {
        self.seats.get(&seat)
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Everyone online, as of now.
    pub(crate) fn everyone(&mut self) -> Audience {
        let seats = &self.seats;
        let speaking = |form| {
            let online = seats.values().filter(move |online| online.form == form);
            Recipients::new(form, online.map(|online| online.conn))
        };
        let audience = || {
            let forms = Form::ALL.into_iter().map(speaking);
            forms.filter(|who| who.iter().len() > 0).collect()
        };
        self.everyone.get_or_insert_with(audience).clone()
    }

    /// The answer to LIST, as of now.
    pub(crate) fn list(&mut self) -> Message {
        let seats = &self.seats;
        self.list
            .get_or_insert_with(|| reply::nicklist(seats.values().map(|online| &online.member)))
            .clone()
    }

    fn changed(&mut self) {
        self.everyone = None;
        self.list = None;
    }
}

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
        let alice = hub.join(conn(1), Form::Stream, member(1, "alice"));
        let bob = hub.join(conn(2), Form::Stream, member(2, "bob"));
        let before = hub.everyone();
        assert_eq!(
            hub.replace(alice, conn(3), Form::Stream, member(1, "alice")),
            Some(conn(1))
        );
        let everyone = |audience: &Audience| -> alloc::vec::Vec<(Form, ConnId)> {
            let who = |who: &Recipients| {
                let form = who.form();
                who.iter()
                    .map(move |id| (form, id))
                    .collect::<alloc::vec::Vec<_>>()
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
        let carol = hub.join(conn(5), Form::Text, member(3, "carol"));
        hub.join(conn(6), Form::Stream, member(4, "dave"));
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
        assert_eq!(hub.leave(bob).map(|m| m.id), Some(MemberId(2)));
        assert!(
            hub.leave(bob).is_none()
                && hub
                    .replace(bob, conn(4), Form::Stream, member(2, "bob"))
                    .is_none()
        );
        assert_eq!(
            (hub.len(), hub.by_member.len(), hub.by_nick.len()),
            (2, 2, 2)
        );
    }
}
