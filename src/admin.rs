//! Administration of a running server, over HTTP and JSON: what answers the core's requests. `openapi.json` describes
//! the interface, and a test compares it with the routes.
//!
//! The core frames requests and carries out orders; here is who may do what (`access`), which path means what
//! (`routes`, `orders`), and what concerns members (`members`). One thread works on one request after the other, so
//! that neither a flood of requests nor a slow disk delays the chat.

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
