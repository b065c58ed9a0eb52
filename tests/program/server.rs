//! Servers, on both runtimes: conversations and their log, options, signals, crowds and failures.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Running, Server, run_in};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Makes a test for each runtime.
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $name:ident($runtime:ident) $body:block)*) => {
        $($(#[$meta])* mod $name {
            use super::*;

            fn test($runtime: &str) $body

            #[test]
            fn on_smol() {
                test("--runtime=smol");
            }

            #[test]
            fn on_std() {
                test("--runtime=std");
            }
        })*
    };
}
pub(crate) use on_both;

on_both! {
    /// `[::]` takes IPv4 clients, too, on gateways and policy listeners, and the log says so.
    fn ipv6_listeners_take_ipv4(runtime) {
        let folder = tempdir().unwrap();
        let both = ["--listen=[::]:0", "--policy-listen=[::]:0", runtime];
        let server = Server::start(folder.path(), &both);
        let [v6, v4, policy_v6, policy_v4] = server.addresses[..] else {
            panic!("{:?}", server.addresses);
        };
        for (address, port) in [(v6, v6), (v4, v6), (policy_v6, policy_v6), (policy_v4, policy_v6)] {
            assert!(address.ip().is_unspecified() && address.port() == port.port(), "{address}");
            let mut client = Client::connect(address);
            client.send("<policy-file-request/>");
            assert!(client.rest().ends_with("</cross-domain-policy>\0"), "{address}");
        }
        assert!(v6.is_ipv6() && v4.is_ipv4());
        let (log, _) = server.stop();
        assert!(log.contains("CROSSDOMAIN.XML REQUEST 127.0.0.1:"), "{log}");

        let own = ["--listen=[::]:0", "--ipv6-only", runtime];
        let server = Server::start(folder.path(), &own);
        assert!(server.addresses[0].is_ipv6() && server.addresses.len() == 1);
        // Another program may have the port for IPv4; this server does not answer on it.
        if let Ok(mut other) = TcpStream::connect(("127.0.0.1", server.addresses[0].port())) {
            let _ = other.write_all(b"<policy-file-request/>\0");
        }
        let (log, _) = server.stop();
        assert!(!log.contains("CROSSDOMAIN"), "{log}");
    }

    /// Everything is logged that should be, and nothing else: no password, no message, no forged line.
    fn a_conversation_and_its_log(runtime) {
        let folder = tempdir().unwrap();
        let trace = [("RUST_LOG", "trace")];
        let server = Server::start_with(folder.path(), &["--demo", runtime], &trace);

        let mut alice = server.connect();
        assert_eq!(alice.ask("IDENTIFY alice secret1"), "<login aid=\"alice\" name=\"Alice\" />");
        assert_eq!(alice.answer(), "<identify aid=\"alice\" name=\"Alice\" />");
        let mut bob = server.connect();
        let forged = "\"\u{1b}[2J\u{202e}[2007-07-10] 😀";
        let refused = "<error value=\"Identification failed.\"/>";
        assert_eq!(bob.ask(&format!("IDENTIFY {forged} hunter2")), refused);
        assert_eq!(bob.ask("IDENTIFY 2 hunter2"), refused);
        assert_eq!(bob.ask("IDENTIFY 2 secret2"), "<login aid=\"bob\" name=\"Bob\" />");
        assert_eq!(bob.answer(), "<identify aid=\"bob\" name=\"Bob\" />");
        assert_eq!(alice.answer(), "<login aid=\"bob\" name=\"Bob\" />");

        alice.send("MSG bob top\nsecret [2007-07-10 10:54:02] QUIT 2");
        assert!(alice.answer().ends_with(" msg=\"top&#10;secret [2007-07-10 10:54:02] QUIT 2\" from=\"bob\" />"));
        assert!(bob.answer().starts_with("<msg aid=\"alice\" time=\""));
        bob.send("QUIT");
        assert_eq!(bob.rest(), "");
        assert_eq!(alice.answer(), "<quit aid=\"bob\" />");

        let mut policy = server.connect();
        policy.send("<policy-file-request/>");
        assert!(policy.rest().ends_with("</cross-domain-policy>\0"));
        assert!(server.get("/server-status").contains("\r\n\r\nClients: 1/4096\nCreated: "));
        assert!(server.get("/a\"b?secret=hunter2").starts_with("HTTP/1.1 302"));
        let mut tls = server.connect();
        tls.write(b"\x16\x03\x01\x02\x00\x01");
        assert_eq!(tls.rest(), "");
        server.running.stdout.wait_for("TLS REFUSED");

        let (a, b, p, t) = (alice.address(), bob.address(), policy.address(), tls.address());
        let at = server.addresses[0];
        let (log, diagnostics) = server.stop();
        assert!(diagnostics.contains("raised the limit of open files from "), "{diagnostics}");
        assert_eq!(alice.rest(), "");
        let events: Vec<String> = log.lines().map(event).collect();
        let expected = [
            "SERVER CREATED ( MAXCONN:4096 )".to_owned(),
            format!("Listening on {at}"),
            format!("STARTED flashgate {VERSION}"),
            format!("CONNECTED (1/4096) {a}"),
            format!("LOGIN 1(1/4096) {a}"),
            format!("CONNECTED (2/4096) {b}"),
            format!(r#"LOGIN FAILED "\"\u001b[2J\u202e[2007-07-10]" unknown {b}"#),
            format!("LOGIN FAILED \"2\" wrong password {b}"),
            format!("LOGIN 2(2/4096) {b}"),
            format!("QUIT 2 {b}"),
            format!("CLOSED quit {b}"),
            format!("CROSSDOMAIN.XML REQUEST {p}"),
            "STATUS REQUEST 127.0.0.1:*".to_owned(),
            r#"REDIRECT "GET /a\"b" 127.0.0.1:*"#.to_owned(),
            format!("TLS REFUSED no certificate {t}"),
            format!("QUIT 1 {a}"),
            format!("CLOSED shutdown {a}"),
            format!("STOPPED SIGTERM flashgate {VERSION}"),
        ];
        assert_eq!(events.len(), expected.len(), "{log}");
        for (event, expected) in events.iter().zip(&expected) {
            match expected.strip_suffix('*') {
                Some(start) => assert!(event.starts_with(start), "{event}"),
                None => assert_eq!(event, expected),
            }
        }
        for word in ["secret1", "secret2", "hunter2", "top", "argon2"] {
            assert!(!log.contains(word), "{word} in {log}");
            // The passwords of a demo are printed at its start.
            let is_told = word.starts_with("secret");
            assert!(is_told || !diagnostics.contains(word), "{word} in {diagnostics}");
        }
    }

    fn the_log_as_json(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--log-format=json"]);
        let mut client = server.connect();
        assert_eq!(client.ask("IDENTIFY \"},{\" x"), "<error value=\"Identification failed.\"/>");
        let peer = client.address().to_string();
        let (log, _) = server.stop();
        let events: Vec<serde_json::Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<&str> = events.iter().map(|e| e["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["created", "listening", "started", "connected", "login_failed", "closed", "stopped"]);
        assert_eq!(events[0]["max"], 4096);
        assert_eq!(events[2]["version"], VERSION);
        assert_eq!(events[4]["id"], "\"},{\"");
        assert_eq!(events[4]["reason"], "unknown");
        assert_eq!(events[5]["reason"], "shutdown");
        for event in &events[3..6] {
            assert_eq!(event["peer"], peer);
        }
        assert_eq!(events[6]["reason"], "SIGTERM");
        for event in &events {
            let time = event["time"].as_str().unwrap();
            assert!(time.len() == 25 && time.as_bytes()[10] == b'T', "{time}");
        }
    }

    fn options_reach_the_server(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &[
            "--demo", runtime, "--listen=127.0.0.1:0", "--policy-listen=127.0.0.1:0", "--listen=[::1]:0",
            "--redirect=http://example.com/chat/", "--list-needs-login", "--on-duplicate=replace",
            "--max-clients=3", "--max-command=40", "--login-timeout=2",
            "--policy-domain=*.example.com", "--policy-domain=example.org", "--policy-ports=80,8000-8010",
        ]);
        let mut first = server.connect();
        assert_eq!(first.ask("LIST"), "<error value=\"Not identified.\"/>");
        assert_eq!(first.ask(&"x".repeat(41)), "<error value=\"Message too long.\"/>");
        let mut second = Client::connect(server.addresses[1]);
        for client in [&mut first, &mut second] {
            client.send("IDENTIFY 1 secret1");
            while !client.answer().starts_with("<identify ") {}
        }
        assert_eq!(first.answer(), "<error value=\"Replaced by a new login.\"/>");
        assert_eq!(first.rest(), "");

        let mut silent = server.connect();
        assert_eq!(silent.ask("PING x"), "<pong value=\"x\"/>");
        let mut third = server.connect();
        assert_eq!(third.ask("PING x"), "<pong value=\"x\"/>");
        let mut surplus = server.connect();
        assert_eq!(surplus.ask("PING x"), "<error value=\"Server is full.\"/>");
        assert!(server.get("/x").contains("\r\nLocation: http://example.com/chat/\r\n"));
        let mut policy = Client::connect(server.addresses[2]);
        policy.send("<policy-file-request/>");
        assert_eq!(
            policy.rest(),
            "<?xml version=\"1.0\"?><cross-domain-policy>\
             <allow-access-from domain=\"*.example.com\" to-ports=\"80,8000-8010\" />\
             <allow-access-from domain=\"example.org\" to-ports=\"80,8000-8010\" />\
             </cross-domain-policy>\0"
        );
        let mut chat = Client::connect(server.addresses[2]);
        chat.send("PING x");
        assert_eq!(chat.rest(), "");
        assert_eq!(silent.rest(), "", "closed for want of a login");
        server.running.stdout.wait_for("CLOSED no login");
    }

    fn the_policy_names_the_ports_that_are_open(runtime) {
        let folder = tempdir().unwrap();
        let two = ["--demo", runtime, "--listen=127.0.0.1:0", "--listen=127.0.0.2:0", "--policy-listen=127.0.0.1:0"];
        let server = Server::start(folder.path(), &two);
        let mut ports = [server.addresses[0].port(), server.addresses[1].port()];
        ports.sort_unstable();
        let named = format!("domain=\"*\" to-ports=\"{},{}\"", ports[0], ports[1]);
        for address in &server.addresses {
            let mut policy = Client::connect(*address);
            policy.send("<policy-file-request/>");
            let document = policy.rest();
            assert!(document.contains(&named), "{document}");
        }
        assert!(server.get("/crossdomain.xml").contains(&named));

        let own = "<!DOCTYPE cross-domain-policy SYSTEM \"x.dtd\">\n<cross-domain-policy />\n";
        fs::write(folder.path().join("own.xml"), format!("\u{feff}{own}")).unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--policy-file=own.xml"]);
        let mut policy = server.connect();
        policy.send("<policy-file-request/>");
        assert_eq!(policy.rest(), format!("{own}\0"));
    }

    fn signals_stop_the_server(runtime) {
        let folder = tempdir().unwrap();
        for signal in [Signal::TERM, Signal::INT] {
            let mut server = Server::start(folder.path(), &["--demo", runtime]);
            let mut chatting = server.connect();
            chatting.send("IDENTIFY 1 secret1");
            while !chatting.answer().starts_with("<identify ") {}
            let mut silent = server.connect();
            // One that never closes its side, and one in the middle of a request.
            let mut lingering = server.connect();
            lingering.send("<policy-file-request/>");
            assert!(lingering.answer().starts_with("<?xml"));
            let mut half = server.connect();
            half.write(b"GET / HT");

            server.running.signal(signal);
            assert_eq!(chatting.rest(), "");
            assert_eq!(silent.rest(), "");
            assert_eq!(server.running.wait(PATIENCE), 0);
            let log = server.running.stdout.all();
            assert!(log.contains("CLOSED shutdown"), "the last lines are written: {log}");
            assert!(TcpStream::connect(server.addresses[0]).is_err());
        }
    }

    fn a_second_signal_stops_at_once(runtime) {
        let folder = tempdir().unwrap();
        let mut server = Server::start(folder.path(), &["--demo", runtime]);
        // The server gives this client 2 s to close, also when it stops.
        let mut lingering = server.connect();
        lingering.send("<policy-file-request/>");
        assert!(lingering.answer().starts_with("<?xml"));
        server.running.signal(Signal::TERM);
        // Two signals at once would be one. The first has been taken when nobody listens any more.
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(server.addresses[0]).is_ok() {
            assert!(Instant::now() < end, "the server still listens");
            std::thread::sleep(Duration::from_millis(5));
        }
        server.running.signal(Signal::TERM);
        // A stop in good order would end with another code.
        assert_eq!(server.running.wait(PATIENCE), 128 + 15);
    }

    /// The original froze for good at 1,020.
    fn twelve_hundred_clients(runtime) {
        raise_open_files();
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let mut clients: Vec<Client> = (0..1200).map(|_| server.connect()).collect();
        for turn in 0..3 {
            for client in &mut clients {
                client.send(&format!("PING {turn}"));
            }
            for client in &mut clients {
                assert_eq!(client.answer(), format!("<pong value=\"{turn}\"/>"));
            }
        }
        assert!(server.get("/server-status").contains("Clients: 1200/4096"));
        let mut policy = server.connect();
        policy.send("<policy-file-request/>");
        assert!(policy.rest().ends_with("</cross-domain-policy>\0"));
        clients[0].send("IDENTIFY 1 secret1");
        while !clients[0].answer().starts_with("<identify ") {}
        clients[1199].send("IDENTIFY 2 secret2");
        while !clients[1199].answer().starts_with("<identify ") {}
        assert_eq!(clients[0].answer(), "<login aid=\"bob\" name=\"Bob\" />");
        let (log, _) = server.stop();
        assert_eq!(log.matches("CONNECTED (").count(), 1200);
        assert_eq!(log.matches("CLOSED shutdown").count(), 1200);
    }

    fn a_store_that_goes_and_comes_back(runtime) {
        let folder = tempdir().unwrap();
        for (id, nick) in [("1", "alice"), ("2", "bob")] {
            let add = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
            assert_eq!(run_in(folder.path(), &add, "secret\n").code, 0);
        }
        let store = folder.path().join("flashgate.db");
        let backup = fs::read(&store).unwrap();
        let server = Server::start(folder.path(), &[runtime]);
        let mut alice = server.connect();
        assert_eq!(alice.ask("IDENTIFY 1 secret"), "<login aid=\"alice\" name=\"alice\" />");
        assert_eq!(alice.answer(), "<identify aid=\"alice\" name=\"alice\" />");

        fs::remove_file(&store).unwrap();
        let mut bob = server.connect();
        let later = "<error value=\"Please try again later.\"/>";
        assert_eq!(bob.ask("IDENTIFY 2 secret"), later);
        assert_eq!(bob.ask("IDENTIFY 2 wrong"), later);
        assert!(!store.exists());
        assert!(alice.ask("MSG alice still here").contains("msg=\"still here\""));

        fs::write(&store, b"not a database at all").unwrap();
        assert_eq!(bob.ask("IDENTIFY 2 secret"), later);
        fs::write(&store, &backup).unwrap();
        assert_eq!(bob.ask("IDENTIFY 2 secret"), "<login aid=\"bob\" name=\"bob\" />");
        assert_eq!(alice.answer(), "<login aid=\"bob\" name=\"bob\" />");
        let refused = "<error value=\"Identification failed.\"/>";
        assert_eq!(server.connect().ask("IDENTIFY 3 x"), refused);
        let (log, diagnostics) = server.stop();
        assert_eq!(log.matches("LOGIN UNAVAILABLE \"2\" store failed").count(), 3, "{log}");
        // Each once, however many try.
        for said in ["does not exist", "not an SQLite database", "answers again"] {
            assert_eq!(diagnostics.matches(said).count(), 1, "{said}: {diagnostics}");
        }
    }

    /// Anybody may try to log in as a member whose row is damaged, as often as the rate allows.
    fn a_bad_hash_is_told_once(runtime) {
        let folder = tempdir().unwrap();
        for (id, nick) in [("1", "alice"), ("2", "bob")] {
            let add = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
            assert_eq!(run_in(folder.path(), &add, "secret\n").code, 0);
        }
        let store = rusqlite::Connection::open(folder.path().join("flashgate.db")).unwrap();
        store.execute("UPDATE members SET password = 'x'", []).unwrap();
        drop(store);
        let server = Server::start(folder.path(), &[runtime]);
        let mut client = server.connect();
        for id in ["1", "2", "1", "2"] {
            let refused = "<error value=\"Identification failed.\"/>";
            assert_eq!(client.ask(&format!("IDENTIFY {id} secret")), refused);
        }
        let (_, said) = server.stop();
        for id in 1..=2 {
            let warning = format!("member {id} cannot log in: the stored password");
            assert_eq!(said.matches(&warning).count(), 1, "{said}");
        }
    }

    /// Standard error is full and is not read: the chat, logins and the shutdown go on.
    fn diagnostics_that_nobody_takes(runtime) {
        let folder = tempdir().unwrap();
        let add = ["members", "add", "--id=1", "--nick=alice", "--name=alice"];
        assert_eq!(run_in(folder.path(), &add, "secret\n").code, 0);
        let (unread, full) = std::io::pipe().unwrap();
        let mut fill = full.try_clone().unwrap();
        // Blocks when the pipe is full, and ends with it.
        std::thread::spawn(move || fill.write_all(&[b'x'; 1 << 20]));
        let mut command = Command::new(env!("CARGO_BIN_EXE_flashgate"));
        command.args(["serve", "--listen=127.0.0.1:0", runtime]).current_dir(folder.path());
        command.env("RUST_LOG", "info");
        std::thread::sleep(Duration::from_millis(200));
        let mut server = Server::of(Running::spawn_with(command, full.into()), 1);

        let (store, away) = (folder.path().join("flashgate.db"), folder.path().join("away.db"));
        let later = "<error value=\"Please try again later.\"/>";
        for _ in 0..3 {
            fs::rename(&store, &away).unwrap();
            let mut alice = server.connect();
            assert_eq!(alice.ask("IDENTIFY 1 secret"), later);
            fs::rename(&away, &store).unwrap();
            assert_eq!(alice.ask("IDENTIFY 1 secret"), "<login aid=\"alice\" name=\"alice\" />");
            assert_eq!(alice.answer(), "<identify aid=\"alice\" name=\"alice\" />");
            alice.send("QUIT");
            assert_eq!(alice.rest(), "");
        }
        server.running.signal(Signal::TERM);
        assert_eq!(server.running.wait(PATIENCE), 0);
        drop(unread);
    }

    /// The log is no longer read: the chat goes on.
    fn a_log_that_nobody_takes(runtime) {
        let folder = tempdir().unwrap();
        // Reading stops where a pipe is full; only the server's own queue is left.
        let mut server = Server::start(folder.path(), &["--demo", runtime]);
        server.running.stdout.pause();
        let mut client = server.connect();
        for _ in 0..3000 {
            assert!(server.get("/server-status").contains("Clients: "));
        }
        assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
        server.running.stdout.close();
        for _ in 0..10 {
            assert!(server.get("/server-status").contains("Clients: "));
        }
        assert_eq!(client.ask("PING y"), "<pong value=\"y\"/>");
        let end = Instant::now() + PATIENCE;
        while server.get("/metrics").lines().all(|line| !dropped_lines(line)) {
            assert!(Instant::now() < end, "{}", server.get("/metrics"));
            std::thread::sleep(Duration::from_millis(50));
        }
        server.running.signal(Signal::TERM);
        assert_eq!(server.running.wait(PATIENCE), 0);
    }
}

#[test]
fn a_new_store_is_announced() {
    let folder = tempdir().unwrap();
    let store = folder.path().join("new store.db");
    let members = format!("--members={}", store.display());
    let server = Server::start(folder.path(), &[&members]);
    let answer = server.connect().ask("IDENTIFY 1 x");
    assert_eq!(answer, "<error value=\"Identification failed.\"/>");
    let (_, said) = server.stop();
    assert!(said.contains("created the member store"), "{said}");
    assert!(said.contains("flashgate members add"), "{said}");
    assert!(store.exists());

    let add = [
        "members",
        "add",
        "--id=1",
        "--nick=alice",
        "--name=Alice",
        &members,
    ];
    assert_eq!(run_in(folder.path(), &add, "x\n").code, 0);
    let server = Server::start(folder.path(), &[&members]);
    let answer = server.connect().ask("IDENTIFY 1 x");
    assert_eq!(answer, "<login aid=\"alice\" name=\"Alice\" />");
    let (_, said) = server.stop();
    assert_eq!(said, "", "nothing to say about a store with members");
}

/// A log line without its time, which must be there.
fn event(line: &str) -> String {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let (time, event) = line.split_at_checked(22).expect(line);
    let time: String = time.chars().map(shape).collect();
    assert_eq!(time, "[0000-00-00 00:00:00] ", "{line}");
    event.to_owned()
}

fn dropped_lines(metric: &str) -> bool {
    metric.contains("log")
        && metric.contains("dropped")
        && !metric.starts_with('#')
        && !metric.ends_with(" 0")
}

fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}
