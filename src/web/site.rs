//! The site that a server has: the built-in pages, and the operator's own folder over them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str;

use flashgate_core::{Guests, Site, SiteError, SiteFile};

use super::address::FrameAncestor;
use super::pages::{Demo, TicketUrl};
use super::ruffle::{self, Ruffle};
use super::{brand, compress, folder, pages};
use crate::failure::{Exit, Failure};

/// What an operator adds to the built-in pages.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The operator's own folder.
    pub folder: Option<&'a Path>,
    /// Where the Flash player is.
    pub ruffle: Option<&'a Ruffle>,
    /// Whether the pages show the passwords of a demo.
    pub demo: Demo,
    /// Whether the pages let guests in.
    pub guests: Guests,
    /// Where the pages get a ticket for a member who is logged in on the operator's web site.
    pub ticket_url: Option<&'a TicketUrl>,
    /// The sites whose pages may frame ours, beside our own site.
    pub frame_ancestors: &'a [FrameAncestor],
    /// Bytes in all files of a folder.
    pub most: u64,
    /// Files of the server's own that hold secrets, without any link in their names.
    pub private: &'a [PathBuf],
}

/// The built-in pages, and over them, where there is one, all of the operator's own folder, which is
/// read now and never again: a file of the same path is served instead of the built-in one.
pub fn site(own: Own<'_>) -> Result<Site, Failure> {
    let good = "built-in files have good paths, types and policies";
    let mut site = Site::default();
    for built_in in BUILT_IN {
        built_in.add(&mut site, own).expect(good);
    }
    let folder = |folder, option, mount| Folder {
        folder,
        option,
        mount,
        most: own.most,
        private: own.private,
    };
    if let Some(path) = own.folder {
        folder::read(folder(path, "--site", ""), &mut site)?;
    }
    if let Some(Ruffle::Folder(path)) = own.ruffle {
        // An own site may have an older one at the same place.
        if !path.join(ruffle::SCRIPT).is_file() {
            return Err(Exit::Config.because(format!(
                    "{path:?} has no {}; pass --ruffle the folder to which Ruffle's self-hosted package was \
                     unpacked",
                    ruffle::SCRIPT
                ),
            ));
        }
        folder::read(folder(path, "--ruffle", ruffle::MOUNT), &mut site)?;
    }
    ruffle::add_address(&mut site, own.ruffle).expect(good);
    let brand = brand::Brand::read(&site)?;
    brand.style(&mut site).expect(good);
    pages::add_settings(&mut site, own.demo, own.guests, own.ticket_url, &brand).expect(good);
    compress::compress(&mut site);
    Ok(site)
}

/// A folder to be read into a site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder<'a> {
    pub(super) folder: &'a Path,
    /// The option that names it, for what is said to the operator.
    pub(super) option: &'static str,
    /// Where in the site it comes; empty for the root.
    pub(super) mount: &'static str,
    /// Bytes in all of its files.
    pub(super) most: u64,
    /// Files that are not served, wherever they are.
    pub(super) private: &'a [PathBuf],
}

/// Whether the server answers for a path before it looks at its site.
pub fn is_own(path: &str) -> bool {
    ["/crossdomain.xml", "/metrics", "/healthz", "/readyz"].contains(&path)
        || path.eq_ignore_ascii_case("/server-status")
}

/// A file that is part of the program.
struct BuiltIn {
    path: &'static str,
    bytes: &'static [u8],
    /// Its `Content-Security-Policy`; a page has one.
    policy: Option<Policy>,
}

/// What a built-in page may do.
#[derive(Clone, Copy, Debug)]
enum Policy {
    Chat,
    Flash,
}

impl BuiltIn {
    fn add(&self, site: &mut Site, own: Own<'_>) -> Result<(), SiteError> {
        let file = SiteFile::new(mime(self.path, self.bytes), self.bytes)?;
        let file = match self.policy {
            Some(Policy::Chat) => file.with_policy(chat_policy(own))?,
            Some(Policy::Flash) => file.with_policy(flash_policy(own))?,
            None => file,
        };
        site.add(self.path, file)
    }
}

/// The type of a file, by its name. Text says that it is UTF-8 where it is; where it is not, a page
/// from 2007 may know better by itself, and a header would override it.
pub(super) fn mime(path: &str, bytes: &[u8]) -> Cow<'static, str> {
    match mime_guess::from_path(path).first_raw() {
        Some(text) if text.starts_with("text/") && str::from_utf8(bytes).is_ok() => {
            Cow::Owned(format!("{text}; charset=utf-8"))
        }
        Some(other) => Cow::Borrowed(other),
        None => Cow::Borrowed("application/octet-stream"),
    }
}

