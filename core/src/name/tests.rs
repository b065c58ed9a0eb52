//! Tests of the rules for names.

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
