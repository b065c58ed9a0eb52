//! The `Host` field of a request (RFC 9110 section 7.2).

use core::net::Ipv6Addr;

/// Splits a host from its port. `None` unless it is a name, an IPv4 address, or an IPv6 address in brackets, which
/// can be sent back in a URL as they are.
pub(crate) fn split(field: &[u8]) -> Option<(&str, Option<u16>)> {
    let field = str::from_utf8(field).ok()?;
    let end = match field.strip_prefix('[') {
        Some(rest) => {
            let length = rest.find(']')?;
            rest[..length].parse::<Ipv6Addr>().ok()?;
            length + 2
        }
        None => field.find(':').unwrap_or(field.len()),
    };
    let (host, port) = field.split_at(end);
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if !host.starts_with('[') && (host.is_empty() || !host.bytes().all(is_name)) {
        return None;
    }
    let port = match port.strip_prefix(':') {
        // The colon may be there without a port (RFC 3986 section 3.2.3).
        Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        None if port.is_empty() => None,
        Some(_) | None => return None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (field, split_into) in [
            ("chat.example", Some(("chat.example", None))),
            (
                "chat_1.Example.:8080",
                Some(("chat_1.Example.", Some(8080))),
            ),
            ("192.0.2.7:80", Some(("192.0.2.7", Some(80)))),
            ("x:", Some(("x", None))),
            ("[2001:db8::7]", Some(("[2001:db8::7]", None))),
            ("[::1]:443", Some(("[::1]", Some(443)))),
            ("", None),
            (":80", None),
            ("::1", None),
            ("x:65536", None),
            ("x:+1", None),
            ("x:80:80", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[]", None),
            ("[x]", None),
            ("[::1]]:80", None),
            ("user@x", None),
            ("x/y", None),
            ("x y", None),
            ("x\"", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(split(field.as_bytes()), split_into, "{field}");
        }
        assert_eq!(split(b"\xff"), None);
    }
}
