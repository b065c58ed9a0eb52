//! The member store: its file, its rows and its disk.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::report::{Check, Finding, Report};
use crate::serve::ServeOptions;
use crate::store::{Checkup, DEFAULT_STORE, Fault, Members, is_address};

/// Where the members are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In memory, for a demo.
    Demo,
    /// In the database of a site.
    Site(PathBuf),
    /// In a store of our own.
    File(PathBuf),
}

impl Where {
    pub(super) fn of(options: &ServeOptions) -> Self {
        match options.members.as_deref() {
            _ if options.demo => Self::Demo,
            Some(path) if path.to_str().is_some_and(is_address) => Self::Site(path.to_owned()),
            Some(path) => Self::File(path.to_owned()),
            None => Self::File(DEFAULT_STORE.into()),
        }
    }

    /// The file, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Demo | Self::Site(_) => None,
        }
    }
}

/// Checks the store, and changes nothing.
pub(super) fn check(options: &ServeOptions, report: &mut Report) {
    match Where::of(options) {
        Where::Demo => report.add(Check::Store, &Finding::ok("three members in memory")),
        Where::Site(_) => report.add(Check::Store, &site(options)),
        Where::File(path) => {
            file(&path, report);
            report.add(Check::Space, &space(&path));
        }
    }
}

fn file(path: &Path, report: &mut Report) {
    let shown = path.display();
    let members = match Members::inspect(path) {
        Ok(members) => members,
        Err(error) if error.fault == Fault::Missing => {
            let found = format!("there is no store {shown} yet");
            let advice = "the server creates it; add members with flashgate members add";
            let finding = match folder(path).is_dir() {
                true => Finding::warn(found, advice),
                false => Finding::fail(
                    format!(
                        "there is no folder {} for the store",
                        folder(path).display()
                    ),
                    "create it for the server's user, or correct members",
                ),
            };
            return report.add(Check::Store, &finding);
        }
        Err(error) if error.fault == Fault::Older => {
            let found = format!("{shown} has the schema of an earlier version");
            let advice = "the server brings it up to date when it starts: restart it";
            return report.add(Check::Store, &Finding::warn(found, advice));
        }
        Err(error) => {
            let advice = "no member can log in until this is repaired";
            let finding = Finding::fail(error.to_string(), advice);
            return report.add(Check::Store, &finding);
        }
    };
    match members
        .count()
        .and_then(|count| Ok((count, members.check()?)))
    {
        Err(error) if error.fault == Fault::Corrupt => {
            report.add(Check::Integrity, &Finding::fail(error.to_string(), DAMAGED));
        }
        Err(error) => report.add(
            Check::Store,
            &Finding::fail(
                error.to_string(),
                "no member can log in until this is repaired",
            ),
        ),
        Ok((count, found)) => {
            let schema = Members::SCHEMA;
            let opened = match count {
                0 => Finding::warn(
                    format!("{shown} has no members"),
                    "add one with flashgate members add",
                ),
                _ => Finding::ok(format!("{shown} has {count} members, schema {schema}")),
            };
            report.add(Check::Store, &opened);
            report.add(Check::Integrity, &integrity(&found));
            if found.damage.is_empty() {
                report.add(Check::Passwords, &passwords(&found));
            }
        }
    }
}

fn integrity(found: &Checkup) -> Finding {
    match found.damage.first() {
        None => Finding::ok("SQLite finds no damage"),
        Some(first) => Finding::fail(format!("the file is damaged: {first}"), DAMAGED),
    }
}

fn passwords(found: &Checkup) -> Finding {
    let usable: usize = found.formats.values().sum();
    let first = found.shut_out.first();
    let shut_out = first.map(|wrong| format!("{} ({})", wrong.id, wrong.why));
    let first = found.misnamed.first();
    let misnamed = first.map(|wrong| format!("{} ({})", wrong.id, wrong.why));
    let advice = "flashgate members check lists them all; set passwords with members passwd, nicks with members rename";
    match (shut_out, misnamed) {
        (None, None) => Finding::ok(format!("all {usable} can be used")),
        (Some(first), _) => Finding::fail(
            format!(
                "{} members can never log in, the first is {first}",
                found.shut_out.len()
            ),
            advice,
        ),
        (None, Some(first)) => Finding::warn(
            format!(
                "{} members have a nick or name that breaks a rule, the first is {first}",
                found.misnamed.len()
            ),
            advice,
        ),
    }
}

