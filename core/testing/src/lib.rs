//! Tools for tests of the core, of runtimes, and of programs that embed them.
//!
//! - [`transcript`]: conversations as a person would write them down, played on the bare core or on sockets.
//! - [`sim`]: a whole world that one seed decides, and a model of the protocol that judges it.
//! - [`fuzz`]: the bodies of the fuzz targets.

#![forbid(unsafe_code)]

mod clock;
pub mod fuzz;
mod random;
pub mod sim;
pub mod transcript;

pub use clock::ManualClock;
