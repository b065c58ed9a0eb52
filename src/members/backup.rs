//! `members backup`: a copy of the whole store, while servers go on.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{counted, open};
use crate::failure::Failure;

/// Copy the whole store into a new file that only you can read; servers may be running.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "backup",
    note = "The copy is a complete store, as of one moment. To restore it, rename it over the old file."
)]
pub(crate) struct Backup {
    /// the file to make
    #[argh(positional)]
    file: PathBuf,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(options: &Backup, store: &Path) -> Result<String, Failure> {
    let members = open(store)?;
    let copied = members.back_up(&options.file)?;
    let copied = counted(usize::try_from(copied).unwrap_or(0), "member");
    Ok(format!(
        "backed up {copied} into {}\n",
        options.file.display()
    ))
}
