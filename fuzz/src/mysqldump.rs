//! The reader of MySQL dumps, and the importer behind it, fed with any dump.

use std::io::{self, Read};

use flashgate::import::dump::{self, Dump, DumpError, DumpFault, Row, Statement};
use flashgate::import::{
    self, Cleaned, ImportError, Options, Refused, Report, RowFault, Target, Watch,
};
use flashgate::password::Format;
use flashgate::store::Members;

/// Any dump is read the same in one piece and in small ones, and rows that were written into it are read back as they
/// were. An import adds all members; or none, and reports faults; or those that are not refused, as many as a dry run
/// has said.
pub fn mysqldump(data: &[u8]) {
    let [kind, size, rest @ ..] = data else {
        return;
    };
    let size = usize::from(*size).max(1);
    if kind.is_multiple_of(2) {
        for dump in [rest, &behind(rest)] {
            // The result is the same in both.
            let _ = both_ways(dump, size);
            imported(dump);
        }
        return;
    }
    let (dump, expected) = table(*kind, rest);
    let found = both_ways(&dump, size).expect("a dump that we have written is whole");
    assert_eq!(found, expected, "{}", dump.escape_ascii());
}

/// Statements that make it likely that some of the data is a row.
fn behind(data: &[u8]) -> Vec<u8> {
    let before = b"CREATE TABLE t (id int, nick text, name text, pass text);INSERT INTO t VALUES ";
    [&before[..], data].concat()
}

type Values = Vec<Option<Vec<u8>>>;

fn both_ways(dump: &[u8], size: usize) -> Result<Vec<Values>, DumpError> {
    let whole = rows(dump);
    assert_eq!(rows(Pieces(dump, size)), whole);
    let tables = dump::tables(dump);
    match &whole {
        Ok(rows) => assert!(rows.is_empty() || !tables.expect("it was read").is_empty()),
        Err(error) => {
            let lines = 1 + dump.iter().filter(|byte| **byte == b'\n').count();
            assert!(
                (1..=lines).contains(&error.line),
                "{error:?} of {lines} lines"
            );
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
    whole
}

/// Every row of every table, with every column that the reader names.
fn rows(dump: impl Read) -> Result<Vec<Values>, DumpError> {
    let mut dump = Dump::new(dump);
    let (mut found, mut created, mut row) = (Vec::new(), None, Row::default());
    while let Some(statement) = dump.statement()? {
        match statement {
            Statement::Create(name) => {
                if let Some(columns) = dump.columns()? {
                    created = Some((name, columns.len()));
                }
            }
            Statement::Insert(name) => {
                let count = match (dump.columns()?, &created) {
                    (Some(columns), _) => columns.len(),
                    (None, Some((table, count))) if *table == name => *count,
                    (None, _) => return Err(dump.error(DumpFault::NoColumns)),
                };
                // All columns, except that one is left out now and then.
                let is_wanted = |at: &usize| *at == 0 || !(at + found.len()).is_multiple_of(31);
                let wanted: Vec<_> = (0..count).filter(is_wanted).collect();
                while dump.row(count, &wanted, &mut row)? {
                    let values = (0..count).map(|at| row.get(at).map(<[u8]>::to_vec));
                    found.push(values.collect());
                }
            }
            Statement::Names(_) => {}
        }
    }
    Ok(found)
}

/// Gives a few bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(self.0.len()).min(buffer.len());
        let (piece, rest) = self.0.split_at(size);
        buffer[..size].copy_from_slice(piece);
        self.0 = rest;
        Ok(size)
    }
}

/// Counts the rows that it gets, and reads their values.
#[derive(Default)]
struct Counting {
    faults: usize,
    cleaned: usize,
}

impl Watch for Counting {
    fn refused(&mut self, fault: &RowFault) {
        self.faults += 1;
        assert!(!fault.to_string().contains(char::is_control), "{fault:?}");
    }

    fn cleaned(&mut self, cleaned: &Cleaned) {
        self.cleaned += 1;
        assert!(
            !cleaned.to_string().contains(char::is_control),
            "{cleaned:?}"
        );
    }
}

