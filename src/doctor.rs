//! `flashgate doctor`: checks the machine, the files and the server, as its clients use it, and says what to do.
//!
//! It changes nothing and does not log in, so a running server is not disturbed.

mod dial;
mod listeners;
mod machine;
mod options;
mod outside;
mod ports;
mod probe;
mod report;
mod secure;
mod store;
mod websocket;

use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};
use crate::owner;
use crate::serve::{self, Reached, ServeOptions};
use crate::sources::Place;
pub use options::DoctorOptions;
pub use outside::Outside;
pub use report::{CHECKS, Check};
use report::{Finding, Form, Report};

/// Makes all checks. `options` are the options that a server would start with, or the reason why it would not start;
/// `config` is their file.
pub fn run(
    own: &DoctorOptions,
    options: Result<ServeOptions, Failure>,
    config: Option<&Path>,
) -> Result<(), Failure> {
    let mut report = Report::new(if own.json { Form::Json } else { Form::Lines });
    match options {
        // Without options there is no server to check, but the machine still is.
        Err(failure) if failure.exit == Exit::Config => {
            let found = Finding::fail(one_line(&failure.message), "the server does not start");
            report.add(Check::Configuration, &found);
            if !own.quick {
                report.add(Check::Somaxconn, &machine::somaxconn());
                report.add(Check::TimeZone, &machine::time_zone());
            }
        }
        Err(failure) => return Err(failure),
        Ok(options) if own.quick => {
            let listeners = serve::reached(&options)?;
            listeners::quick(&options, &listeners, &mut report);
        }
        Ok(options) => {
            if let Some(file) = store::Where::of(&options).file() {
                owner::become_owner_of(file)?;
            }
            all(own, &options, config, &mut report);
        }
    }
    match report.end()? {
        0 => Ok(()),
        1 => Err(Exit::Failure.because("a check has failed; its line says what to do")),
        count => Err(Exit::Failure.because(format!(
            "{count} checks have failed; their lines say what to do"
        ))),
    }
}

fn all(own: &DoctorOptions, options: &ServeOptions, config: Option<&Path>, report: &mut Report) {
    let listeners = configuration(options, report);
    files(options, report);
    report.add(Check::Permissions, &store::permissions(options, config));
    store::check(options, report);
    let metrics = listeners::running(options, &listeners);
    let limit = metrics
        .as_deref()
        .and_then(|metrics| listeners::number(metrics, "process_max_fds"));
    let clients = options.settings.limits.clients;
    report.add(Check::OpenFiles, &machine::open_files(clients, limit));
    report.add(Check::Somaxconn, &machine::somaxconn());
    report.add(Check::Clock, &machine::clock(&dated(options, config)));
    report.add(Check::TimeZone, &machine::time_zone());
    report.add(
        Check::BrowserPorts,
        &ports::check(&listeners::ports(&listeners)),
    );
    listeners::check(options, own, &listeners, report);
    for outside in &own.host {
        outside::check(options, own, outside, report);
    }
}

/// Whether the options make sense together, and where they listen.
fn configuration(options: &ServeOptions, report: &mut Report) -> Vec<Reached> {
    let listeners = serve::check_options(options).and_then(|()| serve::reached(options));
    let (listeners, finding) = match listeners {
        Ok(listeners) => (listeners, configured(options)),
        Err(failure) => {
            let failure = options.sources.explain(failure);
            let found = one_line(Failure::without_help(&failure.message));
            (
                Vec::new(),
                Finding::fail(found, "the server does not start"),
            )
        }
    };
    report.add(Check::Configuration, &finding);
    listeners
}

fn configured(options: &ServeOptions) -> Finding {
    if let Some(warning) = options.sources.warnings.first() {
        return Finding::warn(one_line(warning), "correct or remove it");
    }
    let mut from: Vec<String> = options.sources.places().map(place).collect();
    let count = from.len();
    from.sort();
    from.dedup();
    Finding::ok(match count {
        0 => "all options have their defaults".to_owned(),
        1 => format!("1 option from {}", from.join(", ")),
        count => format!("{count} options from {}", from.join(", ")),
    })
}

/// A source of options, without the line.
fn place(place: &Place) -> String {
    match place {
        Place::CommandLine => place.to_string(),
        Place::Environment(_) => "the environment".to_owned(),
        Place::File { path, .. } => path.to_string(),
    }
}

/// Whether each file that the options name can be used.
fn files(options: &ServeOptions, report: &mut Report) {
    let mut faults = 0;
    let before = log::max_level();
    // Warnings about certificates belong to a check of their own.
    log::set_max_level(log::LevelFilter::Off);
    for (kind, check) in serve::FILES {
        if let Err(failure) = check(options) {
            let found = one_line(&failure.message);
            let finding = Finding::fail(found, "correct the file, or what names it");
            report.add_on(Check::Files, Some(kind), &finding);
            faults += 1;
        }
    }
    log::set_max_level(before);
    if faults == 0 {
        let found = "all that the options name can be read and used";
        report.add(Check::Files, &Finding::ok(found));
    }
}

/// Files that were written while the clock was right.
fn dated(options: &ServeOptions, config: Option<&Path>) -> Vec<PathBuf> {
    let store = store::Where::of(options);
    let own = std::env::current_exe().ok();
    let named = store.file().into_iter().chain(config);
    let named = named.map(Path::to_owned).chain(own);
    named.chain(options.tls_cert.iter().cloned()).collect()
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', "; ")
}
