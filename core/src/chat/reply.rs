//! The XML that the server says: one element, one NUL byte, encoded once for everyone who gets it.

use alloc::string::String;

use crate::chunk::Message;
use crate::member::Member;
use crate::time::Now;
use crate::xml::escaped;

/// `<error value="…"/>`
pub(crate) fn error(text: &str) -> Message {
    Message::join(&[r#"<error value=""#, &escaped(text), "\"/>\0"])
}

/// `<pong value="…"/>`
pub(crate) fn pong(token: &str) -> Message {
    Message::join(&[r#"<pong value=""#, &escaped(token), "\"/>\0"])
}

/// `<login aid="…" name="…" />`: a member came online.
pub(crate) fn login(member: &Member) -> Message {
    Message::join(&[
        r#"<login aid=""#,
        &escaped(&member.nick),
        r#"" name=""#,
        &escaped(&member.name),
        "\" />\0",
    ])
}

/// `<identify aid="…" name="…" />`: you are this member now.
pub(crate) fn identify(member: &Member) -> Message {
    Message::join(&[
        r#"<identify aid=""#,
        &escaped(&member.nick),
        r#"" name=""#,
        &escaped(&member.name),
        "\" />\0",
    ])
}

/// `<quit aid="…" />`: a member left.
pub(crate) fn quit(nick: &str) -> Message {
    Message::join(&[r#"<quit aid=""#, &escaped(nick), "\" />\0"])
}

/// `<msg aid="…" time="…" msg="…" from="…" />`. That `from` names the recipient is the original's
/// wire format, which its Flash clients read so.
pub(crate) fn msg(sender: &str, now: Now, text: &str, recipient: &str) -> Message {
    Message::join(&[
        r#"<msg aid=""#,
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

/// `<nicklist><nick aid="…" name="…" />…</nicklist>`, of nicks and names.
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
    use crate::member::MemberId;
    use crate::time::UnixSeconds;
    use alloc::sync::Arc;

    #[test]
    fn elements() {
        let member = Member {
            id: MemberId(1),
            nick: Arc::from("al\"ice"),
            name: Arc::from("A & B"),
        };
        let now = Now {
            utc: UnixSeconds(36_000),
            ..Now::default()
        };
        let cases: [(Message, &str); 8] = [
            (error("No."), "<error value=\"No.\"/>\0"),
            (pong("<1>"), "<pong value=\"&lt;1&gt;\"/>\0"),
            (
                login(&member),
                "<login aid=\"al&quot;ice\" name=\"A &amp; B\" />\0",
            ),
            (
                identify(&member),
                "<identify aid=\"al&quot;ice\" name=\"A &amp; B\" />\0",
            ),
            (quit("bob"), "<quit aid=\"bob\" />\0"),
            (
                msg("bob", now, "a\rb", "eve"),
                "<msg aid=\"bob\" time=\"10:00:00\" msg=\"a&#13;b\" from=\"eve\" />\0",
            ),
            (nicklist([].into_iter()), "<nicklist></nicklist>\0"),
            (
                nicklist([(&*member.nick, &*member.name)].into_iter()),
                "<nicklist><nick aid=\"al&quot;ice\" name=\"A &amp; B\" /></nicklist>\0",
            ),
        ];
        for (message, text) in cases {
            assert_eq!(message, Message::new(text));
        }
    }
}
