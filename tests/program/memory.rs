//! Searches the memory of programs that have used passwords: no password and no half of one may be left.
//!
//! Each password holds one random word four times, with a number behind it. So all memory is searched
//! for one word, a piece of a password is found too, and what is found says how it was sent.

mod bare;
mod word;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use argon2::Params;
use flashgate::password::Hash;
use flashgate::store::{Active, Members, Name, NewMember, Nick, Number};
use flashgate_core::Secret;
use md5::{Digest, Md5};
use socket2::SockRef;
use tempfile::tempdir;

use crate::guest::{Chats, Guest, Speaks};
use crate::outside::{Client, Running, Server, terminal};
use crate::server::on_both;
use crate::tls::{Authority, Secure};
use bare::{BINARY, Bare, FIN, TEXT, masked};
use word::{Word, is_forbidden};

on_both! {
    /// However it was sent, cut, refused or held back.
    fn no_password_stays(runtime) {
        search_after_logins(runtime, &[]);
    }

    /// A recorder reads every byte once more.
    fn no_password_stays_where_it_is_recorded(runtime) {
        search_after_logins(runtime, &["--record=chat.rec"]);
    }

    /// Through TLS, whose library frees what it has decrypted as it is; and from the terminal client.
    fn no_password_stays_behind_tls(runtime) {
        search_after_tls(runtime);
    }

    /// Where a hash was made, before something else happens to write there.
    fn no_password_stays_on_a_stack(runtime) {
        if is_forbidden() {
            return;
        }
        let folder = tempdir().unwrap();
        let word = Word::new();
        store(&word, folder.path());
        let gone = (0..5).map(|_| {
            let server = Server::start(folder.path(), &[runtime]);
            let mut client = server.connect();
            client.send(&format!("IDENTIFY {MD5} {}", word.password(RIGHT + MD5)));
            is_let_in(&mut client);
            // In a quiet moment the store is looked at, from the same stack.
            word.is_gone_within(server.running.child.id(), Duration::from_millis(400))
        });
        // A busy machine may take longer once.
        let gone = gone.reduce(Result::or).unwrap();
        assert!(gone.is_ok(), "{}", gone.unwrap_err());
    }

    /// The terminal client stays for hours after its login.
    fn no_password_stays_in_the_client_or_the_server(runtime) {
        if is_forbidden() {
            return;
        }
        let folder = tempdir().unwrap();
        let word = Word::new();
        store(&word, folder.path());
        let server = Server::start(folder.path(), &[runtime]);
        let address = server.addresses[0].to_string();
        let mut chat = Running::start(folder.path(), &["chat", &address], &[]);
        let mut input = chat.stdin.take().unwrap();
        let lines = format!("{LONG}\n{}\n/list\n", long_password(&word));
        input.write_all(lines.as_bytes()).unwrap();
        chat.stdout.wait_for("* 1 online");
        word.is_nowhere(chat.child.id());
        word.is_nowhere(server.running.child.id());
    }
}

/// The same in a terminal, where the password is asked for.
#[test]
fn no_password_stays_in_the_program_that_asked_for_it() {
    if is_forbidden() || Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let folder = tempdir().unwrap();
    let word = Word::new();
    store(&word, folder.path());
    let server = Server::start(folder.path(), &[]);
    let (program, address) = (env!("CARGO_BIN_EXE_flashgate"), server.addresses[0]);
    let chat = format!("sh -c 'echo $$ >pid; exec {program} chat --id={LONG} {address}'");
    let (mut terminal, mut shown) = terminal(folder.path(), &chat);
    let mut keys = terminal.stdin.take().unwrap();
    shown.wait_for("Password: ");
    let password = long_password(&word);
    keys.write_all(format!("{password}\n").as_bytes()).unwrap();
    shown.wait_for("* 1 online");
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    word.is_nowhere(pid.trim().parse().unwrap());
    keys.write_all(b"/quit\n").unwrap();
    terminal.wait().unwrap();
    assert!(!shown.all().contains(&password));
}

