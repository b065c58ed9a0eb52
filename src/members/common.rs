//! What several commands do: open the store, find a member, say what was done, read arguments.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::{Exit, Failure};
use crate::log::diagnostics;
use crate::password::Format;
use crate::store::{
    Active, AddError, Change, Listed, Members, Name, Nick, Number, Origin, Taken, Who, is_address,
};
use crate::text::Plain;

pub(super) fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Opens the store that a command is about.
pub(super) fn open(path: &Path) -> Result<Members, Failure> {
    check_path(path)?;
    Ok(Members::open(path)?)
}

/// Refuses the address of a database.
pub(super) fn check_path(path: &Path) -> Result<(), Failure> {
    // Not shown: it may have a password in it.
    if path.to_str().is_some_and(is_address) {
        return Err(Failure::usage(
            "--members names a database: the site looks after its own table, and flashgate only reads \
             it; flashgate members import mysql://USER@HOST/DATABASE --dry-run reports on it, and \
             this command needs the file of a member store",
        ));
    }
    Ok(())
}

/// Opens the store, if there is one.
pub(super) fn open_if_there(path: &Path) -> Result<Option<Members>, Failure> {
    let is_there = path.exists() || path.to_str().is_some_and(is_address);
    is_there.then(|| open(path)).transpose()
}

/// How many passwords there are of each format, a line each.
pub(super) fn counts(formats: &BTreeMap<Format, usize>) -> String {
    let line = |(format, count): (&Format, &usize)| match format.is_current() {
        true => format!("{count:8}  {format}\n"),
        false => format!("{count:8}  {format}, and argon2id after the next login\n"),
    };
    formats.iter().map(line).collect()
}

/// Whether a member may log in, for a person.
pub(super) fn yes_or_no(active: Active) -> &'static str {
    match active {
        Active::Yes => "yes",
        Active::No => "no",
    }
}

pub(super) fn open_or_create(path: &Path) -> Result<Members, Failure> {
    let (members, origin) = Members::open_or_create(path)?;
    if origin == Origin::Created {
        diagnostics::say(&format!("created the member store {}", path.display()));
    }
    Ok(members)
}

pub(super) fn find(members: &Members, who: &Who) -> Result<Listed, Failure> {
    members.find(who)?.ok_or_else(|| nobody(who))
}

/// A line that says whose nick was given away, if a member gave it up less than a day ago.
pub(super) fn given_up(members: &Members, nick: &Nick, id: Number) -> Result<String, Failure> {
    let by = members.given_up(nick, id)?;
    Ok(by.map_or_else(String::new, |by| {
        let nick = nick.as_str();
        format!("the nick {nick} was given up by member {by} less than a day ago\n")
    }))
}

pub(super) fn nobody(who: &Who) -> Failure {
    let who = match who {
        Who::Id(id) => id.get().to_string(),
        Who::Nick(nick) => nick.as_str().to_owned(),
    };
    Exit::Failure.because(format!(
        "there is no member {who}; flashgate members list shows all members"
    ))
}

pub(super) fn said(
    change: Change,
    done: &str,
    member: &Listed,
    who: &Who,
) -> Result<String, Failure> {
    match change {
        Change::Done => Ok(format!(
            "member {} {} {done}\n",
            member.id.get(),
            Plain(&member.nick)
        )),
        Change::NobodyThere => Err(nobody(who)),
    }
}

impl From<AddError> for Failure {
    fn from(error: AddError) -> Self {
        let message = match error {
            AddError::Store(error) => return error.into(),
            AddError::Taken(Taken::Id(owner)) => {
                format!(
                    "this number is taken by {}; choose another --id",
                    Plain(&owner)
                )
            }
            AddError::Taken(Taken::Nick(owner)) => format!(
                "this nick is taken by {} (letter case does not count); choose another --nick",
                Plain(&owner)
            ),
        };
        Exit::Failure.because(message)
    }
}

pub(super) fn number(text: &str) -> Result<Number, String> {
    Number::parse(text).map_err(|fault| format!("it {fault}"))
}

/// A nick that a member is to have from now on.
pub(super) fn nick(text: &str) -> Result<Nick, String> {
    Nick::chosen(text).map_err(|fault| format!("it {fault}"))
}

/// A nick that a member may have already.
pub(super) fn any_nick(text: &str) -> Result<Nick, String> {
    Nick::new(text).map_err(|fault| format!("it {fault}"))
}

pub(super) fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|fault| format!("it {fault}"))
}

pub(super) fn who(text: &str) -> Result<Who, String> {
    Who::parse(text).map_err(|fault| format!("it {fault}; write a member's number or nick"))
}
