//! The chat: commands, answers, who is online, and who has to wait before the next login.
//!
//! It knows no socket, no wire form and no frame: it could be replaced by another service.

pub(crate) mod command;
pub(crate) mod hub;
pub(crate) mod reply;
pub(crate) mod throttle;
