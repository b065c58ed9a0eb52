//! The configuration file: TOML, with the place of every value.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Keys, Takes};
use crate::failure::{Exit, Failure};
use crate::sources::{Given, Item, Place};
use crate::text::{Plain, shortened};

/// What is wrong with a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    path: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            what,
        } = self;
        write!(f, "{path}:{line}:{column}: {what}")
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Exit::Config.because(fault.to_string())
    }
}

/// Reads the bytes of the file `path`: what it says about each key. Whether an option takes a value is not checked
/// here.
pub fn read(path: &str, bytes: &[u8], keys: &Keys) -> Result<BTreeMap<String, Given>, Fault> {
    let path: Arc<str> = Arc::from(path);
    // A mark that Notepad writes.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let fault = |at: usize, what: String| {
        let (line, column) = position(bytes, at);
        let path = Arc::clone(&path);
        Fault {
            path,
            line,
            column,
            what,
        }
    };
    let text = str::from_utf8(bytes).map_err(|error| {
        fault(
            error.valid_up_to(),
            "this is not valid UTF-8; save the file as UTF-8".to_owned(),
        )
    })?;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(bytes.len(), |span| span.start);
        let why = error.message();
        fault(at, format!("this is not TOML: {}", Plain(why)))
    })?;
    let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = table.get_ref().iter().collect();
    // The first fault is the one that is reported.
    entries.sort_by_key(|(name, _)| name.span().start);
    let place = |at: usize| Place::File {
        path: Arc::clone(&path),
        line: position(bytes, at).0,
    };
    let mut given = BTreeMap::new();
    for (name, value) in entries {
        let at = name.span().start;
        let name: &str = name.get_ref();
        let Some(key) = keys.get(name) else {
            return Err(fault(at, unknown(name, value.get_ref(), keys)));
        };
        let items = items(value, key.takes);
        let items = items.map_err(|(at, why)| fault(at, format!("{name} {why}")))?;
        let items = items.into_iter().map(|(text, at)| Item {
            text,
            place: place(at),
        });
        let given_here = Given {
            items: items.collect(),
            place: place(at),
        };
        given.insert(name.to_owned(), given_here);
    }
    Ok(given)
}

/// Values with their places in the file.
type Found = Vec<(String, usize)>;

fn items(value: &Spanned<DeValue<'_>>, takes: Takes) -> Result<Found, (usize, String)> {
    let at = value.span().start;
    match (takes, value.get_ref()) {
        (Takes::Nothing, DeValue::Boolean(is_on)) => Ok(vec![(is_on.to_string(), at)]),
        (Takes::Nothing, _) => Err((at, "must be true or false, without quotes".to_owned())),
        (Takes::Several, DeValue::Array(list)) => {
            let texts = list.iter().map(|value| {
                let at = value.span().start;
                match scalar(value.get_ref()) {
                    Some(text) if text.is_empty() => {
                        Err((at, "has an empty text in its list".to_owned()))
                    }
                    Some(text) => Ok((text, at)),
                    None => Err((at, "must be a list of texts in quotes".to_owned())),
                }
            });
            texts.collect()
        }
        (Takes::One | Takes::Several, other) => match scalar(other) {
            // As in the file that lists every key: there is no such site, or no such redirect.
            Some(text) if text.is_empty() => Ok(Vec::new()),
            Some(text) => Ok(vec![(text, at)]),
            None if takes == Takes::One => {
                Err((at, "must be one text in quotes, or a number".to_owned()))
            }
            None => Err((
                at,
                "must be a list of texts in quotes, like [\"a\", \"b\"]".to_owned(),
            )),
        },
    }
}

/// A text or a number, as it would stand on a command line.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let decimal = i64::from_str_radix(number.as_str(), number.radix());
            Some(decimal.map_or_else(|_| number.to_string(), |number| number.to_string()))
        }
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn unknown(name: &str, value: &DeValue<'_>, keys: &Keys) -> String {
    let shown = shortened(name);
    let shown = Plain(&shown);
    if matches!(value, DeValue::Table(_)) {
        return format!(
            "there is no section {shown}: the file has none; write each key by itself, like max-clients = 4096"
        );
    }
    let hint = keys.nearest(name).map_or_else(
        || "flashgate config default prints all keys".to_owned(),
        |known| format!("did you mean {known}?"),
    );
    format!("there is no key {shown}; {hint}")
}

