//! A group: connections that get the same messages, in the order in which they joined.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use crate::chat::order::{Order, Slot};
use crate::chat::reply;
use crate::chunk::{Audience, Chunk, Form, Kept, Recipients};
use crate::id::ConnId;

/// What a group knows of each of its connections.
pub(crate) trait Seat {
    fn conn(&self) -> ConnId;

    /// The form in which the connection gets messages.
    fn form(&self) -> Form;

    fn set_form(&mut self, form: Form);

    /// Whether the connection's bytes cannot be shared.
    fn is_alone(&self) -> bool;

    fn set_alone(&mut self);

    /// Nick and name in the group's list.
    fn names(&self) -> (&str, &str);
}

/// Seats, in the order in which they joined.
#[derive(Debug)]
pub(crate) struct Group<T> {
    audience: Audience,
    order: Order<T>,
    /// How many seats there are of each form, in the order of [`Form::ALL`].
    counts: [usize; Form::ALL.len()],
    /// How many seats are of connections whose bytes cannot be shared.
    alone: usize,
    /// Made when first needed, and shared until the group changes.
    recipients: Option<Arc<[Recipients]>>,
    /// The list of the group, likewise.
    list: Option<Kept>,
}

impl<T: Seat> Group<T> {
    /// A group without seats.
    pub(crate) fn new(audience: Audience) -> Self {
        Self {
            audience,
            order: Order::new(),
            counts: [0; Form::ALL.len()],
            alone: 0,
            recipients: None,
            list: None,
        }
    }

    /// Puts a seat at the end.
    pub(crate) fn join(&mut self, seat: T) -> Slot {
        self.counts[seat.form() as usize] += 1;
        self.changed();
        self.order.push(seat)
    }

    /// Puts a seat in the place of another; returns that.
    pub(crate) fn replace(&mut self, slot: Slot, seat: T) -> Option<T> {
        let old = self.seat_mut(slot)?;
        let new = seat.form();
        let old = mem::replace(old, seat);
        self.counts[old.form() as usize] -= 1;
        self.counts[new as usize] += 1;
        self.alone -= usize::from(old.is_alone());
        self.changed();
        Some(old)
    }

    /// A connection gets messages in another form from now on.
    pub(crate) fn speak(&mut self, slot: Slot, form: Form) {
        let Some(seat) = self.seat_mut(slot) else {
            return;
        };
        let old = seat.form();
        seat.set_form(form);
        self.counts[old as usize] -= 1;
        self.counts[form as usize] += 1;
        self.recipients = None;
    }

    /// The bytes of a connection cannot be shared.
    pub(crate) fn isolate(&mut self, slot: Slot) {
        if let Some(seat) = self.seat_mut(slot)
            && !seat.is_alone()
        {
            seat.set_alone();
            self.alone += 1;
            self.recipients = None;
        }
    }

    /// Changes the names of a seat, which only the list shows.
    pub(crate) fn rename(&mut self, slot: Slot, change: impl FnOnce(&mut T)) {
        if let Some(seat) = self.seat_mut(slot) {
            change(seat);
            self.list = None;
        }
    }

    /// Takes a seat out.
    pub(crate) fn leave(&mut self, slot: Slot) -> Option<T> {
        let seat = self.order.remove(slot)?;
        self.counts[seat.form() as usize] -= 1;
        self.alone -= usize::from(seat.is_alone());
        self.changed();
        Some(seat)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        self.order.get(slot)
    }

    /// All connections of the group as of now, by the form in which they get messages; no form without any.
    pub(crate) fn recipients(&mut self) -> Arc<[Recipients]> {
        if let Some(recipients) = &self.recipients {
            return Arc::clone(recipients);
        }
        let forms = Form::ALL.into_iter().zip(self.counts);
        let forms = forms.filter(|(_, count)| *count > 0).map(|(form, count)| {
            let mut seats = self.in_order().filter(|seat| seat.form() == form);
            // Of a known length, so that they are collected in one piece of just that size.
            let ids = (0..count).map(|_| seats.next().expect("they are counted").conn());
            self.divided(Recipients::new(self.audience, form, ids), |_| true)
        });
        let recipients = forms.collect();
        Arc::clone(self.recipients.insert(recipients))
    }

    /// Some of the connections as of now, by form like all, as an audience of their own.
    pub(crate) fn recipients_of(
        &self,
        audience: Audience,
        is_of: impl Fn(&T) -> bool,
    ) -> Arc<[Recipients]> {
        let forms = Form::ALL.into_iter().map(|form| {
            let seats = self.in_order();
            let ids = seats.filter(|seat| seat.form() == form && is_of(seat));
            self.divided(Recipients::new(audience, form, ids.map(T::conn)), &is_of)
        });
        forms.filter(|some| some.iter().len() > 0).collect()
    }

    /// Divides recipients, once for all their messages, where some cannot share their bytes.
    fn divided(&self, all: Recipients, is_of: impl Fn(&T) -> bool) -> Recipients {
        if self.alone == 0 {
            return all;
        }
        let (audience, form) = (all.audience(), all.form());
        let seats = || {
            self.in_order()
                .filter(|seat| seat.form() == form && is_of(seat))
        };
        let alone: Vec<_> = seats()
            .filter(|seat| seat.is_alone())
            .map(T::conn)
            .collect();
        if alone.is_empty() {
            return all;
        }
        let others = seats().filter(|seat| !seat.is_alone());
        let shared = Recipients::new(audience, form, others.map(T::conn));
        all.divided(alone, shared)
    }

    /// The list of the group as of now. All who wait for the same list share its bytes.
    pub(crate) fn list(&mut self, form: Form) -> Chunk {
        let nicks = self.order.iter().map(T::names);
        let list = self
            .list
            .get_or_insert_with(|| Kept::new(reply::nicklist(nicks)));
        list.to(form)
    }

    pub(crate) fn in_order(&self) -> impl Iterator<Item = &T> {
        self.order.iter()
    }

    pub(crate) fn seat_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.order.get_mut(slot)
    }

    fn changed(&mut self) {
        self.recipients = None;
        self.list = None;
    }

    /// How many places there are, taken or free.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.order.capacity()
    }

    /// Panics if the order of `len` seats, or what is counted of them, is wrong.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn assert_consistent(&self, len: usize) {
        self.order.assert_consistent(len);
        let counts = Form::ALL.map(|form| self.in_order().filter(|s| s.form() == form).count());
        assert_eq!(counts, self.counts, "each seat is counted once");
        let alone = self.in_order().filter(|seat| seat.is_alone()).count();
        assert_eq!(alone, self.alone, "each that is alone, too");
    }
}
