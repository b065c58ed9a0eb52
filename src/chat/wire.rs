//! Answers of a server: bytes up to a NUL, strictly XML, and no more of them than can be kept.

use std::fmt;
use std::io::{self, Read};

use super::answer::{Answer, understand};
use crate::text::Quoted;

/// Why there is no further answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing has come for as long as the stream waits. Asking again goes on where it was.
    Silent,
    /// The end of the stream, between two answers.
    Ended,
    /// The end of the stream within an answer.
    Cut,
    NotXml {
        start: String,
        why: String,
    },
    Lacks {
        element: String,
        attribute: &'static str,
    },
    Io(io::Error),
}

/// Cuts a stream into answers.
#[derive(Debug)]
pub(super) struct Answers<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no NUL.
    searched: usize,
    /// The answer at hand is longer than this, and is left out up to its end.
    skipped: Option<usize>,
}

impl<R: Read> Answers<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            searched: 0,
            skipped: None,
        }
    }

    /// The next answer, as soon as it is there.
    pub(super) fn next(&mut self) -> Result<Answer, Broken> {
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|b| *b == 0) {
                let end = self.searched + end;
                let answer = match self.skipped.take() {
                    Some(most) => Some(Ok(Answer::TooLong(most))),
                    // A lone NUL keeps a silent connection open, and says nothing.
                    None if end == 0 => None,
                    None => Some(understand(&self.buffer[..end])),
                };
                self.buffer.drain(..=end);
                self.searched = 0;
                match answer {
                    Some(answer) => return answer,
                    None => continue,
                }
            }
            self.searched = self.buffer.len();
            let most = most(&self.buffer);
            if self.skipped.is_none() && self.searched > most {
                // What is no answer at all is not waited for to the end.
                if !self.buffer.starts_with(b"<") {
                    return Err(understand(&self.buffer[..KEPT])
                        .err()
                        .unwrap_or(Broken::Cut));
                }
                self.skipped = Some(most);
            }
            if self.skipped.is_some() {
                self.buffer = Vec::new();
                self.searched = 0;
            }
            match self.stream.read(&mut piece) {
                Ok(0) if self.skipped.is_some() => return Err(Broken::Cut),
                Ok(0) if self.buffer.is_empty() => return Err(Broken::Ended),
                // Whatever is not XML was not cut either, but something else from its start.
                Ok(0) => return Err(understand(&self.buffer).err().map_or(Broken::Cut, cut)),
                Ok(read) => self.buffer.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if PAUSES.contains(&error.kind()) => return Err(Broken::Silent),
                Err(error) => return Err(Broken::Io(error)),
            }
        }
    }
}

/// An answer of this chat begins with `<`. Anything else is reported by its kind.
fn cut(broken: Broken) -> Broken {
    let is_other = matches!(&broken, Broken::NotXml { start, .. } if !start.starts_with('<'));
    if is_other { broken } else { Broken::Cut }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the server does not answer"),
            Self::Ended => f.write_str("the server has ended the connection"),
            Self::Cut => {
                f.write_str("the server has ended the connection in the middle of an answer")
            }
            Self::NotXml { start, why } => write!(
                f,
                "this is no flashgate chat, or a broken one: it sends {}: {}",
                Quoted(start),
                Quoted(why)
            ),
            Self::Lacks { element, attribute } => write!(
                f,
                "the server sends {} without {attribute}, which is no flashgate chat",
                Quoted(element)
            ),
            Self::Io(error) => write!(f, "the connection is lost: {error}"),
        }
    }
}

/// How a stream says that nothing has come in time.
const PAUSES: [io::ErrorKind; 2] = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];

/// Bytes that an answer may have, by how it begins.
fn most(start: &[u8]) -> usize {
    if start.starts_with(b"<nicklist") || start.starts_with(b"<rooms") {
        MAX_LIST
    } else {
        MAX_ANSWER
    }
}

/// Bytes in an answer other than a list: four times the longest command that a server may take.
const MAX_ANSWER: usize = 4 << 20;

/// Bytes in a list of everybody: 65,536 members with the longest nicks and names, all of them quotes, take
/// 54 MiB; 4,096 rooms with the longest names and topics take 6 MiB.
const MAX_LIST: usize = 64 << 20;

