//! What a pool asks: a store of our own, or the table of a site.

use std::time::Instant;

use flashgate_core::name::Nick;
use flashgate_core::{Login, Member, MemberEvent, MemberId, Note};

use super::error::StoreError;
use super::notes::Renewed;
use super::rename::Renaming;
use super::stamp::Inode;
use crate::password::Hash;

/// Where lookups find their answers. Called by all threads of a pool.
pub(crate) trait Backend: Send + Sync {
    /// Finds the member that a client names, active or not. The client asked at `since`.
    fn find(&self, login: &Login, since: Instant) -> Result<Option<Found>, StoreError>;

    /// Logs in a member that `is_right` accepts, if that is possible without waiting: this runs on the thread that
    /// owns the gateway. `None` means only that [`find`](Self::find) has to be asked.
    fn let_in_at_once(
        &self,
        login: &Login,
        is_right: &mut dyn FnMut(&Found) -> bool,
    ) -> Option<Member>;

    /// Notes a good login.
    ///
    /// False if the member has changed since it was found. The login has to fail then, because the change
    /// would not log it out.
    fn note_login(&self, found: &Found) -> bool;

    /// Stores the hash of another password at once. False if the row is no longer as it was found.
    fn set_password(&self, found: &Found, hash: &Hash) -> Result<bool, StoreError>;

    /// Notes the new hash of a password, unless another one is stored by then.
    fn note_renewed(&self, found: &Found, renewed: Renewed);

    /// Gives a member another nick, unless that is taken. The client asked at `since`.
    fn rename(&self, member: MemberId, nick: &Nick, since: Instant)
    -> Result<Renaming, StoreError>;

    /// Whether new hashes are stored.
    fn keeps_hashes(&self) -> bool;

    /// Reports changes that log a member out or give it another nick, from now on.
    fn watch(&self, tell: Tell);

    /// Takes a note of the core.
    fn heard(&self, note: &Note);

    /// To be called when [`LOOK`](super::watch::LOOK) has passed since the last time and no lookup waits.
    fn quiet(&self);

    /// To be called after every lookup.
    fn answered(&self);

    /// To be called as a thread ends.
    fn end(&self);

    /// Whether a thread can get stuck in it.
    fn may_hang(&self) -> bool {
        false
    }

    /// The threads that are stuck in it.
    fn stuck(&self) -> Stuck {
        Stuck::default()
    }

    /// Gives up a thread that has been stuck for too long at `now`, or says that it cannot give up another.
    /// Returns what is wrong. To be called once in a while.
    fn give_up_stuck(&self, _now: Instant) -> Option<StoreError> {
        None
    }
}

/// The threads that are stuck in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// Threads that were given up and have not returned. Another works in the place of each.
    pub(crate) threads: usize,
    /// One more is stuck, and cannot be given up: no question can be answered now.
    pub(crate) is_everybody: bool,
}

/// A member as a lookup needs it, with what the password is compared with.
pub(crate) struct Found {
    pub(crate) member: Member,
    pub(crate) active: bool,
    /// Never shown: this type has no `Debug`.
    pub(crate) password: String,
    /// Why the site's password cannot be used; `password` is empty then.
    pub(crate) unusable: Option<String>,
    /// The last change that had been made when this was read.
    pub(crate) as_of: i64,
    /// How often the watch had compared all members by then.
    pub(crate) comparisons: u64,
    /// The file that it is in; `None` in memory.
    pub(crate) file: Option<Inode>,
}

/// Reports a change.
pub(crate) type Tell = Box<dyn Fn(MemberEvent) + Send>;
