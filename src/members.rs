//! The `members` commands: what an operator does to the member store.

mod backup;
mod check;
mod command;
mod common;
mod export;
mod import;
mod list;
mod rename;
mod show;

pub use command::MembersCommand;
pub(crate) use command::run;
