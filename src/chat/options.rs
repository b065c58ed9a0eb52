//! The options of `chat`, each checked as far as it can be by itself.

use argh::{ArgsInfo, FromArgs};
use flashgate_core::Secret;

use super::address::{self, Address};
use crate::text::is_unseen;

/// Chat in the terminal.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "chat",
    note = "Asks for the password, without echo. Then every line is a command, or text for the member you talked to last: /msg NICK TEXT, /list, /help, /quit; a line that begins with // is text with one slash.\n\nIn a pipe, the answers to what would be asked come first, a line each: the number or nick unless --id gives it, then the password. Everything shown is one line on standard output, errors of the chat too (they begin with !), and at the end of the input the program ends when all was answered. As with every client of this chat, nothing is encrypted on the way, the password neither.\n\nA ticket is good for one login within a minute or so; other users of this machine can see it among the arguments of the program, unless it is read from standard input."
)]
pub struct ChatOptions {
    /// The server. (The help is not this comment: rustdoc would take its address for a link.)
    #[argh(
        positional,
        arg_name = "HOST:PORT",
        from_str_fn(address::address),
        description = "the server, like chat.example.com:8080, 127.0.0.1:8080 or [::1]:8080"
    )]
    pub server: Address,

    /// your number or nick (default: it is asked for)
    #[argh(option, arg_name = "ID", from_str_fn(id))]
    pub id: Option<String>,

    /// a ticket of your web site, in place of the password; - reads it as one line from standard input; it names your number, so --id may be left out
    #[argh(option, arg_name = "TICKET", from_str_fn(ticket))]
    pub ticket: Option<Secret>,
}

/// Anything, for now: what is wrong with a value is told together with it, and this one is secret.
fn ticket(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Reads a member's number or nick, as far as it can be checked here.
pub(super) fn id(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(|c| is_unseen(c) || c.is_whitespace()) {
        return Err("give your number or your nick, which has no white space".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for good in ["1", "alice", "Árvíz"] {
            assert_eq!(id(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a\0b", "a\nb", "\u{202e}a"] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }
}
