//! Which kinds of events there are at all, summed up with each commit: a question for a kind that no record is of reads
//! no events, however many there are.
//!
//! A scope asks for records that should not exist (statements of the service's role without a request's id), and in a
//! lake where all is well there are none. Whether there are would otherwise be told by reading all of a source.

use crate::query::{Filter, Query, Test};
use ahash::RandomState;
use ambit_event::{Column, Event};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Users of one source that are told apart: a database has a few roles, an application has all its customers.
const MOST_USERS: usize = 32;
/// More kinds are not summed up. Sources and classes are few; this bounds what a strange log can make of them.
const MOST: usize = 2048;

/// The kinds by source; `None` where they are too many, or a commit does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kinds(Option<BTreeMap<String, BTreeSet<Kind>>>);

/// Columns of which it is told whether anything stands there: what names who acted, or from where, and what was done.
const TOLD: [Column; 8] = [
    Column::ActorInvoker,
    Column::ActorSession,
    Column::ActorCredential,
    Column::ActorService,
    Column::SrcIp,
    Column::Device,
    Column::Connection,
    Column::Operation,
];

/// Class, user, whether a trace id is there, and which of [`TOLD`] hold anything, as an event has them.
type Seen<'e> = (Option<&'e str>, Option<&'e str>, bool, u8);

/// What the events of a kind have in common, beside their source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Kind {
    class: Option<String>,
    user: User,
    has_trace: bool,
    /// Which of [`TOLD`] hold anything, a bit for each; `None` where a commit of before does not say.
    #[serde(default)]
    holds: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum User {
    Nobody,
    Named(String),
    /// One of too many to tell apart.
    Somebody,
}

impl Default for Kinds {
    /// What a commit says that does not speak of it.
    fn default() -> Self {
        Self(None)
    }
}

impl Kinds {
    /// Of no events.
    pub const NONE: Self = Self(Some(BTreeMap::new()));

    pub fn of<'e>(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut seen: HashMap<&str, HashSet<Seen<'e>, RandomState>, RandomState> = HashMap::default();
        for event in events {
            let of_source = seen.entry(&event.source).or_default();
            of_source.insert((
                event.class.as_deref(),
                event.actor_user.as_deref(),
                event.trace.is_some(),
                held(event),
            ));
        }
        let mut kinds = BTreeMap::new();
        for (source, of_source) in seen {
            let users: HashSet<&str> = of_source.iter().filter_map(|(_, user, ..)| *user).collect();
            let tell = users.len() <= MOST_USERS;
            let of_source = of_source.into_iter().map(|(class, user, has_trace, holds)| Kind {
                class: class.map(str::to_owned),
                user: User::of(user, tell),
                has_trace,
                holds: Some(holds),
            });
            kinds.insert(source.to_owned(), of_source.collect());
        }
        Self(Some(kinds)).bounded()
    }

    pub fn merge(&mut self, other: &Self) {
        let (Some(kinds), Some(more)) = (&mut self.0, &other.0) else {
            self.0 = None;
            return;
        };
        for (source, more) in more {
            let of_source = kinds.entry(source.clone()).or_default();
            of_source.extend(more.iter().cloned());
            forget_many(of_source);
        }
        let merged = std::mem::replace(self, Self::NONE);
        *self = merged.bounded();
    }

    fn bounded(self) -> Self {
        Self(
            self.0
                .filter(|kinds| kinds.values().map(BTreeSet::len).sum::<usize>() <= MOST),
        )
    }

    /// Whether it is certain that no event answers the question.
    pub fn rule_out(&self, query: &Query) -> bool {
        self.0.as_ref().is_some_and(|kinds| {
            kinds.iter().all(|(source, of_source)| {
                let no = |kind| decided(&query.filter, source, kind) == Some(false);
                of_source.iter().all(no)
            })
        })
    }
}

impl User {
    fn of(name: Option<&str>, tell: bool) -> Self {
        match name {
            None => Self::Nobody,
            Some(name) if tell => Self::Named(name.to_owned()),
            Some(_) => Self::Somebody,
        }
    }
}

/// Users of a source that became too many are told apart no more.
fn forget_many(kinds: &mut BTreeSet<Kind>) {
    let users: BTreeSet<&User> = kinds.iter().map(|kind| &kind.user).collect();
    let n_named = users.iter().filter(|user| matches!(user, User::Named(_))).count();
    if n_named <= MOST_USERS && !users.contains(&User::Somebody) {
        return;
    }
    let forgotten = std::mem::take(kinds).into_iter().map(|kind| Kind {
        user: match kind.user {
            User::Nobody => User::Nobody,
            User::Named(_) | User::Somebody => User::Somebody,
        },
        ..kind
    });
    *kinds = forgotten.collect();
}

