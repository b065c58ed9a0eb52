//! The commands, as argh reads them.

use argh::{ArgsInfo, FromArgs};

use super::config::ConfigCommand;
use crate::chat::ChatOptions;
use crate::doctor::DoctorOptions;
use crate::members::MembersCommand;
use crate::operate::AdminCommand;
use crate::replay::ReplayOptions;
use crate::serve::ServeOptions;
use crate::web::RuffleConfig;

/// A chat gateway for Flash clients: socket policy, HTTP and chat on one port.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    example = "Try it, with three members in memory:\n  {command_name} serve --demo",
    example = "Chat in the terminal:\n  {command_name} chat 127.0.0.1:8080 --id alice",
    example = "Add a member, and serve everyone:\n  {command_name} members add --id 1 --nick alice --name Alice\n  {command_name} serve --listen 0.0.0.0:8080",
    example = "Keep the options in a file:\n  {command_name} config default > flashgate.toml\n  {command_name} serve --config flashgate.toml",
    note = "Exit codes: 0, success; 1, failure, trying again may help; 64, wrong command line; 65, faults in the data; 69, cannot listen on or reach an address; 78, a file or a limit of this machine does not fit the options."
)]
pub(super) struct Flashgate {
    /// print the version
    #[argh(switch, short = 'V')]
    pub(super) version: bool,

    #[argh(subcommand)]
    pub(super) command: Option<Command>,
}

/// What the program can do.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
// There is one of them in a run of the program.
#[allow(clippy::large_enum_variant)]
pub enum Command {
    /// Run the server.
    Serve(ServeOptions),
    /// Check, show or print configuration.
    Config(ConfigCommand),
    /// Check the machine, the files and the server.
    Doctor(DoctorOptions),
    /// Manage the member store.
    Members(MembersCommand),
    /// Administer a running server.
    Admin(AdminCommand),
    /// Chat in the terminal.
    Chat(ChatOptions),
    /// Play a recording.
    Replay(ReplayOptions),
    /// Print a script that connects Ruffle to the server.
    RuffleConfig(RuffleConfig),
}
