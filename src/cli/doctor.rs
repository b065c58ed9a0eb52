//! `flashgate doctor` on the command line: its own options, and those of `serve`, which it checks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FlagInfoKind};

use super::parse::{parse, served};
use crate::config::{DEFAULT_FILE, Surroundings};
use crate::doctor::{self, DoctorOptions};
use crate::failure::Failure;

/// Puts the options of `serve` that follow `doctor` into one option of `doctor`, unless help is asked for.
pub(super) fn split(arguments: Vec<String>) -> Vec<String> {
    let help = ["--help", "-h", "help"];
    let asks_for_help = arguments.iter().any(|word| help.contains(&word.as_str()));
    if arguments.first().is_none_or(|first| first != "doctor") || asks_for_help {
        return arguments;
    }
    let info = DoctorOptions::get_args_info();
    let own = |word: &str| {
        let name = word.split('=').next().unwrap_or_default();
        let flag = info.flags.iter().find(|flag| flag.long == name)?;
        let takes_value = matches!(flag.kind, FlagInfoKind::Option { .. });
        Some(takes_value && !word.contains('='))
    };
    let mut arguments = arguments.into_iter();
    let mut split: Vec<String> = arguments.by_ref().take(1).collect();
    while let Some(word) = arguments.next() {
        match own(&word) {
            Some(takes_next) => {
                split.push(word);
                split.extend(takes_next.then(|| arguments.next()).flatten());
            }
            None => split.push(format!("{SERVE}={word}")),
        }
    }
    split
}

/// Reads what a server would start with, and checks it.
pub(super) fn run(own: &DoctorOptions, surroundings: &Surroundings) -> Result<(), Failure> {
    let default = Path::new(DEFAULT_FILE);
    let config: Option<PathBuf> = match &own.config {
        Some(config) => Some(config.clone()),
        None if surroundings.names_file() => None,
        None => default.exists().then(|| default.to_owned()),
    };
    let mut arguments = vec![OsString::from("serve")];
    if let Some(config) = &config {
        arguments.extend([OsString::from("--config"), config.into()]);
    }
    arguments.extend(own.serve.iter().map(OsString::from));
    let options = parse(arguments.into_iter(), surroundings).and_then(served);
    let config = config.or_else(|| surroundings.file());
    doctor::run(own, options, config.as_deref())
}

const SERVE: &str = "--serve-arguments";