/// Bytes by which a stream is known to be something else.
const KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<Answer, Broken> {
        Answers::new(bytes).next()
    }

    #[test]
    fn what_is_no_answer() {
        let long = vec![b'x'; MAX_ANSWER + 100_000];
        let deep = [&b"<a>".repeat(MAX_ANSWER / 3 - 1)[..], b"\0"].concat();
        for (bytes, told) in [
            (&b""[..], "has ended the connection"),
            (b"<login aid=\"b", "in the middle"),
            (b"<pong value=\"x\"/>", "in the middle"),
            (b"HTTP/1.1 400 Bad Request\r\n", "no flashgate chat"),
            (b"HTTP\0", "no flashgate chat"),
            (b"\xff\0", "no flashgate chat"),
            (b"\0", "has ended the connection"),
            (b" \0", "no flashgate chat"),
            (b"<a><b></a>\0", "no flashgate chat"),
            (b"<msg msg=\"a&b\"/>\0", "no flashgate chat"),
            (b"<quit aid=\"\x1b[2J\" />\0", "no flashgate chat"),
            (b"<!DOCTYPE a [<!ENTITY b \"c\">]><a/>\0", "DTD"),
            (b"<quit />\0", "without aid"),
            (b"<nicklist><nick aid=\"a\"/></nicklist>\0", "without name"),
            (&long, "no flashgate chat"),
            (&deep, "no flashgate chat"),
        ] {
            let broken = one(bytes).expect_err(told).to_string();
            assert!(broken.contains(told), "{broken}");
            assert!(!broken.contains('\x1b') && broken.len() < 400, "{broken}");
        }
    }

    /// A crowded server's LIST is longer than anything else.
    #[test]
    fn long_answers() {
        let list = |members: usize| {
            let nick =
                "<nick aid=\"n\" name=\"&quot;&quot;&quot;&quot;&quot;&quot;&quot;&quot;\" />";
            format!("<nicklist>{}</nicklist>\0", nick.repeat(members))
        };
        let crowd = list(65_536);
        assert!(crowd.len() > MAX_ANSWER);
        let Answer::List(members) = one(crowd.as_bytes()).unwrap() else {
            panic!("no list");
        };
        assert_eq!(members.len(), 65_536);
        // More than that is left out, and what comes behind it is read.
        for (start, most) in [("<nicklist>", MAX_LIST), ("<msg text=\"", MAX_ANSWER)] {
            let long = io::repeat(b'x').take(most as u64 + 1);
            let stream = start
                .as_bytes()
                .chain(long)
                .chain(&b"\0<pong value=\"x\"/>\0<cut"[..]);
            let mut answers = Answers::new(stream);
            assert_eq!(answers.next().unwrap(), Answer::TooLong(most));
            assert!(answers.buffer.capacity() < 1 << 20, "nothing of it is kept");
            assert_eq!(answers.next().unwrap(), Answer::Pong);
            assert!(matches!(answers.next(), Err(Broken::Cut)));
            let long = io::repeat(b'x').take(most as u64 + 1);
            let cut = Answers::new(start.as_bytes().chain(long)).next();
            assert!(matches!(cut, Err(Broken::Cut)), "{cut:?}");
        }
        assert!(
            one(list(65_538).as_bytes()).is_err(),
            "as many as can be online"
        );
    }

    #[test]
    fn empty_messages_are_nothing() {
        let bytes = b"\0\0<pong value=\"x\"/>\0\0<later/>\0\0";
        let mut answers = Answers::new(&bytes[..]);
        assert_eq!(answers.next().unwrap(), Answer::Pong);
        assert_eq!(answers.next().unwrap(), Answer::Other);
        assert!(matches!(answers.next(), Err(Broken::Ended)));
    }

    #[test]
    fn pieces_of_any_size_and_pauses_between_them() {
        /// A byte, then a pause.
        struct Halting<'a>(&'a [u8], bool);

        impl Read for Halting<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let n = self.0.len().min(1);
                into[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }

        let mut answers = Answers::new(Halting(
            b"<pong value=\"x\"/>\0<error value=\"y\"/>\0",
            false,
        ));
        let mut found = Vec::new();
        loop {
            match answers.next() {
                Ok(answer) => found.push(answer),
                Err(Broken::Silent) => {}
                Err(Broken::Ended) => break,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(found, [Answer::Pong, Answer::Error("y".to_owned())]);
    }
}
