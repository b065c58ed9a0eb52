//! Administration of a running server over HTTP and JSON: this module answers the core's requests. `openapi.json`
//! describes the interface, and a test compares it with the routes.
//!
//! The core frames requests and carries out orders. This module has the permissions (`access`), the paths (`routes`),
//! what each path leads to (`orders`), and the changes to members (`members`). One thread works on one request after
//! the other, so that neither a flood of requests nor a slow disk delays the chat.

mod access;
mod body;
mod desk;
mod members;
mod orders;
mod problem;
mod routes;
#[cfg(test)]
mod tests;

pub use access::{TokenFault, Tokens};
pub(crate) use desk::{Answered, Desk, MembersAt, Reloaded, Setup, Shared};
pub(crate) use routes::encoded;
