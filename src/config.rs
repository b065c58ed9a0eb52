//! The configuration file and the environment, which become options in front of those of the command line.
//!
//! [`Keys`] lists the keys, one for each option of `serve`. [`gather`] reads both sources and joins them with what
//! the command line says. [`template`] writes the file that lists every key with its default.

mod environment;
mod file;
mod gather;
mod keys;
mod show;
mod store;
mod template;
mod value;

pub use environment::variable;
pub use file::{Fault, read};
pub use gather::{DEFAULT_FILE, Surroundings, gather};
pub use keys::{Key, Keys, Takes};
pub use show::show;
pub use store::{Named, Store};
pub use template::template;
