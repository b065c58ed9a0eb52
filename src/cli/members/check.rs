//! `members check`: how passwords are stored, and whom that shuts out.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::{counted, default_store};
use crate::cli::say;
use crate::failure::{Exit, Failure};
use crate::members::Members;
use crate::text::Plain;

/// Count how passwords are stored, and name the members who can never log in.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "check",
    note = "Changes nothing. Ends with 65 if there are members who can never log in."
)]
pub(in crate::cli) struct Check {
    /// file of the member store (default flashgate.db)
    #[argh(option, arg_name = "FILE", default = "default_store()")]
    members: PathBuf,
}

pub(super) fn run(options: &Check) -> Result<String, Failure> {
    let found = Members::open(&options.members)?.check()?;
    let can: usize = found.formats.values().sum();
    let mut said = format!("{}\n", counted(can + found.shut_out.len(), "member"));
    for (format, count) in &found.formats {
        let later = if format.is_current() {
            ""
        } else {
            ", and argon2id after the next login"
        };
        said.push_str(&format!("{count:8}  {format}{later}\n"));
    }
    if found.shut_out.is_empty() {
        return Ok(said);
    }
    let shut_out = counted(found.shut_out.len(), "member");
    said.push_str(&format!("{:8}  of no use\n", found.shut_out.len()));
    say(&said)?;
    let mut message = format!(
        "{shut_out} can never log in; set another password with flashgate members passwd, or remove \
         the member:"
    );
    for member in &found.shut_out {
        let (id, nick) = (member.id, Plain(&member.nick));
        message.push_str(&format!("\nmember {id} {nick}: {}", member.why));
    }
    Err(Failure::new(Exit::Data, message))
}
