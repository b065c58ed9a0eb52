//! An operator's changes take effect for members online within a second.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Running, Server, import_members, run_in};
use crate::server::on_both;

on_both! {
    fn a_change_takes_effect_at_once(runtime) {
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
        thread::sleep(WITHIN);
        first.send("PING still");
        while first.answer() != "<pong value=\"still\"/>" {}
        assert!(let_in(&server, "m1", "x").is_none());

        // A member with another nick stays.
        done(folder.path(), &["rename", "1", "alice", "Alice"], "");
        while first.answer() != "<identify aid=\"alice\" name=\"Alice\" />" {}
        assert!(let_in(&server, "m1", "y").is_none());
        logged_out(folder.path(), &["remove", "alice"], &mut first);
        assert!(let_in(&server, "1", "y").is_none());

        // Disabled and enabled again in one change: a member who is online is logged out.
        let mut second = let_in(&server, "2", "x").unwrap();
        let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
        let begun = Instant::now();
        store.execute_batch("UPDATE members SET active = 0 WHERE id = 2; UPDATE members SET active = 1 WHERE id = 2").unwrap();
        while !second.answer().is_empty() {}
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        let_in(&server, "2", "x").unwrap();

        witness.send("PING end");
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "<pong value=\"end\"/>") {
            seen.push(witness.answer());
        }
        let quits = seen.iter().filter(|answer| answer.starts_with("<quit ")).collect::<Vec<_>>();
        // The last two members are still online, or have closed their end.
        assert!(quits.len() >= 4, "{seen:?}");
        let (log, diagnostics) = server.stop();
        assert_eq!(log.matches("CLOSED disabled").count(), 3, "{log}");
        assert!(log.contains("NICK 1 \"m1\" \"alice\""), "{log}");
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
                // One that was renamed stays.
                let is_last = |answer: &str| match id {
                    "2" => answer.starts_with("<identify aid=\"bob\" "),
                    _ => answer.is_empty(),
                };
                while !is_last(&client.answer()) {}
            }
            assert!(begun.elapsed() < PATIENCE, "{id} {:?}", begun.elapsed());
        }
    }

    /// The store's disk is full: members log in, for the first time, too, and their logins are noted once the disk has
    /// space again.
    fn a_full_disk_keeps_nobody_out(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 5);
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        // A file system that only the server sees, and whoever asks the system for its view.
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]).current_dir(folder.path());
        command.arg("mount -t tmpfs -o size=512k none disk && cp flashgate.db disk && \
            exec \"$0\" serve --members disk/flashgate.db --listen 127.0.0.1:0 \"$1\"");
        command.arg(env!("CARGO_BIN_EXE_flashgate")).arg(runtime);
        let server = Server::of(Running::spawn(command), 1);
        let disk = format!("/proc/{}/root/{}", server.running.child.id(), disk.display());
        let disk = Path::new(&disk);
        let_in(&server, "1", "x").unwrap();
        server.running.stdout.wait_for("QUIT 1");
        // In its quiet moments the server holds nothing open.
        while fs::metadata(disk.join("flashgate.db-wal")).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        let fill = disk.join("fill");
        assert!(fs::write(&fill, vec![0; 1 << 20]).is_err(), "there was room");
        for id in ["1", "2", "m3"] {
            let_in(&server, id, "x").unwrap();
            assert!(let_in(&server, id, "y").is_none());
            thread::sleep(Duration::from_millis(700));
        }
        server.running.stderr.wait_for("last logins are not saved yet");
        server.running.stderr.wait_for("the disk is full");
        fs::remove_file(fill).unwrap();
        server.running.stderr.wait_for("last logins are saved again");
        // SQLite would look for the path that it sees.
        while fs::metadata(disk.join("flashgate.db-wal")).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        fs::copy(disk.join("flashgate.db"), folder.path().join("copy.db")).unwrap();
        let store = Connection::open(folder.path().join("copy.db")).unwrap();
        let noted = "SELECT count(*) FROM members WHERE last_login_at IS NOT NULL";
        assert_eq!(store.query_row(noted, [], |row| row.get(0)), Ok(3));
        let (_, diagnostics) = server.stop();
        assert!(!diagnostics.contains("nobody can log in"), "{diagnostics}");
        assert_eq!(diagnostics.matches("not saved yet").count(), 1, "{diagnostics}");
    }

    /// A server that starts where it may write nothing.
    fn a_read_only_disk_keeps_nobody_out(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 3);
        fs::create_dir(folder.path().join("disk")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]).current_dir(folder.path());
        command.arg("mount -t tmpfs none disk && cp flashgate.db disk && mount -o remount,ro disk && \
            exec \"$0\" serve --members disk/flashgate.db --listen 127.0.0.1:0 \"$1\"");
        command.arg(env!("CARGO_BIN_EXE_flashgate")).arg(runtime);
        let server = Server::of(Running::spawn(command), 1);
        for id in ["1", "m2", "1"] {
            let client = let_in(&server, id, "x").unwrap();
            drop(client);
            server.running.stdout.wait_for(&format!("QUIT {}", id.trim_start_matches('m')));
            assert!(let_in(&server, id, "y").is_none());
        }
        let (_, diagnostics) = server.stop();
        let told = "members can log in, but their last logins are not saved: the member store disk/flashgate.db ";
        assert_eq!(diagnostics.matches(told).count(), 1, "{diagnostics}");
        assert!(!diagnostics.contains("nobody can log in"), "{diagnostics}");
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
        thread::sleep(WITHIN);
        first.send("PING x");
        while first.answer() != "<pong value=\"x\"/>" {}
    }
}

/// A client that has tried to log in.
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
        begun.elapsed() < PATIENCE,
        "{command:?} {:?}",
        begun.elapsed()
    );
}

/// A change takes effect within a second on an idle machine, which the store's own tests measure. What
/// must not happen is waited for twice as long.
const WITHIN: Duration = Duration::from_secs(2);
