//! The XML that the server sends: one element, one NUL byte, encoded once for all its recipients; and the
//! texts of its errors.

use alloc::string::String;

use crate::chunk::Message;
use crate::time::Now;
use crate::xml::escaped;

/// The password is wrong, or the member may not log in.
pub(crate) const IDENTIFICATION_FAILED: &str = "Identification failed.";

/// The member store cannot answer.
pub(crate) const TRY_LATER: &str = "Please try again later.";

/// The member is online on another connection, which keeps its place.
pub(crate) const ALREADY_ONLINE: &str = "Already online.";

/// The last words to a connection whose place a new login takes.
pub(crate) const REPLACED: &str = "Replaced by a new login.";

/// The operator closes the connection, and gives no other reason.
pub(crate) const KICKED: &str = "You were kicked.";

/// IDENTIFY from a client that has logged in.
pub(crate) const ALREADY_IDENTIFIED: &str = "Already identified.";

/// The command needs a login.
pub(crate) const NOT_IDENTIFIED: &str = "Not identified.";

/// No member of this nick is online.
pub(crate) const NOT_ONLINE: &str = "User is already left.";

/// Guests are switched off, or as many are online from the address as may be.
pub(crate) const NO_GUESTS: &str = "Guests are not let in.";

/// The nick breaks a rule.
pub(crate) const NICK_NOT_ALLOWED: &str = "Nick is not allowed.";

/// Another has the nick, or one that passes for it.
pub(crate) const NICK_TAKEN: &str = "Nick is taken.";

/// NICK is switched off.
pub(crate) const NICKS_FIXED: &str = "Nicks cannot be changed here.";

/// No command has this word.
pub(crate) const UNKNOWN_COMMAND: &str = "Unknown command.";

/// The command is longer than [`Limits::command`](crate::Limits::command).
pub(crate) const TOO_LONG: &str = "Message too long.";

pub(crate) const NOT_UTF8: &str = "Message is not valid UTF-8.";

/// [`Limits::clients`](crate::Limits::clients) are connected.
pub(crate) const SERVER_FULL: &str = "Server is full.";