/// How much space is left where the store is.
fn space(path: &Path) -> Finding {
    let folder = folder(path);
    let Ok(disk) = statvfs(&folder) else {
        return Finding::warn(
            format!("cannot see how much space {} has", folder.display()),
            "look with df",
        );
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let size = fs::metadata(path).map_or(0, |file| file.size());
    let found = format!("{} has {} MiB left", folder.display(), free / MIB);
    let advice = "free some: without space no login is noted, and no password changed";
    // Some file systems have no fixed number of inodes, and say 0 of 0.
    if disk.f_files > 0 && disk.f_favail == 0 {
        Finding::fail(format!("{} has no inodes left", folder.display()), advice)
    } else if free < LEAST {
        Finding::fail(found, advice)
    } else if free < (LEAST * 8).max(size) {
        Finding::warn(found, advice)
    } else {
        Finding::ok(found)
    }
}

/// Whether other users can read secrets or change the server's files, and whether the server can write its store and
/// its log. Must be called as the server's user.
pub(super) fn permissions(options: &ServeOptions, config: Option<&Path>) -> Finding {
    let mut faults = Vec::new();
    if let Some(path) = Where::of(options).file() {
        of_store(path, &mut faults);
    }
    if let Some(path) = &options.log_file {
        let (what, wanted) = match path.exists() {
            true => (path.clone(), Access::WRITE_OK),
            false => (folder(path), Access::WRITE_OK | Access::EXEC_OK),
        };
        if access(&what, wanted).is_err() {
            let shown = what.display();
            faults.push(format!(
                "the server's user cannot write its log, {shown}: chown it"
            ));
        }
    }
    let mode = |path: &Path| fs::metadata(path).map_or(0, |file| file.permissions().mode());
    let secret = [&options.ticket_secret, &options.mysql_password];
    for path in secret.into_iter().flatten().chain(&options.tls_key) {
        if mode(path) & 0o007 != 0 {
            let shown = path.display();
            faults.push(format!(
                "every user can read or write {shown}: chmod o= {shown}"
            ));
        }
    }
    for path in config
        .into_iter()
        .chain(options.tls_cert.iter().map(PathBuf::as_path))
    {
        if mode(path) & 0o002 != 0 {
            let shown = path.display();
            faults.push(format!("every user can change {shown}: chmod o-w {shown}"));
        }
    }
    let Some((first, others)) = faults.split_first() else {
        return Finding::ok("secrets are closed to others, and the server can write what it must");
    };
    let (found, advice) = first.rsplit_once(": ").unwrap_or((first, ""));
    Finding::fail(
        found,
        match others.len() {
            0 => advice.to_owned(),
            more => format!("{advice}; {more} more like this"),
        },
    )
}

/// The store, the files that SQLite makes beside it, and their folder.
fn of_store(path: &Path, faults: &mut Vec<String>) {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let owner = fs::metadata(path).map(|file| file.uid()).ok();
    for path in [path.to_owned(), beside("-wal"), beside("-shm")] {
        let Ok(file) = fs::metadata(&path) else {
            continue;
        };
        let shown = path.display();
        if file.permissions().mode() & 0o007 != 0 {
            faults.push(format!(
                "every user can read or write {shown} with its password hashes: chmod o= {shown}"
            ));
        }
        if Some(file.uid()) != owner {
            faults.push(format!(
                "{shown} belongs to another user than the store, and locks it out: chown it"
            ));
        } else if access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
            faults.push(format!("the server's user cannot write {shown}: chown it"));
        }
    }
    let folder = folder(path);
    if folder.is_dir() && access(&folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        faults.push(format!(
            "the server's user cannot write in {}, where SQLite makes files beside the store: chown it",
            folder.display()
        ));
    }
}

#[cfg(feature = "mysql")]
fn site(options: &ServeOptions) -> Finding {
    let address = options.members.as_deref().unwrap_or(Path::new(""));
    let file = options.mysql_password.as_deref();
    let table = crate::site_table::open(address, options.table_options(), file)
        .and_then(|table| Ok((table.slowest_check()?, table)));
    match table {
        Ok((_, table)) => Finding::ok(format!("the table of {} answers", table.address())),
        Err(failure) => Finding::fail(
            failure.message,
            "no member can log in until the database answers",
        ),
    }
}

#[cfg(not(feature = "mysql"))]
fn site(_: &ServeOptions) -> Finding {
    Finding::fail(
        crate::site_table::unable().message,
        "take the package, or build with --features mysql",
    )
}

/// The folder of a file.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        Some(_) | None => ".".into(),
    }
}

const DAMAGED: &str = "stop the server, and copy a backup of flashgate members backup to its place";

const MIB: u64 = 1024 * 1024;

/// Space for the store's log until it is moved into the store.
const LEAST: u64 = 16 * MIB;
