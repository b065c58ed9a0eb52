//! From options to a running server, and to its end.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use flashgate_core::record::Secrets;
use flashgate_core::{Clock, Config, Site, What};
use flashgate_host::{Handle, Host, Listener, SystemClock};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::listen::{self, Listeners, Places};
use super::options::{Runtime, ServeOptions};
use super::reload::{Ask, Reload};
use super::tls::Tls;
use super::{admin, facts, members, plan};
use crate::admin::{Desk, Shared, Tokens};
use crate::failure::{Exit, Failure};
use crate::log::diagnostics::{self, say, start_thread};
use crate::log::{self, Event, LogFile, Place, Reopen, Writer};
use crate::login::{Pool, TicketSecret};
use crate::recording;
use crate::service::{self, Manager, PidFile, Reports, Sockets};
use crate::store::DEMO;
use crate::web;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Reads the options once more, at a reload.
pub type Again = Box<dyn Fn() -> Result<ServeOptions, Failure> + Send>;

/// Runs a server until a signal stops it.
pub fn serve(options: &ServeOptions, again: Again) -> Result<(), Failure> {
    // First of all: a signal during the start is a signal, too.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        .map_err(|error| Exit::Failure.because(format!("cannot wait for signals: {error}")))?;
    plan::check(options)?;
    let mut opened = open(options)?;
    // From here on it runs as the user that it is to be, and starts threads.
    opened.tls.as_ref().map_or(Ok(()), Tls::prepare)?;
    diagnostics::queue()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (writer, reopen) = open_log(options, &clock)?;
    let mut places = opened.listeners.places();
    admin::move_metrics(options, &mut places.roles)?;
    let (mut config, site) = settings(options, &places, opened.tls.as_ref())?;
    let (tokens, tickets) = (opened.tokens, opened.tickets);
    let admin = admin::shared(options, &places.roles, tokens, tickets.as_ref());
    // The store comes last, so that a server which cannot start leaves no file behind.
    let (pool, demands) = members::open(options, tickets, &mut config)?;
    let pool = Arc::new(pool);
    let config = Arc::new(config);

    let addresses = opened.listeners.addresses();
    let (observer, recording) = record(options)?.unzip();
    let reports = Reports::default();
    let (drained, is_drained) = mpsc::channel();
    let host = host(&config, &pool, admin.as_ref(), &writer, &reports, drained)?
        .clock(clock)
        .observer(observer);
    let (listeners, files) = opened.listeners.into_parts();
    let server = Server::new(options.runtime, listeners, host)?;
    let max = config.limits.clients;
    announce(options, &writer, max, &addresses);
    let handle = server.handle;
    let manager = Manager::start(reports, handle.clone())?;
    let member = handle.clone();
    pool.watch(move |event| member.member(event));
    let tls = opened.tls.as_mut();
    tls.map_or(Ok(()), |tls| tls.start(&writer))?;
    let reload = Reload {
        options: options.clone(),
        again,
        places,
        demands,
        config,
        site,
        handle: handle.clone(),
        pool: Arc::downgrade(&pool),
        tls: opened.tls,
        writer: writer.clone(),
        manager: manager.clone(),
        admin,
    };
    let heeded = Heeded {
        handle: handle.clone(),
        reload: reload.start()?,
        reopen: reopen.map(|reopen| (reopen, writer.clone())),
        manager: manager.clone(),
        is_drained,
    };
    let stopped_by = heed(signals, heeded)?;
    facts::tell(writer.clone(), Arc::downgrade(&pool), handle)?;
    let _pid_file = has_started(options, opened.pid_file, &writer)?;
    manager.ready(max);

    let ended = (server.run)();
    drop(files);
    finish(&writer, ended, stopped_by.get().copied(), recording, pool)
}

/// What the server's loop calls.
fn host(
    config: &Arc<Config>,
    pool: &Arc<Pool>,
    admin: Option<&Arc<Shared>>,
    writer: &Writer,
    reports: &Reports,
    drained: Sender<()>,
) -> Result<Host, Failure> {
    let desk = Desk::new(Arc::clone(pool), admin)?;
    let (listener, counter, log) = (Arc::clone(pool), reports.clone(), writer.clone());
    let pulse = reports.clone();
    let host = Host::new(Arc::clone(config), desk)
        .beat(move || pulse.beat())
        .log(move |now, note| {
            listener.heard(&note);
            counter.heard(&note);
            if let What::Drained { clients } = note.what {
                let _ = drained.send(());
                return log.put(now, &Event::Drained(clients));
            }
            log.put(now, &Event::Note(&note));
        });
    Ok(host)
}

/// What the server opens while it may still be root.
struct Opened {
    listeners: Listeners,
    pid_file: Option<PidFile>,
    tickets: Option<TicketSecret>,
    tokens: Option<Tokens>,
    tls: Option<Tls>,
}

/// Opens the listeners, and reads the keys; then becomes the user of `--user`. Starts no thread before that.
fn open(options: &ServeOptions) -> Result<Opened, Failure> {
    let passed = Sockets::take()?;
    listen::check_passed(options, &passed)?;
    let addresses = listen::addresses(options, &passed)?;
    let sockets = listen::sockets(options, &passed)?;
    let reach = listen::reach(&addresses, &passed);
    let account = service::account(options.user.as_deref(), &reach)?;
    let tickets = plan::ticket_secret(options)?;
    let tokens = admin::tokens(options)?;
    let tls = Tls::open(options)?;
    let pid_file = options.pid_file.as_deref().map(PidFile::open).transpose()?;
    let listeners = listen::open(&addresses, &sockets, passed, &account)?;
    account.assume()?;
    plan::warn_of_closed_files(options);
    Ok(Opened {
        listeners,
        pid_file,
        tickets,
        tokens,
        tls,
    })
}

