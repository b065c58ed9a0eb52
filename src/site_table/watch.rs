//! Finds what the site has changed about members who are online, by asking a few times a second.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use flashgate_core::{Identity, Member, MemberEvent, MemberId, Note, What};
use parking_lot::Mutex;

use super::table::Now;
use crate::store::{Active, Name, Nick, Tell};

/// Watches for changes. Does nothing before [`begin`](Self::begin).
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    nicks: RandomState,
}

#[derive(Default)]
struct State {
    tell: Option<Tell>,
    /// Every member that has logged in and not left since.
    known: HashMap<MemberId, Known>,
    /// Whether notes about logins and quits arrive. If not, every member counts as online.
    is_told: bool,
    /// When the last look began.
    looked: Option<Instant>,
    /// A thread looks.
    is_looking: bool,
}

struct Known {
    /// The hash of the nick, by which it is seen that there is another.
    nick: u64,
    let_in: Instant,
    is_online: bool,
    /// The nick or name that the site has now cannot be used, and the log says so.
    is_unfit: bool,
}

/// The members of one look. The next look can start once this is dropped, whatever its result.
pub(super) struct Looked<'a> {
    watch: &'a Watch,
    ids: Vec<MemberId>,
    at: Instant,
}

impl Looked<'_> {
    pub(super) fn ids(&self) -> &[MemberId] {
        &self.ids
    }
}

impl Drop for Looked<'_> {
    fn drop(&mut self) {
        self.watch.state.lock().is_looking = false;
    }
}

impl Watch {
    /// Begins to tell, of what happens from now on.
    pub(super) fn begin(&self, tell: Tell) {
        self.state.lock().tell = Some(tell);
    }

    /// Notes a login.
    ///
    /// The first of two logins counts while its member is online: the second one may be refused as a
    /// duplicate, and then a change has to log out the first.
    pub(super) fn let_in(&self, member: &Member, now: Instant) {
        let mut state = self.state.lock();
        if state.tell.is_none() {
            return;
        }
        let is_told = state.is_told;
        let fresh = Known {
            nick: self.nicks.hash_one(&*member.nick),
            let_in: now,
            is_online: !is_told,
            is_unfit: false,
        };
        match state.known.get_mut(&member.id) {
            Some(known) if known.is_online => known.let_in = now,
            Some(known) => *known = fresh,
            None => drop(state.known.insert(member.id, fresh)),
        }
    }

    /// Takes the core's notes about logins and quits.
    pub(super) fn heard(&self, note: &Note) {
        // The core has many others to tell, and they are nothing to us.
        #[allow(clippy::wildcard_enum_match_arm)]
        let (who, is_online) = match &note.what {
            What::Login { who, .. } => (who, true),
            What::Quit { who } => (who, false),
            _ => return,
        };
        let Identity::Member(id) = who else {
            return;
        };
        let mut state = self.state.lock();
        state.is_told = true;
        if let Some(known) = state.known.get_mut(id) {
            known.is_online = is_online;
        }
    }

