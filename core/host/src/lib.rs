//! What the runtimes of [flashgate](flashgate_core) share, and a runtime of your own can use, too.
//!
//! [`SystemClock`] reads the machine's clocks, a [`Listener`] accepts from TCP and Unix sockets, [`socket`]
//! sets the options of sockets and classifies their errors, [`queue`] writes the chunks that wait for a
//! connection, and a [`Handle`] lets the rest of the program talk to a running server. Programs get what they
//! need of it from their runtime,
//! `flashgate-smol` or `flashgate-std`.

#![forbid(unsafe_code)]

mod clock;
mod handle;
mod host;
mod listener;
mod progress;
pub mod queue;
pub mod socket;

pub use clock::SystemClock;
pub use handle::{Bell, Handle, Mailbox};
pub use host::Host;
pub use listener::Listener;
#[cfg(feature = "_testing")]
pub use progress::Probe;
pub use progress::Progress;
