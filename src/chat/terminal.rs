//! The terminal: a line to type on, and what others write above it.
//!
//! rustyline draws the prompt again below what its printer prints. Three things are added here:
//! - Lines are printed while a prompt is there to be kept below them ([`Gate`]), and not in the
//!   moment between two prompts, where they would end up behind what was typed.
//! - At the end, every line given to the printer is on the screen before the program ends. The
//!   printer holds one line, so a line is on the screen when another one was taken.
//! - When the server ends the chat, somebody may be typing. rustyline stops for SIGINT, so the
//!   program sends itself one.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::process::{Signal, getpid, kill_process};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, ExternalPrinter, Helper};
use signal_hook::consts::SIGINT;

use super::session::{Done, Output, Session};
use super::{line, show};
use crate::failure::Failure;
use crate::prompt::{self, Then};

/// The line that is typed on.
pub(super) type Line = Editor<Typing, MemHistory>;

/// Where lines are shown, above the prompt.
#[derive(Clone)]
pub(super) struct Terminal(Arc<Screen>);

struct Screen {
    printer: Mutex<Box<dyn ExternalPrinter + Send>>,
    colours: bool,
    gate: Gate,
    /// The chat is over: stop the line editor.
    over: AtomicBool,
    /// The line editor has stopped.
    stopped: AtomicBool,
}

impl Terminal {
    /// A terminal, if both sides are one, and it is one that can move its cursor.
    pub(super) fn open() -> Option<(Line, Self)> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let config = Config::builder().auto_add_history(true).build();
        let mut editor = Line::with_history(config, MemHistory::new()).ok()?;
        let printer = editor.create_external_printer().ok()?;
        let screen = Screen {
            printer: Mutex::new(Box::new(printer)),
            colours: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            gate: Gate::default(),
            over: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        };
        Some((editor, Self(Arc::new(screen))))
    }

    /// The chat is over. Returns when everything is shown, and the terminal is as it was.
    pub(super) fn end(&self) {
        // Up and down again shows nothing, and that it is taken shows that the last line was.
        self.print("\x1b[A\n".to_owned());
        self.0.over.store(true, Ordering::SeqCst);
        while !self.0.stopped.load(Ordering::SeqCst) {
            // Once may be just before rustyline listens for it.
            let _ = kill_process(getpid(), Signal::INT);
            thread::sleep(STOP_AGAIN);
        }
    }

    /// One line with its end.
    fn print(&self, line: String) {
        let in_time = self.0.gate.enter();
        let printed = self.0.printer.lock().print(line.clone());
        if printed.is_err() {
            // There is no prompt any more that could be harmed.
            let _ = io::stdout().write_all(line.as_bytes());
        }
        drop(in_time);
    }

    /// Shows a line between two prompts, where the gate keeps everybody else out.
    pub(super) fn here(&self, shown: &show::Shown) {
        // A terminal that is gone ends the program by a signal, or at its next prompt.
        let _ = io::stdout().write_all(self.line(shown).as_bytes());
    }

    fn line(&self, shown: &show::Shown) -> String {
        let line = if self.0.colours {
            shown.coloured()
        } else {
            shown.text.clone()
        };
        line + "\n"
    }
}

impl Output for Terminal {
    fn show(&self, shown: &show::Shown) -> io::Result<()> {
        self.print(self.line(shown));
        Ok(())
    }
}

/// From here on, a signal ends the program with a terminal that is as it was.
pub(super) fn end_on_signals(terminal: Option<&(Line, Terminal)>) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    let screen = terminal.map(|(_, terminal)| Arc::clone(&terminal.0));
    prompt::end_with_echo(move |signal| {
        let Some(screen) = &screen else {
            return Then::End;
        };
        if signal == SIGINT && screen.over.load(Ordering::SeqCst) {
            return Then::GoOn; // our own, a little too late
        }
        let _ = io::stdout().write_all(PASTE_PLAIN.as_bytes());
        Then::End
    })
}

/// Reads lines and carries them out, until the user leaves and the chat is over.
pub(super) fn talk(mut editor: Line, terminal: &Terminal, session: &Arc<Session>) {
    let stop = Stopping(terminal.clone());
    editor.set_helper(Some(Typing {
        terminal: terminal.clone(),
        session: Arc::clone(session),
    }));
    let mut leaving = false;
    loop {
        let target = session.view.lock().target().map(show::word);
        let prompt = match target {
            // The last answers are awaited.
            _ if leaving => String::new(),
            Some(target) => format!("{target}> "),
            None => "> ".to_owned(),
        };
        let typed = editor.readline(&prompt);
        terminal.0.gate.close();
        if terminal.0.over.load(Ordering::SeqCst) {
            break;
        }
        if leaving {
            match typed {
                Ok(_) => {}
                // The user does not want to wait for the last answers.
                Err(ReadlineError::Interrupted) => process::exit(128 + SIGINT),
                // A terminal that is gone answers at once.
                Err(_) => thread::sleep(STOP_AGAIN),
            }
            continue;
        }
        let done = match typed {
            Ok(line) => session.line(&line),
            // Ctrl-C, Ctrl-D, or a terminal that is gone.
            Err(_) => Done::Leave,
        };
        match done {
            Done::Sent => {}
            Done::Show(lines) => lines.iter().for_each(|line| terminal.here(line)),
            Done::Leave => {
                leaving = true;
                session.leave();
            }
        }
    }
    drop(editor);
    drop(stop);
}

