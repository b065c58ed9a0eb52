//! A thousand rooms of twenty members each, while a fifth of the members come and go with faults.

mod guest;
mod view;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argon2::Params;
use flashgate::password::Hash;
use flashgate_core::Secret;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::crowd::Chance;
use crate::outside::{Client, Server, run_in};
use guest::{Guest, Kind, kind_of};
use view::Log;

/// Members who stay receive every message of their rooms once, and all of them in the same order. What each member knows of
/// its rooms, by their states and by who joined and parted, is the same for all in the end. When all have left, no room
/// is left, and another such crowd needs no more memory than the first.
pub(crate) fn a_thousand_rooms(runtime: &'static str) {
    raise_open_files();
    let seed = std::env::var("FAULT_SEED").map_or_else(
        |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_nanos() as u64
        },
        |seed| seed.parse().expect("a number"),
    );
    eprintln!("{runtime}, a thousand rooms: FAULT_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    import(folder.path());
    let options = [
        &*format!("--runtime={runtime}"),
        // A newcomer takes over from a connection whose end the server has not noticed.
        "--on-duplicate=replace",
        "--presence=off",
        "--rate=0",
        "--max-clients=6000",
    ];
    let server = Server::start(folder.path(), &options);
    let seconds = std::env::var("FAULT_SECONDS");
    let seconds = seconds.map_or(2.5, |seconds| seconds.parse().expect("a number of seconds"));
    let pid = server.running.child.id();
    let mut chance = Chance::new(seed);
    let [first, second] = [2.0 * seconds, 0.5 * seconds].map(|seconds| {
        let start = Instant::now();
        let mut swarm = Swarm::gather(server.addresses[0], &mut chance);
        let together = start.elapsed();
        count_rooms(&server, ROOMS);
        swarm.play(Duration::from_secs_f64(seconds), &mut chance);
        swarm.compare();
        eprintln!(
            "{runtime}, a thousand rooms: {} messages, {} deliveries, {} faults; together after {together:?}, {:?} in all",
            swarm.sent(),
            swarm.deliveries(),
            swarm.faults,
            start.elapsed()
        );
        assert!(!swarm.has_done_little(), "too little happened");
        drop(swarm);
        nobody_is_left(&server);
        memory(pid)
    });
    eprintln!(
        "{runtime}, a thousand rooms: {first} KiB after the first crowd, {second} after the second"
    );
    assert!(
        second <= first + first / 10 + 2048,
        "memory does not come back"
    );
    let (log, diagnostics) = server.stop();
    assert!(log.contains("CLOSED reset") && log.contains("CLOSED replaced"));
    assert_eq!(diagnostics, "");
}

/// All members, who are connected to one server.
struct Swarm {
    guests: Vec<Guest>,
    logs: Vec<Log>,
    faults: u64,
}

impl Swarm {
    /// Logs everybody in, and has them join their rooms: one member of each room at a time.
    fn gather(to: SocketAddr, chance: &mut Chance) -> Self {
        let mut rooms_of = vec![Vec::new(); MEMBERS];
        for room in 0..ROOMS {
            members(room).for_each(|member| rooms_of[member].push(room));
        }
        let guest = |member| Guest::new(member, kind_of(member), &rooms_of[member], to);
        let mut swarm = Self {
            guests: (0..MEMBERS).map(guest).collect(),
            logs: (0..ROOMS).map(|_| Log::default()).collect(),
            faults: 0,
        };
        for wave in 0..MEMBERS.div_ceil(WAVE) {
            for guest in swarm.guests.iter_mut().skip(wave * WAVE).take(WAVE) {
                guest.connect();
            }
            swarm.until("to log in", chance, |swarm| {
                let mut wave = swarm.guests.iter().skip(wave * WAVE).take(WAVE);
                wave.all(Guest::is_in)
            });
        }
        let orders: Vec<Vec<usize>> = (0..ROOMS).map(|room| members(room).collect()).collect();
        for nth in 0..SIZE {
            for (room, order) in orders.iter().enumerate() {
                swarm.guests[order[nth]].join(room);
            }
            swarm.until("to join", chance, |swarm| {
                swarm.guests.iter().all(Guest::is_settled)
            });
            swarm.barrier(chance);
        }
        for guest in &mut swarm.guests {
            guest.set_at_home();
        }
        swarm
    }

    /// All talk, and those who wander cause faults.
    fn play(&mut self, length: Duration, chance: &mut Chance) {
        let (end, latest) = (Instant::now() + length, Instant::now() + LONGEST);
        // On a busy machine it takes longer until enough has happened.
        while Instant::now() < end || (self.has_done_little() && Instant::now() < latest) {
            let under_way: u32 = self.guests.iter().map(Guest::under_way).sum();
            for _ in under_way..IN_FLIGHT {
                let guest = chance.below(MEMBERS as u64) as usize;
                self.guests[guest].talk(chance);
            }
            for _ in 0..FAULTS_AT_ONCE {
                let guest = 5 * chance.below(MEMBERS as u64 / 5) as usize;
                self.faults += u64::from(self.guests[guest].suffer(chance));
            }
            self.turn(chance);
        }
        self.until("to come back", chance, |swarm| {
            swarm
                .guests
                .iter()
                .all(|guest| guest.is_settled() && guest.under_way() == 0)
        });
        self.barrier(chance);
    }

    /// Waits until everybody has received all that was decided before.
    fn barrier(&mut self, chance: &mut Chance) {
        for guest in &mut self.guests {
            guest.ask_for_an_end();
        }
        self.until("for the last answer", chance, |swarm| {
            swarm.guests.iter().all(Guest::has_the_end)
        });
    }

