//! The options of `chat`, each checked as far as it can be by itself.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use flashgate_core::Secret;

use super::address::{self, Address};
use crate::text::is_unseen;

/// Chat in the terminal.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "chat",
    note = "Asks for the password, without echo. After that every line is a command or text. /help lists the commands. /msg NICK TEXT writes to a member, and /join #ROOM enters a room; text then goes where the last message went, or to the room that you entered last. A line that begins with // is text that begins with one slash.\n\nIn a pipe, the first lines are the number or nick (unless --id gives it) and the password; with --guest there are none. Every message and every error is one line on standard output; errors begin with !. At the end of the input the program waits for the last answer and exits. Without --tls the connection is not encrypted, and neither is the password.\n\nA ticket is good for one login, for about a minute. Other users of this machine can see it among the arguments of the program, unless it is read from standard input."
)]
pub struct ChatOptions {
    /// The server.
    #[argh(
        positional,
        arg_name = "HOST:PORT",
        from_str_fn(address::address),
        description = "the server, like chat.example.com:8080, 127.0.0.1:8080 or [::1]:8080"
    )]
    pub server: Address,

    /// encrypt the connection, and check the server's certificate
    #[argh(switch)]
    pub tls: bool,

    /// file with the certificates of the authorities to trust, in PEM form (default: those that this system trusts)
    #[argh(option, arg_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// your number or nick (default: the program asks)
    #[argh(option, arg_name = "ID", from_str_fn(id))]
    pub id: Option<String>,

    /// come as a guest, without an account; --id is the nick that you would like
    #[argh(switch)]
    pub guest: bool,

    /// a ticket from your web site, instead of the password; - reads it as one line from standard input; it contains your number, so --id may be left out
    #[argh(option, arg_name = "TICKET", from_str_fn(ticket))]
    pub ticket: Option<Secret>,
}

/// Any text: argh's message about a bad value would show it, and a ticket is secret.
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
