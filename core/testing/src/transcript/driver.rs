//! The interface between a transcript and the server that it is played on.

use std::net::IpAddr;
use std::sync::Arc;

use super::step::End;
use flashgate_core::{Config, ListenerId, Login, MemberEvent, Peer};

/// A server and its clients. Every method returns when the server has done everything that follows from it. An error
/// is a message for a person.
///
/// Clients are numbered from 0 in order of [`connect`](Driver::connect).
pub trait Driver {
    /// Connects the next client, from an address or over a Unix socket; the result is the peer that the server sees.
    fn connect(&mut self, from: Option<IpAddr>, to: ListenerId) -> Result<Peer, String>;

    /// What the client has to send for these bytes, which may then be cut.
    fn encode(&mut self, _client: usize, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    /// Sends encoded bytes in one piece.
    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String>;

    /// Closes the client's sending side.
    fn half_close(&mut self, client: usize) -> Result<(), String>;

    /// Resets the connection.
    fn reset(&mut self, client: usize) -> Result<(), String>;

    /// Stops answering, until the system reports the client as dead.
    fn vanish(&mut self, client: usize) -> Result<(), String>;

    /// Sets how much the client reads from now on.
    fn appetite(&mut self, client: usize, appetite: Appetite) -> Result<(), String>;

    /// Takes what the client received since the last call.
    fn read(&mut self, client: usize, patience: Patience) -> Result<Arrival, String>;

    /// Lets the server notice that the clock was moved or the store has answered.
    fn settle(&mut self) -> Result<(), String>;

    /// Reports a change to a member.
    fn member(&mut self, event: MemberEvent) -> Result<(), String>;

    /// Sends an announcement.
    fn announce(&mut self, text: &Arc<str>) -> Result<(), String>;

    /// Closes the connection of a member.
    fn kick(&mut self, member: &Login, reason: Option<&str>) -> Result<(), String>;

    /// Gives the server new settings.
    fn configure(&mut self, config: Arc<Config>) -> Result<(), String>;

    /// Begins the shutdown.
    fn shutdown(&mut self) -> Result<(), String>;

    /// Whether the server has ended.
    fn ended(&mut self, patience: Patience) -> Result<bool, String>;

    /// How many bytes, ends of stream and resets have reached the core.
    fn reached(&self) -> u64;

    /// Waits until `done` is true, which a correct server makes sure of.
    fn wait(&self, done: &dyn Fn() -> bool) -> bool;

    /// Whether its clients can tell [`End::Closed`], [`End::Cut`] and [`End::Refused`] apart.
    fn knows_ends(&self) -> bool;
}

/// How much a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// This many more bytes.
    Bytes(usize),
    /// Everything.
    All,
}

/// Whether to wait for something that must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Takes what is there.
    None,
    /// Waits, up to a bound in real time.
    Some,
}

/// What a client received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing so far.
    Nothing,
    /// Some bytes.
    Bytes(Vec<u8>),
    /// The end: nothing more will come.
    End(End),
}
