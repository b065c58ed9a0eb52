//! Compressed forms of the site's files, made or found when the site is read: no request compresses.

use std::io::{self, Read, Write};

use flashgate_core::{ContentCoding, Site, SiteFile};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// A compressed form that lies beside its file: `a.js.gz` beside `a.js`. It stays a file of its own, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beside {
    /// The path of the file that it is a form of.
    of: String,
    path: String,
    coding: ContentCoding,
}

impl Beside {
    /// What a file of this path is a form of, if there is such a file.
    pub(super) fn of(path: &str) -> Option<Self> {
        NAMES.iter().find_map(|(extension, coding)| {
            Some(Self {
                of: path.strip_suffix(extension)?.to_owned(),
                path: path.to_owned(),
                coding: *coding,
            })
        })
    }

    /// Whether it is compared with its file by unpacking it.
    pub(super) fn is_unpacked(&self) -> bool {
        self.coding == ContentCoding::Gzip
    }

    /// Gives the form to its file, unless the form is that of another version of the file.
    pub(super) fn add(self, site: &mut Site) {
        let (Some(file), Some(form)) = (site.get(&self.of), site.get(&self.path)) else {
            return;
        };
        if self.is_unpacked() && !unpacks_to(form.bytes(), file.bytes()) {
            let Self { of, path, .. } = self;
            log::warn!("{path} is not used: it does not unpack to {of}; compress it again");
            return;
        }
        let file = file.clone().with_compressed(self.coding, form.bytes());
        replace(site, self.of, file);
    }
}

/// Compresses the files that have no `gzip` form yet and gain from one, which is an eighth shorter at least.
pub(super) fn compress(site: &mut Site) {
    let paths: Vec<String> = site.paths().map(str::to_owned).collect();
    let (mut files, mut before, mut after) = (0, 0, 0);
    for path in paths {
        let Some(file) = site.get(&path).filter(|file| !has_gzip(file)) else {
            continue;
        };
        let Some(form) = gzip(file.bytes()) else {
            continue;
        };
        files += 1;
        before += file.bytes().len();
        after += form.len();
        let file = file.clone().with_compressed(ContentCoding::Gzip, &form);
        replace(site, path, file);
    }
    log::debug!("compressed {files} files of the site: {before} bytes to {after}");
}

fn has_gzip(file: &SiteFile) -> bool {
    let mut forms = file.compressed();
    forms.any(|(coding, ..)| coding == ContentCoding::Gzip)
}

/// `bytes` compressed, where that saves an eighth at least. The beginning of a large file decides whether
/// the rest is tried: films, pictures and compressed movies do not shrink.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SHORTEST {
        return None;
    }
    if let Some(sample) = bytes.get(..SAMPLE) {
        compressed(sample)?;
    }
    compressed(bytes)
}

fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let most = bytes.len() - bytes.len() / 8;
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(bytes).ok()?;
    let mut form = encoder.finish().ok()?;
    form.shrink_to_fit();
    (form.len() <= most).then_some(form)
}

/// Whether a `gzip` form unpacks to exactly these bytes. It is compared piece by piece: a few bytes can
/// unpack to very many.
fn unpacks_to(form: &[u8], mut bytes: &[u8]) -> bool {
    let mut reader = MultiGzDecoder::new(form);
    let mut piece = [0; 16 * 1024];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return bytes.is_empty(),
            Ok(length) => match bytes.strip_prefix(&piece[..length]) {
                Some(rest) => bytes = rest,
                None => return false,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

fn replace(site: &mut Site, path: String, file: SiteFile) {
    site.add(path, file)
        .expect("the path of a file that is there");
}

const NAMES: [(&str, ContentCoding); 2] =
    [(".gz", ContentCoding::Gzip), (".br", ContentCoding::Brotli)];

/// Ruffle's 14 MB shrink to 5.4 MB at this level, in 0.3 s. The best one saves 0.4 MB more, in 1.3 s.
const LEVEL: Compression = Compression::new(2);

/// A file that fits into one packet does not arrive earlier when it is shorter.
const SHORTEST: usize = 1024;

/// Bytes at the beginning of a file by which the whole is judged.
const SAMPLE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> SiteFile {
        SiteFile::new("text/plain", bytes).unwrap()
    }

    fn noise(length: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn forms(site: &Site, path: &str) -> Vec<(ContentCoding, Vec<u8>)> {
        let forms = site.get(path).unwrap().compressed();
        forms
            .map(|(coding, bytes, _)| (coding, bytes.to_vec()))
            .collect()
    }

    #[test]
    fn files_that_gain_from_it_are_compressed() {
        let text = b"chat ".repeat(300);
        let mut late = noise(SAMPLE as u32);
        late.extend(b"chat ".repeat(SAMPLE));
        let mut site = Site::default();
        for (path, bytes) in [
            ("/text", &text[..]),
            ("/short", &text[..SHORTEST - 1]),
            ("/noise", &noise(5000)),
            ("/late", &late),
            ("/empty", b""),
        ] {
            site.add(path, file(bytes)).unwrap();
        }
        compress(&mut site);
        let [(ContentCoding::Gzip, form)] = &forms(&site, "/text")[..] else {
            panic!("one form");
        };
        assert!(form.len() < 100 && unpacks_to(form, &text));
        for path in ["/short", "/noise", "/late", "/empty"] {
            assert_eq!(forms(&site, path), [], "{path}");
        }
        // The same bytes, so that the entity-tag is the same after each start.
        let first = site.get("/text").unwrap().clone();
        site.add("/text", file(&text)).unwrap();
        compress(&mut site);
        assert_eq!(site.get("/text"), Some(&first));
    }

    #[test]
    fn forms_beside_a_file_are_used() {
        let text = b"chat ".repeat(300);
        let best = {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        let mut cut = best.clone();
        cut.truncate(best.len() - 9);
        let cases: [(&str, &[u8], bool); 5] = [
            ("/a.js.gz", &best, true),
            ("/a.js.gz", &cut, false),
            ("/a.js.gz", &compressed(&text[..1200]).unwrap(), false),
            ("/a.js.gz", b"junk", false),
            ("/a.js.br", b"whatever brotli is", true),
        ];
        for (path, bytes, used) in cases {
            let mut site = Site::default();
            site.add("/a.js", file(&text)).unwrap();
            site.add(path, file(bytes)).unwrap();
            Beside::of(path).unwrap().add(&mut site);
            let found = forms(&site, "/a.js");
            assert_eq!(
                found.first().map(|(_, form)| &form[..]),
                used.then_some(bytes)
            );
            assert_eq!(site.get(path).unwrap().bytes(), bytes, "a file of its own");
        }
        // Nothing is beside it.
        let mut site = Site::default();
        site.add("/a.js.gz", file(&best)).unwrap();
        Beside::of("/a.js.gz").unwrap().add(&mut site);
        assert_eq!(site.paths().len(), 1);
        assert_eq!(Beside::of("/a.gzip"), None);
    }
}
