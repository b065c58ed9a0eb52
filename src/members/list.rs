//! `members list`: all members or some, for people and for programs.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use flashgate_core::{Now, UnixSeconds};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::common::{open, yes_or_no};
use crate::failure::Failure;
use crate::password::Format;
use crate::store::{Active, Filter, Listed, Stored};
use crate::text::{Plain, Quoted};

/// List members: all, or those that match every option.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "list",
    note = "A DATE is in UTC: 2026-11-23, or \"2026-11-23 05:39:58\" as in the list. The names of formats are those that members check prints; useless stands for passwords that cannot be checked. The store does not know which members are online: see the server's status page."
)]
pub(crate) struct List {
    /// only members who may log in
    #[argh(switch)]
    active: bool,

    /// only members who may not log in
    #[argh(switch)]
    inactive: bool,

    /// only nicks that match, in any letter case: * stands for any text, ? for one character
    #[argh(option, arg_name = "PATTERN")]
    nick: Option<String>,

    /// only members who have logged in since this date
    #[argh(option, arg_name = "DATE", from_str_fn(seconds))]
    since: Option<i64>,

    /// only members who have not logged in since this date, or never
    #[argh(option, arg_name = "DATE", from_str_fn(seconds))]
    not_since: Option<i64>,

    /// only members who have never logged in
    #[argh(switch)]
    never: bool,

    /// only members whose password is stored in this format
    #[argh(option, arg_name = "FORMAT", from_str_fn(stored))]
    hash: Option<Stored>,

    /// print a JSON array instead of a table
    #[argh(switch)]
    json: bool,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(options: &List, store: &Path) -> Result<String, Failure> {
    if options.active && options.inactive {
        return Err(Failure::usage(
            "nobody is active and inactive; leave out --active or --inactive",
        ));
    }
    if options.never && options.since.is_some() {
        return Err(Failure::usage(
            "who has logged in since then has logged in; leave out --never or --since",
        ));
    }
    let filter = Filter {
        active: match (options.active, options.inactive) {
            (true, _) => Some(Active::Yes),
            (false, true) => Some(Active::No),
            (false, false) => None,
        },
        nick: options.nick.clone(),
        since: options.since,
        not_since: options.not_since,
        never: options.never,
        format: options.hash,
    };
    let members = open(store)?.select(&filter)?;
    Ok(if options.json {
        let objects = members
            .iter()
            .map(|member| format!("{{{}}}", fields(member)));
        format!("[{}]\n", objects.collect::<Vec<_>>().join(",\n "))
    } else {
        table(&members)
    })
}

fn table(members: &[Listed]) -> String {
    let head = [
        "id",
        "nick",
        "name",
        "active",
        "created (UTC)",
        "last login (UTC)",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(members.iter().map(|member| {
        [
            member.id.get().to_string(),
            Plain(&member.nick).to_string(),
            Plain(&member.name).to_string(),
            yes_or_no(member.active).to_owned(),
            date_time(member.created_at),
            member
                .last_login_at
                .map_or_else(|| "never".to_owned(), date_time),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut table = String::new();
    for row in &rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

/// A member's fields in JSON. Their names are stable.
pub(super) fn fields(member: &Listed) -> String {
    let time = |seconds| Quoted(&iso(seconds)).to_string();
    format!(
        "\"id\":{},\"nick\":{},\"name\":{},\"active\":{},\"created_at\":{},\"last_login_at\":{}",
        member.id.get(),
        Quoted(&member.nick),
        Quoted(&member.name),
        member.active == Active::Yes,
        time(member.created_at),
        member.last_login_at.map_or_else(|| "null".to_owned(), time),
    )
}

/// A time for programs.
pub(super) fn iso(seconds: i64) -> String {
    date_time(seconds).replace(' ', "T") + "Z"
}

/// A time for people.
pub(super) fn date_time(seconds: i64) -> String {
    let utc = Now {
        utc: UnixSeconds(seconds),
        ..Now::default()
    };
    utc.date_time().to_string()
}

fn seconds(text: &str) -> Result<i64, String> {
    let civil = text.strip_suffix('Z').unwrap_or(text).parse::<DateTime>();
    let utc = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC));
    utc.map(|utc| utc.timestamp().as_second()).map_err(|_| {
        "it is no date in UTC, such as 2026-11-23 or \"2026-11-23 05:39:58\"".to_owned()
    })
}

fn stored(text: &str) -> Result<Stored, String> {
    if text.eq_ignore_ascii_case(USELESS) {
        return Ok(Stored::Useless);
    }
    let found = Format::all().find(|format| format.to_string().eq_ignore_ascii_case(text));
    found.map(Stored::In).ok_or_else(|| {
        let names: Vec<String> = Format::all().map(|format| format.to_string()).collect();
        format!("it is no format: {}, {USELESS}", names.join(", "))
    })
}

/// The word for every password that cannot be checked.
pub(super) const USELESS: &str = "useless";
