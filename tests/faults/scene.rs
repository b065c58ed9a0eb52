//! A server with a recording, a member store and visitors, which are judged at the end.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argon2::Params;
use flashgate::password::Hash;
use flashgate::store::{Active, Members, Name, NewMember, Nick, Number};
use flashgate_core::Secret;
use flashgate_testing::sim::{Judged, Party, Tail, judge};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::crowd::{Counts, Crowd, Manners};
use crate::outside::{PATIENCE, Server};

pub(crate) struct Scene {
    runtime: &'static str,
    what: &'static str,
    seed: u64,
    options: Vec<String>,
    pub(crate) folder: TempDir,
    pub(crate) server: Server,
    pub(crate) crowd: Crowd,
    /// The servers that were killed.
    killed: usize,
}

impl Scene {
    pub(crate) fn open(
        runtime: &'static str,
        what: &'static str,
        manners: Manners,
        options: &[&str],
    ) -> Self {
        let seed = seed();
        eprintln!("{runtime}, {what}: FAULT_SEED={seed}");
        let folder = tempfile::tempdir().expect("a folder");
        let party = Party::new(seed, manners.command);
        let (mut members, _) =
            Members::open_or_create(&folder.path().join(STORE)).expect("a new store");
        for member in party.members() {
            members.add(&new_member(member)).expect("a good member");
        }
        drop(members);
        let mut options: Vec<String> = options.iter().map(|&option| option.into()).collect();
        options.push(format!("--runtime={runtime}"));
        options.push(format!("--max-command={}", manners.command));
        options.extend(["--record-secrets", "--record-limit=65536"].map(String::from));
        let server = start(&folder, &options, 0, "0");
        let crowd = Crowd::gather(party, server.addresses[0], manners);
        Self {
            runtime,
            what,
            seed,
            options,
            folder,
            server,
            crowd,
            killed: 0,
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        self.crowd.counts()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join(STORE)
    }

    /// About how long a test takes.
    pub(crate) fn length(&self) -> Duration {
        let seconds = std::env::var("FAULT_SECONDS");
        let seconds = seconds.map_or(2.5, |seconds| seconds.parse().expect("a number of seconds"));
        Duration::from_secs_f64(seconds)
    }

    /// Waits until something has happened this many more times.
    pub(crate) fn until_more(&self, what: &str, count: impl Fn(&Counts) -> &AtomicU64, more: u64) {
        let before = count(self.counts()).load(Relaxed);
        self.until(what, count, before + more);
    }

    /// Waits until the visitors who stay are logged in.
    pub(crate) fn until_settled(&self) {
        self.until("of those who stay", |counts| &counts.settled, 3);
    }

    fn until(&self, what: &str, count: impl Fn(&Counts) -> &AtomicU64, times: u64) {
        let end = Instant::now() + PATIENCE;
        while count(self.counts()).load(Relaxed) < times {
            let counts = self.counts();
            assert!(
                Instant::now() < end,
                "no more {what}: {counts:?}, {}",
                self.again()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the server, and starts it again at the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.server.running.signal(Signal::KILL);
        self.server.running.child.wait().expect("it was ours");
        self.killed += 1;
        self.crowd.next_server();
        let port = self.server.addresses[0].port().to_string();
        self.server = start(&self.folder, &self.options, self.killed, &port);
    }

    /// Stops the server, and judges its recording and those of the servers before it.
    pub(crate) fn close(self) -> Vec<Judged> {
        let again = self.again();
        self.crowd.last_words();
        let (log, diagnostics) = self.server.stop();
        let counts = format!("{:?}", self.crowd.counts());
        let mut met: Vec<Vec<_>> = (0..=self.killed).map(|_| Vec::new()).collect();
        for one in self.crowd.disperse() {
            met[one.server].push(one.visitor);
        }
        let mut all = Vec::new();
        for (n, visitors) in met.into_iter().enumerate() {
            let recording = fs::read(self.folder.path().join(recording(n))).expect("a recording");
            let tail = if n < self.killed {
                Tail::Lost
            } else {
                Tail::Whole
            };
            let judged = match judge(&recording, &visitors, tail) {
                Ok(judged) => judged,
                Err(failure) => {
                    let kept = self.folder.keep();
                    panic!(
                        "{failure}\n{diagnostics}\n{again}; {} is kept",
                        kept.display()
                    );
                }
            };
            eprintln!("{}, {}: {judged}", self.runtime, self.what);
            all.push(judged);
        }
        assert!(!log.is_empty());
        eprintln!("{}, {}: {counts}", self.runtime, self.what);
        all
    }

    fn again(&self) -> String {
        format!("perhaps again with FAULT_SEED={}", self.seed)
    }
}

fn start(folder: &TempDir, options: &[String], nth: usize, port: &str) -> Server {
    let (listen, record) = (
        format!("--listen=127.0.0.1:{port}"),
        format!("--record={}", recording(nth)),
    );
    let mut all: Vec<&str> = options.iter().map(String::as_str).collect();
    all.extend([listen.as_str(), record.as_str()]);
    Server::start(folder.path(), &all)
}

fn recording(nth: usize) -> String {
    format!("{nth}.rec")
}

/// A member with the cheapest hash.
fn new_member((id, nick, name, password): (i64, &str, &str, &str)) -> NewMember {
    let params = Params::new(8, 1, 1, None).expect("the least");
    NewMember {
        id: Number::new(id).expect("a number"),
        nick: Nick::new(nick).expect("a nick"),
        name: Name::new(name).expect("a name"),
        password: Hash::with(&Secret::new(password), params).expect("a hash"),
        active: Active::Yes,
    }
}

fn seed() -> u64 {
    std::env::var("FAULT_SEED").map_or_else(
        |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_nanos() as u64
        },
        |seed| seed.parse().expect("a number"),
    )
}

const STORE: &str = "flashgate.db";
