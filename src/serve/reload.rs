//! What SIGHUP makes the server read again, without a restart and without closing a connection: the folders
//! that it serves, the policy file, the reserved nicks and the ticket secret. What cannot be read stays as it was.

use std::path::Path;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Weak};

use flashgate_core::{Config, Policy};
use flashgate_host::Handle;

use super::options::ServeOptions;
use super::plan;
use crate::failure::Failure;
use crate::log::diagnostics::start_thread;
use crate::log::{Event, Writer};
use crate::login::Pool;
use crate::prompt::STANDARD_INPUT;
use crate::web::{self, Ruffle};

/// All that is needed to read it.
pub(super) struct Reload {
    pub(super) options: ServeOptions,
    /// The settings that hold.
    pub(super) config: Arc<Config>,
    /// Gives the server new ones.
    pub(super) handle: Handle,
    /// Not to be kept alive by this.
    pub(super) pool: Weak<Pool>,
    pub(super) writer: Writer,
}

impl Reload {
    /// Starts a thread that reads all of it whenever it is asked to: a folder on another machine may take long,
    /// and a signal that stops the server must not wait for it.
    pub(super) fn start(mut self) -> Result<SyncSender<()>, Failure> {
        // One request that waits stands for all that come before it is taken.
        let (ask, asked) = mpsc::sync_channel(1);
        start_thread("reload", move || {
            while asked.recv().is_ok() {
                self.run();
            }
        })?;
        Ok(ask)
    }

    fn run(&mut self) {
        let mut config = Config::clone(&self.config);
        let done = [
            self.folders(&mut config),
            self.policy(&mut config),
            self.reserved_nicks(&mut config),
            self.ticket_secret(),
        ];
        self.config = Arc::new(config);
        self.handle.configure(Arc::clone(&self.config));
        if done.iter().all(|done| matches!(done, Ok(None))) {
            self.writer.event(&Event::Reloaded("nothing"));
        }
        for done in done {
            match done {
                Ok(Some(what)) => self.writer.event(&Event::Reloaded(what)),
                Ok(None) => {}
                Err(Failure { message: why, .. }) => {
                    self.writer.event(&Event::ReloadFailed(&why));
                }
            }
        }
    }

    fn folders(&self, config: &mut Config) -> Result<Option<&'static str>, Failure> {
        let has_ruffle = matches!(self.options.ruffle, Some(Ruffle::Folder(_)));
        if self.options.site.is_none() && !has_ruffle {
            return Ok(None);
        }
        let private = plan::private(&self.options);
        config.site = Arc::new(web::site(plan::own_site(&self.options, &private))?);
        plan::warn_of_redirect(config);
        Ok(Some("site"))
    }

    fn policy(&self, config: &mut Config) -> Result<Option<&'static str>, Failure> {
        if is_used_up(self.options.policy_file.as_deref()) {
            return Ok(None);
        }
        let document = plan::policy(&self.options)?;
        Ok(document.map(|document| {
            config.policy = Policy::from_document(&document);
            "policy file"
        }))
    }

    fn reserved_nicks(&self, config: &mut Config) -> Result<Option<&'static str>, Failure> {
        if is_used_up(self.options.reserved_nicks.as_deref()) {
            return Ok(None);
        }
        let reserved = plan::reserved_nicks(&self.options)?;
        Ok(reserved.map(|reserved| {
            config.reserved_nicks = reserved;
            "reserved nicks"
        }))
    }

    fn ticket_secret(&self) -> Result<Option<&'static str>, Failure> {
        if is_used_up(self.options.ticket_secret.as_deref()) {
            return Ok(None);
        }
        let secret = plan::ticket_secret(&self.options)?;
        Ok(secret.zip(self.pool.upgrade()).map(|(secret, pool)| {
            pool.set_ticket_secret(&secret);
            "ticket secret"
        }))
    }
}

/// Whether a file was standard input, of which nothing is left to read.
fn is_used_up(file: Option<&Path>) -> bool {
    file == Some(Path::new(STANDARD_INPUT))
}
