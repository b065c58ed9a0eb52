//! The command line: what can be said, and how it ends.
//!
//! argh does the parsing. What it lacks is mended here, at the edge: `--option=value`, `-h`,
//! `--version`, and exit code 64 for a command line that makes no sense.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FlagInfoKind, FromArgs, Optionality};
use flashgate_core::SETTINGS;

use crate::failure::{Failure, written};
use crate::log::diagnostics;
use crate::serve;

mod chat;
mod hint;
mod members;
mod options;
mod replay;
mod ruffle;
mod settings;
pub(crate) mod table;

pub use chat::ChatOptions;
pub use members::MembersCommand;
pub use options::{LogFormat, Runtime, ServeOptions};
pub use replay::ReplayOptions;
pub use ruffle::RuffleConfig;

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let done = match parse(std::env::args_os().skip(1)) {
        Ok(Request::Run(command)) => run(&command),
        Ok(Request::Say(text)) => say(&text),
        Err(failure) => Err(failure),
    };
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            diagnostics::say(&failure.message);
            ExitCode::from(failure.exit.code())
        }
    };
    diagnostics::flush();
    code
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => diagnostics::queued().and_then(|()| serve::serve(options)),
        Command::Members(command) => {
            diagnostics::direct();
            members::run(&command.command)
        }
        Command::Chat(options) => {
            diagnostics::direct();
            crate::chat::chat(options)
        }
        Command::Replay(options) => {
            diagnostics::direct();
            crate::replay::replay(options, &mut io::stdout().lock())
        }
        Command::RuffleConfig(command) => {
            diagnostics::direct();
            command.script().and_then(|script| say(&script))
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// To run a command.
    Run(Box<Command>),
    /// To print a text: help or version.
    Say(String),
}