/// Logs in and fails to in every way there is, and looks for what is left of it.
fn search_after_logins(runtime: &str, options: &[&str]) {
    if is_forbidden() {
        return;
    }
    let folder = tempdir().unwrap();
    let word = Word::new();
    store(&word, folder.path());
    let secret = folder.path().join("secret");
    fs::write(&secret, word.password(SECRET)).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let options = [&[runtime, "--guests", "--ticket-secret=secret"], options].concat();
    let server = Server::start(folder.path(), &options);
    let pid = server.running.child.id();

    // What is used yet is there, and is seen: half of a command waits for the rest of it.
    let begun = word.password(BEGUN);
    let mut half = server.connect();
    half.write(format!("IDENTIFY 1 {begun}").as_bytes());
    word.is_there(pid, BEGUN);

    let open = (by_socket(&server, &word), by_websocket(&server, &word));
    refused(&server, &word);
    not_carried_out(&server, &word);
    held_back(&server, &word);
    changed(&server, &word);
    half.write(b"\0");
    assert_eq!(half.answer(), REFUSED);
    assert!(server.get("/server-status").contains("Clients: "));
    word.is_nowhere(pid);
    drop(open);
    server.stop();
}

fn search_after_tls(runtime: &str) {
    if is_forbidden() {
        return;
    }
    let folder = tempdir().unwrap();
    let word = Word::new();
    store(&word, folder.path());
    let authority = Authority::new();
    authority.issue(folder.path(), "one", &["localhost", "127.0.0.1"]);
    fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    let pair = ["--tls-cert=one.pem", "--tls-key=one.key"];
    let server = Server::start(folder.path(), &[&[runtime], &pair[..]].concat());
    let (pid, address) = (server.running.child.id(), server.addresses[0]);
    let mut clients: Vec<Secure> = (0..7)
        .map(|_| Secure::connect(address, &authority))
        .collect();
    let identify = |n| format!("IDENTIFY {n} {}\0", word.password(RIGHT + n));
    // What waits for the rest of its command is there, and is seen.
    let begun = word.password(BEGUN);
    clients[5].write(format!("IDENTIFY 1 {begun}").as_bytes());
    word.is_there(pid, BEGUN);

    clients[0].write(identify(1).as_bytes());
    for byte in identify(2).bytes() {
        clients[1].write(&[byte]);
    }
    clients[2].write(format!("{}LIST\0PI", identify(3)).as_bytes());
    clients[3].write_cut(identify(4).as_bytes());
    // More records than one in a segment, of all sizes, with something of everything behind them.
    for length in [0, 100, 1000, 1100, 3000, 7000, 20_000] {
        let blank = " ".repeat(length);
        let wrong = word.password(WRONG + length as u64 % 90);
        clients[4].write(format!("PING x\0{blank}IDENTFY 1 {wrong}\0").as_bytes());
        assert_eq!(clients[4].answer(), "<pong value=\"x\"/>");
        assert!(clients[4].answer().starts_with("<error "));
    }
    clients[4].write(format!("IDENTIFY 1 {}\0", word.password(WRONG + 91)).as_bytes());
    assert_eq!(clients[4].answer(), REFUSED);
    for client in &mut clients[..4] {
        is_let_in(client);
    }
    clients[0].send("QUIT");
    clients[0].rest();
    clients[5].write(b"\0");
    assert_eq!(clients[5].answer(), REFUSED);
    // Half of a command, and gone.
    let mut gone = clients.remove(6);
    gone.write(format!("IDENTIFY 1 {}", word.password(LOST)).as_bytes());
    thread::sleep(Duration::from_millis(100));
    drop(gone);

    let to = address.to_string();
    let mut chat = Running::start(
        folder.path(),
        &["chat", "--tls", "--tls-ca=ca.pem", &to],
        &[],
    );
    let mut input = chat.stdin.take().unwrap();
    let lines = format!("{LONG}\n{}\n/list\n", long_password(&word));
    input.write_all(lines.as_bytes()).unwrap();
    chat.stdout.wait_for(" online");
    word.is_nowhere(chat.child.id());
    word.is_nowhere(pid);
    drop(clients);
    server.stop();
}

