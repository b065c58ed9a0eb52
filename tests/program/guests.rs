//! Clients without an account, beside the members of a SQLite store.

use std::fs;

use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::tempdir;

use crate::outside::{Client, Server, import_members};
use crate::server::on_both;

on_both! {
    fn guests_come_online_beside_members(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 1);
        let file = folder.path().join("nicks");
        fs::write(&file, "mona\n").unwrap();
        let options = [runtime, "--guests", "--reserved-nicks=nicks"];
        let server = Server::start(folder.path(), &options);
        let other = Server::start(folder.path(), &[runtime]);
        assert_eq!(other.connect().ask("GUEST zoe"), "<error value=\"Guests are not let in.\"/>");

        let mut member = server.connect();
        comes(&mut member, "IDENTIFY 1 x", "<identify aid=\"m1\" ");
        let mut guest = server.connect();
        assert_eq!(guest.ask("GUEST rnona"), TAKEN);
        // What members may be called says nothing about guests.
        comes(&mut guest, "GUEST m1", "<identify aid=\"~m1\" name=\"~m1\" ");
        comes(&mut member, "MSG ~m1 hi", "<msg aid=\"m1\" ");
        comes(&mut guest, "", "<msg aid=\"m1\" ");
        assert_eq!(guest.ask("PASSWD x y"), "<error value=\"You may not do that.\"/>");
        assert_eq!(guest.ask("NICK mona"), TAKEN);
        fs::write(&file, "lisa\n").unwrap();
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("RELOADED reserved nicks");
        assert_eq!(guest.ask("NICK lisa"), TAKEN);
        assert_eq!(guest.ask("NICK mona"), "<nickchanged aid=\"~m1\" to=\"~mona\" />");
        comes(&mut member, "", "<quit aid=\"~m1\" ");
        comes(&mut member, "", "<login aid=\"~mona\" name=\"~mona\" ");
        assert_eq!(guest.ask("NICK m1"), "<error value=\"Please try again later.\"/>");
        guest.send("QUIT");
        guest.rest();
        comes(&mut member, "", "<quit aid=\"~mona\" ");
        let (log, _) = server.stop();
        for line in ["LOGIN \"~m1\"(", "NICK \"~m1\" \"~m1\" \"~mona\"", "QUIT \"~mona\""] {
            assert!(log.contains(line), "no {line} in {log}");
        }
        // Nothing of the guest is stored.
        let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
        let rows = "SELECT group_concat(nick) FROM members";
        assert_eq!(store.query_row(rows, [], |row| row.get(0)), Ok("m1".to_owned()));
        other.stop();
    }

    fn guests_cannot_change_their_nicks_where_members_cannot(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--nick-changes=off"]);
        let mut guest = server.connect();
        comes(&mut guest, "GUEST", "<identify aid=\"~guest1\" ");
        assert_eq!(guest.ask("NICK zoe"), "<error value=\"Nicks cannot be changed here.\"/>");
        server.stop();
    }
}

/// Sends a command, if there is one, and waits for an answer that begins like this.
fn comes(client: &mut Client, command: &str, start: &str) {
    if !command.is_empty() {
        client.send(command);
    }
    loop {
        let answer = client.answer();
        assert!(!answer.starts_with("<error "), "{answer}, and not {start}");
        if answer.starts_with(start) {
            return;
        }
    }
}

const TAKEN: &str = "<error value=\"Nick is taken.\"/>";
