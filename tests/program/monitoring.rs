//! The dashboard, the alert rules and the table of metrics in `examples/monitoring` name what the program serves.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use tempfile::tempdir;

use crate::outside::{PATIENCE, Server};

const DASHBOARD: &str = include_str!("../../examples/monitoring/dashboard.json");
const ALERTS: &str = include_str!("../../examples/monitoring/alerts.yml");
const README: &str = include_str!("../../examples/monitoring/README.md");

/// The metrics of a server, those of its process included.
fn metrics() -> String {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let end = Instant::now() + PATIENCE;
    loop {
        let metrics = server.get("/metrics");
        // The first of the process comes within a second.
        if metrics.contains("\nprocess_open_fds ") {
            return metrics;
        }
        assert!(Instant::now() < end, "{metrics}");
    }
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    words
        .filter(|word| word.starts_with("flashgate_") || word.starts_with("process_"))
        .collect()
}

/// Collects what stands under `key`, at any depth.
fn strings<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if name == key {
                    found.extend(value.as_str());
                }
                strings(value, key, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The values of these labels that a text selects, as `label="value"`.
fn selected(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for label in ["reason", "limit", "outcome", "result", "fault"] {
        for operator in ["=", "!=", "=~", "!~"] {
            let begin = format!("{label}{operator}\"");
            for (at, _) in text.match_indices(&begin) {
                let values = text[at + begin.len()..].split('"').next().unwrap();
                let values = values.split('|').map(|value| value.trim_end_matches(".*"));
                found.extend(values.map(|value| format!("{label}=\"{value}")));
            }
        }
    }
    found
}

#[test]
#[cfg(target_os = "linux")]
fn what_they_name_exists() {
    let metrics = metrics();
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let families: BTreeSet<&str> = types
        .clone()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let samples: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    strings(&dashboard, "definition", &mut expressions);
    let expressions = expressions.join("\n");
    for (what, text) in [("the dashboard", &*expressions), ("the alerts", ALERTS)] {
        for name in named(text) {
            assert!(samples.contains(name), "{what}: there is no metric {name}");
        }
        for value in selected(text) {
            assert!(
                metrics.contains(&value),
                "{what}: there is no label {value}"
            );
        }
    }
    assert!(selected(ALERTS).len() > 5, "labels are found");

    // Each family has its row, and a panel.
    let rows: String = README
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(named(&rows), families, "the table in the README");
    for line in types {
        let (family, kind) = line.split_once(' ').unwrap();
        let row = README
            .lines()
            .find(|line| line.contains(&format!("`{family}`")) && line.starts_with('|'));
        assert!(
            row.unwrap().contains(&format!("| {kind} |")),
            "{family} is a {kind}"
        );
        assert!(expressions.contains(family), "{family} has no panel");
    }
}
