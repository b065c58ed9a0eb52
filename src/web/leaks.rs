//! Files that are not part of a site and must not be readable: databases, their dumps and backups, scripts,
//! keys. They are recognised by their first bytes, or else by their names.
//!
//! Compressed files are looked into if this program can decompress them, and refused otherwise.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// What a file is, if it must not be served.
pub(super) fn leak(name: &str, bytes: &[u8]) -> Option<Cow<'static, str>> {
    of(name, bytes, Around::Nothing)
}

/// What a file is found in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    /// It stands for itself.
    Nothing,
    /// Something that was compressed.
    Compressed,
}

fn of(name: &str, bytes: &[u8], around: Around) -> Option<Cow<'static, str>> {
    let name = name.to_ascii_lowercase();
    let known = by_start(bytes)
        .or_else(|| by_name(&name))
        .or_else(|| by_text(&name, bytes));
    if let Some(what) = known {
        return Some(what.into());
    }
    let is_gzip = bytes.starts_with(b"\x1f\x8b");
    let is_zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    match around {
        Around::Nothing if is_gzip => in_gzip(&name, bytes),
        Around::Nothing if is_zip => in_zip(bytes),
        Around::Compressed if is_gzip || is_zip => Some(UNSEEN.into()),
        Around::Nothing | Around::Compressed => None,
    }
}

fn by_start(bytes: &[u8]) -> Option<&'static str> {
    let starts = |(at, start, _): &&(usize, &[u8], _)| {
        bytes
            .get(*at..)
            .is_some_and(|bytes| bytes.starts_with(start))
    };
    STARTS.iter().find(starts).map(|(_, _, what)| *what)
}

/// By a name in lower case.
fn by_name(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next().unwrap_or(name);
    if file.ends_with('~') || file.starts_with('#') && file.ends_with('#') {
        return Some(BACKUP);
    }
    if SIDE_FILES.iter().any(|end| file.ends_with(end)) {
        return Some(LOG);
    }
    if file == "web.config" {
        return Some(SCRIPT);
    }
    let is_of = |(kinds, _): &&(&str, _)| kinds.split(' ').any(|kind| is_kind(file, kind));
    NAMES.iter().find(is_of).map(|(_, what)| *what)
}

/// Whether a file's name has this kind, at its end or before what says which copy it is: `dump.sql.1`.
fn is_kind(file: &str, kind: &str) -> bool {
    let kinds = file.split('.').skip(1).collect::<Vec<_>>();
    let is_copy = |last: &str| {
        let is_date = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'_');
        COPIES.contains(&last) || last.bytes().all(is_date)
    };
    for last in kinds.iter().rev() {
        if *last == kind {
            return true;
        }
        if !is_copy(last) {
            return false;
        }
    }
    false
}

/// By a text, whatever its name says.
fn by_text(name: &str, bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let start = text[..text.len().min(LOOKED_AT)].to_ascii_lowercase();
    // Node.js takes `#!` before a script that browsers run, too.
    let is_run = start.starts_with(b"#!") && !name.ends_with("js");
    if is_run || start.starts_with(b"<?php") || start.starts_with(b"<%@") {
        return Some(SCRIPT);
    }
    let mut lines = start.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if first.starts_with(b"-----begin ") && first.trim_ascii_end().ends_with(b"private key-----") {
        return Some("is a private key");
    }
    if SQL.iter().any(|statement| start.starts_with(statement)) {
        return Some(DUMP);
    }
    let mut titles = first
        .split(|byte| matches!(byte, b',' | b';' | b'\t'))
        .map(<[u8]>::trim_ascii)
        .map(|title| title.strip_prefix(b"\"").unwrap_or(title))
        .map(|title| title.strip_suffix(b"\"").unwrap_or(title));
    let is_one = |title: &[u8], of: &str| of.split(' ').any(|known| known.as_bytes() == title);
    let is_table = titles.clone().any(|title| is_one(title, NICKS))
        && titles.any(|title| is_one(title, PASSWORDS));
    (is_table && lines.next().is_some()).then_some("is a table of members, with their passwords")
}

/// What a file is that gzip has compressed.
fn in_gzip(name: &str, bytes: &[u8]) -> Option<Cow<'static, str>> {
    let inner = name.strip_suffix(".gz").unwrap_or(name);
    match begun(MultiGzDecoder::new(bytes)) {
        Ok(start) => of(inner, &start, Around::Compressed).map(compressed),
        Err(_) => Some(UNSEEN.into()),
    }
}

fn compressed(what: Cow<'static, str>) -> Cow<'static, str> {
    if what == UNSEEN {
        return what;
    }
    format!("is compressed, and what is in it {what}").into()
}

/// The first file of an archive that must not be served.
fn in_zip(bytes: &[u8]) -> Option<Cow<'static, str>> {
    let Some(entries) = entries(bytes) else {
        return Some(UNSEEN.into());
    };
    entries.into_iter().find_map(|(name, start)| {
        let what = match &start {
            Some(start) => of(&name, start, Around::Compressed)?,
            None => UNSEEN.into(),
        };
        Some(format!("is an archive in which {name:?} {what}").into())
    })
}

