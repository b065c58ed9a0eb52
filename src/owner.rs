//! Becoming the owner of a file, where root runs a command on it.
//!
//! SQLite makes files beside a store: a `-wal` of root's would lock out the server, which runs as another user.

use std::ffi::CString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

use crate::failure::{Exit, Failure};

/// If this process is root's, makes it one of the owner of `file`, or of its folder if there is no such file. To be
/// called before anything is read or written, and before a thread starts.
pub(crate) fn become_owner_of(file: &Path) -> Result<(), Failure> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let Some((path, found)) = nearest(file) else {
        return Ok(());
    };
    let (user, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
    if user.is_root() {
        return Ok(());
    }
    // The user last: after that, nothing else may be changed.
    let done = join_groups(user, group)
        .and_then(|()| setgid(group))
        .and_then(|()| setuid(user));
    done.map_err(|error| {
        let path = path.display();
        Exit::Failure.because(format!(
            "cannot become the owner of {path}, the user with number {user}: {error}; run this command as that user"
        ))
    })?;
    let text = format!(
        "this command runs as the user with number {user}, who owns {}; other files must be open to that user, too",
        path.display()
    );
    // The first call was for the same file.
    let _ = BECAME.set(text);
    Ok(())
}

/// What to add to a failure, if this process has become another user's.
pub(crate) fn became() -> Option<&'static str> {
    BECAME.get().map(String::as_str)
}

/// Takes the groups that a user is in: certificates may be open to one of them.
fn join_groups(user: Uid, group: Gid) -> nix::Result<()> {
    let name = User::from_uid(user).ok().flatten();
    match name.and_then(|user| CString::new(user.name).ok()) {
        Some(name) => initgroups(&name, group),
        None => setgroups(&[group]),
    }
}

/// The file, or the folder that it would be made in.
fn nearest(file: &Path) -> Option<(PathBuf, Metadata)> {
    if let Ok(found) = fs::metadata(file) {
        return Some((file.to_owned(), found));
    }
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    Some((folder.to_owned(), fs::metadata(folder).ok()?))
}

static BECAME: OnceLock<String> = OnceLock::new();