/// A file in `src/web`, served at the same path.
macro_rules! built_in {
    ($path:literal) => {
        built_in!($path, None)
    };
    ($path:literal, $policy:expr) => {
        BuiltIn {
            path: concat!("/", $path),
            bytes: include_bytes!($path),
            policy: $policy,
        }
    };
}

/// What is served without any `--site`.
const BUILT_IN: &[BuiltIn] = &[
    built_in!("chat/index.html", Some(Policy::Chat)),
    built_in!("chat/alerts.js"),
    built_in!("chat/bell.svg"),
    built_in!("chat/chat.css"),
    built_in!("chat/chat.js"),
    built_in!("chat/commands.js"),
    built_in!("chat/conversations.js"),
    built_in!("chat/directory.js"),
    built_in!("chat/dom.js"),
    built_in!("chat/entrance.js"),
    built_in!("chat/errors.js"),
    built_in!("chat/features.js"),
    built_in!("chat/lines.js"),
    built_in!("chat/links.js"),
    built_in!("chat/lobby.js"),
    built_in!("chat/login.js"),
    built_in!("chat/mark.svg"),
    built_in!("chat/news.js"),
    built_in!("chat/nick.js"),
    built_in!("chat/panes.css"),
    built_in!("chat/pencil.svg"),
    built_in!("chat/pending.js"),
    built_in!("chat/people.js"),
    built_in!("chat/protocol.js"),
    built_in!("chat/room-view.js"),
    built_in!("chat/rooms.css"),
    built_in!("chat/session.js"),
    built_in!("chat/sound.svg"),
    built_in!("chat/talk.js"),
    built_in!("chat/threads.js"),
    built_in!("chat/ticket.js"),
    built_in!("chat/words.js"),
    built_in!("chat/words/de.js"),
    built_in!("chat/words/en.js"),
    built_in!("chat/words/es.js"),
    built_in!("chat/words/hu.js"),
    built_in!("flash/index.html", Some(Policy::Flash)),
    built_in!("flash/chat.swf"),
    built_in!("flash/flash.css"),
    built_in!("flash/flash.js"),
];

/// Nothing but the server's own files, nothing inline, and no connection but to the server: `'self'`
/// is a WebSocket of the same host and port too (CSP level 3; Chromium since 71, Safari since 16).
/// The one exception is the site that gives tickets. Frames are allowed to the same site, where an
/// operator may have a page around the chat, and to the sites that the operator names.
fn chat_policy(own: Own<'_>) -> String {
    let tickets = source(own.ticket_url.and_then(TicketUrl::origin));
    let ancestors = ancestors(own);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{tickets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'{ancestors}"
    )
}

/// The sites that may have our pages in a frame, as more sources in a list of them.
fn ancestors(own: Own<'_>) -> String {
    let origins = own.frame_ancestors.iter();
    origins
        .map(|ancestor| source(Some(ancestor.origin())))
        .collect()
}

/// One more source in a list of them.
fn source(origin: Option<&str>) -> String {
    origin.map_or(String::new(), |origin| format!(" {origin}"))
}

