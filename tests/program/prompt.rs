//! Passwords that are typed at a terminal.

use std::fs;
use std::io::Write;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::commands::Place;
use crate::outside::{Output, PATIENCE, Server, terminal};

/// A terminal is asked twice, and shows nothing of what is typed.
#[test]
fn a_password_from_a_terminal() {
    // util-linux's `script` makes a terminal; this program may hold no unsafe code, which it takes.
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let place = Place::new();
    let add = |keys| {
        let program = env!("CARGO_BIN_EXE_flashgate");
        let command = format!("{program} members add --id=1 --nick=alice --name=Alice");
        typed(&place, &command, keys)
    };
    let shown = add(["secret1", "secret2"]);
    assert!(shown.contains("differ"), "{shown}");
    assert!(!place.path().join("flashgate.db").exists());
    let shown = add(["secret1", "secret1"]);
    assert!(
        shown.contains("New password: ") && shown.contains("Once more: "),
        "{shown}"
    );
    assert!(shown.contains("added member 1 alice"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");

    let server = Server::start(place.path(), &[]);
    let answer = server.connect().ask("IDENTIFY 1 secret1");
    assert_eq!(answer, "<login aid=\"alice\" name=\"Alice\" />");
}

/// Whatever ends the program at a prompt, the terminal shows again what is typed.
#[test]
fn a_prompt_that_is_interrupted() {
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_flashgate");
    let ask = format!("{program} members add --id=1 --nick=alice --name=Alice");
    let tell = "echo ended $?; stty -a; echo so it is";
    // A key that comes before the prompt is ready for it is the whole terminal's: the shell lives on.
    let ctrl_c = format!("trap : INT; stty echo; {ask}; {tell}");
    let when_asked = "until [ -e asked ]; do sleep 0.05; done";
    let killed = format!(
        "stty echo; ({when_asked}; kill -TERM $(cat pid)) & sh -c 'echo $$ > pid; exec {ask}'; {tell}"
    );
    let ctrl_d = ctrl_c.clone();
    for (command, key, code) in [
        (ctrl_c, &b"\x03"[..], 130),
        (ctrl_d, b"\x04", 1),
        (killed, b"", 143),
    ] {
        let (mut terminal, mut shown) = terminal_in(&place, &command);
        let mut stdin = terminal.stdin.take().unwrap();
        shown.wait_for("New password: ");
        if key.is_empty() {
            fs::write(place.path().join("asked"), "").unwrap();
        }
        // The prompt is shown before the terminal is set up for it, and what was typed till then is lost.
        let end = Instant::now() + PATIENCE;
        while !shown.so_far().contains("so it is") {
            assert!(Instant::now() < end, "{}", shown.so_far());
            stdin.write_all(key).unwrap();
            thread::sleep(Duration::from_millis(500));
        }
        drop(stdin);
        terminal.wait().unwrap();
        let shown = shown.all();
        assert!(shown.contains(&format!("ended {code}")), "{shown}");
        let advised = shown.contains("try again");
        assert_eq!(advised, code == 1, "{shown}");
        for mode in [" echo ", " icanon ", "isig "] {
            assert!(shown.contains(mode) && !shown.contains("-echo "), "{shown}");
        }
        assert!(!place.path().join("flashgate.db").exists());
    }
}

/// Runs a command in a terminal, types, and gives everything the terminal shows.
fn typed(place: &Place, command: &str, keys: [&str; 2]) -> String {
    let (mut terminal, mut shown) = terminal_in(place, command);
    let mut stdin = terminal.stdin.take().unwrap();
    // What is typed before a prompt, the terminal itself would show.
    for (prompt, line) in ["New password: ", "Once more: "].into_iter().zip(keys) {
        shown.wait_for(prompt);
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    drop(stdin);
    terminal.wait().unwrap();
    shown.all()
}

/// Starts a command in a terminal.
fn terminal_in(place: &Place, command: &str) -> (Child, Output) {
    terminal(place.path(), command)
}
