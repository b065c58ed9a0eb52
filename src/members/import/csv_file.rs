//! The rows of a CSV file. It is read into memory, which its size is limited for: an open quote would
//! be one row to the end of it anyway.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::columns::{ActiveBy, COLUMNS, Columns, Map, salted};
use super::row::Import;
use super::texts::Texts;
use super::{Place, Stop, shortened};
use crate::text::Quoted;

pub(super) fn read(import: &mut Import<'_>, file: impl Read) -> Result<(), Stop> {
    let mut csv = Vec::new();
    let size = file.take(MAX_SIZE + 1).read_to_end(&mut csv);
    if size.map_err(Stop::Unreadable)? as u64 > MAX_SIZE {
        let mib = MAX_SIZE / (1024 * 1024);
        return Err(Stop::Unusable(format!(
            "it is larger than {mib} MiB; import it in parts"
        )));
    }
    rows(import, &csv)
}

fn rows(import: &mut Import<'_>, csv: &[u8]) -> Result<(), Stop> {
    // Excel writes a byte order mark, and means nothing by it.
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    // ASCII in UTF-16, with or without its mark.
    let wide = csv.iter().take(4).any(|byte| *byte == 0);
    if wide || csv.starts_with(b"\xff\xfe") || csv.starts_with(b"\xfe\xff") {
        let problem = "the file is not UTF-8, but UTF-16 it seems; save it as UTF-8";
        import.fault(Place::Line(1), 1, None, problem.to_owned());
        import.faults_end();
        return Ok(());
    }
    // Flexible: a row of the wrong length is a fault with a line, like any other.
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv);
    let mut lines = Lines::new(csv);
    let mut record = ByteRecord::new();
    let mut columns = None;
    // Reading from memory does not fail, and no row is unequal to a flexible reader.
    while matches!(reader.read_byte_record(&mut record), Ok(true)) {
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        let place = Place::Line(line);
        match columns {
            None => {
                columns = header(import, place, &record);
                import.faults_end();
                if columns.is_none() {
                    return Ok(());
                }
            }
            Some(ref columns) => row(import, place, &record, columns)?,
        }
    }
    if columns.is_none() {
        import.fault(
            Place::Line(1),
            1,
            None,
            format!("the file is empty; {HEADER}"),
        );
        import.faults_end();
    }
    Ok(())
}

fn header(import: &mut Import<'_>, place: Place, record: &ByteRecord) -> Option<Columns> {
    // What spreadsheets write in some countries.
    let semicolons = record.len() == 1 && record.iter().any(|all| all.contains(&b';'));
    let tabs = record.len() == 1 && record.iter().any(|all| all.contains(&b'\t'));
    if semicolons || tabs {
        let by = if semicolons { "semicolons" } else { "tabs" };
        let problem = format!("the columns are separated by {by}; separate them by commas");
        import.fault(place, 1, None, problem);
        return None;
    }
    if import.options.map != Map::default() || import.options.active_if.is_some() {
        return other_header(import, place, record);
    }
    let mut columns: [Option<usize>; COLUMNS.len()] = [None; COLUMNS.len()];
    let mut salt = None;
    for (at, title) in record.iter().enumerate() {
        let title = String::from_utf8_lossy(title).trim().to_ascii_lowercase();
        match COLUMNS.iter().position(|name| *name == title) {
            Some(known) if columns[known].is_none() => columns[known] = Some(at),
            Some(known) => {
                let problem = "this column is there twice".to_owned();
                import.fault(place, at + 1, Some(COLUMNS[known]), problem);
            }
            None if salt.is_none()
                && let Some(form) = salted(&title) =>
            {
                salt = Some((at, form));
            }
            None if title == "salt" || salted(&title).is_some() => {
                import.fault(place, at + 1, None, SALT.to_owned());
            }
            None => {
                let problem = format!("unknown column {}; {HEADER}", Quoted(&shortened(&title)));
                import.fault(place, at + 1, None, problem);
            }
        }
    }
    for (known, at) in columns.iter().enumerate() {
        if at.is_none() {
            let problem = format!("this column is missing; {HEADER}");
            import.fault(place, record.len() + 1, Some(COLUMNS[known]), problem);
        }
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

/// The first row of a file with other names, as somebody has said, and columns that are not ours.
fn other_header(import: &mut Import<'_>, place: Place, record: &ByteRecord) -> Option<Columns> {
    let titles = titles(record);
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
) -> Result<(), Stop> {
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

/// Tells on which line a byte is. The reader's own count leaves out empty lines before a row, and
/// the LF of a CR LF.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    /// The line of the row that begins at `byte`, or behind the line ends there. Bytes come in order.
    fn of(&mut self, byte: u64) -> usize {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(&next) = self.text.get(self.at)
            && (self.at < from || matches!(next, b'\r' | b'\n'))
        {
            let pair = next == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
            self.line += usize::from(matches!(next, b'\r' | b'\n') && !pair);
            self.at += 1;
        }
        self.line
    }
}

const HEADER: &str =
    "the first row must name the columns id,nick,name,password,active, in any order";

const SALT: &str = "name the one column of salts for what the site made of them: \
     md5(salt.password) or md5(md5(password).salt)";

/// The largest file to import: a million members and more.
const MAX_SIZE: u64 = 512 * 1024 * 1024;
