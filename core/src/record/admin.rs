//! What the host answers to a request for administration, as words of a line.

use alloc::borrow::{Cow, ToOwned as _};

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::classes_of;
use super::format::Escaped;
use crate::admin::{AdminAnswer, AdminOrder, AdminPage, AdminTexts};
use crate::replay::unescaped;
use crate::time::Millis;

/// The words: the sender, a detail, the order, and its arguments. `-` stands for nothing, and a text begins with `=`.
pub(crate) struct Words<'a>(pub(crate) &'a AdminAnswer);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AdminAnswer { by, about, order } = self.0;
        let (word, arguments) = arguments(order);
        write!(
            f,
            "{} {} {word}",
            Word(by.as_deref()),
            Word(about.as_deref())
        )?;
        for argument in arguments {
            write!(f, " {}", Word(argument.as_deref()))?;
        }
        Ok(())
    }
}

struct Word<'a>(Option<&'a str>);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "={}", Escaped(text.as_bytes())),
            None => f.write_str("-"),
        }
    }
}

type Argument<'a> = Option<Cow<'a, str>>;

fn text(text: &str) -> Argument<'_> {
    Some(Cow::Borrowed(text))
}

fn number(number: u64) -> Argument<'static> {
    Some(Cow::Owned(number.to_string()))
}

fn page(page: &AdminPage) -> Vec<Argument<'_>> {
    let after = page.after.as_deref().map(Cow::Borrowed);
    Vec::from([after, number(page.limit as u64)])
}

/// The word of an order, and its arguments.
fn arguments(order: &AdminOrder) -> (&'static str, Vec<Argument<'_>>) {
    match order {
        AdminOrder::Json { status, body } => {
            ("json", Vec::from([number((*status).into()), text(body)]))
        }
        AdminOrder::Problem {
            status,
            detail,
            allow,
        } => {
            let allow = allow.map(Cow::Borrowed);
            let status = number((*status).into());
            ("problem", Vec::from([status, text(detail), allow]))
        }
        AdminOrder::Status { version } => ("status", Vec::from([text(version)])),
        AdminOrder::Metrics => ("metrics", Vec::new()),
        AdminOrder::Clients(clients) => ("clients", page(clients)),
        AdminOrder::Rooms(rooms) => ("rooms", page(rooms)),
        AdminOrder::Kick { nick, reason } => {
            let reason = reason.as_deref().map(Cow::Borrowed);
            ("kick", Vec::from([text(nick), reason]))
        }
        AdminOrder::Announce { text: said, room } => {
            let room = room.as_deref().map(Cow::Borrowed);
            ("announce", Vec::from([text(said), room]))
        }
        AdminOrder::Send {
            from,
            to,
            text: said,
        } => ("send", Vec::from([text(from), text(to), text(said)])),
        AdminOrder::Events(texts) => {
            let shown = matches!(texts, AdminTexts::Shown);
            (
                "events",
                Vec::from([shown.then_some(Cow::Borrowed("texts"))]),
            )
        }
        AdminOrder::Drain { within, text: said } => {
            ("drain", Vec::from([number(within.0), text(said)]))
        }
    }
}

/// Reads what [`Words`] writes.
pub(crate) fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<AdminAnswer> {
    let by = word(words.next()?)?;
    let about = word(words.next()?)?;
    let order = words.next()?;
    let mut next = || word(words.next()?);
    let number = |word: Option<Option<Arc<str>>>| word??.parse::<u64>().ok();
    let order = match order {
        "json" => {
            let status = number(next())? as u16;
            let body = next()??.as_ref().to_owned();
            AdminOrder::Json { status, body }
        }
        "problem" => {
            let status = number(next())? as u16;
            let detail = next()??.as_ref().to_owned();
            let allow =
                next()?.and_then(|allow| ALLOWED.into_iter().find(|known| **known == *allow));
            AdminOrder::Problem {
                status,
                detail,
                allow,
            }
        }
        "status" => AdminOrder::Status { version: next()?? },
        "metrics" => AdminOrder::Metrics,
        "clients" | "rooms" => {
            let after = next()?;
            let limit = number(next())? as usize;
            let page = AdminPage { after, limit };
            if order == "clients" {
                AdminOrder::Clients(page)
            } else {
                AdminOrder::Rooms(page)
            }
        }
        "kick" => AdminOrder::Kick {
            nick: next()??,
            reason: next()?,
        },
        "announce" => AdminOrder::Announce {
            text: next()??,
            room: next()?,
        },
        "send" => AdminOrder::Send {
            from: next()??,
            to: next()??,
            text: next()??,
        },
        "events" => AdminOrder::Events(match next()? {
            Some(_) => AdminTexts::Shown,
            None => AdminTexts::Hidden,
        }),
        "drain" => AdminOrder::Drain {
            within: Millis(number(next())?),
            text: next()??,
        },
        _ => return None,
    };
    Some(AdminAnswer { by, about, order })
}