/// Marks the line editor as stopped, however the thread ends.
struct Stopping(Terminal);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.0.stopped.store(true, Ordering::SeqCst);
    }
}

/// The state of the line editor.
pub(super) struct Typing {
    terminal: Terminal,
    session: Arc<Session>,
}

impl Helper for Typing {}
impl Highlighter for Typing {}

impl Hinter for Typing {
    type Hint = String;

    /// Called when a prompt is about to be drawn: from now on lines are printed above it.
    fn hint(&self, _line: &str, _pos: usize, _context: &Context<'_>) -> Option<String> {
        self.terminal.0.gate.open();
        None
    }
}

impl Validator for Typing {
    /// Called when a line is done, while its prompt is still there.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.terminal.0.gate.close();
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(
        &self,
        typed: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &typed[..pos];
        let (start, found) = candidates(typed, |start| self.session.view.lock().names(start));
        Ok((start, found))
    }
}

/// Where the word that is typed begins, and what it may become: a command, or what can be behind it.
fn candidates(typed: &str, names: impl Fn(&str) -> Vec<String>) -> (usize, Vec<String>) {
    let start = typed.rfind(line::is_space).map_or(0, |space| space + 1);
    let word = &typed[start..];
    let before: Vec<&str> = typed[..start].split_ascii_whitespace().collect();
    if before.is_empty() && word.starts_with('/') {
        let alike = line::COMMANDS.iter().filter(|name| name.starts_with(word));
        return (start, alike.map(|name| (*name).to_owned()).collect());
    }
    let command = before.first().map(|word| word.to_ascii_lowercase());
    let found = match (command.as_deref(), &before[..]) {
        (Some("/msg" | "/kick"), [_]) => names(word),
        (Some("/kick"), [_, room]) if line::is_room(room) => names(word),
        (Some("/join" | "/part" | "/who" | "/topic"), [_]) if word.is_empty() => names("#"),
        (Some("/join" | "/part" | "/who" | "/topic"), [_]) if line::is_room(word) => names(word),
        _ => Vec::new(),
    };
    (start, found.into_iter().map(|name| name + " ").collect())
}

/// Lets lines through while a prompt is there.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    prompt: bool,
    printing: bool,
}

/// A line on its way through a [`Gate`].
struct Passing<'a>(&'a Gate);

impl Gate {
    /// Waits for a prompt, but not for ever: the line editor may be waiting for the server, and the server
    /// for us to read.
    fn enter(&self) -> Passing<'_> {
        let mut state = self.state.lock();
        let closed = |state: &mut State| !state.prompt;
        self.changed
            .wait_while_for(&mut state, closed, PROMPT_WITHIN);
        state.printing = true;
        Passing(self)
    }

    fn open(&self) {
        self.state.lock().prompt = true;
        self.changed.notify_all();
    }

    /// Waits for a line on its way, unless it waits for the next prompt itself.
    fn close(&self) {
        let mut state = self.state.lock();
        state.prompt = false;
        let printing = |state: &mut State| state.printing;
        self.changed
            .wait_while_for(&mut state, printing, PASSED_WITHIN);
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().printing = false;
        self.0.changed.notify_all();
    }
}

/// A terminal no longer says where a paste begins and ends.
const PASTE_PLAIN: &str = "\x1b[?2004l";

const PROMPT_WITHIN: Duration = Duration::from_millis(200);
const PASSED_WITHIN: Duration = Duration::from_millis(50);
const STOP_AGAIN: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::super::line::is_room;
    use super::*;

    #[test]
    fn completing() {
        let names = |start: &str| {
            let all = ["bob", "bert", "#bar"].map(str::to_owned);
            let alike = |name: &String| name.starts_with(start) && is_room(name) == is_room(start);
            all.into_iter().filter(alike).collect()
        };
        for (typed, start, found) in [
            ("/m", 0, &["/msg ", "/me "][..]),
            ("/ro", 0, &["/rooms"]),
            ("/j", 0, &["/join #"]),
            ("/msg ", 5, &["bob ", "bert "]),
            ("/MSG  bo", 6, &["bob "]),
            ("/msg #", 5, &["#bar "]),
            ("/msg bob b", 9, &[]),
            ("/part ", 6, &["#bar "]),
            ("/who #b", 5, &["#bar "]),
            ("/topic b", 7, &[]),
            ("/kick be", 6, &["bert "]),
            ("/kick #bar bo", 11, &["bob "]),
            ("/kick bob b", 10, &[]),
            ("b", 0, &[]),
            ("á /", 3, &[]),
            ("", 0, &[]),
        ] {
            let (at, candidates) = candidates(typed, names);
            assert_eq!(candidates, found, "{typed:?}");
            assert_eq!(at, start, "{typed:?}");
        }
        assert_eq!(candidates("/", names).1, line::COMMANDS);
    }

    #[test]
    fn the_gate() {
        let gate = Arc::new(Gate::default());
        // The wait is bounded.
        drop(gate.enter());
        gate.open();
        let passing = gate.enter();
        gate.close();
        drop(passing);
        let waiting = Arc::clone(&gate);
        let printer = thread::spawn(move || drop(waiting.enter()));
        gate.open();
        printer.join().unwrap();
    }
}
