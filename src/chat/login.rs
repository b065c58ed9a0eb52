//! Logs in on a connection.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use flashgate_core::Secret;
use zeroize::Zeroizing;

use super::answer::{Answer, Member};
use super::options::id;
use super::session::failure;
use super::show;
use super::stream::Stream;
use super::ticket::{self, Pass};
use super::wire::{Answers, Broken};
use crate::failure::Failure;
use crate::prompt;

/// Makes sure that this is a chat, before anybody's password is sent there.
pub(super) fn greet(socket: &Stream, answers: &mut Answers<Stream>) -> Result<(), Failure> {
    let answer = ask(socket, answers, "PING flashgate\0", GREETING)?;
    if answer == Answer::Error("Server is full.".to_owned()) {
        return Err(failure("the server is full; please try again later"));
    }
    // The oldest servers know neither command, and say so. To the others, HELLO before the login says that
    // this client may keep the rooms of a connection whose place it takes.
    let known = |answer: &Answer| matches!(answer, Answer::Pong | Answer::Hello | Answer::Error(_));
    if known(&answer) && known(&ask(socket, answers, "HELLO\0", GREETING)?) {
        return Ok(());
    }
    Err(failure("what answers there is no flashgate chat"))
}

/// Asks for what is not given, and logs in. On a terminal a wrong password can be typed again a few times.
pub(super) fn login(
    socket: &Stream,
    answers: &mut Answers<Stream>,
    given: Option<&str>,
) -> Result<Member, Failure> {
    let terminal = io::stdin().is_terminal();
    let tries = if terminal { TRIES } else { 1 };
    for left in (0..tries).rev() {
        let who = match given {
            Some(id) => id.to_owned(),
            None => ask_id(terminal)?,
        };
        let password = prompt::password()?;
        let command = command(&who, &password);
        match identify(socket, answers, &command)? {
            Ok(me) => return Ok(me),
            Err(why) if why == WRONG && left > 0 => {
                tell("Wrong number, nick or password; please try again.")?;
            }
            Err(why) if why == WRONG => break,
            Err(why) => return Err(refused(&who, &why)),
        }
    }
    Err(failure("wrong number, nick or password"))
}

/// Logs in by a ticket, which is good for one try.
pub(super) fn by_ticket(
    socket: &Stream,
    answers: &mut Answers<Stream>,
    given: Option<&str>,
    pass: &Pass,
) -> Result<Member, Failure> {
    let who = given.unwrap_or(&pass.number);
    let why = match identify(socket, answers, &command(who, &pass.ticket))? {
        Ok(me) => return Ok(me),
        Err(why) => why,
    };
    Err(if why == WRONG {
        ticket::refused()
    } else {
        refused(who, &why)
    })
}

/// Comes in without an account, under this nick or one that the server chooses.
pub(super) fn as_guest(
    socket: &Stream,
    answers: &mut Answers<Stream>,
    nick: Option<&str>,
) -> Result<Member, Failure> {
    let nick = nick.unwrap_or("");
    let why = match identify(socket, answers, &format!("GUEST {nick}\0"))? {
        Ok(me) => return Ok(me),
        Err(why) => why,
    };
    let shown = show::word(nick);
    Err(match why.as_str() {
        "Unknown command." => failure("this server lets no guests in"),
        "Guests are not let in." => {
            failure("this server lets no guests in, or no more from your address")
        }
        "Nick is taken." => failure(&format!(
            "the nick {shown} is taken; name another with --id"
        )),
        "Nick is not allowed." => failure(&format!(
            "the nick {shown} is not allowed; name another with --id"
        )),
        other => refused(nick, other),
    })
}

/// Why a login is refused, except for a wrong password or ticket.
fn refused(who: &str, why: &str) -> Failure {
    match why {
        "Already online." => failure(&format!(
            "{} is online already, on another connection; leave there first",
            show::word(who)
        )),
        "Please try again later." => {
            failure("the server cannot look up members now; please try again later")
        }
        other => {
            let why = show::line(other);
            failure(&format!("the server refuses the login: {why}"))
        }
    }
}

/// All of it at once: a text that grows leaves copies behind.
fn command(who: &str, password: &Secret) -> Zeroizing<String> {
    let parts = ["IDENTIFY ", who, " ", password.expose(), "\0"];
    let room = parts.iter().map(|part| part.len()).sum();
    let mut command = Zeroizing::new(String::with_capacity(room));
    parts.iter().for_each(|part| command.push_str(part));
    command
}

/// The member that has logged in, or why the login failed.
fn identify(
    socket: &Stream,
    answers: &mut Answers<Stream>,
    command: &str,
) -> Result<Result<Member, String>, Failure> {
    let mut answer = ask(socket, answers, command, LOOKING_UP)?;
    loop {
        // The first answer is the member's own login. LIST gives the other members.
        if let Answer::Identify(me) = answer {
            return Ok(Ok(me));
        } else if let Answer::Error(why) = answer {
            return Ok(Err(why));
        }
        answer = answers.next().map_err(|broken| ended(&broken))?;
    }
}

fn ask(
    socket: &Stream,
    answers: &mut Answers<Stream>,
    command: &str,
    longest: Duration,
) -> Result<Answer, Failure> {
    // What the server said before it closed is of more use than that it did.
    let _ = socket.set_read_timeout(Some(longest));
    let sent = socket.send(command.as_bytes());
    match (answers.next(), sent) {
        (Ok(answer), _) => Ok(answer),
        (Err(_), Err(error)) => Err(ended(&Broken::Io(error))),
        (Err(broken), Ok(())) => Err(ended(&broken)),
    }
}

fn ended(broken: &Broken) -> Failure {
    if matches!(broken, Broken::Silent) {
        return failure("the server does not answer; is this the port of a chat?");
    }
    failure(&broken.to_string())
}

fn ask_id(terminal: bool) -> Result<String, Failure> {
    if terminal {
        let mut out = io::stderr().lock();
        let _ = out
            .write_all(b"Number or nick: ")
            .and_then(|()| out.flush());
    }
    // Behind it the password may come.
    let line = prompt::line(&mut prompt::input()?, MAX_ID)
        .map_err(|error| failure(&format!("cannot read standard input: {error}")))?;
    let text = String::from_utf8_lossy(&line);
    id(text.trim()).map_err(|advice| failure(&advice))
}

/// Between two questions, where these are.
fn tell(text: &str) -> Result<(), Failure> {
    let told = io::stderr().write_all(format!("{text}\n").as_bytes());
    told.map_err(|error| failure(&format!("cannot write to the terminal: {error}")))
}

const WRONG: &str = "Identification failed.";

/// Below the five after which a server closes.
const TRIES: u32 = 3;

const GREETING: Duration = Duration::from_secs(10);

/// A server may make an address wait for 16 s and its store for 10 s, and has a queue besides.
const LOOKING_UP: Duration = Duration::from_secs(60);

/// Bytes of a number or a nick: more than either has.
const MAX_ID: usize = 1024;
