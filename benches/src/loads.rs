//! The kinds of work that servers are given.

pub(crate) mod burst;
pub(crate) mod handshakes;
pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod noise;
pub(crate) mod pairs;
pub(crate) mod presence;
pub(crate) mod rooms;
pub(crate) mod slow;
