//! Logins: the threads that answer the core's questions about members, the passwords that were right a short
//! while ago, and the tickets of a site.

mod complaints;
mod passwords;
mod permits;
mod pool;
mod queue;
mod threads;
mod tickets;
mod verified;
mod worker;

pub use pool::{Pool, PoolOptions};
pub use tickets::{SecretFault, TicketSecret};
