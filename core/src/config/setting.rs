//! How a setting is read from text and written as text.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::ops::RangeInclusive;

use super::Config;
use crate::time::Millis;

/// One setting of a [`Config`], by its name: the same in an option of the program, a transcript and a
/// recording. [`SETTINGS`](super::SETTINGS) lists all.
#[derive(Debug)]
pub struct Setting {
    name: &'static str,
    kind: Kind,
    option: Option<Help>,
    earlier: Option<Earlier>,
}

/// A setting in the help of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// The placeholder of the value, like `BYTES`; empty if the option takes none.
    pub value: &'static str,
    /// What the setting does, without its default.
    pub text: &'static str,
}

/// Why a setting was not changed: its value stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// No setting has this name.
    Unknown,
    /// The value is out of bounds. The text says what it must be, as in `it must be all or off`.
    Value(String),
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no setting of this name: `SETTINGS` lists all"),
            Self::Value(why) => f.write_str(why),
        }
    }
}

impl Error for SettingError {}

/// The values that a setting takes, and the field of [`Config`] for them.
pub(super) enum Kind {
    /// A whole number.
    Number {
        bounds: RangeInclusive<u64>,
        get: fn(&Config) -> u64,
        /// False where the field cannot hold the number.
        set: fn(&mut Config, u64) -> bool,
    },
    /// A span of time: a number of seconds, or a number with its unit.
    Span {
        bounds: RangeInclusive<Millis>,
        get: fn(&Config) -> Millis,
        set: fn(&mut Config, Millis),
    },
    /// One of a few words.
    Choice {
        words: &'static [&'static str],
        get: fn(&Config) -> &'static str,
        /// False where the word is not one of them.
        set: fn(&mut Config, &str) -> bool,
    },
    /// A text.
    Text {
        check: Check,
        get: fn(&Config) -> &str,
        set: fn(&mut Config, String),
    },
    /// Any number of words.
    List {
        check: Check,
        /// Whether `*` stands for no restriction at all.
        star: bool,
        get: fn(&Config) -> Option<&[String]>,
        set: fn(&mut Config, Option<Vec<String>>),
    },
}

/// Says what a text must be, if it is wrong.
type Check = fn(&str) -> Result<(), Cow<'static, str>>;

/// The name that a setting has in recordings of earlier versions.
#[derive(Debug)]
struct Earlier {
    name: &'static str,
    /// Its words in those recordings, each with the word of today.
    words: &'static [(&'static str, &'static str)],
}

