//! What the header fields of proxies mean, well-formed or not.

use alloc::vec::Vec;

use super::*;

/// What the lines name where 10.0.0.0/8 and 2001:db8:ff::/48 are proxies.
fn client(header: ClientHeader, lines: &[&str]) -> Option<SocketAddr> {
    let is_proxy = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10,
        IpAddr::V6(v6) => v6.segments()[..3] == [0x2001, 0xdb8, 0xff],
    };
    header.client(lines.iter().map(|line| line.as_bytes()), is_proxy)
}

fn check(header: ClientHeader, cases: &[(&[&str], &str)]) {
    for (lines, expected) in cases {
        let expected = (!expected.is_empty()).then(|| expected.parse().unwrap());
        assert_eq!(client(header, lines), expected, "{lines:?}");
    }
}

#[test]
fn x_forwarded_for() {
    check(
        ClientHeader::XForwardedFor,
        &[
            (&[], ""),
            (&[""], ""),
            (&["192.0.2.7"], "192.0.2.7:0"),
            (&[" 192.0.2.7 \t"], "192.0.2.7:0"),
            (&["192.0.2.7:4242"], "192.0.2.7:4242"),
            (&["2001:db8::7"], "[2001:db8::7]:0"),
            (&["[2001:db8::7]"], "[2001:db8::7]:0"),
            (&["[2001:db8::7]:4242"], "[2001:db8::7]:4242"),
            (&["::ffff:192.0.2.7"], "[::ffff:192.0.2.7]:0"),
            // The client's own addition is on the left.
            (&["198.51.100.1, 192.0.2.7"], "192.0.2.7:0"),
            (&["198.51.100.1,192.0.2.7"], "192.0.2.7:0"),
            // Proxies are skipped.
            (&["198.51.100.1, 192.0.2.7, 10.0.0.1"], "192.0.2.7:0"),
            (
                &["192.0.2.7, 2001:db8:ff::1, [2001:db8:ff::2]:80, 10.0.0.1:80"],
                "192.0.2.7:0",
            ),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3:0"),
            // Several lines are one list.
            (&["198.51.100.1", "192.0.2.7"], "192.0.2.7:0"),
            (&["192.0.2.7", "10.0.0.1"], "192.0.2.7:0"),
            (&["192.0.2.7", "", " , ,10.0.0.1,"], "192.0.2.7:0"),
            // Garbage ends the walk.
            (&["192.0.2.7, unknown"], ""),
            (&["192.0.2.7, unknown, 10.0.0.1"], "10.0.0.1:0"),
            (&["192.0.2.7", "x", "10.0.0.1, 10.0.0.2"], "10.0.0.1:0"),
            (&["192.0.2.7, \", 10.0.0.1"], "10.0.0.1:0"),
            (&["\"192.0.2.7"], ""),
            (&["\"192.0.2.7\""], ""),
            (&["for=192.0.2.7"], ""),
            (&["192.0.2"], ""),
            (&["192.0.2.07"], ""),
            (&["192.0.2.7:"], ""),
            (&["192.0.2.7:65536"], ""),
            (&["192.0.2.7 192.0.2.8"], ""),
            (&["2001:db8::7:x"], ""),
            (&["[2001:db8::7"], ""),
            (&["[192.0.2.7]"], ""),
            (&["unix:"], ""),
        ],
    );
}

#[test]
fn forwarded() {
    check(
        ClientHeader::Forwarded,
        &[
            (&["for=192.0.2.7"], "192.0.2.7:0"),
            (&["For=\"192.0.2.7\""], "192.0.2.7:0"),
            (&["for=192.0.2.7:4242"], "192.0.2.7:4242"),
            (&["for=\"192.0.2.7:4242\""], "192.0.2.7:4242"),
            (&["for=\"192.0.2.7:_a.b-c\""], "192.0.2.7:0"),
            (&["for=\"[2001:db8::7]\""], "[2001:db8::7]:0"),
            (&["for=\"[2001:db8::7]:4242\""], "[2001:db8::7]:4242"),
            (&["for=\"[2001:db8::7]:_x\""], "[2001:db8::7]:0"),
            (&["for=\"2001:db8::7\""], "[2001:db8::7]:0"),
            (
                &["proto=https;host=\"a;b\";FOR=192.0.2.7 ; by=_x"],
                "192.0.2.7:0",
            ),
            (
                &["for=198.51.100.1, for=192.0.2.7;proto=http"],
                "192.0.2.7:0",
            ),
            (
                &["for=192.0.2.7,for=10.0.0.1", "for=\"[2001:db8:ff::1]\""],
                "192.0.2.7:0",
            ),
            // A comma in quotes separates nothing.
            (&["for=192.0.2.7;host=\"a,b\\\",c\""], "192.0.2.7:0"),
            (
                &["for=192.0.2.7, host=\"x\\\\\";for=10.0.0.1"],
                "192.0.2.7:0",
            ),
            // An open quote of the client does not hide what the proxy has added.
            (&["for=\"198.51.100.1, for=192.0.2.7"], "192.0.2.7:0"),
            (&["for=\", for=\"[2001:db8::7]:80\""], "[2001:db8::7]:80"),
            (&["for=\"x\\", "for=192.0.2.7"], "192.0.2.7:0"),
            (&["for=\"x\\, for=\"192.0.2.7\""], "192.0.2.7:0"),
            // Garbage ends the walk.
            (&["for=192.0.2.7, for=unknown"], ""),
            (&["for=192.0.2.7, for=_hidden, for=10.0.0.1"], "10.0.0.1:0"),
            (&["for=192.0.2.7, by=10.0.0.2, for=10.0.0.1"], "10.0.0.1:0"),
            (&["for=192.0.2.7;for=192.0.2.8"], ""),
            (
                &["for=192.0.2.7, for=10.0.0.2;for=10.0.0.3, for=10.0.0.1"],
                "10.0.0.1:0",
            ),
            (&["192.0.2.7"], ""),
            (&["for 192.0.2.7"], ""),
            (&["for="], ""),
            (&["for=\""], ""),
            (&["for=\"192.0.2.7"], ""),
            (&["for=192.0.2.7\""], ""),
            (&["for=\"192.0.2.7\\\""], ""),
            (&["for=\"192.0.2.7:_a/b\""], ""),
            (&["for=\"192.0.2.7\" x"], ""),
            (&[""], ""),
            (&[";"], ""),
        ],
    );
}