/// Right passwords on a bare connection; some of them leave.
fn by_socket(server: &Server, word: &Word) -> Vec<Client> {
    let mut clients: Vec<Client> = (1..=6).map(|_| server.connect()).collect();
    let identify = |n| format!("IDENTIFY {n} {}", word.password(RIGHT + n));
    // In one piece.
    clients[0].send(&identify(1));
    // Byte by byte.
    for byte in format!("{}\0", identify(2)).bytes() {
        clients[1].write(&[byte]);
        thread::sleep(Duration::from_millis(2));
    }
    // Two commands in a segment, and the beginning of a third.
    clients[2].write(format!("{}\0LIST\0PI", identify(3)).as_bytes());
    // Cut, and the rest a second later.
    let cut = identify(4);
    let (first, rest) = cut.split_at(cut.len() / 2);
    clients[3].write(first.as_bytes());
    thread::sleep(Duration::from_secs(1));
    clients[3].write(format!("{rest}\0").as_bytes());
    // As a line.
    clients[4].write(format!("{}\r\n", identify(5)).as_bytes());
    // By a hash that is made new.
    clients[5].send(&identify(MD5));
    for client in &mut clients {
        is_let_in(client);
    }
    clients[0].send("QUIT");
    clients[0].rest();
    // Once more: this one is known.
    let mut again = server.connect();
    again.send(&identify(1));
    is_let_in(&mut again);
    clients.push(again);
    clients[1].send("QUIT");
    clients[1].rest();
    clients
}