/// Reads a command line, without the program's name.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, Failure> {
    let arguments: Result<Vec<String>, OsString> = arguments.map(OsString::into_string).collect();
    let arguments = arguments.map_err(|argument| {
        Failure::usage(&format!(
            "the argument {} is not valid UTF-8",
            argument.to_string_lossy()
        ))
    })?;
    let mut arguments = standard_input(normalise(arguments)?);
    let mut config = None;
    let serves = arguments.iter().find(|argument| !argument.starts_with('-'));
    if serves.is_some_and(|command| command == "serve") {
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
            }
            Ok(Request::Run(command.into()))
        }
        Ok(Flashgate { command: None, .. }) => Err(Failure::usage(
            "say what to do: serve, members, chat, replay or ruffle-config",
        )),
        Err(EarlyExit {
            output,
            status: Ok(()),
        }) => Ok(Request::Say(folded(&match config {
            Some(_) => settings::help(&output),
            None => output,
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
        if line.trim_end().chars().count() <= COLUMNS {
            folded.push_str(line);
            continue;
        }
        // An example is there to be copied.
        if line.trim_start().starts_with("flashgate ") {
            folded.push_str(line);
            continue;
        }
        let own = &line[..line.len() - line.trim_start().len()];
        let usage = line.starts_with("Usage:");
        let (indent, room) = if usage {
            ("       ", COLUMNS - MARGIN)
        } else {
            (own, COLUMNS)
        };
        folded.push_str(own);
        let mut column = own.len();
        for (at, word) in line.split_whitespace().enumerate() {
            // An option stays on a line with its value.
            let value = !word.starts_with('[') && word.ends_with(']');
            if at > 0 && !value && column + 1 + word.chars().count() > room {
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

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Says why an option behind `--` is none, and what another may have been meant as.
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

/// Cuts `--option=value` in two, for options that take a value, and leaves values as they are.
/// Refuses what is given twice and may be given once: argh would take a switch, and says of other
/// options something that helps nobody.
fn normalise(arguments: Vec<String>) -> Result<Vec<String>, Failure> {
    let known = known();
    let takes_value = |option: &str| takes_value(&known, option);
    let mut seen = BTreeSet::new();
    let mut once = |option: &str| {
        let single = known.get(option).is_some_and(|given| !given.repeats);
        if single && !seen.insert(option.to_owned()) {
            return Err(Failure::usage(&format!(
                "{option} is given twice; leave one of them out"
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

/// Puts a name that can be opened in the place of `-`, which argh takes for an option, where a command reads
/// a file.
fn standard_input(mut arguments: Vec<String>) -> Vec<String> {
    let command: Vec<&str> = arguments.iter().map(String::as_str).take(2).collect();
    if matches!(command[..], ["members", "import"] | ["replay", ..]) {
        let known = known();
        let mut is_value = false;
        for argument in &mut arguments {
            if argument == "-" && !is_value {
                "/dev/stdin".clone_into(argument);
            }
            is_value = takes_value(&known, argument);
        }
    }
    arguments
}

/// How an option may be given.
struct Given {
    value: bool,
    repeats: bool,
}

/// All options there are.
fn known() -> BTreeMap<String, Given> {
    let mut known = BTreeMap::new();
    options_of(&Flashgate::get_args_info(), &mut known);
    for setting in SETTINGS.iter().filter(|setting| setting.help().is_some()) {
        let given = Given {
            value: settings::takes_value(setting),
            repeats: setting.is_list(),
        };
        known.insert(format!("--{}", setting.name()), given);
    }
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

/// The width of a terminal that nobody has made wider, and of argh's own lines.
const COLUMNS: usize = 80;

/// Room for the value of an option at the end of a line.
const MARGIN: usize = 16;

/// A chat gateway for Flash clients: socket policy, HTTP and chat on one port.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    example = "Try it, with three members in memory:\n  {command_name} serve --demo",
    example = "Chat in the terminal:\n  {command_name} chat 127.0.0.1:8080 --id alice",
    example = "Add a member, and serve everyone:\n  {command_name} members add --id 1 --nick alice --name Alice\n  {command_name} serve --listen 0.0.0.0:8080",
    note = "The exit code is 0; 1 for a failure; 64 for a wrong command line; 65 for faults in imported data; 69 for an address that cannot be listened on or reached; 78 for what is wrong only with this machine or the files that are named."
)]
struct Flashgate {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

/// What the program can do.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
// There is one of them in a run of the program.
#[allow(clippy::large_enum_variant)]
pub enum Command {
    /// Run the server.
    Serve(ServeOptions),
    /// Change the member store.
    Members(MembersCommand),
    /// Chat in the terminal.
    Chat(ChatOptions),
    /// Play a recording again.
    Replay(ReplayOptions),
    /// Print what a page tells Ruffle.
    RuffleConfig(RuffleConfig),
}

#[cfg(test)]
mod tests {
    use flashgate_core::Setting;

    use super::*;
    use crate::failure::Exit;

    fn parsed(line: &str) -> Result<Request, Failure> {
        parse(
            line.split(' ')
                .filter(|word| !word.is_empty())
                .map(OsString::from),
        )
    }

    fn serve(line: &str) -> ServeOptions {
        match parsed(line) {
            Ok(Request::Run(command)) => match *command {
                Command::Serve(options) => options,
                Command::Members(_)
                | Command::Chat(_)
                | Command::Replay(_)
                | Command::RuffleConfig(_) => panic!("{line}"),
            },
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        for line in [
            "",
            "serve",
            "members",
            "members add",
            "members list",
            "members show",
            "members rename",
            "members export",
            "members check",
            "members backup",
            "chat",
            "ruffle-config",
        ] {
            let Ok(Request::Say(help)) = parsed(&format!("{line} --help")) else {
                panic!("{line}");
            };
            let wide = help.lines().find(|line| {
                line.chars().count() > COLUMNS && !line.trim_start().starts_with("flashgate ")
            });
            assert_eq!(wide, None, "{line}");
        }
        let folded = folded(&format!("Usage: x{}\n", " [--option <VALUE>]".repeat(9)));
        assert!(
            folded.lines().all(|line| line.ends_with("<VALUE>]")),
            "{folded}"
        );
        assert_eq!(folded.matches("<VALUE>").count(), 9);
    }

    #[test]
    fn settings_are_options() {
        let options = serve(
            "serve --allow-origin https://a.example --rate=7 --allow-origin=null --demo \
             --list-needs-login --login-timeout 2m",
        );
        let config = options.settings;
        let value = |name| Setting::named(name).map(|setting| setting.value(&config));
        for (name, expected) in [
            ("allow-origin", "https://a.example null"),
            ("rate", "7"),
            ("list-needs-login", "on"),
            ("login-timeout", "2m"),
            ("burst", "40"),
        ] {
            assert_eq!(value(name).as_deref(), Some(expected), "{name}");
        }
        assert!(options.demo);
        // A setting without help is not an option.
        let hidden = SETTINGS.iter().filter(|setting| setting.help().is_none());
        for name in hidden.map(Setting::name) {
            let failure = parsed(&format!("serve --{name} 5")).expect_err(name);
            let expected = format!("flashgate serve has no option --{name}");
            assert!(failure.message.starts_with(&expected), "{failure}");
        }
    }

    #[test]
    fn the_help_has_all_options_in_order() {
        for line in ["serve --help", "serve --rate x -h"] {
            let Ok(Request::Say(help)) = parsed(line) else {
                panic!("{line}");
            };
            let names: Vec<&str> = help
                .lines()
                .filter_map(|line| line.strip_prefix("  --")?.split_whitespace().next())
                .collect();
            assert!(names.is_sorted(), "{names:?}");
            for setting in SETTINGS.iter().filter(|setting| setting.help().is_some()) {
                assert!(names.contains(&setting.name()), "{}", setting.name());
                assert!(help.contains(&format!(" [--{}", setting.name())));
            }
            assert!(names.contains(&"listen") && names.contains(&"demo"));
            assert!(!help.contains("--settings"));
            assert!(help.contains("size of one command in bytes (default 8192)"));
        }
    }

    #[test]
    fn both_ways_to_give_a_value() {
        for line in [
            "serve --listen [::1]:1 --redirect http://x/?a=b --max-clients 5 --demo",
            "serve --listen=[::1]:1 --redirect=http://x/?a=b --max-clients=5 --demo",
        ] {
            let options = serve(line);
            assert_eq!(options.listen, ["[::1]:1"]);
            assert_eq!(options.settings.redirect.as_deref(), Some("http://x/?a=b"));
            assert_eq!(options.settings.limits.clients, 5);
            assert_eq!((options.site, options.max_site), (None, 256));
            assert!(options.demo);
        }
        // The value of an option is left alone, whatever it looks like.
        let words = ["--name", "--nick=x", "--", "--id=1"].map(str::to_owned);
        assert_eq!(normalise(words.to_vec()).unwrap(), words);
        let words = ["--name=a=b", "--nick=", "--demo=1", "x=y"].map(str::to_owned);
        assert_eq!(
            normalise(words.to_vec()).unwrap(),
            ["--name", "a=b", "--nick", "", "--demo=1", "x=y"]
        );
    }

    #[test]
    fn what_makes_no_sense() {
        for line in [
            "",
            "fly",
            "serve --fly",
            "serve --demo=1",
            "serve --listen",
            "serve --max-clients 0",
            "serve --max-clients -1",
            "serve --max-clients +5",
            "serve --max-clients 99999999999999999999",
            "serve --max-clients 1 --max-clients 2",
            "serve --max-clients 1 --max-clients=1",
            "serve --demo --demo",
            "--version --version",
            "members disable a --members x --members y",
            "members disable -- -x --members f",
            "serve --max-per-address 0",
            "serve --max-command 0",
            "serve --max-backlog 0",
            "serve --rate x",
            "serve --burst 0",
            "serve --login-timeout 0",
            "serve --max-site 0",
            "serve --max-site 1048577",
            "serve --site",
            "serve --runtime tokio",
            "serve --log-format xml",
            "serve --on-duplicate maybe",
            "serve --presence some",
            "serve --redirect example.com",
            "serve --redirect //evil",
            "serve --redirect /\\evil",
            "serve --redirect http://",
            "serve --redirect https:///x",
            "serve --redirect ftp://x",
            "serve --redirect http://x/\u{e1}",
            "serve --policy-ports 1,,2",
            "serve --policy-ports 0",
            "serve --policy-ports 9-1",
            "serve --policy-ports 65536",
            "serve --policy-ports 080",
            "serve --policy-ports 80-090",
            "serve --policy-domain <x>",
            "serve --policy-domain http://example.com",
            "serve --policy-domain example.com:80",
            "serve --policy-domain example.com/x",
            "serve --policy-domain -.com",
            "serve --policy-domain a..b",
            "serve --policy-domain *x.com",
            "serve --policy-domain *.*.com",
            "serve --policy-domain *.",
            "serve --policy-domain 1.2.3.256",
            "serve --policy-domain 192.168.1",
            "serve --policy-domain [1.2.3.4]",
            "serve --record",
            "serve --record x --record-limit 0",
            "replay",
            "replay x y",
            "replay x --until yesterday",
            "replay x --until 2007-07-10",
            "replay x --conn first",
            "serve surplus",
            "members",
            "members add --id 1 --nick x",
            "members add --id x --nick x --name X",
            "members passwd",
            "members passwd 1 2",
            "members import",
            "chat",
            "chat localhost",
            "chat ::1:8080",
            "chat localhost:0",
            "chat localhost:1 --id",
            "chat localhost:1 --id=",
            "chat localhost:1 --id a --id b",
            "chat localhost:1 surplus",
            "serve --ruffle ftp://x",
            "serve --ruffle https://",
            "serve --ruffle https://x/;script-src",
            "ruffle-config --host",
            "ruffle-config --host http://x",
            "ruffle-config --host x:80",
            "ruffle-config --host x/",
            "ruffle-config --host -x",
            "ruffle-config --host x\"y",
            "ruffle-config --host <x>",
            "ruffle-config --host x --port 0",
            "ruffle-config --host x --port 65536",
            "ruffle-config --host x --port +1",
            "ruffle-config --host x --url http://x",
            "ruffle-config --host x --url wss://",
            "ruffle-config --host x --url wss://x/#y",
            "ruffle-config --host x --url wss://x/\"",
            "ruffle-config --host x surplus",
        ] {
            let failure = parsed(line).expect_err(line);
            assert_eq!(failure.exit, Exit::Usage, "{line}");
            assert!(failure.message.contains("--help"), "{failure}");
        }
    }

    #[test]
    fn what_was_meant_is_told() {
        for (line, tells) in [
            ("serve --demo --demo", "--demo is given twice"),
            ("serve --rate 1 --rate=2", "--rate is given twice"),
            ("serve --rate", "No value provided for option '--rate'"),
            (
                "serve --max-clients 0",
                "Error parsing option '--max-clients' with value '0': \
                 it must be a whole number from 1 to 1000000\n",
            ),
            ("serve --presence some", "it must be all or off"),
            ("serve --max-site 0", "it must be a whole number from 1 to"),
            (
                "serve --allow-origin https://a.example --allow-origin x",
                "Error parsing option '--allow-origin' with value 'x': it must be",
            ),
            (
                "members add --rate 5",
                "flashgate members add has no option --rate\n",
            ),
            ("serv", "there is no command serv; did you mean serve?\n"),
            (
                "memebrs",
                "there is no command memebrs; did you mean members?",
            ),
            (
                "members imprt x",
                "there is no command imprt; did you mean import?",
            ),
            (
                "fly",
                "there is no command fly; the commands are serve, members, chat, replay and ruffle-config\n",
            ),
            (
                "serve --max-client 3",
                "flashgate serve has no option --max-client; did you mean --max-clients?",
            ),
            ("serve --lisen x", "did you mean --listen?"),
            (
                "--verson",
                "flashgate has no option --verson; did you mean --version?",
            ),
            (
                "serve demo",
                "flashgate serve takes no demo here; did you mean --demo?",
            ),
            ("serve surplus", "flashgate serve takes no surplus here\n"),
            (
                "chat ws://localhost:8080",
                "leave out ws:// and give HOST:PORT",
            ),
            ("serve --settings x", "there is no such option"),
            (
                "members disable -- -x --members f",
                "write --members before it",
            ),
            (
                "members disable -- -x --members=f",
                "write --members before it",
            ),
        ] {
            let failure = parsed(line).expect_err(line);
            assert!(failure.message.contains(tells), "{line}: {failure}");
        }
        for line in [
            "members disable --members f -- -x",
            "members add --id 1 --nick --demo --name --nick",
            "serve --listen a:1 --listen a:2 --policy-domain * --policy-domain *.example.org",
            "serve --policy-domain 1.2.3.4 --policy-domain ::1 --policy-domain [::1]",
            "serve --policy-domain localhost --policy-domain a_b.example",
            "serve --redirect / --policy-ports 80,8000-8010",
            "serve --redirect /x//y",
        ] {
            assert!(matches!(parsed(line), Ok(Request::Run(_))), "{line}");
        }
    }

    #[test]
    fn help_and_version() {
        for line in [
            "--help",
            "-h",
            "serve --help",
            "serve -h",
            "members add --help",
            "help",
        ] {
            match parsed(line) {
                Ok(Request::Say(text)) => assert!(text.contains("Usage: flashgate"), "{text}"),
                other => panic!("{line}: {other:?}"),
            }
        }
        match parsed("--version") {
            Ok(Request::Say(text)) => assert!(text.starts_with("flashgate 0."), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
