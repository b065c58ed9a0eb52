//! WebSockets to the real program, on both runtimes, with a client that is not ours.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;
use tempfile::tempdir;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Error, Message};

use crate::guest::{Chats, Guest, Speaks, request};
use crate::outside::{PATIENCE, Server, import_members};
use crate::server::on_both;

on_both! {
    fn three_wire_forms_in_one_room(runtime) {
        let folder = tempdir().unwrap();
        let server = room(folder.path(), 3, runtime);
        let mut raw = server.connect();
        let mut binary = Guest::connect(server.addresses[0], Speaks::Binary);
        let mut text = Guest::connect(server.addresses[0], Speaks::Text);

        raw.say("IDENTIFY 1 x");
        all_hear(&mut [&mut raw], &login(1));
        all_hear(&mut [&mut raw], &identified(1));
        binary.say("IDENTIFY 2 x");
        all_hear(&mut [&mut raw, &mut binary], &login(2));
        all_hear(&mut [&mut binary], &identified(2));
        text.say("IDENTIFY m3 x");
        all_hear(&mut [&mut raw, &mut binary, &mut text], &login(3));
        all_hear(&mut [&mut text], &identified(3));

        let list: String = (1..=3).map(listed).collect();
        for client in [&mut raw as &mut dyn Chats, &mut binary, &mut text] {
            client.say("LIST");
            assert_eq!(client.hear(), format!("<nicklist>{list}</nicklist>"));
        }
        passes(&mut raw, &mut binary, "m1", "m2");
        passes(&mut binary, &mut raw, "m2", "m1");
        passes(&mut raw, &mut text, "m1", "m3");
        passes(&mut text, &mut raw, "m3", "m1");
        passes(&mut binary, &mut text, "m2", "m3");
        passes(&mut text, &mut binary, "m3", "m2");

        // In a text message everything up to its end is the command.
        text.say("MSG m2 line\nnext \0line");
        let both = [text.hear(), binary.hear()];
        assert!(both[0].ends_with(" msg=\"line&#10;next \u{fffd}line\" from=\"m2\" />"), "{both:?}");
        assert_eq!(both[0], both[1]);

        text.say("QUIT");
        assert_eq!(text.closed(), Some(CloseCode::Normal));
        all_hear(&mut [&mut raw, &mut binary], "<quit aid=\"m3\" />");
        raw.say("QUIT");
        assert_eq!(raw.rest(), "");
        all_hear(&mut [&mut binary], "<quit aid=\"m1\" />");
        let (code, reason) = (CloseCode::Library(4321), "".into());
        binary.socket.close(Some(CloseFrame { code, reason })).unwrap();
        assert_eq!(binary.closed(), Some(code));
        let peer = binary.address();
        let (log, said) = server.stop();
        assert!(log.contains(&format!("] CLOSED end of stream {peer}\n")), "{log}");
        assert_eq!(said, "");
    }

    fn goodbyes(runtime) {
        let folder = tempdir().unwrap();
        let mut server = room(folder.path(), 2, runtime);
        let mut member = Guest::connect(server.addresses[0], Speaks::Text);
        member.say("IDENTIFY 1 x");
        assert_eq!([member.hear(), member.hear()], [login(1), identified(1)]);
        let mut other = Guest::connect(server.addresses[0], Speaks::Binary);
        other.say("IDENTIFY 2 x");
        assert_eq!([other.hear(), other.hear()], [login(2), identified(2)]);
        assert_eq!(member.hear(), login(2));
        let mut silent = Guest::connect(server.addresses[0], Speaks::Binary);
        // This one answers nothing, and that holds nobody up.
        let _deaf = Guest::connect(server.addresses[0], Speaks::Text);

        let mut wrong = Guest::connect(server.addresses[0], Speaks::Text);
        for _ in 0..5 {
            assert_eq!(wrong.ask("IDENTIFY 1 y"), "<error value=\"Identification failed.\"/>");
        }
        assert_eq!(wrong.closed(), Some(CloseCode::Policy));
        let mut long = Guest::connect(server.addresses[0], Speaks::Text);
        long.send(&"x".repeat(8193));
        assert_eq!(long.closed(), Some(CloseCode::Size));
        let mut mixed = Guest::connect(server.addresses[0], Speaks::Binary);
        assert_eq!(mixed.ask("PING x"), "<pong value=\"x\"/>");
        mixed.socket.send(Message::text("PING y")).unwrap();
        assert_eq!(mixed.closed(), Some(CloseCode::Unsupported));
        let mut broken = Guest::connect(server.addresses[0], Speaks::Text);
        broken.socket.get_mut().write_all(b"\x81\x06PING x").unwrap();
        assert_eq!(broken.closed(), Some(CloseCode::Protocol));

        server.running.signal(Signal::TERM);
        for guest in [&mut member, &mut other, &mut silent] {
            assert_eq!(guest.closed(), Some(CloseCode::Away));
        }
        assert_eq!(server.running.wait(PATIENCE), 0);
        let log = server.running.stdout.all();
        assert_eq!(log.matches("CLOSED shutdown").count(), 4, "{log}");
        assert_eq!(log.matches("CLOSED protocol error").count(), 3, "{log}");
        assert_eq!(log.matches("CLOSED failed logins").count(), 1, "{log}");
    }

    fn origins_that_may_and_that_may_not(runtime) {
        let folder = tempdir().unwrap();
        let only = ["--demo", runtime, "--allow-origin=https://games.example"];
        for format in ["--log-format=text", "--log-format=json"] {
            let mut options = only.to_vec();
            options.push(format);
            let server = Server::start(folder.path(), &options);
            let to = server.addresses[0];
            let from = |origin: &str| {
                let mut request = request(to, "/chat/");
                request.headers_mut().insert("Origin", origin.parse().unwrap());
                Guest::with(to, Speaks::Text, request)
            };
            // Only a browser sends an origin; a program without one is allowed.
            let mut program = Guest::connect(to, Speaks::Binary);
            assert_eq!(program.ask("PING x"), "<pong value=\"x\"/>");
            let (mut page, _) = from("HTTPS://Games.example").unwrap();
            assert_eq!(page.ask("PING x"), "<pong value=\"x\"/>");
            let evil = "http://evil.example/\"]\\";
            let Some(Error::Http(response)) = from(evil).err() else { panic!("it was let in") };
            assert_eq!(response.status().as_u16(), 403);
            drop((program, page));
            let (log, _) = server.stop();
            let told: Vec<&str> = log.lines().filter(|line| line.contains("evil")).collect();
            let &[line] = told.as_slice() else { panic!("{log}") };
            if format.ends_with("json") {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["event"], "websocket_refused");
                assert_eq!((&event["reason"], &event["origin"]), (&"origin".into(), &evil.into()));
                assert!(event["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
            } else {
                let named = r#"] WEBSOCKET REFUSED origin "http://evil.example/\"]\\" 127.0.0.1:"#;
                assert!(line.contains(named), "{line}");
            }
        }
    }

    fn a_full_server(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--max-clients=1"]);
        let mut first = Guest::connect(server.addresses[0], Speaks::Text);
        for _ in 0..3 {
            // It has sent no text yet, so it is answered as Ruffle would have it.
            let mut surplus = Guest::connect(server.addresses[0], Speaks::Binary);
            let (answers, code) = surplus.rest();
            assert_eq!(answers, ["<error value=\"Server is full.\"/>"]);
            assert_eq!(code, Some(CloseCode::Again));
        }
        assert!(server.get("/server-status").contains("Clients: 1/1"));
        assert_eq!(first.ask("PING x"), "<pong value=\"x\"/>");
        first.send("QUIT");
        assert_eq!(first.closed(), Some(CloseCode::Normal));
        let mut next = Guest::connect(server.addresses[0], Speaks::Text);
        assert_eq!(next.ask("PING x"), "<pong value=\"x\"/>");
        server.running.stdout.wait_for("CLOSED full");
    }

    fn the_subprotocol_of_ruffle(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let to = server.addresses[0];
        for (offered, chosen) in [(Some("base64, binary"), Some("binary")), (None, None)] {
            let mut request = request(to, "/");
            if let Some(offered) = offered {
                let headers = request.headers_mut();
                headers.insert("Sec-WebSocket-Protocol", offered.parse().unwrap());
            }
            let (mut guest, response) = Guest::with(to, Speaks::Binary, request).unwrap();
            let named = response.headers().get("Sec-WebSocket-Protocol");
            assert_eq!(named.map(|name| name.to_str().unwrap()), chosen);
            assert_eq!(guest.ask("PING x"), "<pong value=\"x\"/>");
        }
    }

    /// Each client is notified of each later login and of each quit, once and in the same order.
    fn two_hundred_at_once(runtime) {
        let folder = tempdir().unwrap();
        let server = room(folder.path(), CROWD, runtime);
        let speaks = [Speaks::Text, Speaks::Binary];
        let connect = |n: usize| (n, Guest::connect(server.addresses[0], speaks[n % 2]));
        let mut guests: Vec<(usize, Guest)> = (1..=CROWD).map(connect).collect();
        for (n, guest) in &mut guests {
            guest.send(&format!("IDENTIFY {n} x"));
        }
        let mut heard: Vec<Vec<String>> = Vec::new();
        for (n, guest) in &mut guests {
            heard.push(up_to(guest, &identified(*n)));
        }
        let list = guests[0].1.ask_behind("LIST", &mut heard[0]);
        assert!(list.len() > 1 << 16, "its length is to take eight bytes");
        let mut order: Vec<usize> = (1..=CROWD).collect();
        order.sort_by_key(|n| list.find(&listed(*n)).expect("everyone is on the list"));
        let whole: String = order.iter().map(|n| listed(*n)).collect();
        assert_eq!(list, format!("<nicklist>{whole}</nicklist>"));

        for ((n, guest), heard) in guests.iter_mut().zip(&mut heard) {
            assert_eq!(guest.ask_behind("PING all", heard), "<pong value=\"all\"/>");
            let place = order.iter().position(|other| other == n).unwrap();
            let mut expected: Vec<String> = order[place..].iter().map(|n| login(*n)).collect();
            expected.insert(1, identified(*n));
            assert!(*heard == expected, "{n} heard {heard:?}");
        }

        let (mut staying, mut leaving): (Vec<_>, Vec<_>) =
            guests.into_iter().partition(|(n, _)| n % 3 > 0);
        for (_, guest) in &mut leaving {
            guest.send("QUIT");
        }
        for (n, guest) in &mut leaving {
            let (heard, code) = guest.rest();
            assert_eq!(code, Some(CloseCode::Normal));
            assert!(heard.iter().all(|quit| *quit != left(*n)), "{n} heard {heard:?}");
        }
        let mut gone: Option<Vec<String>> = None;
        for (n, guest) in &mut staying {
            let mut heard = Vec::new();
            guest.ask_behind("PING left", &mut heard);
            let first = gone.get_or_insert_with(|| heard.clone());
            assert!(*first == heard, "{n} heard {heard:?}, another {first:?}");
        }
        let mut gone = gone.unwrap();
        let mut expected: Vec<String> = leaving.iter().map(|(n, _)| left(*n)).collect();
        gone.sort();
        expected.sort();
        assert_eq!(gone, expected);
    }

    fn pings_are_answered(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let mut guest = Guest::connect(server.addresses[0], Speaks::Text);
        let longest = [0xff; 125];
        for payload in [&b""[..], b"alive?", &longest] {
            guest.socket.send(Message::Ping(payload.to_vec().into())).unwrap();
            assert_eq!(guest.socket.read().unwrap(), Message::Pong(payload.to_vec().into()));
        }
        let piece = |payload: &'static str, opcode, last| {
            Message::Frame(Frame::message(payload, OpCode::Data(opcode), last))
        };
        guest.socket.send(piece("PI", Data::Text, false)).unwrap();
        guest.socket.send(Message::Ping("between".into())).unwrap();
        assert_eq!(guest.socket.read().unwrap(), Message::Pong("between".into()));
        guest.socket.send(piece("NG x", Data::Continue, true)).unwrap();
        assert_eq!(guest.answer(), "<pong value=\"x\"/>");
        guest.socket.send(Message::Pong("nobody asked".into())).unwrap();
        assert_eq!(guest.ask("PING y"), "<pong value=\"y\"/>");
    }

    fn an_upgrade_on_any_path(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let to = server.addresses[0];
        for path in ["/", "/chat/", "/nowhere", "/nowhere?a=b", "/server-status", "/crossdomain.xml"] {
            let (mut guest, response) = Guest::with(to, Speaks::Text, request(to, path)).unwrap();
            assert_eq!(response.status().as_u16(), 101, "{path}");
            assert_eq!(guest.ask("PING x"), "<pong value=\"x\"/>", "{path}");
        }
        assert!(server.get("/nowhere").starts_with("HTTP/1.1 302 "));
        let (log, _) = server.stop();
        assert_eq!(log.matches("CONNECTED (").count(), 6, "{log}");
        assert_eq!(log.matches("REDIRECT").count(), 1, "{log}");
        assert_eq!(log.matches("REQUEST").count(), 0, "{log}");
    }

    /// A connection that says goodbye in no way a browser would is gone all the same.
    fn those_who_just_go(runtime) {
        let folder = tempdir().unwrap();
        let server = room(folder.path(), 2, runtime);
        let mut stays = server.connect();
        stays.say("IDENTIFY 2 x");
        assert_eq!([stays.hear(), stays.hear()], [login(2), identified(2)]);
        for how in [half_closed, cut_in_a_frame] {
            let mut goes = Guest::connect(server.addresses[0], Speaks::Text);
            goes.say("IDENTIFY 1 x");
            assert_eq!([goes.hear(), goes.hear()], [login(1), identified(1)]);
            assert_eq!(stays.hear(), login(1));
            how(goes);
            assert_eq!(stays.hear(), "<quit aid=\"m1\" />");
        }
        let (log, _) = server.stop();
        assert_eq!(log.matches("] QUIT 1 ").count(), 2, "{log}");
    }
}

