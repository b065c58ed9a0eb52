//! The table of a site, in its own MySQL or MariaDB database, asked at each login: the site stays the
//! master, and nothing is ever written there.
//!
//! `address` says where it is, `server` asks it (connections that are kept, time-outs, what is wrong),
//! `table` which columns are what and what the statements are. A row is read as an import would read
//! it. `watch` asks again and again for those who are online, since no site tells what it changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flashgate_core::{Login, Member, Note, Secret};

use super::backend::Backend;
use super::import::Options;
use super::notes::Renewed;
use super::opened::Found;
use super::schema::{Fault, StoreError};
use super::watch::{LOOK, Tell};

mod address;
mod server;
mod table;
mod watch;

pub use address::{Address, AddressFault};
pub(super) use server::{Patience, Server};
pub(super) use table::Table;
use watch::Watch;

/// A table of a site that is asked, or imported from.
#[derive(Clone, Debug)]
pub struct SiteTable {
    address: Address,
    password: Option<Secret>,
    options: Options,
}

impl SiteTable {
    /// The table at an address, and how it is read.
    pub fn new(address: Address, password: Option<Secret>, options: Options) -> Self {
        Self {
            address,
            password,
            options,
        }
    }

    /// Where it is, without any password.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn server(&self, patience: Patience) -> Server {
        Server::new(&self.address, self.password.as_ref(), patience)
    }

    pub(super) fn error(&self, fault: Fault) -> StoreError {
        fault.at(self.address.as_path())
    }

    /// Whether some row is of an active member, where a column says so: a wrong name of a value would lock all
    /// members out. Looks at rows until one is.
    pub fn has_active(&self) -> Result<bool, StoreError> {
        let server = self.server(Patience::Import);
        Table::find(&server, &self.options)
            .and_then(|table| table.has_active(&server))
            .map_err(|fault| self.error(fault))
    }

    /// How long the slowest hash in it takes to check, on a slow machine. Looks at every row, and waits
    /// for them as an import does.
    pub fn slowest_check(&self) -> Result<Duration, StoreError> {
        let server = self.server(Patience::Import);
        Table::find(&server, &self.options)
            .and_then(|table| table.slowest_check(&server))
            .map_err(|fault| self.error(fault))
    }
}

/// A table that is open for lookups.
pub(super) struct Live {
    site: SiteTable,
    server: Server,
    table: Table,
    watch: Watch,
    /// The last look has failed.
    is_deaf: AtomicBool,
}

impl Live {
    /// Looks at the table, and finds its columns.
    pub(super) fn open(site: &SiteTable) -> Result<Self, StoreError> {
        let server = site.server(Patience::Lookup);
        let table = Table::find(&server, &site.options).map_err(|fault| site.error(fault))?;
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
                    log::warn!("what the site changes is heard of again");
                }
            }
            // Nobody may be logging in, who would be told; and whoever is banned now stays.
            Err(fault) => {
                if !self.is_deaf.swap(true, Ordering::Relaxed) {
                    let error = self.site.error(fault);
                    log::warn!("whom the site bans or renames is not heard of: {error}");
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
        // Whoever was changed since the row was read is found out by the next look.
        self.watch.let_in(&found.member, Instant::now());
        true
    }

    /// Nothing is written there.
    fn note_renewed(&self, _found: &Found, _renewed: Renewed) {}

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
