//! A server and its crowd in processes of their own, since one process can have only a few thousand connections open. The
//! measuring process starts this program again and exchanges lines with it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::crowd::Crowd;
use crate::fault::Fault;
use crate::load::{Load, Presence, Seat};
use crate::loads::login::Logins;
use crate::loads::pairs::{PAIRS, TEXT, Talk};
use crate::server::{Kind, Programs};
use crate::wire::Wire;

/// The argument that makes this program a worker.
pub(crate) const WORKER: &str = "worker";

/// What a crowd of this many members takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Bytes of memory: of the process, and those it had with nobody.
    pub(crate) memory: u64,
    pub(crate) alone: u64,
}

/// The measuring process's handle of a worker. The worker ends when this is dropped.
pub(crate) struct Worker {
    child: Child,
    // When this pipe closes, the worker ends.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(
        programs: &Programs,
        kind: Kind,
        wire: Wire,
        presence: Presence,
    ) -> Result<Self, Fault> {
        // The running program, even if it has been rebuilt meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg(WORKER).arg(&programs.store);
        command.args([kind.name(), wire.name(), presence.name()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.ok_or_else(|| Fault::new("a worker without an output"))?;
        Ok(Self {
            child,
            orders,
            answers: BufReader::new(answers),
        })
    }

    /// Sets how many members are online in all.
    pub(crate) fn grow(&mut self, members: usize) -> Result<Held, Fault> {
        let [memory, alone] = self.ask(&format!("grow {members}"))?;
        Ok(Held { memory, alone })
    }

    /// Lets some pairs talk for a while. Returns the server's microseconds for each delivery.
    pub(crate) fn talk(&mut self, length: Duration) -> Result<f64, Fault> {
        let [count, nanos] = self.ask(&format!("talk {}", length.as_millis()))?;
        Ok(nanos as f64 / 1e3 / count as f64)
    }

    fn ask(&mut self, order: &str) -> Result<[u64; 2], Fault> {
        let orders = self.orders.as_mut();
        let orders = orders.ok_or_else(|| Fault::new("a worker without an input"))?;
        writeln!(orders, "{order}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let mut numbers = line.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(one)), Some(Ok(two))) => Ok([one, two]),
            _ => Err(Fault::wrong(
                format!("a worker, asked to {order}"),
                line.as_bytes(),
            )),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}

/// Carries out commands until there are no more.
pub(crate) fn work(arguments: &[String]) -> Result<(), Fault> {
    let [store, kind, wire, presence] = arguments else {
        return Err(Fault::new("a worker is started by this program alone"));
    };
    let kind = crate::runtime(kind).map_err(Fault::new)?;
    let wire = crate::wire(wire).map_err(Fault::new)?;
    let programs = Programs::of(PathBuf::from(store))?;
    let option = format!("--presence={presence}");
    let mut seat = Seat::new(programs.start(kind, &[option])?, wire)?;
    seat.wave = 64;
    let mut warm = Warm {
        talk: None,
        alone: 0,
    };
    if presence == Presence::Off.name() {
        seat.presence = Presence::Off;
    }
    // The first login takes memory that later ones do not take again.
    let mut logins = Logins::default();
    logins.prepare(&mut seat)?;
    logins.slice(&mut seat, Duration::from_millis(100))?;
    warm.alone = rested(&seat)?;
    seat.crowd = Crowd::new(seat.server.address, seat.wire)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let [one, two] = match line.split_once(' ') {
            Some(("grow", members)) => warm.grow(&mut seat, number(members)?)?,
            Some(("talk", millis)) => warm.talk(&mut seat, number(millis)?)?,
            _ => return Err(Fault::wrong("an unknown order", line.as_bytes())),
        };
        let mut out = std::io::stdout();
        writeln!(out, "{one} {two}")?;
        out.flush()?;
    }
    Ok(())
}

struct Warm {
    talk: Option<Talk>,
    alone: u64,
}

impl Warm {
    fn grow(&mut self, seat: &mut Seat, members: u64) -> Result<[u64; 2], Fault> {
        let more = (members as usize).saturating_sub(seat.crowd.len());
        seat.fill(more)?;
        Ok([rested(seat)?, self.alone])
    }

    fn talk(&mut self, seat: &mut Seat, millis: u64) -> Result<[u64; 2], Fault> {
        let talk = self
            .talk
            .get_or_insert_with(|| Talk::new(seat, PAIRS, 1, TEXT));
        let length = Duration::from_millis(millis);
        let slice = seat.cost(|seat| talk.run(seat, 0..PAIRS, length))?;
        Ok([slice.count, slice.spent.as_nanos() as u64])
    }
}

/// Its memory once it is idle: the log is written and the store is closed.
fn rested(seat: &Seat) -> Result<u64, Fault> {
    thread::sleep(Duration::from_millis(2500));
    seat.server.memory()
}

fn number(text: &str) -> Result<u64, Fault> {
    let number = text.parse();
    number.map_err(|_| Fault::wrong("no number", text.as_bytes()))
}
