//! The command line: what can be said, and how it ends.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::chat;
use crate::config::Surroundings;
use crate::failure::{self, Failure};
use crate::log::diagnostics;
use crate::members;
use crate::operate;
use crate::owner;
use crate::replay;
use crate::serve;

mod command;
mod config;
mod doctor;
mod hint;
mod parse;
mod settings;
mod typed;

pub use command::Command;
pub use config::options_of;
pub use parse::{Request, parse};

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let surroundings = Surroundings::of_process();
    let done = match parse(arguments.iter().cloned(), &surroundings) {
        Ok(Request::Run(command)) => run(&command, arguments, surroundings),
        Ok(Request::Say(text)) => failure::print(&text),
        Err(failure) => Err(failure),
    };
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            diagnostics::say(&failure.message);
            if let Some(owner) = owner::became() {
                diagnostics::say(owner);
            }
            ExitCode::from(failure.exit.code())
        }
    };
    diagnostics::flush();
    code
}

/// All commands and options, as argh knows them.
#[cfg(test)]
pub(crate) fn described() -> argh::CommandInfoWithArgs {
    <command::Flashgate as argh::ArgsInfo>::get_args_info()
}

fn run(
    command: &Command,
    arguments: Vec<OsString>,
    surroundings: Surroundings,
) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => {
            diagnostics::server(options.log_level, options.log_file.is_none());
            for warning in &options.sources.warnings {
                log::warn!("{warning}");
            }
            // At a reload, the same arguments stand behind what the file says by then.
            let again = move || parse::served(parse(arguments.iter().cloned(), &surroundings)?);
            let served = serve::serve(options, Box::new(again));
            served.map_err(|failure| options.sources.explain(failure))
        }
        Command::Config(command) => {
            diagnostics::direct();
            command.run()
        }
        Command::Doctor(options) => {
            diagnostics::direct();
            doctor::run(options, &surroundings)
        }
        Command::Members(command) => {
            diagnostics::direct();
            members::run(&command.command, &surroundings)
        }
        Command::Admin(command) => {
            diagnostics::direct();
            operate::run(command, &surroundings)
        }
        Command::Chat(options) => {
            diagnostics::direct();
            chat::chat(options)
        }
        Command::Replay(options) => {
            diagnostics::direct();
            replay::replay(options, &mut io::stdout().lock())
        }
        Command::RuffleConfig(command) => {
            diagnostics::direct();
            command.script().and_then(|script| failure::print(&script))
        }
    }
}
