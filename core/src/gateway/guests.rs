//! Guests: clients online without an account, and how many there are from each address.

use alloc::collections::BTreeMap;

use super::Gateway;
use super::caller::Caller;
use crate::chat::commands::identify;
use crate::id::{ConnId, Source};
use crate::member::Identity;
use crate::name::GuestNick;

/// How many guests are online from each address that is not exempt. Connections bound it.
#[derive(Debug, Default)]
pub(super) struct GuestSources(BTreeMap<Source, u32>);

impl GuestSources {
    fn online(&self, source: Source) -> usize {
        self.0.get(&source).map_or(0, |online| *online as usize)
    }

    fn add(&mut self, source: Source) {
        *self.0.entry(source).or_default() += 1;
    }

    fn remove(&mut self, source: Source) {
        if let Some(online) = self.0.get_mut(&source) {
            *online -= 1;
            if *online == 0 {
                self.0.remove(&source);
            }
        }
    }

    /// How many guests are counted.
    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn total(&self) -> usize {
        self.0.values().map(|online| *online as usize).sum()
    }
}

impl Gateway {
    /// Whether one more guest may come online from a connection's address.
    pub(super) fn may_add_guest(&self, id: ConnId) -> bool {
        self.guest_source(id)
            .is_none_or(|source| self.guests.online(source) < self.config.limits.guests_from)
    }

    /// Makes a connection a guest. No other guest may have the nick.
    pub(super) fn be_guest(&mut self, id: ConnId, nick: &GuestNick) {
        self.note_login(id, Identity::Guest(nick.as_str().into()));
        let (form, level) = (self.form(id), self.level(id));
        let slot = self.hub.join_guest(id, form, level, nick);
        self.sit(id, slot);
        if let Some(source) = self.guest_source(id) {
            self.guests.add(source);
        }
        let mut caller = Caller {
            gateway: self,
            conn: id,
        };
        identify::welcome(&mut caller, nick.as_str(), nick.as_str());
    }

    /// A guest leaves.
    pub(super) fn guest_left(&mut self, id: ConnId) {
        self.renamings.forget_guest(id);
        if let Some(source) = self.guest_source(id) {
            self.guests.remove(source);
        }
    }

    /// What a connection's guest counts against; `None` where its address is exempt.
    fn guest_source(&self, id: ConnId) -> Option<Source> {
        self.conns.known(id)?.counted().map(Source::of)
    }
}