/// The same, and what Ruffle needs: WebAssembly, style elements within its own element, icons in its
/// style sheet as `data:`, and a worker of a few lines, by which a movie goes on in a hidden tab. What
/// comes from elsewhere, if Ruffle does, comes from that one place.
fn flash_policy(own: Own<'_>) -> String {
    let elsewhere = match own.ruffle {
        Some(Ruffle::Address(address)) => source(Some(address.origin())),
        Some(Ruffle::Folder(_)) | None => String::new(),
    };
    let tickets = source(own.ticket_url.and_then(TicketUrl::origin));
    let ancestors = ancestors(own);
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{elsewhere}; \
         style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'{elsewhere}{tickets}; \
         worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'{ancestors}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Own<'_> = Own {
        folder: None,
        ruffle: None,
        demo: Demo::No,
        guests: Guests::Off,
        ticket_url: None,
        frame_ancestors: &[],
        most: 0,
        private: &[],
    };

    #[test]
    fn the_flash_page_trusts_where_ruffle_is() {
        let ruffle = "https://unpkg.com/@ruffle-rs/ruffle".parse().unwrap();
        let far = Own {
            ruffle: Some(&ruffle),
            ..NOTHING
        };
        for (own, expected) in [(NOTHING, 0), (far, 2)] {
            let site = site(own).unwrap();
            let policy = site.get("/flash/index.html").unwrap().policy().unwrap();
            assert_eq!(policy.matches(" https://unpkg.com;").count(), expected);
            assert!(!policy.contains("unsafe-eval'") || policy.contains("'wasm-unsafe-eval'"));
            let chat = site.get("/chat/index.html").unwrap().policy().unwrap();
            assert!(
                !chat.contains("unpkg") && !chat.contains("unsafe"),
                "{chat}"
            );
        }
    }

    #[test]
    fn pages_may_ask_the_site_that_gives_tickets() {
        for (url, expected) in [
            ("/t.php", ""),
            ("https://www.example.com/t.php", " https://www.example.com"),
        ] {
            let url = url.parse().unwrap();
            let own = Own {
                ticket_url: Some(&url),
                ..NOTHING
            };
            let site = site(own).unwrap();
            for page in ["/chat/index.html", "/flash/index.html"] {
                let policy = site.get(page).unwrap().policy().unwrap();
                let part = format!("connect-src 'self'{expected};");
                assert!(policy.contains(&part), "{policy}");
            }
        }
    }

    /// A proxy may serve all of this below a prefix.
    #[test]
    fn built_in_files_link_to_each_other_by_relative_addresses() {
        for built_in in BUILT_IN {
            let Ok(text) = str::from_utf8(built_in.bytes) else {
                continue;
            };
            for absolute in [
                "=\"/",
                "='/",
                "url(/",
                "from \"/",
                "fetch(\"/",
                "\"/chat",
                "\"/flash",
                "\"/ruffle",
                "location.host}/",
            ] {
                assert!(!text.contains(absolute), "{absolute} in {}", built_in.path);
            }
        }
    }

    #[test]
    fn sites_that_may_have_the_pages_in_a_frame() {
        let named = ["https://old.example", "http://127.0.0.1:8000"].map(|o| o.parse().unwrap());
        let own = Own {
            frame_ancestors: &named,
            ..NOTHING
        };
        for (own, expected) in [
            (NOTHING, "; frame-ancestors 'self'"),
            (
                own,
                "; frame-ancestors 'self' https://old.example http://127.0.0.1:8000",
            ),
        ] {
            let site = site(own).unwrap();
            for page in ["/chat/index.html", "/flash/index.html"] {
                let policy = site.get(page).unwrap().policy().unwrap();
                assert!(policy.ends_with(expected), "{policy}");
            }
        }
        for bad in [
            "https://old.example/",
            "https://old.example/chat",
            "old.example",
            "https://x; script-src *",
            "'none'",
            "*",
            "",
        ] {
            assert!(bad.parse::<FrameAncestor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn built_in_pages_have_a_policy_and_nothing_inline() {
        let site = site(NOTHING).unwrap();
        // And where Ruffle is, the operator's colours, and the settings of the pages.
        assert_eq!(site.paths().len(), BUILT_IN.len() + 3, "each path once");
        for built_in in BUILT_IN {
            let file = site.get(built_in.path).unwrap();
            let page = file.mime() == "text/html; charset=utf-8";
            assert_eq!(file.policy().is_some(), page, "{}", built_in.path);
            if !page {
                continue;
            }
            let text = str::from_utf8(built_in.bytes).unwrap();
            for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
                assert!(!text.contains(inline), "{inline} in {}", built_in.path);
            }
            // A proxy may serve the pages below a prefix.
            assert!(
                !text.contains("=\"/"),
                "an absolute link in {}",
                built_in.path
            );
            let policy = file.policy().unwrap();
            for part in ["default-src 'none'; ", "base-uri 'none'; "] {
                assert!(policy.contains(part), "{policy}");
            }
        }
    }

    #[test]
    fn types() {
        for (path, bytes, expected) in [
            ("/a.swf", &b"\xff"[..], "application/x-shockwave-flash"),
            ("/a.SWF", b"\xff", "application/x-shockwave-flash"),
            ("/ruffle.wasm", b"\0asm\xff", "application/wasm"),
            ("/ruffle.js", b"x", "text/javascript; charset=utf-8"),
            ("/a.css", b"x", "text/css; charset=utf-8"),
            ("/a.html", b"\xc3\xa9", "text/html; charset=utf-8"),
            // ISO 8859-1, as its <meta> may say.
            ("/a.html", b"\xe9", "text/html"),
            ("/a.xml", b"x", "text/xml; charset=utf-8"),
            ("/a.json", b"{}", "application/json"),
            ("/a.svg", b"x", "image/svg+xml"),
            ("/a.png", b"x", "image/png"),
            ("/favicon.ico", b"x", "image/x-icon"),
            ("/a.mp3", b"x", "audio/mpeg"),
            ("/a.flv", b"x", "video/x-flv"),
            ("/a.woff2", b"x", "font/woff2"),
            ("/a.unheard-of", b"x", "application/octet-stream"),
            ("/LICENSE", b"x", "application/octet-stream"),
            ("/html", b"x", "application/octet-stream"),
        ] {
            assert_eq!(mime(path, bytes), expected, "{path}");
        }
    }
}
