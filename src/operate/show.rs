//! Answers as people read them.

use serde_json::Value;

use crate::text::Plain;

/// The clients that are online, one on each line, by nick.
pub(super) fn clients(mut rows: Vec<Value>) -> String {
    rows.sort_by_key(|row| text(row, "nick").to_lowercase());
    let mut table = vec![
        [
            "ID", "NICK", "ADDRESS", "SINCE", "WIRE", "TLS", "WAITING", "ROOMS",
        ]
        .map(str::to_owned),
    ];
    for row in &rows {
        let rooms = row["rooms"].as_array().into_iter().flatten();
        let rooms: Vec<&str> = rooms.filter_map(Value::as_str).collect();
        table.push([
            row["id"]
                .as_i64()
                .map_or("-".to_owned(), |id| id.to_string()),
            text(row, "nick"),
            text(row, "address"),
            text(row, "since"),
            text(row, "wire"),
            row["tls"].as_str().unwrap_or("-").to_owned(),
            row["bytes_waiting"].to_string(),
            Plain(&rooms.join(" ")).to_string(),
        ]);
    }
    columns(&table) + &format!("{} online\n", rows.len())
}

/// The rooms, a line each.
pub(super) fn rooms(rows: &[Value]) -> String {
    let mut table = vec![["ROOM", "MEMBERS", "OWNER", "TOPIC"].map(str::to_owned)];
    for row in rows {
        table.push([
            text(row, "name"),
            row["members"].to_string(),
            row["owner"]
                .as_str()
                .map_or("-".to_owned(), |nick| Plain(nick).to_string()),
            text(row, "topic"),
        ]);
    }
    columns(&table) + &format!("{} rooms\n", rows.len())
}

/// The state of the server, a line for each fact.
pub(super) fn status(status: &Value) -> String {
    let known = FACTS.into_iter().filter(|name| !status[name].is_null());
    let table: Vec<[String; 2]> = known
        .map(|name| [name.replace('_', " "), text(status, name)])
        .collect();
    columns(&table)
}

/// In the order in which they are shown.
const FACTS: [&str; 14] = [
    "version",
    "state",
    "store",
    "created",
    "uptime_seconds",
    "clients",
    "max_clients",
    "online",
    "rooms",
    "connections",
    "max_connections",
    "logins",
    "failed_logins",
    "messages",
];

/// What a reload has changed.
pub(super) fn reloaded(report: &Value) -> String {
    let list = |key: &str| {
        let items = report[key].as_array().into_iter().flatten();
        let items: Vec<&str> = items.filter_map(Value::as_str).collect();
        Plain(&items.join(", ")).to_string()
    };
    let mut out = String::new();
    for (key, before) in [
        ("settings", "new values hold for"),
        ("restart", "a restart is needed for"),
        ("failed", "could not be read"),
    ] {
        let items = list(key);
        if !items.is_empty() {
            out += &format!("{before}: {items}\n");
        }
    }
    if out.is_empty() {
        out.push_str("read again; no option has changed\n");
    }
    out
}

/// An event: its time, its word, and the facts.
pub(super) fn event(line: &str) -> String {
    let Ok(Value::Object(facts)) = serde_json::from_str(line) else {
        return format!("{}\n", Plain(line));
    };
    let event = Value::Object(facts.clone());
    let mut out = format!("{} {}", text(&event, "time"), text(&event, "event"));
    for (name, value) in &facts {
        if !["time", "event"].contains(&name.as_str()) && !value.is_null() {
            out += &format!(" {name}={}", Plain(&value.to_string()));
        }
    }
    out.push('\n');
    out
}

/// A fact as text that a terminal can show.
fn text(row: &Value, name: &str) -> String {
    match &row[name] {
        Value::String(text) => Plain(text).to_string(),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    }
}

/// Rows as columns.
fn columns<const N: usize>(table: &[[String; N]]) -> String {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in table {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let gap = width - cell.chars().count() + 2;
            line += cell;
            line.extend(std::iter::repeat_n(' ', gap));
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}
