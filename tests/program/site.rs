//! What the program serves over HTTP: the built-in pages, and a folder of the operator's own.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::tempdir;

use crate::outside::{Server, run_in};

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(n, value)| (n == name).then_some(value))
    }
}

fn ask(server: &Server, request: &str) -> Answer {
    let mut client = server.connect();
    client.write(request.as_bytes());
    let mut answer = Vec::new();
    client.socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a whole head") + 4);
    Answer {
        head: String::from_utf8(answer).unwrap(),
        body,
    }
}

pub(crate) fn get(server: &Server, path: &str) -> Answer {
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// More than a socket takes at once, and no byte of it is like its neighbours.
fn movie() -> Vec<u8> {
    let noise = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    b"CWS\x09".iter().copied().chain(noise).collect()
}

#[test]
fn the_built_in_pages() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let home = get(&server, "/");
    assert_eq!(
        (home.status(), home.field("Location")),
        ("302", Some("/chat/"))
    );
    assert_eq!(home.field("Cache-Control"), Some("no-store"));
    let bare = get(&server, "/chat?x=1");
    assert_eq!(bare.field("Location"), Some("chat/?x=1"));

    let chat = get(&server, "/chat/");
    assert_eq!(chat.status(), "200", "{}", chat.head);
    assert_eq!(chat.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(chat.field("X-Content-Type-Options"), Some("nosniff"));
    let policy = chat.field("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(get(&server, "/chat/index.html").body, chat.body);
    let script = get(&server, "/chat/chat.js");
    let mime = script.field("Content-Type");
    assert_eq!(mime, Some("text/javascript; charset=utf-8"));
    let (log, said) = server.stop();
    assert_eq!(log.matches("REDIRECT").count(), 1, "{log}");
    assert!(log.contains("REDIRECT \"GET /\""), "{log}");
    assert_eq!(said.matches("404").count(), 0, "{said}");
}

#[test]
fn a_demo_says_how_to_try_it() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let script = text(&get(&server, "/chat/settings.js"));
    let address = server.addresses[0];
    let (_, said) = server.stop();
    let open = format!("open http://{address}/chat/ ");
    assert!(said.contains(&open), "{said}");
    for (nick, password) in [
        ("alice", "secret1"),
        ("bob", "secret2"),
        ("carol", "secret3"),
    ] {
        assert!(
            said.contains(&format!("{nick} (password {password})")),
            "{said}"
        );
        let json = format!("{{\"nick\": \"{nick}\", \"password\": \"{password}\"}}");
        assert!(script.contains(&json), "{script}");
    }

    // Real members have nothing of this.
    let server = Server::start(folder.path(), &["--members=members.db"]);
    let script = text(&get(&server, "/chat/settings.js"));
    assert!(!script.contains("secret"), "{script}");
    let (_, said) = server.stop();
    assert!(!said.contains("demo") && !said.contains("secret"), "{said}");
}

#[test]
fn pages_know_where_tickets_are_given() {
    let folder = tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let url = "https://www.example.com/ticket.php?for=chat";
    let options = ["--demo", "--ticket-secret=secret", "--ticket-url", url];
    let server = Server::start(folder.path(), &options);
    let script = get(&server, "/chat/settings.js");
    assert_eq!(
        script.field("Content-Type"),
        Some("text/javascript; charset=utf-8")
    );
    assert!(text(&script).contains(&format!("\"ticketUrl\": \"{url}\"")));
    for page in ["/chat/", "/flash/"] {
        let page = get(&server, page);
        let policy = page.field("Content-Security-Policy").unwrap();
        let part = "connect-src 'self' https://www.example.com;";
        assert!(policy.contains(part), "{policy}");
    }

    for (options, tells) in [
        (&["--ticket-url=/t.php"][..], "--ticket-secret"),
        (
            &["--ticket-secret=secret", "--ticket-url=t.php"],
            "a path with one /",
        ),
        (
            &[
                "--ticket-secret=secret",
                "--ticket-url=https://x/;script-src",
            ],
            "letters, digits",
        ),
    ] {
        let done = run_in(folder.path(), &[&["serve", "--demo"], options].concat(), "");
        assert_eq!(done.code, 64, "{options:?} {}", done.stderr);
        assert!(done.stderr.contains(tells), "{options:?} {}", done.stderr);
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

fn a_folder(runtime: &str) {
    let folder = tempdir().unwrap();
    let site = folder.path().join("my site");
    write(&site, "index.html", b"<title>Home</title>");
    write(&site, "chat/index.html", b"<title>My chat</title>");
    write(&site, "games/a b \u{e9}.swf", &movie());
    write(&site, "ruffle/core.wasm", b"\0asm\x01\0\0\0\xff");
    write(&site, ".htpasswd", b"secret");
    write(&site, "crossdomain.xml", b"<cross-domain-policy/>");
    write(folder.path(), "secret.txt", b"secret");
    symlink("games", site.join("play")).unwrap();
    let server = Server::start(folder.path(), &["--demo", runtime, "--site=my site"]);

    assert_eq!(get(&server, "/").body, b"<title>Home</title>");
    let own = get(&server, "/chat/");
    assert_eq!(own.body, b"<title>My chat</title>");
    assert_eq!(own.field("Content-Security-Policy"), None);
    assert_eq!(get(&server, "/chat/chat.css").status(), "200");

    for path in ["/games/a%20b%20%C3%A9.swf", "/play/a%20b%20%c3%a9.swf?v=2"] {
        let answer = get(&server, path);
        let mime = answer.field("Content-Type");
        assert_eq!(mime, Some("application/x-shockwave-flash"), "{path}");
        assert_eq!(answer.field("Access-Control-Allow-Origin"), Some("*"));
        assert!(answer.body == movie(), "{path}: {}", answer.body.len());
    }
    let wasm = get(&server, "/ruffle/core.wasm");
    assert_eq!(wasm.field("Content-Type"), Some("application/wasm"));

    let tag = wasm.field("ETag").unwrap();
    let again =
        format!("GET /ruffle/core.wasm HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\n\r\n");
    let known = ask(&server, &again);
    assert_eq!((known.status(), known.body.len()), ("304", 0));
    assert_eq!(known.field("ETag"), Some(tag));

    for path in [
        "/.htpasswd",
        "/../secret.txt",
        "/games/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/games",
    ] {
        let answer = get(&server, path);
        assert_eq!(answer.status(), "404", "{path}");
        assert_eq!(answer.field("Cache-Control"), Some("no-store"), "{path}");
    }
    let policy = get(&server, "/crossdomain.xml").body;
    assert!(String::from_utf8(policy).unwrap().contains("to-ports"));
    let (log, said) = server.stop();
    assert_eq!(log.matches("REDIRECT").count(), 0, "{log}");
    assert!(said.contains("crossdomain.xml is never served"), "{said}");
    assert!(said.contains("--policy-file"), "{said}");
}

#[test]
fn a_folder_on_smol() {
    a_folder("--runtime=smol");
}

#[test]
fn a_folder_on_std() {
    a_folder("--runtime=std");
}

/// A server that cannot serve what its options ask for does not start, says why, and leaves nothing behind.
#[test]
fn sites_that_are_refused() {
    let folder = tempdir().unwrap();
    let site = folder.path().join("site");
    let refused = |options: &[&str], tells: &[&str]| {
        let mut arguments = vec!["serve", "--listen=127.0.0.1:0"];
        arguments.extend(options);
        let done = run_in(folder.path(), &arguments, "");
        assert_eq!((done.code, done.stdout.as_str()), (78, ""), "{done:?}");
        for text in tells {
            assert!(done.stderr.contains(text), "no {text} in {}", done.stderr);
        }
        assert!(!folder.path().join("flashgate.db").exists());
    };
    refused(
        &["--site=site"],
        &["\"site\" cannot be read", "check --site"],
    );

    write(&site, "big.swf", &vec![0; 1024 * 1024 + 1]);
    let big = ["--site=site", "--max-site=1"];
    refused(&big, &["holds more than 1 MiB", "raise --max-site"]);

    write(folder.path(), "secret.txt", b"secret");
    let link = site.join("link.txt");
    symlink("../secret.txt", &link).unwrap();
    refused(
        &["--site=site"],
        &["\"site/link.txt\"", "is a link out of the folder"],
    );

    fs::remove_file(link).unwrap();
    // Whatever it is called, and by whatever way it is named.
    let recording = site.join("readme.txt");
    write(&site, "readme.txt", b"x");
    refused(
        &["--site=site", "--record=site/../site/readme.txt"],
        &["\"site/readme.txt\" is named by another option"],
    );
    fs::remove_file(recording).unwrap();

    let server = Server::start(
        folder.path(),
        &["--demo", "--site=site", "--redirect=/nowhere"],
    );
    assert_eq!(get(&server, "/big.swf").body.len(), 1024 * 1024 + 1);
    let redirect = get(&server, "/x");
    assert_eq!(redirect.status(), "301");
    assert_eq!(redirect.field("Location"), Some("/nowhere"));
    assert_eq!(get(&server, "/nowhere").status(), "404");
    let (_, said) = server.stop();
    assert!(
        said.contains("--redirect /nowhere leads to a path"),
        "{said}"
    );
}
