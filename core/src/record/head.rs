//! What a recording keeps of the head of an HTTP request, whole or not: the method, a path that the server has,
//! and the names of fields that an answer depends on, with the words in them that it depends on.

use alloc::vec::Vec;

use memchr::{memchr, memmem};

use super::redact;
use crate::config::{Config, HttpsRedirect, Origins};
use crate::web::site::{self, Found};
use crate::wire::{admin, coding, forwarded, http};

/// Appends what is kept of `head`, in as many bytes.
pub(crate) fn head(head: &[u8], config: &Config, out: &mut Vec<u8>) {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    request_line(lines.next().unwrap_or_default(), config, out);
    for line in lines {
        let (name, value) = cut(line, b':');
        let is_it = |(known, _): &&(&str, _)| known.as_bytes().eq_ignore_ascii_case(name);
        match FIELDS.iter().find(is_it) {
            Some((known, words)) if !value.is_empty() => {
                out.extend_from_slice(name);
                field(known, words, value, config, out);
            }
            Some(_) | None => plain(line, out),
        }
    }
}

fn request_line(line: &[u8], config: &Config, out: &mut Vec<u8>) {
    // Without a method that is known, the first bytes would not be those of a request.
    let (method, rest) = line.split_at(memchr(b' ', line).map_or(line.len(), |at| at + 1));
    out.extend_from_slice(method);
    let (target, version) = cut(rest, b' ');
    match core::str::from_utf8(target) {
        Ok(target) => self::target(target, config, out),
        Err(_) => plain(target, out),
    }
    let start = out.len();
    plain(version, out);
    for known in [b"HTTP/1.0", b"HTTP/1.1"] {
        overlay(known, version, &mut out[start..]);
    }
}

/// What stands before the first `byte`, and from it on.
fn cut(line: &[u8], byte: u8) -> (&[u8], &[u8]) {
    line.split_at(memchr(byte, line).unwrap_or(line.len()))
}

fn target(target: &str, config: &Config, out: &mut Vec<u8>) {
    let tail = http::origin_form(target);
    // A target that is scheme and host alone has no path of its own.
    let tail = if target.ends_with(tail) { tail } else { "" };
    let (start, _) = target.split_at(target.len() - tail.len());
    let scheme = start.find("//").map_or(0, |at| at + 2);
    let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
    let is_status = path.eq_ignore_ascii_case(STATUS);
    let is_known = is_status
        || path.starts_with(site::CHALLENGES)
        || OWN.split(' ').any(|own| own == path)
        || config.site.find(path) != Found::Nothing
        || site::leads_to(path, config.redirect.as_deref().unwrap_or(site::CHAT));
    out.extend_from_slice(&start.as_bytes()[..scheme]);
    let parts = [
        (false, &start[scheme..]),
        (is_known, path),
        (
            is_status && query == "?json" || path == "/healthz" && query == "?address",
            query,
        ),
    ];
    for (is_known, part) in parts {
        let begin = out.len();
        redact::classes(part.as_bytes(), out);
        for (kept, byte) in out[begin..].iter_mut().zip(part.bytes()) {
            if is_known || byte.is_ascii() {
                *kept = if is_known {
                    byte
                } else {
                    redact::of_head(byte)
                };
            }
        }
    }
}

