//! What members, guests and rooms may be called.
//!
//! A member store should let only such nicks in: commands name members by them, and two that look alike would
//! pass for one another.

mod reserved;

use alloc::format;
use alloc::string::String;
use core::fmt;

use icu_properties::CodePointMapData;
use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, NoncharacterCodePoint, Script,
    VariationSelector,
};
use unicode_normalization::UnicodeNormalization as _;

pub use reserved::{Reserved, skeleton};

/// A nick that keeps the rules: NFC, 1 to 32 characters, none of them white space, a control or an
/// invisible character, not digits alone, and not beginning with `#` or `~`, as names of rooms and guests do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nick(String);

impl Nick {
    /// Checks a nick, and brings it to NFC.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        let nick: String = text.nfc().collect();
        check_word(&nick)?;
        let fault = if nick.chars().all(char::is_numeric) {
            NameFault::Digits
        } else if let Some(mark) = nick.chars().next().filter(|first| MARKS.contains(first)) {
            NameFault::Mark(mark)
        } else {
            return Ok(Self(nick));
        };
        Err(fault)
    }

    /// Checks a nick that a member is to have from now on: it may not mix Latin letters with Cyrillic or Greek
    /// ones either, many of which look like them.
    pub fn chosen(text: &str) -> Result<Self, NameFault> {
        let nick = Self::new(text)?;
        let scripts = CodePointMapData::<Script>::new();
        let has = |script| nick.0.chars().any(|c| scripts.get(c) == script);
        if has(Script::Latin) && (has(Script::Cyrillic) || has(Script::Greek)) {
            return Err(NameFault::Mixed);
        }
        Ok(nick)
    }

    /// The nick as it is shown, and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two nicks that differ in case alone have in common. SQLite's NOCASE is ASCII only.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// A guest's nick: `~`, and 1 to 31 characters that a member could choose as a nick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestNick(String);

impl GuestNick {
    /// Checks a nick that a guest chooses, with or without the `~`, and brings it to NFC.
    pub fn chosen(text: &str) -> Result<Self, NameFault> {
        let rest = Nick::chosen(text.strip_prefix('~').unwrap_or(text))?;
        if rest.0.chars().count() == MAX_NICK {
            return Err(NameFault::TooLong { max: MAX_NICK - 1 });
        }
        Ok(Self(format!("~{}", rest.0)))
    }

    /// The nick as it is shown, and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two nicks that differ in case alone have in common.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// The name of a room that keeps the rules: NFC, `#` and 1 to 31 characters, none of them white space, a control or
/// an invisible character. It may mix scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomName(String);

impl RoomName {
    /// Checks a name, and brings it to NFC.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        let name: String = text.nfc().collect();
        let Some(rest) = name.strip_prefix('#') else {
            return Err(NameFault::Unmarked);
        };
        if rest.is_empty() {
            return Err(NameFault::Empty);
        }
        check_word(&name)?;
        Ok(Self(name))
    }

    /// The name as it is shown, and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without letter case: rooms of the same key are one room.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// The rules that nicks and names of rooms share: a command can name the word, and all of it can be seen.
fn check_word(word: &str) -> Result<(), NameFault> {
    let fault = if word.is_empty() {
        NameFault::Empty
    } else if word.chars().count() > MAX_NICK {
        NameFault::TooLong { max: MAX_NICK }
    } else if word.contains(char::is_whitespace) {
        NameFault::WhiteSpace
    } else if word.contains(is_unseen) {
        NameFault::Control
    } else {
        return Ok(());
    };
    Err(fault)
}

/// Text without letter case, in every script.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        // The same in one step: every message to a room folds its name.
        return text.to_ascii_lowercase();
    }
    // Lower case alone is no fold: it keeps ß from SS, writes the last Σ of a word as ς, and
    // knows one small letter of several that share a capital. Upper case joins those; lower
    // case before it, because ẞ is its own capital but becomes ß. Both can decompose: İ becomes
    // i and a dot above. That the dotless ı becomes i as well costs a nick and stops a disguise.
    let upper = text.to_lowercase().to_uppercase();
    upper.to_lowercase().replace('ς', "σ").nfc().collect()
}