/// The same in messages: of a client that is not ours under a random mask, and under a mask that changes
/// nothing, so that what comes is what is looked for.
fn by_websocket(server: &Server, word: &Word) -> (Vec<Guest>, Vec<Bare>) {
    let identify = |n| format!("IDENTIFY {n} {}", word.password(RIGHT + n));
    let forms = [Speaks::Binary, Speaks::Text];
    let mut guests = forms.map(|form| Guest::connect(server.addresses[0], form));
    for (guest, n) in guests.iter_mut().zip([7, 8]) {
        guest.send(&identify(n));
        is_let_in(guest);
    }
    let mut bare: Vec<Bare> = (0..6).map(|_| Bare::connect(server)).collect();
    bare[0].frame(BINARY | FIN, &format!("{}\0", identify(9)));
    bare[1].frame(TEXT | FIN, &identify(10));
    // Two frames in a segment, cut within the password.
    let cut = identify(11);
    let (first, rest) = cut.split_at(cut.len() / 2);
    let frames = [masked(TEXT, first), masked(FIN, rest)].concat();
    bare[2].socket.write_all(&frames).unwrap();
    // The same, a second apart.
    let cut = identify(12);
    let (first, rest) = cut.split_at(cut.len() / 2);
    bare[3].frame(BINARY, first);
    // One frame byte by byte.
    for byte in masked(BINARY | FIN, &format!("{}\0", identify(13))) {
        bare[4].socket.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    // Two commands in a message, and the beginning of a third.
    bare[5].frame(BINARY | FIN, &format!("LIST\0{}\0PI", identify(14)));
    thread::sleep(Duration::from_secs(1));
    bare[3].frame(FIN, &format!("{rest}\0"));
    for client in &mut bare {
        client.wait_for("<identify ");
    }
    (guests.into(), bare)
}

fn is_let_in(client: &mut dyn Chats) {
    loop {
        let answer = client.hear();
        assert!(!answer.starts_with("<error "), "{answer}");
        if answer.starts_with("<identify ") {
            return;
        }
    }
}

/// Wrong passwords, with a hash of every kind to be wrong for.
fn refused(server: &Server, word: &Word) {
    let wrong = |who: &str, n| format!("IDENTIFY {who} {}", word.password(WRONG + n));
    let of_each = (HASHES..).zip(hashes()).map(|(n, _)| n);
    // With what phpBB escapes.
    let mut tries: Vec<_> = of_each.map(|n| wrong(&n.to_string(), n) + "&").collect();
    tries.push(wrong("nobody", 1));
    tries.push(format!("IDENTIFY 1 ticket:1.1.{}", word.password(WRONG)));
    // On a busy machine, the last of more logins at once would get "try later".
    for some in tries.chunks(4) {
        let mut clients: Vec<_> = some.iter().map(|_| server.connect()).collect();
        for (client, command) in clients.iter_mut().zip(some) {
            client.send(command);
        }
        for client in &mut clients {
            assert_eq!(client.answer(), REFUSED);
            client.send("QUIT");
            assert_eq!(client.rest(), "");
        }
    }
}

/// What is no IDENTIFY, or comes to nothing.
fn not_carried_out(server: &Server, word: &Word) {
    let mut client = server.connect();
    let mut errs = |command: String, why: &str| {
        client.write(command.as_bytes());
        let answer = client.answer();
        assert!(
            answer.starts_with("<error ") && answer.contains(why),
            "{answer}"
        );
    };
    let password = |n| word.password(LOST + n);
    errs(format!("IDENTFY 1 {}\0", password(1)), "Unknown");
    errs(format!("IDENTIFY {}\0", password(2)), "Usage");
    let long = "x".repeat(9000);
    errs(format!("IDENTIFY 1 {}{long}\0", password(3)), "too long");
    let mut client = server.connect();
    client.write(format!("IDENTIFY 1 {}", password(4)).as_bytes());
    client.write(b"\xff\0");
    assert!(client.answer().contains("UTF-8"));
    // A NUL in a line, which no answer could carry.
    let mut line = server.connect();
    line.write(format!("PING x\nIDENTIFY 1 {}\0x\n", password(5)).as_bytes());
    assert_eq!(
        [line.answer().as_str(), &line.answer()],
        ["<pong value=\"x\"/>", REFUSED]
    );
    // Half of it, and gone: by an end, and by a reset.
    for (n, linger) in [(6, None), (7, Some(Duration::ZERO))] {
        let mut half = server.connect();
        half.write(format!("PING x\0IDENTIFY 1 {}", password(n)).as_bytes());
        half.answer();
        half.send("");
        assert_eq!(half.answer(), REFUSED);
        half.write(format!("IDENTIFY 1 {}", password(n)).as_bytes());
        thread::sleep(Duration::from_millis(100));
        SockRef::from(&half.socket).set_linger(linger).unwrap();
    }
    let mut bare = Bare::connect(server);
    bare.frame(TEXT, &format!("IDENTIFY 1 {}", password(8)));
    thread::sleep(Duration::from_millis(50));
    // In a message that breaks a rule, and behind the end.
    let mut broken = Bare::connect(server);
    broken.frame(TEXT, &format!("IDENTIFY 1 {}", password(9)));
    broken.frame(TEXT | FIN, &format!("IDENTIFY 1 {}", password(10)));
    broken.wait_for_end();
    let mut over = server.connect();
    over.write(format!("QUIT\0IDENTIFY 1 {}\0", password(11)).as_bytes());
    assert_eq!(over.rest(), "");
    // Where what comes and goes later is too short to reach, in a buffer that all connections share.
    let mut behind = server.connect();
    let blank = " ".repeat(3000);
    let answer = behind.ask(&format!("{blank}IDENTIFY 1 {}", password(12)));
    assert_eq!(answer, REFUSED);
}

/// A command that has to wait for the rate, behind others and before others.
fn held_back(server: &Server, word: &Word) {
    let pings = "PING x\0".repeat(45);
    let more = "PING x\0".repeat(15);
    let identify = format!("IDENTIFY 1 {}\0", word.password(HELD));
    let mut client = server.connect();
    client.write(format!("{pings}{identify}{more}").as_bytes());
    let mut bare = Bare::connect(server);
    for command in format!("{pings}{identify}{more}").split_inclusive('\0') {
        bare.frame(BINARY | FIN, command);
    }
    let answers: Vec<String> = (0..61).map(|_| client.answer()).collect();
    assert_eq!(answers[45], REFUSED);
    bare.wait_for(REFUSED);
    for _ in 0..15 {
        bare.wait_for("<pong ");
    }
}

/// Passwords that a member changes, or tries to.
fn changed(server: &Server, word: &Word) {
    let new = |n| word.password(CHANGED + n);
    let mut client = server.connect();
    let says = |client: &mut Client, expected: &str| {
        let mut answer = client.answer();
        while answer.starts_with("<login ") || answer.starts_with("<quit ") {
            answer = client.answer();
        }
        assert!(answer.starts_with(expected), "{answer}, not {expected}");
    };
    let right = word.password(RIGHT + CHANGES);
    let long = "x".repeat(1100);
    for (command, expected) in [
        (
            format!("PASSWD {} {}", new(1), new(2)),
            "<error value=\"Not ",
        ),
        (format!("PASSWD {}", new(3)), "<error value=\"Usage"),
        (format!("IDENTIFY {CHANGES} {right}"), "<identify "),
        (format!("PASSWD {} {}", new(4), new(5)), REFUSED),
        (
            format!("PASSWD {right} {}{long}", new(6)),
            "<error value=\"Password ",
        ),
        (format!("PASSWD {right} {}", new(7)), DONE),
        (format!("PASSWD {}\t{} and more", new(7), new(8)), DONE),
    ] {
        client.send(&command);
        says(&mut client, expected);
    }
    // Byte by byte, and as a command that has no time to be answered.
    for byte in format!("PASSWD {} and more\t{}\0", new(8), new(9)).bytes() {
        client.write(&[byte]);
        thread::sleep(Duration::from_millis(2));
    }
    says(&mut client, DONE);
    client.send(&format!("PASSWD {} {}", new(9), new(10)));
    thread::sleep(Duration::from_millis(20));
    let none = Some(Duration::ZERO);
    SockRef::from(&client.socket).set_linger(none).unwrap();
    drop(client);
    // Cut into two frames. Whether the last change was made is not known here.
    let mut bare = Bare::connect(server);
    bare.frame(TEXT | FIN, "GUEST");
    let cut = format!("PASSWD {} {}", new(11), new(12));
    let (first, rest) = cut.split_at(cut.len() / 2);
    bare.frame(TEXT, first);
    thread::sleep(Duration::from_millis(50));
    bare.frame(FIN, rest);
    bare.wait_for("You may not do that.");
}

/// Where memory grows by doubling, pieces of it that are left behind are long enough to be found.
fn long_password(word: &Word) -> String {
    word.password(RIGHT + LONG).repeat(3)
}

/// A store of members with right passwords, and with hashes of others' in every format.
fn store(word: &Word, folder: &Path) {
    let (mut members, _) = Members::open_or_create(&folder.join("flashgate.db")).unwrap();
    let mut add = |n: u64, password: Hash| {
        let member = NewMember {
            id: Number::new(n as i64).unwrap(),
            nick: Nick::new(&format!("m{n}")).unwrap(),
            name: Name::new("x").unwrap(),
            password,
            active: Active::Yes,
        };
        members.add(&member).unwrap();
    };
    let cheap = Params::new(8, 1, 1, None).unwrap();
    for n in (1..=14).filter(|n| *n != MD5).chain([CHANGES]) {
        let password = Secret::new(&word.password(RIGHT + n));
        add(n, Hash::with(&password, cheap.clone()).unwrap());
    }
    let password = Secret::new(&long_password(word));
    add(LONG, Hash::with(&password, cheap).unwrap());
    let digest = Md5::digest(word.password(RIGHT + MD5));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    add(MD5, Hash::parse(&digest).unwrap());
    for (n, hash) in (HASHES..).zip(hashes()) {
        add(n, Hash::parse(&hash).unwrap());
    }
}

/// A stored password of each format; some of the passwords are not used here.
fn hashes() -> Vec<String> {
    let vectors = fs::read_to_string("tests/members/vectors.tsv").unwrap();
    let mut seen = BTreeSet::new();
    let lines = vectors
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let first = lines.filter(|fields| seen.insert(fields[0].to_owned()));
    first.map(|fields| fields[2].to_owned()).collect()
}

const DONE: &str = "<done command=\"PASSWD\" ";
const REFUSED: &str = "<error value=\"Identification failed.\"/>";

/// The numbers of passwords, by how they are used.
const RIGHT: u64 = 100;
const WRONG: u64 = 200;
const LOST: u64 = 300;
const HELD: u64 = 400;
const BEGUN: u64 = 500;
const SECRET: u64 = 600;
const CHANGED: u64 = 700;

/// The member whose hash is made new.
const MD5: u64 = 6;
/// The one with a long password.
const LONG: u64 = 15;
/// The one that changes its password.
const CHANGES: u64 = 16;
/// The first of those with hashes of all formats.
const HASHES: u64 = 20;
