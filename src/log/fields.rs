//! The names in JSON lines: each event with its fields, and each field with its meaning. They stay as they are, since
//! programs look for them; the man page prints these tables.

/// An event of the log.
#[derive(Clone, Copy, Debug)]
pub struct EventRow {
    /// The value of the field `event`.
    pub name: &'static str,
    /// What has happened.
    pub what: &'static str,
    /// Its fields beside those that every line of its kind has; some may be left out.
    pub fields: &'static [&'static str],
}

/// A field of JSON lines.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: &'static str,
}

const fn event(
    name: &'static str,
    what: &'static str,
    fields: &'static [&'static str],
) -> EventRow {
    EventRow { name, what, fields }
}

const fn field(name: &'static str, holds: &'static str) -> Field {
    Field { name, holds }
}

/// All events.
pub const EVENTS: &[EventRow] = &[
    event("created", "the server has its settings", &["max"]),
    event("listening", "a listener is open", &["address"]),
    event("started", "the server accepts connections", &["version"]),
    event("stopped", "the server has stopped", &["reason", "version"]),
    event(
        "reloaded",
        "files were read again, or options have new values",
        &["what", "names"],
    ),
    event(
        "restart_needed",
        "options have new values, which only a restart puts into effect",
        &["names"],
    ),
    event(
        "reload_failed",
        "a file could not be read again; what the server had stays in use",
        &["reason"],
    ),
    event(
        "diagnostic",
        "a message for the operator; without a log file it goes to standard error",
        &["text"],
    ),
    event(
        "dropped",
        "log lines were lost, because their reader did not keep up",
        &["lines"],
    ),
    event(
        "connected",
        "a connection was recognised as chat",
        &["clients", "max"],
    ),
    event("tls", "that chat came through TLS", &["version"]),
    event(
        "login",
        "a member or a guest came online",
        &["member", "guest", "clients", "max"],
    ),
    event("login_failed", "a login was denied", &["id", "reason"]),
    event(
        "login_unavailable",
        "the member store had no answer to a login",
        &["id", "reason"],
    ),
    event(
        "slowed",
        "the commands of a connection wait because of the command rate",
        &[],
    ),
    event(
        "nick",
        "a member or a guest has another nick",
        &["member", "guest", "old", "new"],
    ),
    event("quit", "a member or a guest left", &["member", "guest"]),
    event("closed", "a chat connection ended", &["reason"]),
    event(
        "refused",
        "connections were turned away",
        &["reason", "times", "detail"],
    ),
    event(
        "tls_refused",
        "TLS was refused, or its handshake failed",
        &["reason", "times", "detail"],
    ),
    event(
        "websocket_refused",
        "requests for a WebSocket were refused",
        &["reason", "times", "detail", "origin", "version", "status"],
    ),
    event(
        "admin",
        "a request of administration was answered",
        &["request", "status", "by", "about"],
    ),
    event(
        "drained",
        "a drain is over, and the server stops",
        &["clients"],
    ),
    event("crossdomain", "the policy was asked for", &[]),
    event("status", "/server-status was asked for", &[]),
    event("redirect", "a path was redirected", &["method", "path"]),
];

/// All fields, first those that are in every line, or in every line about a connection.
pub const FIELDS: &[Field] = &[
    field("time", "the local time with its offset from UTC (RFC 3339)"),
    field("event", "what has happened, one of the words below"),
    field(
        "peer",
        "the address and port of the connection, or unix; in every line about a connection",
    ),
    field(
        "about",
        "a detail: a reason, or the member or client concerned",
    ),
    field("address", "an address and port, or unix: and a path"),
    field(
        "by",
        "the sender: the name of a user or of a token, if known",
    ),
    field("clients", "a number: open chat connections"),
    field("detail", "what the client sent, or what failed"),
    field("guest", "a guest's nick"),
    field("id", "the number or nick that the client sent"),
    field("lines", "a number of lines"),
    field("max", "a number: the limit on chat connections"),
    field("member", "a member's number"),
    field("method", "the method of a request"),
    field("names", "names of options, separated by commas"),
    field("new", "the nick from now on"),
    field("old", "the nick before"),
    field("origin", "the origin of the page that asked"),
    field("path", "the path of a request, without its query"),
    field("reason", "why, in the words of the text log"),
    field("request", "the method and path of a request"),
    field("status", "the status of the answer; a number in admin"),
    field("text", "the message"),
    field(
        "times",
        "a number: how many connections since the last such line",
    ),
    field(
        "version",
        "a version: of the program, of TLS, or of the WebSocket protocol",
    ),
    field("what", "what was read again"),
];

/// Whether an event may have a field.
pub(super) fn is_known(event: &str, field: &str) -> bool {
    let mut events = EVENTS.iter();
    events.any(|row| row.name == event && row.fields.contains(&field))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Where events are made.
    const SOURCES: [&str; 3] = [
        include_str!("line.rs"),
        include_str!("../../core/src/note.rs"),
        include_str!("../../core/src/note/reason.rs"),
    ];

    /// The words in quotes that stand behind a mark.
    fn behind(mark: &str) -> BTreeSet<&'static str> {
        let words = SOURCES.iter().flat_map(|source| source.split(mark).skip(1));
        let words = words.map(|rest| rest.trim_start().split('"').nth(1).unwrap_or_default());
        words.collect()
    }

    #[test]
    fn every_event_in_use_is_in_the_table_and_no_other() {
        // Those of refusals are named in a table of their own.
        let mut used: BTreeSet<&str> = &behind("to.write(") | &behind("self.write(");
        used.extend(["refused", "tls_refused", "websocket_refused"]);
        let named: BTreeSet<&str> = EVENTS.iter().map(|row| row.name).collect();
        used.retain(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        });
        assert_eq!(used, named);
    }

    #[test]
    fn every_field_of_an_event_has_a_meaning_and_no_other() {
        let used: BTreeSet<&str> = EVENTS.iter().flat_map(|row| row.fields).copied().collect();
        let meant: BTreeSet<&str> = FIELDS.iter().map(|field| field.name).collect();
        let everywhere = BTreeSet::from(["event", "peer", "time"]);
        assert_eq!(&used | &everywhere, meant);
        assert_eq!(meant.len(), FIELDS.len(), "each has one row");
    }
}
