//! Broadcasts at the bounds of the loop: when a turn has no rounds left, when it broadcasts more than the shared log
//! holds, and when a client gets something else and is closed in the same turn.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use flashgate_core::{
    Answer, Config, Denial, Login, Member, MemberId, MemberStore, OnDuplicate, Query, Reply,
};
use flashgate_smol::{Handle, Host, Server};

/// A turn flushes a connection only a few times. What is broadcast after the last flush outlives the turn.
#[test]
fn what_is_said_in_the_last_round_is_heard_in_the_next_turn() {
    let server = Running::start(1);
    let mut witness = server.connect(1);
    witness.hears(&[login(1), identify(1)]);
    for lists in 1..10 {
        let mut talker = server.connect(2);
        talker.hears(&[login(2), identify(2)]);
        // Each answer is so long that the next command waits until it is flushed: a round for each.
        let commands = "LIST\0".repeat(lists) + "QUIT\0";
        talker.send(&commands);
        let list = format!("<nicklist>{}{}</nicklist>", nick(1), nick(2));
        talker.hears(&vec![list; lists]);
        talker.hears_the_end();
        witness.hears(&[login(2), "<quit aid=\"m2\" />".to_owned()]);
    }
    server.stop();
}

/// So many members log in at the same moment that a turn broadcasts more than the shared log holds.
#[test]
fn a_turn_with_very_much_to_say_says_it_in_order() {
    let crowd = 30;
    let server = Running::start(crowd);
    let clients: Vec<_> = (1..=crowd)
        .map(|id| {
            let client = server.connect(id);
            (id, client)
        })
        .collect();
    for (own, mut client) in clients {
        client.hears(&[login(own), identify(own)]);
        let later: Vec<_> = (own + 1..=crowd).map(login).collect();
        client.hears(&later);
        client.send("PING now\0");
        client.hears(&["<pong value=\"now\"/>".to_owned()]);
        // It stays online, since its quit would be broadcast.
        std::mem::forget(client);
    }
    server.stop();
}

/// All of it is decided in one turn, of which nothing is written yet when the takeover comes.
#[test]
fn who_is_replaced_in_the_same_turn_hears_all_until_then() {
    let server = Running::start(5);
    let mut clients = [1, 2, 3, 2, 4].map(|id| server.connect(id));
    let replaced = "<error value=\"Replaced by a new login.\"/>".to_owned();
    for (client, heard) in clients.iter_mut().zip([
        vec![login(1), identify(1), login(2), login(3), login(4)],
        vec![login(2), identify(2), login(3), replaced],
        vec![login(3), identify(3), login(4)],
        vec![identify(2), login(4)],
        vec![login(4), identify(4)],
    ]) {
        client.hears(&heard);
    }
    clients[1].hears_the_end();
    for client in [0, 2, 3, 4] {
        clients[client].send("PING now\0");
        clients[client].hears(&["<pong value=\"now\"/>".to_owned()]);
    }
    server.stop();
}

struct Running {
    address: SocketAddr,
    handle: Handle,
    thread: thread::JoinHandle<()>,
    /// The questions that the store was asked.
    asked: mpsc::Receiver<()>,
}

impl Running {
    /// The first `together` logins are answered at the same moment, later ones at once.
    fn start(together: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
        let address = listener.local_addr().expect("a bound listener knows where");
        let mut config = Config::default();
        config.limits.backlog = 64 << 20;
        config.duplicates = OnDuplicate::Replace;
        let (asks, asked) = mpsc::channel();
        let members = Members(Mutex::new(Asked {
            together,
            waiting: Vec::new(),
            asks,
        }));
        let host = Host::new(config, members);
        let server = Server::new(vec![listener], host).expect("a server can be made");
        let handle = server.handle();
        let run = move || async_io::block_on(server.run()).expect("it serves to the end");
        let thread = thread::spawn(run);
        Self {
            address,
            handle,
            thread,
            asked,
        }
    }

    /// A client whose login has reached the store, so that clients log in in the order of these calls.
    fn connect(&self, id: usize) -> Client {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        let limited = stream.set_read_timeout(Some(Duration::from_secs(20)));
        limited.expect("a time limit is legal");
        let mut client = Client(BufReader::new(stream));
        client.send(&format!("IDENTIFY {id} x\0"));
        let asked = self.asked.recv_timeout(Duration::from_secs(20));
        asked.expect("the store is asked");
        client
    }

    fn stop(self) {
        self.handle.shutdown();
        self.thread.join().expect("the server did not panic");
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, commands: &str) {
        let sent = self.0.get_mut().write_all(commands.as_bytes());
        sent.expect("the server reads");
    }

    fn hears(&mut self, answers: &[String]) {
        for due in answers {
            let mut answer = Vec::new();
            let read = self.0.read_until(0, &mut answer);
            read.unwrap_or_else(|error| panic!("{error} before {}", short(due)));
            let answer = String::from_utf8_lossy(&answer);
            let is_due = answer.strip_suffix('\0') == Some(due);
            assert!(is_due, "{}, not {}", short(&answer), short(due));
        }
    }

    fn hears_the_end(&mut self) {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        read.expect("the server closes in order");
        assert!(
            rest.is_empty(),
            "{}",
            short(&String::from_utf8_lossy(&rest))
        );
    }
}

/// Names are long, so that one broadcast takes as much as a hundred usual ones.
fn name(id: usize) -> String {
    format!("{id} ").repeat(35_000)
}

fn nick(id: usize) -> String {
    format!("<nick aid=\"m{id}\" name=\"{}\" />", name(id))
}

fn login(id: usize) -> String {
    format!("<login aid=\"m{id}\" name=\"{}\" />", name(id))
}

fn identify(id: usize) -> String {
    format!("<identify aid=\"m{id}\" name=\"{}\" />", name(id))
}

fn short(answer: &str) -> String {
    answer.chars().take(60).collect()
}

/// Accepts every login; the first ones once `together` have asked. It answers on the loop's own thread, so that all
/// answers are there before the loop takes one.
struct Members(Mutex<Asked>);

struct Asked {
    together: usize,
    waiting: Vec<(Member, Reply)>,
    asks: mpsc::Sender<()>,
}

impl MemberStore for Members {
    fn submit(&self, query: Query, reply: Reply) {
        let Query::Identify { login, .. } = query else {
            return reply.send(Answer::Claimed);
        };
        let Login::Id(MemberId(id)) = login else {
            return reply.send(Answer::Denied(Denial::WrongPassword, None));
        };
        let member = Member {
            id: MemberId(id),
            nick: format!("m{id}").into(),
            name: name(id as usize).into(),
        };
        let mut asked = self.0.lock().expect("nobody has panicked");
        asked.waiting.push((member, reply));
        // The test may have ended.
        let _ = asked.asks.send(());
        if asked.waiting.len() < asked.together {
            return;
        }
        asked.together = 1;
        for (member, reply) in asked.waiting.drain(..) {
            reply.send(Answer::Member(member));
        }
    }
}
