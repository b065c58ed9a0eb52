//! What a recording keeps of commands and of heads, byte by byte.

use super::*;
use crate::config::Origins;
use crate::record::hash::{hash, shape};
use crate::record::head::head;
use crate::record::redact::{Key, classes, command};
use crate::wire::codepage::CodePage;
use crate::wire::typed::Habits;

fn of(redact: impl Fn(&[u8], &mut Vec<u8>), bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    redact(bytes, &mut out);
    assert_eq!(out.len(), bytes.len(), "{}", bytes.escape_ascii());
    out
}

#[test]
fn every_class() {
    let cases: [(&[u8], &[u8]); 12] = [
        (b"aZ09", b"xx00"),
        (b" \t\r\n\x0b\x0c\0", b" \t\r\n\x0b\x0c\0"),
        (b"&<>\"'", b"&<>\"'"),
        (b"-_/!", b"...."),
        (b"\x01\x1f\x07\x08\x7f", b"\x01\x01\x01\x08\x7f"),
        ("\u{85}ő".as_bytes(), "éé".as_bytes()),
        ("\u{ffff}\u{fffe}".as_bytes(), "\u{fffe}\u{fffe}".as_bytes()),
        ("\u{fffd}\u{2028}".as_bytes(), "€€".as_bytes()),
        ("\u{1fffe}🦀".as_bytes(), "😀😀".as_bytes()),
        (b"a\xffb\x80", b"x\xffx\xc0"),
        (b"\xe0\xa4a\xf4\x8f\xbf", b"\xe2\x82x\xf0\x9f\x98"),
        (b"\xc3\xf1\x80\xed\xa0", b"\xc3\xf0\x9f\xe2\xc0"),
    ];
    for (bytes, expected) in cases {
        let got = of(classes, bytes);
        assert_eq!(got, expected, "{}", bytes.escape_ascii());
        assert_eq!(of(classes, &got), got, "a class stands for itself");
        assert_eq!(shape([bytes, b""]), shape([&got, b""]));
    }
}

#[test]
fn what_stays_of_a_command() {
    let cases = [
        ("IDENTIFY 1 secret1", "IDENTIFY 1 xxxxxx0"),
        (
            " /identify  bob  two words \r",
            " /identify  bob  xxx xxxxx \r",
        ),
        (
            "IDENTIFY 1 ticket:1.1.17.0af9",
            "IDENTIFY 1 xxxxxx.0.0.00.0xx0",
        ),
        ("IDENTIFY secret1", "IDENTIFY xxxxxx0"),
        ("IDENTIFY\t1 secret1", "xxxxxxxx\t0 xxxxxx0"),
        ("IDENTFY 1 secret1", "xxxxxxx 0 xxxxxx0"),
        ("IDENTIFYsecret 1", "xxxxxxxxxxxxxx 0"),
        ("MSG bob a & <b>", "MSG bob x & <x>"),
        ("MSG bob", "MSG xxx"),
        ("msg Gödel x-1", "msg Gödel x.0"),
        ("PING token", "PING xxxxx"),
        ("LIST secret", "LIST xxxxxx"),
        ("QUIT é😀", "QUIT é😀"),
        ("JOIN #Lobby Tea-1 x", "JOIN #Lobby xxx.0 x"),
        ("JOIN #lobby", "JOIN #lobby"),
        ("open #lobby  key=a=b hidden", "open #lobby  key=x.x hidden"),
        ("OPEN #lobby key=", "OPEN .xxxxx xxx."),
        ("OPEN #lobby secret1", "OPEN .xxxxx xxxxxx0"),
        ("TOPIC #lobby Tea & 1", "TOPIC #lobby xxx & 0"),
        ("KICK #lobby bob Too loud", "KICK #lobby bob xxx xxxx"),
        ("MSG #lobby hello", "MSG #lobby xxxxx"),
        ("WHO #lobby", "WHO #lobby"),
        ("secret1", "xxxxxx0"),
        ("PROPFIND /secret HTTP/1.1", "xxxxxxxx .xxxxxx HTTP/1.1"),
        ("PRI secret HTTP/21.7", "xxx xxxxxx HTTP/00.0"),
        ("", ""),
    ];
    let plain = |bytes: &[u8], out: &mut Vec<u8>| {
        let habits = Habits {
            line: false,
            telnet: true,
            page: None,
        };
        command(bytes, habits, Key::RightOrNone, out);
    };
    for (text, expected) in cases {
        let got = String::from_utf8(of(plain, text.as_bytes())).unwrap();
        assert_eq!(got, expected, "{text:?}");
    }
    assert_eq!(of(plain, b"MSG bob \xff"), b"xxx xxx \xff");
}

