//! The XML that the server sends: one element, one NUL byte, encoded once for all its recipients; and the
//! texts of its errors.

use alloc::format;
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

/// It breaks a rule for names of rooms.
pub(crate) const ROOM_NAME: &str = "Room name is not allowed.";

/// The settings do not let the member create rooms, or a rule forbids what it asks for.
pub(crate) const MAY_NOT: &str = "You may not do that.";

/// There is a room of this name.
pub(crate) const ROOM_EXISTS: &str = "Room exists already.";

/// No room that the member may see has this name.
pub(crate) const NO_SUCH_ROOM: &str = "No such room.";

/// Only members who are in the room may do this.
pub(crate) const NOT_IN_ROOM: &str = "You are not in that room.";

/// JOIN of a room that the member is in.
pub(crate) const IN_ROOM: &str = "You are in that room already.";

/// The member was kicked a short time ago.
pub(crate) const KICKED_FROM_ROOM: &str = "You were kicked from that room.";

/// The room has another key.
pub(crate) const WRONG_KEY: &str = "Wrong key.";

/// A limit on rooms is reached: of the server, the connection or the address.
pub(crate) const TOO_MANY_ROOMS: &str = "Too many rooms.";

/// Only the owner may change the topic, and kick.
pub(crate) const NOT_OWNER: &str = "Only the owner may do that.";

/// PASSWD is switched off.
pub(crate) const PASSWORDS_FIXED: &str = "Passwords cannot be changed here.";

/// The member store cannot take the new password.
pub(crate) const PASSWORD_NOT_ALLOWED: &str = "Password is not allowed.";

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

/// `<join room="…" aid="…" name="…" />`: a member came into a room.
pub(crate) fn join(room: &str, nick: &str, name: &str) -> Message {
    Message::join(&[
        r#"<join room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(nick),
        r#"" name=""#,
        &escaped(name),
        "\" />\0",
    ])
}

/// `<part room="…" aid="…" />`: a member left a room.
pub(crate) fn part(room: &str, nick: &str) -> Message {
    Message::join(&[
        r#"<part room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(nick),
        "\" />\0",
    ])
}

/// `<part room="…" aid="…" by="…" reason="…" />`: a member was kicked from a room.
pub(crate) fn kicked_part(room: &str, nick: &str, by: &str, reason: &str) -> Message {
    Message::join(&[
        r#"<part room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(nick),
        r#"" by=""#,
        &escaped(by),
        r#"" reason=""#,
        &escaped(reason),
        "\" />\0",
    ])
}

/// `<owner room="…" aid="…" />`: a member owns a room from now on.
pub(crate) fn owner(room: &str, nick: &str) -> Message {
    Message::join(&[
        r#"<owner room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(nick),
        "\" />\0",
    ])
}

/// `<topic room="…" aid="…" topic="…" />`: a member changed the topic of a room.
pub(crate) fn topic(room: &str, nick: &str, topic: &str) -> Message {
    Message::join(&[
        r#"<topic room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(nick),
        r#"" topic=""#,
        &escaped(topic),
        "\" />\0",
    ])
}

/// `<msg room="…" aid="…" time="…" msg="…" />`: a message to a room.
pub(crate) fn room_msg(room: &str, sender: &str, now: Now, text: &str) -> Message {
    to_room("msg", room, sender, now, text)
}

/// `<action room="…" aid="…" time="…" msg="…" />`: the same, but its text says what the sender does.
pub(crate) fn room_action(room: &str, sender: &str, now: Now, text: &str) -> Message {
    to_room("action", room, sender, now, text)
}

fn to_room(element: &str, room: &str, sender: &str, now: Now, text: &str) -> Message {
    Message::join(&[
        "<",
        element,
        r#" room=""#,
        &escaped(room),
        r#"" aid=""#,
        &escaped(sender),
        r#"" time=""#,
        now.time_of_day().as_str(),
        r#"" msg=""#,
        &escaped(text),
        "\" />\0",
    ])
}

