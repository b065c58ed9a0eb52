//! Reads transcripts. An unknown word is an error, with its line.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::frames::Frames;
use super::settings::{Settings, span};
use super::step::{Act, ClientId, Drivers, End, Placed, Scenario, Step};
use super::store::{Change, Known, Mood, Verdict, Which};
use super::text::unescape;
use flashgate_core::{Denial, ListenerId, Login, Member, MemberId};

/// A transcript that cannot be read, and where.
#[derive(Clone, Debug)]
pub struct ParseError {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Scenario>, ParseError> {
    let mut parser = Parser {
        preamble: Header::new(),
        scenarios: Vec::new(),
    };
    let mut at = 0;
    for (nth, line) in text.lines().enumerate() {
        at = nth + 1;
        parser.line(nth, line).map_err(|message| ParseError {
            file: file.to_owned(),
            line: at,
            message,
        })?;
    }
    let (first, empty) = (text.starts_with("# "), parser.scenarios.is_empty());
    let message = match (first, empty) {
        (false, _) => "a transcript begins with '# ' and what it pins down",
        (true, true) => "no scenario: a line '== title' begins one",
        (true, false) => return Ok(parser.finish()),
    };
    Err(ParseError {
        file: file.to_owned(),
        line: at,
        message: message.to_owned(),
    })
}

/// The lines before the steps of a scenario.
#[derive(Clone)]
struct Header {
    settings: Settings,
    members: Vec<Known>,
    drivers: Drivers,
}

impl Header {
    fn new() -> Self {
        Self {
            settings: Settings::new(),
            members: Vec::new(),
            drivers: Drivers::All,
        }
    }
}

/// A scenario that is being read, with the settings that its next `configure` starts from.
struct Open {
    header: Header,
    scenario: Scenario,
}

struct Parser {
    /// The settings of every scenario of the file.
    preamble: Header,
    scenarios: Vec<Open>,
}

impl Parser {
    fn finish(self) -> Vec<Scenario> {
        self.scenarios.into_iter().map(|o| o.scenario).collect()
    }

