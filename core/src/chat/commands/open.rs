//! OPEN: a member creates a room, which may have a key or be hidden.

use super::inside::{self, Fault};
use super::join;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chat::rooms::New;
use crate::config::RoomCreation;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let result = open(context, args);
    inside::fault(context, result);
}

/// Whether a text consists of options of OPEN, each once.
pub(crate) fn is_good(text: &str) -> bool {
    Options::read(text).is_some()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    key: Option<&'a str>,
    hidden: bool,
}

impl<'a> Options<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut options = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word.strip_prefix("key=") {
                Some(key) if options.key.is_none() && join::is_key(key) => options.key = Some(key),
                None if word == "hidden" && !options.hidden => options.hidden = true,
                Some(_) | None => return None,
            }
        }
        Some(options)
    }
}

fn open(context: &mut dyn Context, args: Args<'_>) -> Result<(), Fault> {
    let member = inside::member(context)?;
    let name = inside::room_name(args.word)?;
    if context.config().rooms == RoomCreation::Off {
        return Err(reply::MAY_NOT);
    }
    if context.hub().rooms.find(&name).is_some() {
        return Err(reply::ROOM_EXISTS);
    }
    let Options { key, hidden } = Options::read(args.text).unwrap_or_default();
    let new = New {
        name,
        key,
        hidden,
        from: None,
    };
    join::create(context, member, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let key = "é".repeat(32);
        let with = |key, hidden| Some(Options { key, hidden });
        for (text, expected) in [
            ("", with(None, false)),
            ("hidden", with(None, true)),
            ("key=a  hidden", with(Some("a"), true)),
            ("hidden key=key=", with(Some("key="), true)),
            (&alloc::format!("key={key}"), with(Some(&key), false)),
            (&alloc::format!("key=x{key}"), None),
            ("key=", None),
            ("key=a key=a", None),
            ("hidden hidden", None),
            ("Hidden", None),
            ("KEY=a", None),
            ("seats=2", None),
            ("max=2", None),
            ("a", None),
        ] {
            assert_eq!(Options::read(text), expected, "{text:?}");
        }
    }
}
