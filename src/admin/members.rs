//! Members that a site adds and changes, and tickets for them.

use std::path::Path;
use std::sync::Arc;

use flashgate_core::{AdminOrder, Secret};
use serde_json::json;

use super::body::{self, Body};
use super::desk::{MembersAt, Shared};
use super::orders::Decided;
use super::problem::{CONFLICT, NOT_FOUND, Problem, UNAVAILABLE, UNPROCESSABLE};
use crate::password::Hash;
use crate::store::{
    Active, AddError, Change, Listed, Members, Name, NameFault, NewMember, Nick, Number,
    StoreError, Taken, Who,
};

/// Adds a member.
pub(super) fn add(shared: &Shared, bytes: &[u8]) -> Result<Decided, Problem> {
    let mut body = Body::read(bytes, &["id", "nick", "name", "password", "active"])?;
    let id = body.number("id")?.ok_or_else(|| body::missing("id"))?;
    let id = Number::new(id).map_err(|fault| bad("id", fault))?;
    let nick = body.text("nick")?;
    let name = body.optional("name")?.unwrap_or_else(|| Arc::clone(&nick));
    let nick = Nick::chosen(&nick).map_err(|fault| bad("nick", fault))?;
    let name = Name::new(&name).map_err(|fault| bad("name", fault))?;
    let password = body
        .password("password")?
        .ok_or_else(|| body::missing("password"))?;
    let active = active(body.flag("active")?.unwrap_or(true));
    let mut members = open(shared)?;
    // Checked before the hash, which takes long.
    if let Some(taken) = members.taken(id, &nick).map_err(store)? {
        return Err(conflict(&taken));
    }
    let password = hash(&password)?;
    let member = NewMember {
        id,
        nick,
        name,
        password,
        active,
    };
    members.add(&member).map_err(refused)?;
    shown(&members, id, 201)
}

/// Changes the facts of a member that the body names.
pub(super) fn change(shared: &Shared, id: &str, bytes: &[u8]) -> Result<Decided, Problem> {
    let mut body = Body::read(bytes, &["nick", "name", "password", "active"])?;
    let id = number(id)?;
    let mut members = open(shared)?;
    let member = find(&members, id)?;
    let nick = body.optional("nick")?.filter(|nick| **nick != member.nick);
    let nick = nick.map(|nick| Nick::chosen(&nick).map_err(|fault| bad("nick", fault)));
    let nick = nick.transpose()?;
    let name = body.optional("name")?;
    let name = name.map(|name| Name::new(&name).map_err(|fault| bad("name", fault)));
    let name = name.transpose()?;
    let password = body.password("password")?;
    let password = password.map(|password| hash(&password)).transpose()?;
    let flag = body.flag("active")?;
    // Everything else is checked; only the first change may still be refused.
    if nick.is_some() || name.is_some() {
        let kept = || Nick::new(&member.nick).map_err(|fault| bad("nick", fault));
        let nick = nick.map_or_else(kept, Ok)?;
        done(
            members.rename(id, &nick, name.as_ref()).map_err(refused)?,
            id,
        )?;
    }
    if let Some(password) = password {
        done(members.set_password(id, &password).map_err(store)?, id)?;
    }
    if let Some(flag) = flag {
        done(members.set_active(id, active(flag)).map_err(store)?, id)?;
    }
    shown(&members, id, 200)
}

/// Removes a member.
pub(super) fn remove(shared: &Shared, id: &str) -> Result<Decided, Problem> {
    let id = number(id)?;
    done(open(shared)?.remove(id).map_err(store)?, id)?;
    let body = json!({ "id": id.get() }).to_string();
    Ok(AdminOrder::Json { status: 200, body }.into())
}

/// Makes a ticket.
pub(super) fn ticket(shared: &Shared, bytes: &[u8]) -> Result<Decided, Problem> {
    let mut body = Body::read(bytes, &["id"])?;
    let id = body.number("id")?.ok_or_else(|| body::missing("id"))?;
    let id = Number::new(id).map_err(|fault| bad("id", fault))?;
    let secret = shared.tickets.lock().clone();
    let Some(secret) = secret else {
        let why = "The server takes no tickets; start it with --ticket-secret FILE.";
        return Err(Problem::new(CONFLICT, why));
    };
    // The members of a site's table are looked up when the ticket is used.
    if matches!(shared.setup.members, MembersAt::Store(_)) {
        find(&open(shared)?, id)?;
    }
    let (ticket, expires) = secret
        .ticket(id.get())
        .map_err(|why| Problem::new(UNAVAILABLE, why))?;
    let body = json!({ "ticket": ticket, "expires": expires }).to_string();
    let about = Some(Arc::from(id.get().to_string()));
    let order = AdminOrder::Json { status: 201, body };
    Ok(Decided::Order { order, about })
}

fn open(shared: &Shared) -> Result<Members, Problem> {
    let path: &Path = match &shared.setup.members {
        MembersAt::Store(path) => path,
        MembersAt::Elsewhere(why) => return Err(Problem::new(CONFLICT, *why)),
    };
    Members::open(path).map_err(store)
}

fn find(members: &Members, id: Number) -> Result<Listed, Problem> {
    let found = members.find(&Who::Id(id)).map_err(store)?;
    found.ok_or_else(|| nobody(id))
}

/// The member as it is now.
fn shown(members: &Members, id: Number, status: u16) -> Result<Decided, Problem> {
    let member = find(members, id)?;
    let body = json!({
        "id": member.id.get(),
        "nick": member.nick,
        "name": member.name,
        "active": member.active == Active::Yes,
    });
    let about = Some(Arc::from(format!("{} {}", member.id.get(), member.nick)));
    let body = body.to_string();
    let order = AdminOrder::Json { status, body };
    Ok(Decided::Order { order, about })
}

fn hash(password: &Secret) -> Result<Hash, Problem> {
    Hash::new(password).map_err(|fault| {
        let why = format!("The password cannot be used: its hash {fault}.");
        Problem::new(UNPROCESSABLE, why)
    })
}

fn active(flag: bool) -> Active {
    if flag { Active::Yes } else { Active::No }
}

fn number(text: &str) -> Result<Number, Problem> {
    Number::parse(text).map_err(|fault| bad("id", fault))
}

fn done(change: Change, id: Number) -> Result<(), Problem> {
    match change {
        Change::Done => Ok(()),
        Change::NobodyThere => Err(nobody(id)),
    }
}

fn nobody(id: Number) -> Problem {
    Problem::new(NOT_FOUND, format!("There is no member {}.", id.get()))
}

fn bad(key: &str, fault: NameFault) -> Problem {
    Problem::new(UNPROCESSABLE, format!("The value of {key:?} {fault}."))
}

fn refused(error: AddError) -> Problem {
    match error {
        AddError::Taken(taken) => conflict(&taken),
        AddError::Store(error) => store(error),
    }
}

fn conflict(taken: &Taken) -> Problem {
    let why = match taken {
        Taken::Id(owner) => format!("The number is taken by {owner:?}."),
        Taken::Nick(owner) => format!("The nick is taken by {owner:?}."),
    };
    Problem::new(CONFLICT, why)
}

fn store(error: StoreError) -> Problem {
    Problem::new(UNAVAILABLE, format!("The member store failed: {error}."))
}