    fn line(&mut self, nth: usize, line: &str) -> Result<(), String> {
        if line != line.trim_end() {
            return Err("space at the end of the line (write \\s for one that counts)".to_owned());
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(title) = line.strip_prefix("== ") {
            self.begin(nth, title);
            return Ok(());
        }
        let header = match self.scenarios.last_mut() {
            Some(open) if open.scenario.steps.is_empty() => &mut open.header,
            Some(open) => return open.step(nth, line),
            None => &mut self.preamble,
        };
        if header_line(header, line)? {
            if let Some(open) = self.scenarios.last_mut() {
                open.scenario.take(&open.header);
            }
            return Ok(());
        }
        match self.scenarios.last_mut() {
            Some(open) => open.step(nth, line),
            None => Err(format!(
                "neither a setting nor a member, and before the first '== title': {line:?}"
            )),
        }
    }

    fn begin(&mut self, nth: usize, title: &str) {
        let header = self.preamble.clone();
        let scenario = Scenario {
            title: title.to_owned(),
            line: nth,
            drivers: header.drivers,
            config: header.settings.config(),
            offset: header.settings.offset(),
            members: header.members.clone(),
            clients: Vec::new(),
            steps: Vec::new(),
        };
        self.scenarios.push(Open { header, scenario });
    }
}

/// Takes a line that belongs before the steps; returns `false` for any other.
fn header_line(header: &mut Header, line: &str) -> Result<bool, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "set" => {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            header.settings.set(name, value)?;
        }
        "member" => header.members.push(member(rest, true)?),
        "inactive" => {
            let rest = rest.strip_prefix("member ");
            let rest = rest.ok_or_else(|| "inactive what? 'inactive member …'".to_owned())?;
            header.members.push(member(rest, false)?);
        }
        "only" => {
            let reason = rest.strip_prefix("core: ").unwrap_or_default();
            if reason.is_empty() {
                return Err("write 'only core: ' and the reason".to_owned());
            }
            header.drivers = Drivers::CoreOnly;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `1 alice secret1 Alice Liddell`: number, nick, password, and the name that is shown.
fn member(text: &str, active: bool) -> Result<Known, String> {
    let mut words = text.splitn(4, ' ');
    let mut next = || words.next().ok_or("a member is: ID NICK PASSWORD NAME");
    let (id, nick, password, name) = (next()?, next()?, next()?, next()?);
    Ok(Known {
        member: Member {
            id: MemberId(number(id)?),
            nick: Arc::from(string(nick)?),
            name: Arc::from(string(name)?),
        },
        password: string(password)?,
        active,
    })
}

impl Scenario {
    /// Takes over the file's header, unless there are steps already.
    fn take(&mut self, header: &Header) {
        self.config = header.settings.config();
        self.offset = header.settings.offset();
        self.members.clone_from(&header.members);
        self.drivers = header.drivers;
    }
}

impl Open {
    fn step(&mut self, nth: usize, line: &str) -> Result<(), String> {
        if line.starts_with(' ') {
            return self.continued(nth, line.trim_start());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let step = match word {
            "time" => Step::Time(span(rest.strip_prefix('+').unwrap_or_default())?),
            "store" => store(rest)?,
            "disable" => Step::Member(MemberId(number(rest)?), Change::Disable),
            "remove" => Step::Member(MemberId(number(rest)?), Change::Remove),
            "rename" => {
                let (id, nick) = rest.split_once(' ').ok_or("rename is: ID NICK")?;
                Step::Member(MemberId(number(id)?), Change::Rename(text(nick)?))
            }
            "configure" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                self.header.settings.set(name, value)?;
                Step::Configure(self.header.settings.config())
            }
            "announce" => Step::Announce(text(rest)?),
            "kick" => {
                let (name, reason) = match rest.split_once(' ') {
                    Some((name, reason)) => (name, Some(text(reason)?)),
                    None => (rest, None),
                };
                Step::Kick(Login::parse(name), reason)
            }
            "shutdown" if rest.is_empty() => Step::Shutdown,
            "server" if rest == "ends" => Step::ServerEnds,
            "log" if !rest.is_empty() => Step::Log(rest.to_owned()),
            "set" | "member" | "inactive" | "only" => {
                return Err("settings and members come before the first step".to_owned());
            }
            client => self.client(client, rest)?,
        };
        self.scenario.steps.push(Placed {
            lines: nth..nth + 1,
            step,
        });
        Ok(())
    }

    /// A line with a space before `>` or `<` goes on with the one above it.
    fn continued(&mut self, nth: usize, line: &str) -> Result<(), String> {
        let (mark, text) = line.split_at(line.len().min(2));
        let last = self.scenario.steps.last_mut();
        let last = last.filter(|placed| placed.lines.end == nth);
        match (mark, last) {
            (
                "> ",
                Some(Placed {
                    step: Step::Client(_, Act::Send(bytes)),
                    lines,
                }),
            )
            | (
                "< ",
                Some(Placed {
                    step: Step::Client(_, Act::Sees(bytes)),
                    lines,
                }),
            ) => {
                let frames = match mark {
                    "> " => Frames::Masked,
                    _ => Frames::Plain,
                };
                bytes.extend(unescape(text, frames)?);
                lines.end = nth + 1;
                Ok(())
            }
            _ => Err("nothing above that this line could go on with".to_owned()),
        }
    }

    fn client(&mut self, name: &str, rest: &str) -> Result<Step, String> {
        if rest == "connects" || rest.starts_with("connects ") {
            return self.connects(name, &rest["connects".len()..]);
        }
        let known = self.scenario.clients.iter().position(|c| c == name);
        let client = known.ok_or_else(|| format!("{name:?} is no word and no client so far"))?;
        Ok(Step::Client(client, act(rest)?))
    }

    fn connects(&mut self, name: &str, place: &str) -> Result<Step, String> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain || self.scenario.clients.iter().any(|c| c == name) {
            return Err("a client has a plain name, and connects once".to_owned());
        }
        let listeners = [
            (" to policy", ListenerId(1)),
            (" to metrics", ListenerId(2)),
            (" to admin", ListenerId(2)),
        ];
        let other = listeners
            .into_iter()
            .find_map(|(name, listener)| Some((place.strip_suffix(name)?, listener)));
        let (place, to) = other.unwrap_or((place, ListenerId(0)));
        let from = match place.strip_prefix(" from ") {
            Some("unix") if to == ListenerId(0) => None,
            Some(ip) => Some(ip.parse().map_err(|_| format!("{ip:?} is no address"))?),
            None if place.is_empty() => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            None => return Err(format!("connects how? {place:?}")),
        };
        // A listener of its own, which serves everything.
        let to = if from.is_none() { ListenerId(3) } else { to };
        if self.scenario.drivers == Drivers::All && !from.is_none_or(is_loopback) {
            return Err("an address that is not 127.x.y.z needs 'only core: reason'".to_owned());
        }
        self.scenario.clients.push(name.to_owned());
        let client: ClientId = self.scenario.clients.len() - 1;
        Ok(Step::Client(client, Act::Connect { from, to }))
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(_) => false,
    }
}

fn act(text: &str) -> Result<Act, String> {
    Ok(match text {
        "half-closes" => Act::HalfClose,
        "upgrades" => Act::Upgrade,
        "resets" => Act::Reset,
        "vanishes" => Act::Vanish,
        "stops reading" => Act::StopReading,
        "reads on" => Act::ReadOn,
        "is refused" => Act::SeesEnd(End::Refused),
        "< end" => Act::SeesEnd(End::Closed),
        "< cut" => Act::SeesEnd(End::Cut),
        _ => {
            if let Some(bytes) = text.strip_prefix("> ") {
                Act::Send(some_bytes(bytes, Frames::Masked)?)
            } else if let Some(bytes) = text.strip_prefix("< ") {
                Act::Sees(some_bytes(bytes, Frames::Plain)?)
            } else if let Some(count) = text.strip_prefix("takes ") {
                Act::Take(number(count)? as usize)
            } else {
                return Err(format!("a client cannot do {text:?}"));
            }
        }
    })
}

/// Text with escapes, as an operator writes it.
fn text(escaped: &str) -> Result<Arc<str>, String> {
    let bytes = unescape(escaped, Frames::Plain)?;
    let text = String::from_utf8(bytes).map_err(|_| "this text is not UTF-8")?;
    Ok(Arc::from(text))
}

fn store(text: &str) -> Result<Step, String> {
    Ok(match text {
        "answers at once" => Step::StoreMood(Mood::Prompt),
        "holds" => Step::StoreMood(Mood::Holding),
        "fails" => Step::StoreMood(Mood::Failing),
        "is busy" => Step::StoreMood(Mood::Busy),
        "answers first" => Step::StoreAnswers(Which::First, Verdict::Truth),
        "answers last" => Step::StoreAnswers(Which::Last, Verdict::Truth),
        "changes first" => Step::StoreAnswers(Which::First, Verdict::Changed),
        "changes last" => Step::StoreAnswers(Which::Last, Verdict::Changed),
        "fails first" => Step::StoreAnswers(Which::First, Verdict::Failure),
        "fails last" => Step::StoreAnswers(Which::Last, Verdict::Failure),
        "is busy for first" => Step::StoreAnswers(Which::First, Verdict::Busy),
        "is busy for last" => Step::StoreAnswers(Which::Last, Verdict::Busy),
        _ => {
            if let Some(count) = text.strip_prefix("has ") {
                Step::StoreHas(number(count)? as usize)
            } else if let Some(why) = text.strip_prefix("denies first: ") {
                Step::StoreAnswers(Which::First, denial(why)?)
            } else if let Some(why) = text.strip_prefix("denies last: ") {
                Step::StoreAnswers(Which::Last, denial(why)?)
            } else {
                return Err(format!("the store cannot do {text:?}"));
            }
        }
    })
}

fn denial(why: &str) -> Result<Verdict, String> {
    Ok(match why {
        "taken" => Verdict::Taken,
        "password not allowed" => Verdict::PasswordNotAllowed,
        _ => {
            let denial = Denial::named(why);
            Verdict::Denial(denial.ok_or_else(|| format!("{why:?} is no reason to deny"))?)
        }
    })
}

fn some_bytes(text: &str, frames: Frames) -> Result<Vec<u8>, String> {
    let bytes = unescape(text, frames)?;
    if bytes.is_empty() {
        return Err("no bytes at all".to_owned());
    }
    Ok(bytes)
}

fn string(text: &str) -> Result<String, String> {
    String::from_utf8(unescape(text, Frames::None)?).map_err(|_| format!("{text:?} is not UTF-8"))
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
