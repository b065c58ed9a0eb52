//! The lines of a recording, read back.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::conn::filter::FilterEvent;
use crate::event::{HostFacts, Input, MAX_READ, ProcessFacts};
use crate::id::{Accepted, ConnId, ListenerId, Peer, Ticket};
use crate::member::{Answer, Denial, Login, Member, MemberEvent, MemberId};
use crate::record::admin;
use crate::record::format::{CAUSES, Content, Line, REFUSED, STORES, TLS_VERSIONS, UNAVAILABLE};
use crate::time::{Millis, Now, UnixSeconds};

impl<'a> Line<'a> {
    /// Reads a line; `None` if it is none that is ever written.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        if let Some(did) = line.strip_prefix("> ") {
            return Some(Self::Did(did));
        }
        let mut words = line.split(' ');
        let word = words.next()?;
        let read = match word {
            "at" => Self::At(Now {
                mono: Millis(number(words.next()?)?),
                utc: UnixSeconds(number(words.next()?)?),
                offset: number(words.next()?)?,
            }),
            "open" => Self::Accepted(conn(words.next()?)?, origin(&mut words)?),
            "refused" => Self::Refused(named(&REFUSED, words.next()?)?, origin(&mut words)?),
            "in" => {
                let (id, length) = (conn(words.next()?)?, number(words.next()?)?);
                (length <= MAX_READ).then_some(Self::Bytes(id, length))?
            }
            "configure" => Self::Configure,
            "raw" | "chat" | "frame" | "text" | "skip" => {
                let id = conn(words.next()?)?;
                Self::Content(id, content(word, &mut words)?)
            }
            "end" => return Some(Self::End(line.get(4..)?)),
            _ => Self::Input(input(word, &mut words)?),
        };
        words.next().is_none().then_some(read)
    }

    /// The connection that it is about.
    pub(crate) fn conn(line: &str) -> Option<&str> {
        let mut words = line.split(' ');
        match words.next()? {
            "open" | "in" | "eof" | "gone" | "backlog" | "established" | "broken" | "raw"
            | "chat" | "frame" | "text" | "skip" => words.next(),
            ">" => conn_of_decision(line.strip_prefix("> ")?),
            _ => None,
        }
    }
}

/// The connection that a decision is about, as the line has it; notes do not say it.
pub(super) fn conn_of_decision(recorded: &str) -> Option<&str> {
    let mut words = recorded.split(' ');
    match words.next()? {
        "write" | "finish" | "close" | "abort" | "pause" | "resume" => words.next(),
        _ => None,
    }
}

fn content<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Option<Content<'a>> {
    Some(match word {
        "chat" => Content::Chat,
        "skip" => Content::Skip(number(words.next()?)?),
        _ => {
            let bytes = unescaped(words.next()?)?;
            match word {
                "raw" => Content::Raw(Cow::Owned(bytes)),
                "frame" => Content::Frame(bytes),
                _ => Content::Text(Cow::Owned(bytes)),
            }
        }
    })
}

fn input<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Option<Input<'static>> {
    Some(match word {
        "eof" => Input::Eof(conn(words.next()?)?),
        "gone" => Input::Gone(conn(words.next()?)?, named(&CAUSES, words.next()?)?),
        "backlog" => Input::Backlog(conn(words.next()?)?, number(words.next()?)?),
        "established" => {
            let id = conn(words.next()?)?;
            let version = match words.next() {
                Some(version) => Some(named(&TLS_VERSIONS, version)?),
                None => None,
            };
            Input::Filter(id, FilterEvent::Established(version))
        }
        "broken" => {
            let id = conn(words.next()?)?;
            Input::Filter(id, FilterEvent::Broken(text(words.next()?)?))
        }
        "answer" => {
            let ticket = Ticket(number(words.next()?)?);
            Input::Answer(ticket, answer(words)?)
        }
        "member" => {
            let (what, id) = (words.next()?, MemberId(number(words.next()?)?));
            Input::Member(match what {
                "disabled" => MemberEvent::Disabled(id),
                "renamed" => match member(id.0, words) {
                    Some(member) => MemberEvent::Renamed(member),
                    // In recordings of earlier versions, which logged the member out.
                    None => MemberEvent::Disabled(id),
                },
                "removed" => MemberEvent::Removed(id),
                _ => return None,
            })
        }
        "announce" => Input::Announce(text(words.next()?)?),
        "kick" => Input::Kick {
            member: match words.next()? {
                "id" => Login::Id(MemberId(number(words.next()?)?)),
                "nick" => Login::Nick(text(words.next()?)?),
                _ => return None,
            },
            reason: match words.next() {
                Some(reason) => Some(text(reason)?),
                None => None,
            },
        },
        "host" => Input::Host(HostFacts {
            log_dropped: number(words.next()?)?,
            store: named(&STORES, words.next()?)?,
            process: match words.next() {
                None => None,
                Some(cpu) => Some(ProcessFacts {
                    cpu_millis: number(cpu)?,
                    resident_bytes: number(words.next()?)?,
                    started: number(words.next()?)?,
                    open_files: number(words.next()?)?,
                    max_files: number(words.next()?)?,
                }),
            },
        }),
        "timeout" => Input::Timeout,
        "shutdown" => Input::Shutdown,
        _ => return None,
    })
}

fn answer<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Answer> {
    Some(match words.next()? {
        "member" => Answer::Member(member(number(words.next()?)?, words)?),
        "renamed" => Answer::Renamed(member(number(words.next()?)?, words)?),
        "admin" => Answer::Admin(Box::new(admin::read(words)?)),
        "taken" => Answer::Taken,
        "claimed" => Answer::Claimed,
        "password" => match words.next()? {
            "changed" => Answer::PasswordChanged,
            "not-allowed" => Answer::PasswordNotAllowed,
            _ => return None,
        },
        "denied" => {
            let why = words.by_ref().collect::<Vec<_>>().join(" ");
            // Words of a reason are no numbers.
            let first = why.split_once(' ').and_then(|(first, rest)| {
                let member = first.parse().ok()?;
                Some((MemberId(member), rest))
            });
            match first {
                Some((member, why)) => Answer::Denied(Denial::named(why)?, Some(member)),
                None => Answer::Denied(Denial::named(&why)?, None),
            }
        }
        why => Answer::Unavailable(named(&UNAVAILABLE, why)?),
    })
}

/// The member of this number, with its nick and name from a line.
fn member<'a>(id: i64, words: &mut impl Iterator<Item = &'a str>) -> Option<Member> {
    Some(Member {
        id: MemberId(id),
        nick: text(words.next()?)?,
        name: text(words.next()?)?,
    })
}

fn origin<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Accepted> {
    let listener = ListenerId(number(words.next()?)?);
    let peer: Peer = number(words.next()?)?;
    Some(Accepted {
        listener,
        peer,
        user: None,
    })
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

pub(super) fn conn(text: &str) -> Option<ConnId> {
    let (slot, generation) = text.split_once('.')?;
    Some(ConnId::new(slot.parse().ok()?, generation.parse().ok()?))
}

pub(crate) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'0' => 0,
                b's' => b' ',
                b'n' => b'\n',
                b'r' => b'\r',
                b'x' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
                _ => return None,
            },
            0x21..=0x7e => byte,
            _ => return None,
        });
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

fn text(escaped: &str) -> Option<Arc<str>> {
    Some(Arc::from(String::from_utf8(unescaped(escaped)?).ok()?))
}

fn named<T: Copy>(names: &[(&'static str, T)], name: &str) -> Option<T> {
    Some(names.iter().find(|(n, _)| *n == name)?.1)
}
