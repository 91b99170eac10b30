//! Names that very many members have in common are kept once.

use super::fold::Who;
use crate::detector::{actor, actors};
use ahash::RandomState;
use ambit_event::Event;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// Names that are known at once; of more, those of before are forgotten, and live on with whoever has them.
const MOST: usize = 10_000;

/// Places for those who acted lately; of two that fall into one, the later is known.
const PLACES: usize = 1 << 14;

/// The names of sources and hosts, and those who acted lately.
#[derive(Debug)]
pub(crate) struct Names {
    known: HashSet<Arc<str>, RandomState>,
    lately: Vec<Option<Arc<Who>>>,
    hash: RandomState,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            known: HashSet::default(),
            lately: vec![None; PLACES],
            hash: RandomState::new(),
        }
    }
}

impl Names {
    /// Who acted in an event, and where it comes from: the same one for events that say the same, as long as few come in
    /// between.
    pub fn who(&mut self, event: &Event) -> Arc<Who> {
        let place = self.place(event);
        if let Some(Some(known)) = self.lately.get(place)
            && is_who(known, event)
        {
            return Arc::clone(known);
        }
        let new = Arc::new(Who {
            source: self.one(&event.source),
            host: event.host.as_deref().map(|host| self.one(host)),
            actor: actor(event).into(),
        });
        if let Some(place) = self.lately.get_mut(place) {
            *place = Some(Arc::clone(&new));
        }
        new
    }

    fn place(&self, event: &Event) -> usize {
        let mut hasher = self.hash.build_hasher();
        event.source.hash(&mut hasher);
        event.host.hash(&mut hasher);
        actors(event).for_each(|(_, realm, value)| (realm, value).hash(&mut hasher));
        hasher.finish() as usize % PLACES
    }

    /// That name, the same one for all who ask.
    pub fn one(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.known.get(name) {
            return Arc::clone(known);
        }
        if self.known.len() >= MOST {
            self.known.clear();
        }
        let new: Arc<str> = name.into();
        self.known.insert(Arc::clone(&new));
        new
    }
}

fn is_who(who: &Who, event: &Event) -> bool {
    let actor = who.actor.iter();
    let actor = actor.map(|one| (one.kind, one.realm.as_str(), one.value.as_str()));
    *who.source == *event.source && who.host.as_deref() == event.host.as_deref() && actor.eq(actors(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_not_for_ever() {
        let mut names = Names::default();
        let first = names.one("dc01");
        assert!(Arc::ptr_eq(&first, &names.one("dc01")));
        for nth in 0..2 * MOST {
            names.one(&nth.to_string());
        }
        assert!(names.known.len() <= MOST);
        assert_eq!((&*first, Arc::strong_count(&first)), ("dc01", 1));
    }

    #[test]
    fn who_says_the_same_is_the_same() {
        let mut names = Names::default();
        let mut event = Event::new("sshd", ambit_event::Timestamp(0));
        (event.host, event.actor_user) = (Some("h".into()), Some("root".into()));
        let first = names.who(&event);
        assert!(Arc::ptr_eq(&first, &names.who(&event)));
        assert_eq!(*first.actor, *actor(&event));
        let others: [fn(&mut Event); 5] = [
            |event| event.source = "su".into(),
            |event| event.host = None,
            |event| event.actor_realm = Some("r".into()),
            |event| event.actor_user = Some("rooot".into()),
            |event| (event.actor_user, event.actor_session) = (None, Some("root".into())),
        ];
        for change in others {
            let mut other = event.clone();
            change(&mut other);
            // Whatever place they fall into.
            names.lately.fill(Some(Arc::clone(&first)));
            let who = names.who(&other);
            assert!(!Arc::ptr_eq(&first, &who) && is_who(&who, &other), "{other:?}");
        }
    }
}
