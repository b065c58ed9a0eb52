//! The runtime of the simulation and its surroundings: an event queue in the order of time, clients, a network and a
//! member store. It does what the crate's documentation asks of a runtime.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::client::{Client, Kind, Visit};
use super::key::ONLY;
use super::link::{End, Filtered, Link, Reading};
use super::memory;
use super::model::{self, Model};
use super::store::Members;
use super::swarm::Swarm;
use super::trace::Trace;
use super::witness::Witness;
use super::{Meter, Scene, Watched};
use crate::random::Random;
use flashgate_core::{
    Accepted, Answer, Cause, ConnId, Gateway, Input, ListenerId, MAX_READ, MemberId, Millis, Now,
    Ticket, UnixSeconds,
};

pub(super) struct World<'a> {
    pub(super) random: Random,
    /// Decides what the operator does. It is separate, so that it changes nothing for the others.
    pub(super) operator: Random,
    /// Decides what proxies send.
    pub(super) hops: Random,
    pub(super) forwards: Random,
    pub(super) swarm: Swarm,
    pub(super) gateway: Gateway,
    pub(super) model: Model,
    pub(super) now: Now,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    next_event: u64,
    pub(super) links: BTreeMap<ConnId, Link>,
    pub(super) members: Members,
    pub(super) answers: BTreeMap<Ticket, Answer>,
    pub(super) unique: u64,
    port: u16,
    /// After a refused connection, no client connects before this time.
    full_until: u64,
    /// Faults have stopped, and clients leave.
    pub(super) calm: bool,
    pub(super) trace: Trace,
    pub(super) witness: Option<Witness>,
    pub(super) inputs: u64,
    pub(super) memory: memory::Watch,
    pub(super) meter: &'a dyn Meter,
    pub(super) held: Option<usize>,
    pub(super) configs: Vec<Arc<flashgate_core::Config>>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A client connects.
    Connect,
    /// A client does something.
    Act(ConnId),
    /// A piece arrives at the server.
    Deliver(ConnId),
    /// A client reads.
    Read(ConnId),
    /// The store answers.
    Answer(Ticket),
    /// The store's host reports what a member is called now.
    Told(MemberId),
    /// The system reports a vanished peer as dead.
    GiveUp(ConnId),
    /// The runtime has carried out an abort.
    Cut(ConnId),
    /// The operator or the host does something.
    Outside,
}

impl<'a> World<'a> {
    pub(super) fn new(
        seed: u64,
        events: u64,
        scene: Scene,
        watched: Watched,
        meter: &'a dyn Meter,
    ) -> Self {
        let mut random = Random::new(seed);
        let mut swarm = Swarm::new(&mut random, events);
        if seed % 4 == 3 {
            swarm.put_up_filters();
        }
        swarm.draw_operator(seed);
        swarm.draw_rooms(seed);
        let hops = swarm.draw_proxies(seed);
        let forwards = swarm.draw_http_proxies(seed);
        if scene == Scene::Busy {
            swarm.be_busy(seed);
        }
        let configs = Vec::from([Arc::clone(&swarm.config)]);
        let now = Now {
            mono: Millis(1000),
            utc: UnixSeconds(1_184_064_842),
            offset: *random.pick(&[0, 7200, -12_600]),
        };
        let witness = match watched {
            Watched::No => None,
            Watched::Observed => Some(Witness::without_words()),
            Watched::InWords => Some(Witness::with_words()),
        };
        let observer = witness.as_ref().map(Witness::observer);
        meter.enter();
        let gateway = Gateway::observed(Arc::clone(&swarm.config), now, observer);
        meter.leave();
        let mut world = Self {
            gateway,
            model: Model::new(Arc::clone(&swarm.config), now),
            members: Members::new(swarm.members),
            memory: memory::Watch::new(&swarm.config),
            random,
            operator: Random::new(!seed),
            hops,
            forwards,
            swarm,
            now,
            events: BinaryHeap::new(),
            next_event: 0,
            links: BTreeMap::new(),
            answers: BTreeMap::new(),
            unique: 100,
            port: 1,
            full_until: 0,
            calm: false,
            trace: Trace::new(),
            witness,
            inputs: 0,
            meter,
            held: None,
            configs,
        };
        world.model.proxies = world.swarm.proxies;
        world.model.trusted = world.swarm.trusted;
        world.at(0, Event::Connect);
        world.at(50, Event::Outside);
        world
    }

