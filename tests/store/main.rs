//! The member store under a running server.

mod changes;
#[cfg(feature = "mysql")]
#[path = "../program/database.rs"]
mod database;
mod files;
mod fixture;
mod injection;
mod known;
#[cfg(feature = "mysql")]
mod live;
mod logins;
mod nicks;
mod passwords;
mod pool;
mod renewed;
#[cfg(target_os = "linux")]
mod room;
#[cfg(feature = "mysql")]
mod sessions;
#[path = "../program/signed.rs"]
mod signed;
#[cfg(feature = "mysql")]
mod table;
mod tickets;
