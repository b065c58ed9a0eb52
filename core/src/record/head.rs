//! What a recording keeps of the head of an HTTP request: what an answer depends on.
//!
//! The method, a path that the server has, the names of the header fields that are looked at, and of
//! their values the words that are looked for. It takes any beginning of a head, whole or not.

use alloc::vec::Vec;

use memchr::memchr;

use super::redact;
use crate::config::{Config, Origins};
use crate::web::site::{self, Found};
use crate::wire::{coding, http};

/// Appends what is kept of `head`, in as many bytes.
pub(super) fn head(head: &[u8], config: &Config, out: &mut Vec<u8>) {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    if let Some(line) = lines.next() {
        request_line(line, config, out);
    }
    for line in lines {
        match memchr(b':', line) {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let known = NAMES
                    .iter()
                    .find(|n| n.as_bytes().eq_ignore_ascii_case(name));
                match known {
                    Some(_) => out.extend_from_slice(name),
                    None => plain(name, out),
                }
                out.push(b':');
                field(known.copied().unwrap_or_default(), &value[1..], config, out);
            }
            None => plain(line, out),
        }
    }
}

fn request_line(line: &[u8], config: &Config, out: &mut Vec<u8>) {
    let (method, rest) = cut(line);
    if METHODS.contains(&method) {
        out.extend_from_slice(method);
    } else {
        plain(method, out);
    }
    let (space, rest) = rest.split_at(rest.len().min(1));
    out.extend_from_slice(space);
    let (target, version) = cut(rest);
    match core::str::from_utf8(target) {
        Ok(target) => self::target(target, config, out),
        Err(_) => plain(target, out),
    }
    if VERSIONS.contains(&version.trim_ascii()) {
        out.extend_from_slice(version);
    } else {
        plain(version, out);
    }
}

/// What stands before the first space, and from it on.
fn cut(line: &[u8]) -> (&[u8], &[u8]) {
    line.split_at(memchr(b' ', line).unwrap_or(line.len()))
}

fn target(target: &str, config: &Config, out: &mut Vec<u8>) {
    let tail = http::origin_form(target);
    // A target that is scheme and host alone has no path of its own.
    let tail = if target.ends_with(tail) { tail } else { "" };
    let (scheme, host) = match target.len() - tail.len() {
        0 => ("", ""),
        end => target[..end].split_at(target.find("//").map_or(0, |at| at + 2).min(end)),
    };
    out.extend_from_slice(scheme.as_bytes());
    redact::target(host, out);
    let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
    if is_known(path, config) {
        out.extend_from_slice(path.as_bytes());
    } else {
        redact::target(path, out);
    }
    if query == "?json" && path.eq_ignore_ascii_case(STATUS) {
        out.extend_from_slice(query.as_bytes());
    } else {
        redact::target(query, out);
    }
}

/// Whether a path is one that anybody may know: the gateway's own, or the site's.
fn is_known(path: &str, config: &Config) -> bool {
    OWN.contains(&path)
        || path.eq_ignore_ascii_case(STATUS)
        || config.site.find(path) != Found::Nothing
        || site::leads_to(path, config.redirect.as_deref().unwrap_or(site::CHAT))
}

/// Appends the value of a field with its white space and line end.
fn field(name: &str, line: &[u8], config: &Config, out: &mut Vec<u8>) {
    let value = line.trim_ascii();
    let start = line.len() - line.trim_ascii_start().len();
    out.extend_from_slice(&line[..start]);
    match name {
        "upgrade" => tokens(value, |token| token.eq_ignore_ascii_case(b"websocket"), out),
        "connection" => tokens(value, |token| token.eq_ignore_ascii_case(b"upgrade"), out),
        "sec-websocket-protocol" => tokens(value, |token| token == b"binary", out),
        "sec-websocket-version" if value == b"13" => out.extend_from_slice(value),
        "sec-websocket-key" if http::is_key(value) => out.extend_from_slice(KEY),
        "origin" if config.origins != Origins::Any && config.origins.allow(value) => {
            out.extend(allowed(value, config));
        }
        "content-length" if value == b"0" => out.extend_from_slice(value),
        // Another length than 0 must not become 0.
        "content-length" => out.extend(value.iter().map(|byte| match redact::of_head(*byte) {
            b'0' => b'1',
            other => other,
        })),
        "if-none-match" => etags(value, config, out),
        "accept-encoding" => tokens(value, coding::is_known, out),
        _ => plain(value, out),
    }
    out.extend_from_slice(&line[start + value.len()..]);
}