/// The key of a room has the class of its characters. A wrong one has a character that no class has, so that it is
/// wrong in a replay, too.
#[test]
fn a_wrong_key_stays_wrong() {
    let page = CodePage::named("windows-1250").ok();
    for (page, line, bytes, expected) in [
        (None, false, &b"JOIN #r tea"[..], &b"JOIN #r -xx"[..]),
        (None, false, b"JOIN #r  1 tea", b"JOIN #r  - xxx"),
        (
            None,
            false,
            "JOIN #r éa".as_bytes(),
            "JOIN #r èx".as_bytes(),
        ),
        (
            None,
            false,
            "JOIN #r 日a".as_bytes(),
            "JOIN #r ₭x".as_bytes(),
        ),
        (
            None,
            false,
            "JOIN #r 🦀".as_bytes(),
            "JOIN #r 😁".as_bytes(),
        ),
        (
            None,
            true,
            b"JOIN #r \x08#r ba\x08b",
            b"JOIN #r \x08#r -x\x08x",
        ),
        (page, false, b"JOIN #\xe9 tea", b"JOIN #\xe9 -xx"),
        (page, false, b"JOIN #r \xfb\xfb", b"JOIN #r \x83\x81"),
    ] {
        let habits = Habits {
            line,
            telnet: false,
            page,
        };
        let redact = |bytes: &[u8], out: &mut Vec<u8>| command(bytes, habits, Key::Wrong, out);
        let got = of(redact, bytes);
        assert_eq!(got, expected, "{}", got.escape_ascii());
    }
}

#[test]
fn what_stays_of_a_line_that_was_typed() {
    let typed = |bytes: &[u8], out: &mut Vec<u8>| {
        let habits = Habits {
            line: true,
            telnet: true,
            page: None,
        };
        command(bytes, habits, Key::RightOrNone, out);
    };
    let cases: [(&[u8], &[u8]); 6] = [
        (
            b"IDENT\xff\xf1IFY 1 sec\xff\xfbsret",
            b"IDENT\xff\xf1IFY 1 xxx\xff\xfbxxxx",
        ),
        (
            b"IDENTYF\x08\x08IFY secret\x08\x08\x7f\x7f\x7f\x7f1 x",
            b"IDENTxx\x08\x08IFY xxxxxx\x08\x08\x7f\x7f\x7f\x7f1 x",
        ),
        (
            b"MSG b\xff\xfaUSER\0eve\xff\xf0oy\x08b hi",
            b"MSG b\xff\xfaxxxxxxxx\xff\xf0ox\x08b xx",
        ),
        (b"IDENTIFY 1 a\xffb", b"xxxxxxxx 0 x\xffx"),
        (b"PING \xe2\x82\x08\x82\xac", b"PING \xe2\x82\x08\x82\xac"),
        (b"\x08x\x7f", b"\x08x\x7f"),
    ];
    for (bytes, expected) in cases {
        let got = of(typed, bytes);
        assert_eq!(got, expected, "{}", got.escape_ascii());
    }
}

