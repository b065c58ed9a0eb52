//! The options of `serve` that stand on the command line itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::{Keys, Takes};
use crate::sources::{Given, Item, Place};

/// What was typed behind `serve`.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) given: BTreeMap<String, Given>,
    pub(super) config: Option<PathBuf>,
    pub(super) asks_for_help: bool,
}

impl Typed {
    /// Reads arguments in which options and their values are apart. Whether they make sense is found out later.
    pub(super) fn read(arguments: &[String], keys: &Keys) -> Self {
        let mut typed = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next().filter(|argument| *argument != "--") {
            let name = argument.strip_prefix("--").unwrap_or_default();
            let takes = keys.get(name).map(|key| key.takes);
            let text = match takes {
                None if argument == "--help" || argument == "help" => {
                    typed.asks_for_help = true;
                    continue;
                }
                None if name == "config" => {
                    typed.config = arguments.next().map(PathBuf::from);
                    continue;
                }
                None => continue,
                Some(Takes::Nothing) => "true".to_owned(),
                Some(Takes::One | Takes::Several) => match arguments.next() {
                    Some(text) => text.clone(),
                    None => break,
                },
            };
            let given = typed.given.entry(name.to_owned()).or_insert(Given {
                items: Vec::new(),
                place: Place::CommandLine,
            });
            given.items.push(Item {
                text,
                place: Place::CommandLine,
            });
        }
        typed
    }
}
