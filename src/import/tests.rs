//! Imports of good and bad files into an empty store.

use super::row::MAX_FAULTS;
use super::*;
use crate::store::Members;

pub(super) const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";

/// Imports a file as it is.
fn taken(members: &mut Members, mut file: &[u8]) -> Result<usize, ImportError> {
    let options = Options::default();
    import(Target::Store(members), &mut file, &options, &mut ()).map(|report| report.rows)
}

/// Checks a file without a store.
pub(super) fn check(mut file: &[u8]) -> Result<usize, Faults> {
    let checked = import(
        Target::Nowhere(None),
        &mut file,
        &Options::default(),
        &mut (),
    );
    match checked {
        Ok(report) => Ok(report.rows),
        Err(ImportError::Refused(report)) => Err(report.faults),
        Err(error) => panic!("{error:?}"),
    }
}

/// Imports into an empty store. Returns each fault as `line:column name`.
pub(super) fn faults(csv: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (mut members, _) = Members::open_or_create(&folder.path().join("m.db")).unwrap();
    match taken(&mut members, csv) {
        Ok(rows) => {
            assert_eq!(members.count().unwrap(), rows as i64);
            Vec::new()
        }
        Err(ImportError::Refused(report)) => {
            let faults = report.faults;
            assert_eq!(members.count().unwrap(), 0, "all or nothing");
            let tell = |f: &RowFault| {
                assert!(!f.problem.contains("hunter2"), "{f}");
                format!(
                    "{}:{} {}",
                    f.place.number(),
                    f.column,
                    f.name.unwrap_or("-")
                )
            };
            faults.first.iter().map(tell).collect()
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn table(rows: &str) -> Vec<String> {
    faults(rows.replace('H', &format!("\"{HASH}\"")).as_bytes())
}

#[test]
fn good_files() {
    for good in [
        "id,nick,name,password,active\n1,alice,Alice,H,1\n2,bob,\"Bob, \"\"B\"\"\",H,0\n",
        "\u{feff}ACTIVE, nick ,id,name,password\r\ntrue,alice,1,A,H\r\n\r\n\r\nno,bob,2,B,H",
        "id,nick,name,password,active\n",
    ] {
        assert_eq!(table(good), [""; 0], "{good}");
    }
}

#[test]
fn each_fault_has_its_place() {
    let head = "id,nick,name,password,active\n";
    for (rows, expected) in [
        ("x,alice,A,H,1\n", vec!["2:1 id"]),
        (
            "1,a b,A,hunter2,maybe\n",
            vec!["2:2 nick", "2:4 password", "2:5 active"],
        ),
        (
            "1,alice,,H,1\n\n\n2,7,B,H,1\n",
            vec!["2:3 name", "5:2 nick"],
        ),
        ("1,alice,A,H,1\n1,ALICE,B,H,1\n", vec!["3:1 id", "3:2 nick"]),
        ("1,Árvíz,A,H,1\n2,árvíz,B,H,1\n", vec!["3:2 nick"]),
        (
            "1,alice,A,H,1\n2,alice\u{fe0f},B,H,1\n3,\u{3164},C,H,1\n4,dave,\u{2800},H,1\n",
            vec!["3:2 nick", "4:2 nick", "5:3 name"],
        ),
        (
            "1,alice,A,H,1\n1,ALICE,,x,2\n",
            vec![
                "3:1 id",
                "3:2 nick",
                "3:3 name",
                "3:4 password",
                "3:5 active",
            ],
        ),
        ("1,alice,A,H\n2,bob,B,H,1,x\n", vec!["2:5 -", "3:6 -"]),
        (
            "1,alice,\"two\nlines\",H,1\n0,bob,B,H,1\n",
            vec!["2:3 name", "4:1 id"],
        ),
    ] {
        assert_eq!(table(&format!("{head}{rows}")), expected, "{rows}");
        let crlf = format!("{head}{rows}").replace('\n', "\r\n");
        assert_eq!(table(&crlf), expected, "with CR LF: {rows}");
    }
    let latin1 = b"id,nick,name,password,active\n1,\xc1rv\xedz,A,hunter2,1\n";
    assert_eq!(faults(latin1), ["2:2 nick", "2:4 password"]);
}

#[test]
fn salts_from_a_column_of_their_own() {
    let stored = |form: &str, password: &str, salt: &str| {
        let mut members = Members::in_memory().unwrap();
        let head = format!("id,nick,{form},name,password,active");
        let csv = format!("{head}\n1,a,\"{salt}\",A,\"{password}\",1\n");
        let imported = taken(&mut members, csv.as_bytes());
        assert_eq!(check(csv.as_bytes()).is_ok(), imported.is_ok());
        let problem = |error: ImportError| {
            let ImportError::Refused(report) = error else {
                panic!("{error:?}");
            };
            report.faults.first[0].to_string()
        };
        imported.map_err(problem)?;
        let row = "SELECT password FROM members";
        let stored = members.connection.query_row(row, [], |row| row.get(0));
        Ok::<String, String>(stored.unwrap())
    };
    let (one, two) = ("md5(salt.password)", "md5(md5(password).salt)");
    let md5 = "E52D98C459819A11775936D8DFBB7929";
    for form in [one, two] {
        for salt in ["s$1", " a ", ""] {
            let tagged = format!("${form}${md5}${salt}");
            assert_eq!(stored(form, md5, salt), Ok(tagged), "{form} {salt}");
        }
        // Has its own inside.
        assert_eq!(stored(form, HASH, "left"), Ok(HASH.to_owned()));
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        assert_eq!(stored(form, sha1, ""), Ok(sha1.to_owned()));
        let fault = stored(form, sha1, "s").unwrap_err();
        assert!(
            fault.starts_with("line 2, column 5 (password): has a salt"),
            "{fault}"
        );
    }
    let fault = stored("salt", md5, "s").unwrap_err();
    assert!(
        fault.contains("column 3: name the one column of salts"),
        "{fault}"
    );
    let twice = format!("id,nick,name,password,active,{one},{two}\n");
    assert_eq!(faults(twice.as_bytes()), ["1:7 -"]);
    let short = format!("id,nick,name,password,active,{one}\n1,a,A,{md5},1\n");
    assert_eq!(faults(short.as_bytes()), ["2:6 -"]);
    let head = format!("id,nick,name,password,active,{one}\n1,a,A,{md5},1,");
    assert_eq!(faults(&[head.as_bytes(), b"\xff\n"].concat()), ["2:6 -"]);
}

/// phpBB escapes what is typed. Its table is known by two of its columns.
#[test]
fn the_table_of_a_phpbb() {
    let bcrypt = "$2y$10$abcdefghijklmnopqrstuuPPiX6KgYcpLwUoa3DjPDaP2nfJYqxWe";
    let md5 = "e52d98c459819a11775936d8dfbb7929";
    let taken_from = |clean: &str, password: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (mut members, _) = Members::open_or_create(&folder.path().join("m.db")).unwrap();
        let dump = format!(
            "INSERT INTO users (user_id, username, {clean}, {password}, realname) VALUES \
             (1, 'Tom&amp;Jerry', 'tom&amp;jerry', '{bcrypt}', '&lt;b&gt;'), \
             (2, '&quot;&amp;lt;&quot;', '', '{HASH}', '&copy;'), (3, 'c', '', '{md5}', 'R&D &#39;');",
        );
        assert_eq!(taken(&mut members, dump.as_bytes()).unwrap(), 3);
        let rows = "SELECT nick || ' ' || name || ' ' || password FROM members ORDER BY id";
        let mut rows = members.connection.prepare(rows).unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap()
    };
    assert_eq!(
        taken_from("Username_Clean", "user_password"),
        [
            format!("Tom&Jerry <b> $phpbb{bcrypt}"),
            format!("\"&lt;\" &copy; $phpbb{HASH}"),
            format!("c R&D &#39; {md5}"),
        ]
    );
    for (clean, password) in [("username_clean", "password"), ("clean", "user_password")] {
        let rows = taken_from(clean, password);
        assert_eq!(rows[0], format!("Tom&amp;Jerry &lt;b&gt; {bcrypt}"));
        assert!(rows[1].ends_with(&format!(" {HASH}")), "{}", rows[1]);
    }
}

#[test]
fn headers() {
    assert_eq!(table(""), ["1:1 -"]);
    assert_eq!(table("\n\n"), ["1:1 -"]);
    assert_eq!(table("1,alice,A,H,1\n"), ["1:1 -"]);
    assert_eq!(
        table("\nid,id,nick,nmae,password\n"),
        ["2:2 id", "2:4 -", "2:6 -"]
    );
}

/// Titles may be missing, or stand over the wrong columns: then a password is where anything else should be.
#[test]
fn a_password_is_never_shown() {
    let said = |csv: &str, map: &str| {
        let options = Options {
            map: map.parse().unwrap_or_default(),
            ..Options::default()
        };
        let nowhere = Target::Nowhere(None);
        let error = import(nowhere, &mut csv.as_bytes(), &options, &mut ()).unwrap_err();
        let ImportError::Refused(report) = error else {
            panic!("{error:?}");
        };
        let faults = report.faults.first.iter().map(RowFault::to_string);
        faults.collect::<Vec<_>>().join("\n")
    };
    let hash = HASH.replace(',', "");
    for (csv, map, expected) in [
        (
            "7,alice,Alice,hunter2,1\n",
            "",
            "line 1, column 1: there are no titles",
        ),
        (
            "7,alice,Alice,hunter2,1\n",
            "nick=foo",
            "line 1, column 1: there are no titles",
        ),
        (
            "hunter2,login,pass,Alice,1\n",
            "",
            "line 1, column 1: there are no titles",
        ),
        (
            "id,nick,hunter2\n1,a,b\n",
            "",
            "column 3: this is not a title",
        ),
        (
            "id,nick,name,active,password\n7,alice,Alice,hunter2,1\n",
            "",
            "column 4 (active): is neither 1 nor 0 (its text is not shown here)",
        ),
        (
            "password,nick,name,id,active\n7,alice,Alice,hunter2,1\n",
            "",
            "column 4 (id): is not a whole number from 1 to 9223372036854775807 (its text is not shown here)",
        ),
        (
            "id,password,nick,name,active\n7x,alice,$2y$04$d5184fbabcdc414a79e16ulzAYZFEJHkO6x92gYjOe1iUZphPmQI.,b,1\n",
            "",
            "column 3 (nick): is longer than 32 characters (its text looks like the hash",
        ),
        (
            "id,nick,name,password,active\n-7,a,b,H,1\n",
            "",
            "(id): \"-7\" is not a whole number",
        ),
    ] {
        let said = said(&csv.replace('H', &hash), map);
        assert!(said.contains(expected), "{csv}: {said}");
        if expected.starts_with("line 1") {
            assert_eq!(said.lines().count(), 1, "{said}");
        }
        assert!(
            !said.contains("hunter2") && !said.contains("d5184f"),
            "{csv}: {said}"
        );
    }
}

#[test]
fn active_by_a_list_of_values() {
    let options = |text: &str| Options {
        active_if: Some(text.parse().unwrap()),
        ..Options::default()
    };
    let csv = format!(
        "id,nick,name,password,kind\n1,a,A,\"{HASH}\",0\n2,b,B,\"{HASH}\",3\n3,c,C,\"{HASH}\",1\n\
         4,d,D,\"{HASH}\",\"0,3\"\n5,e,E,\"{HASH}\",03\n"
    );
    for (text, active) in [
        ("kind=0", 1),
        ("kind=0,3", 3),
        ("kind=3", 1),
        ("kind=7,8", 0),
        ("kind=", 0),
    ] {
        let nowhere = Target::Nowhere(None);
        let report = import(nowhere, &mut csv.as_bytes(), &options(text), &mut ()).unwrap();
        assert_eq!((report.rows, report.active), (5, active), "{text}");
    }
}

#[test]
fn a_file_is_checked_without_a_store() {
    let head = "id,nick,name,password,active\n";
    assert_eq!(check(head.as_bytes()), Ok(0));
    assert_eq!(
        check(format!("{head}1,a,A,\"{HASH}\",1\n").as_bytes()),
        Ok(1)
    );
    assert_eq!(check(b"").unwrap_err().total, 1);
    let twice = format!("{head}{0}{0}", format!("1,a,A,\"{HASH}\",1\n"));
    assert_eq!(check(twice.as_bytes()).unwrap_err().total, 2);
}

#[test]
fn many_faults_are_counted_and_the_first_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut members, _) = Members::open_or_create(&folder.path().join("m.db")).unwrap();
    let csv = format!(
        "id,nick,name,password,active\n{}",
        "0,7,A,x,1\n".repeat(500)
    );
    let error = taken(&mut members, csv.as_bytes()).unwrap_err();
    let ImportError::Refused(report) = error else {
        panic!("{error:?}");
    };
    let faults = report.faults;
    assert_eq!((faults.first.len(), faults.total), (MAX_FAULTS, 1500));
}

