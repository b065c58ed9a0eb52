//! Where the value of an option comes from, for messages: the command line, the environment, or a line of the
//! configuration file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::failure::{Exit, Failure};
use crate::text::{Plain, Quoted};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The command line.
    CommandLine,
    /// An environment variable of this name.
    Environment(String),
    /// A line of the configuration file.
    File {
        /// The file, as the operator named it.
        path: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("the command line"),
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
        }
    }
}

/// One value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it would stand on a command line. Of an option without a value, `true` or `false`.
    pub text: String,
    /// Where it was written.
    pub place: Place,
}

/// What one source says about one option. It replaces whatever a lower source says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The values; none where the source asks for the default.
    pub items: Vec<Item>,
    /// Where the option is named.
    pub place: Place,
}

/// The options that were given, each by the highest source that names it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub(crate) given: BTreeMap<String, Given>,
    /// What looks like a mistake and is none for certain.
    pub(crate) warnings: Vec<String>,
}

impl Sources {
    /// What was said about an option, by its name without `--`.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// Where each option comes from.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.given.values().map(|given| &given.place)
    }

    /// The names of the options whose values are others in `newer`.
    pub(crate) fn changed<'a>(&'a self, newer: &'a Self) -> Vec<&'a str> {
        let texts = |sources: &'a Self, name: &str| {
            let items = sources.get(name).map(|given| given.items.as_slice());
            let texts = items.unwrap_or_default().iter();
            let texts: Vec<&str> = texts.map(|item| item.text.as_str()).collect();
            // A switch that is off says no more than one that is not named.
            if texts == ["false"] {
                Vec::new()
            } else {
                texts
            }
        };
        let mut names: Vec<&str> = self
            .given
            .keys()
            .chain(newer.given.keys())
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| texts(self, name) != texts(newer, name));
        names
    }

    /// Adds to a failure where the options that it names were set, unless that is the command line.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        let elsewhere = || {
            let given = self.given.iter();
            given.filter(|(_, given)| given.place != Place::CommandLine)
        };
        for (name, given) in elsewhere() {
            for Item { text, place } in &given.items {
                let refused = format!("Error parsing option '--{name}' with value '{text}': ");
                if let Some(why) = failure.message.strip_prefix(&refused) {
                    let (text, why) = (Quoted(text), Plain(Failure::without_help(why)));
                    return Exit::Config
                        .because(format!("{place}: {name} does not take {text}: {why}"));
                }
            }
        }
        let mut message = Failure::without_help(&failure.message).to_owned();
        let mut is_explained = false;
        for (name, given) in elsewhere() {
            if names(&failure.message, name) {
                is_explained = true;
                message += &format!("\n--{name} comes from {}.", given.place);
            }
        }
        if !is_explained {
            return failure;
        }
        let exit = match failure.exit {
            Exit::Usage => Exit::Config,
            exit @ (Exit::Failure | Exit::Data | Exit::Unavailable | Exit::Config) => exit,
        };
        exit.because(message)
    }
}

/// Whether a message names an option: `--max-site` does not name `--max`.
fn names(message: &str, name: &str) -> bool {
    let option = format!("--{name}");
    message.match_indices(&option).any(|(at, _)| {
        let behind = message[at + option.len()..].chars().next();
        !behind.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(given: &[(&str, &[&str], Place)]) -> Sources {
        let given = given.iter().map(|(name, texts, place)| {
            let items = texts.iter().map(|text| Item {
                text: (*text).to_owned(),
                place: place.clone(),
            });
            let (items, place) = (items.collect(), place.clone());
            ((*name).to_owned(), Given { items, place })
        });
        Sources {
            given: given.collect(),
            ..Sources::default()
        }
    }

    fn line(line: usize) -> Place {
        let path = Arc::from("a.toml");
        Place::File { path, line }
    }

    #[test]
    fn failures_say_where_an_option_comes_from() {
        let sources = sources(&[
            ("max-site", &["0"], line(3)),
            ("max", &["1"], line(4)),
            ("demo", &["true"], Place::CommandLine),
            (
                "members",
                &["x.db"],
                Place::Environment("FLASHGATE_MEMBERS".to_owned()),
            ),
        ]);
        for (message, exit, expected) in [
            (
                "Error parsing option '--max-site' with value '0': it must be more\n",
                Exit::Config,
                "a.toml:3: max-site does not take \"0\": it must be more",
            ),
            (
                "leave out --demo or --members",
                Exit::Config,
                "leave out --demo or --members\n--members comes from the environment variable FLASHGATE_MEMBERS.",
            ),
            (
                "check --max-site",
                Exit::Config,
                "check --max-site\n--max-site comes from a.toml:3.",
            ),
        ] {
            let explained = sources.explain(Failure::usage(message));
            assert_eq!(
                (explained.exit, explained.message.as_str()),
                (exit, expected)
            );
        }
        for other in [
            "leave out --demo",
            "Error parsing option '--max-site' with value '1': x",
        ] {
            let failure = Failure::usage(other);
            let is_same = !other.contains("--max-site");
            assert_eq!(
                sources.explain(failure.clone()) == failure,
                is_same,
                "{other}"
            );
        }
    }

    #[test]
    fn changes_are_those_of_values() {
        let one = |texts: &[&str]| sources(&[("room", texts, line(1))]);
        assert!(
            one(&["#a"])
                .changed(&sources(&[("room", &["#a"], line(9))]))
                .is_empty()
        );
        assert_eq!(one(&["#a"]).changed(&one(&["#a", "#b"])), ["room"]);
        assert_eq!(one(&["#a"]).changed(&Sources::default()), ["room"]);
        assert_eq!(Sources::default().changed(&one(&["#a"])), ["room"]);
        assert!(one(&[]).changed(&Sources::default()).is_empty());
        assert!(one(&["false"]).changed(&Sources::default()).is_empty());
    }
}
