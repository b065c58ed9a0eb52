//! What shells can complete: which values an option takes, and a few words about each option.

use super::commands::{Argument, Command, Opt};

/// What follows an option, or stands in the place of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing: it is a switch.
    Nothing,
    /// A text that no shell can know.
    Text,
    /// The name of a file.
    File,
    /// The name of a folder.
    Folder,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// Options of `serve` that take one of a few words.
const WORDS: [(&str, &[&str]); 9] = [
    ("--client-header", &["x-forwarded-for", "forwarded", "none"]),
    ("--log-format", &["text", "json"]),
    (
        "--log-level",
        &["off", "error", "warn", "info", "debug", "trace"],
    ),
    ("--login-throttle", &["on", "off"]),
    ("--nick-changes", &["on", "off"]),
    ("--on-duplicate", &["stale", "refuse", "replace"]),
    ("--presence", &["all", "off"]),
    ("--rooms", &["all", "off"]),
    ("--runtime", &["smol", "std"]),
];

impl Value {
    /// What follows this option.
    pub(super) fn of(option: &Opt) -> Self {
        let Some(name) = &option.value else {
            return Self::Nothing;
        };
        let words = WORDS.iter().find(|(of, _)| *of == option.name);
        words.map_or_else(|| Self::called(name), |(_, words)| Self::Words(words))
    }

    /// What is in the place of this argument.
    pub(super) fn of_argument(argument: &Argument) -> Self {
        Self::called(&argument.name)
    }

    fn called(name: &str) -> Self {
        let has = |word: &str| name.split('-').any(|part| part == word);
        if has("FILE") {
            Self::File
        } else if has("DIR") {
            Self::Folder
        } else {
            Self::Text
        }
    }
}

/// The beginning of a description, without its details.
pub(super) fn short(text: &str) -> String {
    let end = [";", ":", ",", " ("].iter();
    let end = end.filter_map(|end| text.find(end)).filter(|end| *end > 12);
    text[..end.min().unwrap_or(text.len())]
        .trim_end_matches('.')
        .to_owned()
}

/// The first line behind the shell's own first line.
pub(super) const HEAD: &str =
    "# Completion of flashgate, made from its options by `UPDATE=1 cargo test --lib manual`.";

/// The paths of all commands below the program, without its name.
pub(super) fn paths(program: &Command) -> Vec<&str> {
    let all = program.all().into_iter().skip(1);
    all.map(|command| command.path.trim_start_matches("flashgate "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::config::Surroundings;

    #[test]
    fn the_words_are_those_that_the_program_takes() {
        let program = Command::program();
        for (option, words) in WORDS {
            let takes = |word: &str| {
                let arguments = ["serve", option, word].map(Into::into);
                cli::parse(arguments.into_iter(), &Surroundings::default()).is_ok()
            };
            assert!(words.iter().all(|word| takes(word)), "{option}");
            assert!(!takes("nonsense"), "{option}");
            let serve = program.at("flashgate serve");
            assert!(
                serve.options.iter().any(|known| known.name == option),
                "{option}"
            );
        }
    }

    #[test]
    fn values_and_descriptions() {
        for (name, value) in [
            ("FILE", Value::File),
            ("FILE-or-URL", Value::File),
            ("DIR-or-URL", Value::Folder),
            ("PROFILE", Value::Text),
        ] {
            assert_eq!(Value::called(name), value, "{name}");
        }
        for (text, expected) in [
            (
                "chat connections at once (default 4096)",
                "chat connections at once",
            ),
            (
                "text, or json: one object a line (default text)",
                "text, or json",
            ),
            ("Run the server.", "Run the server"),
        ] {
            assert_eq!(short(text), expected);
        }
    }
}
