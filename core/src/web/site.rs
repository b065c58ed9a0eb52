//! The files that are served over HTTP beside the gateway's own paths.
//!
//! A site is a map in memory, not a folder: no path can reach a file that is not in the map. The host that
//! fills it decides what is public.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::file::SiteFile;
use crate::wire::percent;

/// Files by their path, as [`Config::site`](crate::Config::site) has them; empty by default.
///
/// A request is looked up by its path without the query, percent-decoded once, in exact case. Where
/// there is no such file, `/dir/` is served by `/dir/index.html`, and `/dir` is redirected to it.
/// The gateway's own paths come first: a file `/crossdomain.xml`, `/server-status` (in any letter
/// case), `/metrics`, `/healthz` or `/readyz` is never served; `/favicon.ico` is.
///
/// ```
/// use flashgate_core::{Config, Site, SiteFile};
/// use std::sync::Arc;
///
/// let mut site = Site::default();
/// let page = SiteFile::new("text/html; charset=utf-8", b"<!DOCTYPE html><title>Hi</title>")?;
/// site.add("/index.html", page.with_policy("default-src 'none'")?)?;
/// let config = Config { site: Arc::new(site), ..Config::default() };
/// # Ok::<(), flashgate_core::SiteError>(())
/// ```
#[derive(Clone, Default)]
pub struct Site {
    files: BTreeMap<String, SiteFile>,
}

impl Site {
    /// Adds a file, in place of an earlier one of the same path.
    ///
    /// The path is percent-decoded: `/a b.html`, not `/a%20b.html`. It begins with `/`, has no empty,
    /// `.` or `..` segment, no NUL, and at most [`MAX_SITE_PATH`] bytes.
    pub fn add(&mut self, path: impl Into<String>, file: SiteFile) -> Result<(), SiteError> {
        let path = path.into();
        let Some(segments) = path.strip_prefix('/') else {
            return Err(SiteError::NotAbsolute);
        };
        for segment in segments.split('/') {
            match segment {
                "" => return Err(SiteError::EmptySegment),
                "." | ".." => return Err(SiteError::DotSegment),
                _ if segment.contains('\0') => return Err(SiteError::Nul),
                _ => {}
            }
        }
        if path.len() > MAX_SITE_PATH {
            return Err(SiteError::TooLong);
        }
        self.files.insert(path, file);
        Ok(())
    }

    /// The file of exactly this path, which is not percent-encoded.
    pub fn get(&self, path: &str) -> Option<&SiteFile> {
        self.files.get(path)
    }

    /// Every path, in order.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether a request for `path`, percent-encoded and without a query, finds a file, or a folder
    /// that has an index.
    pub fn has(&self, path: &str) -> bool {
        self.find(path) != Found::Nothing
    }

    /// What a request for `path` gets. The path is as the client sent it, without the query.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        let Some(mut path) = percent::decoded(path) else {
            return Found::Nothing;
        };
        if let Some(file) = self.files.get(&path) {
            return Found::File(file);
        }
        let is_folder = path.ends_with('/');
        let folder = path.len();
        path.push_str(if is_folder { INDEX } else { SLASH_INDEX });
        match self.files.get(&path) {
            Some(file) if is_folder => Found::File(file),
            Some(_) => {
                path.truncate(folder + 1);
                Found::Folder(percent::encoded(&path))
            }
            None => Found::Nothing,
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.files).finish()
    }
}

/// What a site has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    File(&'a SiteFile),
    /// A folder that was requested without its last slash, and its path with it, percent-encoded. Without
    /// the slash, relative links on its page would lead beside it.
    Folder(String),
    Nothing,
}

/// Why a site cannot have a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteError {
    /// The path does not begin with `/`.
    NotAbsolute,
    /// The path has `//` in it, or ends with `/`.
    EmptySegment,
    /// The path has a segment `.` or `..`, which clients resolve before they send a request.
    DotSegment,
    /// The path has a NUL.
    Nul,
    /// The path is longer than [`MAX_SITE_PATH`].
    TooLong,
    /// A type or a policy is empty, or is no text that a header can hold.
    Header,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with /",
            Self::EmptySegment => "the path has an empty segment",
            Self::DotSegment => "the path has a segment . or ..",
            Self::Nul => "the path has a NUL",
            Self::TooLong => "the path is too long: 4096 bytes at most",
            Self::Header => "a type or policy must be visible ASCII, with spaces only inside",
        })
    }
}

impl core::error::Error for SiteError {}

/// The most bytes in a path. A longer one might not fit into the head of a request, 16 KiB, because
/// percent-encoding makes three bytes of one.
pub const MAX_SITE_PATH: usize = 4096;

