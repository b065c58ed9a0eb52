//! A ticket in place of a password: the user's web site has signed that this is the member.

use flashgate_core::Secret;

use super::session::failure;
use crate::failure::Failure;
use crate::prompt;

/// A ticket, and the number of the member that it is for.
pub(super) struct Pass {
    pub(super) number: String,
    pub(super) ticket: Secret,
}

/// Takes the value of `--ticket`; `-` stands for a line of standard input. The server judges the ticket;
/// here only what cannot be one is refused, and never shown.
pub(super) fn read(value: &Secret) -> Result<Pass, Failure> {
    let ticket = if value.expose() == "-" {
        prompt::secret_line()?
    } else {
        value.clone()
    };
    let Some(number) = number(ticket.expose()) else {
        return Err(Failure::usage(
            "this is not a ticket: a ticket begins with ticket:1. and has no white space; get one from your web site",
        ));
    };
    Ok(Pass {
        number: number.to_owned(),
        ticket,
    })
}

/// The member's number in a ticket: `ticket:1.ID.MADE.EXPIRY.NONCE.MAC`.
fn number(ticket: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let parts = ticket.strip_prefix("ticket:1.")?;
    let (number, rest) = parts.split_once('.')?;
    let good = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (good && rest.chars().all(plain)).then_some(number)
}

/// Why a ticket was refused, as far as a client learns it.
pub(super) fn refused() -> Failure {
    failure(
        "the ticket was refused: it has expired, was used before, or is for another member or server; get a \
         new one from your site, or log in with your password",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (ticket, expected) in [
            ("ticket:1.7.1.2.ab.cd", Some("7")),
            ("ticket:1.123.x", Some("123")),
            ("ticket:1..1.2.ab.cd", None),
            ("ticket:1.7", None),
            ("ticket:1.a.1.2", None),
            ("ticket:1.7.1 2", None),
            ("ticket:1.7.1\0QUIT", None),
            ("secret1", None),
            ("", None),
        ] {
            assert_eq!(number(ticket), expected, "{ticket:?}");
        }
    }

    #[test]
    fn what_is_no_ticket_is_not_shown() {
        let fault = read(&Secret::new("my password")).map(|_| ()).unwrap_err();
        assert!(!fault.message.contains("my password"), "{}", fault.message);
    }
}
