//! The server's log: notes become lines here, and a thread of its own writes them.
//!
//! A line is made where the event happens and queued; when standard output blocks, lines are
//! dropped and counted, and the server goes on. (Diagnostics go to standard error, by way of
//! [`diagnostics`], or to the log file if there is one.)

pub mod diagnostics;
mod event;
mod fields;
mod file;
mod line;
mod writer;

pub use event::{Event, Format, Place};
pub use fields::{EVENTS, EventRow, FIELDS, Field};
pub use file::{LogFile, Reopen};
pub use line::line;
pub use writer::{Writer, stdout};
