//! A session: two threads over one connection.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::line::Line;
use super::options::ChatOptions;
use super::show::Shown;
use super::stream::Stream;
use super::view::{Asked, View};
use super::wire::{Answers, Broken};
use super::{address, line, login, show, terminal, ticket};
use crate::failure::{Exit, Failure};
use crate::log::diagnostics;
use crate::text;
use crate::tls::{self, Roots};

/// Chats until the user leaves, the input ends or the server does.
pub fn chat(options: &ChatOptions) -> Result<(), Failure> {
    if options.guest && options.ticket.is_some() {
        return Err(Failure::usage(
            "a guest has no ticket: leave out --guest or --ticket",
        ));
    }
    let pass = options.ticket.as_ref().map(ticket::read).transpose()?;
    let socket = connected(options)?;
    let fail = |error| Exit::Failure.because(format!("cannot use the connection: {error}"));
    let mut answers = Answers::new(socket.clone());
    login::greet(&socket, &mut answers)?;

    let terminal = terminal::Terminal::open();
    terminal::end_on_signals(terminal.as_ref())?;
    let me = match &pass {
        None if options.guest => login::as_guest(&socket, &mut answers, options.id.as_deref())?,
        Some(pass) => login::by_ticket(&socket, &mut answers, options.id.as_deref(), pass)?,
        None => login::login(&socket, &mut answers, options.id.as_deref())?,
    };
    let session = Arc::new(Session {
        view: Mutex::new(View::new(me.clone())),
        socket,
        leaving: Mutex::new(None),
    });
    session
        .socket
        .set_read_timeout(Some(LOOK_UP))
        .map_err(fail)?;
    // From here on only the thread of the input sends: answers come in the order of the commands.
    session.ask(Asked::List, "LIST");
    let welcome = show::welcome(&me);
    match terminal {
        Some((editor, terminal)) => {
            terminal.here(&welcome);
            let (shown, input) = (terminal.clone(), Arc::clone(&session));
            diagnostics::start_thread("input", move || terminal::talk(editor, &shown, &input))?;
            let done = receive(&session, &mut answers, &terminal);
            terminal.end();
            done
        }
        None => {
            if let Err(error) = Plain.show(&welcome) {
                return unshown(&error);
            }
            let input = Arc::clone(&session);
            diagnostics::start_thread("input", move || talk(&mut io::stdin().lock(), &input))?;
            receive(&session, &mut answers, &Plain)
        }
    }
}

fn connected(options: &ChatOptions) -> Result<Stream, Failure> {
    let roots = match (options.tls, &options.tls_ca) {
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Failure::usage(
                "--tls-ca says whose certificates to trust: add --tls, or leave out --tls-ca",
            ));
        }
        (true, None) => Some(Roots::System),
        (true, Some(file)) => Some(Roots::File(file.clone())),
    };
    let socket = address::connect(&options.server)?;
    let Some(roots) = roots else {
        return Ok(Stream::plain(socket));
    };
    let host = options.server.host();
    tls::connect(socket, host, &roots)
        .map(Stream::tls)
        .map_err(|why| {
            let host = text::Plain(host);
            Exit::Unavailable.because(format!("no TLS with {host}: {why}"))
        })
}

/// Where lines are shown.
pub(super) trait Output {
    fn show(&self, shown: &Shown) -> io::Result<()>;
}

/// A line each, on standard output.
struct Plain;

impl Output for Plain {
    fn show(&self, shown: &Shown) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(format!("{}\n", shown.text).as_bytes())?;
        out.flush()
    }
}

/// What both threads have.
pub(super) struct Session {
    pub(super) view: Mutex<View>,
    socket: Stream,
    /// Since when QUIT is on its way.
    leaving: Mutex<Option<Instant>>,
}

/// What a line has led to.
pub(super) enum Done {
    Sent,
    /// To be shown here and now.
    Show(Vec<Shown>),
    Leave,
}

