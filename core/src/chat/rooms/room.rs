//! One room: what it is, who is in it, and what was encoded of it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Left;
use super::strangers::Kicks;
use crate::chat::group::{Group, Seat as _};
use crate::chat::hub::OnlineMember;
use crate::chat::order::{Order, Slot};
use crate::chat::reply;
use crate::chunk::{Audience, Chunk, Form, Kept, Recipients};
use crate::id::{RoomId, Source};

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    /// The key of its name.
    pub(super) name_key: Arc<str>,
    /// As its creator wrote it.
    pub(crate) name: Box<str>,
    topic: Box<str>,
    pub(crate) key: Option<Box<str>>,
    pub(crate) hidden: bool,
    pub(super) permanent: bool,
    pub(crate) owner: Option<Slot>,
    /// What it counts against.
    pub(super) from: Option<Source>,
    pub(crate) kicks: Kicks,
    /// The members' slots in the hub.
    members: Order<Slot>,
    len: usize,
    /// Each of these is made when it is first needed, and kept until it changes.
    recipients: Option<Arc<[Recipients]>>,
    state: Option<Kept>,
    row: Option<Box<str>>,
    row_without_topic: Option<Box<str>>,
}

impl Room {
    pub(super) fn new(id: RoomId, name_key: Arc<str>, name: &str) -> Self {
        Self {
            id,
            name_key,
            name: Box::from(name),
            topic: Box::default(),
            key: None,
            hidden: false,
            permanent: false,
            owner: None,
            from: None,
            kicks: Kicks::default(),
            members: Order::new(),
            len: 0,
            recipients: None,
            state: None,
            row: None,
            row_without_topic: None,
        }
    }

    /// The key of its name.
    pub(crate) fn name_key(&self) -> &str {
        &self.name_key
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether the operator has made it.
    pub(crate) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// How many members are in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn join(&mut self, member: Slot) -> Slot {
        if self.len == 0 && !self.permanent {
            self.owner = Some(member);
        }
        self.len += 1;
        self.changed();
        self.members.push(member)
    }

    pub(super) fn leave(&mut self, member: Slot, seat: Slot) -> Left {
        self.members.remove(seat);
        self.len -= 1;
        self.changed();
        if self.len == 0 {
            return Left::Empty;
        }
        if self.owner != Some(member) {
            return Left::Stays;
        }
        self.owner = self.members.iter().next().copied();
        self.owner.map_or(Left::Stays, Left::HandedTo)
    }

    /// The last member has left: what belongs to the visit of its members is gone.
    pub(super) fn clear(&mut self) {
        self.members = Order::new();
        self.len = 0;
        self.owner = None;
        self.kicks = Kicks::default();
        self.changed();
    }

    /// It is the operator's from now on. Returns what it counted against.
    pub(super) fn make_permanent(&mut self, topic: &str) -> Option<Source> {
        self.permanent = true;
        self.owner = None;
        self.key = None;
        self.hidden = false;
        if !topic.is_empty() {
            self.topic = Box::from(topic);
        }
        self.shown_otherwise();
        self.from.take()
    }

    pub(crate) fn set_topic(&mut self, topic: &str) {
        self.topic = Box::from(topic);
        self.shown_otherwise();
    }

    /// The connections of its members as of now.
    pub(crate) fn recipients(&mut self, everyone: &Group<OnlineMember>) -> Arc<[Recipients]> {
        if let Some(recipients) = &self.recipients {
            return Arc::clone(recipients);
        }
        let mut seats = Vec::with_capacity(self.len);
        let online = self.members.iter().filter_map(|slot| everyone.get(*slot));
        seats.extend(online.map(|online| (online.form(), online.is_alone(), online.conn)));
        let audience = Audience::Room(self.id);
        let forms = Form::ALL.into_iter().filter_map(|form| {
            let ids = |wanted: fn(bool) -> bool| {
                let seats = seats.iter();
                let seats = seats.filter(move |(of, alone, _)| *of == form && wanted(*alone));
                seats.map(|(_, _, conn)| *conn)
            };
            ids(|_| true).next()?;
            let all = Recipients::new(audience, form, ids(|_| true));
            let alone: Vec<_> = ids(|alone| alone).collect();
            if alone.is_empty() {
                return Some(all);
            }
            Some(all.divided(alone, Recipients::new(audience, form, ids(|alone| !alone))))
        });
        let recipients: Arc<[Recipients]> = forms.collect();
        Arc::clone(self.recipients.insert(recipients))
    }

    /// Its state as of now. All who get it share its bytes.
    pub(crate) fn state(&mut self, everyone: &Group<OnlineMember>, form: Form) -> Chunk {
        let state = self.state.get_or_insert_with(|| {
            let members = self.members.last(MOST_LISTED);
            let members = members.filter_map(|slot| everyone.get(*slot));
            let owner = self.owner.and_then(|owner| everyone.get(owner));
            let owner = owner.map_or("", OnlineMember::nick);
            let more = self.len.saturating_sub(MOST_LISTED);
            let members = members.map(OnlineMember::names);
            let state = reply::room(&self.name, &self.topic, owner, more, members);
            Kept::new(state)
        });
        state.to(form)
    }

    /// Its row in ROOMS.
    pub(super) fn row(&mut self, is_in: bool) -> &str {
        let shows_topic = is_in || self.key.is_none();
        let (row, topic) = if shows_topic {
            (&mut self.row, &*self.topic)
        } else {
            (&mut self.row_without_topic, "")
        };
        let made = || reply::rooms_row(&self.name, topic, self.len);
        row.get_or_insert_with(|| made().into_boxed_str())
    }

    /// The slots of its members.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Slot> {
        self.members.iter().copied()
    }

    fn changed(&mut self) {
        self.recipients = None;
        self.shown_otherwise();
    }

    fn shown_otherwise(&mut self) {
        self.state = None;
        self.row = None;
        self.row_without_topic = None;
    }

    /// A member is on another connection, or gets messages in another form.
    pub(super) fn readdressed(&mut self) {
        self.recipients = None;
    }

    /// A member is shown otherwise.
    pub(super) fn renamed(&mut self) {
        self.state = None;
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn seat(&self, seat: Slot) -> Option<Slot> {
        self.members.get(seat).copied()
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn assert_consistent(&self) {
        self.members.assert_consistent(self.len);
        match self.owner {
            Some(owner) => assert!(self.in_order().any(|member| member == owner)),
            None => assert!(self.permanent || self.len > 0),
        }
        assert!(!self.permanent || self.key.is_none() && !self.hidden && self.from.is_none());
    }
}

/// A state lists no more members than those who came last.
const MOST_LISTED: usize = 200;
