//! SQL in every text from outside stays text.

use std::fs;

use flashgate::import::{ImportError, Options, Target, import};
use flashgate::store::{Active, Filter, Members, Name, Nick, Number, Who};
use flashgate_core::Answer;
use rusqlite::Connection;

use crate::fixture::{
    INACTIVE, Place, Store, UNKNOWN, WRONG, cheap, is_alice, login, member, over_both,
};

over_both!(ids_and_passwords_at_a_login);

/// Each of these would do or show something if it became part of a statement.
const HOSTILE: &[&str] = &[
    "'",
    "\"",
    "`",
    "\\'",
    "' OR '1'='1",
    "' OR 1=1 --",
    "1 OR 1=1",
    "1;DROP TABLE members",
    "alice'--",
    "alice'/*",
    "*/'alice",
    "'||(SELECT password FROM members)||'",
    "') UNION SELECT id,nick,name,active,password,1 FROM members --",
    "'; UPDATE members SET active=1, password=''; --",
    "'; ATTACH DATABASE '/tmp/x' AS x; --",
    "'; PRAGMA writable_schema=1; --",
    "x'61'",
    "char(97)",
    "?1",
    ":1",
    "@a",
    "$1",
    "%",
    "_____",
    "*",
    "?????",
    "[a-z]*",
    "alice\0",
    "alice\0' OR 1=1 --",
    "NULL",
    "-1",
    "+1",
    "1e0",
    "0x1",
    "1.0",
    "9223372036854775808",
    "ʼ OR 1=1 --",
    "＇ OR 1=1 --",
    "\u{bf}\u{27} OR 1=1",
];

/// Everything in the store: its schema, and every row.
fn dump(store: &Store) -> Vec<String> {
    let connection = Connection::open(&store.path).unwrap();
    let all = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL";
    let mut all = connection.prepare(all).unwrap();
    let schema = all.query_map([], |row| row.get(0)).unwrap();
    let mut dump = schema.collect::<Result<Vec<_>, _>>().unwrap();
    dump.extend(store.rows());
    dump
}

fn two<P: Place>() -> P {
    P::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::No),
    ])
}

fn ids_and_passwords_at_a_login<P: Place>() {
    let store = two::<P>();
    let before = store.rows();
    let pool = store.pool();
    for hostile in HOSTILE {
        for password in ["alice's", "bob's", hostile] {
            let answer = login(&pool, hostile, password);
            assert_eq!(answer, UNKNOWN, "{hostile} {password}");
        }
        for (id, denied) in [
            ("1", WRONG),
            ("alice", WRONG),
            ("2", INACTIVE),
            ("bob", INACTIVE),
        ] {
            let answer = login(&pool, id, hostile);
            assert_eq!(answer, denied, "{id} {hostile}");
        }
        assert_eq!(login(&pool, "bob", "bob's"), INACTIVE, "{hostile}");
    }
    is_alice(&login(&pool, "1", "alice's"));
    drop(pool);
    assert_eq!(store.rows(), before);
}

#[test]
fn nicks_names_and_passwords_of_members() {
    for hostile in HOSTILE {
        let store = two::<Store>();
        let mut expected = dump(&store);
        let mut members = Members::open(&store.path).unwrap();
        // As a nick and a name where the rules allow it, as a password always.
        let nick = Nick::new(hostile).unwrap_or_else(|_| Nick::new("carol").unwrap());
        let name = Name::new(hostile).unwrap_or_else(|_| Name::new("Carol").unwrap());
        let mut odd = member(3, "carol", Active::Yes);
        (odd.nick, odd.name) = (nick.clone(), name.clone());
        odd.password = cheap(hostile);
        members.add(&odd).unwrap();
        let row = |nick: &Nick, name: &Name| {
            let (shown, key, hash) = (nick.as_str(), nick.key(), odd.password.as_str());
            format!("3|{shown}|{key}|{}|{hash}|1", name.as_str())
        };
        expected.push(row(&nick, &name));
        assert_eq!(dump(&store), expected, "{hostile}");

        let found = members.find(&Who::Nick(nick.clone())).unwrap().unwrap();
        assert_eq!((found.id.get(), found.nick.as_str()), (3, nick.as_str()));
        let pool = store.pool();
        let Answer::Member(member) = login(&pool, nick.as_str(), hostile) else {
            panic!("{hostile}");
        };
        assert_eq!((member.id.0, &*member.name), (3, name.as_str()));

        let three = Number::new(3).unwrap();
        let other = Nick::new("dave").unwrap();
        members.rename(three, &other, None).unwrap();
        members.rename(three, &nick, Some(&name)).unwrap();
        assert_eq!(dump(&store), expected, "{hostile}");
        members.remove(three).unwrap();
        expected.pop();
        assert_eq!(dump(&store), expected, "{hostile}");
    }
}

#[test]
fn patterns_and_what_an_operator_looks_for() {
    let store = two::<Store>();
    let before = dump(&store);
    let members = Members::open(&store.path).unwrap();
    for hostile in HOSTILE {
        let filter = Filter {
            nick: Some((*hostile).to_owned()),
            ..Filter::default()
        };
        let found = members.select(&filter).unwrap();
        // These two are patterns: for all members, and for nicks of five letters.
        let expected = match *hostile {
            "*" => 2,
            "?????" => 1,
            _ => 0,
        };
        assert_eq!(found.len(), expected, "{hostile}");
        if let Ok(who) = Who::parse(hostile) {
            assert_eq!(members.find(&who), Ok(None), "{hostile}");
        }
    }
    assert_eq!(dump(&store), before);
}

#[test]
fn cells_of_an_import_and_the_name_of_a_backup() {
    for hostile in HOSTILE {
        let store = two::<Store>();
        let before = dump(&store);
        let cell = format!("\"{}\"", hostile.replace('"', "\"\""));
        let hash = cheap("x");
        let good = format!("\"{}\"", hash.as_str());
        for row in [
            format!("{cell},c,C,{good},1"),
            format!("3,{cell},C,{cell},1"),
            format!("3,c,{cell},{cell},1"),
            format!("3,c,C,{cell},1"),
            format!("3,c,C,{good},{cell}"),
        ] {
            let csv = format!("id,nick,name,password,active\n{row}\n");
            let mut members = Members::open(&store.path).unwrap();
            let into = Target::Store(&mut members);
            let options = Options::default();
            let refused = import(into, &mut csv.as_bytes(), &options, &mut ());
            assert!(matches!(refused, Err(ImportError::Refused(_))), "{row}");
        }
        assert_eq!(dump(&store), before, "{hostile}");
        // A file of any name.
        if !hostile.contains(['\0', '/']) {
            let members = Members::open(&store.path).unwrap();
            let backup = store.path.with_file_name(hostile);
            assert_eq!(members.back_up(&backup), Ok(2), "{hostile}");
            assert_eq!(Members::open(&backup).unwrap().count(), Ok(2), "{hostile}");
            fs::remove_file(&backup).unwrap();
        }
    }
}
