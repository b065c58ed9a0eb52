//! Tools for tests of the core, of runtimes, and of programs that embed them.

mod clock;
pub mod fuzz;
mod probe;
mod random;
pub mod sim;

pub use clock::ManualClock;
pub use probe::Probe;
pub mod transcript;
