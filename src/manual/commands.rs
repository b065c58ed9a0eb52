//! The commands of the program with all of their options: those that argh knows, and the core's settings.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};
use flashgate_core::{Config, SETTINGS};

use crate::cli;

/// A command, or the program itself.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Its words, like `flashgate members add`.
    pub(super) path: String,
    pub(super) about: String,
    pub(super) options: Vec<Opt>,
    pub(super) arguments: Vec<Argument>,
    pub(super) examples: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) commands: Vec<Self>,
}

/// An option.
#[derive(Clone, Debug)]
pub(super) struct Opt {
    /// With its two dashes.
    pub(super) name: String,
    pub(super) short: Option<char>,
    /// What its value is called, if it takes one.
    pub(super) value: Option<String>,
    pub(super) amount: Amount,
    /// What it does, with its default.
    pub(super) text: String,
}

/// An argument that is no option.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) amount: Amount,
    pub(super) text: String,
}

/// How often something may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Once,
    AtMostOnce,
    Often,
}

impl Command {
    /// The program.
    pub(super) fn program() -> Self {
        let mut program = Self::read("", &cli::described());
        let serve = program.at("flashgate serve").options.clone();
        // It takes the options of serve, too, which argh does not see.
        let show = program.at_mut("flashgate config show");
        let own: Vec<String> = show
            .options
            .iter()
            .map(|option| option.name.clone())
            .collect();
        let new = serve
            .into_iter()
            .filter(|option| !own.contains(&option.name));
        show.options.extend(new);
        program
    }

    /// The last word of its path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit(' ').next().unwrap_or_default()
    }

    /// The command with this path, which must exist.
    pub(super) fn at(&self, path: &str) -> &Self {
        let found = self.all().into_iter().find(|command| command.path == path);
        found.unwrap_or_else(|| panic!("there is no command {path}"))
    }

    fn at_mut(&mut self, path: &str) -> &mut Self {
        if self.path == path {
            return self;
        }
        let is_above = |command: &&mut Self| {
            let rest = path.strip_prefix(&command.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let next = self.commands.iter_mut().find(is_above);
        next.unwrap_or_else(|| panic!("there is no command {path}"))
            .at_mut(path)
    }

    /// This command and all below it.
    pub(super) fn all(&self) -> Vec<&Self> {
        let below = self.commands.iter().flat_map(Self::all);
        std::iter::once(self).chain(below).collect()
    }

    fn read(above: &str, info: &CommandInfoWithArgs) -> Self {
        let name = if above.is_empty() {
            "flashgate"
        } else {
            info.name
        };
        let path = format!("{above} {name}").trim_start().to_owned();
        let flags = info.flags.iter().filter(|flag| !flag.hidden);
        let mut options: Vec<Opt> = flags.map(Opt::read).collect();
        if path == "flashgate serve" {
            options.extend(settings());
        }
        options.sort_by(|one, other| one.name.cmp(&other.name));
        let named = |text: &&str| text.replace("{command_name}", &path);
        let arguments = info.positionals.iter().filter(|argument| !argument.hidden);
        let arguments = arguments.map(|argument| Argument {
            name: argument.name.to_uppercase(),
            amount: amount(&argument.optionality),
            text: argument.description.to_owned(),
        });
        let commands = info.commands.iter();
        Self {
            about: info.description.to_owned(),
            options,
            arguments: arguments.collect(),
            examples: info.examples.iter().map(named).collect(),
            notes: info.notes.iter().map(named).collect(),
            commands: commands
                .map(|sub| Self::read(&path, &sub.command))
                .collect(),
            path,
        }
    }
}

impl Opt {
    fn read(flag: &FlagInfo<'_>) -> Self {
        let value = match &flag.kind {
            FlagInfoKind::Switch => None,
            FlagInfoKind::Option { arg_name } => Some((*arg_name).to_owned()),
        };
        let text = match flag.long {
            "--help" => "print what the command takes".to_owned(),
            _ => flag.description.to_owned(),
        };
        Self {
            name: flag.long.to_owned(),
            short: flag.short,
            value,
            amount: amount(&flag.optionality),
            text,
        }
    }
}

/// The core's settings that are options of `serve`.
fn settings() -> impl Iterator<Item = Opt> {
    SETTINGS.iter().filter_map(|setting| {
        let help = setting.help()?;
        let default = match setting.value(&Config::default()).as_str() {
            "" => String::new(),
            _ if help.value.is_empty() => String::new(),
            "*" => " (default any)".to_owned(),
            default => format!(" (default {default})"),
        };
        Some(Opt {
            name: format!("--{}", setting.name()),
            short: None,
            value: Some(help.value.to_owned()).filter(|value| !value.is_empty()),
            amount: match setting.is_list() {
                true => Amount::Often,
                false => Amount::AtMostOnce,
            },
            text: format!("{}{default}", help.text),
        })
    })
}

fn amount(optionality: &Optionality) -> Amount {
    match optionality {
        Optionality::Required => Amount::Once,
        Optionality::Optional => Amount::AtMostOnce,
        Optionality::Repeating | Optionality::Greedy => Amount::Often,
    }
}

#[test]
fn the_program_has_its_commands_and_options() {
    let program = Command::program();
    let option = |path: &str, name: &str| {
        let command = program.at(path);
        let found = command.options.iter().find(|option| option.name == name);
        found
            .unwrap_or_else(|| panic!("{path} has no {name}"))
            .clone()
    };
    let listen = option("flashgate serve", "--listen");
    assert_eq!(
        (listen.value.as_deref(), listen.amount),
        (Some("ADDR"), Amount::Often)
    );
    let clients = option("flashgate serve", "--max-clients");
    assert_eq!(clients.text, "chat connections at once (default 4096)");
    assert_eq!(option("flashgate config show", "--guests").value, None);
    assert_eq!(option("flashgate members add", "--id").amount, Amount::Once);
    let import = program.at("flashgate members import");
    assert_eq!(import.arguments[0].name, "FILE-OR-URL");
    assert!(program.at("flashgate replay").examples[0].contains("flashgate replay chat.rec"));
}
