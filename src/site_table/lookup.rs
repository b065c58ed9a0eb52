//! Logins by the table of a site.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use flashgate_core::{Login, Member, MemberId, Note};

use super::server::{Patience, Server};
use super::site::SiteTable;
use super::table::Table;
use super::watch::Watch;
use crate::password::Hash;
use crate::store::{Backend, Fault, Found, LOOK, Nick, Renaming, Renewed, StoreError, Tell};

/// A table that is open for lookups.
pub(crate) struct Live {
    site: SiteTable,
    server: Server,
    table: Table,
    watch: Watch,
    /// The last look has failed.
    is_deaf: AtomicBool,
}

impl Live {
    /// Looks at the table, and finds its columns.
    pub(crate) fn open(site: &SiteTable) -> Result<Self, StoreError> {
        let server = site.server(Patience::Lookup);
        let table = Table::find(&server, site.options()).map_err(|fault| site.error(fault))?;
        Ok(Self {
            site: site.clone(),
            server,
            table,
            watch: Watch::default(),
            is_deaf: AtomicBool::new(false),
        })
    }

    /// Finds out what others have changed, if it is time to.
    fn look(&self) {
        let Some(known) = self.watch.due(LOOK, Instant::now()) else {
            return;
        };
        match self.table.among(&self.server, known.ids()) {
            Ok(now) => {
                self.watch.compare(&known, now);
                if self.is_deaf.swap(false, Ordering::Relaxed) {
                    log::warn!("changes on the site are noticed again");
                }
            }
            // Logged, because no failing login may report it, and members that the site bans stay online.
            Err(fault) => {
                if !self.is_deaf.swap(true, Ordering::Relaxed) {
                    let error = self.site.error(fault);
                    log::warn!("members whom the site bans or renames stay online: {error}");
                }
            }
        }
    }
}

impl Backend for Live {
    fn find(&self, login: &Login, since: Instant) -> Result<Option<Found>, StoreError> {
        let found = self.table.member(&self.server, login, since);
        found.map_err(|fault| self.site.error(fault))
    }

    /// To ask a database is to wait.
    fn let_in_at_once(
        &self,
        _login: &Login,
        _is_right: &mut dyn FnMut(&Found) -> bool,
    ) -> Option<Member> {
        None
    }

    fn note_login(&self, found: &Found) -> bool {
        // A change since the row was read is found by the next look.
        self.watch.let_in(&found.member, Instant::now());
        true
    }

    /// Never called: PASSWD is switched off where members are in the table of a site.
    fn set_password(&self, _found: &Found, _hash: &Hash) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Nothing is written there.
    fn note_renewed(&self, _found: &Found, _renewed: Renewed) {}

    /// The site looks after its own table; the core does not ask.
    fn rename(
        &self,
        _member: MemberId,
        _nick: &Nick,
        _since: Instant,
    ) -> Result<Renaming, StoreError> {
        let why = "nicks are changed on the site".to_owned();
        Err(self.site.error(Fault::Other(why)))
    }

    fn keeps_hashes(&self) -> bool {
        false
    }

    fn watch(&self, tell: Tell) {
        self.watch.begin(tell);
    }

    fn heard(&self, note: &Note) {
        self.watch.heard(note);
    }

    fn quiet(&self) {
        self.look();
    }

    fn answered(&self) {
        self.look();
    }

    fn end(&self) {}
}
