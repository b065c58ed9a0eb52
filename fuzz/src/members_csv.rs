//! The importer of members, fed with any file.

use std::iter;

use flashgate::import::{self, Faults, ImportError, Options, Target};
use flashgate::store::{Active, Members, Name, Nick, Number};

/// Any file is either good, and after the import all its rows are listed as they were written; or it is refused,
/// nothing of it is in the store, and the first faults are reported in order, each with a line and a column that the
/// file has. A check without a store finds the same as an import into an empty one.
pub fn members_csv(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    if kind.is_multiple_of(2) {
        imported(rest);
        return;
    }
    let (csv, rows) = table(kind, rest);
    if let Some(listed) = imported(csv.as_bytes()) {
        let mut expected: Vec<_> = rows.iter().map(expected).collect();
        expected.sort();
        assert_eq!(listed, expected, "{csv}");
    }
}

/// A member as the list shows it.
type Shown = (i64, String, String, bool);

/// The list after an import, if the file was good.
fn imported(csv: &[u8]) -> Option<Vec<Shown>> {
    let options = Options::default();
    let mut file = csv;
    let checked = import::import(Target::Nowhere(None), &mut file, &options, &mut ());
    let mut members = Members::in_memory().expect("memory can be had");
    let imported = import::import(Target::Store(&mut members), &mut file, &options, &mut ());
    let mut listed: Vec<_> = members
        .list()
        .expect("a store in memory can be read")
        .into_iter()
        .map(|one| (one.id.get(), one.nick, one.name, one.active == Active::Yes))
        .collect();
    listed.sort();
    assert_eq!(checked, imported);
    match imported {
        Ok(report) => {
            assert_eq!((report.rows, report.good()), (listed.len(), listed.len()));
            // A dump of an empty table is good, too.
            Some(listed)
        }
        Err(error) => {
            assert!(listed.is_empty(), "all or nothing");
            if let ImportError::Refused(report) = error
                && report.table.is_none()
            {
                are_in(csv, &report.faults);
            }
            None
        }
    }
}

fn are_in(csv: &[u8], faults: &Faults) {
    let count = |which: fn(&u8) -> bool| csv.iter().filter(|byte| which(byte)).count();
    let lines = 1 + count(|byte| matches!(byte, b'\n' | b'\r'));
    // A missing column is reported at the end of its row.
    let columns = 2 + count(|byte| *byte == b',') + COLUMNS.len();
    assert!(faults.total > 0 && faults.first.len() == faults.total.min(100));
    assert!(
        faults
            .first
            .is_sorted_by_key(|fault| (fault.place.number(), fault.column))
    );
    for fault in &faults.first {
        assert!((1..=lines).contains(&fault.place.number()), "{fault}");
        assert!((1..=columns).contains(&fault.column), "{fault}");
        assert!(fault.name.is_none_or(|name| COLUMNS.contains(&name)));
        assert!(!fault.problem.is_empty() && fault.problem.len() < 1000);
        assert!(!fault.to_string().contains(char::is_control), "{fault:?}");
    }
}

/// The fields of a row, in our order.
type Row = [String; COLUMNS.len()];

/// A file that is nearly good: a line of the data is a row, a tab in it ends a field, and what is
/// missing is made up; `kind` says how it is written.
fn table(kind: u8, data: &[u8]) -> (String, Vec<Row>) {
    let text = String::from_utf8_lossy(data);
    let rows: Vec<Row> = (1..)
        .zip(text.split('\n').take(200))
        .map(|(number, line)| {
            let mut fields = line.split('\t');
            let made_up = [
                format!("{number}"),
                format!("nick{number}"),
                "Name".to_owned(),
                HASH.to_owned(),
                "1".to_owned(),
            ];
            made_up.map(|made_up| match fields.next() {
                None | Some("") => made_up,
                Some(field) => field.to_owned(),
            })
        })
        .collect();
    let turn = usize::from(kind >> 1 & 7) % COLUMNS.len();
    let end = ["\n", "\r\n", "\r"][usize::from(kind >> 4 & 3) % 3];
    let mut csv = String::from(if kind & 0x80 == 0 { "" } else { "\u{feff}" });
    let header = COLUMNS.map(str::to_owned);
    for row in iter::once(&header).chain(&rows) {
        let quoted =
            |at: usize| format!("\"{}\"", row[(turn + at) % row.len()].replace('"', "\"\""));
        let fields: Vec<_> = (0..row.len()).map(quoted).collect();
        csv += &fields.join(",");
        csv += end;
    }
    (csv, rows)
}

/// The list's row for a row of a good file.
fn expected([id, nick, name, _, active]: &Row) -> Shown {
    let id = Number::parse(id.trim()).expect("a number was taken");
    let nick = Nick::new(nick).expect("a nick was taken");
    let name = Name::new(name).expect("a name was taken");
    let active = matches!(
        &*active.trim().to_ascii_lowercase(),
        "1" | "true" | "yes" | "\u{1}"
    );
    let (nick, name) = (nick.as_str().to_owned(), name.as_str().to_owned());
    (id.get(), nick, name, active)
}

const COLUMNS: [&str; 5] = ["id", "nick", "name", "password", "active"];

const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
