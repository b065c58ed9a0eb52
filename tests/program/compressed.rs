//! Compressed forms of site files, as a client that is not ours asks for them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;

use crate::outside::Server;

/// What `curl` prints when it asks for a path: the head, and the body as it came or unpacked.
fn curl(server: &Server, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let address = format!("http://{}{path}", server.addresses[0]);
    let done = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "20"])
        .args(arguments)
        .arg(address)
        .output()
        .expect("curl");
    let end = done.stdout.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = done.stdout.split_at(end.expect("a whole head") + 4);
    (String::from_utf8(head.to_vec()).unwrap(), body.to_vec())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write(file: &Path, bytes: &[u8], age: u64) {
    fs::write(file, bytes).unwrap();
    let modified = SystemTime::now() - Duration::from_secs(age);
    File::open(file).unwrap().set_modified(modified).unwrap();
}

#[test]
fn files_are_sent_compressed() {
    let folder = tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    let text = b"one line of many\n".repeat(1000);
    write(&site.join("made.txt"), &text, 0);
    write(&site.join("beside.js"), &text, 50);
    write(&site.join("beside.js.gz"), &gzip(&text), 100);
    write(&site.join("beside.js.br"), b"brotli", 50);
    write(&site.join("stale.js"), &text, 50);
    write(&site.join("stale.js.gz"), &gzip(b"older"), 0);
    write(&site.join("stale.js.br"), b"older", 100);
    let server = Server::start(folder.path(), &["--demo", "--site=site"]);

    for path in ["/made.txt", "/beside.js", "/stale.js"] {
        let (plain, body) = curl(&server, path, &[]);
        assert!(!plain.contains("Content-Encoding"), "{plain}");
        assert!(plain.contains("Vary: Accept-Encoding\r\n"), "{plain}");
        assert_eq!(body, text, "{path}");
        let (head, body) = curl(&server, path, &["--compressed", "-HAccept-Encoding: gzip"]);
        assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
        assert_eq!(body, text, "{path}");
    }
    let accept = |what| format!("-HAccept-Encoding: {what}");
    let (head, body) = curl(&server, "/beside.js", &[&accept("gzip")]);
    assert_eq!(
        body,
        gzip(&text),
        "as the operator has compressed it: {head}"
    );
    let (head, body) = curl(&server, "/beside.js", &[&accept("br, gzip")]);
    assert!(head.contains("Content-Encoding: br\r\n"), "{head}");
    assert_eq!(body, b"brotli");
    let (head, body) = curl(&server, "/beside.js.gz", &[&accept("gzip")]);
    assert!(
        !head.contains("Content-Encoding"),
        "a file of its own: {head}"
    );
    assert_eq!(body, gzip(&text));
    let (head, body) = curl(&server, "/stale.js", &[&accept("br")]);
    assert!(!head.contains("Content-Encoding"), "{head}");
    assert_eq!(body, text);

    // The built-in pages, too; and a client that has a form already.
    let (head, _) = curl(&server, "/chat/chat.js", &[&accept("gzip")]);
    let etag = head
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    assert!(etag.ends_with("-gzip\""), "{head}");
    let has = format!("-HIf-None-Match: {etag}");
    let (head, body) = curl(&server, "/chat/chat.js", &[&accept("gzip"), &has]);
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    assert_eq!(body, b"");
    let (head, _) = curl(&server, "/chat/chat.js", &[&has]);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    let (_, said) = server.stop();
    assert!(
        said.contains("/stale.js.gz is not used: it does not unpack to /stale.js"),
        "{said}"
    );
    assert!(
        said.contains("stale.js.br is not used: it is older"),
        "{said}"
    );
    assert_eq!(said.matches("is not used").count(), 2, "{said}");
}
