//! The command line: what can be said, and how it ends.
//!
//! argh does the parsing. What it lacks is mended here, at the edge: `--option=value`, `-h`,
//! `--version`, and exit code 64 for a command line that makes no sense.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FlagInfoKind, FromArgs};

use crate::failure::{Exit, Failure};
use crate::serve;

mod members;
mod options;

pub use members::MembersCommand;
pub use options::{Duplicates, LogFormat, Runtime, ServeOptions};

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    // Warnings on standard error unless RUST_LOG says otherwise; the server's log is another thing.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();

    let done = match parse(std::env::args_os().skip(1)) {
        Ok(Request::Run(Command::Serve(options))) => serve::serve(&options),
        Ok(Request::Run(Command::Members(command))) => members::run(&command.command),
        Ok(Request::Say(text)) => say(&text),
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If not even this can be written, the exit code says the rest.
            let _ = writeln!(io::stderr(), "flashgate: {failure}");
            ExitCode::from(failure.exit.code())
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// To run a command.
    Run(Command),
    /// To print a text: help or version.
    Say(String),
}

/// Reads a command line, without the program's name.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, Failure> {
    let arguments: Result<Vec<String>, OsString> = arguments.map(OsString::into_string).collect();
    let arguments = arguments.map_err(|argument| {
        usage(&format!(
            "the argument {} is not valid UTF-8",
            argument.to_string_lossy()
        ))
    })?;
    let arguments = normalise(arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match Flashgate::from_args(&["flashgate"], &arguments) {
        Ok(Flashgate { version: true, .. }) => Ok(Request::Say(format!(
            "flashgate {}\n",
            env!("CARGO_PKG_VERSION")
        ))),
        Ok(Flashgate {
            command: Some(command),
            ..
        }) => Ok(Request::Run(command)),
        Ok(Flashgate { command: None, .. }) => Err(usage("say what to do: serve or members")),
        Err(EarlyExit {
            output,
            status: Ok(()),
        }) => Ok(Request::Say(output)),
        Err(EarlyExit { output, .. }) => Err(usage(output.trim_end())),
    }
}

fn usage(message: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!(
            "{message}\nRun flashgate --help, or flashgate COMMAND --help, for more information."
        ),
    )
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Whoever closes our output early has seen enough: `flashgate members list | head`.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Failure,
            format!("cannot write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Cuts `--option=value` in two, for options that take a value, and leaves values as they are.
fn normalise(arguments: Vec<String>) -> Vec<String> {
    let mut valued = BTreeSet::new();
    valued_options(&Flashgate::get_args_info(), &mut valued);

    let mut normal = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some((option, value)) if valued.contains(option) => {
                normal.extend([option.to_owned(), value.to_owned()]);
            }
            _ if argument == "--" => {
                normal.push(argument);
                normal.extend(arguments.by_ref());
            }
            _ if argument == "-h" => normal.push("--help".to_owned()),
            _ => {
                let takes_next = valued.contains(&argument);
                normal.push(argument);
                normal.extend(takes_next.then(|| arguments.next()).flatten());
            }
        }
    }
    normal
}

fn valued_options(command: &CommandInfoWithArgs, found: &mut BTreeSet<String>) {
    for flag in command.flags {
        match flag.kind {
            FlagInfoKind::Option { .. } => {
                found.insert(flag.long.to_owned());
            }
            FlagInfoKind::Switch => {}
        }
    }
    for sub in &command.commands {
        valued_options(&sub.command, found);
    }
}

/// A chat gateway for Flash clients: socket policy, HTTP and chat on one port.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    example = "Try it, with two members in memory:\n  {command_name} serve --demo",
    example = "Add a member, and serve everyone:\n  {command_name} members add --id 1 --nick alice --name Alice\n  {command_name} serve --listen 0.0.0.0:8080",
    note = "The exit code is 0; 1 for a failure; 64 for a wrong command line; 65 for faults in imported data; 69 for an address that cannot be listened on; 78 for a bad configuration."
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
pub enum Command {
    /// Run the server.
    Serve(ServeOptions),
    /// Change the member store.
    Members(MembersCommand),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Failure> {
        parse(
            line.split(' ')
                .filter(|word| !word.is_empty())
                .map(OsString::from),
        )
    }

    fn serve(line: &str) -> ServeOptions {
        match parsed(line) {
            Ok(Request::Run(Command::Serve(options))) => options,
            other => panic!("{line}: {other:?}"),
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
            assert_eq!(options.redirect.as_deref(), Some("http://x/?a=b"));
            assert_eq!(options.max_clients, 5);
            assert!(options.demo);
        }
        // The value of an option is left alone, whatever it looks like.
        let words = ["--name", "--nick=x", "--", "--id=1"].map(str::to_owned);
        assert_eq!(normalise(words.to_vec()), words);
        let words = ["--name=a=b", "--name=", "--demo=1", "x=y"].map(str::to_owned);
        assert_eq!(
            normalise(words.to_vec()),
            ["--name", "a=b", "--name", "", "--demo=1", "x=y"]
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
            "serve --max-clients 99999999999999999999",
            "serve --max-clients 1 --max-clients 2",
            "serve --max-per-address 0",
            "serve --max-command 0",
            "serve --max-backlog 0",
            "serve --rate x",
            "serve --burst 0",
            "serve --login-timeout 0",
            "serve --runtime tokio",
            "serve --log-format xml",
            "serve --on-duplicate maybe",
            "serve --redirect example.com",
            "serve --redirect http://x/\u{e1}",
            "serve --policy-ports 1,,2",
            "serve --policy-ports 0",
            "serve --policy-ports 9-1",
            "serve --policy-ports 65536",
            "serve --policy-domain <x>",
            "serve surplus",
            "members",
            "members add --id 1 --nick x",
            "members add --id x --nick x --name X",
            "members passwd",
            "members passwd 1 2",
            "members import",
        ] {
            let failure = parsed(line).expect_err(line);
            assert_eq!(failure.exit, Exit::Usage, "{line}");
            assert!(failure.message.contains("--help"), "{failure}");
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
