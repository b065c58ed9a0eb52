//! Asking for a password: without echo on a terminal, as one line from anything else.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::process;

use flashgate_core::Secret;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::log::diagnostics;

/// What `-` stands for where a file is read: a file, a pipe or a terminal.
pub const STANDARD_INPUT: &str = "/dev/stdin";

/// Asks for a new password: twice on a terminal, once from a pipe.
pub fn new_password() -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let text = if stdin.is_terminal() {
        end_with_echo(|_| Then::End)?;
        ask_twice()?
    } else {
        one_line(&mut input()?)?
    };
    usable(&text)
}

/// Asks for an existing password: once, on a terminal or from a pipe. On a terminal, call [`end_with_echo`]
/// first.
pub(crate) fn password() -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let text = if stdin.is_terminal() {
        ask("Password: ")?
    } else {
        one_line(&mut input()?)?
    };
    usable(&text)
}

/// One secret line of standard input; on a terminal, it is shown as it is typed.
pub(crate) fn secret_line() -> Result<Secret, Failure> {
    Ok(Secret::new(&one_line(&mut input()?)?))
}

fn usable(text: &str) -> Result<Secret, Failure> {
    match fault(text) {
        None => Ok(Secret::new(text)),
        Some(fault) => Err(Exit::Failure.because(format!("this password cannot be used: {fault}"))),
    }
}

fn ask_twice() -> Result<Zeroizing<String>, Failure> {
    let first = ask("New password: ")?;
    if ask("Once more: ")? == first {
        Ok(first)
    } else {
        Err(Exit::Failure.because("the two passwords differ; nothing was changed; try again"))
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let interrupted = Some(Errno::INTR.raw_os_error());
    let typed = loop {
        match rpassword::prompt_password(prompt) {
            // A signal has interrupted the read, which rpassword does not repeat.
            Err(error) if error.raw_os_error() == interrupted => {}
            typed => break typed,
        }
    };
    overwrite_freed();
    match typed {
        Ok(text) => Ok(Zeroizing::new(text)),
        // Ctrl-C: rpassword reads it as a character, and has put the terminal back by now.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => process::exit(128 + SIGINT),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Exit::Failure.because("the terminal closed before a password was typed; nothing was changed; try again, and end the \
             password with the Enter key",
        )),
        Err(error) => Err(Exit::Failure.because(format!(
                "cannot read the password from the terminal: {error}; nothing was changed; the \
                 password can also be one line from a pipe on standard input"
            ),
        )),
    }
}

/// Overwrites memory that has just been freed. rpassword's text grows as it is typed, and leaves its beginning in
/// blocks that it outgrows. The allocator gives these out again first, to the next who asks for as much.
fn overwrite_freed() {
    let sizes = (1..=MAX_LEN / GRAIN).map(|n| n * GRAIN + GRAIN / 2);
    for size in sizes {
        let blocks: [_; BLOCKS] = std::array::from_fn(|_| Zeroizing::new(vec![1_u8; size]));
        // Wiped one after the other, once all are there.
        drop(blocks);
    }
}

/// Sizes of blocks differ by this much, in bytes, and this many of a size are kept by glibc for the next who asks.
const GRAIN: usize = 16;
const BLOCKS: usize = 8;

/// What a signal leads to.
pub(crate) enum Then {
    /// The end of the program.
    End,
    /// Nothing.
    GoOn,
}

/// From here on, a signal that ends the program turns the echo of the terminal on first.
///
/// Without this, rpassword raises SIGINT for Ctrl-C while the echo is off, and a SIGTERM may come while it
/// reads. Either leaves a shell without echo.
///
/// `decide` is called with each signal.
pub(crate) fn end_with_echo(decide: impl Fn(i32) -> Then + Send + 'static) -> Result<(), Failure> {
    let failure = |error: io::Error| {
        Exit::Failure.because(format!(
                "cannot ask for a password on this terminal: {error}; the password can also be one line \
                 from a pipe on standard input"
            ),
        )
    };
    // Where rpassword asks.
    let terminal = File::open("/dev/tty").map_err(failure)?;
    let before = tcgetattr(&terminal).map_err(|error| failure(error.into()))?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map_err(failure)?;
    diagnostics::start_thread("signals", move || {
        for signal in signals.forever() {
            if let Then::GoOn = decide(signal) {
                continue;
            }
            // A terminal that is gone has no echo to be given back.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
            process::exit(128 + signal);
        }
    })
}