fn half_closed(goes: Guest) {
    let mut stream: TcpStream = goes.socket.into_inner().0;
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).unwrap();
    assert_eq!(rest, b"", "nobody is there to say goodbye to");
}

fn cut_in_a_frame(mut goes: Guest) {
    let half = b"\x81\x8aabcdLIST";
    goes.socket.get_mut().write_all(half).unwrap();
}

/// A server whose members are [`import_members`]'s.
fn room(folder: &Path, members: usize, runtime: &str) -> Server {
    import_members(folder, members);
    Server::start(folder, &[runtime])
}

fn login(n: usize) -> String {
    format!("<login {} />", attributes(n))
}

fn identified(n: usize) -> String {
    format!("<identify {} />", attributes(n))
}

fn listed(n: usize) -> String {
    format!("<nick {} />", attributes(n))
}

fn left(n: usize) -> String {
    format!("<quit aid=\"m{n}\" />")
}

fn attributes(n: usize) -> String {
    format!("aid=\"m{n}\" name=\"Member {n} {}\"", "&amp;".repeat(80))
}

fn all_hear(clients: &mut [&mut dyn Chats], expected: &str) {
    for client in clients {
        assert_eq!(client.hear(), expected);
    }
}

/// Messages go from one to the other, and both hear the same of them, in the order they were said.
fn passes(from: &mut dyn Chats, to: &mut dyn Chats, sender: &str, recipient: &str) {
    let texts = ["hi", "Grüße  κόσμε 😀", "<b> & \"b\""];
    for text in texts {
        from.say(&format!("MSG {recipient} {text}"));
    }
    for text in texts {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let text = text.replace('>', "&gt;").replace('"', "&quot;");
        let (said, heard) = (from.hear(), to.hear());
        assert_eq!(said, heard);
        let begins = format!("<msg aid=\"{sender}\" time=\"");
        let ends = format!("\" msg=\"{text}\" from=\"{recipient}\" />");
        assert!(said.starts_with(&begins) && said.ends_with(&ends), "{said}");
    }
}

/// The answers up to this one, which is the last of them.
fn up_to(guest: &mut Guest, last: &str) -> Vec<String> {
    let mut heard = vec![guest.answer()];
    while heard[heard.len() - 1] != last {
        heard.push(guest.answer());
    }
    heard
}

impl Guest {
    /// Sends one command; its answer, and what came before it, which is presence.
    fn ask_behind(&mut self, command: &str, before: &mut Vec<String>) -> String {
        self.send(command);
        loop {
            let answer = self.answer();
            let presence = ["<login ", "<identify ", "<quit "];
            if !presence.iter().any(|word| answer.starts_with(word)) {
                return answer;
            }
            before.push(answer);
        }
    }
}

const CROWD: usize = 200;
