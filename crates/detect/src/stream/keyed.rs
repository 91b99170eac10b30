//! All groups of one rule: found by key, bounded in number, and given up where too many live.

use super::clock::Clock;
use super::fold::{Fold, Stamp};
use super::group::{Change, Group, Hand, Taken};
use ahash::RandomState;
use ambit_event::Timestamp;
use serde::Serialize;
use std::collections::HashMap;

/// What tells the groups of a rule apart.
pub(crate) type Key = Box<[Box<str>]>;

/// What a rule over several events could not do, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Groups that are kept now.
    pub n_groups: u64,
    /// Groups that were given up although they could have mattered, because too many lived.
    pub n_evicted: u64,
    /// Members that came later than the allowed lateness, and were left out.
    pub n_too_late: u64,
    /// Members that were left out because a window held too many.
    pub n_clipped: u64,
    /// Times that a group held too many late members, and waited no longer for earlier ones.
    pub n_crowded: u64,
}

impl Limits {
    /// Whether nothing was left out.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.n_evicted + self.n_too_late + self.n_clipped + self.n_crowded == 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.n_groups += other.n_groups;
        self.n_evicted += other.n_evicted;
        self.n_too_late += other.n_too_late;
        self.n_clipped += other.n_clipped;
        self.n_crowded += other.n_crowded;
    }
}

pub(crate) struct Keyed<F: Fold> {
    pub fold: F,
    rule: String,
    /// In boxes, so that a table that is twice as large as it need be is small.
    groups: HashMap<Key, Box<Group<F>>, RandomState>,
    most: usize,
    limits: Limits,
}

impl<F: Fold> Keyed<F> {
    pub fn new(rule: &str, fold: F, most: usize) -> Self {
        Self {
            fold,
            rule: rule.to_owned(),
            groups: HashMap::default(),
            most: most.max(1),
            limits: Limits::default(),
        }
    }

    pub fn limits(&self) -> Limits {
        Limits {
            n_groups: self.groups.len() as u64,
            ..self.limits
        }
    }

    /// Takes in a member, and tells what it changes: in its own group, and in those that are forgotten for it.
    pub fn take(
        &mut self,
        key: &Key,
        at: Stamp,
        member: F::Member,
        clock: &Clock,
    ) -> Vec<(Key, Vec<Change>)> {
        if at.time < clock.horizon() {
            self.limits.n_too_late += 1;
            return Vec::new();
        }
        let rule = (&self.fold, self.rule.as_str());
        if let Some(group) = self.groups.get_mut(key) {
            let changes = taken(group, at, member, rule, key, clock, &mut self.limits);
            return of_key(key, changes).into_iter().collect();
        }
        let mut told = match self.groups.len() >= self.most {
            true => self.make_room(clock),
            false => Vec::new(),
        };
        let mut group = Box::new(Group::new());
        let rule = (&self.fold, self.rule.as_str());
        let changes = taken(&mut group, at, member, rule, key, clock, &mut self.limits);
        self.groups.insert(key.clone(), group);
        told.extend(of_key(key, changes));
        told
    }

    /// Takes a member out again, where it is not too late for that.
    pub fn retract(&mut self, key: &Key, at: Stamp, clock: &Clock) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(group) = self.groups.get_mut(key) else {
            return changes;
        };
        let rule = (&self.fold, self.rule.as_str());
        let mut hand = hand(rule, key, clock, &mut changes, &mut self.limits);
        group.retract(at, &mut hand);
        changes
    }

    /// Tells what remains to be told of groups that are over, and forgets them. Ordered by key.
    pub fn sweep(&mut self, clock: &Clock) -> Vec<(Key, Vec<Change>)> {
        self.each(clock, |group, hand| group.is_over(hand))
    }

    /// Tells what the groups make by now, as if nothing more came, and keeps them. Ordered by key.
    pub fn catch_up(&mut self, clock: &Clock) -> Vec<(Key, Vec<Change>)> {
        self.each(clock, |group, hand| {
            group.catch_up(hand);
            false
        })
    }

    /// Tells what remains to be told of all groups, as nothing more comes, and forgets them. Ordered by key.
    pub fn finish(&mut self, clock: &Clock) -> Vec<(Key, Vec<Change>)> {
        self.each(clock, |group, hand| {
            group.refold(hand);
            true
        })
    }

    /// Asks each group; those that answer yes are forgotten.
    fn each(
        &mut self,
        clock: &Clock,
        mut ask: impl FnMut(&mut Group<F>, &mut Hand<'_, F>) -> bool,
    ) -> Vec<(Key, Vec<Change>)> {
        let mut told = Vec::new();
        let (rule, limits) = ((&self.fold, self.rule.as_str()), &mut self.limits);
        self.groups.retain(|key, group| {
            let mut changes = Vec::new();
            let is_over = ask(group, &mut hand(rule, key, clock, &mut changes, limits));
            if !changes.is_empty() {
                told.push((key.clone(), changes));
            }
            !is_over
        });
        told.sort_by(|(a, _), (b, _)| a.cmp(b));
        told
    }

    /// Forgets what is over; where that is not enough, the tenth of the groups of which nothing was seen for longest.
    fn make_room(&mut self, clock: &Clock) -> Vec<(Key, Vec<Change>)> {
        let mut told = self.sweep(clock);
        if self.groups.len() < self.most {
            return told;
        }
        for key in self.oldest((self.groups.len() / 10).max(1)) {
            let Some(mut group) = self.groups.remove(&key) else {
                continue;
            };
            self.limits.n_evicted += 1;
            let mut changes = Vec::new();
            let rule = (&self.fold, self.rule.as_str());
            group.refold(&mut hand(rule, &key, clock, &mut changes, &mut self.limits));
            told.push((key, changes));
        }
        told
    }

    /// The keys of so many groups of which nothing was seen for longest.
    fn oldest(&self, n: usize) -> Vec<Key> {
        let groups = self.groups.iter();
        let mut by_age: Vec<(Timestamp, &Key)> = groups.map(|(key, group)| (group.newest(), key)).collect();
        if n < by_age.len() {
            by_age.select_nth_unstable(n);
            by_age.truncate(n);
        }
        by_age.sort_unstable();
        by_age.into_iter().map(|(_, key)| key.clone()).collect()
    }
}

/// Takes a member into its group, and tells what that changes.
fn taken<F: Fold>(
    group: &mut Group<F>,
    at: Stamp,
    member: F::Member,
    rule: (&F, &str),
    key: &Key,
    clock: &Clock,
    limits: &mut Limits,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let taken = group.take(at, member, &mut hand(rule, key, clock, &mut changes, limits));
    limits.n_too_late += u64::from(taken == Taken::TooLate);
    changes
}

fn of_key(key: &Key, changes: Vec<Change>) -> Option<(Key, Vec<Change>)> {
    (!changes.is_empty()).then(|| (key.clone(), changes))
}

/// What is needed to take something into a group of the rule, which is given by its fold and its name.
fn hand<'a, F: Fold>(
    (fold, rule): (&'a F, &'a str),
    key: &'a [Box<str>],
    clock: &Clock,
    changes: &'a mut Vec<Change>,
    limits: &'a mut Limits,
) -> Hand<'a, F> {
    Hand {
        fold,
        rule,
        key,
        horizon: clock.horizon(),
        now: clock.now(),
        changes,
        n_clipped: &mut limits.n_clipped,
        n_crowded: &mut limits.n_crowded,
    }
}
