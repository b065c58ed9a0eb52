//! The certificates of `serve`: read at the start, at a reload, and when their files change; or got from an authority.

use std::time::Instant;

use flashgate_core::{Config, MakeFilter};

use super::automatic::Acme;
use super::options::ServeOptions;
use crate::failure::{Exit, Failure};
use crate::log::{Event, Writer};
use crate::tls::{Acceptor, Pair, Warning, Watched};

/// TLS as it is served.
#[derive(Debug)]
pub(super) struct Tls {
    watched: Watched,
    filters: MakeFilter,
    /// Until it is started.
    acme: Option<Acme>,
}

impl Tls {
    /// Reads the certificates that the options name, if they name any.
    pub(super) fn open(options: &ServeOptions) -> Result<Option<Self>, Failure> {
        let pairs = pairs(options);
        let acme = Acme::open(options)?;
        if pairs.is_empty() && acme.is_none() {
            return Ok(None);
        }
        let automatic = acme.as_ref().map(Acme::certificates);
        let (watched, warnings) = Watched::open(&pairs, automatic)
            .map_err(|fault| Exit::Config.because(fault.to_string()))?;
        warn(&warnings);
        let acceptor = Acceptor::new(watched.certificates()).map_err(|error| {
            Exit::Failure.because(format!("TLS cannot be used on this machine: {error}"))
        })?;
        let filters = acceptor.filters();
        Ok(Some(Self {
            watched,
            filters,
            acme,
        }))
    }

    /// Makes what a server needs before it starts; a mere check of the settings leaves no file behind.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        self.acme.as_ref().map_or(Ok(()), Acme::prepare)
    }

    /// Every listener takes TLS.
    pub(super) fn serve(&self, config: &mut Config) {
        config.filters = vec![Some(self.filters.clone()); config.listeners.len()];
    }

    /// Gets certificates from now on, if an option asks for it. The listeners must be open: the authority connects to
    /// them.
    pub(super) fn start(&mut self, writer: &Writer) -> Result<(), Failure> {
        match self.acme.take() {
            Some(acme) => acme.start(writer.clone()),
            None => Ok(()),
        }
    }

    /// Reads the certificates again if their files have changed, or one holds now that did not.
    pub(super) fn look(&mut self, options: &ServeOptions, writer: &Writer) {
        if self.watched.has_changed() || self.watched.has_begun(Instant::now()) {
            self.reload(options, writer);
        }
    }

    /// Reads the certificates again, and logs what came of it.
    pub(super) fn reload(&mut self, options: &ServeOptions, writer: &Writer) {
        let pairs = pairs(options);
        let (warnings, faults) = self.watched.reload(&pairs);
        warn(&warnings);
        for fault in &faults {
            writer.event(&Event::ReloadFailed(&fault.to_string()));
        }
        if faults.is_empty() && !pairs.is_empty() {
            writer.event(&Event::Reloaded("certificates"));
        }
    }
}

/// Each certificate with its key.
fn pairs(options: &ServeOptions) -> Vec<Pair> {
    let both = options.tls_cert.iter().zip(&options.tls_key);
    let pair = |(certificate, key): (&std::path::PathBuf, &std::path::PathBuf)| Pair {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    both.map(pair).collect()
}

fn warn(warnings: &[Warning]) {
    for Warning(text) in warnings {
        log::warn!("{text}");
    }
}
