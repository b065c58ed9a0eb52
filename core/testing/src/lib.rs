//! Tools for tests of the core, of runtimes, and of programs that embed them.
//!
//! - [`transcript`]: conversations as a person would write them down, played on the bare core or on sockets.
//! - [`sim`]: a whole world that one seed decides, and a model of the protocol that judges it.
//! - [`fuzz`]: the bodies of the fuzz targets.
//! - [`mod@scenarios`]: what a runtime must do with real sockets.
//! - [`counting`]: an allocator that counts.
//! - [`cpu_ticks`] of a process, and a [`ticket`] for tests of a member store.
//! - [`Retrying`]: a stream for test clients, whose reads and writes go on after a signal.

mod clock;
pub mod counting;
pub mod filter;
pub mod fuzz;
mod process;
mod random;
#[path = "../../tests/websocket/retrying.rs"]
mod retrying;
pub mod scenarios;
pub mod sim;
mod ticket;
pub mod transcript;

pub use clock::ManualClock;
pub use process::cpu_ticks;
pub use retrying::Retrying;
pub use ticket::ticket;
