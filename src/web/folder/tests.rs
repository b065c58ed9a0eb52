use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use tempfile::{TempDir, tempdir};

use super::*;

fn own(folder: &Path, most: u64) -> Folder<'_> {
    Folder {
        folder,
        option: "--site",
        mount: "",
        most,
        private: &[],
    }
}

/// A folder with a site in it, and something beside it that is nobody's business.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self {
            folder: tempdir().unwrap(),
        };
        fs::create_dir_all(lab.site().join("games")).unwrap();
        fs::write(lab.folder.path().join("secret.txt"), "secret").unwrap();
        lab.write("index.html", b"<title>Home</title>");
        lab.write("games/chess.swf", b"CWS");
        lab
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let file = self.site().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    pub(crate) fn link(&self, name: &str, to: &str) {
        symlink(to, self.site().join(name)).unwrap();
    }

    pub(crate) fn read_most(&self, most: u64) -> Result<Site, Failure> {
        let mut site = Site::default();
        let folder = &self.site();
        read(own(folder, most), &mut site)?;
        Ok(site)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let site = self.read_most(MIB).unwrap();
        site.paths().map(str::to_owned).collect()
    }

    /// What is said of a site that is refused.
    pub(crate) fn fault(&self) -> String {
        let failure = self.read_most(MIB).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert_eq!(failure.message.lines().count(), 1, "{failure}");
        failure.message
    }
}

#[test]
fn files_and_folders() {
    let lab = Lab::new();
    lab.write("a b/\u{e9}\\%41.txt", b"x");
    lab.write("empty", b"");
    fs::create_dir(lab.site().join("nothing")).unwrap();
    let site = lab.read_most(MIB).unwrap();
    let paths: Vec<&str> = site.paths().collect();
    assert_eq!(
        paths,
        [
            "/a b/\u{e9}\\%41.txt",
            "/empty",
            "/games/chess.swf",
            "/index.html"
        ]
    );
    let movie = site.get("/games/chess.swf").unwrap();
    assert_eq!(movie.bytes(), b"CWS");
    assert_eq!(movie.mime(), "application/x-shockwave-flash");
}

#[test]
fn dot_files_are_left_out_whatever_they_are() {
    let lab = Lab::new();
    lab.write(".htpasswd", b"x");
    lab.write(".git/config", b"x");
    lab.write("games/.DS_Store", b"x");
    lab.write("games/...", b"x");
    lab.link(".out", "../secret.txt");
    assert_eq!(lab.paths(), ["/games/chess.swf", "/index.html"]);
}

#[test]
fn links_inside_are_followed() {
    let lab = Lab::new();
    lab.link("old.html", "index.html");
    lab.link("games/up.html", "../index.html");
    lab.link("play", "games");
    lab.link(
        "absolute.swf",
        lab.site().join("games/chess.swf").to_str().unwrap(),
    );
    assert_eq!(
        lab.paths(),
        [
            "/absolute.swf",
            "/games/chess.swf",
            "/games/up.html",
            "/index.html",
            "/old.html",
            "/play/chess.swf",
            "/play/up.html"
        ]
    );
}

#[test]
fn the_folder_itself_may_be_a_link() {
    let lab = Lab::new();
    let link = lab.folder.path().join("link");
    symlink("site", &link).unwrap();
    let mut site = Site::default();
    read(own(&link, MIB), &mut site).unwrap();
    assert_eq!(site.paths().len(), 2);
}

#[test]
fn links_that_are_refused() {
    for (to, fault) in [
        ("../secret.txt", "a link out of the folder"),
        (
            "../../../../../../../../../../etc/passwd",
            "a link out of the folder",
        ),
        ("..", "a link out of the folder"),
        ("/", "a link out of the folder"),
        // A folder whose name begins in the same way is another one.
        ("../site2/x", "a link out of the folder"),
        (".git/config", "dot file"),
        ("nowhere", "is a broken link"),
        ("link", "is a broken link"),
        (".", "contains it"),
        ("games/again", "contains it"),
    ] {
        let lab = Lab::new();
        lab.write(".git/config", b"x");
        lab.write("../site2/x", b"x");
        if to == "games/again" {
            lab.link("games/again", "../games");
        }
        lab.link("link", to);
        let said = lab.fault();
        assert!(said.contains(fault), "{to}: {said}");
        let named = ["site/link\"", "site/games/again\"", "site/link/again\""];
        assert!(named.iter().any(|name| said.contains(name)), "{to}: {said}");
    }
}