/// Whether both paths lead to the same page, so that a redirect from one to the other would never end.
/// `target` may have a query and a fragment.
pub(crate) fn leads_to(path: &str, target: &str) -> bool {
    let target = target.find(['?', '#']).map_or(target, |at| &target[..at]);
    let page = |path| match str::strip_suffix(path, SLASH_INDEX) {
        Some(folder) => (folder, "/"),
        None => (path, ""),
    };
    let whole = |(start, end): (&str, &str)| format!("{start}{end}");
    whole(page(path)) == whole(page(target))
}

/// The chat page, to which missing paths are redirected by default.
pub(crate) const CHAT: &str = "/chat/";

/// The path by which authorities check the owner of a host (RFC 8555 section 8.3).
pub(crate) const CHALLENGES: &str = "/.well-known/acme-challenge/";

const INDEX: &str = "index.html";
const SLASH_INDEX: &str = "/index.html";

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::string::ToString;

    fn file(text: &str) -> SiteFile {
        SiteFile::new("text/plain", text.as_bytes()).unwrap()
    }

    #[test]
    fn paths_that_a_site_takes() {
        let mut site = Site::default();
        let long = format!("/{}", "x".repeat(MAX_SITE_PATH));
        for (path, taken) in [
            ("/a", Ok(())),
            ("/a/b c/\u{e9}%41\\?#.html", Ok(())),
            ("/...", Ok(())),
            (&long[..MAX_SITE_PATH], Ok(())),
            (&long, Err("the path is too long: 4096 bytes at most")),
            ("", Err("the path does not begin with /")),
            ("a", Err("the path does not begin with /")),
            ("/", Err("the path has an empty segment")),
            ("/a/", Err("the path has an empty segment")),
            ("//a", Err("the path has an empty segment")),
            ("/./a", Err("the path has a segment . or ..")),
            ("/a/..", Err("the path has a segment . or ..")),
            ("/a\0", Err("the path has a NUL")),
        ] {
            let added = site.add(path, file("x")).map_err(|error| error.to_string());
            assert_eq!(added, taken.map_err(str::to_owned), "{path}");
            assert_eq!(site.get(path).is_some(), taken.is_ok(), "{path}");
        }
        let shown = format!("{site:?}");
        assert!(shown.contains("\"/...\": SiteFile { mime: \"text/plain\", bytes: 1,"));
    }

    #[test]
    fn requests_find_files() {
        let mut site = Site::default();
        for path in [
            "/a b.txt",
            "/\u{e9}",
            "/x%41",
            "/dir/index.html",
            "/index.html",
            "/both",
            "/both/index.html",
            "/\\host/index.html",
        ] {
            site.add(path, file(path)).unwrap();
        }
        let folder = |path: &str| Found::Folder(path.to_owned());
        for (request, found) in [
            ("/a%20b.txt", Found::File(&file("/a b.txt"))),
            ("/%61%20b%2Etxt", Found::File(&file("/a b.txt"))),
            ("/%c3%A9", Found::File(&file("/\u{e9}"))),
            ("/\u{e9}", Found::File(&file("/\u{e9}"))),
            ("/x%2541", Found::File(&file("/x%41"))),
            ("/", Found::File(&file("/index.html"))),
            ("/dir/", Found::File(&file("/dir/index.html"))),
            ("/dir/index.html", Found::File(&file("/dir/index.html"))),
            ("/dir", folder("/dir/")),
            ("/d%69r", folder("/dir/")),
            ("/both", Found::File(&file("/both"))),
            ("/both/", Found::File(&file("/both/index.html"))),
            ("/\\host", folder("/%5Chost/")),
        ] {
            assert_eq!(site.find(request), found, "{request}");
            assert!(site.has(request), "{request}");
        }
        for nothing in [
            "/A%20b.txt",
            "/a%2520b.txt",
            "/x%41",
            "/dir%2Findex.html",
            "/dir/index.html/",
            "/dir//",
            "//dir",
            "/x/../dir/",
            "/%2e%2e/dir/",
            "/dir%00",
            "/dir%",
            "/dir%2",
            "/dir%+2",
            "/dir%zz",
            "/%ff",
            "/%c3",
            "*",
        ] {
            assert_eq!(site.find(nothing), Found::Nothing, "{nothing}");
        }
    }

    #[test]
    fn redirects_that_would_never_end() {
        for (path, target, same) in [
            ("/chat/", "/chat/", true),
            ("/chat/", "/chat/?x#y", true),
            ("/chat/", "/chat/#y?x", true),
            ("/chat/index.html", "/chat/", true),
            ("/chat/", "/chat/index.html", true),
            ("/", "/index.html", true),
            ("/chat", "/chat/", false),
            ("/chatindex.html", "/chat", false),
            ("/x", "/chat/", false),
            ("/x", "http://x/x", false),
        ] {
            assert_eq!(leads_to(path, target), same, "{path} {target}");
        }
    }
}
