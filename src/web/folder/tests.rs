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
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self {
            folder: tempdir().unwrap(),
        };
        fs::create_dir_all(lab.site().join("games")).unwrap();
        fs::write(lab.folder.path().join("secret.txt"), "secret").unwrap();
        lab.write("index.html", b"<title>Home</title>");
        lab.write("games/chess.swf", b"CWS");
        lab
    }

    fn site(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let file = self.site().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    fn link(&self, name: &str, to: &str) {
        symlink(to, self.site().join(name)).unwrap();
    }

    fn read_most(&self, most: u64) -> Result<Site, Failure> {
        let mut site = Site::default();
        let folder = &self.site();
        read(own(folder, most), &mut site)?;
        Ok(site)
    }

    fn paths(&self) -> Vec<String> {
        let site = self.read_most(MIB).unwrap();
        site.paths().map(str::to_owned).collect()
    }

    /// What is said of a site that is refused.
    fn fault(&self) -> String {
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

/// Members are kept in the current folder, and `--site .` is soon typed.
#[test]
fn a_member_store() {
    let lab = Lab::new();
    let store = lab.site().join("flashgate.db");
    crate::store::Members::open_or_create(&store).unwrap();
    let said = lab.fault();
    assert!(
        said.contains("flashgate.db\" is an SQLite database"),
        "{said}"
    );
}

/// What an old site's folder holds besides its site.
#[test]
fn databases_their_dumps_and_backups() {
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut gzip, bytes).unwrap();
        gzip.finish().unwrap()
    };
    let folder = tempdir().unwrap();
    let store = folder.path().join("m");
    drop(crate::store::Members::open_or_create(&store).unwrap());
    let store = fs::read(store).unwrap();
    let sql = b"CREATE TABLE members (id INT);";
    let database = "is an SQLite database";
    for (name, bytes, said) in [
        ("m.db.gz", gzip(&store), database),
        ("anything", gzip(&store), database),
        ("m.db.gz", gzip(&gzip(&store)), "cannot look into"),
        ("m.db.gz", gzip(&store)[..30].to_vec(), "cannot look into"),
        ("m.db.bz2", b"BZh91AY&SY".to_vec(), "cannot look into"),
        ("m.xz", b"\xfd7zXZ\0".to_vec(), "cannot look into"),
        ("m", b"\x28\xb5\x2f\xfd".to_vec(), "cannot look into"),
        ("m.7z", b"7z\xbc\xaf\x27\x1c".to_vec(), "cannot look into"),
        ("site.rar", Vec::new(), "cannot look into"),
        ("site.tgz", gzip(b"x"), "cannot look into"),
        (
            "site.gz",
            gzip(&[&[b'x'; 257][..], b"ustar\0"].concat()),
            "cannot look into",
        ),
        (
            "m.db-wal",
            b"\x37\x7f\x06\x82".to_vec(),
            "the log of an SQLite",
        ),
        ("m.db-shm", b"x".to_vec(), "the log of an SQLite"),
        (
            "log",
            b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".to_vec(),
            "the log of an SQLite",
        ),
        ("site.mdb", b"x".to_vec(), "part of a database"),
        (
            "site",
            b"\0\x01\0\0Standard Jet DB\0".to_vec(),
            "part of a database",
        ),
        ("users.MYD", b"x".to_vec(), "part of a database"),
        ("dump.SQL", b"x".to_vec(), "a dump of a database"),
        ("dump.sql.2011-01-31", b"x".to_vec(), "a dump of a database"),
        ("dump.sql.gz", gzip(b"x"), "a dump of a database"),
        ("old.txt", sql.to_vec(), "a dump of a database"),
        ("old.txt.gz", gzip(sql), "a dump of a database"),
        (
            "m.txt",
            b"PRAGMA foreign_keys=OFF;\nBEGIN".to_vec(),
            "a dump of a database",
        ),
        (
            "m.csv",
            b"id,\"nick\",name,password,active\n".to_vec(),
            "a table of members",
        ),
        (
            "m.txt",
            b"\xef\xbb\xbfusername;user_password\r\n".to_vec(),
            "a table of members",
        ),
        ("index.html~", b"x".to_vec(), "is a backup"),
        ("games/#chess.html#", b"x".to_vec(), "is a backup"),
        ("index.html.bak", b"x".to_vec(), "is a backup"),
        ("a.old.txt", b"x".to_vec(), "is a backup"),
        (
            "key",
            b"-----BEGIN RSA PRIVATE KEY-----\nx".to_vec(),
            "a private key",
        ),
        (
            "r.rec.gz",
            gzip(b"flashgate-recording 7 redacted\n"),
            "is a recording of this server",
        ),
        ("config.php.txt", b"x".to_vec(), "is a script"),
        ("web.config", b"<configuration>".to_vec(), "is a script"),
        ("login", b"#!/usr/bin/perl".to_vec(), "is a script"),
        ("global.asa", b"x".to_vec(), "is a script"),
        (
            "config.gz",
            gzip(b"\n<?php $password"),
            "is compressed, and what is in it is a script",
        ),
    ] {
        let lab = Lab::new();
        lab.write(name, &bytes);
        let fault = lab.fault();
        assert!(
            fault.contains(said) && fault.contains("; move it out of the site"),
            "{name}: {fault}"
        );
        assert!(fault.contains(&format!("{name}\" ")), "{name}: {fault}");
    }
}

