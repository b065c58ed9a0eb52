//! The code of each command, in a file of its own. Their words and arguments are in
//! [`command`](super::command).

pub(crate) mod guest;
pub(crate) mod hello;
pub(crate) mod identify;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod msg;
pub(crate) mod nick;
pub(crate) mod ping;
pub(crate) mod quit;
