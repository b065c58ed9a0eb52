//! The operator's own folder, read into memory when the server starts. After that no request touches the
//! disk, so no change there can lead a request out of the folder.
//!
//! Anything ambiguous is refused, not skipped, because the operator wants to know why a file is not served.
//! Only dot files are skipped silently: `.git` and `.DS_Store` are not part of a site.

use std::fs::{self, File};
use std::io::{self, Read};
use std::mem;
use std::path::{Component, Path, PathBuf};

use flashgate_core::{Site, SiteFile};

use super::compress::Beside;
use super::leaks;
use super::site::{Folder, is_own, mime};
use crate::failure::{Exit, Failure};

/// Adds all of a folder to a site.
pub(super) fn read(own: Folder<'_>, site: &mut Site) -> Result<(), Failure> {
    let start = |what: String| refuse(own.folder, &format!("{what}; check {}", own.option));
    let root =
        fs::canonicalize(own.folder).map_err(|error| start(format!("cannot be read: {error}")))?;
    if !root.is_dir() {
        return Err(start("is not a folder".to_owned()));
    }
    let mut reader = Reader {
        own,
        root,
        site,
        left: own.most,
        entries: 0,
        files: 0,
        beside: Vec::new(),
    };
    let root = Place {
        real: reader.root.clone(),
        shown: own.folder.to_owned(),
        path: own.mount.to_owned(),
    };
    reader.folder(&root, &mut Vec::new())?;
    for beside in mem::take(&mut reader.beside) {
        beside.add(reader.site);
    }
    log::info!(
        "read the folder {}: {} files, {} bytes",
        own.folder.display(),
        reader.files,
        own.most - reader.left
    );
    Ok(())
}

struct Reader<'a> {
    own: Folder<'a>,
    /// The folder without any link in its name.
    root: PathBuf,
    site: &'a mut Site,
    /// Bytes that files may still have.
    left: u64,
    /// Files and folders seen so far.
    entries: usize,
    files: usize,
    /// Files that are compressed forms of others.
    beside: Vec<Beside>,
}

/// A file or folder, under its three names.
struct Place {
    /// Where it is, without any link in it.
    real: PathBuf,
    /// What an operator calls it.
    shown: PathBuf,
    /// Where it is served; empty for the root.
    path: String,
}

