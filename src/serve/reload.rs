//! What SIGHUP makes the server read again, without a restart and without closing a connection: the configuration
//! file, and the files and folders that the options name. A broken configuration file changes nothing. Of the other
//! files, what cannot be read stays as it was. Certificates are also read when their files change, since another program
//! renews them.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use flashgate_core::{Config, Policy, Site, SiteFile};
use flashgate_host::Handle;

use super::admin;
use super::listen::Places;
use super::members::Demands;
use super::options::ServeOptions;
use super::run::Again;
use super::tls::Tls;
use super::{challenges, plan, restart};
use crate::admin::{Answered, Reloaded, Shared};
use crate::failure::Failure;
use crate::log::diagnostics::{self, start_thread};
use crate::log::{Event, Writer};
use crate::login::Pool;
use crate::prompt::STANDARD_INPUT;
use crate::service::Manager;
use crate::web::{self, Ruffle};

/// What is to be read again.
pub(super) enum Ask {
    /// All of it.
    Everything,
    /// All of it, and this takes what has changed.
    Answered(Answered),
    /// The challenges of `--acme-webroot`.
    Challenges,
}

/// All that is needed to read it.
pub(super) struct Reload {
    /// The options that hold.
    pub(super) options: ServeOptions,
    /// Reads them once more.
    pub(super) again: Again,
    pub(super) places: Places,
    pub(super) demands: Demands,
    /// The settings that hold.
    pub(super) config: Arc<Config>,
    /// The site without challenges.
    pub(super) site: Arc<Site>,
    /// Gives the server new ones.
    pub(super) handle: Handle,
    /// Not to be kept alive by this.
    pub(super) pool: Weak<Pool>,
    /// `None` without certificates.
    pub(super) tls: Option<Tls>,
    pub(super) writer: Writer,
    /// Learns when a reload begins and ends.
    pub(super) manager: Manager,
    /// `None` without a listener for administration.
    pub(super) admin: Option<Arc<Shared>>,
}

