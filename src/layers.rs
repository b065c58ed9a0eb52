//! Which module of the program may use which.

use std::fs;
use std::path::{Path, PathBuf};

/// An area, and the areas that it may use, beside the [`TOOLS`].
const AREAS: [(&str, &[&str]); 19] = [
    ("password", &[]),
    ("store", &["password"]),
    ("import", &["password", "store"]),
    ("site_table", &["import", "password", "store"]),
    ("login", &["password", "site_table", "store"]),
    ("admin", &["login", "password", "store"]),
    ("web", &["store"]),
    ("tls", &[]),
    ("chat", &["tls"]),
    ("recording", &[]),
    ("service", &[]),
    ("replay", &[]),
    (
        "members",
        &["config", "import", "password", "site_table", "store"],
    ),
    (
        "serve",
        &[
            "admin",
            "import",
            "login",
            "recording",
            "service",
            "site_table",
            "store",
            "tls",
            "web",
        ],
    ),
    ("config", &["serve", "store"]),
    ("doctor", &["serve", "site_table", "store", "tls"]),
    ("operate", &["admin", "config"]),
    (
        "cli",
        &[
            "chat", "config", "doctor", "members", "operate", "replay", "serve", "web",
        ],
    ),
    ("manual", &["cli", "config", "doctor", "serve"]),
];

/// What every area may use. A tool uses no area.
const TOOLS: [&str; 8] = [
    "bounded", "failure", "files", "log", "owner", "prompt", "sources", "text",
];

#[test]
fn areas_use_only_what_is_below_them() {
    for (area, file, line) in lines() {
        let Some((_, used)) = line.split_once("crate::") else {
            continue;
        };
        let used = used
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or("");
        let below = AREAS
            .iter()
            .find(|(name, _)| *name == area)
            .map_or(&[][..], |(_, below)| below);
        let may = TOOLS.contains(&used) || below.contains(&used);
        assert!(may, "{}: {area} may not use {used}: {line}", file.display());
    }
}

/// The modules of an area name each other. What its face passes on is for others.
#[test]
fn no_face_is_used_by_its_own_modules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for (area, file, line) in lines() {
        let folder = src.join(&area);
        let Some(used) = line
            .strip_prefix("use super::")
            .filter(|used| *used != "*;")
        else {
            continue;
        };
        if file.parent() != Some(&folder) {
            continue;
        }
        let used = used.trim_end_matches(';');
        let several = used
            .strip_prefix('{')
            .map(|list| list.trim_end_matches('}').split(", "));
        for name in several.map_or(vec![used], Iterator::collect) {
            let module = name.split("::").next().unwrap_or_default();
            // A module of tests within a file begins where that file is.
            let is_there = module == "super" || folder.join(module).with_extension("rs").exists();
            assert!(is_there, "{}: {line}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} imports seen");
}

/// Each line of the program with its area and its file, without comments.
fn lines() -> impl Iterator<Item = (String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![src.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let alone = ["lib.rs", "main.rs", "layers.rs"].map(|name| src.join(name));
    files.retain(|file| !alone.contains(file));
    files.into_iter().flat_map(move |file| {
        let inside = file.strip_prefix(&src).unwrap().with_extension("");
        let area = inside.iter().next().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
            .map(str::to_owned)
            .collect();
        lines
            .into_iter()
            .map(move |line| (area.clone(), file.clone(), line))
    })
}
