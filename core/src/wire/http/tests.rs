//! Heads of requests, and the answers to them.

use super::*;
use alloc::format;

#[test]
fn the_end_of_a_head_is_found_at_any_cut() {
    let cases: [(&[u8], Head); 9] = [
        (b"GET / HTTP/1.0\r\n\r\n", Head::Complete(18)),
        (b"GET / HTTP/1.0\n\n", Head::Complete(16)),
        (b"GET / HTTP/1.0\r\n\nrest", Head::Complete(17)),
        (b"GET / HTTP/1.0\n\r\nrest", Head::Complete(17)),
        (b"GET / HTTP/1.0\r\nA: b\r\n", Head::Partial),
        (b"GET / HTTP/1.0\r\n\r", Head::Partial),
        (b"GET /\0", Head::Bad(Status::BadRequest)),
        (b"GET / HTTP/1.0\r\nA: 4567\r\n\r\n", Head::Complete(27)),
        (
            b"GET / HTTP/1.0\r\nA: 45678\r\n\r\n",
            Head::Bad(Status::HeaderTooLarge),
        ),
    ];
    for (input, head) in cases {
        assert_eq!(
            find_head(input, &mut 0, 27),
            head,
            "{}",
            input.escape_ascii()
        );
        let (mut searched, mut found) = (0, Head::Partial);
        for end in 0..=input.len() {
            if found == Head::Partial {
                found = find_head(&input[..end], &mut searched, 27);
            }
        }
        assert_eq!(found, head, "bytewise {}", input.escape_ascii());
    }
}

#[test]
fn requests() {
    let get = |path, query| {
        Ok(Request {
            method: Method::Get,
            path,
            query,
            upgrade: None,
            host: None,
            fields: Fields::default(),
        })
    };
    let cases = [
        ("GET / HTTP/1.0\n\n", get("/", None)),
        (
            "GET /a?b?c HTTP/1.1\r\nHOST: x\r\n\r\n",
            get("/a", Some("b?c")),
        ),
        (
            "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
            get("/a", None),
        ),
        ("GET HTTP://x HTTP/1.0\r\n\r\n", get("/", None)),
        ("GET http://x?q HTTP/1.0\r\n\r\n", get("/", Some("q"))),
        (
            "HEAD / HTTP/1.0\r\n\r\n",
            Ok(Request {
                method: Method::Head,
                path: "/",
                query: None,
                upgrade: None,
                host: None,
                fields: Fields::default(),
            }),
        ),
        (
            "POST /p HTTP/1.0\r\n\r\n",
            Ok(Request {
                method: Method::Post,
                path: "/p",
                query: None,
                upgrade: None,
                host: None,
                fields: Fields::default(),
            }),
        ),
        (
            "OPTIONS * HTTP/1.0\r\n\r\n",
            Ok(Request {
                method: Method::Options,
                path: "*",
                query: None,
                upgrade: None,
                host: None,
                fields: Fields::default(),
            }),
        ),
        (
            "PUT / HTTP/1.0\r\n\r\n",
            Err(Reject::Status(Status::MethodNotAllowed)),
        ),
        (
            "GET / HTTP/1.1\r\n\r\n",
            Err(Reject::Status(Status::BadRequest)),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            Err(Reject::Status(Status::BadRequest)),
        ),
        (
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            Err(Reject::Status(Status::BadRequest)),
        ),
        (
            "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
            Err(Reject::Status(Status::BadRequest)),
        ),
        ("GET /\r\n\r\n", Err(Reject::Status(Status::BadRequest))),
        (
            "GET / HTTP/1.0\r\nno colon\r\n\r\n",
            Err(Reject::Status(Status::BadRequest)),
        ),
    ];
    for (head, request) in cases {
        let parsed = parse(head.as_bytes()).map(|mut parsed| {
            // Another test looks at it.
            parsed.host = None;
            parsed
        });
        assert_eq!(parsed, request, "{head:?}");
    }
    let many: Vec<u8> = format!("GET / HTTP/1.0\r\n{}\r\n", "a:b\r\n".repeat(101)).into_bytes();
    assert_eq!(parse(&many), Err(Reject::Status(Status::HeaderTooLarge)));
}

#[test]
fn first_lines_of_other_methods() {
    let cases = [
        ("PROPFIND / HTTP/1.1", Some(Status::MethodNotAllowed)),
        ("get / HTTP/1.0", Some(Status::MethodNotAllowed)),
        // Behind something that hid the method.
        ("GET / HTTP/1.1", Some(Status::MethodNotAllowed)),
        ("PRI * HTTP/2.0", Some(Status::VersionNotSupported)),
        ("BREW / HTTP/3", Some(Status::VersionNotSupported)),
        ("BREW / HTTP/1.2", Some(Status::VersionNotSupported)),
        ("BREW / HTTP/1", Some(Status::VersionNotSupported)),
        ("BREW / http/1.1", None),
        ("BREW /HTTP/1.1", None),
        ("BREW / HTTP/", None),
        ("BREW / HTTP/1.", None),
        ("BREW / HTTP/1.1 x", None),
        ("BREW / HTTP/1.1x", None),
        ("BREW /", None),
    ];
    for (line, status) in cases {
        assert_eq!(other_method(line), status, "{line:?}");
    }
}

#[test]
fn fields() {
    let head =
        b"GET / HTTP/1.0\r\nIf-None-Match: \"a\"\r\nX: y\r\nIF-NONE-MATCH:  \"b\xe9\" \r\n\r\n";
    let request = parse(head).unwrap();
    assert_eq!(request.fields.if_none_match, [&b"\"a\""[..], b"\"b\xe9\""]);
    for (hosts, host) in [
        ("", None),
        ("hOST: a:80 \r\n", Some("a:80")),
        ("Host:\r\n", Some("")),
        ("Host: a\r\nHost: a\r\n", None),
    ] {
        let head = format!("GET / HTTP/1.0\r\n{hosts}\r\n");
        let request = parse(head.as_bytes()).unwrap();
        assert_eq!(request.host, host.map(str::as_bytes), "{head:?}");
    }
}
