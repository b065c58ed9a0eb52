//! Warnings about members who cannot log in.

use std::collections::BTreeMap;
use std::time::Instant;

use flashgate_core::MemberId;

use crate::store::{COMPLAIN_AGAIN, StoreError};

/// Warns about the store now and then, not at every login: anybody can try to log in, as often as the rate
/// limit allows.
#[derive(Default)]
pub(super) struct Complaints {
    last: Option<(Instant, StoreError)>,
    /// Members that a warning was logged about, and when.
    members: BTreeMap<MemberId, Instant>,
    /// When a warning was logged about a new password.
    password: Option<Instant>,
}

impl Complaints {
    pub(super) fn about(&mut self, error: &StoreError) {
        let known = self.last.as_ref().is_some_and(|(when, last)| {
            last.fault == error.fault && when.elapsed() < COMPLAIN_AGAIN
        });
        if !known {
            log::warn!("nobody can log in: {error}");
            self.last = Some((Instant::now(), error.clone()));
        }
    }

    pub(super) fn about_member(&mut self, id: MemberId, why: &str) {
        if self.members.len() >= MAX_COMPLAINTS {
            self.members
                .retain(|_, when| when.elapsed() < COMPLAIN_AGAIN);
        }
        let known = self.members.get(&id);
        if known.is_some_and(|when| when.elapsed() < COMPLAIN_AGAIN)
            || self.members.len() >= MAX_COMPLAINTS
        {
            return;
        }
        self.members.insert(id, Instant::now());
        log::warn!("member {id} cannot log in: {why}");
    }

    /// Warns that a new password could not be stored. Members can still log in.
    pub(super) fn about_a_password(&mut self, why: &str) {
        let known = self.password;
        if known.is_none_or(|when| when.elapsed() >= COMPLAIN_AGAIN) {
            log::warn!("a member's new password is not stored: {why}");
            self.password = Some(Instant::now());
        }
    }

    /// Whether the store has answered since the last complaint about it.
    pub(super) fn are_settled(&self) -> bool {
        self.last.is_none()
    }

    pub(super) fn settled(&mut self) {
        if self.last.take().is_some() {
            log::warn!("the member store answers again");
        }
    }
}

/// The number of members to warn about within that time. Warnings about further members come later.
const MAX_COMPLAINTS: usize = 100;
