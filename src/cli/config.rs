//! `flashgate config`: check, show or print configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::parse::{parse, parse_plain, served};
use crate::config::{self, DEFAULT_FILE, Keys, Surroundings};
use crate::failure::{self, Failure};
use crate::serve::{self, ServeOptions};
use crate::sources::Sources;

/// Check, show or print configuration.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "config")]
pub struct ConfigCommand {
    #[argh(subcommand)]
    command: Action,
}

#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand)]
enum Action {
    Check(Check),
    Show(Show),
    Default(Print),
}

/// Check a configuration file, and the files that it names, without starting a server.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "check",
    note = "The environment is left out. Exits with 78 and names the line if something is wrong."
)]
struct Check {
    /// the file (default: /etc/flashgate/flashgate.toml)
    #[argh(positional)]
    file: Option<PathBuf>,
}

/// Print each value that a server would start with, and where it comes from.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "show",
    note = "Takes all options of flashgate serve, too, and prints what they change. Secrets are never printed."
)]
struct Show {
    /// configuration file (default: FLASHGATE_CONFIG, or /etc/flashgate/flashgate.toml if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

/// Print a configuration file with all keys, commented out, and their defaults.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "default")]
struct Print {}

impl ConfigCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match &self.command {
            Action::Check(Check { file }) => {
                let file = file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
                check(file)
            }
            Action::Show(Show { config }) => {
                let config = config.as_ref().map(|config| config.display().to_string());
                let config = config.map(|config| format!("--config={config}"));
                let options: Vec<String> = config.into_iter().collect();
                failure::print(&show(&options, &Surroundings::of_process())?)
            }
            Action::Default(Print {}) => failure::print(&config::template()),
        }
    }
}

fn check(file: &Path) -> Result<(), Failure> {
    let surroundings = Surroundings::default();
    let keys = Keys::of_serve();
    let sources = config::gather(BTreeMap::new(), Some(file), &surroundings, &keys)?;
    let options = options(&sources, &keys)?;
    serve::check(&options).map_err(|failure| sources.explain(failure))?;
    failure::print(&format!("{}: good\n", file.display()))
}

/// The options of a configuration file with these bytes. What it refuses has a place: `path` and a line.
pub fn options_of(path: &str, bytes: &[u8]) -> Result<ServeOptions, Failure> {
    let keys = Keys::of_serve();
    let given = config::read(path, bytes, &keys)?;
    let sources = Sources {
        given,
        ..Sources::default()
    };
    options(&sources, &keys)
}

fn options(sources: &Sources, keys: &Keys) -> Result<ServeOptions, Failure> {
    let mut arguments = vec!["serve".to_owned()];
    arguments.extend(sources.arguments(keys));
    let options = parse_plain(arguments, sources).and_then(served);
    options.map_err(|failure| sources.explain(failure))
}

/// The options of serve behind `config show`, unless help is asked for.
pub(super) fn shows(arguments: &[String]) -> Option<&[String]> {
    let [first, second, options @ ..] = arguments else {
        return None;
    };
    let help = ["--help", "-h", "help"];
    let asks_for_help = options.iter().any(|word| help.contains(&word.as_str()));
    (first == "config" && second == "show" && !asks_for_help).then_some(options)
}

/// What `config show` prints.
pub(super) fn show(options: &[String], surroundings: &Surroundings) -> Result<String, Failure> {
    let names_file = |word: &String| word == "--config" || word.starts_with("--config=");
    let is_named = options.iter().any(names_file) || surroundings.names_file();
    let mut arguments = vec![OsString::from("serve")];
    if !is_named && Path::new(DEFAULT_FILE).exists() {
        arguments.extend(["--config", DEFAULT_FILE].map(OsString::from));
    }
    arguments.extend(options.iter().map(OsString::from));
    let options = served(parse(arguments.into_iter(), surroundings)?)?;
    Ok(config::show(&options.sources))
}
