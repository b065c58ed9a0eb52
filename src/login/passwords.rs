//! Changes of passwords: the old password is checked as at a login, and the new hash is stored at once.

use std::time::Instant;

use flashgate_core::{Answer, Login, MemberId, Secret, Unavailable};

use super::worker::{LOOKUP, Row, Shared};
use crate::password::Hash;
use crate::prompt;

impl Shared {
    /// Changes a password. Returns the answer for the client, which asked at `since`.
    pub(super) fn change_password(
        &self,
        member: MemberId,
        old: &Secret,
        new: &Secret,
        since: Instant,
    ) -> Answer {
        let login = Login::Id(member);
        for _ in 0..TRIES {
            let looked_up = Instant::now() + self.refusal / LOOKUP;
            let Row { found, member } = match self.find(&login, since) {
                Ok(row) => row,
                Err(why) => return Answer::Unavailable(why),
            };
            let place = self.places.take();
            let began = Instant::now().max(looked_up);
            // A ticket is no password: with one, a client could set a password without knowing the old one.
            let proof = self.prove(&login, old, found.as_ref());
            let found = match found.and_then(|found| proof.map(|_| found)) {
                Ok(found) => found,
                Err(why) => {
                    self.queue.sleep_until(began + self.refusal);
                    return Answer::Denied(why, member);
                }
            };
            drop(place);
            if prompt::fault(new.expose()).is_some() {
                return Answer::PasswordNotAllowed;
            }
            let hash = {
                let _permit = self.hashing.take();
                Hash::new(new)
            };
            let hash = match hash {
                Ok(hash) => hash,
                Err(fault) => {
                    let why = format!("its hash {fault}");
                    self.complaints.lock().about_a_password(&why);
                    return Answer::Unavailable(Unavailable::Failed);
                }
            };
            if since.elapsed() > self.patience / 2 {
                // The write may take some more seconds, and must end before the core gives the question up.
                return Answer::Unavailable(Unavailable::TimedOut);
            }
            match self.backend.set_password(&found, &hash) {
                Ok(true) => {
                    let mut verified = self.verified.lock();
                    verified.keep(&login, new, hash.as_str(), Instant::now());
                    return Answer::PasswordChanged;
                }
                // The stored hash was renewed, or the row changed, since it was read.
                Ok(false) => {}
                Err(error) => {
                    // Members may still log in, so the store does not count as down.
                    self.complaints.lock().about_a_password(&error.to_string());
                    return Answer::Unavailable(Unavailable::Failed);
                }
            }
        }
        Answer::Unavailable(Unavailable::Busy)
    }
}

/// How often a change begins anew because the row has changed since it was read.
const TRIES: usize = 3;
