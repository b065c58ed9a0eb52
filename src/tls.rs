//! TLS in the program: a filter for the core, the certificates that it shows, and a stream for the terminal client.

#[cfg(feature = "acme")]
mod acme;
mod certificates;
mod client;
mod filter;
mod look;
mod watched;

#[cfg(feature = "acme")]
pub use acme::{Acme, News, Wanted};
pub use certificates::{Automatic, Certificates, Fault, Pair, SOON, Standing, standing};
pub use client::{Roots, Session, connect};
pub use filter::Acceptor;
pub use look::{Shown, Unjudged, look};
pub use watched::{Warning, Watched};
