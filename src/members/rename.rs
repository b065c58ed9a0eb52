//! `members rename`: another nick, and perhaps another name.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{any_nick, find, given_up, name, nick, open, said, who};
use crate::failure::{Exit, Failure};
use crate::store::{Name, Nick, Who};

/// Give a member another nick, and optionally another name; a member who is online stays online.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "rename")]
pub(crate) struct Rename {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// the new nick: 1 to 32 characters, no white space, not all digits, no # or ~ in front
    #[argh(positional, from_str_fn(any_nick))]
    nick: Nick,

    /// the new name (default: the old one)
    #[argh(positional, from_str_fn(name))]
    name: Option<Name>,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(options: &Rename, store: &Path) -> Result<String, Failure> {
    let mut members = open(store)?;
    let member = find(&members, &options.who)?;
    if options.nick.as_str() != member.nick {
        let refused = |why| Exit::Usage.because(format!("the nick will not do: {why}"));
        nick(options.nick.as_str()).map_err(refused)?;
    }
    let given_up = given_up(&members, &options.nick, member.id)?;
    let change = members.rename(member.id, &options.nick, options.name.as_ref())?;
    let done = format!("is now {}", options.nick.as_str());
    Ok(said(change, &done, &member, &options.who)? + &given_up)
}
