//! Hashes that PHP, WordPress, OpenSSL and MariaDB have made, from a committed file;
//! `tests/members/vectors/make` makes it anew.

use super::super::hash::time_to_check;
use super::*;

/// What is slower is tried less often.
const TURNS: Duration = Duration::from_millis(5);

/// A line of the file: format, password in hexadecimal, what a site stores.
struct Vector {
    format: &'static str,
    password: Vec<u8>,
    stored: &'static str,
}

fn vectors() -> impl Iterator<Item = Vector> {
    include_str!("../../../tests/members/vectors.tsv")
        .lines()
        .map(|line| {
            let mut fields = line.splitn(3, '\t');
            let mut field = || fields.next().expect("three fields");
            let format = field();
            let hex = field().as_bytes();
            let byte =
                |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
            Vector {
                format,
                password: hex.chunks(2).map(byte).collect(),
                stored: field(),
            }
        })
}

#[test]
fn every_vector_fits_and_nothing_beside_it() {
    for (at, vector) in vectors().enumerate() {
        let Vector {
            format,
            password,
            stored,
        } = vector;
        let read = Stored::parse(stored).unwrap_or_else(|fault| panic!("{stored} {fault}"));
        assert_eq!(read.format().to_string(), format, "{stored}");
        assert!(read.fits(&password), "{format} {password:?} {stored}");

        // What does not count may be there or not.
        // Slow hashes take turns, of which each format has ten at the least.
        let is_slow = time_to_check(stored) > TURNS;
        let added = ["x", " ", "\t"].into_iter().enumerate();
        for (_, added) in added.filter(|(turn, _)| !is_slow || at % 3 == *turn) {
            let added = [&password, added.as_bytes()].concat();
            let looks_at = read.format().looks_at();
            let counts = looks_at.of(&added) != looks_at.of(&password);
            assert_eq!(read.fits(&added), !counts, "{format} {added:?} {stored}");
        }
        if let Some((first, rest)) = password.split_first() {
            let other = [&[first ^ 1], rest].concat();
            assert!(!read.fits(&other), "{format} {other:?} {stored}");
        }
    }
}

#[test]
fn every_format_has_vectors() {
    let mut seen: Vec<_> = vectors()
        .map(|vector| Stored::parse(vector.stored).map(|stored| stored.format()))
        .collect::<Result<_, _>>()
        .unwrap();
    seen.sort_unstable();
    let each = seen
        .chunk_by(|one, other| one == other)
        .map(|same| (same[0], same.len()));
    let few: Vec<_> = each.filter(|(_, count)| *count < 10).collect();
    assert_eq!(few, []);
    seen.dedup();
    // All but that of a part, which only this program makes.
    let mut all: Vec<_> = Format::all().collect();
    all.retain(|format| *format != Format::Argon2idPart);
    all.sort_unstable();
    assert_eq!(seen, all);
}

/// What a Latin-1 site has hashed are other bytes than those that a client sends today.
#[test]
fn passwords_are_utf8() {
    let of = |bytes: &[u8]| {
        let vector = |vector: &Vector| vector.password == bytes && vector.format == "MD5-crypt";
        vectors().find(vector).unwrap().stored
    };
    let latin1 = Stored::parse(of(b"\xc1rv\xedz")).unwrap();
    assert!(latin1.fits(b"\xc1rv\xedz"));
    assert!(!latin1.fits("Árvíz".as_bytes()));
}

/// bcrypt goes round and round in a password and the NUL behind it, and phpass's time grows with it.
#[test]
fn a_nul_fits_nothing_and_what_is_too_long_is_not_tried() {
    for Vector {
        password, stored, ..
    } in vectors().filter(|vector| vector.password.len() < 36)
    {
        let read = Stored::parse(stored).unwrap();
        let twice = [&password[..], &[0], &password].concat();
        assert!(!read.fits(&twice), "{stored} {twice:?}");
    }
    let long = [b'x'; LONGEST + 1];
    let md5 = digits::hex(&*md5::of(&[&long]));
    assert!(!Stored::parse(&md5).unwrap().fits(&long));
    let md5 = digits::hex(&*md5::of(&[&long[1..]]));
    assert!(Stored::parse(&md5).unwrap().fits(&long[1..]));
}

