//! First rows, quotes and formats that a CSV file may have or not.

use super::super::tests::{HASH, check, faults};
use super::super::*;
use super::*;

/// A first row that is a member's is reported once, and none of it is shown.
#[test]
fn a_file_without_titles_gives_nothing_away() {
    let map: Map = "nick=username,password=geheim".parse().unwrap();
    for (row, map) in [
        ("7,hunter2,hunter2,hunter2,1\n", Map::default()),
        ("7,id,name,hunter2,hunter2\n", Map::default()),
        ("7,dave,hunter2\n", map),
    ] {
        let options = Options {
            map,
            ..Options::default()
        };
        let mut file = row.as_bytes();
        let told = import(Target::Nowhere(None), &mut file, &options, &mut ());
        let told = format!("{told:?}");
        assert!(told.contains("Refused"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Why a file is of no use at all.
fn unusable(mut file: &[u8]) -> String {
    let read = import(
        Target::Nowhere(None),
        &mut file,
        &Options::default(),
        &mut (),
    );
    let Err(ImportError::Unusable(why)) = read else {
        panic!("{read:?}");
    };
    why
}

#[test]
fn a_quote_that_is_never_closed_is_named() {
    let head = "id,nick,name,password,active\n";
    for (rows, place) in [
        (
            "1,alice,\"open,x,1\n2,bob,B,hunter2,1\n",
            "line 2, column 3",
        ),
        (
            "1,alice,A,H,1\n2,bob,\"two\nlines\",\"hunter2",
            "line 4, column 4",
        ),
        ("1,alice,A,H,1\n\n\"", "line 4, column 1"),
        ("1,alice,A,x,\"1\"\"", "line 2, column 5"),
    ] {
        for rows in [
            rows.to_owned(),
            rows.replace('\n', "\r\n"),
            rows.replace('\n', "\r"),
        ] {
            let why = unusable(
                format!("{head}{rows}")
                    .replace('H', &format!("\"{HASH}\""))
                    .as_bytes(),
            );
            let named = format!("{place}: a double quote is opened here and never closed");
            assert!(why.starts_with(&named), "{rows:?}: {why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
    assert!(unusable(b"id,\"nick").starts_with("line 1, column 2: a double quote"));
    // These are all closed.
    for rows in [
        "1,\"al\"\"ice\",A,H,\"1\"",
        "1,al\"ice,A,H,1\r\n",
        "1,alice,end,H,1\nend",
    ] {
        let rows = rows.replace('H', &format!("\"{HASH}\""));
        let faults = faults(format!("{head}{rows}").as_bytes());
        let expected: &[&str] = if rows.ends_with("\nend") {
            &["3:2 -"]
        } else {
            &[]
        };
        assert_eq!(faults, expected, "{rows}");
    }
}

/// More than fits in memory.
struct Endless<'a>(&'a [u8], u8);

impl Source for Endless<'_> {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Read::chain(self.0, io::repeat(self.1))))
    }
}

#[test]
fn a_row_has_a_bound() {
    let head = b"id,nick,name,password,active\n1,a,\"";
    for (start, rest, line) in [
        (&head[..], b'x', 2),
        (&head[..], b'\n', 2),
        (&head[..28], b'\n', 1),
        (b"", b'x', 1),
        (b"", b',', 1),
        (b"\n\n", b'\r', 3),
    ] {
        let mut file = Endless(start, rest);
        let read = import(
            Target::Nowhere(None),
            &mut file,
            &Options::default(),
            &mut (),
        );
        let Err(ImportError::Unusable(why)) = read else {
            panic!("{read:?}");
        };
        let expected = format!("line {line}: this row has more than 1024 KiB");
        let of_empty_lines = matches!(rest, b'\n' | b'\r') && start != head;
        assert!(why.starts_with(&expected) || of_empty_lines, "{why}");
    }
    // Rows of a million bytes each are accepted, in any number.
    let row = format!("0,a,\"{}\",x,1\n", "y".repeat(1_000_000));
    let file = ["id,nick,name,password,active\n", &row, &row, &row].concat();
    assert!(faults(file.as_bytes()).len() > 3);
}

#[test]
fn other_formats_have_one_fault() {
    let head = "id,nick,name,password,active";
    let row = "\n1;alice;A;hunter2;1\n";
    let problem = |csv: &[u8]| {
        let faults = check(csv).unwrap_err();
        assert_eq!(
            (faults.total, faults.first[0].place),
            (1, Place::Line(1)),
            "{faults:?}"
        );
        faults.first[0].problem.clone()
    };
    for by in [";", "\t"] {
        let csv = format!("{head}{row}").replace(',', by);
        assert!(problem(csv.as_bytes()).contains("separate them by commas"));
    }
    let wide = |csv: &str, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
        csv.encode_utf16().flat_map(to).collect()
    };
    for csv in [
        wide(&format!("\u{feff}{head}{row}"), u16::to_le_bytes),
        wide(&format!("\u{feff}{head}{row}"), u16::to_be_bytes),
        wide(&format!("{head}{row}"), u16::to_le_bytes),
    ] {
        assert!(problem(&csv).contains("save it as UTF-8"));
    }
}