fn word(word: &str) -> Option<Option<Arc<str>>> {
    match word.strip_prefix('=') {
        Some(text) => {
            let text = String::from_utf8(unescaped(text)?).ok()?;
            Some(Some(Arc::from(text)))
        }
        None => (word == "-").then_some(None),
    }
}

/// The same without texts. Nicks and the names of rooms stay.
pub(super) fn redacted(answer: &AdminAnswer) -> AdminAnswer {
    let string = |text: &str| String::from(&*classes_of(text));
    let order = match &answer.order {
        AdminOrder::Json { status, body } => AdminOrder::Json {
            status: *status,
            body: string(body),
        },
        AdminOrder::Problem {
            status,
            detail,
            allow,
        } => AdminOrder::Problem {
            status: *status,
            detail: string(detail),
            allow: *allow,
        },
        AdminOrder::Kick { nick, reason } => AdminOrder::Kick {
            nick: Arc::clone(nick),
            reason: reason.as_deref().map(classes_of),
        },
        AdminOrder::Announce { text, room } => AdminOrder::Announce {
            text: classes_of(text),
            room: room.clone(),
        },
        AdminOrder::Send { from, to, text } => AdminOrder::Send {
            from: Arc::clone(from),
            to: Arc::clone(to),
            text: classes_of(text),
        },
        AdminOrder::Drain { within, text } => AdminOrder::Drain {
            within: *within,
            text: classes_of(text),
        },
        order @ (AdminOrder::Status { .. }
        | AdminOrder::Metrics
        | AdminOrder::Clients(_)
        | AdminOrder::Rooms(_)
        | AdminOrder::Events(_)) => order.clone(),
    };
    AdminAnswer {
        by: answer.by.as_deref().map(classes_of),
        about: answer.about.as_deref().map(classes_of),
        order,
    }
}

/// The lists of methods that a host allows on a path.
const ALLOWED: [&str; 5] = [
    "GET, HEAD",
    "POST",
    "PATCH, DELETE",
    "GET, HEAD, POST",
    "DELETE",
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn every_order_is_read_as_it_was_written() {
        let text = |text: &str| Arc::<str>::from(text);
        let page = || AdminPage {
            after: Some(text("a b")),
            limit: 7,
        };
        for order in [
            AdminOrder::Json {
                status: 201,
                body: "{}".into(),
            },
            AdminOrder::Problem {
                status: 405,
                detail: "no\n".into(),
                allow: Some("POST"),
            },
            AdminOrder::Status {
                version: text("0.1"),
            },
            AdminOrder::Metrics,
            AdminOrder::Clients(page()),
            AdminOrder::Rooms(page()),
            AdminOrder::Kick {
                nick: text("=-"),
                reason: None,
            },
            AdminOrder::Kick {
                nick: text(""),
                reason: Some(text("")),
            },
            AdminOrder::Announce {
                text: text("Tea"),
                room: Some(text("#a")),
            },
            AdminOrder::Send {
                from: text("Site"),
                to: text("bob"),
                text: text("é"),
            },
            AdminOrder::Events(AdminTexts::Hidden),
            AdminOrder::Events(AdminTexts::Shown),
            AdminOrder::Drain {
                within: Millis(60_000),
                text: text("x"),
            },
        ] {
            let answer = AdminAnswer {
                by: Some(text("root")),
                about: None,
                order,
            };
            let words = format!("{}", Words(&answer));
            assert_eq!(read(&mut words.split(' ')), Some(answer), "{words}");
        }
    }
}
