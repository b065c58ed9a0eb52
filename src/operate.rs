//! `flashgate admin`: the client of the administration of a running server, which [`admin`](crate::admin) answers.

mod client;
mod command;
mod show;
mod target;

pub use command::{AdminCommand, run};
