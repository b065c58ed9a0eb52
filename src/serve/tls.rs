//! The certificates of `serve`: read at the start, at a reload, and when their files change.

use flashgate_core::{Config, MakeFilter};

use super::options::ServeOptions;
use crate::failure::{Exit, Failure};
use crate::log::{Event, Writer};
use crate::tls::{Acceptor, Pair, Warning, Watched};

/// TLS as it is served.
#[derive(Debug)]
pub(super) struct Tls {
    watched: Watched,
    filters: MakeFilter,
}

impl Tls {
    /// Reads the certificates that the options name, if they name any.
    pub(super) fn open(options: &ServeOptions) -> Result<Option<Self>, Failure> {
        let pairs = pairs(options);
        if pairs.is_empty() {
            return Ok(None);
        }
        let (watched, warnings) =
            Watched::open(&pairs).map_err(|fault| Exit::Config.because(fault.to_string()))?;
        warn(&warnings);
        let acceptor = Acceptor::new(watched.certificates()).map_err(|error| {
            Exit::Failure.because(format!("TLS cannot be used on this machine: {error}"))
        })?;
        let filters = acceptor.filters();
        Ok(Some(Self { watched, filters }))
    }

    /// Every listener takes TLS.
    pub(super) fn serve(&self, config: &mut Config) {
        config.filters = vec![Some(self.filters.clone()); config.listeners.len()];
    }

    /// Reads the certificates again if their files have changed.
    pub(super) fn look(&mut self, options: &ServeOptions, writer: &Writer) {
        if self.watched.has_changed() {
            self.reload(options, writer);
        }
    }

    /// Reads the certificates again, and logs what came of it.
    pub(super) fn reload(&mut self, options: &ServeOptions, writer: &Writer) {
        let (warnings, faults) = self.watched.reload(&pairs(options));
        warn(&warnings);
        for fault in &faults {
            writer.event(&Event::ReloadFailed(&fault.to_string()));
        }
        if faults.is_empty() {
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
