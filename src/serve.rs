//! `flashgate serve`: from options to a running server, and to its end.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use flashgate_core::record::Secrets;
use flashgate_core::{Clock, Config, Millis};
use flashgate_host::{Handle, Host, SystemClock};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Exit, Failure};
#[cfg(feature = "mysql")]
use crate::import::Refused;
use crate::log::diagnostics::{self, say, start_thread};
use crate::log::{self, Event, Format, Writer};
use crate::login::{Pool, PoolOptions, TicketSecret};
use crate::recording;
use crate::site_table;
use crate::store::{DEFAULT_STORE, DEMO, Members, Origin, StoreError, is_address};
use crate::web;

mod facts;
mod listen;
mod options;
mod policy;
mod reload;
mod settings;

use listen::Listeners;
pub use options::{LogFormat, Runtime, ServeOptions};
use reload::Reload;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a server until a signal stops it.
pub fn serve(options: &ServeOptions) -> Result<(), Failure> {
    // First of all: a signal during the start is a signal, too.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|error| {
        Failure::new(Exit::Failure, format!("cannot wait for signals: {error}"))
    })?;
    settings::check(options)?;
    let addresses = listen::addresses(options)?;
    let room = settings::room(options)?;
    let policy = settings::policy(options)?;
    let site = web::site(settings::own_site(options, &settings::private(options)))?;
    let tickets = settings::ticket_secret(options)?;
    // The store comes last, so that a server which cannot start leaves no file behind.
    let listeners = listen::open(&addresses)?;
    let mut config = settings::config(options, policy, site, &listeners, room);
    let pool = Arc::new(members(options, tickets, &mut config)?);
    let config = Arc::new(config);

    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let format = match options.log_format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let writer = Writer::new(format, Arc::clone(&clock), log::stdout())?;
    let addresses = listeners.addresses();
    let (observer, recording) = options.record.as_deref().map_or(Ok((None, None)), |path| {
        let limit = options.record_limit.unwrap_or(DEFAULT_RECORD_LIMIT);
        recording::start(path, limit, secrets(options)).map(|(a, b)| (Some(a), Some(b)))
    })?;
    let (log, listener) = (writer.clone(), Arc::clone(&pool));
    let host = Host::new(Arc::clone(&config), Arc::clone(&pool))
        .clock(clock)
        .observer(observer)
        .log(move |now, note| {
            listener.heard(&note);
            log.put(now, &Event::Note(&note));
        });
    let server = Server::new(options.runtime, listeners, host)?;

    let max = config.limits.clients;
    writer.event(&Event::Created { max });
    if let (true, Some(first)) = (options.demo, addresses.first()) {
        say(&demo(*first));
    }
    for address in addresses {
        writer.event(&Event::Listening { address });
    }
    let handle = server.handle;
    let member = handle.clone();
    pool.watch(move |event| member.member(event));
    let reload = Reload {
        options: options.clone(),
        config,
        handle: handle.clone(),
        pool: Arc::downgrade(&pool),
        writer: writer.clone(),
    };
    let stopped_by = heed(signals, handle.clone(), reload.start()?)?;
    facts::tell(writer.clone(), Arc::downgrade(&pool), handle)?;
    writer.event(&Event::Started { version: VERSION });

    let ended = (server.run)();
    let why = match &ended {
        Ok(()) => stopped_by.get().copied().unwrap_or("without a signal"),
        Err(_) => "failed",
    };
    let version = VERSION;
    writer.event(&Event::Stopped { version, why });
    writer.flush(LAST_LINES);
    if let Some(recording) = recording {
        recording.wait(LAST_LINES);
    }
    if let Some(pool) = Arc::into_inner(pool) {
        pool.close(LAST_LOOKUPS);
    }
    ended.map_err(|error| Failure::new(Exit::Failure, format!("the server has failed: {error}")))
}

fn secrets(options: &ServeOptions) -> Secrets {
    if options.record_secrets {
        Secrets::Kept
    } else {
        Secrets::Redacted
    }
}

/// A server on either runtime.
struct Server {
    run: Box<dyn FnOnce() -> io::Result<()>>,
    handle: Handle,
}

impl Server {
    fn new(runtime: Runtime, listeners: Listeners, host: Host) -> Result<Self, Failure> {
        let new = || match runtime {
            Runtime::Smol => {
                let server = flashgate_smol::Server::new(listeners.into_inner(), host)?;
                io::Result::Ok(Self {
                    handle: server.handle(),
                    run: Box::new(|| smol::block_on(server.run())),
                })
            }
            Runtime::Std => {
                let server = flashgate_std::Server::new(listeners.into_inner(), host)?;
                Ok(Self {
                    handle: server.handle(),
                    run: Box::new(|| server.run()),
                })
            }
        };
        new().map_err(|error| {
            Failure::new(Exit::Failure, format!("the server cannot start: {error}"))
        })
    }
}

