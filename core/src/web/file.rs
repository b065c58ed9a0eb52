//! A file of the site, and the header fields that describe it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

use memchr::memchr;

use super::site::SiteError;
use crate::chunk::Chunk;

/// A file with what its headers say. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteFile {
    mime: Cow<'static, str>,
    body: Chunk,
    policy: Option<Cow<'static, str>>,
    hash: Hash,
    etag: String,
}

impl SiteFile {
    /// A file of the type `mime`, which goes into a header: visible ASCII, and spaces inside.
    pub fn new(mime: impl Into<Cow<'static, str>>, bytes: &[u8]) -> Result<Self, SiteError> {
        let mime = header_value(mime.into())?;
        let hash = Hash::new().with(bytes).with(b"\0").with(mime.as_bytes());
        Ok(Self {
            etag: hash.etag(),
            hash,
            mime,
            body: Chunk::new(bytes),
            policy: None,
        })
    }

    /// The same file with a `Content-Security-Policy`, for which the same holds as for a type.
    pub fn with_policy(self, policy: impl Into<Cow<'static, str>>) -> Result<Self, SiteError> {
        let policy = header_value(policy.into())?;
        let hash = self.hash.with(b"\0").with(policy.as_bytes());
        Ok(Self {
            etag: hash.etag(),
            hash,
            policy: Some(policy),
            ..self
        })
    }

    /// A file of which a recording knows the length and the entity-tag: its bytes are zeros.
    pub(crate) fn unknown(mime: String, length: usize, etag: String) -> Self {
        Self {
            mime: mime.into(),
            body: Chunk::new(&alloc::vec![0; length]),
            policy: None,
            hash: Hash::new(),
            etag,
        }
    }

    /// The same with a policy that a recording has.
    pub(crate) fn under(self, policy: String) -> Self {
        Self {
            policy: Some(policy.into()),
            ..self
        }
    }

    /// Its type, as `Content-Type` says it.
    pub fn mime(&self) -> &str {
        &self.mime
    }

    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        let [_, bytes] = self.body.slices(0);
        bytes
    }

    /// Its entity-tag (RFC 9110 section 8.8.3), a strong one in its quotes: another one whenever the
    /// bytes, the type or the policy are others, and the same on every machine and after each start.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Its `Content-Security-Policy`, if it has one.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    pub(crate) fn content(&self) -> (Cow<'static, str>, Chunk) {
        (self.mime.clone(), self.body.clone())
    }
}

impl fmt::Debug for SiteFile {
    /// Without the bytes, which may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteFile")
            .field("mime", &self.mime)
            .field("bytes", &self.body.len())
            .field("policy", &self.policy)
            .field("etag", &self.etag)
            .finish()
    }
}

/// Whether an `If-None-Match` field names `etag` (RFC 9110 section 13.1.2: by weak comparison).
/// What cannot be read names nothing: to send the whole file is always right.
pub(crate) fn names_etag(field: &[u8], etag: &str) -> bool {
    if field.trim_ascii() == b"*" {
        return true;
    }
    let etag = etag.trim_matches('"').as_bytes();
    let mut rest = field;
    loop {
        let start = rest.iter().position(|b| !b" \t,".contains(b));
        rest = &rest[start.unwrap_or(rest.len())..];
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        // A comma may stand inside the quotes, a quote may not.
        let Some(tag) = rest.strip_prefix(b"\"") else {
            return false;
        };
        let Some(end) = memchr(b'"', tag) else {
            return false;
        };
        if &tag[..end] == etag {
            return true;
        }
        rest = &tag[end + 1..];
    }
}

fn header_value(value: Cow<'static, str>) -> Result<Cow<'static, str>, SiteError> {
    let plain = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if plain && !value.is_empty() && value.trim() == value {
        Ok(value)
    } else {
        Err(SiteError::Header)
    }
}

/// 64 bits FNV-1a, and the length. It keeps apart the versions of an operator's own file, which
/// nobody crafts to collide; a cryptographic hash would be a dependency for nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hash {
    state: u64,
    length: u64,
}

impl Hash {
    fn new() -> Self {
        Self {
            state: 0xcbf2_9ce4_8422_2325,
            length: 0,
        }
    }

    fn with(self, bytes: &[u8]) -> Self {
        let step =
            |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self {
            state: bytes.iter().fold(self.state, step),
            length: self.length + bytes.len() as u64,
        }
    }

    fn etag(self) -> String {
        format!("\"{:016x}-{:x}\"", self.state, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::string::ToString;

    fn file(text: &str) -> SiteFile {
        SiteFile::new("text/plain", text.as_bytes()).unwrap()
    }

    #[test]
    fn what_a_header_can_hold() {
        for bad in ["", " a", "a ", "a\r\nb", "a\tb", "\u{e9}"] {
            let text =
                |file: Result<_, SiteError>| file.map(drop).map_err(|error| error.to_string());
            let error = "a type or policy must be visible ASCII, with spaces only inside";
            assert_eq!(text(SiteFile::new(bad, b"")).unwrap_err(), error, "{bad:?}");
            let policy = file("").with_policy(bad);
            assert_eq!(text(policy).unwrap_err(), error, "{bad:?}");
        }
    }

    #[test]
    fn etags_follow_what_is_served() {
        let plain = file("hello");
        // So that a change of the scheme, which empties every cache, is no accident.
        assert_eq!(plain.etag(), "\"8eb98128031d8741-10\"");
        let same = SiteFile::new("text/plain".to_owned(), b"hello").unwrap();
        assert_eq!(same.etag(), plain.etag());
        let mut tags = [
            plain.clone(),
            file("hellp"),
            file("hello\0"),
            SiteFile::new("text/html", b"hello").unwrap(),
            plain.clone().with_policy("default-src 'none'").unwrap(),
            plain.with_policy("default-src 'self'").unwrap(),
        ]
        .map(|file| file.etag().to_owned());
        tags.sort();
        for pair in tags.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
    }

    #[test]
    fn conditions() {
        for (field, named) in [
            ("\"a-1\"", true),
            ("W/\"a-1\"", true),
            ("*", true),
            (" * ", true),
            ("\"x\", W/\"y,\" ,, \"a-1\"", true),
            ("\"x\"\"a-1\"", true),
            ("\"a-1\", junk", true),
            ("", false),
            ("a-1", false),
            ("\"a-1", false),
            ("w/\"a-1\"", false),
            ("\"A-1\"", false),
            ("\"\"", false),
            ("\"x\", *", false),
            ("junk, \"a-1\"", false),
            ("\"x,\"a-1\"", false),
        ] {
            assert_eq!(names_etag(field.as_bytes(), "\"a-1\""), named, "{field}");
        }
        assert!(names_etag(b"\"\xe9\", \"a-1\"", "\"a-1\""));
    }
}
