//! What a program hands to a runtime.

use std::fmt;
use std::sync::Arc;

use flashgate_core::observer::Observer;
use flashgate_core::{Clock, Config, Log, MemberStore, Note, Now};

use crate::clock::SystemClock;

/// Everything a runtime needs of the program around it.
pub struct Host {
    /// The settings, and the role of each listener.
    pub config: Arc<Config>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The member store.
    pub members: Arc<dyn MemberStore>,
    /// Where notes go.
    pub log: Log,
    /// The loop calls it once a turn, as a sign of life. See [`Host::beat`].
    pub beat: Box<dyn FnMut() + Send>,
    /// Sees everything that happens; a [`Recorder`](flashgate_core::record::Recorder) writes it down.
    pub observer: Option<Box<dyn Observer>>,
}

impl Host {
    /// These settings and this member store, on the machine's clocks. Notes are dropped, and nothing is
    /// recorded.
    pub fn new(config: impl Into<Arc<Config>>, members: impl MemberStore + 'static) -> Self {
        Self {
            config: config.into(),
            clock: Arc::new(SystemClock::new()),
            members: Arc::new(members),
            log: Box::new(|_, _| ()),
            beat: Box::new(|| ()),
            observer: None,
        }
    }

    /// With other clocks.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        let clock = Arc::new(clock);
        Self { clock, ..self }
    }

    /// With a log. It is called in order, by the thread that owns the gateway, so it must not block.
    #[must_use]
    pub fn log(self, log: impl FnMut(Now, Note) + Send + 'static) -> Self {
        let log = Box::new(log);
        Self { log, ..self }
    }

    /// With a function that the loop calls at the end of each turn. A watchdog calls [`Handle::wake`] from time to
    /// time, which wakes an idle loop, and expects a call soon after: a loop that hangs makes none. Like the log, the
    /// function must not block.
    ///
    /// [`Handle::wake`]: crate::Handle::wake
    #[must_use]
    pub fn beat(self, beat: impl FnMut() + Send + 'static) -> Self {
        let beat = Box::new(beat);
        Self { beat, ..self }
    }

    /// With an observer, if there is one.
    #[must_use]
    pub fn observer(self, observer: impl Into<Option<Box<dyn Observer>>>) -> Self {
        let observer = observer.into();
        Self { observer, ..self }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
