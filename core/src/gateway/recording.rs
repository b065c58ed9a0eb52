//! Tells the recorder what happens, if there is one.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::Gateway;
use crate::config::Config;
use crate::conn::{State, Wire};
use crate::event::{Action, Input, Refused};
use crate::id::{Accepted, ConnId};
use crate::record::{Heard, Recorder, ToldApart};
use crate::time::Now;

impl Gateway {
    /// A gateway as [`Gateway::new`] makes it, with everything that happens to it recorded.
    pub fn recorded(config: Arc<Config>, now: Now, recorder: Option<Recorder>) -> Self {
        let recorder = recorder.map(|mut recorder| {
            recorder.begin(&config, now);
            Box::new(recorder)
        });
        Self {
            recorder,
            ..Self::new(config, now)
        }
    }

    pub(super) fn record_accept(
        &mut self,
        origin: Accepted,
        taken: Result<ConnId, Refused>,
    ) -> Result<ConnId, Refused> {
        if let Some(recorder) = &mut self.recorder {
            recorder.accepted(self.now, origin, taken);
        }
        taken
    }

    pub(super) fn record_input<'a>(&mut self, input: &Input<'a>) -> Option<Heard<'a>> {
        self.recorder.as_mut()?.input(self.now, input)
    }

    /// Behind the input, when it is known what its bytes were.
    pub(super) fn record_heard(&mut self, heard: Option<Heard<'_>>) {
        if let (Some(recorder), Some(heard)) = (&mut self.recorder, heard) {
            let told = match self.conns.get(heard.conn()).map(|conn| &conn.state) {
                Some(State::Sniffing(_)) => ToldApart::NotYet,
                Some(State::Chat(chat)) if matches!(chat.wire, Wire::Stream) => ToldApart::Chat,
                Some(State::Chat(_) | State::Http { .. } | State::Ending(_)) | None => {
                    ToldApart::Otherwise
                }
            };
            recorder.heard(heard, told, &self.config);
        }
    }

    pub(super) fn record_action(&mut self, action: Option<Action>) -> Option<Action> {
        if let Some(recorder) = &mut self.recorder {
            recorder.action(action.as_ref());
            if recorder.is_over() {
                self.recorder = None;
            }
        }
        action
    }
}
