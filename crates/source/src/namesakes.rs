//! Records that bear one name and say different things. A name is kept once: the second would be taken for the first
//! read again, and lost.

use ambit_event::{Event, EventId};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Names that are remembered at least. Where a producer repeats one, or a person declared as the name what is none
/// (the id of a request), the two stand close together.
const REMEMBERED: usize = if cfg!(test) { 64 } else { 1 << 17 };

/// What the records of one file said under their names.
#[derive(Debug, Default)]
pub struct Namesakes {
    recent: HashMap<EventId, u64, RandomState>,
    older: HashMap<EventId, u64, RandomState>,
    n: u64,
}

impl Namesakes {
    /// Gives an event an identity of its own where an earlier one of its name said something else. The same words under
    /// one name stay one event: an export can hold a record twice.
    pub fn part(&mut self, event: &mut Event) {
        // Keyed by chance, so that nobody can write two records that this takes for one.
        let said = self.recent.hasher().hash_one(words(event));
        let before = self.recent.get(&event.id).or_else(|| self.older.get(&event.id));
        match before {
            Some(before) if *before != said => {
                self.n += 1;
                let own = format!("{:?}", words(event));
                event.id = EventId::native("namesake", &event.id.to_string(), &own);
            }
            Some(_) => {}
            None => self.remember(event.id, said),
        }
    }

    fn remember(&mut self, id: EventId, said: u64) {
        self.recent.insert(id, said);
        if self.recent.len() >= REMEMBERED {
            // The same key hashes both, as what was said is compared between them.
            let next = HashMap::with_hasher(self.recent.hasher().clone());
            self.older = std::mem::replace(&mut self.recent, next);
        }
    }

    /// What a person should know of the file.
    pub fn note(&self) -> Option<String> {
        let n = self.n;
        (n > 0).then(|| {
            format!("{n} of its records bear the id of another one and say something else: each is kept, as a record of its own")
        })
    }
}

/// What the columns say that tell one action from another. How a record was exported is not among them, nor how many
/// digits of its time were.
fn words(event: &Event) -> impl std::hash::Hash + std::fmt::Debug {
    const SECOND: i64 = 1_000_000_000;
    (
        (
            event.time.0.div_euclid(SECOND),
            event.outcome.name(),
            event.operation.as_deref(),
        ),
        (event.actor_user.as_deref(), event.actor_session.as_deref()),
        (event.actor_credential.as_deref(), event.src_ip.as_deref()),
        (event.resource.as_deref(), event.query_text.as_deref()),
        event.parameters.as_slice(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn event(id: &str, user: &str) -> Event {
        let mut event = Event::new("s", ambit_event::Timestamp(1));
        event.id = EventId::native("s", "", id);
        event.actor_user = Some(user.into());
        event
    }

    #[test]
    fn what_says_something_else_under_a_name_is_kept_and_what_says_the_same_is_one() {
        let mut namesakes = Namesakes::default();
        let mut ids = |user: &str| {
            let mut event = event("1", user);
            namesakes.part(&mut event);
            event.id
        };
        let (alice, bob, eve) = (ids("alice"), ids("bob"), ids("eve"));
        assert!(alice != bob && bob != eve && alice != eve);
        assert_eq!([ids("alice"), ids("bob"), ids("eve")], [alice, bob, eve]);
        assert!(namesakes.note().unwrap().starts_with("4 of its records"));
    }

    #[test]
    fn names_are_remembered_in_bounded_memory() {
        let mut namesakes = Namesakes::default();
        for n in 0..1000 {
            namesakes.part(&mut event(&n.to_string(), "alice"));
        }
        assert!(namesakes.recent.len() + namesakes.older.len() <= 2 * REMEMBERED);
        let mut again = event("990", "bob");
        let id = again.id;
        namesakes.part(&mut again);
        assert!(again.id != id);
        assert_eq!(namesakes.note().map(|n| n.starts_with("1 of")), Some(true));
    }
}
