//! The core's settings as options of `serve`: read from the command line before argh sees the rest, and
//! described in one help with argh's own options.

use std::collections::BTreeMap;

use flashgate_core::{Config, SETTINGS, Setting, SettingError};

use crate::failure::Failure;

/// The setting that an argument like `--max-clients` names.
pub(super) fn option(argument: &str) -> Option<&'static Setting> {
    all()
        .find(|(name, _)| name == argument)
        .map(|(_, setting)| setting)
}

/// Whether a setting's option is followed by a value.
pub(super) fn takes_value(setting: &Setting) -> bool {
    setting.help().is_some_and(|help| !help.value.is_empty())
}

/// Takes the settings out of the arguments of `serve`. `takes_value` says whether another option is followed
/// by a value.
pub(super) fn take(
    arguments: Vec<String>,
    takes_value: impl Fn(&str) -> bool,
) -> Result<(Vec<String>, Config), Failure> {
    let mut rest = Vec::with_capacity(arguments.len());
    let mut given: BTreeMap<&str, (&Setting, Vec<String>)> = BTreeMap::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            rest.push(argument);
            rest.extend(arguments.by_ref());
        } else if let Some(setting) = option(&argument) {
            let value = if self::takes_value(setting) {
                let missing = || format!("No value provided for option '{argument}'.");
                let value = arguments.next();
                value.ok_or_else(|| Failure::usage(&missing()))?
            } else {
                "on".to_owned()
            };
            let (_, values) = given.entry(setting.name()).or_insert((setting, Vec::new()));
            values.push(value);
        } else {
            let next = takes_value(&argument).then(|| arguments.next()).flatten();
            rest.push(argument);
            rest.extend(next);
        }
    }
    let mut config = Config::default();
    // A wrong value is no reason to withhold the help that says what is right.
    if !rest.iter().any(|argument| argument == "--help") {
        for (setting, values) in given.into_values() {
            set(&mut config, setting, &values)?;
        }
    }
    Ok((rest, config))
}

fn set(config: &mut Config, setting: &Setting, values: &[String]) -> Result<(), Failure> {
    let refuse = |value: &str, error: SettingError| {
        Failure::usage(&format!(
            "Error parsing option '--{}' with value '{value}': {error}",
            setting.name()
        ))
    };
    // By itself first, so that the message quotes the one that is wrong.
    for value in values {
        let several = setting.is_list() && value.contains(' ');
        let one = match several {
            true => Err(SettingError::Value("it must be one word".to_owned())),
            false => setting.set(config, value),
        };
        one.map_err(|error| refuse(value, error))?;
    }
    let all = values.join(" ");
    setting
        .set(config, &all)
        .map_err(|error| refuse(&all, error))
}

/// Adds the settings to argh's help for `serve`, all options in the order of their names.
pub(super) fn help(argh: &str) -> String {
    let Some((start, options)) = argh.split_once("\nOptions:\n") else {
        return argh.to_owned();
    };
    let (options, end) = options.split_once("\n\n").unwrap_or((options, ""));
    let (usage, about) = start.split_once('\n').unwrap_or((start, ""));

    let mut pieces = usage.split(" [");
    let command = pieces.next().unwrap_or_default();
    let mut pieces: Vec<String> = pieces.map(|piece| format!(" [{piece}")).collect();
    // An option begins with two spaces; what its description goes on with is deeper.
    let mut entries: Vec<String> = Vec::new();
    for line in options.lines() {
        match entries.last_mut() {
            Some(entry) if line.starts_with("   ") => *entry += &format!("\n{line}"),
            Some(_) | None => entries.push(line.to_owned()),
        }
    }
    for setting in SETTINGS {
        if let Some(help) = setting.help() {
            let name = setting.name();
            pieces.push(match help.value {
                "" => format!(" [--{name}]"),
                value if setting.is_list() => format!(" [--{name} <{value}...>]"),
                value => format!(" [--{name} <{value}>]"),
            });
            entries.push(entry(setting, help.text));
        }
    }
    pieces.sort();
    entries.sort();
    let mut text = format!(
        "{command}{}\n{about}\nOptions:\n{}\n",
        pieces.concat(),
        entries.join("\n")
    );
    if !end.is_empty() {
        text += &format!("\n{end}");
    }
    text
}

/// The description of an option, in the layout of argh but for lines that are too wide.
fn entry(setting: &Setting, text: &str) -> String {
    let name = format!("  --{}", setting.name());
    let before = match name.len() <= DESCRIBED.len() {
        true => format!("{name:<width$} ", width = DESCRIBED.len() - 1),
        false => format!(
            "{name}
{DESCRIBED}"
        ),
    };
    match default(setting) {
        Some(default) => format!("{before}{text} (default {default})"),
        None => format!("{before}{text}"),
    }
}

/// The settings that are options, with the names of these.
pub(super) fn all() -> impl Iterator<Item = (String, &'static Setting)> {
    let settings = SETTINGS.iter().filter(|setting| setting.help().is_some());
    settings.map(|setting| (format!("--{}", setting.name()), setting))
}

/// The default as the help names it; none for what is off unless given, and where the help says it.
fn default(setting: &Setting) -> Option<String> {
    let value = setting.value(&Config::default());
    match value.as_str() {
        "*" => Some("any".to_owned()),
        "" => None,
        "off" if !takes_value(setting) => None,
        _ => Some(value),
    }
}

/// What is before each line of a description.
pub(super) const DESCRIBED: &str = "                    ";
