//! A file of the site, and the header fields that describe it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

use memchr::memchr;

use super::site::SiteError;
use crate::chunk::Chunk;
use crate::wire::coding::{Accepted, ContentCoding};

/// A file, in the forms in which it can be sent, with what its headers say. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteFile {
    mime: Cow<'static, str>,
    policy: Option<Cow<'static, str>>,
    plain: Form,
    /// At most one of each coding.
    compressed: Vec<(ContentCoding, Form)>,
}

/// Bytes that may be sent for a file, and their own entity-tag.
#[derive(Clone, PartialEq, Eq)]
struct Form {
    body: Chunk,
    /// Of the bytes alone.
    hash: Hash,
    etag: String,
}

/// What is sent for a file to one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected<'a> {
    pub(crate) coding: Option<ContentCoding>,
    pub(crate) body: &'a Chunk,
    pub(crate) etag: &'a str,
}

impl SiteFile {
    /// A file of the type `mime`, which goes into a header: visible ASCII, and spaces inside.
    pub fn new(mime: impl Into<Cow<'static, str>>, bytes: &[u8]) -> Result<Self, SiteError> {
        let file = Self {
            mime: header_value(mime.into())?,
            policy: None,
            plain: Form::new(bytes),
            compressed: Vec::new(),
        };
        Ok(file.tagged())
    }

    /// The same file with a `Content-Security-Policy`: visible ASCII, and spaces inside.
    pub fn with_policy(self, policy: impl Into<Cow<'static, str>>) -> Result<Self, SiteError> {
        let file = Self {
            policy: Some(header_value(policy.into())?),
            ..self
        };
        Ok(file.tagged())
    }

    /// The same file with a compressed form, in place of an earlier one of the same coding. The bytes are
    /// sent as they are to clients that accept the coding; the caller vouches that they decode to
    /// [`bytes`](Self::bytes).
    pub fn with_compressed(mut self, coding: ContentCoding, bytes: &[u8]) -> Self {
        self.compressed.retain(|(other, _)| *other != coding);
        self.compressed.push((coding, Form::new(bytes)));
        self.tagged()
    }

    /// A file of which a recording knows the length and the entity-tag: its bytes are zeros.
    pub(crate) fn unknown(mime: String, length: usize, etag: String) -> Self {
        Self {
            mime: mime.into(),
            policy: None,
            plain: Form::unknown(length, etag),
            compressed: Vec::new(),
        }
    }

    /// The same with a policy that a recording has.
    pub(crate) fn under(self, policy: String) -> Self {
        Self {
            policy: Some(policy.into()),
            ..self
        }
    }

    /// The same with a compressed form of which a recording knows the length and the entity-tag.
    pub(crate) fn with_unknown(
        mut self,
        coding: ContentCoding,
        length: usize,
        etag: String,
    ) -> Self {
        self.compressed.push((coding, Form::unknown(length, etag)));
        self
    }

    /// Its type, as `Content-Type` says it.
    pub fn mime(&self) -> &str {
        &self.mime
    }

    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        self.plain.bytes()
    }

    /// Its compressed forms: the coding, the bytes and the entity-tag of each.
    pub fn compressed(&self) -> impl ExactSizeIterator<Item = (ContentCoding, &[u8], &str)> {
        let forms = self.compressed.iter();
        forms.map(|(coding, form)| (*coding, form.bytes(), form.etag.as_str()))
    }

    /// The entity-tag of the file as it is (RFC 9110 section 8.8.3), a strong one in its quotes. It changes
    /// with the bytes, the type and the policy, and is the same on every machine and after each start.
    pub fn etag(&self) -> &str {
        &self.plain.etag
    }

    /// Its `Content-Security-Policy`, if it has one.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    pub(crate) fn content_type(&self) -> Cow<'static, str> {
        self.mime.clone()
    }

    /// Whether it is sound or a film: players seek in them, and some play none of which they cannot get a part.
    pub(crate) fn is_media(&self) -> bool {
        let kinds = ["audio/", "video/"];
        kinds.iter().any(|kind| self.mime.starts_with(kind))
    }

    /// Whether what is sent depends on `Accept-Encoding`.
    pub(crate) fn varies(&self) -> bool {
        !self.compressed.is_empty()
    }

    /// The form that suits a client best: by its weights, then the shortest.
    pub(crate) fn select(&self, accepted: &Accepted) -> Selected<'_> {
        let weighed = self.compressed.iter().map(|(coding, form)| {
            let weight = accepted.weight(*coding);
            (weight, Some(*coding), form)
        });
        let acceptable = weighed.filter(|(weight, ..)| *weight > 0);
        let plain = (accepted.identity(), None, &self.plain);
        let (_, coding, form) = acceptable
            .chain([plain])
            .min_by_key(|(weight, _, form)| (Reverse(*weight), form.body.len()))
            .unwrap_or(plain);
        Selected {
            coding,
            body: &form.body,
            etag: &form.etag,
        }
    }

    /// The same with the entity-tags that it must have.
    fn tagged(mut self) -> Self {
        let tag = |form: &mut Form, coding: Option<ContentCoding>| {
            let hash = form.hash.with(b"\0").with(self.mime.as_bytes());
            let hash = match &self.policy {
                Some(policy) => hash.with(b"\0").with(policy.as_bytes()),
                None => hash,
            };
            form.etag = hash.etag(coding);
        };
        tag(&mut self.plain, None);
        for (coding, form) in &mut self.compressed {
            tag(form, Some(*coding));
        }
        self
    }
}