    /// Plays until the faults stop, and then until every connection is gone.
    pub(super) fn play(&mut self) {
        while self.inputs < self.swarm.events {
            self.turn();
        }
        if self.swarm.faults.shutdown {
            self.settle_timers();
            self.handle(Input::Shutdown, model::Input::Shutdown);
            // Clients go on while the server stops.
            let until = self.inputs + 100;
            while self.inputs < until && !self.gateway.is_empty() {
                self.turn();
            }
        }
        self.settle();
    }

    /// Takes the next event, after the timers that are due before it.
    pub(super) fn turn(&mut self) {
        let Some(Reverse((at, order, event))) = self.events.pop() else {
            return self.at(0, Event::Connect);
        };
        let due = self.gateway.poll_timeout();
        if let Some(due) = due.filter(|due| due.0 <= at)
            && (self.calm || !self.random.percent(self.swarm.lazy_timer))
        {
            self.events.push(Reverse((at, order, event)));
            self.advance(due.0);
            self.handle(Input::Timeout, model::Input::Timeout);
        } else {
            self.advance(at);
            self.happen(event);
        }
        self.decide_a_claim();
        let long = self.links.values().any(|link| link.left() > 256 * 1024);
        if self.calm || long || !self.random.percent(self.swarm.lazy_flush) {
            self.flush();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Connect => self.connect(),
            Event::Act(id) => self.act(id),
            Event::Deliver(id) => self.deliver(id),
            Event::Read(id) => self.read(id),
            Event::Answer(ticket) => {
                if let Some(answer) = self.answers.remove(&ticket) {
                    if self.model.may_rename(&answer) {
                        self.settle_timers();
                    }
                    let known = model::Input::Answer(ONLY, ticket, answer.clone());
                    self.handle(Input::Answer(ticket, answer), known);
                }
            }
            Event::Told(id) => self.told(id),
            Event::GiveUp(id) => self.breaks(id, Cause::TimedOut),
            Event::Cut(id) => self.gone(id, Cause::Closed),
            Event::Outside => self.outside(),
        }
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn at(&mut self, after: u64, event: Event) {
        let at = self.now.mono.0 + after;
        self.events.push(Reverse((at, self.next_event, event)));
        self.next_event += 1;
    }

    pub(super) fn advance(&mut self, to: u64) {
        if to > self.now.mono.0 {
            let before = self.now.mono.0 / 1000;
            self.now.mono = Millis(to);
            self.now.utc.0 += (to / 1000 - before) as i64;
        }
    }

    fn connect(&mut self) {
        if self.calm {
            return;
        }
        let pause = self.random.below(self.swarm.think * 2 + 2);
        self.at(pause, Event::Connect);
        let here = self.links.values().filter(|link| link.end < End::Gone);
        if here.count() >= self.swarm.peers || self.now.mono.0 < self.full_until {
            return;
        }
        let kind = self.swarm.newcomer(&mut self.random);
        let policy = kind == Kind::Visit(Visit::Policy) && self.random.percent(50);
        self.port = self.port.wrapping_add(1).max(1);
        let origin = Accepted {
            listener: ListenerId(usize::from(policy)),
            peer: SocketAddr::new(self.address(), self.port).into(),
            user: None,
        };
        let now = self.now;
        let got = self.inside(|gateway| gateway.accept(now, origin));
        self.model.now = now;
        self.model
            .accepted(kind, origin, got.map(|id| ONLY.key(id)));
        self.trace.input(self.now, self.port.into());
        self.drain();
        let Ok(id) = got else {
            self.full_until = now.mono.0 + 300;
            return;
        };
        let level = Swarm::level(&mut self.random);
        let mut link = Link::new(Client::new(kind, level));
        if !policy && !self.swarm.config.filters.is_empty() && self.port.is_multiple_of(2) {
            link.filter = Some(Filtered::default());
        }
        self.links.insert(id, link);
        self.pass_a_proxy(id, origin);
        let pause = self.random.below(self.swarm.think + 1);
        self.at(pause, Event::Act(id));
    }

    fn act(&mut self, id: ConnId) {
        let calm = self.calm;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.away || link.client.over || link.fin || link.end == End::Gone {
            return;
        }
        // A client that the server does not read from stops writing.
        if link.to_server.len() < 20_000 && !calm {
            self.unique += 10;
            let (random, swarm) = (&mut self.random, &self.swarm);
            let mut batch = link.client.act(random, swarm, &self.members, self.unique);
            self.pass_http_proxies(id, &mut batch.bytes);
            let link = self.links.get_mut(&id).expect("was there");
            link.to_server.extend(batch.bytes);
            link.fin = batch.fin;
            if let Some(side) = self.model.sides.get_mut(&ONLY.key(id)) {
                side.will_ask(batch.items);
            }
            self.travels(id);
        }
        let fault = self.random.below(1000);
        let faults = &self.swarm.faults;
        let (reset, vanish, stall) = (faults.reset, faults.vanish, faults.stall);
        if fault < reset {
            return self.breaks(id, Cause::Reset);
        }
        if fault < reset + vanish {
            self.links.get_mut(&id).expect("was there").away = true;
            return self.at(60_000, Event::GiveUp(id));
        }
        if fault < reset + vanish + stall {
            let until = self.now.mono.0 + self.random.between(1, 20_000);
            self.links.get_mut(&id).expect("was there").stalled_until = until;
        }
        let pause = self.random.below(self.swarm.think + 1);
        self.at(pause, Event::Act(id));
    }

    /// Schedules the delivery of a client's bytes, or of its end, if there is anything to deliver.
    pub(super) fn travels(&mut self, id: ConnId) {
        let pause = self.random.below(self.swarm.travel + 1);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let something = !link.to_server.is_empty() || link.fin;
        if something && !link.will_deliver && !link.away && link.reading == Reading::Open {
            link.will_deliver = true;
            self.at(pause, Event::Deliver(id));
        }
    }

    fn deliver(&mut self, id: ConnId) {
        let piece = self.random.between(1, self.swarm.piece);
        let most = if self.calm { u64::MAX } else { piece }.min(MAX_READ as u64);
        let is_late = self.model.has_late_header(ONLY.key(id), self.now.mono);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.will_deliver = false;
        if is_late && link.header > 0 {
            // Nothing follows: the model could not tell commands behind the rest of the header.
            link.to_server.truncate(link.header);
            link.client.over = true;
        }
        if link.away || link.reading != Reading::Open || link.end >= End::Closed {
            return;
        }
        let (size, wire) = link.piece(most as usize);
        if size > 0 {
            let known = model::Input::Bytes(ONLY.key(id), size);
            self.handle(Input::Bytes(id, &wire), known);
        } else if link.fin {
            link.reading = Reading::Ended;
            self.settle_timers();
            self.handle(Input::Eof(id), model::Input::Eof(ONLY.key(id)));
        }
        self.travels(id);
    }

    /// Schedules the client's next read, if the network has something for it.
    pub(super) fn arrives(&mut self, id: ConnId) {
        let pause = self.random.below(self.swarm.travel + 1);
        let now = self.now.mono.0;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let something = !link.pipe.is_empty() || link.end >= End::Finished && !link.heard_all;
        if something && !link.will_read && !link.away {
            link.will_read = true;
            let stalled = link.stalled_until.saturating_sub(now);
            self.at(
                pause.max(if self.calm { 0 } else { stalled }),
                Event::Read(id),
            );
        }
    }

    pub(super) fn flush(&mut self) {
        while let Some(id) = self
            .links
            .iter()
            .find(|(_, link)| link.dirty)
            .map(|(id, _)| *id)
        {
            self.flush_one(id);
        }
    }

    fn flush_one(&mut self, id: ConnId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.dirty = false;
        if link.end >= End::Aborted || link.broken.is_some() {
            return;
        }
        let capacity = if self.calm {
            usize::MAX
        } else {
            self.swarm.pipe
        };
        // A network may take any part. Sometimes it leaves exactly the limit in the queue, or one byte more.
        let limit = self.model.config.limits.backlog + self.random.below(2) as usize;
        let some = link.left() > limit && !self.calm && self.random.percent(30);
        link.flush(capacity, if some { limit } else { 0 });
        let closed = link.broken.is_some();
        self.arrives(id);
        if closed {
            return self.gone(id, Cause::Closed);
        }
        self.settle_timers();
        if self
            .links
            .get(&id)
            .is_some_and(|link| link.end < End::Aborted)
        {
            // A timer may have written more.
            let link = &self.links[&id];
            let (left, plain) = (link.left(), link.plain_left());
            self.handle(
                Input::Backlog(id, left),
                model::Input::Backlog(ONLY.key(id), plain),
            );
        }
    }

    pub(super) fn gone(&mut self, id: ConnId, cause: Cause) {
        self.settle_timers();
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.end == End::Gone {
            return;
        }
        link.end = End::Gone;
        self.handle(
            Input::Gone(id, cause),
            model::Input::Gone(ONLY.key(id), cause),
        );
        self.end_of_hearing(id);
        self.arrives(id);
    }

    /// The connection breaks in the network.
    pub(super) fn breaks(&mut self, id: ConnId, cause: Cause) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.end < End::Gone {
            link.cut(0);
            link.away = true;
            self.gone(id, cause);
        }
    }
}
