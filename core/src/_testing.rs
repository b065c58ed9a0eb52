//! Doors to the inside of the core for flashgate-testing. Nothing here is public: it changes without notice.

pub mod fuzz;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::chat::reply;
use crate::chunk::Form;
use crate::config::{self, Config, Setting};
use crate::conn::Conn;
use crate::id::Ticket;
use crate::member::Member;
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

/// Every element that the server writes, made of these members and this text, as a raw client gets it:
/// error, pong, quit, login, identify, msg, action, announce, hello, kicked and nicklist, in this order.
pub fn replies(one: &Member, other: &Member, now: Now, text: &str) -> [Vec<u8>; 11] {
    let members = [one, other].map(|member| (&*member.nick, &*member.name));
    [
        reply::error(text),
        reply::pong(text),
        reply::quit(&one.nick),
        reply::login(one),
        reply::identify(one),
        reply::msg(&one.nick, now, text, &one.name),
        reply::action(&one.nick, now, text, &one.name),
        reply::announce(now, text),
        reply::hello(&one.nick, text),
        reply::kicked(text),
        reply::nicklist(members.into_iter()),
    ]
    .map(|message| message.to(Form::Stream).to_vec())
}
