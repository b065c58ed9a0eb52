//! The code of each command, in a file of its own. Their words and arguments are in
//! [`command`](super::command).

pub(crate) mod guest;
pub(crate) mod hello;
pub(crate) mod identify;
mod inside;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod msg;
pub(crate) mod nick;
pub(crate) mod open;
pub(crate) mod part;
pub(crate) mod passwd;
pub(crate) mod ping;
pub(crate) mod quit;
pub(crate) mod rooms;
pub(crate) mod topic;
pub(crate) mod who;