impl Reload {
    /// Starts a thread that reads all of it whenever it is asked to: a folder on another machine may take long,
    /// and a signal that stops the server must not wait for it.
    pub(super) fn start(mut self) -> Result<Sender<Ask>, Failure> {
        let (ask, asked) = mpsc::channel();
        if let Some(shared) = &self.admin {
            admin::connect(shared, &ask);
        }
        if let Some(webroot) = &self.options.acme_webroot {
            challenges::watch(webroot, ask.clone())?;
        }
        start_thread("reload", move || {
            let mut next_look = Instant::now() + LOOK;
            loop {
                // Only certificates have to be looked at. Nothing else may put that off.
                let next = match &self.tls {
                    Some(_) => match next_look.checked_duration_since(Instant::now()) {
                        Some(rest) => asked.recv_timeout(rest),
                        None => Err(RecvTimeoutError::Timeout),
                    },
                    None => asked.recv().map_err(RecvTimeoutError::from),
                };
                match next {
                    Ok(first) => {
                        // One reading stands for all that were asked for before it.
                        let all: Vec<Ask> = asked.try_iter().chain([first]).collect();
                        if all.iter().all(|ask| matches!(ask, Ask::Challenges)) {
                            self.challenges();
                        } else {
                            let result = self.run_or_say_why();
                            answer(all, &result);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        if let Some(tls) = &mut self.tls {
                            tls.look(&self.options, &self.writer);
                        }
                        next_look = Instant::now() + LOOK;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(ask)
    }

    fn run_or_say_why(&mut self) -> Result<Reloaded, String> {
        self.manager.reloading();
        let result = self.run().map_err(|failure| {
            let why = Failure::without_help(&failure.message);
            self.writer.event(&Event::ReloadFailed(why));
            why.to_owned()
        });
        self.manager.ready(self.config.limits.clients);
        result
    }

    fn run(&mut self) -> Result<Reloaded, Failure> {
        let mut options = (self.again)()?;
        let explained = |options: &ServeOptions, failure| options.sources.explain(failure);
        // As they would hold after a restart, and as they will hold now.
        plan::check(&options).map_err(|failure| explained(&options, failure))?;
        let kept = restart::keep(&self.options, &mut options);
        plan::check(&options).map_err(|failure| explained(&options, failure))?;
        let changed = self.options.sources.changed(&options.sources);
        let mut report = Reloaded {
            settings: changed.iter().map(|&name| name.to_owned()).collect(),
            restart: kept.clone(),
            failed: Vec::new(),
        };
        let changed = changed.join(", ");
        let mut config = self.settings(&options)?;
        let files = [
            self.folders(&options, &mut config),
            policy(&options, &mut config),
            reserved_nicks(&options, &mut config),
            self.ticket_secret(&options),
            self.admin_access(&options, &mut config),
        ];
        plan::warn_of_redirect(&config);
        diagnostics::set_level(options.log_level);
        self.options = options;
        self.config = Arc::new(config);
        self.handle.configure(Arc::clone(&self.config));

        let is_quiet = files.iter().all(|file| matches!(file, Ok(None)));
        if !kept.is_empty() {
            self.writer.event(&Event::RestartNeeded(&kept.join(", ")));
        }
        if !changed.is_empty() {
            self.writer.event(&Event::ReloadedSettings(&changed));
        } else if is_quiet && self.tls.is_none() {
            self.writer.event(&Event::Reloaded("nothing"));
        }
        for file in files {
            match file {
                Ok(Some(what)) => self.writer.event(&Event::Reloaded(what)),
                Ok(None) => {}
                Err(Failure { message: why, .. }) => {
                    self.writer.event(&Event::ReloadFailed(&why));
                    report.failed.push(why);
                }
            }
        }
        if let Some(tls) = &mut self.tls {
            tls.reload(&self.options, &self.writer);
        }
        Ok(report)
    }

    /// The settings that the options ask for, with the files that hold now.
    fn settings(&self, options: &ServeOptions) -> Result<Config, Failure> {
        let connections = plan::capacity(options)?;
        let mut config = plan::config(
            options,
            None,
            Arc::clone(&self.config.site),
            &self.places,
            connections,
        );
        config.filters.clone_from(&self.config.filters);
        config.admin_access = self.config.admin_access;
        if options.policy_file.is_some() {
            config.policy = self.config.policy.clone();
        }
        if options.reserved_nicks.is_some() {
            config.reserved_nicks = self.config.reserved_nicks.clone();
        }
        self.demands.meet(&mut config);
        Ok(config)
    }

    /// The pages depend on several options, so they are made again even where no folder is served.
    fn folders(&mut self, options: &ServeOptions, config: &mut Config) -> Done {
        let private = plan::private(options);
        let site = web::site(plan::own_site(options, &private));
        if let Ok(site) = &site {
            self.site = Arc::new(site.clone());
        }
        config.site = plan::with_challenges(options, &self.site);
        site?;
        let has_folder =
            options.site.is_some() || matches!(options.ruffle, Some(Ruffle::Folder(_)));
        Ok(has_folder.then_some("site"))
    }

    fn challenges(&mut self) {
        let site = plan::with_challenges(&self.options, &self.site);
        if has_same_files(&site, &self.config.site) {
            return;
        }
        let config = (*self.config).clone();
        self.config = Arc::new(Config { site, ..config });
        self.handle.configure(Arc::clone(&self.config));
    }

    /// The tokens, and whether messages are shown with their texts. Streams of events must not outlive their permission.
    fn admin_access(&self, options: &ServeOptions, config: &mut Config) -> Done {
        let Some(admin) = &self.admin else {
            return Ok(None);
        };
        let mut has_changed = admin.set_texts(options.admin_texts);
        let tokens = admin::tokens(options);
        let what = match &tokens {
            Ok(tokens) => {
                has_changed |= admin.set_tokens(tokens.clone().unwrap_or_default());
                tokens.is_some().then_some("admin tokens")
            }
            Err(_) => None,
        };
        config.admin_access += u64::from(has_changed);
        tokens.map(|_| what)
    }

    fn ticket_secret(&self, options: &ServeOptions) -> Done {
        if is_used_up(options.ticket_secret.as_deref()) {
            return Ok(None);
        }
        let secret = plan::ticket_secret(options)?;
        Ok(secret.zip(self.pool.upgrade()).map(|(secret, pool)| {
            pool.set_ticket_secret(&secret);
            if let Some(admin) = &self.admin {
                admin.set_tickets(Some(secret));
            }
            "ticket secret"
        }))
    }
}

/// Reports what has changed to the requests that asked for the reload.
fn answer(all: Vec<Ask>, result: &Result<Reloaded, String>) {
    for ask in all {
        match ask {
            Ask::Answered(answered) => answered(result.clone()),
            Ask::Everything | Ask::Challenges => {}
        }
    }
}

/// What was read, or why it was not.
type Done = Result<Option<&'static str>, Failure>;

fn policy(options: &ServeOptions, config: &mut Config) -> Done {
    if is_used_up(options.policy_file.as_deref()) {
        return Ok(None);
    }
    Ok(plan::policy(options)?.map(|document| {
        config.policy = Policy::from_document(&document);
        "policy file"
    }))
}

fn reserved_nicks(options: &ServeOptions, config: &mut Config) -> Done {
    if is_used_up(options.reserved_nicks.as_deref()) {
        return Ok(None);
    }
    Ok(plan::reserved_nicks(options)?.map(|reserved| {
        config.reserved_nicks = reserved;
        "reserved nicks"
    }))
}

fn has_same_files(one: &Site, other: &Site) -> bool {
    let [one, other] = [one, other].map(|site| {
        let paths = site.paths();
        paths.map(|path| (path, site.get(path).map(SiteFile::etag)))
    });
    one.eq(other)
}

/// How often the files of certificates are looked at. A change is seen at the second look.
const LOOK: Duration = Duration::from_secs(5);

/// Whether a file was standard input, of which nothing is left to read.
fn is_used_up(file: Option<&Path>) -> bool {
    file == Some(Path::new(STANDARD_INPUT))
}