/// Starts the threads that answer questions about members, wherever those are.
fn members(
    options: &ServeOptions,
    tickets: Option<TicketSecret>,
    config: &mut Config,
) -> Result<Pool, Failure> {
    let pool = PoolOptions {
        patience: config.limits.lookup.to_duration(),
        tickets,
        ..PoolOptions::default()
    };
    if options.demo {
        let pool = hold_back(config, Duration::ZERO, &pool);
        return Ok(Pool::demo(&pool)?);
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
fn own_members(path: &Path, pool: &PoolOptions, config: &mut Config) -> Result<Pool, Failure> {
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
    let pool = hold_back(config, members.slowest_check()?, pool);
    drop(members);
    Ok(Pool::open(path, &pool)?)
}

/// Members in the table of a site, which is asked and left as it is.
#[cfg(feature = "mysql")]
fn site_members(
    address: &Path,
    options: &ServeOptions,
    pool: &PoolOptions,
    config: &mut Config,
) -> Result<Pool, Failure> {
    let table = site_table::open(address, &options.table_options(), Refused::default())?;
    let pool = hold_back(config, table.slowest_check()?, pool);
    if let Some(active_if) = &options.active_if
        && !table.has_active()?
    {
        ::log::warn!("no row has {active_if}, so no member can log in; check --active-if");
    }
    Ok(Pool::over(&table, &pool)?)
}

#[cfg(not(feature = "mysql"))]
fn site_members(
    _address: &Path,
    _options: &ServeOptions,
    _pool: &PoolOptions,
    _config: &mut Config,
) -> Result<Pool, Failure> {
    Err(site_table::unable())
}

/// How to try a demo: the address to open, and the members with their passwords.
fn demo(address: SocketAddr) -> String {
    let members = DEMO.map(|member| format!("{} (password {})", member.nick, member.password));
    format!(
        "this is a demo: open http://{address}/chat/ in a browser and log in as {}",
        members.join(", ")
    )
}

/// Refusals are held back for as long as the slowest hash takes, and keep their place in the pool.
fn hold_back(config: &mut Config, slowest: Duration, pool: &PoolOptions) -> PoolOptions {
    let delay = &mut config.limits.failure_delay;
    *delay = Millis(slowest.as_millis() as u64).max(*delay);
    PoolOptions {
        refusal: delay.to_duration(),
        slowest,
        ..pool.clone()
    }
}

fn add_one(path: &Path) -> String {
    let command = "flashgate members add --id 1 --nick NICK --name NAME";
    if path == Path::new(DEFAULT_STORE) {
        command.to_owned()
    } else {
        format!("{command} --members {}", path.display())
    }
}

/// SIGHUP makes the server read its files again: it is also what a terminal sends that goes away. Of the
/// others, the first stops the server in good order, and the second ends the process at once, with the exit
/// code that a shell gives to a command that a signal has killed.
fn heed(
    mut signals: Signals,
    handle: Handle,
    reload: SyncSender<()>,
) -> Result<Arc<OnceLock<&'static str>>, Failure> {
    let stopped_by = Arc::new(OnceLock::new());
    let stop = Arc::clone(&stopped_by);
    // Started here: when it is needed, the system may have no thread left.
    let (stopping, stopped) = mpsc::sync_channel(1);
    start_thread("the last stop", move || {
        if stopped.recv().is_ok() {
            thread::sleep(LONGEST_STOP);
            say("the server has not stopped in time and is ended now");
            diagnostics::flush();
            process::exit(i32::from(Exit::Failure.code()));
        }
    })?;
    start_thread("signals", move || {
        let mut is_stopping = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                let _ = reload.try_send(());
            } else if is_stopping {
                process::exit(128 + signal);
            } else {
                let _ = stop.set(if signal == SIGINT {
                    "SIGINT"
                } else {
                    "SIGTERM"
                });
                // Before the server is asked, which may be what hangs.
                let _ = stopping.try_send(());
                handle.shutdown();
                is_stopping = true;
            }
        }
    })?;
    Ok(stopped_by)
}

/// MiB of a recording: a small chat's weeks, a large one's day.
const DEFAULT_RECORD_LIMIT: u64 = 256;

/// A stop takes 5 s at most, of which the core's own time-outs are 2.
const LONGEST_STOP: Duration = Duration::from_millis(4500);
const LAST_LINES: Duration = Duration::from_secs(1);
const LAST_LOOKUPS: Duration = Duration::from_secs(4);
