//! Members who come and go all the time: each visit talks a little, and each ends in another way.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::check::Messages;
use crate::fault::Fault;
use crate::soak::guest::Guest;
use crate::soak::{Shared, WIRES, residents};

/// How a visit ends.
#[derive(Clone, Copy, Debug)]
enum Way {
    Quit,
    HalfClose,
    Reset,
    Close,
    /// In the midst of a command.
    Midway,
    /// Another connection of the same member takes over, and quits.
    Takeover,
    /// A wrong password before the right one.
    WrongPassword,
    /// No login at all.
    Silent,
    /// Wrong passwords until the server has enough.
    ShutOut,
}

/// Visits at a fixed rate, until they are over.
pub(crate) fn run(server: SocketAddr, visitor: usize, shared: &Shared) -> Result<(), Fault> {
    let start = Instant::now();
    for visit in 0.. {
        let due = start + PACE * visit as u32 + PACE * visitor as u32 / VISITORS as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if shared.is_over() {
            break;
        }
        let visited = Visit::new(server, visitor, visit, shared).run();
        visited.map_err(|fault| {
            let way = WAYS[visit % WAYS.len()];
            fault.during(format!("visit {visit} of visitor {visitor}, {way:?}"))
        })?;
        shared.visits.fetch_add(1, Relaxed);
    }
    Ok(())
}

/// The letter of this number that a visitor sends, signed by the member who visits at that time.
pub(crate) fn letter(visitor: usize, number: u32) -> Messages {
    let from = member(visitor, number as usize);
    Messages::chat(from, residents::addressee(visitor), " a letter")
}

/// The member of the visit of this number: another one each time, whose last visit is long over.
fn member(visitor: usize, login: usize) -> usize {
    residents::RESIDENTS + 1 + visitor * MEMBERS + login % MEMBERS
}

struct Visit<'a> {
    server: SocketAddr,
    visitor: usize,
    visit: usize,
    shared: &'a Shared,
}

impl<'a> Visit<'a> {
    fn new(server: SocketAddr, visitor: usize, visit: usize, shared: &'a Shared) -> Self {
        Self {
            server,
            visitor,
            visit,
            shared,
        }
    }

    fn run(&self) -> Result<(), Fault> {
        let wire = WIRES[self.visit / WAYS.len() % WIRES.len()];
        let mut guest = Guest::new(self.server, wire)?;
        match WAYS[self.visit % WAYS.len()] {
            Way::Silent => Ok(()),
            Way::ShutOut => {
                for _ in 0..TRIES {
                    self.fail(&mut guest)?;
                }
                guest.expect_end()
            }
            Way::WrongPassword => {
                self.fail(&mut guest)?;
                self.talk(&mut guest)?;
                guest.say(b"QUIT")?;
                guest.expect_end()
            }
            Way::Quit => {
                self.talk(&mut guest)?;
                guest.say(b"/quit")?;
                guest.expect_end()
            }
            Way::HalfClose => {
                self.talk(&mut guest)?;
                guest.say(b"PING last")?;
                guest.half_close()?;
                guest.expect("<pong value=\"last\"/>")?;
                guest.expect_end()
            }
            Way::Reset => {
                self.talk(&mut guest)?;
                guest.reset()
            }
            Way::Close => self.talk(&mut guest),
            Way::Midway => {
                self.talk(&mut guest)?;
                guest.say_half(b"PING nobody waits for this")
            }
            Way::Takeover => {
                let member = self.talk(&mut guest).map(|()| self.last_member())?;
                let wire = WIRES[(self.visit / WAYS.len() + 1) % WIRES.len()];
                let mut other = Guest::new(self.server, wire)?;
                other.say(format!("IDENTIFY {member} x").as_bytes())?;
                let name = format!("aid=\"m{member}\" name=\"Member {member}\"");
                other.expect(&format!("<identify {name} />"))?;
                guest.expect("<error value=\"Replaced by a new login.\"/>")?;
                guest.expect_end()?;
                other.write(&Messages::chat(member, member, " again"), 0)?;
                other.say(b"QUIT")?;
                other.expect_end()
            }
        }
    }

