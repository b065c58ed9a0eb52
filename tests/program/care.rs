//! What an operator changes reaches who is online, within a second.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::tempdir;

use crate::outside::{Client, Server, import_members, run_in};
use crate::server::on_both;

on_both! {
    fn who_is_changed_is_logged_out_at_once(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 4);
        let server = Server::start(folder.path(), &[runtime]);
        let mut witness = let_in(&server, "4", "x").unwrap();
        let mut first = let_in(&server, "1", "x").unwrap();
        logged_out(folder.path(), &["disable", "1"], &mut first);
        assert!(let_in(&server, "1", "x").is_none());
        done(folder.path(), &["enable", "1"], "");
        let mut first = let_in(&server, "1", "x").unwrap();

        // A new password is for the next login.
        done(folder.path(), &["passwd", "1"], "y\n");
        std::thread::sleep(WITHIN);
        first.send("PING still");
        while first.answer() != "<pong value=\"still\"/>" {}
        assert!(let_in(&server, "m1", "x").is_none());

        logged_out(folder.path(), &["rename", "1", "alice", "Alice"], &mut first);
        assert!(let_in(&server, "m1", "y").is_none());
        let mut first = let_in(&server, "alice", "y").unwrap();
        logged_out(folder.path(), &["remove", "alice"], &mut first);
        assert!(let_in(&server, "1", "y").is_none());

        // Out and in again in one go: whoever is online goes.
        let mut second = let_in(&server, "2", "x").unwrap();
        let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
        let begun = Instant::now();
        store.execute_batch("UPDATE members SET active = 0 WHERE id = 2; UPDATE members SET active = 1 WHERE id = 2").unwrap();
        while !second.answer().is_empty() {}
        assert!(begun.elapsed() < WITHIN, "{:?}", begun.elapsed());
        let_in(&server, "2", "x").unwrap();

        witness.send("PING end");
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "<pong value=\"end\"/>") {
            seen.push(witness.answer());
        }
        let quits = seen.iter().filter(|answer| answer.starts_with("<quit ")).collect::<Vec<_>>();
        // The last two of those who came are online yet, or have closed their end.
        assert!(quits.len() >= 4, "{seen:?}");
        let (log, diagnostics) = server.stop();
        assert_eq!(log.matches("CLOSED disabled").count(), 4, "{log}");
        assert!(!diagnostics.contains("member"), "{diagnostics}");
    }

    fn two_servers_on_one_store_both_hear_of_it(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 3);
        let servers = [Server::start(folder.path(), &[runtime]), Server::start(folder.path(), &[runtime])];
        for id in ["1", "2", "3"] {
            let mut clients = servers.each_ref().map(|server| let_in(server, id, "x").unwrap());
            let change: &[&str] = match id {
                "1" => &["disable", "1"],
                "2" => &["rename", "2", "bob"],
                _ => &["remove", "3"],
            };
            let begun = Instant::now();
            done(folder.path(), change, "");
            for client in &mut clients {
                while !client.answer().is_empty() {}
            }
            assert!(begun.elapsed() < WITHIN, "{id} {:?}", begun.elapsed());
        }
    }

    /// Nothing of what was before the start is done again.
    fn the_past_is_past(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        for command in ["disable", "enable"] {
            done(folder.path(), &[command, "1"], "");
        }
        let server = Server::start(folder.path(), &[runtime]);
        let mut first = let_in(&server, "1", "x").unwrap();
        done(folder.path(), &["disable", "2"], "");
        std::thread::sleep(WITHIN * 2);
        first.send("PING x");
        while first.answer() != "<pong value=\"x\"/>" {}
    }
}

/// Someone who has logged in, unless it is refused.
fn let_in(server: &Server, id: &str, password: &str) -> Option<Client> {
    let mut client = server.connect();
    client.send(&format!("IDENTIFY {id} {password}"));
    loop {
        match client.answer() {
            answer if answer.starts_with("<identify ") => return Some(client),
            answer if answer.starts_with("<error ") => return None,
            _ => {}
        }
    }
}

fn done(folder: &Path, command: &[&str], input: &str) -> String {
    let done = run_in(folder, &[&["members"], command].concat(), input);
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout
}

/// Does it, and waits for the client's end.
fn logged_out(folder: &Path, command: &[&str], client: &mut Client) {
    done(folder, command, "");
    let begun = Instant::now();
    while !client.answer().is_empty() {}
    assert!(
        begun.elapsed() < WITHIN,
        "{command:?} {:?}",
        begun.elapsed()
    );
}

/// What is promised; the command itself takes some more.
const WITHIN: Duration = Duration::from_secs(1);