/// `<room name="…" topic="…" owner="…" seats="0" max="0" n="0"><nick aid="…" name="…" />…</room>`: the state of a
/// room, from the nicks and names of its members. `more` members who are there are not listed.
pub(crate) fn room<'a>(
    name: &str,
    topic: &str,
    owner: &str,
    more: usize,
    members: impl Iterator<Item = (&'a str, &'a str)>,
) -> Message {
    let mut out = String::from(r#"<room name=""#);
    out.push_str(&escaped(name));
    out.push_str(r#"" topic=""#);
    out.push_str(&escaped(topic));
    out.push_str(r#"" owner=""#);
    out.push_str(&escaped(owner));
    out.push_str(r#"" seats="0" max="0" n="0""#);
    if more > 0 {
        out.push_str(&format!(r#" more="{more}""#));
    }
    out.push('>');
    push_nicks(&mut out, members);
    out.push_str("</room>\0");
    Message::new(&out)
}

/// `<rooms><room name="…" topic="…" here="…" seats="0" taken="0" max="0" />…</rooms>`, from the rows.
pub(crate) fn rooms(rows: &str) -> Message {
    Message::join(&["<rooms>", rows, "</rooms>\0"])
}

/// The row of a room.
pub(crate) fn rooms_row(name: &str, topic: &str, here: usize) -> String {
    format!(
        r#"<room name="{}" topic="{}" here="{here}" seats="0" taken="0" max="0" />"#,
        escaped(name),
        escaped(topic)
    )
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

/// `<done command="…" aid="…" />`: the command was carried out, on this member if it names one.
pub(crate) fn done(command: &str, nick: &str) -> Message {
    Message::join(&[
        r#"<done command=""#,
        &escaped(command),
        r#"" aid=""#,
        &escaped(nick),
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
    push_nicks(&mut out, members);
    out.push_str("</nicklist>\0");
    Message::new(&out)
}

fn push_nicks<'a>(out: &mut String, members: impl Iterator<Item = (&'a str, &'a str)>) {
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
        let cases: [(Message, &str); 24] = [
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
            (done("PASSWD", ""), "<done command=\"PASSWD\" aid=\"\" />\0"),
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
            (
                join("#<r>", "bob", "B & C"),
                "<join room=\"#&lt;r&gt;\" aid=\"bob\" name=\"B &amp; C\" />\0",
            ),
            (
                part("#<r>", "bob"),
                "<part room=\"#&lt;r&gt;\" aid=\"bob\" />\0",
            ),
            (
                kicked_part("#r", "bob", "<eve>", "a \"b\""),
                "<part room=\"#r\" aid=\"bob\" by=\"&lt;eve&gt;\" reason=\"a &quot;b&quot;\" />\0",
            ),
            (
                owner("#<r>", "bob"),
                "<owner room=\"#&lt;r&gt;\" aid=\"bob\" />\0",
            ),
            (
                topic("#r", "bob", "1 < 2"),
                "<topic room=\"#r\" aid=\"bob\" topic=\"1 &lt; 2\" />\0",
            ),
            (
                room_msg("#r", "bob", now, "1 < 2"),
                "<msg room=\"#r\" aid=\"bob\" time=\"10:00:00\" msg=\"1 &lt; 2\" />\0",
            ),
            (
                room_action("#r", "bob", now, "<waves>"),
                "<action room=\"#r\" aid=\"bob\" time=\"10:00:00\" msg=\"&lt;waves&gt;\" />\0",
            ),
            (
                room("#<r>", "1 < 2", "bob", 7, [("bob", "B & C")].into_iter()),
                "<room name=\"#&lt;r&gt;\" topic=\"1 &lt; 2\" owner=\"bob\" seats=\"0\" max=\"0\" n=\"0\" \
                 more=\"7\"><nick aid=\"bob\" name=\"B &amp; C\" /></room>\0",
            ),
            (
                room("#r", "", "", 0, [].into_iter()),
                "<room name=\"#r\" topic=\"\" owner=\"\" seats=\"0\" max=\"0\" n=\"0\"></room>\0",
            ),
            (
                rooms(&rooms_row("#<r>", "1 < 2", 3)),
                "<rooms><room name=\"#&lt;r&gt;\" topic=\"1 &lt; 2\" here=\"3\" seats=\"0\" taken=\"0\" \
                 max=\"0\" /></rooms>\0",
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
