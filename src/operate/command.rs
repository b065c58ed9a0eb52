//! `flashgate admin`: the client of the administration of a running server.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::client::{self, Answer};
use super::show;
use super::target::{Target, Where};
use crate::admin::encoded;
use crate::config::Surroundings;
use crate::failure::{self, Failure};

/// Administer a running server.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "admin",
    note = "The server must run with --admin. The commands find its address in the environment or the configuration file; --admin overrides it."
)]
pub struct AdminCommand {
    /// where the server listens for administration, like unix:/run/flashgate/admin.sock or 127.0.0.1:9090 (default: what the configuration says)
    #[argh(option, arg_name = "ADDR")]
    admin: Option<String>,

    /// file with a token, for a server that listens on an address (default: what the configuration says)
    #[argh(option, arg_name = "FILE")]
    admin_token: Option<PathBuf>,

    /// configuration file that says where the server is (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    config: Option<PathBuf>,

    /// print the answer as JSON
    #[argh(switch)]
    json: bool,

    #[argh(subcommand)]
    action: Action,
}

#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand)]
enum Action {
    Who(Who),
    Kick(Kick),
    Announce(Announce),
    Send(Send),
    Rooms(Rooms),
    Reload(Reload),
    Drain(Drain),
    Status(Status),
    Events(Events),
}

/// Show who is online.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "who")]
struct Who {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Close the connection of a member or guest. They may come back.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "kick")]
struct Kick {
    /// the nick
    #[argh(positional)]
    nick: String,

    /// reason that the client gets, up to 200 characters
    #[argh(option, arg_name = "TEXT")]
    reason: Option<String>,
}

/// Show an announcement to everyone online whose client can.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "announce")]
struct Announce {
    /// the text
    #[argh(positional)]
    text: String,

    /// only to this room, like #lobby
    #[argh(option, arg_name = "ROOM")]
    room: Option<String>,
}

/// Send a message of the site to a member or guest that is online.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "send")]
struct Send {
    /// the nick of the recipient
    #[argh(positional)]
    nick: String,

    /// the text
    #[argh(positional)]
    text: String,

    /// the nick of the sender, from the file of --reserved-nicks
    #[argh(option, long = "as", arg_name = "NICK")]
    sender: String,
}

/// Show the rooms.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "rooms")]
struct Rooms {}

/// Make the server read its configuration and files again, as SIGHUP does, and show what has changed.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "reload")]
struct Reload {}

/// Refuse new clients, notify everyone online, and stop the server when all have left or the time is up.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "drain")]
struct Drain {
    /// the time in seconds (default 60)
    #[argh(positional)]
    seconds: Option<u32>,

    /// announcement to everyone online (default: when the server stops)
    #[argh(option, arg_name = "TEXT")]
    text: Option<String>,
}

/// Show the state of the server.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "status")]
struct Status {}

/// Show events, one on each line, until you stop it: logins, quits, rooms, administration.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "events")]
struct Events {}

/// Runs one command.
pub fn run(command: &AdminCommand, surroundings: &Surroundings) -> Result<(), Failure> {
    let target = Target::find(
        &Where {
            admin: command.admin.as_deref(),
            token: command.admin_token.as_deref(),
            config: command.config.as_deref(),
        },
        surroundings,
    )?;
    let json = command.json;
    let print = |value: &Value, text: String| {
        if json {
            failure::print(&format!("{value}\n"))
        } else {
            failure::print(&text)
        }
    };
    match &command.action {
        Action::Who(who) => {
            let rows = pages(&target, "clients")?;
            if json || who.json {
                return failure::print(&format!("{}\n", Value::Array(rows)));
            }
            failure::print(&show::clients(rows))
        }
        Action::Rooms(Rooms {}) => {
            let rows = pages(&target, "rooms")?;
            let text = show::rooms(&rows);
            print(&Value::Array(rows), text)
        }
        Action::Status(Status {}) => {
            let status = get(&target, "/v1/status")?.json()?;
            print(&status, show::status(&status))
        }
        Action::Events(Events {}) => {
            let stream = client::request(&target, "GET", "/v1/events", None, None)?;
            stream.lines(|line| {
                failure::print(&if json {
                    format!("{line}\n")
                } else {
                    show::event(line)
                })
            })
        }
        Action::Kick(kick) => kicked(kick, &target).and_then(|(done, text)| print(&done, text)),
        Action::Announce(announce) => {
            announced(announce, &target).and_then(|(done, text)| print(&done, text))
        }
        Action::Send(Send { nick, text, sender }) => {
            let body = json!({ "from": sender, "to": nick, "text": text });
            let done = post(&target, "/v1/messages", &body)?;
            print(&done, format!("sent to {nick}\n"))
        }
        Action::Reload(Reload {}) => {
            let report = post(&target, "/v1/reload", &json!({}))?;
            print(&report, show::reloaded(&report))
        }
        Action::Drain(drain) => drained(drain, &target).and_then(|(done, text)| print(&done, text)),
    }
}

fn kicked(Kick { nick, reason }: &Kick, target: &Target) -> Result<(Value, String), Failure> {
    let path = format!("/v1/clients/{}/kick", encoded(nick));
    let done = post(target, &path, &json!({ "reason": reason }))?;
    Ok((done, format!("kicked {nick}\n")))
}

fn announced(announce: &Announce, target: &Target) -> Result<(Value, String), Failure> {
    let Announce { text, room } = announce;
    let done = post(
        target,
        "/v1/announce",
        &json!({ "text": text, "room": room }),
    )?;
    let place = if room.is_some() {
        "in the room"
    } else {
        "online"
    };
    let said = format!("announced; {} {place}\n", done["online"]);
    Ok((done, said))
}

fn drained(drain: &Drain, target: &Target) -> Result<(Value, String), Failure> {
    let Drain { seconds, text } = drain;
    let body = json!({ "seconds": seconds.unwrap_or(60), "text": text });
    let done = post(target, "/v1/drain", &body)?;
    let (clients, seconds) = (&done["clients"], &done["seconds"]);
    let said = format!(
        "the server refuses new clients, and stops when {clients} have left, after {seconds} s at the latest\n"
    );
    Ok((done, said))
}

/// All pages of a list.
fn pages(target: &Target, list: &str) -> Result<Vec<Value>, Failure> {
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let mut page = get(target, &format!("/v1/{list}?limit=1000{after}"))?.json()?;
        if let Value::Array(more) = page[list].take() {
            rows.extend(more);
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", encoded(next)),
            None => return Ok(rows),
        }
    }
}

fn get(target: &Target, path: &str) -> Result<Answer, Failure> {
    client::request(target, "GET", path, None, Some(PATIENCE))
}

fn post(target: &Target, path: &str, body: &Value) -> Result<Value, Failure> {
    client::request(target, "POST", path, Some(body), Some(PATIENCE))?.json()
}

/// Longer than the server waits for a reload.
const PATIENCE: Duration = Duration::from_secs(70);
