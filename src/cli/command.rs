//! The commands, as argh reads them.

use argh::{ArgsInfo, FromArgs};

use crate::chat::ChatOptions;
use crate::members::MembersCommand;
use crate::replay::ReplayOptions;
use crate::serve::ServeOptions;
use crate::web::RuffleConfig;

/// A chat gateway for Flash clients: socket policy, HTTP and chat on one port.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    example = "Try it, with three members in memory:\n  {command_name} serve --demo",
    example = "Chat in the terminal:\n  {command_name} chat 127.0.0.1:8080 --id alice",
    example = "Add a member, and serve everyone:\n  {command_name} members add --id 1 --nick alice --name Alice\n  {command_name} serve --listen 0.0.0.0:8080",
    note = "The exit code is 0; 1 for a failure; 64 for a wrong command line; 65 for faults in imported data; 69 for an address that cannot be listened on or reached; 78 for what is wrong only with this machine or the files that are named."
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
    /// Change the member store.
    Members(MembersCommand),
    /// Chat in the terminal.
    Chat(ChatOptions),
    /// Play a recording again.
    Replay(ReplayOptions),
    /// Print what a page tells Ruffle.
    RuffleConfig(RuffleConfig),
}
