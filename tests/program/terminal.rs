//! `flashgate chat` in a terminal.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::outside::{Output, PATIENCE, Server, terminal};

/// What others write comes above the line that is being typed, which stays.
#[test]
fn in_a_terminal() {
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let mut bob = server.connect();
    bob.send("IDENTIFY bob secret2");
    while !bob.answer().starts_with("<identify ") {}

    let mut seat = Seat::take(
        folder.path(),
        &format!("{} --id alice", server.addresses[0]),
    );
    seat.password("wrong", 1);
    seat.shown.wait_for("please try again.");
    seat.password("secret1", 2);
    seat.shown.wait_for("* 2 online: Bob (bob), Alice (alice)");
    assert!(bob.answer().starts_with("<login "));

    seat.types("/ms\t");
    seat.types("bo\t");
    seat.types("hello\n");
    assert!(bob.answer().contains(" msg=\"hello\" "));
    seat.shown.wait_for(" to bob: hello");
    seat.shown.wait_for("bob> ");
    // Half a line is there when something comes.
    seat.types("how are");
    seat.shown.wait_for("how are");
    bob.send("MSG alice fine\x1b[31m, thanks");
    seat.shown.wait_for(" thanks");
    seat.types(" you\n");
    assert!(bob.answer().contains(" msg=\"fine"));
    assert!(bob.answer().contains(" msg=\"how are you\" "));
    seat.shown.wait_for(" to bob: how are you");
    seat.types("/me waves\n");
    assert!(bob.answer().contains(" msg=\"*waves*\" "));
    seat.shown.wait_for(" to bob: alice waves");
    bob.send("ME alice nods");
    assert!(bob.answer().starts_with("<action aid=\"bob\" "));
    seat.shown.wait_for("nods");
    // A paste of many lines, faster than they are answered.
    let lines: String = (0..10).map(|n| format!("line {n}\n")).collect();
    seat.types(&lines);
    for n in 0..10 {
        assert!(bob.answer().contains(&format!(" msg=\"line {n}\" ")));
    }
    seat.types("/quit\n");
    let shown = seat.ended(0);
    assert_eq!(bob.answer(), "<quit aid=\"alice\" />");

    assert!(
        !shown.contains("secret1") && !shown.contains("wrong"),
        "{shown}"
    );
    let screen = screen(&shown);
    let at = |line: &str| {
        let found = screen.iter().filter(|l| l.ends_with(line)).count();
        assert_eq!(found, 1, "{line:?} in {screen:#?}");
        screen.iter().position(|l| l.ends_with(line)).unwrap()
    };
    let theirs = at(" bob: fine\u{fffd}[31m, thanks");
    let typed = at("bob> how are you");
    assert_eq!(typed, theirs + 1, "{screen:#?}");
    at(" to bob: how are you");
    for n in 0..10 {
        at(&format!(" to bob: line {n}"));
    }
}

#[test]
fn a_terminal_whose_server_ends() {
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let folder = tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--demo"]);
    for (key, code) in [("\x03", 0), ("\x04", 0), ("", 1)] {
        let mut seat = Seat::take(
            folder.path(),
            &format!("{} --id alice", server.addresses[0]),
        );
        seat.password("secret1", 1);
        seat.shown.wait_for("* 1 online");
        if key.is_empty() {
            seat.types("half a li");
            seat.shown.wait_for("half a li");
            server.stop();
            server = Server::start(folder.path(), &["--demo"]);
        } else {
            seat.types(key);
        }
        let shown = seat.ended(code);
        let told = shown.contains("the server has ended the connection");
        assert_eq!(told, code == 1, "{shown}");
    }
}

/// A chat in a terminal.
struct Seat {
    terminal: Child,
    typed: Option<ChildStdin>,
    shown: Output,
    /// A file that names the terminal.
    tty: PathBuf,
}

impl Seat {
    fn take(folder: &Path, arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_flashgate");
        let command = format!(
            "stty echo; tty >tty; TERM=xterm NO_COLOR=1 {program} chat {arguments}; echo ended $?; stty -a; echo so it is"
        );
        let (mut terminal, shown) = terminal(folder, &command);
        let typed = terminal.stdin.take();
        Self {
            terminal,
            typed,
            shown,
            tty: folder.join("tty"),
        }
    }

    fn types(&mut self, text: &str) {
        self.typed
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// Types a password at the nth prompt for one.
    fn password(&mut self, password: &str, nth: usize) {
        let end = Instant::now() + PATIENCE;
        while self.shown.so_far().matches("Password: ").count() < nth {
            assert!(Instant::now() < end, "{}", self.shown.so_far());
            thread::sleep(Duration::from_millis(5));
        }
        // The prompt comes a moment before the echo goes; no person types so fast.
        loop {
            let tty = fs::read_to_string(&self.tty).unwrap();
            let modes = Command::new("stty").args(["-F", tty.trim(), "-a"]).output();
            let modes = String::from_utf8(modes.unwrap().stdout).unwrap();
            if modes.contains(" -echo ") {
                break;
            }
            assert!(Instant::now() < end, "{modes}");
            thread::sleep(Duration::from_millis(5));
        }
        self.types(&format!("{password}\n"));
    }

    /// Waits for the end, after which the terminal is as it was.
    fn ended(mut self, code: i32) -> String {
        self.shown.wait_for("so it is");
        drop(self.typed.take());
        self.terminal.wait().unwrap();
        let shown = self.shown.all();
        assert!(shown.contains(&format!("ended {code}\r\n")), "{shown}");
        for mode in [" echo ", " icanon ", "isig "] {
            assert!(shown.contains(mode) && !shown.contains("-echo "), "{shown}");
        }
        shown
    }
}

/// The lines on a terminal's screen after all of this, as far as a line editor uses one.
fn screen(bytes: &str) -> Vec<String> {
    let mut screen: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = bytes.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => column = 0,
            '\n' => row += 1,
            '\x08' => column -= 1,
            '\x07' => {}
            '\x1b' => {
                assert_eq!(rest.next(), Some('['));
                let mut number = String::new();
                let last = loop {
                    match rest.next().unwrap() {
                        letter if letter.is_ascii_alphabetic() => break letter,
                        digit => number.push(digit),
                    }
                };
                let n = number.parse().unwrap_or(1);
                match last {
                    'A' => row -= n,
                    'B' => row += n,
                    'C' => column += n,
                    'D' => column -= n,
                    'K' => screen[row].truncate(column),
                    'J' => {
                        screen[row].truncate(column);
                        screen.truncate(row + 1);
                    }
                    'h' | 'l' => {}
                    other => panic!("ESC [ {number} {other}"),
                }
            }
            c => {
                let line = &mut screen[row];
                if line.len() <= column {
                    line.resize(column + 1, ' ');
                }
                line[column] = c;
                column += 1;
            }
        }
        while screen.len() <= row {
            screen.push(Vec::new());
        }
    }
    screen
        .into_iter()
        .map(|line| line.into_iter().collect())
        .collect()
}
