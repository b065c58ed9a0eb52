//! The rows of a CSV file, one at a time. The length of a row is bounded, in case a quote is never closed in a large
//! file.

use std::collections::VecDeque;
use std::io::{self, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::columns::{ActiveBy, COLUMNS, Columns, Map, salted};
use super::error::ImportError;
use super::file;
use super::report::Place;
use super::row::Import;
use super::texts::Texts;

pub(super) fn read(import: &mut Import<'_>, file: impl Read) -> Result<(), ImportError> {
    let (start, mut file) = file::look(file, MARK.len() + 4)?;
    // Excel writes a byte order mark, which is no part of the first title.
    let text = start.strip_prefix(MARK).unwrap_or(&start);
    let mark = (start.len() - text.len()) as u64;
    io::copy(&mut file.by_ref().take(mark), &mut io::sink())?;
    // ASCII in UTF-16, with or without its mark.
    let wide = text.iter().take(4).any(|byte| *byte == 0);
    let mut rows = Rows::new(file);
    let columns = if wide || text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let problem = "the file is not UTF-8, but UTF-16 it seems; save it as UTF-8";
        refuse(import, Place::Line(1), problem.to_owned())
    } else if let Some(place) = rows.next()? {
        header(import, place, &rows.record)
    } else {
        let problem = format!("the file is empty; {HEADER}");
        refuse(import, Place::Line(1), problem)
    };
    import.faults_end();
    if let Some(columns) = columns {
        while let Some(place) = rows.next()? {
            row(import, place, &rows.record, &columns)?;
        }
    }
    Ok(())
}

/// Notes why nothing of a file can be read.
fn refuse(import: &mut Import<'_>, place: Place, problem: String) -> Option<Columns> {
    import.fault(place, 1, None, problem);
    None
}

fn header(import: &mut Import<'_>, place: Place, record: &ByteRecord) -> Option<Columns> {
    // What spreadsheets write in some countries.
    let is_by = |(sign, _): &(u8, _)| record.len() == 1 && record[0].contains(sign);
    let others = [(b';', "semicolons"), (b'\t', "tabs")];
    if let Some((_, by)) = others.into_iter().find(is_by) {
        let problem = format!("the columns are separated by {by}; separate them by commas");
        return refuse(import, place, problem);
    }
    if import.options.map != Map::default() || import.options.active_if.is_some() {
        return other_header(import, place, record);
    }
    if !record.iter().any(is_title) {
        let problem =
            format!("there are no titles; {HEADER}, or --map must say which titles they are");
        return refuse(import, place, problem);
    }
    let mut columns: [Option<usize>; COLUMNS.len()] = [None; COLUMNS.len()];
    let mut salt = None;
    for (at, title) in record.iter().enumerate() {
        let title = plain(title);
        let known = COLUMNS.iter().position(|name| *name == title);
        let (name, problem) = match (known, salted(&title)) {
            (Some(known), _) if columns[known].is_none() => {
                columns[known] = Some(at);
                continue;
            }
            (Some(known), _) => (Some(COLUMNS[known]), "this column is there twice"),
            (None, Some(form)) if salt.is_none() => {
                salt = Some((at, form));
                continue;
            }
            (None, form) if title == "salt" || form.is_some() => (None, SALT),
            // It may be no title, but a member's password.
            (None, _) => (None, "this is not a title that is known"),
        };
        import.fault(place, at + 1, name, problem.to_owned());
    }
    let missing = columns.iter().zip(COLUMNS).filter(|(at, _)| at.is_none());
    let missing: Vec<_> = missing.map(|(_, name)| name).collect();
    if !missing.is_empty() {
        let problem = format!("no column is called {}; {HEADER}", missing.join(" or "));
        import.fault(place, record.len() + 1, None, problem);
    }
    let [
        Some(id),
        Some(nick),
        Some(name),
        Some(password),
        Some(active),
    ] = columns
    else {
        return None;
    };
    let found = Columns {
        id,
        nick,
        name: Some(name),
        password,
        active: ActiveBy::Column(active),
        salt,
        texts: Texts::AsTyped,
        count: record.len(),
    };
    import.report.columns = found.named(&titles(record));
    (!import.is_at_fault()).then_some(found)
}

/// Whether it is one of our names.
fn is_title(field: &[u8]) -> bool {
    let title = plain(field);
    COLUMNS.contains(&&*title) || title == "salt" || salted(&title).is_some()
}

fn plain(title: &[u8]) -> String {
    String::from_utf8_lossy(title).trim().to_ascii_lowercase()
}

/// The first row of a file with other names, given by --map, and with columns that are not ours.
fn other_header(import: &mut Import<'_>, place: Place, record: &ByteRecord) -> Option<Columns> {
    let titles = titles(record);
    if !Columns::are_titles(&titles, &import.options.map) {
        // Nothing of it is shown: it may be the row of a member, with a password.
        let problem = format!("there are no titles, or not those that --map names; {HEADER}");
        return refuse(import, place, problem);
    }
    match Columns::find(&titles, import.options) {
        Ok(columns) => {
            import.report.columns = columns.named(&titles);
            Some(columns)
        }
        Err(problems) => {
            for problem in problems {
                import.fault(place, 1, None, problem);
            }
            None
        }
    }
}

fn titles(record: &ByteRecord) -> Vec<String> {
    let title = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    record.iter().map(title).collect()
}