#[test]
fn none_names_a_client() {
    check(ClientHeader::None, &[(&["192.0.2.7", "for=192.0.2.7"], "")]);
}

#[test]
fn schemes() {
    for (lines, expected) in [
        (&[][..], false),
        (&["https"], true),
        (&[" HTTPS "], true),
        (&["http"], false),
        (&["https", "http"], false),
        (&["http,https"], true),
        (&["http", "https, "], true),
        (&["httpsx"], false),
        (&["\"https\""], false),
    ] {
        let lines: Vec<&[u8]> = lines.iter().map(|line: &&str| line.as_bytes()).collect();
        assert_eq!(is_https(lines.iter().copied()), expected, "{lines:?}");
    }
}

#[test]
fn redirects_stay_with_tls() {
    for (proto, host, url, expected) in [
        (
            "https",
            "a.example",
            "http://a.example/x?y#z",
            "https://a.example/x?y#z",
        ),
        (
            "https",
            "A.example",
            "HTTP://a.EXAMPLE",
            "https://a.EXAMPLE",
        ),
        (
            "https",
            "a.example:81",
            "http://a.example:81?x",
            "https://a.example:81?x",
        ),
        (
            "http",
            "a.example",
            "http://a.example/",
            "http://a.example/",
        ),
        (
            "https",
            "a.example",
            "http://b.example/",
            "http://b.example/",
        ),
        (
            "https",
            "a.example",
            "http://a.example:81/",
            "http://a.example:81/",
        ),
        (
            "https",
            "a.example",
            "https://a.example/",
            "https://a.example/",
        ),
        ("https", "a.example", "/chat/", "/chat/"),
        ("https", "a.example", "h", "h"),
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {proto}\r\n\r\n");
        let forwarding = Forwarding::read(head.as_bytes(), ClientHeader::None, |_| true);
        assert_eq!(
            forwarding.location(url.into()),
            expected,
            "{proto} {host} {url}"
        );
    }
}

#[test]
fn heads() {
    let read = |head: &str| {
        let is_proxy = |address: IpAddr| address.is_loopback();
        let forwarding = Forwarding::read(head.as_bytes(), ClientHeader::XForwardedFor, is_proxy);
        let client = forwarding.client.map(|client| format!("{client}"));
        (client.unwrap_or_default(), forwarding.is_https)
    };
    for (head, client, is_https) in [
        ("GET / HTTP/1.0\r\n\r\n", "", false),
        (
            "GET / HTTP/1.0\r\nX-FORWARDED-for: 192.0.2.7\r\nx-forwarded-Proto: https\r\n\r\n",
            "192.0.2.7:0",
            true,
        ),
        (
            "GET / HTTP/1.0\nX-Forwarded-For: 192.0.2.7\nForwarded: for=192.0.2.8\nX-Forwarded-For: 127.0.0.2\n\n",
            "192.0.2.7:0",
            false,
        ),
        (
            "GET / HTTP/1.0\r\nForwarded: for=192.0.2.8\r\n\r\n",
            "",
            false,
        ),
        (
            "PUT / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n",
            "192.0.2.7:0",
            false,
        ),
        ("GET /\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n", "", false),
    ] {
        assert_eq!(read(head), (client.into(), is_https), "{head:?}");
    }
}

#[test]
fn what_a_client_depends_on() {
    let essence = |header: ClientHeader, line: &str| {
        let mut kept = Vec::new();
        header.essence(line.as_bytes(), |part| {
            kept.push(String::from_utf8_lossy(part).into_owned());
        });
        kept
    };
    assert_eq!(
        essence(ClientHeader::XForwardedFor, "x, 192.0.2.7 ,, ::1"),
        ["::1", "192.0.2.7"]
    );
    assert_eq!(
        essence(
            ClientHeader::Forwarded,
            "for=x, host=a;For=\"[::1]\", for=192.0.2.7;for=192.0.2.7, by=10.0.0.1"
        ),
        ["For=\"[::1]\""]
    );
}