/// The names in an archive, and how each file begins where that can be read. (PKWARE's APPNOTE, 4.3.)
fn entries(bytes: &[u8]) -> Option<Vec<(String, Option<Vec<u8>>)>> {
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |all, byte| all << 8 | usize::from(*byte)),
        )
    };
    let tail = bytes.len().saturating_sub(22 + 65_535);
    let end = (tail..bytes.len())
        .rev()
        .find(|at| bytes[*at..].starts_with(b"PK\x05\x06"))?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut found = Vec::new();
    for _ in 0..count {
        if !bytes.get(at..)?.starts_with(b"PK\x01\x02") {
            return None;
        }
        let (name, extra, comment) = (
            number(at + 28, 2)?,
            number(at + 30, 2)?,
            number(at + 32, 2)?,
        );
        let (flags, method, local) = (number(at + 8, 2)?, number(at + 10, 2)?, number(at + 42, 4)?);
        let shown = String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).into_owned();
        let data = local + 30 + number(local + 26, 2)? + number(local + 28, 2)?;
        let data = bytes.get(data..)?.get(..number(at + 20, 4)?)?;
        let start = match (flags & 1, method) {
            (0, 0) => Some(data[..data.len().min(LOOKED_AT)].to_vec()),
            (0, 8) => begun(DeflateDecoder::new(data)).ok(),
            _ => None,
        };
        found.push((shown, start));
        at += 46 + name + extra + comment;
    }
    Some(found)
}

/// The first bytes of what is compressed.
fn begun(from: impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    from.take(LOOKED_AT as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// What needs no name, by what stands at a place in it: SQLite's files (its file format, sections 1.3, 3 and
/// 4.1), MySQL's MyISAM, Access, a dump of PostgreSQL's; and what is compressed by bzip2, xz, Zstandard, LZ4,
/// compress, 7-Zip and RAR, or archived by tar.
const STARTS: [(usize, &[u8], &str); 16] = [
    (
        0,
        b"SQLite format 3\0",
        "is an SQLite database, as the member store is",
    ),
    (
        0,
        b"flashgate-recording ",
        "is a recording of this server, which may hold what everybody wrote",
    ),
    (0, b"\x37\x7f\x06\x82", LOG),
    (0, b"\x37\x7f\x06\x83", LOG),
    (0, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", LOG),
    (0, b"\xfe\xfe\x07\x01", TABLE),
    (4, b"Standard Jet DB\0", TABLE),
    (4, b"Standard ACE DB\0", TABLE),
    (0, b"PGDMP", DUMP),
    (4, b"1AY&SY", UNSEEN),
    (0, b"\xfd7zXZ\0", UNSEEN),
    (0, b"\x28\xb5\x2f\xfd", UNSEEN),
    (0, b"\x04\x22\x4d\x18", UNSEEN),
    (0, b"7z\xbc\xaf\x27\x1c", UNSEEN),
    (0, b"Rar!\x1a\x07", UNSEEN),
    (257, b"ustar", UNSEEN),
];

/// What a file of each kind is, by its name.
const NAMES: [(&str, &str); 5] = [
    (
        "php php3 php4 php5 php7 php8 phps pht phtml phar inc asp aspx asa asax ascx \
         ashx asmx cfm cfc cgi jsp jspx",
        SCRIPT,
    ),
    ("sql", DUMP),
    ("mdb accdb frm myd myi ibd", TABLE),
    ("bak backup old orig swp swo", BACKUP),
    ("bz2 xz lzma zst lz4 z 7z rar tar tgz", UNSEEN),
];

/// Beside an SQLite database.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What stands behind the kind of a file, beside numbers and dates.
const COPIES: [&str; 5] = ["gz", "zip", "txt", "copy", "stale"];

/// How a dump begins, in lower case: of mysqldump, phpMyAdmin, pg_dump and SQLite's shell.
const SQL: [&[u8]; 10] = [
    b"-- mysql dump",
    b"-- mariadb dump",
    b"/*m!999999",
    b"-- phpmyadmin sql dump",
    b"--\n-- postgresql database",
    b"pragma foreign_keys",
    b"create table ",
    b"create database ",
    b"drop table ",
    b"insert into ",
];

const NICKS: &str = "nick username user_name user_login login nickname user";

const PASSWORDS: &str = "password user_password passwd user_pass pass pwd password_hash";

const SCRIPT: &str =
    "is a script, which this server would show instead of running it, passwords and all";
const LOG: &str = "is the log of an SQLite database";
const DUMP: &str = "is a dump of a database";
const TABLE: &str = "is a part of a database";
const BACKUP: &str = "is a backup, or what an editor has left";
const UNSEEN: &str = "is compressed in a way that this server cannot look into";

/// Bytes that say what a file is.
const LOOKED_AT: usize = 4096;

#[cfg(test)]
mod tests;
