//! From keys to persons: how many are provably distinct, and how many they can be at most.

use super::model::{DataMap, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// The persons of one subject domain.
#[derive(Debug, Clone, Default)]
pub struct Persons {
    population: Option<u64>,
    distinct: bool,
    per_key: u64,
    /// Key to the least key of its person, for keys that have an alias.
    canonical: BTreeMap<String, String>,
}

impl DataMap {
    /// The persons of a subject domain; of one that the map does not know, nothing is assumed.
    #[must_use]
    pub fn persons(&self, subject: &str) -> Persons {
        let Some(subject) = self.subject(subject) else {
            return Persons {
                per_key: 1,
                ..Persons::default()
            };
        };
        Persons {
            population: subject.population,
            distinct: subject.distinct,
            per_key: subject.persons_per_key.max(1),
            canonical: subject.merged_keys(),
        }
    }
}

impl Subject {
    /// Each key that has an alias, to the least key of its person.
    pub(super) fn merged_keys(&self) -> BTreeMap<String, String> {
        merge(&self.alias)
    }
}

impl Persons {
    /// Persons in the domain; `None` where nobody knows.
    #[must_use]
    pub const fn population(&self) -> Option<u64> {
        self.population
    }

    /// The key by which this person is named: the least of its aliases.
    #[must_use]
    pub fn canonical<'k>(&'k self, key: &'k str) -> &'k str {
        self.canonical.get(key).map_or(key, String::as_str)
    }

    /// The keys with each person's aliases made one.
    #[must_use]
    pub fn merged(&self, keys: &BTreeSet<String>) -> BTreeSet<String> {
        keys.iter().map(|key| self.canonical(key).to_owned()).collect()
    }

    /// Persons that are provably distinct: one per alias class where the map asserts that keys are
    /// distinct, else one where there is any.
    #[must_use]
    pub fn at_least(&self, keys: &BTreeSet<String>) -> u64 {
        self.n_at_least(count(&self.merged(keys)))
    }

    /// The same of so many keys, none of them an alias of another.
    #[must_use]
    pub fn n_at_least(&self, n: u64) -> u64 {
        if self.distinct { n } else { n.min(1) }
    }

    /// The most persons that one key can stand for.
    #[must_use]
    pub const fn per_key(&self) -> u64 {
        self.per_key
    }

    /// Persons that these keys can stand for: unmerged keys times the persons that a key can stand
    /// for, and never more than the population.
    #[must_use]
    pub fn at_most(&self, keys: &BTreeSet<String>) -> u64 {
        let most = count(&self.merged(keys)).saturating_mul(self.per_key);
        self.population.map_or(most, |all| most.min(all))
    }
}

fn count(keys: &BTreeSet<String>) -> u64 {
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}

/// Union-find over the groups: each key to the least key of its class.
fn merge(groups: &[Vec<String>]) -> BTreeMap<String, String> {
    let mut parent: BTreeMap<&str, &str> = BTreeMap::new();
    for group in groups {
        for pair in group.windows(2) {
            let (a, b) = (root(&mut parent, &pair[0]), root(&mut parent, &pair[1]));
            parent.insert(a.max(b), a.min(b));
        }
    }
    let keys: Vec<&str> = parent.keys().copied().collect();
    keys.into_iter()
        .map(|key| (key.to_owned(), root(&mut parent, key).to_owned()))
        .collect()
}

/// The least key of a key's class, with the path to it halved on the way.
fn root<'k>(parent: &mut BTreeMap<&'k str, &'k str>, key: &'k str) -> &'k str {
    let mut at = key;
    loop {
        let up = *parent.entry(at).or_insert(at);
        if up == at {
            return at;
        }
        let above = *parent.entry(up).or_insert(up);
        parent.insert(at, above);
        at = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persons(distinct: bool, per_key: u64, population: Option<u64>) -> Persons {
        let group = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect();
        let subject = Subject {
            name: "user".into(),
            population,
            distinct,
            persons_per_key: per_key,
            keys: None,
            alias: vec![
                group(&["b", "a"]),
                group(&["c", "d"]),
                group(&["d", "a"]),
                group(&["z"]),
            ],
            aliases: None,
            lived: None,
        };
        DataMap {
            subjects: vec![subject],
            ..DataMap::default()
        }
        .persons("user")
    }

    fn keys(text: &str) -> BTreeSet<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn aliases_are_one_person() {
        let p = persons(true, 1, None);
        assert_eq!(p.canonical("c"), "a");
        for (given, least, most) in [("", 0, 0), ("a b c d", 1, 1), ("a x", 2, 2), ("x y z", 3, 3)] {
            assert_eq!(
                (p.at_least(&keys(given)), p.at_most(&keys(given))),
                (least, most),
                "{given}"
            );
        }
    }

    #[test]
    fn keys_that_nobody_called_distinct_may_be_one_person() {
        let p = persons(false, 3, Some(4));
        for (given, least, most) in [("", 0, 0), ("x", 1, 3), ("x y", 1, 4)] {
            assert_eq!(
                (p.at_least(&keys(given)), p.at_most(&keys(given))),
                (least, most),
                "{given}"
            );
        }
    }

    #[test]
    fn an_unknown_domain_assumes_nothing() {
        let p = DataMap::default().persons("ghost");
        assert_eq!(
            (p.at_least(&keys("a b")), p.at_most(&keys("a b")), p.population()),
            (1, 2, None)
        );
    }
}
