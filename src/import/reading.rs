//! Reads a member from a site's row, field by field: for the import of a file, and for a table that is asked at each
//! login.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use super::charset::Charset;
use super::columns::{ACTIVE, ActiveBy, COLUMNS, Columns, ID, NAME, NICK, PASSWORD};
use crate::password::Hash;
use crate::store::{Active, Name, NameFault, NewMember, Nick, Number};
use crate::text::{Quoted, is_unseen, shapes_others, shortened};

/// How a row is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) charset: Charset,
    pub(crate) names: Names,
    pub(crate) spaces: Option<Spaces>,
}

/// The character that stands for spaces in nicks, which can have none: `John Smith` becomes
/// `John_Smith`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spaces(char);

impl FromStr for Spaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(one), None) if Nick::new(&format!("a{one}b")).is_ok() => Ok(Self(one)),
            _ => Err("it must be one character that a nick may have, like _".to_owned()),
        }
    }
}

impl Spaces {
    /// The nick instead of this text, if there are spaces in it; those at its ends are left out.
    fn filled(self, text: &str) -> Option<String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let is_spaced = text.contains(char::is_whitespace);
        is_spaced.then(|| words.join(self.0.encode_utf8(&mut [0; 4])))
    }

    /// Whether a nick may have been made by filling spaces.
    #[cfg(feature = "mysql")]
    pub(crate) fn may_have_filled(self, nick: &str) -> bool {
        nick.contains(self.0)
    }

    /// What a site may have instead of a nick.
    #[cfg(feature = "mysql")]
    pub(crate) fn emptied(self, nick: &str) -> String {
        nick.replace(self.0, " ")
    }
}

/// What to do with a name that cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// It is refused: the author of a CSV file can correct it.
    AsTheyAre,
    /// It is cleaned or replaced by the nick: a dump or a site cannot be corrected easily.
    Cleaned,
}

/// The good fields of a row.
pub(crate) struct Fields {
    pub(crate) id: Option<Number>,
    pub(crate) nick: Option<Nick>,
    pub(crate) name: Option<Name>,
    pub(crate) password: Option<Hash>,
    pub(crate) active: Option<Active>,
    was: Was,
}

/// What was in a row before it was changed.
#[derive(Default)]
pub(crate) struct Was {
    /// If there were spaces in it.
    pub(crate) nick: Option<String>,
    /// If it had to be cleaned.
    pub(crate) name: Option<String>,
}

/// What is wrong with a field, and what to do. Never shows a password.
pub(crate) struct Problem {
    /// Where, from 0.
    pub(crate) column: usize,
    /// Our name of the column, if it has one.
    pub(crate) name: Option<&'static str>,
    pub(crate) why: String,
}

impl Reading {
    /// Reads the fields of a row; every one of them is looked at, whatever is wrong with the others.
    pub(crate) fn fields<'r>(
        self,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> (Fields, Vec<Problem>) {
        let charset = self.charset;
        let bytes = |at: usize| get(at).ok_or_else(|| "is NULL".to_owned());
        let text = |at: usize| bytes(at).and_then(|bytes| charset.decode(bytes));
        let id = text(columns.id)
            .and_then(|t| Number::parse(t.trim()).map_err(|f| number_shown(&t, &f)));
        let nick = self.nick(columns, get);
        let shown_nick = nick.as_ref().ok().map(shown_nick);
        let (name, name_was) = self.name(columns, shown_nick.as_deref(), get);
        // Whatever the field holds, it may be a secret.
        let salt = columns.salt.map(|(at, form)| {
            let salt = get(at).unwrap_or_default();
            (at, form, charset.exact(salt))
        });
        let password = bytes(columns.password).and_then(|bytes| {
            let text = columns.texts.hash(charset.exact(bytes)?);
            let hash = match &salt {
                Some((_, form, Ok(salt))) => Hash::salted(&text, *form, salt),
                Some((.., Err(_))) | None => Hash::parse(&text),
            };
            hash.map_err(|f| f.to_string())
        });
        let active = self.active(columns, get);

        let mut problems = Vec::new();
        if let Some((column, _, Err(why))) = salt {
            let name = None;
            problems.push(Problem { column, name, why });
        }
        let mut told = |which: usize, at: Option<usize>, why| {
            let (column, name) = (at.unwrap_or_default(), Some(COLUMNS[which]));
            problems.push(Problem { column, name, why });
        };
        let nick = nick.map_err(|why| told(NICK, Some(columns.nick), why));
        let (nick, nick_was) = nick.map_or((None, None), |(nick, was)| (Some(nick), was));
        let fields = Fields {
            id: id.map_err(|why| told(ID, Some(columns.id), why)).ok(),
            nick,
            name: name.and_then(|name| name.map_err(|why| told(NAME, columns.name, why)).ok()),
            password: password
                .map_err(|why| told(PASSWORD, Some(columns.password), why))
                .ok(),
            active: active
                .map_err(|why| told(ACTIVE, columns.active.column(), why))
                .ok(),
            was: Was {
                nick: nick_was.map(|was| before(&was)),
                name: name_was,
            },
        };
        (fields, problems)
    }

    /// The nick, and what it was if there were spaces in it.
    pub(crate) fn nick<'r>(
        self,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Result<(Nick, Option<String>), String> {
        let bytes = begun(get(columns.nick).ok_or("is NULL")?);
        let text = columns.texts.typed(self.charset.decode(bytes)?);
        match self.spaces.and_then(|spaces| spaces.filled(&text)) {
            Some(filled) => match Nick::new(&filled) {
                Ok(nick) => Ok((nick, Some(text.into_owned()))),
                Err(fault) => Err(shown(&text, &fault)),
            },
            None => match Nick::new(&text) {
                Ok(nick) => Ok((nick, None)),
                Err(NameFault::WhiteSpace) => Err(shown(&text, &SPACED)),
                Err(fault) => Err(shown(&text, &fault)),
            },
        }
    }

