//! `members backup`: a copy of the whole store, while servers go on.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::common::{counted, default_store};
use crate::failure::{Exit, Failure};
use crate::store::{BackupError, Members};

/// Copy the whole store into a new file, which only you may read; servers go on meanwhile.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "backup",
    note = "The copy is a store like any other, as it was at one moment. To put it into place, rename it over the old one."
)]
pub(crate) struct Backup {
    /// the file to make
    #[argh(positional)]
    file: PathBuf,

    /// file of the member store (default flashgate.db)
    #[argh(option, arg_name = "FILE", default = "default_store()")]
    pub(super) members: PathBuf,
}

pub(super) fn run(options: &Backup) -> Result<String, Failure> {
    let members = Members::open(&options.members)?;
    let copied = members.back_up(&options.file)?;
    let copied = counted(usize::try_from(copied).unwrap_or(0), "member");
    Ok(format!(
        "backed up {copied} into {}\n",
        options.file.display()
    ))
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }
}
