//! What a folder may hold that is no part of a site, and what only looks so.

use std::fs;

use tempfile::tempdir;

use super::super::folder::tests::Lab;
use super::*;

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

/// However long it is: a file of 600 KB may hold 600 MB.
#[test]
fn no_more_than_the_beginning_is_decompressed() {
    let mut long = io::repeat(b'x').take(1 << 20);
    assert_eq!(begun(&mut long).unwrap().len(), LOOKED_AT);
    assert_eq!(long.limit(), (1 << 20) - LOOKED_AT as u64);
}