/// What is listed of a dump's rows, `(number, name in bytes)`, and how many names were cleaned.
fn names(values: &[(&[u8], &str)], before: &str, charset: Option<Charset>) -> (Vec<String>, usize) {
    let mut dump = format!("{before}INSERT INTO t (id,nick,name,pass) VALUES ").into_bytes();
    for (number, (name, _)) in (1..).zip(values) {
        dump.extend(format!("({number},'n{number}',_binary '").bytes());
        dump.extend(*name);
        dump.extend(b"','9dd4e461268c8034f5c8564e155c67a6'),");
    }
    dump.pop();
    dump.push(b';');
    let mut members = Members::in_memory().unwrap();
    let options = Options {
        charset,
        ..Options::default()
    };
    let target = Target::Store(&mut members);
    let report = import(target, &mut &dump[..], &options, &mut ()).unwrap();
    let listed = members.list().unwrap().into_iter();
    (listed.map(|member| member.name).collect(), report.cleaned)
}

#[test]
fn names_of_a_dump_are_cleaned() {
    let long = "á ".repeat(150);
    let cases: [(&[u8], &str); 10] = [
        ("Árvíz  Tűrő ".as_bytes(), "Árvíz  Tűrő "),
        (b" \\n\\n ", "n2"),
        (b"", "n3"),
        (b"One\\r\\nTwo\\t \\0 Three", "One Two Three"),
        ("\u{200b}Ze\u{200b}ro\u{202e}".as_bytes(), "Zero"),
        ("A\u{2028}B\u{ffff}".as_bytes(), "A B"),
        ("❤\u{fe0f}\u{3164}".as_bytes(), "❤\u{fe0f}"),
        ("\u{3164}\u{2800}".as_bytes(), "n8"),
        (long.as_bytes(), long[..3 * 50 - 1].into()),
        (b"\x1b[2J", "[2J"),
    ];
    let (listed, cleaned) = names(&cases, "", None);
    assert_eq!(listed, cases.map(|(_, name)| name));
    assert_eq!(cleaned, 9);
}