impl Session {
    /// Carries out a line.
    pub(super) fn line(&self, typed: &str) -> Done {
        match line::parse(typed) {
            Ok(line) => self.carry_out(line).unwrap_or_else(advise),
            Err(advice) => advise(&show::line(&advice)),
        }
    }

    /// Sends what a line means; an error says what to type instead.
    fn carry_out(&self, line: Line) -> Result<Done, &'static str> {
        match line {
            Line::Nothing => {}
            Line::Quit => return Ok(Done::Leave),
            Line::Help => return Ok(Done::Show(line::HELP.map(show::note).to_vec())),
            Line::Say(text) => self.message("MSG", self.target()?, &text),
            Line::Act(text) => self.message("ME", self.target()?, &text),
            Line::Message { to, text } => self.message("MSG", to, &text),
            Line::List => self.ask(Asked::List, "LIST"),
            Line::Rooms => self.ask(Asked::Rooms, "ROOMS"),
            Line::Nick(nick) => self.ask(Asked::Nick, &format!("NICK {nick}")),
            Line::Join { room, key } => {
                let command = format!("JOIN {room} {}", key.as_deref().unwrap_or(""));
                self.ask(Asked::Join { room }, &command);
            }
            Line::Open { room, options } => {
                let command = format!("OPEN {room} {options}");
                self.ask(Asked::Join { room }, &command);
            }
            Line::Part(room) => self.ask(Asked::Part, &format!("PART {}", self.room(room)?)),
            Line::Who(room) => match self.room(room) {
                Ok(room) => self.ask(Asked::Who, &format!("WHO {room}")),
                // Outside of rooms, this is the list of all.
                Err(_) => self.ask(Asked::List, "LIST"),
            },
            Line::ShowTopic(room) => {
                self.ask(Asked::ShowTopic, &format!("WHO {}", self.room(room)?));
            }
            Line::Topic { room, topic } => {
                self.ask(Asked::Topic, &format!("TOPIC {} {topic}", self.room(room)?));
            }
            Line::Kick { room, nick, reason } => {
                let room = self.room(room)?;
                self.ask(Asked::Kick, &format!("KICK {room} {nick} {reason}"));
            }
        }
        Ok(Done::Sent)
    }

    /// A room that a line names, or the current one.
    fn room(&self, named: Option<String>) -> Result<String, &'static str> {
        let current = || self.target().ok().filter(|target| line::is_room(target));
        named
            .or_else(current)
            .ok_or("Name the room, as in /part #ROOM: you do not write to a room now.")
    }

    /// Where a plain line goes.
    fn target(&self) -> Result<String, &'static str> {
        let view = self.view.lock();
        view.target()
            .map(str::to_owned)
            .ok_or("Say to whom: /msg NICK TEXT, or /join #ROOM. The next lines then go there too.")
    }

    fn message(&self, word: &str, to: String, text: &str) {
        let command = format!("{word} {to} {text}");
        self.ask(Asked::Message { to }, &command);
    }

    fn ask(&self, asked: Asked, command: &str) {
        self.view.lock().ask(asked);
        self.send(command);
    }

    /// The server answers everything before it closes.
    pub(super) fn leave(&self) {
        // Known before the server can be done with it.
        self.leaving.lock().get_or_insert_with(Instant::now);
        self.send("QUIT");
    }

    fn send(&self, command: &str) {
        // The receiving thread reports a connection that does not take this.
        let _ = self.socket.send(format!("{command}\0").as_bytes());
    }
}

fn advise(advice: &str) -> Done {
    Done::Show(vec![show::error(advice)])
}