#[test]
fn what_stays_of_a_head() {
    let config = Config {
        origins: Origins::Only(Vec::from([
            "https://games.example".to_owned(),
            "https://*.sites.example".to_owned(),
        ])),
        ..Config::default()
    };
    let cases = [
        (
            "GET /secret?token=hunter2 HTTP/1.1\r\n",
            "GET /xxxxxx?xxxxx(xxxxxx0 HTTP/1.1\r\n",
        ),
        (
            "GET /server-status?json HTTP/1.0\n",
            "GET /server-status?json HTTP/1.0\n",
        ),
        (
            "GET /metrics?json HTTP/1.0\n",
            "GET /metrics?xxxx HTTP/1.0\n",
        ),
        (
            "GET HTTP://host1/healthz HTTP/1.1\n",
            "GET HTTP://xxxx0/healthz HTTP/1.1\n",
        ),
        ("GET http://host1 HTTP/1.1\n", "GET http://xxxx0 HTTP/1.1\n"),
        ("GET / HTTP/1.2\n", "GET / xxxx/0.0\n"),
        ("GET /ab\n", "GET /xx\n"),
        ("GET", "GET"),
        ("GET ", "GET "),
        ("GET / ", "GET / "),
        (
            "GET / HTTP/1.1\r\nHost: chat.example\r\nCookie: id=7; a\r\nX-Y:\tz\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: xxxx.xxxxxxx\r\nxxxxxx: xx(0( x\r\nx.x:\tx\r\nxx xxxxx\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\nUPGRADE: h2c, WebSocket\nconnection:keep-alive ,upgrade\n",
            "GET / HTTP/1.1\nUPGRADE: x0x, WebSocket\nconnection:xxxx.xxxxx ,upgrade\n",
        ),
        (
            "GET / HTTP/1.1\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 8\n",
            "GET / HTTP/1.1\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Version: 0\n",
        ),
        (
            "POST / HTTP/1.1\nAuthorization: Bearer Token-1\nAuthorization: bearer \u{e9}\nauthorization: Basic abc\n",
            "POST / HTTP/1.1\nAuthorization: Bearer xxxxx.0\nAuthorization: bearer xx\nauthorization: xxxxx xxx\n",
        ),
        (
            "GET / HTTP/1.1\nOrigin: HTTPS://games.example\nOrigin: https://x\nContent-Length: 20\n",
            "GET / HTTP/1.1\nOrigin: HTTPS://games.example\nOrigin: xxxxx://x\nContent-Length: 20\n",
        ),
        (
            "GET / HTTP/1.1\nOrigin: https://a-b7.c.Sites.example\nOrigin: https://sites.example\n",
            "GET / HTTP/1.1\nOrigin: https://x.x0.x.Sites.example\nOrigin: xxxxx://xxxxx.xxxxxxx\n",
        ),
        (
            "GET / HTTP/1.1\nIf-None-Match: W/\"ab\", \"c,d\"x\n",
            "GET / HTTP/1.1\nIf-None-Match: W/\"xx\", \"x,x\"x\n",
        ),
        (
            "GET / HTTP/1.1\naccept-encoding: GZip;q=0.5, zstd, br;q=x, *;q=0\n",
            "GET / HTTP/1.1\naccept-encoding: GZip;q=0.5, xxxx, xx(x(x, *;q=0\n",
        ),
        (
            "GET / HTTP/1.1\nx-forwarded-FOR: secret7, 1.2.3, 192.0.2.7 ,[::1]:80\nForwarded: for=192.0.2.7\n",
            "GET / HTTP/1.1\nx-forwarded-FOR: xxxxxxx, x.x.x, 192.0.2.7 ,[::1]:80\nForwarded: xxx(000.0.0.0\n",
        ),
        (
            "GET / HTTP/1.1\nX-Forwarded-Proto: http, HTTPS\nx-forwarded-proto: wss\n",
            "GET / HTTP/1.1\nX-Forwarded-Proto: xxxx, HTTPS\nx-forwarded-proto: xxx\n",
        ),
    ];
    for (text, expected) in cases {
        let mut out = Vec::new();
        head(text.as_bytes(), &config, &mut out);
        let got = String::from_utf8(out).unwrap();
        assert_eq!(got, expected, "{text:?}");
    }
    let (mut out, text) = (
        Vec::new(),
        b"GET /a\xff HTTP/1.1\nContent-Length: +0\nX: \x80\n",
    );
    head(text, &config, &mut out);
    assert_eq!(out, b"GET /x\xe9 HTTP/1.1\nContent-Length: .1\nx: \xe9\n");
}

#[test]
fn hashes_stay_the_same_in_every_version() {
    // FNV's own test vectors.
    assert_eq!(hash([b"", b""]), 0xcbf2_9ce4_8422_2325);
    assert_eq!(hash([b"foo", b"bar"]), 0x8594_4171_f739_67e8);
    assert_eq!(shape([b"f0-", b"\tr"]), hash([b"xxx", b"\tx"]));
    let long = [b'a'; 64 * 1024 + 1];
    assert_eq!(hash([&long, b""]), hash([&long[1..], b""]));
    assert_ne!(hash([&long[2..], b""]), hash([&long[1..], b""]));
}
