//! Where the server's members are: in memory, in a store, or in the table of a site.

use std::path::Path;
use std::time::Duration;

use flashgate_core::{Config, Millis};
#[cfg(feature = "mysql")]
use flashgate_core::{NickChanges, PasswordChanges};

use super::options::ServeOptions;
use crate::failure::Failure;
use crate::log::diagnostics::say;
use crate::login::{Pool, PoolOptions, TicketSecret};
use crate::site_table;
use crate::store::{DEFAULT_STORE, Members, Origin, StoreError, is_address};

/// What the members ask of the settings, at the start and at each reload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// Refusals are held back for as long as the slowest hash takes.
    slowest: Duration,
    owner: Owner,
}

/// Who changes the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// This program.
    Us,
    /// The site, in a table of its own.
    #[cfg(feature = "mysql")]
    Site,
}

impl Demands {
    /// Makes the settings meet them.
    pub(super) fn meet(self, config: &mut Config) {
        let delay = &mut config.limits.failure_delay;
        *delay = Millis(self.slowest.as_millis() as u64).max(*delay);
        match self.owner {
            Owner::Us => {}
            #[cfg(feature = "mysql")]
            Owner::Site => {
                config.nick_changes = NickChanges::Off;
                config.password_changes = PasswordChanges::Off;
            }
        }
    }

    /// The settings of a pool: a refusal keeps its place in it while it is held back.
    fn pool(self, config: &mut Config, pool: &PoolOptions) -> PoolOptions {
        self.meet(config);
        PoolOptions {
            refusal: config.limits.failure_delay.to_duration(),
            slowest: self.slowest,
            ..pool.clone()
        }
    }
}

/// Starts the threads that answer questions about members.
pub(super) fn open(
    options: &ServeOptions,
    tickets: Option<TicketSecret>,
    config: &mut Config,
) -> Result<(Pool, Demands), Failure> {
    let pool = PoolOptions {
        patience: config.limits.lookup.to_duration(),
        tickets,
        ..PoolOptions::default()
    };
    if options.demo {
        let demands = Demands {
            slowest: Duration::ZERO,
            owner: Owner::Us,
        };
        let pool = Pool::demo(&demands.pool(config, &pool))?;
        return Ok((pool, demands));
    }
    match options.members.as_deref() {
        Some(address) if address.to_str().is_some_and(is_address) => {
            site_members(address, options, &pool, config)
        }
        Some(path) => own_members(path, &pool, config),
        None => own_members(Path::new(DEFAULT_STORE), &pool, config),
    }
}

/// Members in a store of our own, which is created if there is none.
fn own_members(
    path: &Path,
    pool: &PoolOptions,
    config: &mut Config,
) -> Result<(Pool, Demands), Failure> {
    // Brings the schema up to date, which the pool will not.
    let opened = Members::open_or_create(path).or_else(|error| {
        let members = Members::open_unwritable(path, error.clone())?;
        say(&format!(
            "members can log in, but their last logins are not saved: {error}"
        ));
        Ok::<_, StoreError>((members, Origin::Found))
    });
    let (members, origin) = opened?;
    if origin == Origin::Created {
        say(&format!("created the member store {}", path.display()));
    }
    if members.count()? == 0 {
        say(&format!(
            "there are no members yet; add one with: {}",
            add_one(path)
        ));
    }
    let misnamed = members.misnamed()?;
    if misnamed > 0 {
        say(&format!(
            "members who cannot log in, because their nicks break a rule: {misnamed}; flashgate members check lists \
             them, and flashgate members rename gives them other nicks"
        ));
    }
    let demands = Demands {
        slowest: members.slowest_check()?,
        owner: Owner::Us,
    };
    drop(members);
    let pool = Pool::open(path, &demands.pool(config, pool))?;
    Ok((pool, demands))
}

/// Members in the table of a site, which is asked and left as it is.
#[cfg(feature = "mysql")]
fn site_members(
    address: &Path,
    options: &ServeOptions,
    pool: &PoolOptions,
    config: &mut Config,
) -> Result<(Pool, Demands), Failure> {
    let file = options.mysql_password.as_deref();
    let table = site_table::open(address, options.table_options(), file)?;
    let demands = Demands {
        slowest: table.slowest_check()?,
        owner: Owner::Site,
    };
    if let Some(active_if) = &options.active_if
        && !table.has_active()?
    {
        log::warn!("no row has {active_if}, so no member can log in; check --active-if");
    }
    let pool = Pool::over(&table, &demands.pool(config, pool))?;
    Ok((pool, demands))
}

#[cfg(not(feature = "mysql"))]
fn site_members(
    _address: &Path,
    _options: &ServeOptions,
    _pool: &PoolOptions,
    _config: &mut Config,
) -> Result<(Pool, Demands), Failure> {
    Err(site_table::unable())
}

fn add_one(path: &Path) -> String {
    let command = "flashgate members add --id 1 --nick NICK --name NAME";
    if path == Path::new(DEFAULT_STORE) {
        command.to_owned()
    } else {
        format!("{command} --members {}", path.display())
    }
}