fn imported(mut dump: &[u8]) {
    for refused in [Refused::StopAll, Refused::Skip] {
        let options = Options {
            refused,
            ..Options::default()
        };
        let mut counting = Counting::default();
        let checked = import::import(Target::Nowhere(None), &mut dump, &options, &mut counting);
        let mut members = Members::in_memory().expect("memory can be had");
        let target = Target::Store(&mut members);
        let imported = import::import(target, &mut dump, &options, &mut ());
        assert_eq!(checked, imported);
        let listed = members.list().expect("a store in memory can be read").len();
        match imported {
            Ok(report) => {
                adds_up(&report, &counting);
                assert_eq!(report.good(), listed);
                assert!(refused == Refused::Skip || report.refused == 0);
            }
            Err(ImportError::Refused(report)) => {
                adds_up(&report, &counting);
                assert_eq!(listed, 0, "all or nothing");
                assert!(report.faults.total > 0);
            }
            Err(_) => assert_eq!(listed, 0, "all or nothing"),
        }
    }
}

fn adds_up(report: &Report, counted: &Counting) {
    let formats: usize = report.formats.values().sum();
    assert_eq!(formats, report.good());
    assert!(!report.formats.contains_key(&Format::Argon2idPart) || formats > 0);
    assert!(report.active <= report.good() && report.cleaned <= report.good());
    assert_eq!(
        (report.faults.total, report.cleaned),
        (counted.faults, counted.cleaned)
    );
    assert_eq!(report.faults.first.len(), report.faults.total.min(100));
    assert!(report.refused <= report.faults.total);
}

/// A dump of what the data says: a line of it is a row, a tab in it ends a value; `kind` says how
/// the values are written.
fn table(kind: u8, data: &[u8]) -> (Vec<u8>, Vec<Values>) {
    let count = 1 + usize::from(kind >> 1 & 3);
    let mut dump = b"/*!40101 SET NAMES utf8 */;\r\nCREATE TABLE `t` (\n`c` int".to_vec();
    for at in 1..count {
        dump.extend(format!(",\n`c{at}` varchar(9) DEFAULT ');'").bytes());
    }
    dump.extend(b",\nPRIMARY KEY (`c`)\n) COMMENT='it''s (;';\n");
    let mut rows = Vec::new();
    for (number, line) in (0_u8..).zip(data.split(|byte| *byte == b'\n').take(100)) {
        let mut values = line.split(|byte| *byte == b'\t');
        let is_single = kind & 8 != 0;
        dump.extend(match (rows.is_empty(), is_single) {
            (true, _) => &b"INSERT IGNORE INTO `t` VALUES\n("[..],
            (false, true) => b";\nREPLACE INTO t VALUES (",
            (false, false) => b",\r\n(",
        });
        let mut row = Values::new();
        for at in 0..count {
            dump.extend(if at > 0 { &b", "[..] } else { b"" });
            let value = values.next();
            match value {
                Some(value) => write(kind.wrapping_add(number), value, &mut dump),
                None => dump.extend(b"NULL"),
            }
            // As rows() asks for them.
            let from = if is_single { rows.len() } else { 0 };
            let is_wanted = at == 0 || !(at + from).is_multiple_of(31);
            row.push(value.filter(|_| is_wanted).map(<[u8]>::to_vec));
        }
        dump.push(b')');
        rows.push(row);
    }
    dump.extend(b";\n-- it's over\n");
    (dump, rows)
}

fn write(how: u8, value: &[u8], dump: &mut Vec<u8>) {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    match how >> 4 & 3 {
        0 if !value.is_empty() => dump.extend(format!("0x{hex}").bytes()),
        1 => dump.extend(format!("_binary X'{hex}'").bytes()),
        _ => {
            let quote = if how & 0x40 == 0 { b'\'' } else { b'"' };
            dump.push(quote);
            for &byte in value {
                match byte {
                    b'\\' => dump.extend(b"\\\\"),
                    0 if how & 0x80 == 0 => dump.extend(b"\\0"),
                    0x1a if how & 0x80 == 0 => dump.extend(b"\\Z"),
                    b'\r' if how & 0x80 == 0 => dump.extend(b"\\r"),
                    byte if byte == quote && how & 0x80 == 0 => dump.extend([b'\\', byte]),
                    byte if byte == quote => dump.extend([byte, byte]),
                    byte => dump.push(byte),
                }
            }
            dump.push(quote);
        }
    }
}