#[test]
fn a_dump_says_what_its_texts_are_in() {
    let cases: [(&[u8], &str); 1] = [(b"\xe1rv\xedz t\xfbr\xf5", "")];
    for (before, charset, name) in [
        ("/*!40101 SET NAMES latin1 */;", None, "árvíz tûrõ"),
        ("SET NAMES latin2;", None, "árvíz tűrő"),
        ("SET NAMES latin1;", Some(Charset::Latin2), "árvíz tűrő"),
        ("SET NAMES utf8mb4;", Some(Charset::Auto), "árvíz tûrõ"),
    ] {
        assert_eq!(names(&cases, before, charset), (vec![name.to_owned()], 0));
    }
}

#[test]
fn spaces_in_nicks_are_filled() {
    let dump = "INSERT INTO t (id,username,pass) VALUES
        (1,' John  Smith ','9dd4e461268c8034f5c8564e155c67a6'), (2,'John_Smith','9dd4e461268c8034f5c8564e155c67a6'),
        (3,'a\\tb','9dd4e461268c8034f5c8564e155c67a6'), (4,' 1 2 ','9dd4e461268c8034f5c8564e155c67a6');";
    let refused = |spaces: Option<&str>| {
        let options = Options {
            spaces: spaces.map(|spaces| spaces.parse().unwrap()),
            refused: Refused::Skip,
            ..Options::default()
        };
        let mut members = Members::in_memory().unwrap();
        let target = Target::Store(&mut members);
        let report = import(target, &mut dump.as_bytes(), &options, &mut ()).unwrap();
        let listed = members.list().unwrap().into_iter();
        let listed: Vec<_> = listed
            .map(|one| (one.id.get(), one.nick, one.name))
            .collect();
        let faults = report.faults.first.into_iter();
        let ids: Vec<_> = faults.filter_map(|fault| fault.id).collect();
        (listed, ids, report.filled)
    };
    let is = |id, nick: &str, name: &str| (id, nick.to_owned(), name.to_owned());
    let (listed, ids, filled) = refused(None);
    assert_eq!(listed, [is(2, "John_Smith", "John_Smith")]);
    assert_eq!(
        (ids, filled),
        (["1", "3", "4"].map(str::to_owned).to_vec(), 0)
    );
    // What was there first keeps its nick, and its name is what the site shows.
    let (listed, ids, filled) = refused(Some("_"));
    let expected = [
        is(1, "John_Smith", "John Smith"),
        is(3, "a_b", "a b"),
        is(4, "1_2", "1 2"),
    ];
    assert_eq!(listed, expected);
    assert_eq!((ids, filled), (vec!["2".to_owned()], 3));
    for bad in ["", " ", "__", "\u{200b}", "\t"] {
        assert!(bad.parse::<Spaces>().is_err(), "{bad:?}");
    }
}
