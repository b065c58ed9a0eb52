//! From options to a running server, and to its end.

use std::io;
use std::net::SocketAddr;
use std::process;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use flashgate_core::Clock;
use flashgate_core::record::Secrets;
use flashgate_host::{Handle, Host, Listener, SystemClock};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::listen;
use super::options::{Runtime, ServeOptions};
use super::reload::{Ask, Reload};
use super::tls::Tls;
use super::{facts, members, plan};
use crate::failure::{Exit, Failure};
use crate::log::diagnostics::{self, say, start_thread};
use crate::log::{self, Event, Place, Writer};
use crate::login::Pool;
use crate::recording;
use crate::store::DEMO;
use crate::web;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Reads the options once more, at a reload.
pub type Again = Box<dyn Fn() -> Result<ServeOptions, Failure> + Send>;

/// Runs a server until a signal stops it.
pub fn serve(options: &ServeOptions, again: Again) -> Result<(), Failure> {
    // First of all: a signal during the start is a signal, too.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP])
        .map_err(|error| Exit::Failure.because(format!("cannot wait for signals: {error}")))?;
    plan::check(options)?;
    let addresses = listen::addresses(options)?;
    let sockets = listen::sockets(options)?;
    let connections = plan::capacity(options)?;
    let policy = plan::policy(options)?;
    let reserved = plan::reserved_nicks(options)?;
    plan::webroot(options)?;
    let site = Arc::new(web::site(plan::own_site(options, &plan::private(options)))?);
    let tickets = plan::ticket_secret(options)?;
    let mut tls = Tls::open(options)?;
    // The store comes last, so that a server which cannot start leaves no file behind.
    let listeners = listen::open(&addresses, &sockets)?;
    let places = listeners.places();
    let served = plan::with_challenges(options, &site);
    let mut config = plan::config(options, policy, served, &places, connections);
    plan::warn_of_redirect(&config);
    config.reserved_nicks = reserved.unwrap_or_default();
    if let Some(tls) = &tls {
        tls.serve(&mut config);
    }
    let (pool, demands) = members::open(options, tickets, &mut config)?;
    let pool = Arc::new(pool);
    let config = Arc::new(config);

    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let writer = Writer::new(options.log_format, Arc::clone(&clock), log::stdout())?;
    let addresses = listeners.addresses();
    let (observer, recording) = record(options)?.unzip();
    let (log, listener) = (writer.clone(), Arc::clone(&pool));
    let host = Host::new(Arc::clone(&config), Arc::clone(&pool))
        .clock(clock)
        .observer(observer)
        .log(move |now, note| {
            listener.heard(&note);
            log.put(now, &Event::Note(&note));
        });
    let (listeners, files) = listeners.into_parts();
    let server = Server::new(options.runtime, listeners, host)?;

    let max = config.limits.clients;
    writer.event(&Event::Created(max));
    if let (true, Some(Place::Address(first))) = (options.demo, addresses.first()) {
        say(&demo(*first));
    }
    for place in &addresses {
        writer.event(&Event::Listening(place));
    }
    let handle = server.handle;
    let member = handle.clone();
    pool.watch(move |event| member.member(event));
    if let Some(tls) = &mut tls {
        tls.start(&writer)?;
    }
    let reload = Reload {
        options: options.clone(),
        again,
        places,
        demands,
        config,
        site,
        handle: handle.clone(),
        pool: Arc::downgrade(&pool),
        tls,
        writer: writer.clone(),
    };
    let stopped_by = heed(signals, handle.clone(), reload.start()?)?;
    facts::tell(writer.clone(), Arc::downgrade(&pool), handle)?;
    writer.event(&Event::Started(VERSION));

    let ended = (server.run)();
    drop(files);
    let why = match &ended {
        Ok(()) => stopped_by.get().copied().unwrap_or("without a signal"),
        Err(_) => "failed",
    };
    let version = VERSION;
    writer.event(&Event::Stopped { version, why });
    finish(&writer, recording, pool);
    ended.map_err(|error| Exit::Failure.because(format!("the server has failed: {error}")))
}

/// Waits a while until everything is written: the log, the recording, and what the store has to note.
fn finish(writer: &Writer, recording: Option<recording::Recording>, pool: Arc<Pool>) {
    writer.flush(LAST_LINES);
    if let Some(recording) = recording {
        recording.wait(LAST_LINES);
    }
    if let Some(pool) = Arc::into_inner(pool) {
        pool.close(LAST_LOOKUPS);
    }
}

/// Starts the recording, if there is to be one.
fn record(options: &ServeOptions) -> Result<Option<recording::Started>, Failure> {
    let Some(path) = &options.record else {
        return Ok(None);
    };
    let secrets = if options.record_secrets {
        Secrets::Kept
    } else {
        Secrets::Redacted
    };
    let limit = options.record_limit.unwrap_or(plan::DEFAULT_RECORD_LIMIT);
    recording::start(path, limit, secrets).map(Some)
}

/// A server on either runtime.
struct Server {
    run: Box<dyn FnOnce() -> io::Result<()>>,
    handle: Handle,
}

impl Server {
    fn new(runtime: Runtime, listeners: Vec<Listener>, host: Host) -> Result<Self, Failure> {
        let new = || match runtime {
            Runtime::Smol => {
                let server = flashgate_smol::Server::new(listeners, host)?;
                io::Result::Ok(Self {
                    handle: server.handle(),
                    run: Box::new(|| smol::block_on(server.run())),
                })
            }
            Runtime::Std => {
                let server = flashgate_std::Server::new(listeners, host)?;
                Ok(Self {
                    handle: server.handle(),
                    run: Box::new(|| server.run()),
                })
            }
        };
        new().map_err(|error| Exit::Failure.because(format!("the server cannot start: {error}")))
    }
}

/// How to try a demo: the address to open, and the members with their passwords.
fn demo(address: SocketAddr) -> String {
    let members = DEMO.map(|member| format!("{} (password {})", member.nick, member.password));
    format!(
        "this is a demo: open http://{address}/chat/ in a browser and log in as {}, or come in as a guest",
        members.join(", ")
    )
}

/// SIGHUP makes the server read its files again: it is also what a terminal sends that goes away. Of the
/// others, the first stops the server in good order, and the second ends the process at once, with the exit
/// code that a shell gives to a command that a signal has killed.
fn heed(
    mut signals: Signals,
    handle: Handle,
    reload: Sender<Ask>,
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
                let _ = reload.send(Ask::Everything);
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

/// A stop takes 5 s at most, of which the core's own time-outs are 2.
const LONGEST_STOP: Duration = Duration::from_millis(4500);
const LAST_LINES: Duration = Duration::from_secs(1);
const LAST_LOOKUPS: Duration = Duration::from_secs(4);