fn row(
    import: &mut Import<'_>,
    place: Place,
    record: &ByteRecord,
    columns: &Columns,
) -> Result<(), ImportError> {
    if record.len() == columns.count {
        return import.row(place, columns, &|at| record.get(at));
    }
    let problem = format!(
        "this row has {} fields and the first row {}; a field with commas, such as a \
         password hash, must be in double quotes",
        record.len(),
        columns.count
    );
    import.fault(place, record.len().min(columns.count) + 1, None, problem);
    import.row_ends();
    Ok(())
}

/// The rows of a file.
struct Rows<R> {
    reader: Reader<Counted<R>>,
    record: ByteRecord,
}

impl<R: Read> Rows<R> {
    fn new(file: R) -> Self {
        let counted = Counted {
            file,
            given: 0,
            left: 0,
            end: None,
            lines: Lines::default(),
        };
        // Flexible: a row of the wrong length is a fault with a line, like any other.
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(counted);
        Self {
            reader,
            record: ByteRecord::new(),
        }
    }

    /// Reads the next row into `record`, and says where it is.
    fn next(&mut self) -> Result<Option<Place>, ImportError> {
        let start = self.reader.position().byte();
        self.reader.get_mut().left = MAX_ROW;
        let read = self.reader.read_byte_record(&mut self.record);
        let after = self.reader.position().byte();
        let counted = self.reader.get_mut();
        let line = counted.lines.of(start);
        match read {
            Ok(true) if !counted.is_behind(after) => Ok(Some(Place::Line(line))),
            Ok(true) if self.record.len() == 1 && self.record.get(0) == Some(LAST) => Ok(None),
            Ok(true) => Err(open_quote(line, &self.record)),
            // The reader comes to the last row first.
            Ok(false) => Ok(None),
            Err(_) if counted.left == 0 => Err(ImportError::Unusable(format!(
                "line {line}: this row has more than {} KiB; perhaps a double quote in it is opened and never \
                 closed",
                MAX_ROW / 1024
            ))),
            // A flexible reader accepts rows of any length.
            Err(error) => Err(io::Error::from(error).into()),
        }
    }
}

/// The last field of a row goes on to the end of the file.
fn open_quote(line: usize, record: &ByteRecord) -> ImportError {
    let column = record.len();
    let mut before = Lines::default();
    for field in record.iter().take(column - 1) {
        field.iter().for_each(|byte| before.byte(*byte));
        before.byte(b',');
    }
    let line = line + before.line - 1;
    ImportError::Unusable(format!(
        "line {line}, column {column}: a double quote is opened here and never closed; close it, or write it \
         twice within a quoted field if it is part of the text"
    ))
}

/// A file with a limit on the bytes of a row. An extra row follows its end, to show that no quote is open.
struct Counted<R> {
    file: R,
    /// Bytes so far.
    given: u64,
    /// Bytes that the current row may still have.
    left: usize,
    /// Where the file has ended.
    end: Option<u64>,
    lines: Lines,
}

impl<R> Counted<R> {
    /// Whether the extra row has been read up to this byte, as a row or as a part of another.
    fn is_behind(&self, byte: u64) -> bool {
        self.end.is_some_and(|end| byte > end + 1)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("a row is too long"));
        }
        let most = into.len().min(self.left);
        let into = &mut into[..most];
        if self.end.is_none() {
            let read = read_on(&mut self.file, into)?;
            if read > 0 {
                self.given += read as u64;
                self.left -= read;
                into[..read].iter().for_each(|byte| self.lines.byte(*byte));
                return Ok(read);
            }
            self.end = Some(self.given);
        }
        let end = self.end.unwrap_or(self.given);
        let mut last = &[b"\n", LAST].concat()[(self.given - end) as usize..];
        let read = last.read(into)?;
        self.given += read as u64;
        Ok(read)
    }
}

/// Reads, and tries again after an interruption.
fn read_on(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Finds the line on which a row begins. The reader's own count leaves out empty lines before a row, and the
/// LF of a CR LF.
struct Lines {
    /// Bytes so far.
    at: u64,
    line: usize,
    before: u8,
    /// Where the lines that are not empty begin, and their numbers.
    begun: VecDeque<(u64, usize)>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            at: 0,
            line: 1,
            before: b'\n',
            begun: VecDeque::new(),
        }
    }
}

impl Lines {
    fn byte(&mut self, byte: u8) {
        let is_end = |byte| matches!(byte, b'\r' | b'\n');
        if is_end(byte) {
            let is_pair = byte == b'\n' && self.before == b'\r';
            self.line += usize::from(!is_pair);
        } else if is_end(self.before) {
            self.begun.push_back((self.at, self.line));
        }
        (self.at, self.before) = (self.at + 1, byte);
    }

    /// The line of the row that begins at `byte`, or behind the line ends there. Bytes come in order.
    fn of(&mut self, byte: u64) -> usize {
        while self.begun.front().is_some_and(|(at, _)| *at < byte) {
            self.begun.pop_front();
        }
        self.begun.front().map_or(self.line, |(_, line)| *line)
    }
}

const HEADER: &str =
    "the first row must name the columns id,nick,name,password,active, in any order";

const SALT: &str = "name the one column of salts for what the site made of them: \
     md5(salt.password) or md5(md5(password).salt)";

/// Bytes of a row, and of empty lines before it: sixteen times what is looked at of a nick or a name.
const MAX_ROW: usize = 1024 * 1024;

const BUFFER: usize = 64 * 1024;

/// The extra row.
const LAST: &[u8] = b"end";

const MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
