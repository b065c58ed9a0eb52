//! Answers of a server: bytes up to a NUL, strictly XML, and no more of them than can be kept.

use std::fmt;
use std::io::{self, Read};

use roxmltree::{Document, Node};

use crate::text::Quoted;

/// A member, as the server names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) nick: String,
    pub(super) name: String,
}

/// One answer. Its texts are as the server sent them, and not fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Identify(Member),
    Login(Member),
    Quit {
        nick: String,
    },
    Message {
        sender: String,
        recipient: String,
        time: String,
        text: String,
    },
    List(Vec<Member>),
    Pong,
    Error(String),
    /// An element that servers of today do not send.
    Other,
}

/// Why there is no further answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing has come for as long as the stream waits. Asking again goes on where it was.
    Silent,
    /// The end of the stream, between two answers.
    Ended,
    /// The end of the stream within an answer.
    Cut,
    TooLong,
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
}

impl<R: Read> Answers<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// The next answer, as soon as it is there.
    pub(super) fn next(&mut self) -> Result<Answer, Broken> {
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|b| *b == 0) {
                let end = self.searched + end;
                let answer = understand(&self.buffer[..end]);
                self.buffer.drain(..=end);
                self.searched = 0;
                return answer;
            }
            self.searched = self.buffer.len();
            if self.searched > MAX_ANSWER {
                return Err(Broken::TooLong);
            }
            match self.stream.read(&mut piece) {
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

/// An answer of this chat begins with `<`; anything else is told as what it is.
fn cut(broken: Broken) -> Broken {
    match broken {
        Broken::NotXml { start, why } if !start.starts_with('<') => Broken::NotXml { start, why },
        Broken::NotXml { .. }
        | Broken::Silent
        | Broken::Ended
        | Broken::Cut
        | Broken::TooLong
        | Broken::Lacks { .. }
        | Broken::Io(_) => Broken::Cut,
    }
}

fn understand(bytes: &[u8]) -> Result<Answer, Broken> {
    let fault = |why: String| Broken::NotXml {
        start: String::from_utf8_lossy(bytes).chars().take(40).collect(),
        why,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| fault(error.to_string()))?;
    // A document type, and with it entities that grow, is refused unless asked for.
    let document = Document::parse(text).map_err(|error| fault(error.to_string()))?;
    let root = document.root_element();
    Ok(match root.tag_name().name() {
        "identify" => Answer::Identify(member(root)?),
        "login" => Answer::Login(member(root)?),
        "quit" => Answer::Quit {
            nick: attribute(root, "aid")?,
        },
        "msg" => Answer::Message {
            sender: attribute(root, "aid")?,
            // The name of the attribute is the original's: it holds who the message is for.
            recipient: attribute(root, "from")?,
            time: attribute(root, "time")?,
            text: attribute(root, "msg")?,
        },
        "nicklist" => {
            let nicks = root.children().filter(|child| child.has_tag_name("nick"));
            Answer::List(nicks.map(member).collect::<Result<_, _>>()?)
        }
        "pong" => Answer::Pong,
        "error" => Answer::Error(attribute(root, "value")?),
        _ => Answer::Other,
    })
}

fn member(node: Node<'_, '_>) -> Result<Member, Broken> {
    Ok(Member {
        nick: attribute(node, "aid")?,
        name: attribute(node, "name")?,
    })
}

fn attribute(node: Node<'_, '_>, name: &'static str) -> Result<String, Broken> {
    let value = node.attribute(name).ok_or_else(|| Broken::Lacks {
        element: node.tag_name().name().chars().take(40).collect(),
        attribute: name,
    })?;
    Ok(value.to_owned())
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the server does not answer"),
            Self::Ended => f.write_str("the server has ended the connection"),
            Self::Cut => {
                f.write_str("the server has ended the connection in the middle of an answer")
            }
            Self::TooLong => write!(
                f,
                "the server sends an answer of more than {} MiB, which no chat has",
                MAX_ANSWER >> 20
            ),
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

/// Bytes in an answer. The longest is a LIST, where 4,096 members of common length take 300 KiB.
const MAX_ANSWER: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<Answer, Broken> {
        Answers::new(bytes).next()
    }

    #[test]
    fn answers() {
        let bob = || Member {
            nick: "bob".to_owned(),
            name: "B & \"o\"\nb".to_owned(),
        };
        let attributes = "aid=\"bob\" name=\"B &amp; &quot;o&quot;&#10;b\"";
        for (text, answer) in [
            (format!("<login {attributes} />"), Answer::Login(bob())),
            (
                format!("<identify {attributes} />"),
                Answer::Identify(bob()),
            ),
            (
                "<quit aid=\"bob\" />".to_owned(),
                Answer::Quit {
                    nick: "bob".to_owned(),
                },
            ),
            (
                "<msg aid=\"a\" time=\"10:54:02\" msg=\"&lt;b&gt;&#13;\" from=\"b\" />".to_owned(),
                Answer::Message {
                    sender: "a".to_owned(),
                    recipient: "b".to_owned(),
                    time: "10:54:02".to_owned(),
                    text: "<b>\r".to_owned(),
                },
            ),
            (
                format!("<nicklist><nick {attributes} /></nicklist>"),
                Answer::List(vec![bob()]),
            ),
            ("<nicklist></nicklist>".to_owned(), Answer::List(Vec::new())),
            ("<pong value=\"x\"/>".to_owned(), Answer::Pong),
            (
                "<error value=\"No.\"/>".to_owned(),
                Answer::Error("No.".to_owned()),
            ),
            ("<later/>".to_owned(), Answer::Other),
        ] {
            let bytes = format!("{text}\0");
            assert_eq!(one(bytes.as_bytes()).expect(&text), answer);
        }
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
            (b"\0", "no flashgate chat"),
            (b"<a><b></a>\0", "no flashgate chat"),
            (b"<msg msg=\"a&b\"/>\0", "no flashgate chat"),
            (b"<quit aid=\"\x1b[2J\" />\0", "no flashgate chat"),
            (b"<!DOCTYPE a [<!ENTITY b \"c\">]><a/>\0", "DTD"),
            (b"<quit />\0", "without aid"),
            (b"<nicklist><nick aid=\"a\"/></nicklist>\0", "without name"),
            (&long, "more than 4 MiB"),
            (&deep, "no flashgate chat"),
        ] {
            let broken = one(bytes).expect_err(told).to_string();
            assert!(broken.contains(told), "{broken}");
            assert!(!broken.contains('\x1b') && broken.len() < 400, "{broken}");
        }
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
