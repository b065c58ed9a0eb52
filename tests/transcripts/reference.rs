//! The reference for authors of clients, `core/PROTOCOL.md`: its examples are transcripts, its table of errors has every
//! error, and its section on the log has every line and reason.

use std::collections::BTreeSet;
use std::fs;

/// The path of the reference.
pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/PROTOCOL.md");

/// The examples as one transcript, in which each line keeps its number.
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
    for (file, start) in [("reply.rs", "&str = \""), ("commands.rs", "usage: \"")] {
        let source = fs::read_to_string(root("/core/src/chat/") + file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        let texts = source.split(start).skip(1);
        said.extend(texts.map(|text| text.split('"').next().unwrap().to_owned()));
    }
    assert!(said.len() > 10, "{said:?}");
    assert_eq!(listed, said);
}

/// Each command stands in a table of the section on commands, and each element in the one on answers.
#[test]
fn commands_and_answers_are_listed() {
    let text = fs::read_to_string(PATH).unwrap();
    for (section, file, start, end) in [
        ("Commands", "commands.rs", "word: \"", '"'),
        ("Answers", "reply.rs", "/// `<", ' '),
    ] {
        let (_, section) = text.split_once(&format!("\n## {section}\n")).unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let source = fs::read_to_string(root("/core/src/chat/") + file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        let names = source.split(start).skip(1);
        let names: Vec<_> = names.map(|rest| rest.split(['>', end]).next()).collect();
        assert!(names.len() >= 7, "{names:?}");
        for name in names.into_iter().flatten() {
            let rows = [format!("\n| `{name}"), format!("\n| `<{name}")];
            let is_listed = |row: &String| {
                let mut behind = section.split(&**row).skip(1);
                behind.any(|rest| !rest.starts_with(char::is_alphanumeric))
            };
            assert!(rows.iter().any(is_listed), "{name} of {file} has no row");
        }
    }
}

/// Each event and each reason of the log is in the section on the log.
#[test]
fn the_log_is_described_in_full() {
    let text = fs::read_to_string(PATH).unwrap();
    let (_, part) = text.split_once("\n## Log lines\n").unwrap();
    let (part, _) = part.split_once("\n## ").unwrap();
    let mut words = BTreeSet::new();
    for file in ["/core/src/note/reason.rs", "/core/src/member.rs"] {
        let source = fs::read_to_string(root(file)).unwrap();
        for reasons in source.split("fn as_str(self)").skip(1) {
            let (reasons, _) = reasons.split_once("\n    }\n").unwrap();
            let reasons = reasons.split("=> \"").skip(1);
            words.extend(reasons.map(|reason| reason.split('"').next().unwrap().to_owned()));
        }
    }
    for file in ["/core/src/note.rs", "/src/log/line.rs"] {
        let source = fs::read_to_string(root(file)).unwrap();
        let events = source.split("Word(\"").skip(1);
        let events = events.map(|event| event.split('"').next().unwrap().trim());
        let is_event = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
        words.extend(events.filter(is_event).map(str::to_owned));
    }
    assert!(words.len() > 55, "{}: {words:?}", words.len());
    for word in words {
        // The last stands in front of a detail in quotes.
        let named = [
            format!("`{word}"),
            format!(" {word}`"),
            format!(" {word} \""),
        ];
        assert!(
            named.iter().any(|word| part.contains(word)),
            "{word} is not among the log lines"
        );
    }
}

fn root(path: &str) -> String {
    format!("{}{path}", env!("CARGO_MANIFEST_DIR"))
}
