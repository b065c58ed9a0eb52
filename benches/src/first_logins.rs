//! How fast the members of an old site log in for the first time, all at once.
//!
//! Their passwords are stored in an older format, and are hashed anew after the login. For comparison, the same number
//! of members with argon2id hashes logs in at the same time; those need no new hash. No login may be answered `Please try again
//! later.`, and in the end every stored hash must be argon2id.

use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::server::{Kind, Programs, Server};
use crate::table::{self, Spread};
use crate::wire::Wire;

pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    let stores = [&OLD[..], &[NEW]].map(|hashes| Store::make(&bench.programs, hashes));
    let [old, new] = stores;
    let (old, new) = (old?, new?);
    println!(
        "  {MEMBERS} log in at once, {} times each; a third has $6$, phpass and bcrypt each",
        rounds(bench)
    );
    for kind in &bench.runtimes {
        let (mut first, mut later, mut hashed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds(bench) {
            let (logins, upgrades) = run(&old, *kind)?;
            first.push(MEMBERS as f64 / logins);
            hashed.push(upgrades);
            let (logins, _) = run(&new, *kind)?;
            later.push(MEMBERS as f64 / logins);
        }
        let ratio = table::ratio(Spread::ratio(&first, &later), "no new hash", None);
        table::line(kind.name(), "new", "a second", &later, &[]);
        let upgrades = format!("all hashed anew after {:.1} s", Spread::of(&hashed).median);
        table::line(kind.name(), "old", "a second", &first, &[ratio, upgrades]);
    }
    Ok(())
}

struct Store {
    programs: Programs,
    /// Ends with this.
    _folder: tempfile::TempDir,
}

impl Store {
    /// Members `m1` and so on, who have these hashes in turn.
    fn make(programs: &Programs, hashes: &[&str]) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let mut rows = "id,nick,name,password,active\n".to_owned();
        for (n, hash) in (1..=MEMBERS).zip(hashes.iter().cycle()) {
            rows.push_str(&format!("{n},m{n},Member {n},\"{hash}\",1\n"));
        }
        programs.import(folder.path(), &rows)?;
        Ok(Self {
            programs: programs.with_store(folder.path().to_owned()),
            _folder: folder,
        })
    }
}

/// The seconds until all were logged in, and until every hash was argon2id.
fn run(store: &Store, kind: Kind) -> Result<(f64, f64), Fault> {
    let server = store.programs.start(kind, &["--presence=off".to_owned()])?;
    let mut crowd = Crowd::new(server.address, Wire::Raw)?;
    for _ in 0..MEMBERS {
        let place = crowd.add()?;
        crowd.send(place, b"PING x")?;
    }
    let mut arrivals = Arrivals::default();
    crowd.until(&mut arrivals, |arrivals| arrivals.ready == MEMBERS)?;
    let start = Instant::now();
    for n in 0..MEMBERS {
        let login = format!("IDENTIFY {} x", n + 1);
        crowd.outs().send(n, login.as_bytes());
    }
    crowd.until(&mut arrivals, |arrivals| {
        arrivals.welcome + arrivals.later == MEMBERS
    })?;
    let logins = start.elapsed().as_secs_f64();
    if arrivals.later > 0 {
        return Err(Fault::new(format!(
            "{} of {MEMBERS} were told to try again later, and {:.1} a second logged in",
            arrivals.later,
            arrivals.welcome as f64 / logins
        )));
    }
    while left(&store.programs, &server)? > 0 {
        if start.elapsed() > PATIENCE {
            return Err(Fault::new("some passwords are not hashed anew"));
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok((logins, start.elapsed().as_secs_f64()))
}

/// How many hashes are of an older format.
fn left(programs: &Programs, server: &Server) -> Result<usize, Fault> {
    let rows = programs.export(server)?;
    let hashes: Vec<&str> = rows.lines().filter(|line| line.contains('$')).collect();
    if hashes.len() != MEMBERS {
        return Err(Fault::wrong("not all members", rows.as_bytes()));
    }
    let old = hashes
        .iter()
        .filter(|line| !line.contains("\"$argon2id$v=19$m=19456,t=2,p=1$"));
    Ok(old.count())
}

#[derive(Default)]
struct Arrivals {
    ready: usize,
    welcome: usize,
    /// Logins that were answered with `Please try again later.`
    later: usize,
}

impl Listen for Arrivals {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let name = format!("aid=\"m{0}\" name=\"Member {0}\" />", client + 1);
        if answer == b"<pong value=\"x\"/>" {
            self.ready += 1;
        } else if answer == format!("<identify {name}").as_bytes() {
            self.welcome += 1;
        } else if answer == b"<error value=\"Please try again later.\"/>" {
            self.later += 1;
        } else if answer != format!("<login {name}").as_bytes() {
            return Err(Fault::wrong("no login", answer));
        }
        Ok(())
    }
}

/// Each takes seconds.
fn rounds(bench: &Bench) -> usize {
    bench.repeat.div_ceil(3)
}

const MEMBERS: usize = 150;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Hashes of the password `x`, at costs that sites use.
const OLD: [&str; 3] = [
    "$6$saltsalt$8RWsOfwR6M6PpnoeQiEiWzNTPo1f0HjVYjDnLZhGx16aBFRkeqiHAzfXP/LgrOWMBMXqiU2pLrXsSOHNUyUm91",
    "$P$BsaltsaltHTFptAp3K/WFy32Y53SRX1",
    "$2y$10$abcdefghijklmnopqrstuu4T826PRnz0Hu6YlprUuxkZxOOj5Fw5S",
];

/// The same as this program hashes it.
const NEW: &str = "$argon2id$v=19$m=19456,t=2,p=1$Z1EM0iF6nLsA3rmXmMkoOQ$xJLccFZS7gxoVJfpTi/NysR/uoqef84zrObdmVJFAz8";
