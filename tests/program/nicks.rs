//! Other nicks of members who are online: by NICK, by the operator, and by SQL.

use std::fs;

use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::tempdir;

use crate::outside::{Client, Done, Server, import_members, run_in};
use crate::server::on_both;

on_both! {
    fn a_nick_is_changed_for_good_and_on_every_server(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 3);
        let server = Server::start(folder.path(), &[runtime, "--nick-wait=0"]);
        let other = Server::start(folder.path(), &[runtime]);
        let mut one = logged_in(&server, "1");
        let mut two = logged_in(&server, "2");
        let mut three = logged_in(&other, "3");
        let mut elsewhere = logged_in(&other, "1");
        comes(&mut three, "<login aid=\"m1\" ");
        comes(&mut one, "<login aid=\"m2\" ");

        assert_eq!(one.ask("NICK m2"), TAKEN);
        assert_eq!(one.ask("NICK Zoë"), "<nickchanged aid=\"m1\" to=\"Zoë\" />");
        comes(&mut two, "<quit aid=\"m1\" />");
        comes(&mut two, "<login aid=\"Zoë\" ");
        // The other server learns of it from the store; there the member is at level 1.
        comes(&mut three, "<quit aid=\"m1\" />");
        comes(&mut three, "<login aid=\"Zoë\" ");
        comes(&mut elsewhere, "<quit aid=\"m1\" />");
        comes(&mut elsewhere, "<login aid=\"Zoë\" ");
        comes(&mut elsewhere, "<identify aid=\"Zoë\" ");
        let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
        let row = "SELECT nick || ' ' || nick_key FROM members WHERE id = 1";
        assert_eq!(store.query_row(row, [], |row| row.get(0)), Ok("Zoë zoë".to_owned()));
        assert_eq!(two.ask("NICK M1"), TAKEN);
        assert_eq!(one.ask("NICK m1"), "<nickchanged aid=\"Zoë\" to=\"m1\" />");
        // Each change is told once: the store's event about it says nothing new.
        comes(&mut two, "<nickchanged aid=\"Zoë\" to=\"m1\" />");
        server.running.stdout.wait_for("NICK 1 \"Zoë\" \"m1\"");
        std::thread::sleep(std::time::Duration::from_secs(2));
        assert_eq!(two.ask("PING x"), "<pong value=\"x\"/>");
        let (log, _) = server.stop();
        assert_eq!(log.matches("NICK 1 ").count(), 2, "{log}");
        other.stop();
    }

    fn members_who_swap_nicks_by_sql_stay(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        let mut one = logged_in(&server, "1");
        let mut two = logged_in(&server, "2");
        sql(&folder, "BEGIN;
            UPDATE members SET nick = 'x', nick_key = 'x' WHERE id = 1;
            UPDATE members SET nick = 'm1', nick_key = 'm1' WHERE id = 2;
            UPDATE members SET nick = 'm2', nick_key = 'm2' WHERE id = 1;
            COMMIT");
        while !one.answer().starts_with("<identify aid=\"m2\" ") {}
        while !two.answer().starts_with("<identify aid=\"m1\" ") {}
        one.send("MSG m1 hi");
        while !two.answer().starts_with("<msg aid=\"m2\" ") {}
        let (log, _) = server.stop();
        assert!(!log.contains("CLOSED disabled"), "{log}");
    }

    fn a_nick_against_the_rules_is_not_taken_over(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        let mut one = logged_in(&server, "1");
        sql(&folder, "UPDATE members SET nick = 'a b', nick_key = 'a b' WHERE id = 1");
        server.running.stderr.wait_for("member 1 has the nick \"a b\" in the store");
        assert_eq!(one.ask("MSG m1 hi").split(' ').nth(1), Some("aid=\"m1\""));
        one.send("QUIT");
        let mut again = server.connect();
        assert_eq!(again.ask("IDENTIFY 1 x"), "<error value=\"Identification failed.\"/>");
        let check = members(&folder, &["check"]);
        assert!(check.stdout.contains("a b") || check.stderr.contains("a b"), "{}", check.stdout);
        server.stop();
    }

    fn reserved_nicks_are_read_again(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 1);
        let file = folder.path().join("nicks");
        fs::write(&file, "mona\n").unwrap();
        let server = Server::start(folder.path(), &[runtime, "--reserved-nicks=nicks", "--nick-wait=0"]);
        let mut one = logged_in(&server, "1");
        assert_eq!(one.ask("NICK M\u{20ac}na"), "<nickchanged aid=\"m1\" to=\"M\u{20ac}na\" />");
        assert_eq!(one.ask("NICK rnona"), TAKEN);
        fs::write(&file, "lisa\n").unwrap();
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("RELOADED reserved nicks");
        assert_eq!(one.ask("NICK Lisa"), TAKEN);
        fs::write(&file, "two words\n").unwrap();
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("RELOAD FAILED \"the file of reserved nicks nicks has no nick in line 1");
        assert_eq!(one.ask("NICK lisa"), TAKEN);
        assert!(one.ask("NICK rnona").starts_with("<nickchanged "));
        server.stop();
        let failed = run_in(folder.path(), &["serve", "--reserved-nicks=nicks", "--listen=127.0.0.1:0"], "");
        assert_eq!(failed.code, 78, "{}", failed.stderr);
        assert!(failed.stderr.contains("\"two words\" contains white space"), "{}", failed.stderr);
    }
}

#[test]
fn the_operator_may_give_a_given_up_nick_away() {
    let folder = tempdir().unwrap();
    import_members(folder.path(), 3);
    assert_eq!(members(&folder, &["rename", "1", "zoe"]).code, 0);
    let again = members(&folder, &["rename", "2", "M1"]);
    assert_eq!(
        again.stdout,
        "member 2 m2 is now M1\nthe nick M1 was given up by member 1 less than a day ago\n"
    );
    assert_eq!(members(&folder, &["remove", "3"]).code, 0);
    let add = ["members", "add", "--id=9", "--nick=m3", "--name=M"];
    let added = run_in(folder.path(), &add, "secret\n");
    let said = "added member 9 m3\nthe nick m3 was given up by member 3 less than a day ago\n";
    assert_eq!(added.stdout, said);
    // Its own.
    let back = members(&folder, &["rename", "2", "m2"]);
    assert_eq!(back.stdout, "member 2 M1 is now m2\n");
}

fn members(folder: &tempfile::TempDir, command: &[&str]) -> Done {
    run_in(folder.path(), &[&["members"], command].concat(), "")
}

fn sql(folder: &tempfile::TempDir, sql: &str) {
    let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
    store.execute_batch(sql).unwrap();
}

fn logged_in(server: &Server, id: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!("IDENTIFY {id} x"));
    while !client.answer().starts_with("<identify ") {}
    client
}

/// The next answer begins like this.
fn comes(client: &mut Client, start: &str) {
    let answer = client.answer();
    assert!(answer.starts_with(start), "{answer}, and not {start}");
}

const TAKEN: &str = "<error value=\"Nick is taken.\"/>";
