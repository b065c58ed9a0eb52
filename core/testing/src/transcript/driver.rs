//! What a transcript needs from whatever carries its bytes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::step::End;
use flashgate_core::{Config, ListenerId, Login, MemberEvent};

/// A server and its clients. Every method returns when the server has done everything that follows. An error
/// says in words what went wrong.
///
/// Clients are numbered from 0 in order of [`connect`](Driver::connect).
pub trait Driver {
    /// Connects the next client; the result is the address that the server sees.
    fn connect(&mut self, from: IpAddr, to: ListenerId) -> Result<SocketAddr, String>;

    /// What the client has to send for these bytes, which may then be cut.
    fn encode(&mut self, _client: usize, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    /// Sends encoded bytes in one piece.
    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String>;

    /// Closes the client's sending side.
    fn half_close(&mut self, client: usize) -> Result<(), String>;

    /// Breaks the connection off.
    fn reset(&mut self, client: usize) -> Result<(), String>;

    /// Stops answering: the system gives the client up for dead.
    fn vanish(&mut self, client: usize) -> Result<(), String>;

    /// How much of what the server says the client takes from now on.
    fn appetite(&mut self, client: usize, appetite: Appetite) -> Result<(), String>;

    /// What has come since the last call, waiting for it or not.
    fn read(&mut self, client: usize, patience: Patience) -> Result<Arrival, String>;

    /// The clock was moved, or the store has answered: lets the server see it.
    fn settle(&mut self) -> Result<(), String>;

    /// Reports a change to a member.
    fn member(&mut self, event: MemberEvent) -> Result<(), String>;

    /// Says something to everyone online.
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

    /// Waits until `done`, which is sure to come if the server is right.
    fn wait(&self, done: &dyn Fn() -> bool) -> bool;

    /// Whether its clients can tell [`End::Closed`], [`End::Cut`] and [`End::Refused`] apart.
    fn knows_ends(&self) -> bool;
}

/// How much of what the server says a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// This many bytes more.
    Bytes(usize),
    /// All there is.
    All,
}

/// Whether to wait for something that has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Takes what is there.
    None,
    /// Waits, up to a bound in real time.
    Some,
}

/// What has come to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// So far nothing.
    Nothing,
    /// Some bytes.
    Bytes(Vec<u8>),
    /// Nothing will come any more.
    End(End),
}
