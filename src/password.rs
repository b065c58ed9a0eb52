//! Passwords: the formats in which they are stored, checking them at a bearable cost, and leaving nothing of
//! them in memory.

mod formats;
mod hash;
pub(crate) mod memory;
pub(crate) mod scrub;

pub use formats::Format;
pub(crate) use formats::{html, of_phpbb};
pub use hash::{Checked, Hash, HashFault, Verdict, check};
pub(crate) use hash::{format, is_old, time_of_new, time_to_check};
