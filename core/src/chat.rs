//! The chat: commands, their replies, who is online, and the throttle of failed logins.
//!
//! It knows no socket, no wire form and no frame. What it needs of the gateway it asks of a
//! [`Context`](context::Context), so that another service could take its place.

pub(crate) mod attempt;
pub(crate) mod command;
pub(crate) mod commands;
pub(crate) mod context;
pub(crate) mod event;
mod group;
mod guests;
pub(crate) mod hub;
mod order;
pub(crate) mod question;
pub(crate) mod reply;
pub(crate) mod rooms;
pub(crate) mod throttle;