#[test]
fn archives_are_looked_into() {
    let zip = |entries: &[(&str, &[u8])]| {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in entries {
            let mut deflated =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            io::Write::write_all(&mut deflated, content).unwrap();
            let (content, at) = (deflated.finish().unwrap(), bytes.len() as u32);
            let sizes = [0, content.len() as u32, 0].map(u32::to_le_bytes).concat();
            let name_size = (name.len() as u16).to_le_bytes();
            let common = [
                &[20, 0, 0, 0, 8, 0, 0, 0, 0, 0][..],
                &sizes,
                &name_size,
                &[0, 0],
            ]
            .concat();
            bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &content].concat());
            let rest = [&[0; 10][..], &at.to_le_bytes(), name.as_bytes()].concat();
            directory.extend([b"PK\x01\x02\x14\0", &common[..], &rest].concat());
        }
        let count = (entries.len() as u16).to_le_bytes();
        let (size, at) = (
            (directory.len() as u32).to_le_bytes(),
            (bytes.len() as u32).to_le_bytes(),
        );
        let end = [
            b"PK\x05\x06\0\0\0\0",
            &count[..],
            &count,
            &size,
            &at,
            &[0, 0],
        ]
        .concat();
        [bytes, directory, end].concat()
    };
    let game: (&str, &[u8]) = ("games/chess.swf", b"CWS");
    for (entries, said) in [
        (vec![], None),
        (vec![game, ("readme.txt", b"x")], None),
        (
            vec![game, ("old/config.php", b"x")],
            Some("\"old/config.php\" is a script"),
        ),
        (
            vec![game, ("x", b"SQLite format 3\0")],
            Some("\"x\" is an SQLite database"),
        ),
        (
            vec![game, ("x", b"PK\x03\x04")],
            Some("\"x\" is compressed in a way"),
        ),
    ] {
        let lab = Lab::new();
        let archive = zip(&entries);
        lab.write("games.zip", &archive);
        match said {
            None => assert_eq!(lab.paths().len(), 3),
            Some(said) => {
                let fault = lab.fault();
                assert!(
                    fault.contains("is an archive in which ") && fault.contains(said),
                    "{fault}"
                );
            }
        }
        if !entries.is_empty() {
            lab.write("games.zip", &archive[..archive.len() - 22]);
            assert!(lab.fault().contains("cannot look into"), "cut");
        }
    }
}

/// What a site has in good order, though it looks a little like the above.
#[test]
fn what_is_no_leak() {
    let lab = Lab::new();
    for (name, bytes) in [
        ("tool.js", &b"#!/usr/bin/env node"[..]),
        ("sql.html", b"<p>CREATE TABLE members</p>"),
        ("scores.csv", b"nick,score\nbob,7\n"),
        ("login.txt", b"login, password"),
        ("index.html.pl", b"<p>Witaj"),
        ("php.txt", b"x"),
        ("1.2.3", b"x"),
        ("old", b"x"),
        (
            "style.css.gz",
            &[
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
    ] {
        lab.write(name, bytes);
    }
    assert_eq!(lab.paths().len(), 12);
}

/// Of several faults it is the first by name, at each start.
#[test]
fn the_first_fault_is_told() {
    let lab = Lab::new();
    for n in (10..60).rev() {
        lab.write(&format!("{n}.sql"), b"x");
    }
    assert!(lab.fault().contains("/10.sql\" "));
}

/// Files that the server itself is told of.
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