    /// The members to look at now. `None` if the last look is too recent, another thread looks, or no member
    /// is online.
    pub(super) fn due(&self, every: Duration, now: Instant) -> Option<Looked<'_>> {
        let mut state = self.state.lock();
        let age = |since: Instant| now.saturating_duration_since(since);
        if state.is_looking || state.looked.is_some_and(|last| age(last) < every) {
            return None;
        }
        // A member that is not online by now was refused for another reason, or has left.
        state
            .known
            .retain(|_, known| known.is_online || age(known.let_in) < ON_THE_WAY);
        state.looked = Some(now);
        let ids: Vec<_> = state.known.keys().copied().collect();
        state.is_looking = !ids.is_empty();
        // Not made without members, because dropping it takes the lock.
        state.is_looking.then(|| Looked {
            watch: self,
            ids,
            at: now,
        })
    }

    /// Compares the members of a look with the table, and reports changes.
    pub(super) fn compare(&self, looked: &Looked<'_>, now: Vec<Now>) {
        let mut there: HashMap<MemberId, _> = now
            .into_iter()
            .map(|(id, names, active)| (id, (names, active)))
            .collect();
        let mut state = self.state.lock();
        for &id in &looked.ids {
            // A login after the look began may be based on a newer row.
            let known = state.known.get_mut(&id);
            let Some(known) = known.filter(|known| known.let_in < looked.at) else {
                continue;
            };
            let event = match there.remove(&id) {
                None => MemberEvent::Removed(id),
                Some((_, Active::No)) => MemberEvent::Disabled(id),
                Some((names, Active::Yes)) => match self.renamed(id, known, names) {
                    Some(member) => MemberEvent::Renamed(member),
                    None => continue,
                },
            };
            if !matches!(event, MemberEvent::Renamed(_)) {
                state.known.remove(&id);
            }
            if let Some(tell) = &state.tell {
                tell(event);
            }
        }
    }
}

impl Watch {
    /// The member as it is now, if it has another nick that can be used.
    fn renamed(
        &self,
        id: MemberId,
        known: &mut Known,
        names: Option<(Nick, Name)>,
    ) -> Option<Member> {
        let Some((nick, name)) = names else {
            if !known.is_unfit {
                log::warn!(
                    "the nick or name that the site has given member {id} breaks a rule and is not used; the \
                     member cannot log in by it"
                );
            }
            known.is_unfit = true;
            return None;
        };
        known.is_unfit = false;
        let hash = self.nicks.hash_one(nick.as_str());
        if hash == known.nick {
            return None;
        }
        known.nick = hash;
        Some(Member {
            id,
            nick: nick.as_str().into(),
            name: name.as_str().into(),
        })
    }
}

