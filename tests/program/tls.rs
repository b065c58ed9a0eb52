//! TLS on the same port: clients that are not ours, certificates that change, and those that cannot be used.

mod peers;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::tempdir;
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;

use crate::outside::{Output, PATIENCE, Server, run_in};
use crate::server::on_both;
pub(crate) use peers::{Authority, Secure, V1_2, V1_3};
use peers::{Ends, write_pair};

/// A server with a certificate for localhost.
fn start(folder: &Path, runtime: &str, more: &[&str]) -> (Server, Authority) {
    let authority = Authority::new();
    authority.issue(folder, "one", &["localhost", "127.0.0.1"]);
    fs::write(folder.join("ca.pem"), &authority.pem).unwrap();
    let options = [
        &["--demo", runtime, "--tls-cert=one.pem", "--tls-key=one.key"],
        more,
    ]
    .concat();
    (Server::start(folder, &options), authority)
}

fn der(folder: &Path, name: &str) -> Vec<u8> {
    let pem = fs::read(folder.join(format!("{name}.pem"))).unwrap();
    CertificateDer::from_pem_slice(&pem).unwrap().to_vec()
}

/// Runs `openssl s_client`, and gives its output once all of `wanted` is in it.
fn openssl(to: SocketAddr, options: &[&str], lines: &[&str], wanted: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", &to.to_string()])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Output::read(child.stdout.take().unwrap());
    let errors = Output::read(child.stderr.take().unwrap());
    let mut stdin = child.stdin.take().unwrap();
    for line in lines {
        output.wait_for("---\n");
        thread::sleep(Duration::from_millis(100));
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    let end = Instant::now() + PATIENCE;
    let is_done = |text: &str| wanted.iter().all(|wanted| text.contains(wanted));
    let mut text = String::new();
    while !is_done(&text) && Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
        text = output.so_far() + &errors.so_far();
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(is_done(&text), "not all of {wanted:?} in {text}");
    text
}

on_both! {
    /// https, wss, policy and chat, with and without TLS, on one port; and what the log says of it.
    fn one_port_serves_everything(runtime) {
        let folder = tempdir().unwrap();
        let (server, authority) = start(folder.path(), runtime, &[]);
        let to = server.addresses[0];
        let mut plain = server.connect();
        assert!(plain.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(plain.answer().starts_with("<identify "));

        let config = authority.config(&[V1_2]);
        let mut old = Secure::with(to, &config, "localhost").unwrap();
        let mut new = Secure::connect(to, &authority);
        assert_eq!(old.ask("IDENTIFY 2 secret2"), "<login aid=\"bob\" name=\"Bob\" />");
        assert_eq!(old.answer(), "<identify aid=\"bob\" name=\"Bob\" />");
        assert_eq!(plain.answer(), "<login aid=\"bob\" name=\"Bob\" />");
        new.write(b"IDENTIFY 3 sec");
        new.write(b"ret3\0MSG bob hello\0");
        assert_eq!(new.answer(), "<login aid=\"carol\" name=\"Carol\" />");
        assert_eq!(old.answer(), "<login aid=\"carol\" name=\"Carol\" />");
        assert!(old.answer().contains(" msg=\"hello\" from=\"bob\" "));
        assert!(plain.answer().starts_with("<login aid=\"carol\""));
        plain.send("MSG carol from plain");
        assert!(plain.answer().contains(" msg=\"from plain\" "));
        assert!(new.answer().starts_with("<identify "));
        assert!(new.answer().contains(" msg=\"hello\" "));
        assert!(new.answer().contains(" msg=\"from plain\" "));

        let mut policy = Secure::connect(to, &authority);
        policy.send("<policy-file-request/>");
        assert!(policy.rest().ends_with("</cross-domain-policy>\0"));

        // Its own close_notify ends its side; what was asked is answered.
        let mut half = Secure::connect(to, &authority);
        half.send("PING x");
        half.0.conn.send_close_notify();
        half.0.flush().unwrap();
        assert_eq!(half.rest(), "<pong value=\"x\"/>\0");

        let config = authority.config(&[V1_3]);
        let Secure(stream) = Secure::with(to, &config, "localhost").unwrap();
        let request = format!("wss://localhost:{}/", to.port()).into_client_request().unwrap();
        let (mut websocket, _) = tungstenite::client(request, stream).unwrap();
        websocket.send(Message::text("PING over-wss")).unwrap();
        assert_eq!(websocket.read().unwrap(), Message::text("<pong value=\"over-wss\"/>"));

        let metrics = server.get("/metrics");
        let count = |result: &str| format!("flashgate_tls_handshakes_total{{result=\"{result}\"}} ");
        for line in [count("TLS 1.2") + "1\n", count("TLS 1.3") + "4\n", count("failed") + "0\n"] {
            assert!(metrics.contains(&line), "{line} in {metrics}");
        }
        let (o, n, p) = (old.address(), new.address(), plain.address());
        let (log, _) = server.stop();
        // The server's end is one of TLS, too.
        assert_eq!((old.rest(), new.rest()), (String::new(), String::new()));
        for line in [
            format!("] CONNECTED (2/4096) {o}\n"),
            format!("] TLS 1.2 {o}\n"),
            format!("] TLS 1.3 {n}\n"),
            format!("] LOGIN 2(2/4096) {o}\n"),
            format!("] CLOSED shutdown {n}\n"),
        ] {
            assert!(log.contains(&line), "{line} in {log}");
        }
        assert!(!log.contains(&format!("] TLS 1.3 {p}")), "{log}");
    }

    fn openssl_and_curl(runtime) {
        let folder = tempdir().unwrap();
        let authority = Authority::new();
        let place = folder.path();
        authority.issue(place, "two", &["two.example", "*.wild.example"]);
        let (server, one) = start(place, runtime, &["--tls-cert=two.pem", "--tls-key=two.key"]);
        let to = server.addresses[0];
        drop(one);
        // The first certificate is the default, and SNI chooses the other one.
        for (options, version) in [(["-tls1_2"], "TLSv1.2"), (["-tls1_3"], "TLSv1.3")] {
            let sni = |name| [&options[..], &["-servername", name, "-showcerts"]].concat();
            let pem = |name: &str| fs::read_to_string(place.join(name)).unwrap().replace('\r', "");
            for (name, file) in [
                ("localhost", "one.pem"),
                ("nowhere.example", "one.pem"),
                ("two.example", "two.pem"),
                ("a.wild.example", "two.pem"),
            ] {
                let text = openssl(to, &sni(name), &["PING x"], &["<pong value=\"x\"/>", version]);
                assert!(text.contains(pem(file).trim()), "{name}: {text}");
            }
        }
        let none = openssl(to, &["-noservername", "-showcerts"], &["PING x"], &["<pong "]);
        assert!(none.contains(fs::read_to_string(place.join("one.pem")).unwrap().replace('\r', "").trim()), "{none}");
        // Another protocol than HTTP/1.1 is not agreed on.
        openssl(to, &["-alpn", "h2,http/1.1"], &[], &["ALPN protocol: http/1.1"]);
        openssl(to, &["-alpn", "h2"], &[], &["alert no application protocol"]);
        openssl(to, &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], &[], &["alert handshake failure"]);
        server.running.stdout.wait_for("] TLS REFUSED handshake \"");
        // Sessions come back, in both versions.
        for version in ["-tls1_2", "-tls1_3"] {
            let session = place.join(format!("session{version}"));
            let session = session.to_str().unwrap();
            openssl(to, &[version, "-sess_out", session], &["PING x", "Q"], &["<pong "]);
            let end = Instant::now() + PATIENCE;
            while fs::metadata(session).map_or(0, |file| file.len()) == 0 {
                assert!(Instant::now() < end, "no session");
                thread::sleep(Duration::from_millis(5));
            }
            openssl(to, &[version, "-sess_in", session], &["PING x"], &["Reused, ", "<pong "]);
        }
        // New keys, in both directions.
        let lines = ["PING a", "K", "PING b", "k", "PING c"];
        openssl(to, &["-tls1_3"], &lines, &["KEYUPDATE", "value=\"a\"", "value=\"b\"", "value=\"c\""]);

        let port = to.port();
        let curl = Command::new("curl")
            .args(["--silent", "--show-error", "--cacert", "ca.pem"])
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
            .arg(format!("https://localhost:{port}/chat/"))
            .current_dir(place)
            .output()
            .unwrap();
        let page = String::from_utf8_lossy(&curl.stdout);
        assert!(page.contains("</html>"), "{page} {}", String::from_utf8_lossy(&curl.stderr));
        server.stop();
    }

    /// Renewed under clients that are connected, by a signal.
    fn certificates_change_under_connections(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let (server, authority) = start(place, runtime, &[]);
        let to = server.addresses[0];
        let mut open: Vec<Secure> = (0..100).map(|_| Secure::connect(to, &authority)).collect();
        let before = der(place, "one");
        assert!(open.iter().all(|client| client.certificate() == before));

        authority.issue(place, "one", &["localhost"]);
        let renewed = der(place, "one");
        assert_ne!(before, renewed);
        assert_eq!(Secure::connect(to, &authority).certificate(), before);
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("] RELOADED certificates\n");
        let mut client = Secure::connect(to, &authority);
        assert_eq!(client.certificate(), renewed);
        assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
        for (n, client) in open.iter_mut().enumerate() {
            assert_eq!(client.ask(&format!("PING {n}")), format!("<pong value=\"{n}\"/>"));
        }

        // What cannot be used changes nothing, and the log says why.
        let stdout = &server.running.stdout;
        let other = Authority::new();
        other.issue(place, "other", &["localhost"]);
        fs::copy(place.join("other.key"), place.join("one.key")).unwrap();
        server.running.signal(Signal::HUP);
        stdout.wait_for("] RELOAD FAILED \"the key in one.key does not fit the certificate in one.pem");
        authority.issue_until(place, "one", &["localhost"], Ends::Early);
        server.running.signal(Signal::HUP);
        stdout.wait_for("] RELOAD FAILED \"the certificate one.pem has expired");
        fs::remove_file(place.join("one.pem")).unwrap();
        server.running.signal(Signal::HUP);
        stdout.wait_for("] RELOAD FAILED \"the certificate one.pem cannot be read");
        assert_eq!(Secure::connect(to, &authority).certificate(), renewed);
        assert_eq!(stdout.so_far().matches("] RELOADED certificates\n").count(), 1);
        server.stop();
    }

    /// As certbot does it, without a signal.
    fn certificates_are_renewed_without_a_signal(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let (server, authority) = start(place, runtime, &[]);
        authority.issue(place, "one", &["localhost"]);
        server.running.stdout.wait_for("] RELOADED certificates\n");
        let client = Secure::connect(server.addresses[0], &authority);
        assert_eq!(client.certificate(), der(place, "one"));
        thread::sleep(Duration::from_secs(6));
        let (log, _) = server.stop();
        assert_eq!(log.matches("RELOAD").count(), 1, "{log}");
    }

    /// A server has more to serve than TLS.
    fn an_expired_certificate_is_a_warning_at_the_start(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let authority = Authority::new();
        authority.issue_until(place, "one", &["localhost"], Ends::Early);
        let server = Server::start(place, &["--demo", runtime, "--tls-cert=one.pem", "--tls-key=one.key"]);
        let to = server.addresses[0];
        assert_eq!(server.connect().ask("PING x"), "<pong value=\"x\"/>");
        let refused = Secure::with(to, &authority.config(&[V1_3]), "localhost").err().unwrap();
        assert!(refused.contains("xpired"), "{refused}");
        server.running.stdout.wait_for("] TLS REFUSED handshake \"received fatal alert: CertificateExpired\" 127.0.0.1:");
        let (_, said) = server.stop();
        assert!(said.contains("the certificate one.pem has expired, and clients will refuse it"), "{said}");
    }

    /// Sessions survive a reload, so that a crowd that comes back is cheap.
    fn sessions_are_resumed(runtime) {
        let folder = tempdir().unwrap();
        let (server, authority) = start(folder.path(), runtime, &[]);
        for version in [V1_2, V1_3] {
            let config = authority.config(&[version]);
            let mut kinds = Vec::new();
            for _ in 0..2 {
                let mut client = Secure::with(server.addresses[0], &config, "localhost").unwrap();
                assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
                kinds.push(client.0.conn.handshake_kind().unwrap());
                server.running.signal(Signal::HUP);
                thread::sleep(Duration::from_millis(100));
            }
            assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
        }
        server.stop();
    }

    fn handshakes_that_fail(runtime) {
        let folder = tempdir().unwrap();
        let (server, _) = start(folder.path(), runtime, &[]);
        let mut garbage = server.connect();
        garbage.write(b"\x16\x03\x01\x00\x05hello");
        garbage.socket.read_to_end(&mut Vec::new()).unwrap();
        server.running.stdout.wait_for("] TLS REFUSED handshake \"");
        thread::sleep(Duration::from_secs(1));
        let mut half = server.connect();
        half.write(b"\x16\x03\x01\x02\x00\x01");
        drop(half);
        server.running.stdout.wait_for("] TLS REFUSED handshake \"not finished\" 127.0.0.1:");
        assert!(server.get("/metrics").contains("flashgate_tls_handshakes_total{result=\"failed\"} 2\n"));
        server.stop();
    }

    fn recordings_have_what_was_inside(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let (server, authority) = start(place, runtime, &["--record=chat.rec"]);
        let mut client = Secure::connect(server.addresses[0], &authority);
        assert!(client.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(client.answer().starts_with("<identify "));
        thread::sleep(Duration::from_millis(50));
        client.send("QUIT");
        assert_eq!(client.rest(), "");
        let mut broken = server.connect();
        broken.write(b"\x16\x03\x01\x00\x05hello");
        broken.socket.read_to_end(&mut Vec::new()).unwrap();
        server.stop();
        let recorded = fs::read_to_string(place.join("chat.rec")).unwrap();
        assert!(recorded.contains("\nestablished 0.0 1.3\n") && recorded.contains("IDENTIFY\\s1\\s"), "{recorded}");
        assert!(recorded.contains("\nbroken "), "{recorded}");
        assert!(!recorded.contains("secret1"));
        let done = run_in(place, &["replay", "chat.rec"], "");
        assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    }

    /// The terminal client checks who it speaks to.
    fn the_terminal_client(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let (server, _) = start(place, runtime, &[]);
        let to = server.addresses[0].to_string();
        let mut bob = server.connect();
        assert!(bob.ask("IDENTIFY 2 secret2").starts_with("<login "));
        assert!(bob.answer().starts_with("<identify "));
        let many: String = (0..60).map(|n| format!("line {n}\n")).collect();
        let input = format!("secret1\n/msg bob hi\n{many}/list\n");
        let arguments = ["chat", "--tls", "--tls-ca=ca.pem", "--id=1", &to];
        let done = run_in(place, &arguments, &input);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
        assert!(done.stdout.contains("* You are Alice (alice).\n"), "{}", done.stdout);
        assert!(done.stdout.contains("line 59"), "{}", done.stdout);
        assert!(server.running.stdout.so_far().contains("] TLS 1.3 "));

        let stranger = Authority::new();
        fs::write(place.join("stranger.pem"), &stranger.pem).unwrap();
        let plain = Server::start(place, &["--demo", runtime]);
        let no_tls = plain.addresses[0].to_string();
        for (arguments, why) in [
            (vec!["chat", "--tls", "--tls-ca=stranger.pem", &to], "signed by nobody"),
            (vec!["chat", "--tls", "--tls-ca=ca.pem", &no_tls], "has it a certificate?"),
            (vec!["chat", "--tls", "--tls-ca=none.pem", &to], "none.pem: cannot be read"),
            (vec!["chat", "--tls", "--tls-ca=one.key", &to], "has no certificate in PEM form"),
            (vec!["chat", "--tls-ca=ca.pem", &to], "add --tls"),
        ] {
            let done = run_in(place, &arguments, "1\nsecret1\n");
            assert_ne!(done.code, 0, "{arguments:?}");
            assert!(done.stderr.contains(why), "{arguments:?}: {}", done.stderr);
        }
    }
}

#[test]
fn pairs_that_cannot_be_used() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    let authority = Authority::new();
    authority.issue(place, "one", &["localhost"]);
    authority.issue(place, "two", &["localhost"]);
    let one = fs::read_to_string(place.join("one.pem")).unwrap();
    fs::write(place.join("damaged.pem"), one.replace('M', "-")).unwrap();
    fs::write(place.join("empty.pem"), "").unwrap();
    fs::write(place.join("der.pem"), der(place, "one")).unwrap();
    fs::copy(place.join("one.key"), place.join("open.key")).unwrap();
    fs::set_permissions(place.join("open.key"), Permissions::from_mode(0o644)).unwrap();
    write_pair(
        place,
        "encrypted",
        &one,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let both = |certificate: &str, key: &str| {
        vec![
            format!("--tls-cert={certificate}"),
            format!("--tls-key={key}"),
        ]
    };
    for (options, code, why) in [
        (
            both("none.pem", "one.key"),
            78,
            "the certificate none.pem cannot be read",
        ),
        (
            both("one.pem", "none.key"),
            78,
            "the key none.key cannot be read",
        ),
        (
            both("empty.pem", "one.key"),
            78,
            "empty.pem has no certificate in PEM form",
        ),
        (
            both("der.pem", "one.key"),
            78,
            "der.pem has no certificate in PEM form",
        ),
        (both("damaged.pem", "one.key"), 78, "damaged.pem is damaged"),
        (both("one.key", "one.key"), 78, "one.key has no certificate"),
        (both(".", "one.key"), 78, "the certificate . is no file"),
        (
            both("one.pem", "one.pem"),
            78,
            "the key one.pem can be read or written by all users",
        ),
        (both("one.pem", "open.key"), 78, "run chmod o-rw open.key"),
        (
            both("one.pem", "encrypted.key"),
            78,
            "the key encrypted.key is encrypted",
        ),
        (
            both("one.pem", "two.key"),
            78,
            "the key in two.key does not fit the certificate in one.pem",
        ),
        (
            vec!["--tls-cert=one.pem".to_owned()],
            64,
            "--tls-cert is given once and --tls-key not at all",
        ),
        (
            [
                both("one.pem", "one.key"),
                vec!["--tls-key=two.key".to_owned()],
            ]
            .concat(),
            64,
            "--tls-cert is given once and --tls-key 2 times",
        ),
    ] {
        let mut arguments = vec!["serve", "--demo", "--listen=127.0.0.1:0"];
        arguments.extend(options.iter().map(String::as_str));
        let done = run_in(place, &arguments, "");
        assert_eq!(done.code, code, "{options:?}: {}", done.stderr);
        assert!(done.stderr.contains(why), "{options:?}: {}", done.stderr);
        assert!(!done.stdout.contains("Listening"), "{}", done.stdout);
    }
    // A key may be read by a group.
    fs::set_permissions(place.join("one.key"), Permissions::from_mode(0o640)).unwrap();
    let server = Server::start(
        place,
        &["--demo", "--tls-cert=one.pem", "--tls-key=one.key"],
    );
    assert_eq!(
        Secure::connect(server.addresses[0], &authority).ask("PING x"),
        "<pong value=\"x\"/>"
    );
    server.stop();
}