/// An origin that is allowed. What a `*` in the setting stands for is left out, as far as it stays allowed.
fn allowed(origin: &[u8], config: &Config) -> Vec<u8> {
    let Origins::Only(patterns) = &config.origins else {
        return Vec::from(origin);
    };
    if patterns
        .iter()
        .any(|p| p.as_bytes().eq_ignore_ascii_case(origin))
    {
        return Vec::from(origin);
    }
    let scheme = memchr::memmem::find(origin, b"://").map_or(0, |at| at + 3);
    let masked = patterns.iter().filter_map(|pattern| {
        let (_, suffix) = pattern.split_once('*')?;
        let end = origin.len().checked_sub(suffix.len())?;
        let mut kept = Vec::from(origin.get(..scheme.min(end))?);
        plain(origin.get(scheme..end).unwrap_or_default(), &mut kept);
        kept.extend_from_slice(&origin[end..]);
        config.origins.allow(&kept).then_some(kept)
    });
    let masked = masked.into_iter().next();
    masked.unwrap_or_else(|| Vec::from(origin))
}

/// Appends a list of which the known items are kept.
fn tokens(value: &[u8], is_known: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    for (nth, item) in value.split(|byte| *byte == b',').enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        if is_known(item.trim_ascii()) {
            out.extend_from_slice(item);
        } else {
            plain(item, out);
        }
    }
}

/// Appends a list of entity-tags of which those of the site are kept, and of others the quotes.
fn etags(value: &[u8], config: &Config, out: &mut Vec<u8>) {
    if value == b"*" {
        return out.push(b'*');
    }
    let known = |tag: &[u8]| {
        let mut files = config.site.paths().filter_map(|path| config.site.get(path));
        files.any(|file| {
            let compressed = file.compressed().map(|(.., etag)| etag);
            let mut etags = compressed.chain([file.etag()]);
            etags.any(|etag| etag.as_bytes().trim_ascii() == tag)
        })
    };
    let mut rest = value;
    while let Some(open) = memchr(b'"', rest) {
        let (before, quoted) = rest.split_at(open);
        match before.strip_suffix(b"W/") {
            Some(before) => {
                plain(before, out);
                out.extend_from_slice(b"W/");
            }
            None => plain(before, out),
        }
        let end = memchr(b'"', &quoted[1..]).map_or(quoted.len(), |at| at + 2);
        let (tag, after) = quoted.split_at(end);
        if known(tag) {
            out.extend_from_slice(tag);
        } else {
            plain(tag, out);
        }
        rest = after;
    }
    plain(rest, out);
}

fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().map(|byte| redact::of_head(*byte)));
}

const STATUS: &str = "/server-status";

const OWN: [&str; 7] = [
    "/",
    "/crossdomain.xml",
    "/metrics",
    "/healthz",
    "/readyz",
    "/favicon.ico",
    "",
];

const METHODS: [&[u8]; 9] = [
    b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE",
];

const VERSIONS: [&[u8]; 2] = [b"HTTP/1.0", b"HTTP/1.1"];

/// Fields that an answer may depend on, in lower case.
const NAMES: [&str; 11] = [
    "host",
    "upgrade",
    "connection",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "origin",
    "content-length",
    "transfer-encoding",
    "if-none-match",
    "accept-encoding",
];

/// Stands for every key: sixteen bytes, which lead to an answer of the same length.
const KEY: &[u8] = b"AAAAAAAAAAAAAAAAAAAAAA==";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use alloc::string::String;
    use std::borrow::ToOwned;

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
            ("BREW / HTTP/1.1\n", "xxxx / HTTP/1.1\n"),
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
                "GET / HTTP/1.1\nOrigin: HTTPS://games.example\nOrigin: https://x\nContent-Length: 20\n",
                "GET / HTTP/1.1\nOrigin: HTTPS://games.example\nOrigin: xxxxx://x\nContent-Length: 11\n",
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
}