/// A name that keeps the rules: NFC, 1 to 100 characters, not blank, no control characters, and none that are
/// invisible but for those that shape others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks a name, and brings it to NFC.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        let name: String = text.nfc().collect();
        let fault = if name.chars().all(|c| c.is_whitespace() || shapes_others(c)) {
            NameFault::Empty
        } else if name.chars().count() > MAX_NAME {
            NameFault::TooLong { max: MAX_NAME }
        } else if name.contains(|c| is_unseen(c) && !shapes_others(c)) {
            NameFault::Control
        } else {
            return Ok(Self(name));
        };
        Err(fault)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A member's number: 1 or more, as on the original site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(i64);

impl Number {
    /// Checks a number.
    pub fn new(number: i64) -> Result<Self, NameFault> {
        if number > 0 {
            Ok(Self(number))
        } else {
            Err(NameFault::Number)
        }
    }

    /// Reads a number: digits alone.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Self::new(number),
            Ok(_) | Err(_) => Err(NameFault::Number),
        }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// The rule that a number, nick or name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// There is nothing to see.
    Empty,
    /// Too many characters.
    TooLong {
        /// How many are allowed.
        max: usize,
    },
    /// White space in a nick, which commands could not name.
    WhiteSpace,
    /// A control character, an invisible character, or a code point that is not a character.
    Control,
    /// A nick of digits would be taken for a number.
    Digits,
    /// A nick begins with `#` or `~`.
    Mark(char),
    /// The name of a room does not begin with `#`.
    Unmarked,
    /// A nick has letters of scripts that look alike.
    Mixed,
    /// Not a number above 0.
    Number,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong { max } => write!(f, "is longer than {max} characters"),
            Self::WhiteSpace => f.write_str("contains white space"),
            Self::Control => f.write_str("contains a control character or an invisible one"),
            Self::Digits => {
                f.write_str("is all digits, which would be taken for a member's number")
            }
            Self::Mark('~') => f.write_str("begins with ~, as guests' nicks do"),
            Self::Mark(mark) => write!(f, "begins with {mark}, as names of rooms do"),
            Self::Unmarked => f.write_str("does not begin with #"),
            Self::Mixed => f.write_str("mixes Latin letters with Cyrillic or Greek ones"),
            Self::Number => write!(f, "is not a whole number from 1 to {}", i64::MAX),
        }
    }
}

/// Whether a character shows nothing: a control character, an invisible or blank one, or a code point that is
/// not a character. White space does not count, except for ends of lines and paragraphs.
pub fn is_unseen(c: char) -> bool {
    // Most are, and in no table.
    !matches!(c, ' '..='~')
        && (c.is_control()
            || DefaultIgnorableCodePoint::for_char(c)
            || NoncharacterCodePoint::for_char(c)
            || BLANK.contains(&c))
}

/// Whether an unseen character shapes those beside it, as some scripts and emoji need it: a joiner, or a
/// selector of a variant.
pub fn shapes_others(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}') || VariationSelector::for_char(c)
}

const MAX_NICK: usize = 32;

/// What names of rooms, and nicks of guests, begin with.
const MARKS: [char; 2] = ['#', '~'];

/// Room for any real name, and a bound on what one login sends to everyone.
const MAX_NAME: usize = 100;

/// Characters without anything to see that Unicode does not call ignorable: separators of lines and
/// paragraphs, a blank Braille pattern, marks around annotations, stand-ins for objects, and fillers.
const BLANK: [char; 9] = [
    '\u{2028}',
    '\u{2029}',
    '\u{2800}',
    '\u{fff9}',
    '\u{fffa}',
    '\u{fffb}',
    '\u{fffc}',
    '\u{16fe4}',
    '\u{1d159}',
];

#[cfg(test)]
mod tests;
