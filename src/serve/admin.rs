//! The options about administration, and what they lead to.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use flashgate_core::Role;

use super::options::ServeOptions;
use super::reload::Ask;
use crate::admin::{MembersAt, Setup, Shared, Tokens};
use crate::failure::{Exit, Failure};
use crate::login::TicketSecret;
use crate::store::{DEFAULT_STORE, is_address};

/// Whether the options about administration contradict each other.
pub(super) fn check(options: &ServeOptions) -> Result<(), Failure> {
    let refuse = |message: &str| Err(Failure::usage(message));
    let Some(admin) = &options.admin else {
        return Ok(());
    };
    if !admin.starts_with("unix:") && options.admin_token.is_none() {
        return refuse(&format!(
            "--admin {admin} can be reached over the network; add --admin-token FILE, or use --admin unix:PATH"
        ));
    }
    Ok(())
}

/// Moves `/metrics` to the listener for administration, if it is to be there.
pub(super) fn move_metrics(options: &ServeOptions, roles: &mut [Role]) -> Result<(), Failure> {
    if options.metrics_on.as_deref() != Some("admin") {
        return Ok(());
    }
    let mut found = false;
    for role in roles.iter_mut().filter(|role| **role == Role::Admin) {
        *role = Role::AdminAndMetrics;
        found = true;
    }
    if found {
        return Ok(());
    }
    Err(Exit::Config.because(
        "--metrics-on admin needs a listener for administration; add --admin unix:PATH or --admin ADDR",
    ))
}

/// The tokens, if there is a file of them.
pub(super) fn tokens(options: &ServeOptions) -> Result<Option<Tokens>, Failure> {
    let Some(path) = &options.admin_token else {
        return Ok(None);
    };
    let refuse = |why: &dyn Display| {
        let message = format!("--admin-token {}: {why}", path.display());
        Exit::Config.because(message)
    };
    Tokens::read(path).map(Some).map_err(|fault| refuse(&fault))
}

/// What answers requests for administration, if any of the listeners takes them.
pub(super) fn shared(
    options: &ServeOptions,
    roles: &[Role],
    tokens: Option<Tokens>,
    tickets: Option<&TicketSecret>,
) -> Option<Arc<Shared>> {
    let is_admin = |role: &Role| matches!(role, Role::Admin | Role::AdminAndMetrics);
    if !roles.iter().any(is_admin) {
        return None;
    }
    let shared = Shared::new(Setup {
        members: members(options),
        metrics: roles.contains(&Role::AdminAndMetrics),
    });
    shared.set_tokens(tokens.unwrap_or_default());
    shared.set_tickets(tickets.cloned());
    shared.set_texts(options.admin_texts);
    Some(shared)
}

/// Lets a request for administration ask for a reload.
pub(super) fn connect(shared: &Shared, reload: &Sender<Ask>) {
    let reload = reload.clone();
    shared.set_reload(move |answered| reload.send(Ask::Answered(answered)).is_ok());
}

fn members(options: &ServeOptions) -> MembersAt {
    if options.demo {
        let why = "The members of a demo are in memory and cannot be changed; start the server with --members FILE.";
        return MembersAt::Elsewhere(why);
    }
    let path = options
        .members
        .clone()
        .unwrap_or_else(|| PathBuf::from(DEFAULT_STORE));
    match path.to_str() {
        Some(address) if is_address(address) => {
            MembersAt::Elsewhere("The members are in the table of the site; change them there.")
        }
        Some(_) | None => MembersAt::Store(path),
    }
}