/// Two links to the next folder in each of 40 folders are a million million ways to the last.
#[test]
fn links_that_multiply() {
    let lab = Lab::new();
    for n in 0..40 {
        lab.write(&format!("{n}/x"), b"");
        for name in ["a", "b"] {
            lab.link(&format!("{n}/{name}"), &format!("../{}", n + 1));
        }
    }
    lab.write("40/x", b"");
    assert!(lab.fault().contains("more than 2048 files and folders"));
}

#[test]
fn folders_in_folders() {
    let lab = Lab::new();
    let deep = "d/".repeat(DEEPEST);
    lab.write(&format!("{deep}x"), b"x");
    assert_eq!(lab.paths().len(), 3);
    lab.write(&format!("{deep}d/x"), b"x");
    assert!(lab.fault().contains("more than 64 folders deep"));
}

#[test]
fn an_address_that_is_too_long() {
    let lab = Lab::new();
    let long = format!("{}/", "x".repeat(250)).repeat(10);
    fs::create_dir_all(lab.site().join(&long)).unwrap();
    assert_eq!(lab.paths().len(), 2);
    // Two such ways are too much for a name in the file system, but not for a link.
    lab.link(&format!("{long}on"), "../../../../../../../../../../again");
    lab.write(&format!("again/{long}file"), b"x");
    assert!(lab.fault().contains("the path is too long"));
}

#[test]
fn what_is_no_file() {
    let lab = Lab::new();
    let _socket = UnixListener::bind(lab.site().join("socket")).unwrap();
    let said = lab.fault();
    assert!(said.contains("site/socket\" is neither"), "{said}");
}

#[test]
fn a_name_that_is_not_utf8() {
    let lab = Lab::new();
    let name = OsStr::from_bytes(b"caf\xe9\n.html");
    fs::write(lab.site().join(name), "x").unwrap();
    let said = lab.fault();
    assert!(said.contains("caf\\xE9\\n.html"), "{said}");
    assert!(said.contains("not UTF-8"), "{said}");
}

/// Of several faults it is the first by name, at each start.
#[test]
fn the_first_fault_is_reported() {
    let lab = Lab::new();
    for n in (10..60).rev() {
        lab.write(&format!("{n}.sql"), b"x");
    }
    assert!(lab.fault().contains("/10.sql\" "));
}

/// Files that options of the server name.
#[test]
fn what_another_option_names() {
    let lab = Lab::new();
    lab.write("tickets.txt", b"0123456789abcdef");
    let private = [fs::canonicalize(lab.site()).unwrap().join("tickets.txt")];
    let folder = &lab.site();
    let own = Folder {
        private: &private,
        ..own(folder, MIB)
    };
    let failure = read(own, &mut Site::default()).unwrap_err();
    assert!(
        failure
            .message
            .contains("tickets.txt\" is named by another option"),
        "{failure}"
    );
}

#[test]
fn scripts_with_their_passwords() {
    for (name, bytes) in [
        ("Config.PHP", &b"x"[..]),
        ("old/login.asp", b"x"),
        ("db.inc", b"\n<?php $password = 'secret';"),
    ] {
        let lab = Lab::new();
        lab.write(name, bytes);
        let said = lab.fault();
        assert!(said.contains(&format!("{name}\" is a script")), "{said}");
    }
    let lab = Lab::new();
    lab.write("about php.html", b"It begins with <?php, they say.");
    assert_eq!(lab.paths().len(), 3);
}

#[test]
fn the_limit() {
    let lab = Lab::new();
    let bytes = "<title>Home</title>".len() as u64 + 3;
    assert!(lab.read_most(bytes).is_ok());
    let failure = lab.read_most(bytes - 1).unwrap_err();
    assert_eq!(failure.exit, Exit::Config);
    assert!(failure.message.contains("--max-site"), "{failure}");
}

#[test]
fn a_folder_that_is_none() {
    let lab = Lab::new();
    for name in ["none", "index.html", "index.html/x"] {
        let folder = &lab.site().join(name);
        let failure = read(own(folder, 1), &mut Site::default()).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert!(failure.message.contains("check --site"), "{failure}");
    }
}