/// One line without its end: LF, CR LF or the end of the stream.
fn one_line(input: &mut impl Read) -> Result<Zeroizing<String>, Failure> {
    // Two more than may pass, so that a longer one is seen to be too long and is not cut in silence.
    let line = line(input, MAX_LEN + 2).map_err(|error| {
        Exit::Failure.because(format!(
            "cannot read the password from standard input: {error}; send it as one line, from \
                 a pipe or a terminal"
        ))
    })?;
    let text = line.strip_suffix(b"\n");
    let text = text.map_or(&line[..], |text| text.strip_suffix(b"\r").unwrap_or(text));
    let text = std::str::from_utf8(text).map_err(|_| {
        Exit::Failure.because(
            "the password on standard input is not valid UTF-8; send it as UTF-8, as Flash clients \
             do, or choose another",
        )
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Standard input without the library's buffer, which could not be wiped.
pub(crate) fn input() -> Result<File, Failure> {
    let input = io::stdin().as_fd().try_clone_to_owned();
    input.map(File::from).map_err(|error| {
        let why = format!("cannot read standard input: {error}");
        Exit::Failure.because(why)
    })
}

/// One line with its end, or as many bytes of it. No byte behind it is taken.
pub(crate) fn line(input: &mut impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // All of the room at once: what grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    let mut byte = [0];
    while line.len() < most && line.last() != Some(&b'\n') {
        match input.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(line)
}

/// Why a password could never be sent in an IDENTIFY.
pub(crate) fn fault(password: &str) -> Option<String> {
    let space = |c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c');
    if password.is_empty() {
        Some("it is empty; type one, or send it as one line on standard input".to_owned())
    } else if password.starts_with(space) || password.ends_with(space) {
        Some("it begins or ends with white space, which IDENTIFY drops; leave that out".to_owned())
    } else if password.contains(['\0', '\r', '\n']) {
        Some("it contains a character that ends a command; leave that out".to_owned())
    } else if password.len() > MAX_LEN {
        Some(format!(
            "it is longer than {MAX_LEN} bytes; choose a shorter one"
        ))
    } else {
        None
    }
}

/// Bytes in a password. An IDENTIFY with the longest nick then fits a command of 2 KiB, well below
/// the 8 KiB that a server takes by default.
const MAX_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_loses_its_end_and_nothing_else() {
        let cases: [(&[u8], &str); 6] = [
            (b"secret\n", "secret"),
            (b"secret\r\n", "secret"),
            (b"secret", "secret"),
            (b" two  words \nmore\n", " two  words "),
            (b"secret\r\r\n", "secret\r"),
            (b"", ""),
        ];
        for (mut input, line) in cases {
            assert_eq!(*one_line(&mut input).unwrap(), line);
        }
        // What comes behind it is the chat's.
        let mut input = &b"secret\n/list\n"[..];
        one_line(&mut input).unwrap();
        assert_eq!(input, b"/list\n");
        let long = line(&mut &[b'x'; 100][..], 60).unwrap();
        assert_eq!((long.len(), long.capacity()), (60, 60), "it never grew");
        assert!(one_line(&mut &b"\xff\n"[..]).is_err());
        let long = "x".repeat(MAX_LEN + 100);
        assert!(fault(&one_line(&mut long.as_bytes()).unwrap()).is_some());
        let exact = "x".repeat(MAX_LEN) + "\r\n";
        assert_eq!(fault(&one_line(&mut exact.as_bytes()).unwrap()), None);
    }

    #[test]
    fn what_cannot_be_sent() {
        for good in ["x", "two  words", "tab\tinside", "Árvíztűrő", "'; --"] {
            assert_eq!(fault(good), None, "{good:?}");
        }
        for bad in ["", " x", "x ", "x\t", "\x0bx", "a\0b", "a\rb", "a\nb"] {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
    }
}