/// How long a member may take from a good lookup to being online: the core gives up a lookup after 10 s.
const ON_THE_WAY: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use flashgate_core::MemberEvent::{Disabled, Removed, Renamed};

    use super::*;

    const LOOK: Duration = Duration::from_millis(600);

    struct Scene {
        watch: Watch,
        told: mpsc::Receiver<MemberEvent>,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let (tell, told) = mpsc::channel();
            let watch = Watch::default();
            watch.begin(Box::new(move |event| tell.send(event).unwrap()));
            let now = Instant::now();
            Self { watch, told, now }
        }

        fn let_in(&self, id: i64, nick: &str) {
            let member = Member {
                id: MemberId(id),
                nick: nick.into(),
                name: nick.into(),
            };
            self.watch.let_in(&member, self.now);
        }

        fn comes(&self, id: i64) {
            self.notes(What::Login {
                who: Identity::Member(MemberId(id)),
                clients: 1,
                max: 1,
            });
        }

        fn leaves(&self, id: i64) {
            self.notes(What::Quit {
                who: Identity::Member(MemberId(id)),
            });
        }

        fn notes(&self, what: What) {
            let peer = "127.0.0.1:1".parse().unwrap();
            self.watch.heard(&Note {
                conn: None,
                peer,
                what,
            });
        }

        /// Looks after a time at a table of `rows`; gives the members looked at and the events.
        fn look(
            &mut self,
            after: Duration,
            rows: &[(i64, &str, Active)],
        ) -> (Vec<i64>, Vec<MemberEvent>) {
            self.now += after;
            let Some(looked) = self.watch.due(LOOK, self.now) else {
                return (Vec::new(), Vec::new());
            };
            let mut ids: Vec<_> = looked.ids().iter().map(|id| id.0).collect();
            ids.sort_unstable();
            let row = |(id, nick, active): &(i64, &str, Active)| {
                let names = Nick::new(nick).ok().zip(Name::new(nick).ok());
                (MemberId(*id), names, *active)
            };
            self.watch.compare(&looked, rows.iter().map(row).collect());
            drop(looked);
            let mut told: Vec<_> = self.told.try_iter().collect();
            told.sort_by_key(|event| event.member().0);
            (ids, told)
        }
    }

    fn named(id: i64, nick: &str) -> Member {
        Member {
            id: MemberId(id),
            nick: nick.into(),
            name: nick.into(),
        }
    }

    #[test]
    fn what_changes_about_those_who_are_online() {
        let mut scene = Scene::new();
        for (id, nick) in [(1, "alice"), (2, "bob"), (3, "carol"), (4, "dave")] {
            scene.let_in(id, nick);
            scene.comes(id);
        }
        let rows = [
            (1, "alice", Active::Yes),
            (2, "bob", Active::No),
            (3, "caroline", Active::Yes),
        ];
        let id = MemberId;
        let told = vec![
            Disabled(id(2)),
            Renamed(named(3, "caroline")),
            Removed(id(4)),
        ];
        assert_eq!(scene.look(LOOK, &rows), (vec![1, 2, 3, 4], told));
        // Each change is reported once. The renamed member stays online, and is looked up again.
        assert_eq!(scene.look(LOOK, &rows), (vec![1, 3], vec![]));
        // A nick that breaks a rule is not used.
        let rows = [(1, "a b", Active::Yes), (3, "caroline", Active::Yes)];
        assert_eq!(scene.look(LOOK, &rows), (vec![1, 3], vec![]));
        let rows = [(1, "alice", Active::Yes), (3, "carol", Active::Yes)];
        let told = vec![Renamed(named(3, "carol"))];
        assert_eq!(scene.look(LOOK, &rows), (vec![1, 3], told));
        assert_eq!(scene.look(LOOK / 2, &rows), (vec![], vec![]), "too early");
    }

    #[test]
    fn who_has_left_is_not_looked_at() {
        let mut scene = Scene::new();
        let rows = [(1, "alice", Active::Yes), (2, "bob", Active::Yes)];
        scene.let_in(1, "alice");
        scene.comes(1);
        scene.let_in(2, "bob");
        assert_eq!(scene.look(LOOK, &rows).0, [1, 2]);
        // Bob was refused: he was online already, elsewhere, or had hung up.
        assert_eq!(scene.look(ON_THE_WAY, &rows).0, [1]);
        scene.leaves(1);
        assert_eq!(scene.look(LOOK, &rows).0, [0; 0]);
        // Somebody else's nick is hers when she is back.
        scene.let_in(1, "bob");
        scene.comes(1);
        assert_eq!(scene.look(LOOK, &[(1, "bob", Active::Yes)]).1, []);
    }

    #[test]
    fn the_older_connection_counts() {
        let mut scene = Scene::new();
        scene.let_in(1, "alice");
        scene.comes(1);
        // Renamed, and logging in a second time under the new nick.
        scene.let_in(1, "alicia");
        let (_, told) = scene.look(LOOK, &[(1, "alicia", Active::Yes)]);
        assert_eq!(told, [Renamed(named(1, "alicia"))]);
    }

    #[test]
    fn one_looks_at_a_time_and_later_ones_are_left_alone() {
        let mut scene = Scene::new();
        scene.let_in(1, "alice");
        scene.now += LOOK;
        let looked = scene.watch.due(LOOK, scene.now).unwrap();
        assert!(scene.watch.due(LOOK, scene.now + LOOK).is_none());
        // Enabled and let in again while the answer is on its way.
        scene.now += Duration::from_millis(1);
        scene.let_in(1, "alice");
        scene
            .watch
            .compare(&looked, vec![(MemberId(1), None, Active::No)]);
        drop(looked);
        assert_eq!(scene.told.try_iter().count(), 0);
        // One that came to nothing is in nobody's way.
        scene.now += LOOK;
        drop(scene.watch.due(LOOK, scene.now).unwrap());
        let (ids, told) = scene.look(LOOK, &[]);
        assert_eq!((ids, told), (vec![1], vec![Removed(MemberId(1))]));
    }
}
