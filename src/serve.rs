//! `flashgate serve`: from options to a running server.

mod admin;
mod automatic;
mod challenges;
mod facts;
mod listen;
mod members;
mod options;
mod plan;
mod policy;
mod reload;
mod reserved;
mod restart;
mod run;
mod tls;
mod unix;

pub(crate) use listen::{Reached, reached};
pub use options::{Runtime, ServeOptions};
pub(crate) use plan::{
    FILES, OTHER_CONNECTIONS, OTHER_FILES, check as check_options, check_all as check,
};
#[cfg(test)]
pub(crate) use restart::only_at_the_start;
pub use run::{Again, serve};
