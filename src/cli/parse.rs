//! From arguments to a command.
//!
//! argh does the parsing. What it lacks is mended here, at the edge: `--option=value`, `-h`,
//! `--version`, and exit code 64 for a command line that makes no sense. What the environment and the configuration
//! file say about `serve` is put in front of its arguments, so that each option is checked in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FlagInfoKind, FromArgs, Optionality};

use super::command::{Command, Flashgate};
use super::typed::Typed;
use super::{config, doctor, hint, settings};
use crate::config::{Keys, Surroundings, gather};
use crate::failure::Failure;
use crate::prompt::STANDARD_INPUT;
use crate::serve::ServeOptions;
use crate::sources::Sources;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// To run a command.
    Run(Box<Command>),
    /// To print a text: help or version.
    Say(String),
}

/// Reads a command line, without the program's name. `surroundings` is where else options can be.
pub fn parse(
    arguments: impl Iterator<Item = OsString>,
    surroundings: &Surroundings,
) -> Result<Request, Failure> {
    let arguments: Result<Vec<String>, OsString> = arguments.map(OsString::into_string).collect();
    let arguments = arguments.map_err(|argument| {
        Failure::usage(&format!(
            "the argument {} is not valid UTF-8",
            argument.to_string_lossy()
        ))
    })?;
    if let Some(options) = config::shows(&arguments) {
        return config::show(options, surroundings).map(Request::Say);
    }
    let arguments = doctor::split(arguments);
    let (arguments, sources) = with_sources(normalise(arguments)?, surroundings)?;
    let explained = |failure| sources.explain(failure);
    parse_plain(standard_input(arguments), &sources).map_err(explained)
}

/// The options of a command line that is known to ask for `serve`.
pub(super) fn served(request: Request) -> Result<ServeOptions, Failure> {
    if let Request::Run(command) = request
        && let Command::Serve(options) = *command
    {
        return Ok(options);
    }
    Err(Failure::usage("this is not a command line of serve"))
}

/// Puts what the environment and the configuration file say in front of the arguments of `serve`.
fn with_sources(
    mut arguments: Vec<String>,
    surroundings: &Surroundings,
) -> Result<(Vec<String>, Sources), Failure> {
    let command = arguments.iter().position(|word| !word.starts_with('-'));
    let Some(at) = command.filter(|at| arguments[*at] == "serve") else {
        return Ok((arguments, Sources::default()));
    };
    let keys = Keys::of_serve();
    let typed = Typed::read(&arguments[at + 1..], &keys);
    // A broken file is no reason to withhold the help.
    if typed.asks_for_help {
        return Ok((arguments, Sources::default()));
    }
    let config = typed.config.as_deref();
    let sources = gather(typed.given, config, surroundings, &keys)?;
    arguments.splice(at + 1..at + 1, sources.arguments(&keys));
    Ok((arguments, sources))
}

/// Reads arguments behind which nothing else is.
pub(super) fn parse_plain(
    mut arguments: Vec<String>,
    sources: &Sources,
) -> Result<Request, Failure> {
    let mut config = None;
    let mut words = arguments.iter().map(String::as_str);
    let mut words = words.by_ref().filter(|argument| !argument.starts_with('-'));
    let (first, second) = (words.next(), words.next());
    let shows_settings = first == Some("serve") || (first, second) == (Some("help"), Some("serve"));
    if first == Some("serve") {
        let known = known();
        let (rest, settings) = settings::take(arguments, |option| takes_value(&known, option))?;
        (arguments, config) = (rest, Some(settings));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match Flashgate::from_args(&["flashgate"], &arguments) {
        Ok(Flashgate { version: true, .. }) => Ok(Request::Say(format!(
            "flashgate {}\n",
            env!("CARGO_PKG_VERSION")
        ))),
        Ok(Flashgate {
            command: Some(mut command),
            ..
        }) => {
            if let (Command::Serve(options), Some(config)) = (&mut command, config) {
                options.settings = config;
                options.sources = sources.clone();
            }
            Ok(Request::Run(command.into()))
        }
        Ok(Flashgate { command: None, .. }) => Err(Failure::usage(
            "no command given; use serve, config, doctor, members, admin, chat, replay or ruffle-config",
        )),
        Err(EarlyExit {
            output,
            status: Ok(()),
        }) => Ok(Request::Say(folded(&if shows_settings {
            settings::help(&output)
        } else {
            output
        }))),
        Err(EarlyExit { output, .. }) => {
            Err(Failure::usage(&with_hint(output.trim_end(), &arguments)))
        }
    }
}

/// Folds lines that are wider than a terminal, as argh does with options and with nothing else.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let is_short = line.trim_end().chars().count() <= COLUMNS;
        // An example is there to be copied. Only examples have this indent.
        if is_short || line.starts_with("    flashgate ") {
            folded.push_str(line);
            continue;
        }
        let rest = line.trim_start();
        let option = rest
            .strip_prefix("--")
            .and_then(|rest| rest.split_once(' '));
        let words = option.map_or(rest, |(_, described)| described.trim_start());
        let own = &line[..line.len() - words.len()];
        let (indent, width) = if line.starts_with("Usage:") {
            ("       ", COLUMNS - MARGIN)
        } else if option.is_some() {
            (settings::DESCRIBED, COLUMNS)
        } else {
            (own, COLUMNS)
        };
        folded.push_str(own);
        let mut column = own.len();
        for (at, word) in words.split_whitespace().enumerate() {
            // An option stays on a line with its value.
            let value = !word.starts_with('[') && word.ends_with(']');
            if at > 0 && !value && column + 1 + word.chars().count() > width {
                folded.push('\n');
                folded.push_str(indent);
                column = indent.len();
            } else if at > 0 {
                folded.push(' ');
                column += 1;
            }
            folded.push_str(word);
            column += word.chars().count();
        }
        folded.push('\n');
    }
    folded
}

