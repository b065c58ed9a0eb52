//! The commands, and those that take a few lines.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{
    find, given_up, name, nick, number, open, open_if_there, open_or_create, said, who,
};
use super::{backup, check, export, import, list, rename, show};
use crate::config::{Store, Surroundings};
use crate::failure::{self, Exit, Failure};
use crate::owner;
use crate::password::Hash;
use crate::prompt;
use crate::store::{Active, AddError, Name, NewMember, Nick, Number, Who, is_address};

/// Manage the member store.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "members",
    note = "Within a second, a running server logs out members who are disabled or removed, and gives members who are renamed their new nicks. Other changes take effect at the next login: a member with a new password or name stays online."
)]
pub struct MembersCommand {
    #[argh(subcommand)]
    pub(crate) command: Action,
}

#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand)]
// There is one of them in a run of the program.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Action {
    Add(Add),
    List(list::List),
    Show(show::Show),
    Passwd(Passwd),
    Rename(rename::Rename),
    Enable(Enable),
    Disable(Disable),
    Remove(Remove),
    Export(export::Export),
    Import(import::Import),
    Check(check::Check),
    Backup(backup::Backup),
}

/// Add a member; the password is asked for, or read as one line from standard input.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "add")]
pub(crate) struct Add {
    /// the member's number, 1 or more
    #[argh(option, arg_name = "N", from_str_fn(number))]
    id: Number,

    /// the nick: 1 to 32 characters, no white space, not all digits, no # or ~ in front
    #[argh(option, arg_name = "NICK", from_str_fn(nick))]
    nick: Nick,

    /// the name that is shown
    #[argh(option, arg_name = "NAME", from_str_fn(name))]
    name: Name,

    /// do not let the member log in yet
    #[argh(switch)]
    inactive: bool,

    /// file of the member store (default: the one that the configuration names, or flashgate.db), created if missing
    #[argh(option, arg_name = "FILE")]
    members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

/// Give a member another password; it is asked for, or read as one line from standard input.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "passwd")]
pub(crate) struct Passwd {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

/// Let a member log in.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "enable")]
pub(crate) struct Enable {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

/// Stop a member from logging in; a member who is online is logged out.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "disable")]
pub(crate) struct Disable {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

/// Remove a member for good; a member who is online is logged out.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "remove")]
pub(crate) struct Remove {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,
}

impl Action {
    /// The options that say where the store is.
    fn store(&self) -> Store<'_> {
        let (members, config) = match self {
            Self::Add(Add {
                members, config, ..
            })
            | Self::Passwd(Passwd {
                members, config, ..
            })
            | Self::Enable(Enable {
                members, config, ..
            })
            | Self::Disable(Disable {
                members, config, ..
            })
            | Self::Remove(Remove {
                members, config, ..
            })
            | Self::List(list::List {
                members, config, ..
            })
            | Self::Show(show::Show {
                members, config, ..
            })
            | Self::Rename(rename::Rename {
                members, config, ..
            })
            | Self::Export(export::Export {
                members, config, ..
            })
            | Self::Import(import::Import {
                members, config, ..
            })
            | Self::Check(check::Check { members, config })
            | Self::Backup(backup::Backup {
                members, config, ..
            }) => (members, config),
        };
        Store {
            members: members.as_deref(),
            config: config.as_deref(),
        }
    }
}

pub(crate) fn run(action: &Action, surroundings: &Surroundings) -> Result<(), Failure> {
    let store = action.store().path(surroundings)?;
    let store = store.as_path();
    // The address of a database is nobody's file.
    if !store.to_str().is_some_and(is_address) {
        owner::become_owner_of(store)?;
    }
    let said = match action {
        Action::Add(options) => add(options, store)?,
        Action::List(options) => list::run(options, store)?,
        Action::Show(options) => show::run(options, store)?,
        Action::Passwd(options) => passwd(options, store)?,
        Action::Rename(options) => rename::run(options, store)?,
        Action::Enable(options) => set_active(store, &options.who, Active::Yes)?,
        Action::Disable(options) => set_active(store, &options.who, Active::No)?,
        Action::Remove(options) => remove(options, store)?,
        Action::Export(options) => export::run(options, store)?,
        Action::Import(options) => import::run(options, store)?,
        Action::Check(_) => check::run(store)?,
        Action::Backup(options) => backup::run(options, store)?,
    };
    failure::print(&said)
}

fn add(options: &Add, store: &Path) -> Result<String, Failure> {
    // Checked first, so that a password is not typed twice for a nick that is taken.
    if let Some(members) = open_if_there(store)?
        && let Some(taken) = members.taken(options.id, &options.nick)?
    {
        return Err(AddError::Taken(taken).into());
    }
    let password = new_hash()?;
    let member = NewMember {
        id: options.id,
        nick: options.nick.clone(),
        name: options.name.clone(),
        password,
        active: if options.inactive {
            Active::No
        } else {
            Active::Yes
        },
    };
    let mut members = open_or_create(store)?;
    let given_up = given_up(&members, &member.nick, member.id)?;
    members.add(&member)?;
    Ok(format!(
        "added member {} {}\n{given_up}",
        member.id.get(),
        member.nick.as_str()
    ))
}

fn passwd(options: &Passwd, store: &Path) -> Result<String, Failure> {
    let mut members = open(store)?;
    let member = find(&members, &options.who)?;
    let change = members.set_password(member.id, &new_hash()?)?;
    said(change, "has a new password", &member, &options.who)
}

/// The hash of a password that is asked for.
fn new_hash() -> Result<Hash, Failure> {
    Hash::new(&prompt::new_password()?)
        .map_err(|fault| Exit::Failure.because(format!("the password's hash {fault}")))
}

fn set_active(store: &Path, who: &Who, active: Active) -> Result<String, Failure> {
    let mut members = open(store)?;
    let member = find(&members, who)?;
    let change = members.set_active(member.id, active)?;
    let done = match active {
        Active::Yes => "may log in",
        Active::No => "may not log in any more",
    };
    said(change, done, &member, who)
}

fn remove(options: &Remove, store: &Path) -> Result<String, Failure> {
    let mut members = open(store)?;
    let member = find(&members, &options.who)?;
    let change = members.remove(member.id)?;
    said(change, "is removed", &member, &options.who)
}
