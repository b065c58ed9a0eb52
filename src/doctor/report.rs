//! What the checks have found, as lines for people and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use crate::failure::{Failure, written};
use crate::text::{Plain, Quoted};

/// What is checked. The names stay as they are: scripts look for them in the JSON.
macro_rules! checks {
    ($($check:ident => $name:literal, $does:literal;)*) => {
        /// A check.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $does] $check,)*
        }

        /// All of them, in the order in which they are made.
        pub const CHECKS: &[Check] = &[$(Check::$check),*];

        impl Check {
            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$check => $name,)*
                }
            }

            /// What it looks at.
            pub const fn does(self) -> &'static str {
                match self {
                    $(Self::$check => $does,)*
                }
            }
        }
    };
}

checks! {
    Configuration => "configuration", "the file, the environment and the command line make sense together";
    Files => "files", "the files and folders that they name can be read and used";
    Permissions => "permissions", "no other user can read secrets or change the configuration, and the server can write";
    Store => "store", "the member store opens, and has this version's schema";
    Integrity => "store integrity", "SQLite finds no damage in it";
    Passwords => "store passwords", "each member's stored password and nick can be used";
    Space => "store space", "its disk has space and inodes left";
    OpenFiles => "open files", "the limit on open files is enough for max-clients";
    Somaxconn => "somaxconn", "the kernel's accept queue is long enough";
    Clock => "clock", "the clock is not behind the server's own files";
    TimeZone => "time zone", "the time zone is known";
    BrowserPorts => "browser ports", "no port is one that browsers refuse to connect to";
    Server => "server", "the server answers there";
    Policy => "policy", "a policy request that ends with a NUL is answered";
    PolicyBare => "policy without NUL", "a policy request without a NUL, as old players send it, is answered";
    Raw => "raw", "a Flash client's plain socket gets an answer";
    Http => "http", "the server reports that it is healthy";
    Ready => "ready", "members can log in";
    Binary => "websocket binary", "a WebSocket with binary frames gets an answer";
    Text => "websocket text", "a WebSocket with text frames gets an answer";
    Metrics => "metrics", "the metrics can be fetched";
    Tls => "tls", "the handshake of TLS succeeds";
    Chain => "certificate chain", "the certificate leads to a root that clients trust";
    Name => "certificate name", "the certificate is for the name of the server";
    Days => "certificate days", "the certificate does not expire soon";
    Upgrade => "proxy upgrade", "a proxy in front passes on WebSockets";
    Address => "proxy address", "a proxy in front names its clients";
    SilentWebSocket => "websocket silence", "a proxy in front keeps a silent WebSocket open";
    SilentRaw => "raw silence", "a proxy in front keeps a silent plain socket open";
}

/// What a check has found: ok, something to consider, or something to mend. The second text is what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Ok(String),
    Warn(String, String),
    Fail(String, String),
}

impl Finding {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        Self::Ok(found.into())
    }

    pub(super) fn warn(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Warn(found.into(), advice.into())
    }

    pub(super) fn fail(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Fail(found.into(), advice.into())
    }
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A line each, as soon as it is there.
    Lines,
    /// One object at the end.
    Json,
}

/// Collects findings.
#[derive(Debug)]
pub(super) struct Report {
    form: Form,
    json: Vec<String>,
    failures: usize,
    /// Why nothing more can be printed.
    broken: Option<Failure>,
}

impl Report {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            json: Vec::new(),
            failures: 0,
            broken: None,
        }
    }

    /// Takes a finding about this machine.
    pub(super) fn add(&mut self, check: Check, finding: &Finding) {
        self.add_on(check, None, finding);
    }

    /// Takes a finding about a place, as the operator calls it.
    pub(super) fn add_on(&mut self, check: Check, place: Option<&str>, finding: &Finding) {
        let (state, found, advice) = match finding {
            Finding::Ok(found) => ("ok", found, None),
            Finding::Warn(found, advice) => ("warn", found, Some(advice)),
            Finding::Fail(found, advice) => ("FAIL", found, Some(advice)),
        };
        self.failures += usize::from(matches!(finding, Finding::Fail(..)));
        match self.form {
            Form::Lines => {
                let name = check.name();
                let mut line = format!("{state:<4}  {name:<18}  ");
                // Writing to a String does not fail.
                let _ = match place {
                    Some(place) => write!(line, "{}: {}", Plain(place), Plain(found)),
                    None => write!(line, "{}", Plain(found)),
                };
                if let Some(advice) = advice {
                    let _ = write!(line, ": {}", Plain(advice));
                }
                self.print(&format!("{line}\n"));
            }
            Form::Json => {
                let text = |text: Option<&str>| {
                    text.map_or("null".to_owned(), |text| Quoted(text).to_string())
                };
                self.json.push(format!(
                    "{{\"check\":{},\"place\":{},\"state\":\"{}\",\"found\":{},\"advice\":{}}}",
                    Quoted(check.name()),
                    text(place),
                    state.to_ascii_lowercase(),
                    Quoted(found),
                    text(advice.map(String::as_str)),
                ));
            }
        }
    }

    /// Prints what is left, and returns how many checks have failed.
    pub(super) fn end(mut self) -> Result<usize, Failure> {
        if self.form == Form::Json {
            let ok = self.failures == 0;
            let checks = self.json.join(",\n  ");
            self.print(&format!("{{\"ok\":{ok},\"checks\":[\n  {checks}\n]}}\n"));
        }
        match self.broken {
            Some(failure) => Err(failure),
            None => Ok(self.failures),
        }
    }

    fn print(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(failure) = written(done) {
            self.broken.get_or_insert(failure);
        }
    }
}
