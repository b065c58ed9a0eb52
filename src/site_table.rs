//! The table of a site, in its own MySQL or MariaDB database: asked at each login, or imported from. The site
//! stays the master, and nothing is ever written there.
//!
//! `address` says where it is, `server` asks it (connections that are kept, time-outs, what is wrong),
//! `table` which columns are what and what the statements are. A row is read as an import would read
//! it. `lookup` answers logins; `watch` asks again and again for the members who are online, since no site
//! announces what it changes.

#[cfg(feature = "mysql")]
mod address;
#[cfg(feature = "mysql")]
mod import;
#[cfg(feature = "mysql")]
mod lookup;
#[cfg(feature = "mysql")]
mod open;
#[cfg(feature = "mysql")]
mod server;
#[cfg(feature = "mysql")]
mod site;
#[cfg(feature = "mysql")]
mod table;
#[cfg(feature = "mysql")]
mod watch;

#[cfg(feature = "mysql")]
pub use self::{
    address::{Address, AddressFault},
    import::import_table,
    site::SiteTable,
};
#[cfg(feature = "mysql")]
pub(crate) use self::{lookup::Live, open::open};

/// Says that this program was built without the client of such a database.
#[cfg(not(feature = "mysql"))]
pub(crate) fn unable() -> crate::failure::Failure {
    crate::failure::Exit::Config.because(
        "this flashgate was built without support for MySQL; build one with it: \
         cargo install --path . --features mysql",
    )
}
