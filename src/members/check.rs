//! `members check`: damage in the file, formats of passwords, members who cannot log in, and bad nicks and
//! names.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{check_path, counted, counts};
use crate::failure::{self, Exit, Failure};
use crate::store::{Checkup, Fault, Members, NickTrouble, Wrong};
use crate::text::Plain;

/// Check the whole store: count the formats of passwords, and list members with something wrong.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "check",
    note = "Changes nothing. Exits with 65 if the file is damaged, if a member can never log in, or if a nick or name breaks a rule or clashes with another."
)]
pub(crate) struct Check {
    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(store: &Path) -> Result<String, Failure> {
    check_path(store)?;
    let found = match Members::open(store).and_then(|members| members.check()) {
        Ok(found) => found,
        // So damaged that SQLite cannot even say where.
        Err(error) if error.fault == Fault::Corrupt => {
            return Err(Exit::Data.because(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    if !found.damage.is_empty() {
        let (file, lines) = (store.display(), found.damage.join("\n"));
        let message = format!("the member store {file} is damaged; restore a backup:\n{lines}");
        return Err(Exit::Data.because(message));
    }
    let can: usize = found.formats.values().sum();
    let mut said = format!("{}\n", counted(can + found.shut_out.len(), "member"));
    said.push_str(&counts(&found.formats));
    if !found.shut_out.is_empty() {
        said.push_str(&format!("{:8}  of no use\n", found.shut_out.len()));
    }
    let wrong = wrong(&found);
    if wrong.is_empty() {
        return Ok(said);
    }
    failure::print(&said)?;
    Err(Exit::Data.because(wrong))
}

/// The members with something wrong, and what to do.
fn wrong(found: &Checkup) -> String {
    let mut parts = Vec::new();
    if !found.shut_out.is_empty() {
        let count = counted(found.shut_out.len(), "member");
        parts.push(format!(
            "{count} can never log in; set another password with flashgate members passwd, or \
             remove the member:"
        ));
        parts.extend(found.shut_out.iter().map(line));
    }
    if !found.misnamed.is_empty() {
        let names = found.misnamed.iter();
        let names = names.filter(|member| matches!(member.why, NickTrouble::Name(_)));
        let names = names.count();
        let counts = [(found.misnamed.len() - names, "nick"), (names, "name")].into_iter();
        let counts = counts.filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| counted(count, what)).collect();
        parts.push(format!(
            "{} will not do; choose another with flashgate members rename:",
            counts.join(" and ")
        ));
        parts.extend(found.misnamed.iter().map(line));
    }
    parts.join("\n")
}

fn line<W: Display>(member: &Wrong<W>) -> String {
    format!(
        "member {} {}: {}",
        member.id,
        Plain(&member.nick),
        member.why
    )
}
