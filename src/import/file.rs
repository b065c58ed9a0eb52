//! What a file is, by its first bytes: compressed or not, and a dump or a table.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::ImportError;

/// A file that is read from its beginning, more than once if need be.
pub trait Source {
    /// Goes back to its beginning.
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>>;
}

impl Source for &[u8] {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(*self))
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    Dump,
}

/// Opens a file, decompresses it if need be, and says what it is.
pub(super) fn open(source: &mut dyn Source) -> Result<(Kind, Box<dyn Read + '_>), ImportError> {
    let file = source.open()?;
    let (magic, file) = look(file, GZIP.len())?;
    let file: Box<dyn Read + '_> = if magic == GZIP {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file)))
    } else {
        Box::new(file)
    };
    let (start, file) = look(file, START)?;
    Ok((kind(&start), Box::new(file)))
}

/// The first bytes of a file, and all of it.
pub(super) fn look<'a>(
    mut file: impl Read + 'a,
    most: usize,
) -> io::Result<(Vec<u8>, impl Read + 'a)> {
    let mut start = Vec::new();
    file.by_ref().take(most as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(file)))
}

/// The first row of a table begins with the name of a column, whatever comes behind it. A dump
/// begins with a comment, or with a statement.
fn kind(start: &[u8]) -> Kind {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let start = start.trim_ascii_start();
    let length = start.iter().position(|byte| !byte.is_ascii_alphabetic());
    let (word, rest) = start.split_at(length.unwrap_or(start.len()));
    let mut statements = STATEMENTS.split(' ');
    let is_statement = statements.any(|it| word.eq_ignore_ascii_case(it.as_bytes()));
    let goes_on = rest.first().is_some_and(|byte| byte.is_ascii_whitespace());
    let is_comment = [&b"--"[..], b"/*", b"#"]
        .iter()
        .any(|sign| start.starts_with(sign));
    if is_comment || is_statement && goes_on {
        Kind::Dump
    } else {
        Kind::Csv
    }
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Enough for a byte order mark, some empty lines and a word.
const START: usize = 256;

const BUFFER: usize = 64 * 1024;

const STATEMENTS: &str =
    "ALTER BEGIN CREATE DELETE DELIMITER DROP INSERT LOCK REPLACE SET START TRUNCATE USE";
