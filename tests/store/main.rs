//! The member store as a running server meets it.

mod changes;
mod files;
mod fixture;
mod injection;
mod known;
mod logins;
mod pool;
mod renewed;
#[path = "../program/signed.rs"]
mod signed;
mod tickets;