impl Reader<'_> {
    /// Reads a folder. `above` are the folders around it, none of which may come again within.
    fn folder(&mut self, place: &Place, above: &mut Vec<PathBuf>) -> Result<(), Failure> {
        if above.contains(&place.real) {
            return Err(refuse(
                &place.shown,
                "is a link to a folder that contains it; remove the link",
            ));
        }
        if above.len() > DEEPEST {
            let what = format!("is nested more than {DEEPEST} folders deep; move it up");
            return Err(refuse(&place.shown, &what));
        }
        let unread = |error| refuse(&place.shown, &format!("cannot be read: {error}"));
        let mut names = fs::read_dir(&place.real)
            .and_then(|entries| {
                let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
                names.collect::<io::Result<Vec<_>>>()
            })
            .map_err(unread)?;
        // With several faults, the same one is reported each time.
        names.sort();
        above.push(place.real.clone());
        for name in names {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let shown = place.shown.join(&name);
            let Some(plain) = name.to_str() else {
                return Err(refuse(
                    &shown,
                    "has a name that is not UTF-8 and cannot be part of a URL; rename it",
                ));
            };
            let inside = Place {
                real: self.real(place.real.join(plain), &shown)?,
                path: format!("{}/{plain}", place.path),
                shown,
            };
            self.entry(&inside, above)?;
        }
        above.pop();
        Ok(())
    }

    /// Where something really is, which must be inside, and no dot file by another name.
    fn real(&self, named: PathBuf, shown: &Path) -> Result<PathBuf, Failure> {
        let unread = |error| refuse(shown, &format!("cannot be read: {error}"));
        if !fs::symlink_metadata(&named).map_err(unread)?.is_symlink() {
            return Ok(named);
        }
        let real = fs::canonicalize(&named)
            .map_err(|error| refuse(shown, &format!("is a broken link: {error}; remove it")))?;
        let Ok(inside) = real.strip_prefix(&self.root) else {
            return Err(refuse(
                shown,
                &format!(
                    "is a link out of the folder, to {}; replace it by a copy, or remove it",
                    real.display()
                ),
            ));
        };
        let is_dot = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        if inside.components().any(is_dot) {
            return Err(refuse(
                shown,
                "is a link to a dot file, which is never served; remove it",
            ));
        }
        Ok(real)
    }

    fn entry(&mut self, place: &Place, above: &mut Vec<PathBuf>) -> Result<(), Failure> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            let what = format!("has more than {MOST_ENTRIES} files and folders; serve fewer");
            return Err(refuse(self.own.folder, &what));
        }
        let unread = |error| refuse(&place.shown, &format!("cannot be read: {error}"));
        let kind = fs::symlink_metadata(&place.real).map_err(unread)?;
        if kind.is_dir() {
            return self.folder(place, above);
        }
        // Not opened: a pipe would wait for its other end for ever.
        if !kind.is_file() {
            return Err(refuse(
                &place.shown,
                "is neither a file nor a folder; remove it",
            ));
        }
        let mut bytes = Vec::new();
        File::open(&place.real)
            .and_then(|file| file.take(self.left + 1).read_to_end(&mut bytes))
            .map_err(unread)?;
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            let most = self.own.most / MIB;
            let what = format!("holds more than {most} MiB; raise --max-site, or serve less");
            return Err(refuse(self.own.folder, &what));
        };
        // As with `--site .` where the members are, or an old site's configuration with the password of its
        // database.
        let shown = place
            .shown
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        if let Some(what) = leaks::leak(&shown, &bytes) {
            let what = format!("{what}; move it out of the site");
            return Err(refuse(&place.shown, &what));
        }
        if self.own.private.contains(&place.real) {
            let what =
                "is named by another option and must not be served; move it to another folder";
            return Err(refuse(&place.shown, what));
        }
        self.left = left;
        self.files += 1;
        if is_own(&place.path) {
            log::warn!(
                "{} is never served: {} is the server's own{}",
                place.shown.display(),
                place.path,
                if place.path == "/crossdomain.xml" {
                    "; use --policy-file to serve this file"
                } else {
                    ""
                }
            );
        }
        SiteFile::new(mime(&place.path, &bytes), &bytes)
            .and_then(|file| self.site.add(place.path.clone(), file))
            .map_err(|error| refuse(&place.shown, &format!("cannot be served: {error}")))?;
        self.beside.extend(beside(place));
        Ok(())
    }
}

/// What a file is a compressed form of. Nothing here unpacks `.br`: such a form must not be older than its
/// file, which may have changed since.
fn beside(place: &Place) -> Option<Beside> {
    let beside = Beside::of(&place.path)?;
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    let file = modified(&place.shown.with_extension("")).ok()?;
    if beside.is_unpacked() || modified(&place.real).is_ok_and(|form| form >= file) {
        return Some(beside);
    }
    log::warn!(
        "{} is not used: it is older than the uncompressed file; compress it again",
        place.shown.display()
    );
    None
}

fn refuse(what: &Path, fault: &str) -> Failure {
    // Debug, so that a name with a line end or worse is shown in one line.
    Exit::Config.because(format!("the site: {what:?} {fault}"))
}

const MIB: u64 = 1024 * 1024;

/// Far more than a site has. Empty files and folders cost memory too, and links can make a few folders
/// into very many.
const MOST_ENTRIES: usize = if cfg!(test) { 2048 } else { 65_536 };

/// Folders within folders, links to some included: each takes a piece of the stack.
const DEEPEST: usize = 64;

#[cfg(test)]
pub(super) mod tests;