impl Form {
    /// It gets its entity-tag once its type is known.
    fn new(bytes: &[u8]) -> Self {
        Self {
            body: Chunk::new(bytes),
            hash: Hash::new().with(bytes),
            etag: String::new(),
        }
    }

    fn unknown(length: usize, etag: String) -> Self {
        Self {
            body: Chunk::new(&alloc::vec![0; length]),
            hash: Hash::new(),
            etag,
        }
    }

    fn bytes(&self) -> &[u8] {
        let [_, bytes] = self.body.slices(0);
        bytes
    }
}

impl fmt::Debug for SiteFile {
    /// Without the bytes, which may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteFile")
            .field("mime", &self.mime)
            .field("bytes", &self.plain.body.len())
            .field("policy", &self.policy)
            .field("etag", &self.plain.etag)
            .field(
                "compressed",
                &self.compressed.iter().map(|(c, _)| c).collect::<Vec<_>>(),
            )
            .finish()
    }
}

/// Whether an `If-None-Match` field names `etag` (RFC 9110 section 13.1.2: by weak comparison).
/// A part that cannot be parsed names nothing: it is always right to send the whole file.
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

/// 64 bits FNV-1a, and the length. It distinguishes the versions of an operator's own file,
/// which nobody crafts to collide, so a cryptographic hash is not needed.
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

    /// A compressed form says so, and has another tag even if its bytes were those of the file.
    fn etag(self, coding: Option<ContentCoding>) -> String {
        let (state, length) = (self.state, self.length);
        match coding {
            Some(coding) => format!("\"{state:016x}-{length:x}-{coding}\""),
            None => format!("\"{state:016x}-{length:x}\""),
        }
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
    fn forms_of_a_file() {
        let [gzip, brotli] = [ContentCoding::Gzip, ContentCoding::Brotli];
        let whole = file("0123456789").with_compressed(gzip, b"12345678");
        let file = whole
            .with_compressed(brotli, b"1234")
            .with_compressed(gzip, b"123456");
        for (field, coding) in [
            (None, None),
            (Some("gzip"), Some(gzip)),
            (Some("gzip, br"), Some(brotli)),
            (Some("gzip, br;q=0.9"), Some(gzip)),
            (Some("gzip, br, identity"), Some(brotli)),
            (Some("gzip;q=0.9, identity"), None),
            (Some("*"), Some(brotli)),
            (Some("*, br;q=0"), Some(gzip)),
            (Some("*;q=0"), None),
            (Some("identity;q=0"), None),
        ] {
            let mut accepted = Accepted::default();
            field
                .iter()
                .for_each(|field| accepted.add(field.as_bytes()));
            let selected = file.select(&accepted);
            assert_eq!(selected.coding, coding, "{field:?}");
            let mut forms = file.compressed();
            let form = forms.find(|(coding, ..)| Some(*coding) == selected.coding);
            let (_, bytes, etag) = form.unwrap_or((gzip, file.bytes(), file.etag()));
            assert_eq!(selected.body.slices(0)[1], bytes, "{field:?}");
            assert_eq!(selected.etag, etag, "{field:?}");
        }
        let etags = |file: &SiteFile| {
            let compressed: Vec<_> = file
                .compressed()
                .map(|(.., etag)| etag.to_owned())
                .collect();
            [compressed, Vec::from([file.etag().to_owned()])].concat()
        };
        let mut all = etags(&file);
        assert!(
            all[0].ends_with("-br\"") && all[1].ends_with("-gzip\""),
            "{all:?}"
        );
        let under = file.with_policy("default-src 'none'").unwrap();
        all.extend(etags(&under));
        // The policy may come before the forms.
        let policy = SiteFile::new("text/plain", b"0123456789")
            .unwrap()
            .with_policy("default-src 'none'")
            .unwrap();
        let same = policy
            .with_compressed(brotli, b"1234")
            .with_compressed(gzip, b"123456");
        assert_eq!(etags(&same), etags(&under));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6, "each has its own");
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
