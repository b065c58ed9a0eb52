//! Content codings, and which of them a client accepts (RFC 9110 sections 8.4.1 and 12.5.3).

use core::fmt;

/// A way in which a file may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentCoding {
    /// `gzip` (RFC 1952).
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
}

impl ContentCoding {
    /// Its name in a header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    /// The coding of a name, in lower case as [`as_str`](Self::as_str) gives it.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Brotli]
            .into_iter()
            .find(|coding| coding.as_str() == name)
    }
}

impl fmt::Display for ContentCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the `Accept-Encoding` fields of a request say. Without such a field, nothing is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    gzip: Option<Weight>,
    brotli: Option<Weight>,
    identity: Option<Weight>,
    /// `*`: of each coding that is not named.
    others: Option<Weight>,
}

/// A quality value in thousandths; 0 is "not acceptable".
pub(crate) type Weight = u16;

impl Accepted {
    /// Adds one field line. An item that is malformed, or names another coding, says nothing.
    pub(crate) fn add(&mut self, field: &[u8]) {
        for item in field.split(|byte| *byte == b',') {
            let Some((name, weight)) = item_of(item) else {
                continue;
            };
            let place = match name {
                Name::Coding(ContentCoding::Gzip) => &mut self.gzip,
                Name::Coding(ContentCoding::Brotli) => &mut self.brotli,
                Name::Identity => &mut self.identity,
                Name::Any => &mut self.others,
            };
            *place = Some(weight);
        }
    }

    /// The weight of a coding.
    pub(crate) fn weight(&self, coding: ContentCoding) -> Weight {
        let named = match coding {
            ContentCoding::Gzip => self.gzip,
            ContentCoding::Brotli => self.brotli,
        };
        named.or(self.others).unwrap_or(0)
    }

    /// The weight of the file as it is. It is 0 unless the client asks for it: any coding that is named is
    /// preferred then. It is sent even to a client that refuses it, where nothing else is there
    /// (section 12.4.1 allows that instead of a 406).
    pub(crate) fn identity(&self) -> Weight {
        self.identity.or(self.others).unwrap_or(0)
    }
}

/// What one item of the list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Coding(ContentCoding),
    Identity,
    Any,
}

/// Whether an item of the list says something to this server.
pub(crate) fn is_known(item: &[u8]) -> bool {
    item_of(item).is_some()
}

fn item_of(item: &[u8]) -> Option<(Name, Weight)> {
    let mut parts = item.splitn(2, |byte| *byte == b';');
    let name = parts.next()?.trim_ascii();
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let name = match name {
        b"*" => Name::Any,
        // The name of 1992; the same coding (section 8.4.1.3).
        _ if is("gzip") || is("x-gzip") => Name::Coding(ContentCoding::Gzip),
        _ if is("br") => Name::Coding(ContentCoding::Brotli),
        _ if is("identity") => Name::Identity,
        _ => return None,
    };
    match parts.next() {
        Some(weight) => Some((name, weight_of(weight.trim_ascii())?)),
        None => Some((name, 1000)),
    }
}

/// Reads `q=0.5` (section 12.4.2): at most 1, and at most three digits behind the point.
fn weight_of(text: &[u8]) -> Option<Weight> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), rest @ ..] = text else {
        return None;
    };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut weight = Weight::from(whole - b'0') * 1000;
    let mut unit = 100;
    for digit in digits {
        weight += digit.is_ascii_digit().then(|| Weight::from(digit - b'0'))? * unit;
        unit /= 10;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_accepts() {
        // Field, then the weights of gzip, br and the plain file.
        let cases: [(&[&str], [Weight; 3]); 30] = [
            (&[], [0, 0, 0]),
            (&[""], [0, 0, 0]),
            (&["gzip"], [1000, 0, 0]),
            (&["GZip , BR"], [1000, 1000, 0]),
            (&["gzip, deflate, br, zstd"], [1000, 1000, 0]),
            (&["x-gzip"], [1000, 0, 0]),
            (&["br", "gzip;q=0.5"], [500, 1000, 0]),
            (&["gzip;q=0"], [0, 0, 0]),
            (&["gzip;q=0.000, *"], [0, 1000, 1000]),
            (&["*"], [1000, 1000, 1000]),
            (&["*;q=0"], [0, 0, 0]),
            (&["*;q=0, br"], [0, 1000, 0]),
            (&["br;q=1.0, *;q=0.1"], [100, 1000, 100]),
            (&["identity"], [0, 0, 1000]),
            (&["identity;q=0"], [0, 0, 0]),
            (&["identity;q=0, *"], [1000, 1000, 0]),
            (&["identity;q=0.5, gzip;q=0.25"], [250, 0, 500]),
            (&["identity;q=1, *;q=0"], [0, 0, 1000]),
            (&["gzip ; q=0.123"], [123, 0, 0]),
            (&["gzip;\tQ=1.000"], [1000, 0, 0]),
            (&["gzip;q=1."], [1000, 0, 0]),
            (&["gzip;q=0.1234, br"], [0, 1000, 0]),
            (&["gzip;q=1.001"], [0, 0, 0]),
            (&["gzip;q=2"], [0, 0, 0]),
            (&["gzip;q=-1"], [0, 0, 0]),
            (&["gzip;q=.5"], [0, 0, 0]),
            (&["gzip;q=0.5x"], [0, 0, 0]),
            (&["gzip;level=9"], [0, 0, 0]),
            (&[",, ,gzip,"], [1000, 0, 0]),
            (&["gzipx, xgzip, gz ip"], [0, 0, 0]),
        ];
        for (fields, expected) in cases {
            let mut accepted = Accepted::default();
            for field in fields {
                accepted.add(field.as_bytes());
            }
            let [gzip, brotli] = [ContentCoding::Gzip, ContentCoding::Brotli];
            let weights = [
                accepted.weight(gzip),
                accepted.weight(brotli),
                accepted.identity(),
            ];
            assert_eq!(weights, expected, "{fields:?}");
        }
    }

    #[test]
    fn names() {
        for coding in [ContentCoding::Gzip, ContentCoding::Brotli] {
            assert_eq!(ContentCoding::named(coding.as_str()), Some(coding));
        }
        assert_eq!(ContentCoding::named("GZIP"), None);
    }
}
