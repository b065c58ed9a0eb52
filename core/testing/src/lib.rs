//! Tools for tests of the core, of runtimes, and of programs that embed them.
//!
//! - [`transcript`]: conversations as a person would write them down, played on the bare core or on sockets.
//! - [`sim`]: a whole world that one seed decides, and a model of the protocol that judges it.
//! - [`fuzz`]: the bodies of the fuzz targets.
//! - [`mod@scenarios`]: what a runtime must do with real sockets.
//! - [`counting`]: an allocator that counts.

mod clock;
pub mod counting;
pub mod filter;
pub mod fuzz;
mod random;
pub mod scenarios;
pub mod sim;
pub mod transcript;

pub use clock::ManualClock;
