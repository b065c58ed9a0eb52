//! `flashgate chat`: the chat for people without a browser, in a terminal or a pipe.
//!
//! Two threads share a connection. The first waits for answers and shows them; it decides when all
//! is over. The second reads lines, from the line editor of a terminal or as they come, and sends
//! commands. So neither a slow reader nor an idle one holds up the other.

mod address;
mod answer;
mod line;
mod login;
mod options;
mod session;
mod show;
mod stream;
mod terminal;
mod ticket;
mod view;
mod wire;

pub use address::Address;
pub use options::ChatOptions;
pub use session::chat;