    /// Compares what the members of each room know, and what the server says of it.
    fn compare(&mut self) {
        let mut chance = Chance::new(1);
        for room in 0..ROOMS {
            let stays = members(room).find(|member| self.guests[*member].kind == Kind::Stays);
            let asker = stays.expect("four of five stay");
            self.guests[asker].ask_who(room);
        }
        // Each compares the answer with what it knows.
        self.barrier(&mut chance);
        for room in 0..ROOMS {
            let mut all = members(room).map(|member| (member, self.guests[member].view(room)));
            let (first, known) = all.next().expect("a room has members");
            assert_eq!(
                known.members.len(),
                SIZE,
                "all members of #r{room} are back"
            );
            for (other, view) in all {
                assert_eq!(view, known, "#r{room} by m{other}, and by m{first}");
            }
            for member in members(room) {
                self.guests[member].assert_complete(room, &self.logs[room]);
            }
            for (from, to) in members(room).flat_map(|from| members(room).map(move |to| (from, to)))
            {
                if self.guests[from].kind == Kind::Stays && self.guests[to].kind == Kind::Stays {
                    let sent = self.guests[from].sent(room);
                    let received = self.guests[to].received(room, from);
                    assert_eq!(received, sent, "from m{from} to m{to} in #r{room}");
                }
            }
        }
    }

    fn until(&mut self, what: &str, chance: &mut Chance, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + LONGEST;
        while !done(self) {
            if Instant::now() > end {
                let late = self
                    .guests
                    .iter()
                    .find(|guest| !guest.is_settled() || !guest.has_the_end());
                panic!("somebody waits too long {what}: {late:?}");
            }
            self.turn(chance);
        }
    }

    /// Lets each read and write once.
    fn turn(&mut self, chance: &mut Chance) {
        let mut read = false;
        for guest in &mut self.guests {
            read |= guest.turn(&mut self.logs, chance);
        }
        if !read {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn has_done_little(&self) -> bool {
        self.sent() < 1000 || self.faults < 200
    }

    fn sent(&self) -> u64 {
        self.guests.iter().map(|guest| guest.sent).sum()
    }

    fn deliveries(&self) -> u64 {
        self.guests.iter().map(|guest| guest.deliveries).sum()
    }
}

/// The members of a room, in the order in which they join at first. Each member is in 15 or 16 rooms, and two rooms
/// hardly ever have two members in common.
fn members(room: usize) -> impl Iterator<Item = usize> {
    let rooms_a_round = MEMBERS / SIZE;
    // A step and the number of members have no common factor.
    let step = STEPS[room / rooms_a_round];
    let first = room % rooms_a_round * SIZE;
    (first..first + SIZE).map(move |chair| chair * step % MEMBERS)
}

/// Checks how many rooms there are, and that all are full.
fn count_rooms(server: &Server, rooms: usize) {
    let list = rooms_now(server);
    assert_eq!(list.matches("<room ").count(), rooms, "{list}");
    assert_eq!(
        list.matches(&format!(" here=\"{SIZE}\" ")).count(),
        rooms,
        "{list}"
    );
}

/// What a member in no room gets for ROOMS.
fn rooms_now(server: &Server) -> String {
    let mut outside = Client::connect(server.addresses[0]);
    outside.send(&format!("IDENTIFY {} x", MEMBERS + 1));
    while !outside.answer().starts_with("<identify ") {}
    outside.ask("ROOMS")
}

/// Waits until the server has noticed that all have left.
fn nobody_is_left(server: &Server) {
    let end = Instant::now() + LONGEST;
    loop {
        let list = rooms_now(server);
        if list == "<rooms></rooms>" {
            break;
        }
        assert!(Instant::now() < end, "rooms without members: {list}");
        thread::sleep(Duration::from_millis(20));
    }
    while !server.get("/server-status").contains("Clients: 0/") {
        assert!(Instant::now() < end, "clients are left");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process's memory of its own, in KiB.
fn memory(pid: u32) -> u64 {
    // Threads of connections end a moment later.
    thread::sleep(Duration::from_millis(300));
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux knows its processes");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let size = line.expect("a size").trim().trim_end_matches(" kB");
    size.parse().expect("a number")
}

/// Makes a store with all members and the one who looks, whose password is `x`, with the cheapest hash.
fn import(folder: &Path) {
    let params = Params::new(8, 1, 1, None).expect("the least");
    let hash = Hash::with(&Secret::new("x"), params).expect("a hash");
    let mut rows = "id,nick,name,password,active\n".to_owned();
    for n in 1..=MEMBERS + 1 {
        rows.push_str(&format!("{n},m{n},M {n},\"{}\",1\n", hash.as_str()));
    }
    fs::write(folder.join("members.csv"), rows).expect("a file");
    let done = run_in(folder, &["members", "import", "members.csv"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
}

/// Each member has a descriptor, sometimes two.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum");
}

const ROOMS: usize = 1000;
const SIZE: usize = 20;
const MEMBERS: usize = 1280;
const STEPS: [usize; 16] = [1, 3, 7, 9, 11, 13, 17, 19, 21, 23, 27, 29, 31, 33, 37, 39];

/// How many log in at once.
const WAVE: usize = 64;

/// Messages of those who stay on their way at once, each to twenty.
const IN_FLIGHT: u32 = 64;

/// Members who may cause a fault in each turn.
const FAULTS_AT_ONCE: usize = 8;

/// Nothing takes so long, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);
