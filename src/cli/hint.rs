//! What an argument that is not known may have been meant as.

use argh::{ArgsInfo, CommandInfoWithArgs, SubCommandInfo};

use super::command::Flashgate;
use super::settings;
use crate::text::nearest;

/// Says of an argument that argh has not recognised what is known in its place.
pub(super) fn unrecognized(word: &str, arguments: &[&str]) -> String {
    let (path, command) = command(arguments);
    let commands: Vec<&str> = command.commands.iter().map(|sub| sub.name).collect();
    let mut options: Vec<String> = command
        .flags
        .iter()
        .filter(|flag| !flag.hidden)
        .map(|flag| flag.long.to_owned())
        .collect();
    if path == "flashgate serve" {
        options.extend(settings::all().map(|(name, _)| name));
    }
    if word.starts_with('-') {
        let hint = meant(word, options.iter().map(String::as_str));
        let hint = hint.or_else(|| of_a_command(word, &path, &command));
        format!("{path} has no option {word}{}", hint.unwrap_or_default())
    } else if let [others @ .., last] = commands.as_slice() {
        let hint = meant(word, commands.iter().copied());
        let list = || format!("; the commands are {} and {last}", others.join(", "));
        format!("there is no command {word}{}", hint.unwrap_or_else(list))
    } else {
        let option = format!("--{word}");
        match meant(&option, options.iter().map(String::as_str)) {
            Some(hint) => format!("{path} takes no {word} here{hint}"),
            // It may be a password.
            None => format!("{path} takes fewer arguments; see {path} --help"),
        }
    }
}

/// The command that arguments name, and its words.
fn command(arguments: &[&str]) -> (String, CommandInfoWithArgs) {
    let (mut path, mut command) = ("flashgate".to_owned(), Flashgate::get_args_info());
    for argument in arguments {
        let at = command
            .commands
            .iter()
            .position(|sub| sub.name == *argument);
        match at {
            Some(at) => {
                path += &format!(" {argument}");
                command = command.commands.swap_remove(at).command;
            }
            None if argument.starts_with('-') => {}
            None => break,
        }
    }
    (path, command)
}

/// The command below this one that has an option of this name.
fn of_a_command(option: &str, path: &str, command: &CommandInfoWithArgs) -> Option<String> {
    if path == "flashgate" && settings::option(option).is_some() {
        return Some(format!("; did you mean {path} serve {option}?"));
    }
    let has = |sub: &&SubCommandInfo| sub.command.flags.iter().any(|flag| flag.long == option);
    let sub = command.commands.iter().find(has)?;
    Some(format!("; did you mean {path} {} {option}?", sub.name))
}

/// Asks for the known word that is most like this one, if any is.
fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|known| format!("; did you mean {known}?"))
}