/// Whether all events of a kind satisfy the condition, or none does; `None` where the kind does not tell.
fn decided(filter: &Filter, source: &str, kind: &Kind) -> Option<bool> {
    let decide = |part: &Filter| decided(part, source, kind);
    match filter {
        Filter::All(parts) => all(parts.iter().map(decide)),
        Filter::Any(parts) => all(parts.iter().map(|part| decide(part).map(|is| !is))).map(|none| !none),
        Filter::Not(part) => Some(!decide(part)?),
        Filter::Column(Column::Source, test) => Some(test.admits_text(Some(source))),
        Filter::Column(Column::Class, test) => Some(test.admits_text(kind.class.as_deref())),
        Filter::Column(Column::ActorUser, test) => match &kind.user {
            User::Nobody => Some(test.admits_text(None)),
            User::Named(name) => Some(test.admits_text(Some(name))),
            User::Somebody => of_some_value(test),
        },
        Filter::Column(Column::Trace, test) if kind.has_trace => of_some_value(test),
        Filter::Column(Column::Trace, test) => Some(test.admits_text(None)),
        Filter::Column(column, test) => {
            let nth = TOLD.iter().position(|told| told == column)?;
            match kind.holds? >> nth & 1 == 1 {
                true => of_some_value(test),
                false => Some(test.admits_text(None)),
            }
        }
        _ => None,
    }
}

fn held(event: &Event) -> u8 {
    let told = TOLD.iter().enumerate();
    told.fold(0, |held, (nth, column)| {
        held | u8::from(event.text(*column).is_some()) << nth
    })
}

/// Whether all hold: one that does not hold tells, however little is known of the others.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match part {
            Some(false) => return part,
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// What a test says of a value that is there, whichever it is.
const fn of_some_value(test: &Test) -> Option<bool> {
    match test {
        Test::Present => Some(true),
        Test::Absent => Some(false),
        Test::In(_) | Test::Like(_) | Test::Between(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    fn event(source: &str, class: &str, user: &str, trace: &str) -> Event {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Event {
            class: said(class),
            actor_user: said(user),
            trace: said(trace),
            ..Event::new(source, Timestamp(0))
        }
    }

    fn eq(column: Column, value: &str) -> Filter {
        Filter::eq(column, value)
    }

    /// Every condition over a few values: what is ruled out has no event.
    #[test]
    fn what_is_ruled_out_has_no_event() {
        let mut events = Vec::new();
        for (nth, source) in ["db", "db", "app", "gateway"].into_iter().enumerate() {
            for (class, user, trace) in [("login", "a", ""), ("", "b", "t"), ("read", "", "")] {
                events.push(event(source, class, user, trace));
                events.extend((0..nth * 20).map(|n| event(source, class, &n.to_string(), trace)));
            }
        }
        for event in events.iter_mut().step_by(3) {
            event.src_ip = Some("192.0.2.1".to_owned());
        }
        events.retain(|e| e.source != "db" || e.trace.is_some() || e.class.as_deref() == Some("login"));
        let mut kinds = Kinds::of(events[..5].iter());
        kinds.merge(&Kinds::of(events[5..].iter()));
        let tests: Vec<Filter> = [
            eq(Column::Source, "db"),
            eq(Column::Source, "nowhere"),
            Filter::Column(Column::Trace, Test::Absent),
            Filter::Column(Column::ActorUser, Test::Present),
            eq(Column::ActorUser, "a"),
            eq(Column::Class, "login"),
            eq(Column::Trace, "t"),
            eq(Column::Resource, "/x"),
            Filter::Column(Column::SrcIp, Test::Absent),
            eq(Column::SrcIp, "192.0.2.1"),
        ]
        .into_iter()
        .flat_map(|test| [Filter::Not(Box::new(test.clone())), test])
        .collect();
        let mut n_ruled_out = 0;
        for a in &tests {
            for b in &tests {
                for c in &tests {
                    let any = Filter::Any(vec![b.clone(), c.clone()]);
                    let filter = Filter::All(vec![a.clone(), any]);
                    let query = Query::of(filter.clone());
                    if kinds.rule_out(&query) {
                        n_ruled_out += 1;
                        assert!(!events.iter().any(|e| query.admits(e)), "{query:?}");
                    }
                    let also = Query::of(Filter::All(vec![a.clone(), b.clone(), c.clone()]));
                    assert!(!kinds.rule_out(&also) || !events.iter().any(|e| also.admits(e)));
                }
            }
        }
        assert!(n_ruled_out > 100, "{n_ruled_out}");
        let stray = Filter::All(vec![
            eq(Column::Source, "db"),
            Filter::Column(Column::Trace, Test::Absent),
            Filter::Not(Box::new(eq(Column::Class, "login"))),
        ]);
        assert!(kinds.rule_out(&Query::of(stray)));
    }

    #[test]
    fn a_lake_that_does_not_say_rules_nothing_out() {
        let nothing = Query::of(eq(Column::Source, "nowhere"));
        let mut kinds = Kinds::of([event("db", "", "", "")].iter());
        assert!(kinds.rule_out(&nothing));
        kinds.merge(&Kinds::default());
        assert!(!kinds.rule_out(&nothing));
        let many: Vec<Event> = (0..=MOST).map(|n| event(&n.to_string(), "", "", "")).collect();
        assert_eq!(Kinds::of(many.iter()), Kinds::default());
    }

    #[test]
    fn merging_in_any_order_is_the_same() {
        let of = |users: std::ops::Range<usize>| {
            let events: Vec<Event> = users.map(|n| event("app", "x", &n.to_string(), "")).collect();
            Kinds::of(events.iter())
        };
        let parts = [of(0..10), of(10..50), of(50..55)];
        let merged = |order: [usize; 3]| {
            let mut all = Kinds::NONE;
            order.iter().for_each(|nth| all.merge(&parts[*nth]));
            all
        };
        assert_eq!(merged([0, 1, 2]), merged([2, 0, 1]));
        assert_eq!(merged([0, 1, 2]), of(0..55));
    }
}
