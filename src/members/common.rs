//! What several commands do: open the store, find a member, say what was done, read arguments.

use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};
use crate::log::diagnostics;
use crate::store::{
    AddError, Change, DEFAULT_STORE, Listed, Members, Name, Nick, Number, Origin, Taken, Who,
};
use crate::text::Plain;

pub(super) fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
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

pub(super) fn nick(text: &str) -> Result<Nick, String> {
    Nick::chosen(text).map_err(|fault| format!("it {fault}"))
}

pub(super) fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|fault| format!("it {fault}"))
}

pub(super) fn who(text: &str) -> Result<Who, String> {
    Who::parse(text).map_err(|fault| format!("it {fault}; write a member's number or nick"))
}

/// In the folder where the program is started.
pub(super) fn default_store() -> PathBuf {
    PathBuf::from(DEFAULT_STORE)
}