/// The line and the column of a byte, from 1.
fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at.min(bytes.len())];
    let start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |end| end + 1);
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    // Each character of UTF-8 has one byte that does not continue it.
    let is_first = |b: &&u8| **b & 0xc0 != 0x80;
    (line, 1 + before[start..].iter().filter(is_first).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(toml: &str, key: &str) -> Option<Vec<String>> {
        let given = read("a.toml", toml.as_bytes(), &Keys::of_serve());
        let given = given.unwrap_or_else(|fault| panic!("{fault}"));
        let items = &given.get(key)?.items;
        Some(items.iter().map(|item| item.text.clone()).collect())
    }

    #[test]
    fn values_become_those_of_a_command_line() {
        for (toml, key, expected) in [
            ("max-clients = 5", "max-clients", &["5"][..]),
            ("max-clients = 1_000", "max-clients", &["1000"]),
            ("max-clients = 0x10", "max-clients", &["16"]),
            ("max-clients = -1", "max-clients", &["-1"]),
            (
                "max-clients = 99999999999999999999",
                "max-clients",
                &["99999999999999999999"],
            ),
            ("max-clients = 1.5", "max-clients", &["1.5"]),
            ("\"max-clients\" = \"5\"\r\n", "max-clients", &["5"]),
            (
                "\u{feff}login-timeout = '10m' # x",
                "login-timeout",
                &["10m"],
            ),
            ("site = \"\"", "site", &[]),
            ("guests = true", "guests", &["true"]),
            ("guests = false", "guests", &["false"]),
            ("listen = \"[::]:80\"", "listen", &["[::]:80"]),
            (
                "listen = [\n  \"a:1\", # one\n  \"b:2\",\n]",
                "listen",
                &["a:1", "b:2"],
            ),
            ("room = []", "room", &[]),
            ("room = \"\"", "room", &[]),
        ] {
            let expected = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(texts(toml, key), Some(expected), "{toml}");
        }
        assert_eq!(texts("", "site"), None);
        assert_eq!(texts("# max-clients = 5\n", "max-clients"), None);
    }

    #[test]
    fn places_are_those_of_the_values() {
        let toml = "\n\nlisten = [\n  \"a:1\",\n  \"b:2\"]\n";
        let given = read("a.toml", toml.as_bytes(), &Keys::of_serve()).unwrap();
        let places: Vec<String> = given["listen"]
            .items
            .iter()
            .map(|item| item.place.to_string())
            .collect();
        assert_eq!(given["listen"].place.to_string(), "a.toml:3");
        assert_eq!(places, ["a.toml:4", "a.toml:5"]);
    }

    #[test]
    fn faults_have_a_place_and_advice() {
        for (toml, expected) in [
            (
                &b"max-client = 5"[..],
                "a.toml:1:1: there is no key max-client; did you mean max-clients?",
            ),
            (b"\n \xc3\xa1 = 1", "a.toml:2:2: this is not TOML: "),
            (
                b"rate = 1\nxyzzy = 5",
                "a.toml:2:1: there is no key xyzzy; flashgate config default prints all keys",
            ),
            (
                b"[limits]\nrate = 5",
                "a.toml:1:2: there is no section limits: ",
            ),
            (b"config = 'x'", "a.toml:1:1: there is no key config"),
            (b"settings = 'x'", "a.toml:1:1: there is no key settings"),
            (b"demo = 1", "a.toml:1:8: demo must be true or false"),
            (b"demo = \"true\"", "a.toml:1:8: demo must be true or false"),
            (
                b"site = true",
                "a.toml:1:8: site must be one text in quotes, or a number",
            ),
            (
                b"site = ['a']",
                "a.toml:1:8: site must be one text in quotes, or a number",
            ),
            (
                b"rate = 2007-07-10",
                "a.toml:1:8: rate must be one text in quotes",
            ),
            (
                b"rate = {a = 1}",
                "a.toml:1:8: rate must be one text in quotes",
            ),
            (
                b"room = ['#a', ['#b']]",
                "a.toml:1:15: room must be a list of texts in quotes",
            ),
            (
                b"room = ['#a', '']",
                "a.toml:1:15: room has an empty text in its list",
            ),
            (
                b"room = true",
                "a.toml:1:8: room must be a list of texts in quotes, like",
            ),
            (
                b"rate = 5\nrate = 6",
                "a.toml:2:1: this is not TOML: duplicate key",
            ),
            (b"rate 5", "a.toml:1:"),
            (b"rate = \"5", "a.toml:1:"),
            (b"rate = '\xff'", "a.toml:1:9: this is not valid UTF-8"),
            (
                b"\"\\u001b[2J\" = 1",
                "a.toml:1:1: there is no key \\u001b[2J;",
            ),
        ] {
            let fault = read("a.toml", toml, &Keys::of_serve())
                .unwrap_err()
                .to_string();
            let toml = toml.escape_ascii();
            assert!(fault.starts_with(expected), "{toml}: {fault}");
            assert!(!fault.contains(char::is_control), "{toml}: {fault:?}");
        }
    }
}