    fn fail(&self, guest: &mut Guest) -> Result<(), Fault> {
        let member = member(self.visitor, self.visit);
        guest.say(format!("IDENTIFY {member} wrong").as_bytes())?;
        guest.expect("<error value=\"Identification failed.\"/>")
    }

    fn last_member(&self) -> usize {
        let sent = self.shared.letters[self.visitor].load(Relaxed) as usize;
        member(self.visitor, sent - 1)
    }

    /// Logs in and sends what each visitor sends, with one letter for each login.
    fn talk(&self, guest: &mut Guest) -> Result<(), Fault> {
        let number = self.shared.letters[self.visitor].load(Relaxed) as u32;
        let member = member(self.visitor, number as usize);
        guest.login(member)?;
        self.shared.logins.fetch_add(1, Relaxed);
        let own = Messages::chat(member, member, " to myself");
        for n in 0..3 {
            guest.write(&own, n)?;
        }
        guest.write(&letter(self.visitor, number), number)?;
        self.shared.letters[self.visitor].fetch_add(1, Relaxed);
        guest.say(b"MSG m19600 Are you there?")?;
        guest.expect("<error value=\"User is already left.\"/>")?;
        guest.say(b"PING <&>")?;
        guest.expect("<pong value=\"&lt;&amp;&gt;\"/>")?;
        if number.is_multiple_of(4) {
            list(guest, member, &self.shared.order)?;
            self.shared.lists.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

/// All residents are in the list, in the order of login, which is the same each time; then come the visitors, each
/// once.
fn list(guest: &mut Guest, own: usize, order: &OnceLock<Vec<usize>>) -> Result<(), Fault> {
    guest.say(b"LIST")?;
    let answer = guest.answer()?.unwrap_or_default();
    let text = String::from_utf8_lossy(&answer);
    let inner = text.strip_prefix("<nicklist>");
    let inner = inner.and_then(|text| text.strip_suffix("</nicklist>"));
    let inner = inner.ok_or_else(|| Fault::wrong("no list", &answer))?;
    let mut seen = Vec::new();
    for nick in inner.split_inclusive(" />") {
        let member = nick.strip_prefix("<nick aid=\"m");
        let member = member.and_then(|rest| rest.split_once('"')?.0.parse::<usize>().ok());
        let member = member.ok_or_else(|| Fault::wrong("no nick", nick.as_bytes()))?;
        let whole = format!("<nick aid=\"m{member}\" name=\"Member {member}\" />");
        if nick != whole || seen.contains(&member) {
            return Err(Fault::wrong("wrong, or twice in the list", nick.as_bytes()));
        }
        seen.push(member);
    }
    // Residents, the other visitors, and a pair of members, one of which does not read.
    let most = residents::RESIDENTS + VISITORS * 4 + 8;
    let stay = seen.get(..residents::RESIDENTS).unwrap_or_default();
    let order = order.get_or_init(|| stay.to_vec());
    if stay == order
        && stay.len() == residents::RESIDENTS
        && stay.iter().all(|member| *member <= residents::RESIDENTS)
        && seen.contains(&own)
        && seen.len() <= most
    {
        return Ok(());
    }
    Err(Fault::wrong("not who should be in the list", &answer))
}

static WAYS: [Way; 9] = [
    Way::Quit,
    Way::HalfClose,
    Way::Reset,
    Way::Close,
    Way::Midway,
    Way::Takeover,
    Way::WrongPassword,
    Way::Silent,
    Way::ShutOut,
];

/// They take turns, each on a thread of its own.
pub(crate) const VISITORS: usize = 4;

/// Between two visits of one visitor.
const PACE: Duration = Duration::from_millis(150);

/// Members of each visitor.
pub(crate) const MEMBERS: usize = 256;

/// Failed logins that a connection may have.
const TRIES: usize = 5;
