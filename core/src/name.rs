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
        let fault = if nick.is_empty() {
            NameFault::Empty
        } else if nick.chars().count() > MAX_NICK {
            NameFault::TooLong { max: MAX_NICK }
        } else if nick.contains(char::is_whitespace) {
            NameFault::WhiteSpace
        } else if nick.contains(is_unseen) {
            NameFault::Control
        } else if nick.chars().all(char::is_numeric) {
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
        let fault = if rest.is_empty() {
            NameFault::Empty
        } else if rest.chars().count() >= MAX_NICK {
            NameFault::TooLong { max: MAX_NICK }
        } else if rest.contains(char::is_whitespace) {
            NameFault::WhiteSpace
        } else if rest.contains(is_unseen) {
            NameFault::Control
        } else {
            return Ok(Self(name));
        };
        Err(fault)
    }

    /// The name as it is shown, and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two names of one room have in common.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// Text without letter case, in every script.
pub fn fold(text: &str) -> String {
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
        /// So many may be.
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
mod tests {
    use super::*;

    #[test]
    fn nicks() {
        let longest = "á".repeat(32);
        for good in [
            "a", "alice", "7x", "x7", "<&\">", "日本", "--", "a#~", &longest,
        ] {
            assert_eq!(Nick::new(good).unwrap().as_str(), good);
        }
        // 64 characters that are 32 once composed.
        assert!(Nick::new(&"a\u{301}".repeat(32)).is_ok());
        assert_eq!(Nick::new("A\u{301}").unwrap().as_str(), "Á");

        let too_long = "x".repeat(33);
        let bad = [
            ("", NameFault::Empty),
            (&too_long, NameFault::TooLong { max: 32 }),
            ("a b", NameFault::WhiteSpace),
            ("a\u{a0}b", NameFault::WhiteSpace),
            ("a\u{3000}", NameFault::WhiteSpace),
            ("a\n", NameFault::WhiteSpace),
            ("a\0", NameFault::Control),
            ("a\u{9b}", NameFault::Control),
            ("a\u{200b}", NameFault::Control),
            ("a\u{202e}", NameFault::Control),
            ("a\u{ffff}", NameFault::Control),
            ("\u{3164}", NameFault::Control),
            ("7", NameFault::Digits),
            ("007", NameFault::Digits),
            ("٧", NameFault::Digits),
            ("#alice", NameFault::Mark('#')),
            ("~7", NameFault::Mark('~')),
        ];
        for (text, fault) in bad {
            assert_eq!(Nick::new(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn names_of_rooms() {
        let longest = alloc::format!("#{}", "á".repeat(31));
        for good in ["#a", "#7", "##", "#~x", "#Latinж", "#日本", &longest] {
            assert_eq!(RoomName::new(good).unwrap().as_str(), good);
        }
        let composed = RoomName::new("#A\u{301}").unwrap();
        assert_eq!((composed.as_str(), &*composed.key()), ("#Á", "#á"));
        let too_long = alloc::format!("#{}", "x".repeat(32));
        for (text, fault) in [
            ("", NameFault::Unmarked),
            ("lobby", NameFault::Unmarked),
            ("＃lobby", NameFault::Unmarked),
            ("#", NameFault::Empty),
            (&too_long, NameFault::TooLong { max: 32 }),
            ("#a b", NameFault::WhiteSpace),
            ("#a\u{200b}", NameFault::Control),
        ] {
            assert_eq!(RoomName::new(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_chosen_nick_is_of_one_script() {
        for good in [
            "alice",
            "жук7",
            "ОДОΣ",
            "σοφία",
            "日本x",
            "a#~",
            "x\u{301}é",
        ] {
            assert!(Nick::chosen(good).is_ok(), "{good}");
        }
        // A Cyrillic а, a Greek omicron.
        for mixed in ["\u{430}lice", "b\u{3bf}b"] {
            assert_eq!(Nick::chosen(mixed), Err(NameFault::Mixed));
            assert!(Nick::new(mixed).is_ok(), "a member may have it already");
        }
        assert_eq!(Nick::chosen("#a"), Err(NameFault::Mark('#')));
    }

    #[test]
    fn a_guest_has_a_mark_and_one_character_less() {
        let longest = "á".repeat(31);
        let marked = format!("~{longest}");
        for (text, nick) in [
            ("mona", "~mona"),
            ("~mona", "~mona"),
            ("a\u{301}", "~á"),
            (&longest, &marked),
            (&marked, &marked),
        ] {
            assert_eq!(GuestNick::chosen(text).unwrap().as_str(), nick);
        }
        let too_long = "x".repeat(32);
        for (text, fault) in [
            ("", NameFault::Empty),
            ("~", NameFault::Empty),
            ("~~mona", NameFault::Mark('~')),
            ("#mona", NameFault::Mark('#')),
            ("~7", NameFault::Digits),
            ("b\u{3bf}b", NameFault::Mixed),
            (&too_long, NameFault::TooLong { max: 31 }),
        ] {
            assert_eq!(GuestNick::chosen(text), Err(fault), "{text}");
        }
        let key = |text| GuestNick::chosen(text).unwrap().key();
        assert_eq!(key("Mona"), key("~mona"));
    }

    #[test]
    fn keys_forget_case_in_every_script() {
        let key = |text: &str| Nick::new(text).unwrap().key();
        for (one, other) in [
            ("Árvíz", "árvíz"),
            ("ÁRVÍZ", "a\u{301}rvíz"),
            ("ЖУК", "жук"),
            ("ΟΔΟΣ", "οδος"),
            ("İx", "İX"),
            ("ΣΟΦΟΣ", "σοφοσ"),
            ("σοφος", "σοφοσ"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "straße"),
            ("ﬁx", "FIX"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        // Every letter, between two others and at the end.
        for c in (' '..=char::MAX).filter(|c| c.is_alphabetic()) {
            let text = format!("a{c}b{c}");
            let Ok(nick) = Nick::new(&text) else { continue };
            if text.to_lowercase() == text && text.to_uppercase() == text {
                // Most letters have no case, and are as they are.
                assert_eq!(nick.key(), key(&nick.key()), "{text}");
                continue;
            }
            for other in [text.to_lowercase(), text.to_uppercase(), nick.key()] {
                assert_eq!(nick.key(), key(&other), "{text} {other}");
            }
        }
        assert_ne!(key("arviz"), key("árvíz"));
    }

    /// A pattern may end in the middle of a word, where Σ does not become ς.
    #[test]
    fn the_beginning_of_a_nick_is_the_beginning_of_its_key() {
        let key = Nick::new("ΟΔΟΣΗΜΑ").unwrap().key();
        for beginning in ["ΟΔΟΣ", "οδος", "Οδοσ", "οδοςη"] {
            assert!(key.starts_with(&fold(beginning)), "{beginning}");
        }
    }

    #[test]
    fn nothing_unseen_makes_another_nick() {
        for c in [
            '\u{fe0f}',
            '\u{3164}',
            '\u{34f}',
            '\u{115f}',
            '\u{ffa0}',
            '\u{17b4}',
            '\u{180b}',
            '\u{1d159}',
            '\u{e0100}',
            '\u{2800}',
            '\u{fdd0}',
            '\u{200d}',
            '\u{1fffe}',
            '\u{16fe4}',
        ] {
            for text in [
                format!("alice{c}"),
                format!("{c}alice"),
                format!("al{c}ice"),
                c.into(),
            ] {
                assert_eq!(Nick::new(&text), Err(NameFault::Control), "{text:?}");
            }
            let name = Name::new(&format!("Alice{c}"));
            assert_eq!(name.is_ok(), shapes_others(c), "{c:?}");
            assert!(Name::new(&format!(" {c} ")).is_err(), "{c:?}");
        }
    }

    #[test]
    fn names_and_numbers() {
        for good in [
            "Alice",
            "Árvíz Tűrő",
            "<b>&",
            " x",
            "👩\u{200d}🚀",
            "❤\u{fe0f}",
            "نامه\u{200c}ها",
        ] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "  ",
            "a\nb",
            "a\0",
            "\u{202e}x",
            "\u{200d}\u{fe0f}",
            "\u{3164}",
            &"x".repeat(101),
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Number::parse("9223372036854775807"), Ok(Number(i64::MAX)));
        assert_eq!(Number::parse("007"), Ok(Number(7)));
        for bad in ["", "0", "-1", "+1", "1.0", " 1", "9223372036854775808", "٧"] {
            assert!(Number::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_unseen_and_nothing_that_turns_text_around_is_shown_as_it_is() {
        use icu_properties::props::BidiControl;

        for c in '\0'..=char::MAX {
            let is_ignored = DefaultIgnorableCodePoint::for_char(c) || BidiControl::for_char(c);
            let is_none = NoncharacterCodePoint::for_char(c);
            if is_ignored || is_none || c.is_control() {
                assert!(is_unseen(c), "{c:?}");
            }
            assert!(!shapes_others(c) || is_unseen(c), "{c:?}");
        }
        // Known without a table.
        let known = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{200b}\u{202e}\u{2066}\u{2800}\
                     \u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fdd0}\u{fffe}\u{1d159}\u{1d173}\u{e0020}\u{e0100}\u{10ffff}";
        assert_eq!(
            known.chars().filter(|c| !is_unseen(*c)).collect::<String>(),
            ""
        );
        let seen = " aÁжا日👩\u{301}\u{a0}\u{3000}\u{fffd}\u{e000}";
        assert_eq!(
            seen.chars().filter(|c| is_unseen(*c)).collect::<String>(),
            ""
        );
    }
}