/// The settings at the start, with the content of the files that they name, and the site without challenges.
fn settings(
    options: &ServeOptions,
    places: &Places,
    tls: Option<&Tls>,
) -> Result<(Config, Arc<Site>), Failure> {
    let policy = plan::policy(options)?;
    let reserved = plan::reserved_nicks(options)?;
    plan::webroot(options)?;
    let site = Arc::new(web::site(plan::own_site(options, &plan::private(options)))?);
    let connections = plan::capacity(options)?;
    let served = plan::with_challenges(options, &site);
    let mut config = plan::config(options, policy, served, places, connections);
    plan::warn_of_redirect(&config);
    config.reserved_nicks = reserved.unwrap_or_default();
    if let Some(tls) = tls {
        tls.serve(&mut config);
    }
    Ok((config, site))
}

/// Logs how many clients there can be, and where they connect.
fn announce(options: &ServeOptions, writer: &Writer, max: usize, places: &[Place]) {
    writer.event(&Event::Created(max));
    if let (true, Some(Place::Address(first))) = (options.demo, places.first()) {
        say(&demo(*first));
    }
    for place in places {
        writer.event(&Event::Listening(place));
    }
}

/// The log, and how it is made to open its file again, if it has one.
fn open_log(
    options: &ServeOptions,
    clock: &Arc<dyn Clock>,
) -> Result<(Writer, Option<Reopen>), Failure> {
    let (output, reopen): (Box<dyn Write + Send>, _) = match &options.log_file {
        Some(path) => {
            let file = LogFile::open(path)?;
            let reopen = file.reopen();
            (Box::new(file), Some(reopen))
        }
        None => (log::stdout(), None),
    };
    let writer = Writer::new(options.log_format, Arc::clone(clock), output)?;
    Ok((writer, reopen))
}

/// Says that the server has started, where nothing else can fail: in the PID file and in the log.
fn has_started(
    options: &ServeOptions,
    pid_file: Option<PidFile>,
    writer: &Writer,
) -> Result<Option<PidFile>, Failure> {
    let pid_file = pid_file.map(PidFile::write).transpose()?;
    if options.log_file.is_some() {
        leave_terminal(writer);
    }
    writer.event(&Event::Started(VERSION));
    Ok(pid_file)
}

/// Sends diagnostics into the log, and closes what would keep a terminal or an ssh connection open.
fn leave_terminal(writer: &Writer) {
    diagnostics::to_log(writer);
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = dup2_stdin(&null);
        let _ = dup2_stdout(&null);
        let _ = dup2_stderr(&null);
    }
}

/// Logs the end, and waits a while until everything is written: the log, the recording, and the last notes of the
/// store.
fn finish(
    writer: &Writer,
    ended: io::Result<()>,
    stopped_by: Option<&'static str>,
    recording: Option<recording::Recording>,
    pool: Arc<Pool>,
) -> Result<(), Failure> {
    let well = stopped_by.unwrap_or("without a signal");
    let why = ended.as_ref().map_or("failed", |()| well);
    let version = VERSION;
    writer.event(&Event::Stopped { version, why });
    writer.flush(LAST_LINES);
    if let Some(recording) = recording {
        recording.wait(LAST_LINES);
    }
    if let Some(pool) = Arc::into_inner(pool) {
        pool.close(LAST_LOOKUPS);
    }
    ended.map_err(|error| Exit::Failure.because(format!("the server has failed: {error}")))
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

/// What signals lead to.
struct Heeded {
    handle: Handle,
    reload: Sender<Ask>,
    /// `None` if the log has no file.
    reopen: Option<(Reopen, Writer)>,
    manager: Manager,
    /// Tells when a drain is over.
    is_drained: Receiver<()>,
}

/// Stops the server when a drain is over. The code that takes the core's note runs inside the server, and cannot.
fn stop_when(
    drained: Receiver<()>,
    handle: Handle,
    manager: Manager,
    stopped_by: Arc<OnceLock<&'static str>>,
    stopping: SyncSender<()>,
) -> Result<(), Failure> {
    start_thread("the end of a drain", move || {
        if drained.recv().is_ok() {
            let _ = stopped_by.set("drained");
            let _ = stopping.try_send(());
            manager.stopping();
            handle.shutdown();
        }
    })
}

/// SIGHUP makes the server read its files again, even if it comes from a terminal that closes. SIGUSR1 opens the log
/// file again. Of the others, the first stops the server in good order, and the second ends the process at once, with
/// the exit code that a shell gives to a command that a signal has killed.
fn heed(mut signals: Signals, heeded: Heeded) -> Result<Arc<OnceLock<&'static str>>, Failure> {
    let Heeded {
        handle,
        reload,
        reopen,
        manager,
        is_drained,
    } = heeded;
    let stopped_by = Arc::new(OnceLock::new());
    let stop = Arc::clone(&stopped_by);
    // Started here: when it is needed, the system may have no thread left.
    let (stopping, stopped) = mpsc::sync_channel(1);
    stop_when(
        is_drained,
        handle.clone(),
        manager.clone(),
        Arc::clone(&stop),
        stopping.clone(),
    )?;
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
            } else if signal == SIGUSR1 {
                if let Some((reopen, writer)) = &reopen {
                    reopen.ask();
                    // This only wakes the thread that writes.
                    writer.flush(Duration::ZERO);
                }
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
                manager.stopping();
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
