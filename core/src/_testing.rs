//! Doors to the inside of the core for flashgate-testing. Nothing here is public: it changes without notice.

pub mod fuzz;

use alloc::sync::Arc;

use crate::config::{self, Config, Setting};
use crate::conn::Conn;
use crate::id::Ticket;
use crate::replay::{Recording, Replayed, Until};
use crate::time::{Millis, Now};

pub use crate::replay::Plays;

/// The size of a connection in the core's table, in bytes.
pub const CONN_SIZE: usize = size_of::<Conn>();

/// A span of time as a setting is written: `500ms`, `10s`, `11m`, `16d`.
pub fn span(text: &str) -> Option<Millis> {
    config::span(text)
}

/// Sets any value that a [`Config`] can hold, whether it is within the setting's bounds or not; false if it
/// cannot hold this one.
pub fn put(setting: &Setting, config: &mut Config, value: &str) -> bool {
    setting.put(config, value)
}

/// The number of a ticket: they count up from 0.
pub fn number(ticket: Ticket) -> u64 {
    ticket.0
}

/// Plays a recording on what `make` makes, and compares; the latter is returned if it was made.
pub fn play<P: Plays>(
    recording: &Recording<'_>,
    until: &Until,
    make: impl FnOnce(Arc<Config>, Now) -> P,
) -> (Replayed, Option<P>) {
    recording.play(until, make)
}

/// The answer of a host to a request for administration, from the words of a recording.
pub fn admin_answer(words: &str) -> Option<crate::AdminAnswer> {
    crate::record::admin::read(&mut words.split(' '))
}