    /// Whether the member may log in.
    pub(crate) fn active<'r>(
        self,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Result<Active, String> {
        let is_active = match &columns.active {
            ActiveBy::Everyone => true,
            ActiveBy::If(at, values) => match get(*at) {
                Some(bytes) => values.include(&self.charset.decode(bytes)?),
                None => false,
            },
            ActiveBy::Column(at) => {
                let text = self.charset.decode(get(*at).ok_or("is NULL")?)?;
                match text.trim().to_ascii_lowercase().as_str() {
                    // A BIT of MySQL's is a byte.
                    "1" | "true" | "yes" | "\u{1}" => true,
                    "0" | "false" | "no" | "\0" => false,
                    // Not shown: where titles are mixed up, it may be a password.
                    _ => return Err("is neither 1 nor 0 (its text is not shown here)".to_owned()),
                }
            }
        };
        Ok(if is_active { Active::Yes } else { Active::No })
    }

    /// The nick and the name, if both keep the rules.
    #[cfg(feature = "mysql")]
    pub(crate) fn nick_and_name<'r>(
        self,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Option<(Nick, Name)> {
        let nick = self.nick(columns, get).ok()?;
        let (name, _) = self.name(columns, Some(&shown_nick(&nick)), get);
        Some((nick.0, name?.ok()?))
    }

    /// The name, and what it was if it had to be cleaned. Nothing where it would be the nick and that
    /// is at fault itself.
    fn name<'r>(
        self,
        columns: &Columns,
        nick: Option<&str>,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> (Option<Result<Name, String>>, Option<String>) {
        let of_nick = || nick.map(|nick| Name::new(nick).map_err(|f| shown("", &f)));
        let Some(column) = columns.name else {
            return (of_nick(), None);
        };
        let text = match get(column).map(|bytes| self.charset.decode(begun(bytes))) {
            Some(Ok(text)) => columns.texts.typed(text),
            Some(Err(problem)) => return (Some(Err(problem)), None),
            None => Cow::Borrowed(""),
        };
        match (Name::new(&text), self.names) {
            (Ok(name), _) => (Some(Ok(name)), None),
            (Err(fault), Names::AsTheyAre) => (Some(Err(shown(&text, &fault))), None),
            (Err(_), Names::Cleaned) => {
                let cleaned = Name::new(&clean(&text)).ok().map(Ok);
                (cleaned.or_else(of_nick), Some(before(&text)))
            }
        }
    }
}

/// A nick as a name: as it was before its spaces were filled.
fn shown_nick((nick, was): &(Nick, Option<String>)) -> String {
    match was {
        Some(was) => clean(was),
        None => nick.as_str().to_owned(),
    }
}

impl Fields {
    /// What was changed, and the member if nothing is missing.
    pub(crate) fn whole(self) -> (Was, Option<NewMember>) {
        let was = self.was;
        let whole = || {
            Some(NewMember {
                id: self.id?,
                nick: self.nick?,
                name: self.name?,
                password: self.password?,
                active: self.active?,
            })
        };
        (was, whole())
    }
}

/// The beginning of a text, which is far too long then: to look at megabytes takes seconds.
fn begun(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= LONGEST {
        return bytes;
    }
    let is_inside = |at: &usize| bytes[*at] & 0xc0 == 0x80;
    let end = (0..=LONGEST).rev().take(4).find(|at| !is_inside(at));
    &bytes[..end.unwrap_or(LONGEST)]
}

/// A fault of a nick or a name, with its text, unless that looks like what no one else should see: titles may
/// be mixed up.
fn shown(text: &str, fault: &dyn fmt::Display) -> String {
    if looks_like_a_hash(text) {
        format!("{fault} (its text looks like the hash of a password and is not shown here)")
    } else {
        format!("{} {fault}", Quoted(&shortened(text)))
    }
}

/// What was in a field that was changed, for a message.
fn before(text: &str) -> String {
    if looks_like_a_hash(text) {
        "(not shown: it looks like the hash of a password)".to_owned()
    } else {
        shortened(text)
    }
}

fn looks_like_a_hash(text: &str) -> bool {
    text.starts_with(['$', '*']) || Hash::parse(text.trim()).is_ok()
}

/// A fault of a number, with its text if that could be one.
fn number_shown(text: &str, fault: &dyn fmt::Display) -> String {
    if is_like_a_number(text) {
        format!("{} {fault}", Quoted(text))
    } else {
        format!("{fault} (its text is not shown here)")
    }
}

/// Whether a text may be shown where a number should be: there are digits, and no letters.
pub(super) fn is_like_a_number(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-., ".contains(&byte);
    text.len() <= LONGEST_NUMBER && text.bytes().all(plain)
}

/// Cleans a name so that it can be shown: invisible characters are removed, except for those that shape others; line
/// breaks become spaces; a name that is too long is cut.
fn clean(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_whitespace() || c.is_control(), " ");
    let words = spaced.split(' ').map(|word| {
        let stays = |c: &char| !is_unseen(*c) || shapes_others(*c);
        word.chars().filter(stays).collect::<String>()
    });
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let short: String = words.join(" ").nfc().take(MAX_NAME).collect();
    short.trim_end().to_owned()
}

const SPACED: &str = "contains white space, which a nick cannot have; --spaces _ puts another character in its place";

/// Characters of a number that are shown: those of the longest, a sign, and separators.
const LONGEST_NUMBER: usize = 28;

/// Bytes of a nick or a name that are looked at.
const LONGEST: usize = 64 * 1024;

/// Characters of a name, as [`Name`] has them.
const MAX_NAME: usize = 100;