/// Appends the value of a field with its colon, white space and line end.
fn field(name: &str, words: &[&[u8]], line: &[u8], config: &Config, out: &mut Vec<u8>) {
    let start = out.len();
    plain(line, out);
    let at = 1 + line[1..].len() - line[1..].trim_ascii_start().len();
    let value = line[at..].trim_ascii();
    let kept = &mut out[start + at..][..value.len()];
    match name {
        "sec-websocket-key" if http::is_key(value) => kept.copy_from_slice(KEY),
        "origin" if config.origins != Origins::Any => allowed(value, config, kept),
        "host" if is_own_host(value, config) || config.redirect_https == HttpsRedirect::On => {
            kept.copy_from_slice(value);
        }
        _ if config.client_header.name() == Some(name) => clients(value, config, kept),
        // That there is a token decides what follows.
        "authorization" if admin::token(value).is_some() => {
            let scheme = memchr(b' ', value).unwrap_or_default();
            kept[..scheme].copy_from_slice(&value[..scheme]);
            // A token is UTF-8, and must stay one.
            let others = kept.iter_mut().filter(|byte| !byte.is_ascii());
            others.for_each(|byte| *byte = b'x');
        }
        _ if words.contains(&value) => kept.copy_from_slice(value),
        // Where a body is read, its length decides what follows.
        "content-length" if value.iter().all(u8::is_ascii_digit) => kept.copy_from_slice(value),
        // Another length than 0 must not become 0.
        "content-length" => kept.iter_mut().for_each(|b| *b += u8::from(*b == b'0')),
        // Numbers of bytes, and nothing else.
        "range"
            if value
                .iter()
                .all(|b| b"bytesBYTES=0123456789- \t".contains(b)) =>
        {
            kept.copy_from_slice(value);
        }
        "if-none-match" | "if-range" => {
            overlay(b"W/\"", value, kept);
            let files = config.site.paths().filter_map(|path| config.site.get(path));
            for file in files {
                let compressed = file.compressed().map(|(.., etag)| etag);
                for etag in compressed.chain([file.etag()]) {
                    overlay(etag.as_bytes(), value, kept);
                }
            }
        }
        "accept-encoding" => {
            let codings = value.split(|byte| *byte == b',');
            let known = codings.filter(|coding| coding::is_known(coding.trim_ascii()));
            known.for_each(|coding| overlay(coding, value, kept));
        }
        _ => words.iter().for_each(|word| overlay(word, value, kept)),
    }
}

/// Keeps a word wherever it stands.
fn overlay(word: &[u8], value: &[u8], kept: &mut [u8]) {
    for at in memmem::find_iter(&value.to_ascii_lowercase(), &word.to_ascii_lowercase()) {
        kept[at..at + word.len()].copy_from_slice(&value[at..at + word.len()]);
    }
}

/// Keeps of an origin that is allowed as little of its end as stays allowed: a `*` in the setting stands
/// for the rest.
fn allowed(origin: &[u8], config: &Config, kept: &mut [u8]) {
    let host = memmem::find(origin, b"://").map_or(0, |at| at + 3);
    let classes = Vec::from(&*kept);
    for end in (host..=origin.len()).rev() {
        kept.copy_from_slice(origin);
        kept[host..end].copy_from_slice(&classes[host..end]);
        if config.origins.allow(kept) {
            return;
        }
    }
    kept.copy_from_slice(&classes);
}

/// Whether a redirect to this host may depend on how the client has reached it.
fn is_own_host(host: &[u8], config: &Config) -> bool {
    let redirect = config.redirect.as_deref();
    let target = redirect.and_then(forwarded::plain_target);
    target.is_some_and(|(authority, _)| authority.as_bytes().eq_ignore_ascii_case(host))
}

/// Keeps the addresses that proxies name, and what separates them. Nothing else may become an address.
fn clients(value: &[u8], config: &Config, kept: &mut [u8]) {
    for (kept, byte) in kept.iter_mut().zip(value) {
        match byte {
            b'"' | b'\\' | b',' | b';' | b'=' => *kept = *byte,
            b'0'..=b'9' => *kept = b'x',
            _ => {}
        }
    }
    config.client_header.essence(value, |part| {
        let at = part.as_ptr() as usize - value.as_ptr() as usize;
        kept[at..at + part.len()].copy_from_slice(part);
    });
}

fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().map(|byte| redact::of_head(*byte)));
}

const STATUS: &str = "/server-status";

/// Paths that the gateway has itself, and none.
const OWN: &str = " / /crossdomain.xml /metrics /healthz /readyz /favicon.ico";

/// Fields that an answer may depend on, and words in their values that it depends on.
const FIELDS: [(&str, &[&[u8]]); 18] = [
    ("host", &[]),
    ("upgrade", &[b"websocket"]),
    ("connection", &[b"upgrade"]),
    ("sec-websocket-version", &[b"13"]),
    ("sec-websocket-key", &[]),
    ("sec-websocket-protocol", &[b"binary"]),
    ("origin", &[]),
    ("authorization", &[]),
    ("content-length", &[b"0"]),
    ("transfer-encoding", &[]),
    ("expect", &[b"100-continue"]),
    ("if-none-match", &[b"*"]),
    ("accept-encoding", &[]),
    ("range", &[]),
    ("if-range", &[]),
    ("x-forwarded-for", &[]),
    ("forwarded", &[]),
    ("x-forwarded-proto", &[b"https"]),
];

/// Stands for every key: sixteen bytes, which lead to an answer of the same length.
const KEY: &[u8] = b"AAAAAAAAAAAAAAAAAAAAAA==";
