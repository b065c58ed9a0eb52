//! `members show`: one member, with everything that is stored.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{find, nobody, open, who, yes_or_no};
use super::list::{USELESS, date_time, fields};
use crate::failure::Failure;
use crate::store::{Stored, Who};
use crate::text::{Plain, Quoted};

/// Show one member.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(subcommand, name = "show")]
pub(crate) struct Show {
    /// the member's number or nick
    #[argh(positional, from_str_fn(who))]
    who: Who,

    /// show the stored hash of the password, too
    #[argh(switch)]
    hash: bool,

    /// print a JSON object instead of lines
    #[argh(switch)]
    json: bool,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(options: &Show, store: &Path) -> Result<String, Failure> {
    let members = open(store)?;
    let member = find(&members, &options.who)?;
    let stored = members.stored(member.id)?;
    let (format, hash) = stored.ok_or_else(|| nobody(&options.who))?;
    let format = match format {
        Stored::In(format) => format.to_string(),
        Stored::Useless => USELESS.to_owned(),
    };
    if options.json {
        let hash = if options.hash {
            format!(",\"hash\":{}", Quoted(&hash))
        } else {
            String::new()
        };
        let (fields, format) = (fields(&member), Quoted(&format));
        return Ok(format!("{{{fields},\"hash_format\":{format}{hash}}}\n"));
    }
    let active = yes_or_no(member.active);
    let last = member
        .last_login_at
        .map_or_else(|| "never".to_owned(), date_time);
    let mut said = format!(
        "id          {}\nnick        {}\nname        {}\nactive      {active}\n\
         created     {} UTC\nlast login  {last}{}\npassword    {format}\n",
        member.id.get(),
        Plain(&member.nick),
        Plain(&member.name),
        date_time(member.created_at),
        if member.last_login_at.is_some() {
            " UTC"
        } else {
            ""
        },
    );
    if options.hash {
        said.push_str(&format!("hash        {}\n", Plain(&hash)));
    }
    Ok(said)
}
