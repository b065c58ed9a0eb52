//! Each value, and where it comes from.

use super::keys::{Keys, may_be_shown};
use super::value::toml;
use crate::sources::{Place, Sources};

/// Writes a line of TOML for each key, with the source of its value behind it.
pub fn show(sources: &Sources) -> String {
    let mut text = String::new();
    for (name, key) in Keys::of_serve().iter() {
        let given = sources.get(name).filter(|given| !given.items.is_empty());
        let default = || key.default.iter().map(String::as_str).collect();
        let texts: Vec<&str> = given.map_or_else(default, |given| {
            given.items.iter().map(|item| item.text.as_str()).collect()
        });
        let source = match given.map(|given| &given.place) {
            None => "default".to_owned(),
            Some(Place::CommandLine) => "option".to_owned(),
            Some(Place::Environment(variable)) => format!("environment, {variable}"),
            Some(Place::File { path, line }) => format!("{path}:{line}"),
        };
        let is_default = given.is_none();
        let line = if is_default || texts.iter().all(|text| may_be_shown(name, text)) {
            format!("{name} = {}", toml(key.takes, &texts))
        } else {
            format!("# {name} is not shown: it looks like a secret.")
        };
        text += &format!("{line:<width$}  # {source}\n", width = WIDTH);
    }
    text
}

/// The column of the sources, if the values are short.
const WIDTH: usize = 40;
