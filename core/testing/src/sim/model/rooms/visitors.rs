//! Who was kicked from a room, and who tried wrong keys.

use super::Model;
use crate::sim::key::Key;
use crate::sim::model::guests::is_guest;
use flashgate_core::{MemberId, Source};

/// A member or a guest at the door of a room.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Visitor {
    Member(MemberId),
    /// Its nick without letter case, and where it comes from.
    Guest(String, Source),
}

impl Visitor {
    /// Whether a kick of one keeps the other out: of guests, those with the same nick or the same address.
    pub(super) fn is_kicked_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Guest(nick, source), Self::Guest(other, from)) => {
                nick == other || source == from
            }
            _ => self == other,
        }
    }

    /// Whether wrong keys of one count for the other: of guests, those with the same address.
    pub(super) fn tries_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Guest(_, source), Self::Guest(_, from)) => source == from,
            _ => self == other,
        }
    }
}

impl Model {
    pub(super) fn visitor(&self, id: Key) -> Option<Visitor> {
        let member = self.who(id)?;
        Some(match is_guest(member) {
            true => Visitor::Guest(member.nick.to_lowercase(), self.source(id)),
            false => Visitor::Member(member.id),
        })
    }
}
