//! PASSWD: members of a SQLite store change their passwords.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::tempdir;

use crate::outside::{Client, Server, import_members};
use crate::server::on_both;

on_both! {
    fn a_password_is_changed_on_every_server_and_for_good(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let other = Server::start(folder.path(), &[runtime]);
        // The other server knows the old password, so it has to learn that the password has changed.
        let mut known = logs_in(&other, "1 x");
        let server = Server::start(folder.path(), &[runtime]);
        let mut one = logs_in(&server, "1 x");
        assert_eq!(one.ask("PASSWD x kept-hunter2"), DONE);
        for server in [&server, &other] {
            assert_eq!(server.connect().ask("IDENTIFY 1 x"), REFUSED);
            assert_eq!(server.connect().ask("IDENTIFY m1 kept-hunter"), REFUSED);
            assert_eq!(server.connect().ask("IDENTIFY 1 kept-hunter2"), ONLINE);
        }
        // Who is online stays, on both.
        assert_eq!(known.ask("PING x"), "<pong value=\"x\"/>");
        assert_eq!(one.ask("PASSWD x lost-hunter3"), REFUSED);
        assert_eq!(known.ask("PASSWD kept-hunter2 \t the best hunter4 "), DONE);
        assert_eq!(one.ask("PASSWD kept-hunter2 lost"), REFUSED);
        other.stop();
        one.send("QUIT");
        one.rest();
        logs_in(&server, "m1 the best hunter4");
        server.stop();
        let server = Server::start(folder.path(), &[runtime]);
        logs_in(&server, "1 the best hunter4");
        // The others have theirs.
        logs_in(&server, "2 x");
        server.stop();
    }

    /// Not in the log, nor in what is said on standard error, in the recording or in the store.
    fn no_changed_password_is_written_down(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 1);
        let options = [runtime, "--record=chat.rec"];
        let server = Server::start_with(folder.path(), &options, &[("RUST_LOG", "debug")]);
        let mut one = logs_in(&server, "1 x");
        assert_eq!(one.ask("PASSWD x kept-hunter2"), DONE);
        assert_eq!(one.ask("PASSWD wrong-hunter3 lost-hunter4"), REFUSED);
        assert_eq!(one.ask("PASSWD kept-hunter2\tnext hunter5"), DONE);
        let long = "hunter6".repeat(200);
        let answer = one.ask(&format!("PASSWD next hunter5\t{long}"));
        assert_eq!(answer, "<error value=\"Password is not allowed.\"/>");
        assert!(server.connect().ask("PASSWD wrong-hunter7 lost-hunter8").contains("Not identified."));
        let mut half = server.connect();
        half.write(b"PASSWD wrong-hunter9 lost-hunt");
        assert!(server.get("/server-status").contains("Clients: "));
        let (log, diagnostics) = server.stop();
        assert!(log.contains("LOGIN FAILED \"1\" wrong password"), "{log}");
        let recording = fs::read_to_string(folder.path().join("chat.rec")).unwrap();
        assert!(recording.contains("PASSWD"), "{recording}");
        for text in [&log, &diagnostics, &recording] {
            assert!(!text.contains("hunt"), "{text}");
        }
        assert!(stored(folder.path()).starts_with("$argon2id$"));
        for file in fs::read_dir(folder.path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(4).any(|some| some == b"hunt"));
        }
    }
}

fn stored(folder: &Path) -> String {
    let store = Connection::open(folder.join("flashgate.db")).unwrap();
    let row = "SELECT password FROM members WHERE id = 1";
    store.query_row(row, [], |row| row.get(0)).unwrap()
}

fn logs_in(server: &Server, with: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!("IDENTIFY {with}"));
    loop {
        let answer = client.answer();
        assert!(!answer.starts_with("<error "), "{answer}");
        if answer.starts_with("<identify ") {
            return client;
        }
    }
}

const DONE: &str = "<done command=\"PASSWD\" aid=\"\" />";
const REFUSED: &str = "<error value=\"Identification failed.\"/>";
const ONLINE: &str = "<error value=\"Already online.\"/>";