/// `<error value="…"/>`
pub(crate) fn error(text: &str) -> Message {
    Message::join(&[r#"<error value=""#, &escaped(text), "\"/>\0"])
}

/// `<pong value="…"/>`
pub(crate) fn pong(token: &str) -> Message {
    Message::join(&[r#"<pong value=""#, &escaped(token), "\"/>\0"])
}

/// `<login aid="…" name="…" />`: a member came online.
pub(crate) fn login(nick: &str, name: &str) -> Message {
    Message::join(&[
        r#"<login aid=""#,
        &escaped(nick),
        r#"" name=""#,
        &escaped(name),
        "\" />\0",
    ])
}

/// `<identify aid="…" name="…" />`: the client is this member from now on.
pub(crate) fn identify(nick: &str, name: &str) -> Message {
    Message::join(&[
        r#"<identify aid=""#,
        &escaped(nick),
        r#"" name=""#,
        &escaped(name),
        "\" />\0",
    ])
}

/// `<quit aid="…" />`: a member left.
pub(crate) fn quit(nick: &str) -> Message {
    Message::join(&[r#"<quit aid=""#, &escaped(nick), "\" />\0"])
}

/// `<nickchanged aid="…" to="…" />`: a member has another nick.
pub(crate) fn nickchanged(old: &str, new: &str) -> Message {
    Message::join(&[
        r#"<nickchanged aid=""#,
        &escaped(old),
        r#"" to=""#,
        &escaped(new),
        "\" />\0",
    ])
}

/// `<msg aid="…" time="…" msg="…" from="…" />`. `aid` is the sender and `from` the recipient: a quirk of
/// the 2007 format that its Flash clients rely on.
pub(crate) fn msg(sender: &str, now: Now, text: &str, recipient: &str) -> Message {
    private("msg", sender, now, text, recipient)
}

fn private(element: &str, sender: &str, now: Now, text: &str, recipient: &str) -> Message {
    Message::join(&[
        "<",
        element,
        r#" aid=""#,
        &escaped(sender),
        r#"" time=""#,
        now.time_of_day().as_str(),
        r#"" msg=""#,
        &escaped(text),
        r#"" from=""#,
        &escaped(recipient),
        "\" />\0",
    ])
}

/// `<action aid="…" time="…" msg="…" from="…" />`: what a message of the same attributes would be, but its text
/// says what the sender does.
pub(crate) fn action(sender: &str, now: Now, text: &str, recipient: &str) -> Message {
    private("action", sender, now, text, recipient)
}

/// `<hello server="flashgate" version="…" features="…" />`: what the server can do.
pub(crate) fn hello(version: &str, features: &str) -> Message {
    Message::join(&[
        r#"<hello server="flashgate" version=""#,
        &escaped(version),
        r#"" features=""#,
        &escaped(features),
        "\" />\0",
    ])
}

/// `<kicked reason="…"/>`: the server closes the connection.
pub(crate) fn kicked(reason: &str) -> Message {
    Message::join(&[r#"<kicked reason=""#, &escaped(reason), "\"/>\0"])
}

/// `<announce time="…" msg="…" />`: the operator speaks to everyone online.
pub(crate) fn announce(now: Now, text: &str) -> Message {
    Message::join(&[
        r#"<announce time=""#,
        now.time_of_day().as_str(),
        r#"" msg=""#,
        &escaped(text),
        "\" />\0",
    ])
}

/// `<nicklist><nick aid="…" name="…" />…</nicklist>`, from nicks and names.
pub(crate) fn nicklist<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Message {
    let mut out = String::from("<nicklist>");
    for (nick, name) in members {
        for part in [
            r#"<nick aid=""#,
            &escaped(nick),
            r#"" name=""#,
            &escaped(name),
            r#"" />"#,
        ] {
            out.push_str(part);
        }
    }
    out.push_str("</nicklist>\0");
    Message::new(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixSeconds;

    #[test]
    fn elements() {
        let now = Now {
            utc: UnixSeconds(36_000),
            ..Now::default()
        };
        let cases: [(Message, &str); 13] = [
            (error("No."), "<error value=\"No.\"/>\0"),
            (pong("<1>"), "<pong value=\"&lt;1&gt;\"/>\0"),
            (
                login("al\"ice", "A & B"),
                "<login aid=\"al&quot;ice\" name=\"A &amp; B\" />\0",
            ),
            (
                identify("al\"ice", "A & B"),
                "<identify aid=\"al&quot;ice\" name=\"A &amp; B\" />\0",
            ),
            (quit("bob"), "<quit aid=\"bob\" />\0"),
            (
                nickchanged("bob", "<b>"),
                "<nickchanged aid=\"bob\" to=\"&lt;b&gt;\" />\0",
            ),
            (
                msg("bob", now, "a\rb", "eve"),
                "<msg aid=\"bob\" time=\"10:00:00\" msg=\"a&#13;b\" from=\"eve\" />\0",
            ),
            (
                action("bob", now, "<waves>", "eve"),
                "<action aid=\"bob\" time=\"10:00:00\" msg=\"&lt;waves&gt;\" from=\"eve\" />\0",
            ),
            (
                hello("1.2.3", "nick me"),
                "<hello server=\"flashgate\" version=\"1.2.3\" features=\"nick me\" />\0",
            ),
            (kicked("<3"), "<kicked reason=\"&lt;3\"/>\0"),
            (
                announce(now, "a\0b"),
                "<announce time=\"10:00:00\" msg=\"a\u{fffd}b\" />\0",
            ),
            (nicklist([].into_iter()), "<nicklist></nicklist>\0"),
            (
                nicklist([("al\"ice", "A & B")].into_iter()),
                "<nicklist><nick aid=\"al&quot;ice\" name=\"A &amp; B\" /></nicklist>\0",
            ),
        ];
        for (message, text) in cases {
            assert_eq!(message, Message::new(text));
        }
    }
}
