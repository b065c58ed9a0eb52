//! Decides what the core does for a request.

use std::sync::Arc;

use flashgate_core::{AdminOrder, AdminPage, AdminRequest, Millis};
use serde_json::json;

use super::body::{self, Body};
use super::desk::{Reloaded, Shared};
use super::members;
use super::problem::{NOT_FOUND, Problem, UNPROCESSABLE};
use super::routes::{self, Operation};

/// What is to be done.
#[derive(Debug)]
pub(super) enum Decided {
    /// The core carries this out; the log says what it was about.
    Order {
        order: AdminOrder,
        about: Option<Arc<str>>,
    },
    /// The configuration is read again.
    Reload,
}

impl From<AdminOrder> for Decided {
    fn from(order: AdminOrder) -> Self {
        Self::Order { order, about: None }
    }
}

/// Decides on a request whose sender may administer.
pub(super) fn order(shared: &Shared, request: &AdminRequest) -> Result<Decided, Problem> {
    let (operation, open) = routes::find(&request.method, &request.path)?;
    let body = |known: &[&str]| Body::read(&request.body, known);
    Ok(match operation {
        Operation::Clients => AdminOrder::Clients(page(request)?).into(),
        Operation::Rooms => AdminOrder::Rooms(page(request)?).into(),
        Operation::Status => {
            let version = Arc::from(env!("CARGO_PKG_VERSION"));
            AdminOrder::Status { version }.into()
        }
        Operation::Events => AdminOrder::Events(shared.texts()).into(),
        Operation::Metrics if shared.setup.metrics => AdminOrder::Metrics.into(),
        Operation::Metrics => {
            let why = "The counters are not here; start the server with --metrics-on admin.";
            return Err(Problem::new(NOT_FOUND, why));
        }
        Operation::Kick => {
            let reason = body(&["reason"])?.optional("reason")?;
            let reason = reason.filter(|reason| !reason.is_empty());
            if reason
                .as_ref()
                .is_some_and(|reason| reason.chars().count() > MOST_REASON)
            {
                return Err(body::wrong("reason", "at most 200 characters long"));
            }
            let about = reason.clone();
            let nick = Arc::from(open);
            let order = AdminOrder::Kick { nick, reason };
            Decided::Order { order, about }
        }
        Operation::Announce => {
            let mut body = body(&["text", "room"])?;
            let (text, room) = (body.text("text")?, body.optional("room")?);
            let about = room.clone();
            let order = AdminOrder::Announce { text, room };
            Decided::Order { order, about }
        }
        Operation::Messages => {
            let mut body = body(&["from", "to", "text"])?;
            let (from, to) = (body.text("from")?, body.text("to")?);
            let text = body.text("text")?;
            let about = Some(Arc::from(format!("{from} to {to}")));
            let order = AdminOrder::Send { from, to, text };
            Decided::Order { order, about }
        }
        Operation::Drain => drain(body(&["seconds", "text"])?)?,
        Operation::Reload => {
            body(&[])?;
            Decided::Reload
        }
        Operation::AddMember => members::add(shared, &request.body)?,
        Operation::ChangeMember => members::change(shared, &open, &request.body)?,
        Operation::RemoveMember => members::remove(shared, &open)?,
        Operation::Tickets => members::ticket(shared, &request.body)?,
    })
}

fn page(request: &AdminRequest) -> Result<AdminPage, Problem> {
    let (after, limit) = routes::page(request.query.as_deref())?;
    let after = after.map(Arc::from);
    Ok(AdminPage { after, limit })
}

fn drain(mut body: Body) -> Result<Decided, Problem> {
    let seconds = body.number("seconds")?.unwrap_or(DEFAULT_DRAIN);
    if !(0..=MOST_DRAIN).contains(&seconds) {
        let why = format!("seconds must be a number from 0 to {MOST_DRAIN}.");
        return Err(Problem::new(UNPROCESSABLE, why));
    }
    let text = body.optional("text")?;
    let text = text
        .filter(|text| !text.trim().is_empty())
        .unwrap_or_else(|| {
            let what = if seconds == 1 { "second" } else { "seconds" };
            Arc::from(format!("The server stops in {seconds} {what}."))
        });
    let within = Millis::from_secs(seconds.unsigned_abs());
    let about = Some(Arc::from(format!("{seconds} s")));
    let order = AdminOrder::Drain { within, text };
    Ok(Decided::Order { order, about })
}

/// The answer after a reload.
pub(super) fn reloaded(result: Result<Reloaded, String>) -> AdminOrder {
    match result {
        Ok(Reloaded {
            settings,
            restart,
            failed,
        }) => {
            let body = json!({ "settings": settings, "restart": restart, "failed": failed });
            AdminOrder::Json {
                status: 200,
                body: body.to_string(),
            }
        }
        Err(why) => Problem::new(UNPROCESSABLE, why).into(),
    }
}

/// Characters of a reason, as in the chat.
const MOST_REASON: usize = 200;

/// Seconds of a drain.
const DEFAULT_DRAIN: i64 = 60;
const MOST_DRAIN: i64 = 24 * 60 * 60;
