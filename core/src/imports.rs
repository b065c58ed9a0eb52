//! Shows that modules name only what the rules between them allow.

extern crate std;

use std::fs;
use std::path::{Path, PathBuf};
use std::vec::Vec;

/// Modules, and those that nothing in them may name.
const RULES: &[(&str, &[&str])] = &[
    (
        "chat",
        &[
            "gateway", "conn", "wire", "record", "replay", "observer", "queue", "host",
        ],
    ),
    (
        "wire",
        &[
            "gateway", "conn", "chat", "web", "record", "replay", "observer", "queue", "host",
            "event", "note", "member", "config",
        ],
    ),
    ("gateway", &["record", "replay"]),
];

#[test]
fn modules_name_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, forbidden) in RULES {
        let mut files = Vec::from([src.join(module).with_extension("rs")]);
        find(&src.join(module), &mut files);
        assert!(files.len() > 5, "{module} has files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let named = forbidden.iter().find(|other| names(&text, other));
            let file = file.strip_prefix(&src).unwrap().display();
            assert_eq!(named, None, "a module that {file} may not name");
        }
    }
}

/// The reference's table of errors is compared with the constants in `chat/reply.rs`.
#[test]
fn errors_are_constants() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&src.join("chat"), &mut files);
    find(&src.join("gateway"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("reply::error(\""), "{}", file.display());
    }
}

#[test]
fn a_module_is_named_by_its_path() {
    for text in [
        "use crate::wire::http;",
        "    crate::wire::http::parse(text)",
        "use super::wire;",
        "//! [parsed](crate::wire::http::parse)",
        "use crate::{\n    text,\n    wire::http,\n};",
        "use crate::{a::{b, c}, wire};",
    ] {
        assert!(names(text, "wire"), "{text}");
    }
    for text in [
        "use crate::wired;",
        "use crate::text;\nlet wire = 1;",
        "use crate::{text, rewired, text::wired};",
        "a wire",
    ] {
        assert!(!names(text, "wire"), "{text}");
    }
}

/// Whether a text has a path to a module of the crate.
fn names(text: &str, module: &str) -> bool {
    let paths = text
        .match_indices("crate::")
        .chain(text.match_indices("super::"));
    paths.into_iter().any(|(at, root)| {
        let path = &text[at + root.len()..];
        let path = if path.starts_with('{') {
            path.split(';').next().unwrap_or_default()
        } else {
            let end = path.find(|c: char| c != '_' && !c.is_alphanumeric());
            &path[..end.unwrap_or(path.len())]
        };
        let mut words = path.split(|c: char| c != '_' && !c.is_alphanumeric());
        words.any(|word| word == module)
    })
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else {
            files.push(path);
        }
    }
}
