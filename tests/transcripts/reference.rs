//! The reference for people who write clients, `core/PROTOCOL.md`: its examples are transcripts, and its table
//! of errors has every error that there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where it is.
pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/PROTOCOL.md");

/// The examples as one transcript, each line where it was.
pub(crate) fn examples(text: &str) -> String {
    let mut within = false;
    let mut transcript = String::from("# The examples of the reference.\n");
    // The first line is a title.
    for line in text.lines().skip(1) {
        if line.starts_with("```") {
            within = line == "```transcript";
        } else if within {
            transcript.push_str(line);
        }
        transcript.push('\n');
    }
    transcript
}

#[test]
fn the_table_of_errors_is_that_of_the_core() {
    let text = fs::read_to_string(PATH).unwrap();
    let (_, table) = text.split_once("\n## Errors\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<String> = rows
        .map(|row| row.split('`').next().unwrap().to_owned())
        .collect();
    let mut said = BTreeSet::new();
    errors(Path::new(SOURCE), &mut said);
    assert!(said.len() > 10, "{said:?}");
    assert_eq!(listed, said);
}

/// Collects the text of each error that the sources in a folder make, those of tests left out.
fn errors(folder: &Path, said: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["testing", "testing.rs", "tests", "tests.rs"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            errors(&path, said);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for start in ["error(\"", "Fault(\""] {
            let texts = source.split(start).skip(1);
            said.extend(texts.map(|text| text.split('"').next().unwrap().to_owned()));
        }
    }
}

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/src");
