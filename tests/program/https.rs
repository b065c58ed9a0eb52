//! From http to https: the redirect, and the challenges by which a server gets its certificate.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::outside::{PATIENCE, Running, Server, run_in};
use crate::server::on_both;
use crate::tls::{Authority, Secure};

const TLS: [&str; 2] = ["--tls-cert=one.pem", "--tls-key=one.key"];

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// Waits until a challenge has this status line.
fn wait_for(server: &Server, token: &str, status: &str) -> String {
    let path = format!("/.well-known/acme-challenge/{token}");
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = server.get(&path);
        if answer.starts_with(&format!("HTTP/1.1 {status}")) {
            return answer;
        }
        assert!(Instant::now() < end, "{path}: {answer}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

on_both! {
    fn plain_http_leads_to_https(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let authority = Authority::new();
        authority.issue(place, "one", &["localhost"]);
        let options = [&["--demo", runtime, "--redirect-https"][..], &TLS].concat();
        let server = Server::start(place, &options);
        let to = server.addresses[0];
        let host = format!("localhost:{}", to.port());
        let answer = |request: &str| {
            let mut client = server.connect();
            client.write(request.as_bytes());
            client.rest()
        };
        let plain = answer(&get("/chat/?a", &host));
        assert!(plain.starts_with("HTTP/1.1 302 Found\r\n"), "{plain}");
        assert!(plain.contains(&format!("\r\nLocation: https://{host}/chat/?a\r\n")), "{plain}");
        // What it leads to is the page, and not another redirect.
        let mut secure = Secure::connect(to, &authority);
        secure.write(get("/chat/", &host).as_bytes());
        let page = secure.rest();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("</html>\n"), "{page}");
        let forged = format!("GET /chat/ HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\n\r\n");
        assert!(answer(&forged).starts_with("HTTP/1.1 302 "));
        assert!(answer(&get("/healthz", &host)).starts_with("HTTP/1.1 200 "));
        assert_eq!(server.connect().ask("PING x"), "<pong value=\"x\"/>");
        server.stop();
    }

    /// As where many names are renewed at once.
    fn certificates_are_read_while_challenges_come_and_go(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let authority = Authority::new();
        authority.issue(place, "one", &["localhost"]);
        let inside = place.join("www/.well-known/acme-challenge");
        fs::create_dir_all(&inside).unwrap();
        let options = [&["--demo", runtime, "--acme-webroot=www"][..], &TLS].concat();
        let server = Server::start(place, &options);
        server.running.stdout.wait_for("] STARTED ");
        authority.issue(place, "one", &["localhost"]);
        let end = Instant::now() + PATIENCE;
        for round in 0.. {
            if server.running.stdout.so_far().contains("] RELOADED certificates\n") {
                break;
            }
            assert!(Instant::now() < end, "the certificates are not looked at");
            fs::write(inside.join("token"), format!("token.{round}")).unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
        server.stop();
    }

    /// As certbot does it, in folders that it makes and takes away.
    fn challenges_are_served_at_once(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let authority = Authority::new();
        authority.issue(place, "one", &["localhost"]);
        fs::create_dir(place.join("www")).unwrap();
        fs::write(place.join("www/index.html"), "not served").unwrap();
        let options = [&["--demo", runtime, "--redirect-https", "--acme-webroot=www"][..], &TLS].concat();
        let server = Server::start(place, &options);
        wait_for(&server, "token", "404 ");
        for round in 0..3 {
            let inside = place.join("www/.well-known/acme-challenge");
            fs::create_dir_all(&inside).unwrap();
            fs::write(inside.join("token"), format!("token.{round}")).unwrap();
            let answer = wait_for(&server, "token", "200 ");
            let end = Instant::now() + PATIENCE;
            let mut answer = answer;
            while !answer.ends_with(&format!("\r\n\r\ntoken.{round}")) {
                assert!(Instant::now() < end, "{answer}");
                answer = server.get("/.well-known/acme-challenge/token");
            }
            // A reload keeps what is there.
            server.running.signal(Signal::HUP);
            server.running.stdout.wait_for_times("] RELOADED certificates\n", round + 1);
            assert!(server.get("/.well-known/acme-challenge/token").starts_with("HTTP/1.1 200 "));
            fs::remove_dir_all(place.join("www/.well-known")).unwrap();
            wait_for(&server, "token", "404 ");
        }
        for path in ["/index.html", "/.well-known/acme-challenge/..%2findex.html", "/.well-known/acme-challenge/../../index.html"] {
            let answer = server.get(path);
            assert!(!answer.contains("not served"), "{path}: {answer}");
        }
        server.stop();
    }
}

/// Other programs have taken all that the system has.
#[test]
fn challenges_that_cannot_be_watched_are_a_warning() {
    let folder = tempdir().unwrap();
    let inside = folder.path().join("www/.well-known/acme-challenge");
    fs::create_dir_all(&inside).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg(
        "echo 0 >/proc/sys/user/max_inotify_instances && \
         exec \"$0\" serve --demo --listen 127.0.0.1:0 --acme-webroot www",
    );
    command.arg(env!("CARGO_BIN_EXE_flashgate"));
    command.current_dir(folder.path());
    let server = Server::of(Running::spawn(command), 1);
    let stderr = &server.running.stderr;
    stderr.wait_for("--acme-webroot www cannot be watched: Too many open files");
    fs::write(inside.join("token"), "token.1").unwrap();
    server.running.stdout.wait_for("] STARTED ");
    server.running.signal(Signal::HUP);
    wait_for(&server, "token", "200 ");
    server.stop();
}

/// What belongs to an option that takes a restart waits for it, and the rest of the file does not.
#[test]
fn a_reload_that_begins_tls_changes_the_rest() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    Authority::new().issue(place, "one", &["localhost"]);
    fs::write(
        place.join("token"),
        "scrape 0123456789abcdef0123456789abcdef\n",
    )
    .unwrap();
    let file = place.join("flashgate.toml");
    let write = |lines: &str| {
        let text = format!("demo = true\nlisten = [\"127.0.0.1:0\"]\n{lines}");
        fs::write(&file, text).unwrap();
    };
    let tls = "tls-cert = [\"one.pem\"]\ntls-key = [\"one.key\"]\nredirect-https = true\nhttps-port = 8443\n";
    let admin = "admin = \"127.0.0.1:0\"\nadmin-token = \"token\"\n";
    fs::set_permissions(place.join("token"), Permissions::from_mode(0o600)).unwrap();
    for (before, listeners, after, kept) in [
        ("", 1, tls, "https-port, redirect-https, tls-cert, tls-key"),
        (tls, 1, "", "https-port, redirect-https, tls-cert, tls-key"),
        ("", 1, admin, "admin, admin-token"),
        (admin, 2, "", "admin, admin-token"),
    ] {
        write(before);
        let arguments = ["serve", "--config=flashgate.toml"];
        let server = Server::of(Running::start(place, &arguments, &[]), listeners);
        server.running.stdout.wait_for("] STARTED ");
        write(&format!("{after}max-clients = 7\n"));
        server.running.signal(Signal::HUP);
        let stdout = &server.running.stdout;
        stdout.wait_for(&format!("] RESTART NEEDED \"{kept}\"\n"));
        stdout.wait_for("] RELOADED settings \"max-clients\"\n");
        server.stop();
    }
}

#[test]
fn options_that_lead_nowhere() {
    let folder = tempdir().unwrap();
    let place: &Path = folder.path();
    fs::write(place.join("file"), "").unwrap();
    for (options, code, why) in [
        (
            &["--redirect-https"][..],
            64,
            "--redirect-https leads to TLS, which needs a certificate; add --tls-cert FILE and --tls-key FILE",
        ),
        (
            &["--https-port=443"],
            64,
            "--https-port says where --redirect-https leads to; add --redirect-https",
        ),
        (
            &["--acme-cache=x"],
            64,
            "say how --acme gets a certificate; add --acme NAME",
        ),
        (
            &["--acme=*.example.com"],
            64,
            "it must be a host name like chat.example.com, without * and without a port",
        ),
        (&["--acme=192.0.2.7"], 64, "it must be a host name"),
        (
            &["--acme-directory=http://x"],
            64,
            "it must begin with https:// and a host",
        ),
        (&["--acme-contact=x"], 64, "it must be a mail address"),
        #[cfg(not(feature = "acme"))]
        (
            &["--acme=chat.example.com"],
            64,
            "this program was built without ACME; build it with cargo install --path . --features acme, or let certbot",
        ),
        #[cfg(feature = "acme")]
        (
            &["--acme=chat.example.com", "--acme-cache=file"],
            78,
            "--acme-cache file cannot be written: File exists",
        ),
        (
            &["--acme-webroot=none"],
            78,
            "--acme-webroot none cannot be read",
        ),
        (
            &["--acme-webroot=file"],
            78,
            "--acme-webroot file is not a folder",
        ),
    ] {
        let arguments = [&["serve", "--demo", "--listen=127.0.0.1:0"], options].concat();
        let done = run_in(place, &arguments, "");
        assert_eq!(done.code, code, "{options:?}: {}", done.stderr);
        assert!(done.stderr.contains(why), "{options:?}: {}", done.stderr);
    }
}
