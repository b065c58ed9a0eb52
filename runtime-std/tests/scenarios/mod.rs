//! What both runtimes must do with real sockets; each runtime's tests include this and run all of it.
//!
//! The bytes of every rule are the transcripts' business. This is about what sockets add: many
//! clients, slow ones, broken ones, too few descriptors, and the end.

mod client;
mod descriptors;
mod load;
mod talk;
mod world;

pub(crate) use client::Client;
pub(crate) use descriptors::descriptors_run_out;
pub(crate) use load::{
    a_client_that_never_reads, a_late_reader, a_reader_among_flooders, many_clients_at_once,
};
pub(crate) use talk::{
    a_conversation, a_flood_of_commands, a_half_closed_client, a_policy_request,
    a_reset_while_paused, a_stop, calls_after_the_end,
};
pub(crate) use world::{Running, World};

/// Starts a runtime on these listeners.
pub(crate) type Start = fn(Vec<std::net::TcpListener>, flashgate_host::Host) -> Running;