/// Shows what comes, to the end of the connection.
fn receive(
    session: &Session,
    answers: &mut Answers<Stream>,
    output: &impl Output,
) -> Result<(), Failure> {
    let mut heard = Instant::now();
    loop {
        let answer = match answers.next() {
            Ok(answer) => answer,
            Err(Broken::Silent) => {
                let leaving = *session.leaving.lock();
                if leaving.is_some_and(|since| is_deserted(since, heard, Instant::now())) {
                    return Err(failure("the server does not answer any more"));
                }
                continue;
            }
            Err(Broken::Ended) if session.leaving.lock().is_some() => {
                let open = session.view.lock().unanswered();
                return match open {
                    0 => Ok(()),
                    _ => Err(failure(&format!(
                        "the server has ended the connection; of the last {open} commands nobody \
                         knows whether they were carried out"
                    ))),
                };
            }
            Err(broken) => return Err(failure(&broken.to_string())),
        };
        heard = Instant::now();
        let shown = session.view.lock().take(answer);
        if let Err(error) = shown.iter().try_for_each(|shown| output.show(shown)) {
            return unshown(&error);
        }
    }
}

/// Whether to stop waiting for a server that was sent QUIT at `since` and has sent its last byte at `heard`.
fn is_deserted(since: Instant, heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since.max(heard)) > FAREWELL
}

/// A closed pipe is not a failure: `flashgate chat … | head`.
fn unshown(error: &io::Error) -> Result<(), Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(failure(&format!(
        "cannot write to standard output: {error}"
    )))
}

/// Carries out the lines of a pipe, to its end.
fn talk(input: &mut impl BufRead, session: &Session) {
    loop {
        let done = match next_line(input) {
            Ok(Some(line)) => session.line(&line),
            Ok(None) => Done::Leave,
            Err(fault) => Done::Show(vec![show::error(&fault)]),
        };
        match done {
            Done::Sent => {}
            // The thread that receives finds out if this cannot be written.
            Done::Show(lines) => drop(lines.iter().try_for_each(|line| Plain.show(line))),
            Done::Leave => return session.leave(),
        }
    }
}

/// One line, without its end; `None` behind the last.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    let read = input.take(MAX_LINE).read_until(b'\n', &mut line);
    match read {
        // What cannot be read any more is at its end.
        Ok(0) | Err(_) => return Ok(None),
        Ok(_) if line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n') => {
            let _ = input.skip_until(b'\n');
            return Err("A line of the input is far too long; it was not sent.".to_owned());
        }
        Ok(_) => {}
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| "A line of the input is not valid UTF-8; it was not sent.".to_owned())
}

pub(super) fn failure(message: &str) -> Failure {
    Exit::Failure.because(message)
}

/// How often a silent connection is looked at.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Without a byte for so long after QUIT, a server has nothing to say any more. The slowest still
/// answers several commands a second.
const FAREWELL: Duration = Duration::from_secs(30);

/// Bytes in a line of a pipe: above what any server takes for a command.
const MAX_LINE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_pipe() {
        let long = "x".repeat(MAX_LINE as usize + 5);
        let text = format!("a\r\n\n{long}\nb");
        let mut input = text.as_bytes();
        assert_eq!(next_line(&mut input), Ok(Some("a\r\n".to_owned())));
        assert_eq!(next_line(&mut input), Ok(Some("\n".to_owned())));
        assert!(next_line(&mut input).unwrap_err().contains("too long"));
        assert_eq!(next_line(&mut input), Ok(Some("b".to_owned())));
        assert_eq!(next_line(&mut input), Ok(None));
        let mut input = &b"\xff\nb\n"[..];
        assert!(next_line(&mut input).unwrap_err().contains("UTF-8"));
        assert_eq!(next_line(&mut input), Ok(Some("b\n".to_owned())));
    }

    /// A server that still answers is waited for, however long that takes.
    #[test]
    fn a_server_is_waited_for_while_it_answers() {
        let since = Instant::now();
        let at = |seconds| since + Duration::from_secs(seconds);
        assert!(!is_deserted(since, since, at(30)));
        assert!(is_deserted(since, since, at(31)));
        assert!(!is_deserted(since, at(100), at(130)));
        assert!(is_deserted(since, at(100), at(131)));
        assert!(!is_deserted(at(100), since, at(130)));
    }
}
