//! Options of an import that contradict each other, or its file.

use std::fs;

use crate::import::{MIXED, Place};
use crate::outside::run_in;

#[test]
fn command_lines_that_make_no_sense() {
    let place = Place::new();
    for arguments in [
        &["--map=nick"][..],
        &["--map=nik=x"],
        &["--map=nick="],
        &["--map=nick=x,nick=y"],
        &["--active-if=status"],
        &["--active-if==1"],
        &["--active-if=status=1", "--map=active=x"],
        &["--charset=utf-16"],
    ] {
        let done = place.dump(MIXED, arguments);
        assert_eq!(done.code, 64, "{arguments:?}: {done:?}");
    }
    place.has_no_store();
}

#[test]
fn options_of_a_database_are_none_of_a_file() {
    let place = Place::new();
    for (option, why) in [
        ("--query=SELECT 1", "--query needs a running database"),
        (
            "--mysql-password=x",
            "--mysql-password needs a running database",
        ),
        ("--mysql-password=m.sql", "leave it out for a file"),
    ] {
        let done = place.dump(MIXED, &[option, "--dry-run"]);
        assert_eq!(done.code, 64, "{option}: {done:?}");
        assert!(done.stderr.contains(why), "{option}: {done:?}");
    }
    place.has_no_store();
}

/// With a password in its address, which is never shown.
const DATABASE: &str = "mysql://forum:hunter2@localhost/forum";

#[test]
fn a_database_is_no_store() {
    let place = Place::new();
    fs::write(place.path("m.sql"), MIXED).unwrap();
    for command in [
        &["add", "--id=1", "--nick=a", "--name=A"][..],
        &["list"],
        &["show", "1"],
        &["passwd", "1"],
        &["rename", "1", "b"],
        &["enable", "1"],
        &["disable", "1"],
        &["remove", "1"],
        &["export"],
        &["import", "m.sql"],
        &["check"],
        &["backup", "copy.db"],
    ] {
        for address in [DATABASE, "MySQL://forum@localhost/forum"] {
            let arguments = [&["members"], command, &["--members", address]].concat();
            let done = run_in(place.0.path(), &arguments, "");
            assert_eq!(done.code, 64, "{arguments:?}: {done:?}");
            let why = "the site looks after its own table";
            assert!(done.stderr.contains(why), "{arguments:?}: {done:?}");
            assert!(!done.stderr.contains("hunter2"), "{done:?}");
        }
    }
    let files = fs::read_dir(place.0.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is made");
}

#[test]
fn an_address_has_no_password() {
    let place = Place::new();
    let done = place.import(&[DATABASE]);
    let (code, why) = if cfg!(feature = "mysql") {
        (64, "it has a password in it")
    } else {
        (78, "this flashgate was built without support for MySQL")
    };
    assert_eq!(done.code, code, "{done:?}");
    assert!(done.stderr.contains(why), "{done:?}");
    assert!(!done.stderr.contains("hunter2"), "{done:?}");
    place.has_no_store();
}
