//! The flashgate program as a library: everything that is neither protocol nor runtime.
//!
//! The binary is [`cli::main`] and nothing else; the modules are public so that tests can use them.
//!
//! - [`cli`] reads the command line and decides the exit code.
//! - [`config`] reads the configuration file and the environment, which become options in front of those of the
//!   command line; [`sources`] remembers where each comes from.
//! - [`serve`] turns options into settings and listeners, and runs the chosen runtime.
//! - `service` reports to a service manager, takes its sockets, and changes the user.
//! - [`web`] is what is served over HTTP: the built-in pages, and the operator's own folder.
//! - [`chat`] is a client of the chat, for a terminal or a pipe.
//! - [`tls`] is TLS, as a filter of the core and for the client.
//! - [`store`] keeps members in SQLite, [`site_table`] reads them from a site's own database, and [`import`]
//!   copies them from one to the other.
//! - [`login`] answers the core's questions about members on threads of its own; [`password`] checks and hashes.
//! - [`doctor`] checks the machine, the files and the server, as its clients use it.
//! - [`admin`] answers requests for administration, and [`operate`] is their client.
//! - [`recording`] writes the core's recordings to a file, without ever stopping the server; [`replay`]
//!   plays them again.
//! - [`log`] turns the core's notes into lines, and writes them without ever stopping the server.

#![forbid(unsafe_code)]

pub mod admin;
mod bounded;
pub mod chat;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod failure;
mod files;
pub mod import;
#[cfg(test)]
mod layers;
pub mod log;
pub mod login;
#[cfg(test)]
mod manual;
pub mod members;
pub mod operate;
mod owner;
pub mod password;
pub mod prompt;
pub mod recording;
pub mod replay;
pub mod serve;
mod service;
pub mod site_table;
pub mod sources;
pub mod store;
pub mod text;
pub mod tls;
pub mod web;

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
