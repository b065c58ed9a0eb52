//! The configuration file of the Debian package: all keys, as comments, but for those that the package sets.

use crate::cli;
use crate::config;

/// What the package sets, as TOML.
const VALUES: [(&str, &str); 3] = [
    ("admin", r#""unix:/run/flashgate/admin.sock""#),
    ("listen", r#"["127.0.0.1:8080"]"#),
    ("members", r#""/var/lib/flashgate/flashgate.db""#),
];

/// The file.
pub(super) fn file() -> String {
    let line = |line: &str| {
        let sets = |(key, _): &&(&str, &str)| line.starts_with(&format!("#{key} = "));
        match VALUES.iter().find(sets) {
            Some((key, value)) => format!("{key} = {value}\n"),
            None => format!("{line}\n"),
        }
    };
    config::template().lines().map(line).collect()
}

#[test]
fn the_package_sets_its_keys() {
    let options = cli::options_of("flashgate.toml", file().as_bytes()).unwrap();
    let set: Vec<&str> = options.sources.given.keys().map(String::as_str).collect();
    assert_eq!(set, VALUES.map(|(key, _)| key));
}
