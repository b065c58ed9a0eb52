//! The runtime's part of the world: gives inputs to the core and carries out its actions. Also what the operator and
//! the host do.

use std::sync::Arc;

use super::key::ONLY;
use super::link::{End, Reading, Size};
use super::model::{self, is_guest};
use super::reader::memory;
use super::swarm::{configure_rooms, throttle};
use super::world::{Event, World};
use flashgate_core::{
    Action, Answer, Cause, Chunk, ConnId, Gateway, HostFacts, Input, ListAccess, Login, Member,
    MemberEvent, MemberId, Millis, OnDuplicate,
};

impl World<'_> {
    /// Gives an input to the core, carries out the actions, and has the model check them.
    pub(super) fn handle(&mut self, input: Input<'_>, known: model::Input) {
        self.inputs += 1;
        self.trace.input(self.now, self.inputs);
        if let Input::Bytes(_, bytes) = &input {
            self.trace.bytes(bytes);
        }
        let now = self.now;
        self.model.input(now, known, self.is_due());
        self.inside(|gateway| gateway.handle(now, input));
        self.drain();
        self.model.done(self.is_due());
        if self.inputs.is_multiple_of(8) {
            self.gateway.assert_consistent();
        }
        if let Some(held) = self.held {
            self.memory.check(held, &self.model);
        }
    }

    /// Polls every action, in order.
    pub(super) fn drain(&mut self) {
        let mut actions = 0;
        while let Some(action) = self.inside(Gateway::poll) {
            actions += 1;
            self.trace.action(&action);
            let plain = self.judge(&action);
            self.carry_out(&action, plain);
            self.inside(|_| drop(action));
        }
        self.memory.polled(actions);
    }

    /// Asks the model for the reason of an action. It knows no filters; returns the size of the plain chunk, if the
    /// action writes one through a filter.
    fn judge(&mut self, action: &Action) -> Option<Size> {
        let Action::Write(id, chunk) = action else {
            self.model.action(ONLY, action);
            return None;
        };
        let link = self.links.get_mut(id).expect("lives");
        let Some(plain) = link.plain(chunk) else {
            self.model.action(ONLY, action);
            return None;
        };
        if plain.is_empty() {
            self.model.count("filter");
            return Some(Size::default());
        }
        let key = ONLY.key(*id);
        let size = Size {
            length: plain.len(),
            memory: memory(&plain, self.model.sides[&key].is_socket()),
        };
        self.model.written(key, &plain, size.memory);
        Some(size)
    }

    /// Runs `work` on the gateway, and measures its memory.
    pub(super) fn inside<T>(&mut self, work: impl FnOnce(&mut Gateway) -> T) -> T {
        self.meter.enter();
        let result = work(&mut self.gateway);
        self.held = self.meter.leave();
        result
    }

    fn carry_out(&mut self, action: &Action, plain: Option<Size>) {
        match action {
            Action::Write(id, chunk) => self.append(*id, chunk, plain),
            Action::Broadcast(to, chunk) => {
                for id in to.iter() {
                    self.append(id, chunk, None);
                }
            }
            Action::Finish(id) => self.end(*id, End::Finished),
            Action::Close(id) => self.end(*id, End::Closed),
            Action::Abort(id) => self.end(*id, End::Aborted),
            Action::Pause(id) => self.links.get_mut(id).expect("lives").reading = Reading::Paused,
            Action::Resume(id) => {
                self.links.get_mut(id).expect("lives").reading = Reading::Open;
                self.travels(*id);
            }
            Action::Lookup(ticket, query) => {
                let (random, store) = (&mut self.random, &self.swarm.store);
                if let Some(reply) = self.members.ask(*ticket, query, random, store) {
                    if let Answer::Renamed(member) = &reply.answer {
                        // A real store is watched for changes, its own among them.
                        let after = self.operator.below(600);
                        let id = member.id;
                        self.at(after, Event::Told(id));
                    }
                    self.answers.insert(reply.ticket, reply.answer);
                    self.at(reply.after, Event::Answer(reply.ticket));
                }
            }
            Action::Note(_) => {}
        }
    }

    fn append(&mut self, id: ConnId, chunk: &Chunk, plain: Option<Size>) {
        let link = self.links.get_mut(&id).expect("lives");
        assert_eq!(link.end, End::Open, "written after the end");
        link.append(chunk, plain.unwrap_or(Size::of(chunk)));
    }

    fn end(&mut self, id: ConnId, end: End) {
        let keep = self.random.below(2000) as usize;
        let link = self.links.get_mut(&id).expect("lives");
        assert!(link.end < end, "an end is said once");
        link.end = end;
        link.dirty = true;
        if end == End::Aborted {
            link.cut(keep);
            self.at(0, Event::Cut(id));
        }
    }

    /// Lets the timers fire that are due, so that they come before the next input.
    pub(super) fn settle_timers(&mut self) {
        while self.is_due() {
            self.handle(Input::Timeout, model::Input::Timeout);
        }
    }

    fn is_due(&self) -> bool {
        let due = self.gateway.poll_timeout();
        due.is_some_and(|due| due <= self.now.mono)
    }

    /// Sometimes does what an operator or the host may do at any time.
    pub(super) fn outside(&mut self) {
        if self.calm {
            return;
        }
        let pause = self.random.below(self.swarm.think * 4 + 10);
        self.at(pause, Event::Outside);
        let faults = self.swarm.faults.clone();
        let chance = |random: &mut crate::random::Random, of: u64| random.below(200) < of;
        if chance(&mut self.random, faults.disable) {
            self.disable();
        }
        if self.operator.percent(self.swarm.announces) {
            self.announce();
        }
        if self.operator.percent(self.swarm.renames) {
            self.rename_somebody();
        }
        if self.operator.percent(self.swarm.kicks) {
            self.kick_somebody();
        }
        if chance(&mut self.random, faults.configure) {
            self.configure();
        }
        // A leap of the clock ends most of what is under way, so it is rare.
        if self.random.percent(10) && chance(&mut self.random, faults.leap) {
            self.leap();
        }
        if self.random.percent(5) {
            let facts = HostFacts {
                log_dropped: self.inputs,
                ..HostFacts::default()
            };
            self.handle(Input::Host(facts), model::Input::Timeout);
        }
    }

    fn disable(&mut self) {
        let n = self.random.below(self.members.all.len() as u64) as usize;
        self.members.active[n] = !self.members.active[n];
        if self.members.active[n] {
            return;
        }
        let id = self.members.all[n].id;
        let events = [MemberEvent::Disabled(id), MemberEvent::Removed(id)];
        let event = self.random.pick(&events).clone();
        self.settle_timers();
        self.handle(Input::Member(event), model::Input::Member(id));
    }

    /// Gives a member another nick in the store, of which the gateway hears at once.
    fn rename_somebody(&mut self) {
        let id = self.operator.pick(&self.members.all).id;
        self.unique += 10;
        self.members.rename(id, &format!("o{}", self.unique));
        self.told(id);
    }

    /// Reports a member's nick and name to the gateway.
    pub(super) fn told(&mut self, id: MemberId) {
        let member = self.members.all.iter().find(|member| member.id == id);
        let member = member.expect("a member").clone();
        self.settle_timers();
        let known = model::Input::Renamed(member.clone());
        self.handle(Input::Member(MemberEvent::Renamed(member)), known);
    }

    fn announce(&mut self) {
        let texts = ["Tea is ready.", "a & b\u{0}\n", "", "Ünïcödé"];
        let text = *self.operator.pick(&texts);
        self.settle_timers();
        let known = model::Input::Announce(text.to_owned());
        self.handle(Input::Announce(Arc::from(text)), known);
    }

    /// Sometimes kicks a member whose place a newcomer waits for. Such a wait is short, so it is looked for after every
    /// event.
    pub(super) fn decide_a_claim(&mut self) {
        if let Some(member) = self.model.contested()
            && self.swarm.kicks > 0
            && self.operator.percent(20)
        {
            self.kick(&Login::Id(member));
        }
    }

    /// Kicks a member who is online, or any member, or a name that no member has.
    fn kick_somebody(&mut self) {
        let online: Vec<&Member> = self.model.members().collect();
        let member = match self.operator.below(8) {
            0..=4 if !online.is_empty() => *self.operator.pick(&online),
            _ => self.operator.pick(&self.members.all),
        };
        let login = match self.operator.below(8) {
            0..=3 if !is_guest(member) => Login::Id(member.id),
            0..=6 => Login::Nick(Arc::clone(&member.nick)),
            _ => self.operator.pick(&nobody()).clone(),
        };
        self.kick(&login);
    }

    fn kick(&mut self, member: &Login) {
        let reason = *self.operator.pick(&[None, Some("Too <loud>")]);
        self.settle_timers();
        let known = model::Input::Kick(member.clone(), reason.map(str::to_owned));
        let reason = reason.map(Arc::from);
        let member = member.clone();
        self.handle(Input::Kick { member, reason }, known);
    }

    /// Changes settings of the running gateway. It lowers no limit on memory, and leaves `presence` alone, because
    /// clients check that logins and quits alternate.
    fn configure(&mut self) {
        let mut config = (*self.model.config).clone();
        let random = &mut self.random;
        config.duplicates = *random.pick(&[
            OnDuplicate::Stale,
            OnDuplicate::Refuse,
            OnDuplicate::Replace,
        ]);
        config.list = *random.pick(&[ListAccess::Everyone, ListAccess::Identified]);
        config.limits.backlog = *random.pick(&[100, 600, 5000, 1 << 20]);
        config.limits.clients += random.below(2) as usize;
        config.limits.connections += random.between(1, 3) as usize;
        config.limits.per_address = *random.pick(&[1, 5, 256]);
        if random.percent(30) {
            throttle(&mut config, random);
            // With a shorter window the core forgets failures, and a longer one later does not bring them back.
            config.limits.throttle.window = self.model.config.limits.throttle.window;
        }
        if random.percent(30) {
            configure_rooms(&mut config, random);
        }
        let config = Arc::new(config);
        // Kept here, so that the gateway never frees one, and its memory can be measured.
        self.configs.push(Arc::clone(&config));
        self.settle_timers();
        self.model.config = Arc::clone(&config);
        self.handle(Input::Configure(config), model::Input::Configure);
    }

    fn leap(&mut self) {
        if self.random.percent(50) {
            self.now.utc.0 += self.random.below(200_000) as i64 - 100_000;
            return;
        }
        let leaps = [1_000, 20_000, 100_000, 700_000, 86_400_000];
        let leap = *self.random.pick(&leaps);
        self.advance(self.now.mono.0 + leap);
        self.model.count("leap");
    }

    /// The faults stop. Clients read what is there and leave; then nothing may be left.
    pub(super) fn settle(&mut self) {
        self.calm = true;
        let ids: Vec<ConnId> = self.links.keys().copied().collect();
        for id in ids {
            let link = self.links.get_mut(&id).expect("is there");
            if link.away && link.end < End::Gone {
                self.gone(id, Cause::TimedOut);
                continue;
            }
            link.fin = true;
            link.client.over = true;
            link.dirty = true;
            self.travels(id);
        }
        let most = 20_000 + self.inputs * 20;
        let mut turns = 0;
        while self.goes_on() {
            turns += 1;
            assert!(turns < most, "it does not settle: {:?}", self.links);
        }
        self.model.assert_settled();
        self.model.assert_logged();
        self.gateway.assert_settled();
        assert_eq!(self.gateway.poll_timeout(), None);
        assert!(self.links.is_empty(), "{:?}", self.links);
    }

    fn goes_on(&mut self) -> bool {
        if self.has_events() {
            self.turn();
            return true;
        }
        let Some(due) = self.gateway.poll_timeout() else {
            return false;
        };
        self.advance(due.max(Millis(self.now.mono.0)).0);
        self.handle(Input::Timeout, model::Input::Timeout);
        self.flush();
        true
    }
}

/// Names that no member has: an unknown number and nick, a number as a nick, and a nick in another case.
fn nobody() -> [Login; 4] {
    [
        Login::Id(MemberId(0)),
        Login::Nick(Arc::from("nobody")),
        Login::Nick(Arc::from("1")),
        Login::Nick(Arc::from("ALICE")),
    ]
}