impl Setting {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            option: None,
            earlier: None,
        }
    }

    /// Makes it an option of the program.
    pub(super) const fn option(mut self, value: &'static str, text: &'static str) -> Self {
        self.option = Some(Help { value, text });
        self
    }

    /// Recordings of earlier versions call it `name`.
    pub(super) const fn earlier(
        mut self,
        name: &'static str,
        words: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.earlier = Some(Earlier { name, words });
        self
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        super::SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The name, unique among all settings.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The help for an operator; `None` if it is not an option of the program.
    pub fn help(&self) -> Option<Help> {
        self.option
    }

    /// Whether the option may be repeated: its values are joined by spaces.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List { .. })
    }

    /// The setting's value, as [`set`](Self::set) takes it.
    pub fn value(&self, config: &Config) -> String {
        match &self.kind {
            Kind::Number { get, .. } => get(config).to_string(),
            Kind::Span { get, .. } => span_text(get(config)),
            Kind::Choice { get, .. } => get(config).to_owned(),
            Kind::Text { get, .. } => get(config).to_owned(),
            Kind::List { get, .. } => get(config).map_or_else(|| "*".to_owned(), |l| l.join(" ")),
        }
    }

    /// Sets it to a value within its bounds, or says what the value must be: a number, a span like `500ms`, `10s`,
    /// `11m`, `2h`, `16d`, `10` for seconds or `off` for none, one of its words, a text, or a list of words.
    pub fn set(&self, config: &mut Config, value: &str) -> Result<(), SettingError> {
        let good = match &self.kind {
            Kind::Number { bounds, .. } => number(value).is_some_and(|n| bounds.contains(&n)),
            Kind::Span { bounds, .. } => {
                seconds_or_span(value).is_some_and(|t| bounds.contains(&t))
            }
            Kind::Choice { .. } => true,
            Kind::Text { check, .. } => {
                check(value).map_err(wrong)?;
                true
            }
            Kind::List { check, star, .. } => {
                if value != "*" || !star {
                    words(value).try_for_each(check).map_err(wrong)?;
                }
                true
            }
        };
        if good && self.put(config, value) {
            Ok(())
        } else {
            Err(wrong(self.wanted().into()))
        }
    }

    /// Sets it to any value that a [`Config`] can hold, even out of its bounds.
    pub(crate) fn put(&self, config: &mut Config, value: &str) -> bool {
        match &self.kind {
            Kind::Number { set, .. } => number(value).is_some_and(|n| set(config, n)),
            Kind::Span { set, .. } => {
                let span = seconds_or_span(value);
                span.map(|span| set(config, span)).is_some()
            }
            Kind::Choice { set, .. } => set(config, value),
            Kind::Text { set, .. } => {
                set(config, value.to_owned());
                true
            }
            Kind::List { set, .. } => {
                set(
                    config,
                    match value {
                        "*" => None,
                        list => Some(words(list).map(str::to_owned).collect()),
                    },
                );
                true
            }
        }
    }

    /// Sets a value from a recording, which may use the names of an earlier version.
    pub(crate) fn restore(config: &mut Config, name: &str, value: &str) -> bool {
        if let Some(setting) = Self::named(name) {
            return setting.put(config, value);
        }
        super::SETTINGS.iter().any(|setting| {
            let Some(earlier) = setting.earlier.as_ref().filter(|e| e.name == name) else {
                return false;
            };
            match earlier.words {
                [] => setting.put(config, value),
                words => words
                    .iter()
                    .find(|(then, _)| *then == value)
                    .is_some_and(|(_, now)| setting.put(config, now)),
            }
        })
    }

    #[cfg(test)]
    pub(super) fn earlier_name(&self) -> Option<&'static str> {
        self.earlier.as_ref().map(|earlier| earlier.name)
    }

    /// Values within its bounds: the first, the last, each word, some texts.
    #[cfg(test)]
    pub(super) fn samples(&self) -> Vec<String> {
        let strings = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        match &self.kind {
            Kind::Number { bounds, .. } => {
                [bounds.start(), bounds.end()].map(u64::to_string).into()
            }
            Kind::Span { bounds, .. } => {
                [bounds.start(), bounds.end()].map(|t| span_text(*t)).into()
            }
            Kind::Choice { words, .. } => strings(words),
            Kind::Text { check, .. } => strings(&[
                "http://x.example/?a=b",
                "/a/b",
                "",
                "windows-1252",
                "all",
                "off",
            ])
            .into_iter()
            .filter(|text: &String| check(text).is_ok())
            .collect(),
            Kind::List { check, star, .. } => {
                let lists = [
                    "*",
                    "https://a.example",
                    "null http://b.example:8080",
                    "192.0.2.1 2001:db8::/32=optional",
                    "#lobby #Games",
                    "",
                ];
                strings(&lists)
                    .into_iter()
                    .filter(|list: &String| {
                        *star && list == "*" || words(list).all(|word| check(word).is_ok())
                    })
                    .collect()
            }
        }
    }

    /// What a value must be, as an error message.
    fn wanted(&self) -> String {
        match &self.kind {
            Kind::Number { bounds, .. } => format!(
                "it must be a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            ),
            Kind::Span { bounds, .. } => format!(
                "it must be a time from {} to {}: seconds, or a number with ms, s, m, h or d",
                span_text(*bounds.start()),
                span_text(*bounds.end())
            ),
            Kind::Choice { words, .. } => match words {
                [others @ .., last] if !others.is_empty() => {
                    format!("it must be {} or {last}", others.join(", "))
                }
                words => format!("it must be {}", words.join("")),
            },
            Kind::Text { .. } => "it must be a text".to_owned(),
            Kind::List { .. } => "it must be a list of words".to_owned(),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { bounds, .. } => f.debug_tuple("Number").field(bounds).finish(),
            Self::Span { bounds, .. } => f.debug_tuple("Span").field(bounds).finish(),
            Self::Choice { words, .. } => f.debug_tuple("Choice").field(words).finish(),
            Self::Text { .. } => f.write_str("Text"),
            Self::List { .. } => f.write_str("List"),
        }
    }
}

fn wrong(why: Cow<'static, str>) -> SettingError {
    SettingError::Value(why.into_owned())
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(' ').filter(|word| !word.is_empty())
}

fn number(text: &str) -> Option<u64> {
    // `parse` accepts a plus sign, too.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn seconds_or_span(text: &str) -> Option<Millis> {
    if text == "off" {
        return Some(Millis(0));
    }
    number(text).map(Millis::from_secs).or_else(|| span(text))
}

/// Reads a span of time with its unit.
pub(crate) fn span(text: &str) -> Option<Millis> {
    UNITS.iter().find_map(|(unit, ms)| {
        let number = number(text.strip_suffix(unit)?)?;
        number.checked_mul(*ms).map(Millis)
    })
}

/// Writes a span in the largest unit of which it is a whole number.
fn span_text(span: Millis) -> String {
    let fits = |(_, ms): &&(&str, u64)| span.0.is_multiple_of(*ms) && span.0 > 0;
    let (unit, ms) = UNITS.iter().rfind(fits).unwrap_or(&UNITS[1]);
    format!("{}{unit}", span.0 / ms)
}

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