/// Explains an unknown argument, suggests the option that may have been meant, and points out options after
/// `--`.
fn with_hint(message: &str, arguments: &[&str]) -> String {
    let unknown = message.strip_prefix("Unrecognized argument: ");
    let message = match unknown {
        Some(word) => hint::unrecognized(word, arguments),
        None => message.to_owned(),
    };
    let known = known();
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let mut behind = arguments.iter().skip_while(|argument| **argument != "--");
    match behind.find(|argument| known.contains_key(&name(argument))) {
        Some(option) => format!(
            "{message}\nBehind -- nothing is an option any more; write {} before it.",
            name(option)
        ),
        None => message,
    }
}

/// Splits `--option=value` into two arguments, for options that take a value; values stay unchanged. Refuses
/// an option that is given twice but allowed once: argh accepts a repeated switch, and its message for other
/// options is of no help.
fn normalise(arguments: Vec<String>) -> Result<Vec<String>, Failure> {
    let known = known();
    let takes_value = |option: &str| takes_value(&known, option);
    let mut seen = BTreeSet::new();
    let mut once = |option: &str| {
        let single = known.get(option).is_some_and(|given| !given.repeats);
        if single && !seen.insert(option.to_owned()) {
            return Err(Failure::usage(&format!(
                "{option} is given twice; leave out one of them"
            )));
        }
        Ok(())
    };

    let mut normal = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some((option, value)) if takes_value(option) => {
                once(option)?;
                normal.extend([option.to_owned(), value.to_owned()]);
            }
            _ if argument == "--" => {
                normal.push(argument);
                normal.extend(arguments.by_ref());
            }
            _ if argument == "-h" => normal.push("--help".to_owned()),
            _ => {
                once(&argument)?;
                let takes_next = takes_value(&argument);
                normal.push(argument);
                normal.extend(takes_next.then(|| arguments.next()).flatten());
            }
        }
    }
    Ok(normal)
}

/// Puts a name that can be opened in the place of `-`, which argh takes for an option, where a file is read.
fn standard_input(mut arguments: Vec<String>) -> Vec<String> {
    let command: Vec<&str> = arguments.iter().map(String::as_str).take(2).collect();
    let reads = matches!(command[..], ["members", "import"] | ["replay", ..]);
    let known = known();
    let mut option: Option<String> = None;
    for argument in &mut arguments {
        let is_file = match &option {
            None => reads,
            Some(option) => FILES_READ.contains(&option.as_str()),
        };
        if argument == "-" && is_file {
            STANDARD_INPUT.clone_into(argument);
        }
        option = takes_value(&known, argument).then(|| argument.clone());
    }
    arguments
}

/// Options whose file is read once, from start to end.
const FILES_READ: [&str; 3] = ["--policy-file", "--ticket-secret", "--mysql-password"];

/// How an option may be given.
struct Given {
    value: bool,
    repeats: bool,
}

/// All options there are.
fn known() -> BTreeMap<String, Given> {
    let mut known = BTreeMap::new();
    options_of(&Flashgate::get_args_info(), &mut known);
    known.extend(settings::all().map(|(name, setting)| {
        let given = Given {
            value: settings::takes_value(setting),
            repeats: setting.is_list(),
        };
        (name, given)
    }));
    known
}

fn takes_value(known: &BTreeMap<String, Given>, option: &str) -> bool {
    known.get(option).is_some_and(|given| given.value)
}

/// The options of a command and of those below it: one command line has one of each name.
fn options_of(command: &CommandInfoWithArgs, found: &mut BTreeMap<String, Given>) {
    for flag in command.flags {
        let given = Given {
            value: matches!(flag.kind, FlagInfoKind::Option { .. }),
            repeats: flag.optionality == Optionality::Repeating,
        };
        found.insert(flag.long.to_owned(), given);
    }
    for sub in &command.commands {
        options_of(&sub.command, found);
    }
}

/// The default width of a terminal, and of argh's own lines.
const COLUMNS: usize = 80;

/// Columns for the value of an option at the end of a line.
const MARGIN: usize = 16;

#[cfg(test)]
mod tests;