#[test]
fn what_is_not_whole_is_named() {
    let damaged = |format: Format| Err(HashFault::Damaged(format));
    let read = |text: &str| Stored::parse(text).map(|stored| stored.format());
    for vector in vectors() {
        let format = read(vector.stored).unwrap();
        let salted = matches!(format, Format::Md5SaltPassword | Format::Md5Md5PasswordSalt);
        // A salt or a PHC string that is cut short cannot be recognised.
        let is_phc = matches!(
            format,
            Format::Argon2id | Format::Argon2i | Format::PhpbbArgon2
        );
        if !salted && !is_phc {
            let shorter = &vector.stored[..vector.stored.len() - 1];
            let bare = BARE.iter().any(|(_, _, bare, _)| *bare == format);
            let expected = if bare {
                Err(HashFault::Unknown)
            } else {
                damaged(format)
            };
            assert_eq!(read(shorter), expected, "{shorter}");
        }
        for added in ["=", "ő", "\n", " "] {
            if salted {
                continue;
            }
            let longer = format!("{}{added}", vector.stored);
            assert!(read(&longer).is_err(), "{longer}");
        }
    }
    for (text, expected) in [
        ("$5$rounds=$salt$", damaged(Format::Sha256Crypt)),
        ("$5$rounds=-1$salt$", damaged(Format::Sha256Crypt)),
        ("$2y$31$", damaged(Format::Bcrypt)),
        ("$1$", damaged(Format::Md5Crypt)),
        ("$P$", damaged(Format::Phpass)),
        ("$H$Bőőőőőőőő", damaged(Format::Phpbb)),
        ("$H\\2y$", damaged(Format::PhpbbCombined)),
        ("$H\\2y$9saltsalt$10", damaged(Format::PhpbbCombined)),
        ("$phpbb$2y$10$", damaged(Format::PhpbbBcrypt)),
        ("$phpbb$argon2id$", damaged(Format::PhpbbArgon2)),
        // What phpBB itself does not know either.
        ("$phpbb$1$salt$", Err(HashFault::Unknown)),
        ("$CP\\2y$$10\\", Err(HashFault::Unknown)),
        ("$H\\P$9saltsalt$", Err(HashFault::Unknown)),
        ("_", damaged(Format::ExtendedDes)),
        ("_ő", damaged(Format::ExtendedDes)),
        ("_....salthashhashhas", damaged(Format::ExtendedDes)),
        ("*", damaged(Format::MysqlPassword)),
        ("$md5(salt.password)$", damaged(Format::Md5SaltPassword)),
        ("*0", damaged(Format::MysqlPassword)),
        ("*1", damaged(Format::MysqlPassword)),
        ("ő", Err(HashFault::Unknown)),
        ("$first8$", Err(HashFault::Unknown)),
        (
            "$first8$1$salt$CDvNJJ8Nol5RCSxdPgB.r0",
            Err(HashFault::Unknown),
        ),
        (
            "$first9$argon2id$v=19$m=8,t=1,p=1$",
            Err(HashFault::Unknown),
        ),
        ("d41d8cd98f00b204e9800998ecf8427g", Err(HashFault::Unknown)),
        ("12345678901é", Err(HashFault::Unknown)),
        (
            "$S$DZQn0YzsCJkJ2Pj3Uof6UzBXJg4pNJgQF7t7CzHUnwK5d9nZ1JuD",
            Err(HashFault::Unknown),
        ),
        ("hunter2", Err(HashFault::Unknown)),
        ("", Err(HashFault::Empty)),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

/// One character of each hash is another, wider than its place or a sign of its own.
#[test]
fn nothing_that_is_stored_stops_the_server() {
    let mut read = 0;
    for vector in vectors() {
        for (at, was) in vector.stored.char_indices() {
            let (before, after) = (&vector.stored[..at], &vector.stored[at + was.len_utf8()..]);
            for other in ["", "$", "_", "0", "ő", "\u{fffd}", "\0"] {
                let stored = [before, other, after].concat();
                read += usize::from(Stored::parse(&stored).is_ok());
                // As long as before in bytes.
                let rest: String = after.chars().skip(other.len().saturating_sub(1)).collect();
                let _ = Stored::parse(&[before, other, &rest].concat());
            }
        }
    }
    assert!(read > 1000, "{read}");
}

#[test]
fn what_takes_too_long_is_refused_and_the_slowest_is_not() {
    let bcrypt = "LnpBWGl2b2xhPjxzYWx0LuWJTn0FyXrZ8Z6oZ3mX0uYxkq2Yt3zI6";
    let bcrypt = &bcrypt[..53];
    let (bcrypt_salt, bcrypt_hash) = bcrypt.split_at(22);
    let (sha256, sha512) = ("a".repeat(43), "a".repeat(86));
    let phpass = "saltsaltaaaaaaaaaaaaaaaaaaaaaa";
    for (slowest, dearer, format) in [
        (
            format!("$2y$14${bcrypt}"),
            format!("$2y$15${bcrypt}"),
            Format::Bcrypt,
        ),
        (
            format!("$2b$14${bcrypt}"),
            format!("$2b$31${bcrypt}"),
            Format::Bcrypt,
        ),
        (
            format!("$5$rounds=1000000$salt${sha256}"),
            format!("$5$rounds=999999999$salt${sha256}"),
            Format::Sha256Crypt,
        ),
        (
            format!("$6$rounds=1000000$salt${sha512}"),
            format!("$6$rounds=1000001$salt${sha512}"),
            Format::Sha512Crypt,
        ),
        (
            format!("$6$rounds=1000$salt${sha512}"),
            format!("$6$rounds=99999999999999999999$salt${sha512}"),
            Format::Sha512Crypt,
        ),
        // 2^20, 2^21 and the most there is, 2^30.
        (
            format!("$P$I{phpass}"),
            format!("$P$J{phpass}"),
            Format::Phpass,
        ),
        (
            format!("$H$I{phpass}"),
            format!("$H$S{phpass}"),
            Format::Phpbb,
        ),
        (
            format!("$phpbb$2y$13${bcrypt}"),
            format!("$phpbb$2y$14${bcrypt}"),
            Format::PhpbbBcrypt,
        ),
        // Of either part.
        (
            format!("$H\\2y$Hsaltsalt$12\\{bcrypt_salt}${bcrypt_hash}"),
            format!("$H\\2y$9saltsalt$13\\{bcrypt_salt}${bcrypt_hash}"),
            Format::PhpbbCombined,
        ),
        (
            format!("$H\\2a$Hsaltsalt$12\\{bcrypt_salt}${bcrypt_hash}"),
            format!("$H\\2a$Isaltsalt$10\\{bcrypt_salt}${bcrypt_hash}"),
            Format::PhpbbCombined,
        ),
        // The limit, and all 24 bits.
        (
            "_.O7asaltaaaaaaaaaaa".to_owned(),
            "_zzzzsaltaaaaaaaaaaa".to_owned(),
            Format::ExtendedDes,
        ),
    ] {
        let stored = Stored::parse(&slowest).map_err(|fault| format!("{slowest} {fault}"));
        let stored = stored.unwrap();
        assert_eq!(stored.format(), format);
        assert!(stored.time() < Duration::from_secs(5), "{slowest}");
        let fault = Stored::parse(&dearer).map(|_| ()).unwrap_err();
        assert_eq!(fault, HashFault::Cost(format), "{dearer}");
        assert!(fault.to_string().contains(" at most"), "{fault}");
    }
}
