//! Servers on a system that gives them few threads or files.

use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Running, Server};

/// The system cannot start the first thread, or a later one. The program reports that, and does not panic.
#[test]
fn a_system_without_threads() {
    let folder = tempdir().unwrap();
    let arguments = ["serve", "--demo", "--listen=127.0.0.1:0"];
    // No system has a stack of 64 TiB.
    let stack = [("RUST_MIN_STACK", "70368744177664")];
    let mut running = Running::start(folder.path(), &arguments, &stack);
    let code = running.wait(PATIENCE);
    let said = running.stderr.all();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("cannot start the thread diagnostics"),
        "{said}"
    );
    assert!(said.contains("ulimit -u"), "{said}");
}

/// The command for a server that may open this many files.
fn with_files(files: u32, folder: &Path) -> Command {
    let program = env!("CARGO_BIN_EXE_flashgate");
    let command = format!("ulimit -n {files}; exec {program} serve --demo --listen 127.0.0.1:0");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(folder);
    shell
}

/// With hardly any files, a server could start but not accept a connection.
#[test]
fn a_server_with_hardly_any_files() {
    let folder = tempdir().unwrap();
    for files in [64, 79] {
        let mut running = Running::spawn(with_files(files, folder.path()));
        let code = running.wait(PATIENCE);
        let (log, said) = (running.stdout.all(), running.stderr.all());
        assert_eq!((code, log.as_str()), (78, ""), "{said}");
        assert!(
            said.contains("needs at least 80") && said.contains("ulimit -n"),
            "{said}"
        );
    }
    let server = Server::of(Running::spawn(with_files(80, folder.path())), 1);
    server.running.stdout.wait_for("MAXCONN:16 ");
}

/// A limit on open files that is too low for `max-clients` is reported, and kept.
#[test]
fn a_server_with_few_files() {
    let folder = tempdir().unwrap();
    let server = Server::of(Running::spawn(with_files(100, folder.path())), 1);
    server
        .running
        .stderr
        .wait_for("leaves room for 36 connections");
    // The limits that are shown can be reached.
    server.running.stdout.wait_for("MAXCONN:36 ");
    let mut clients: Vec<Client> = (0..36).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
    }
    assert_eq!(server.connect().rest(), "");
    assert_eq!(clients[35].ask("PING y"), "<pong value=\"y\"/>");
    server.running.stdout.wait_for("CONNECTED (36/36)");
    server.running.stdout.wait_for("CLOSED full");
    let said = server.running.stderr.so_far();
    assert_eq!(said.matches("ulimit -n").count(), 1, "{said}");
}
