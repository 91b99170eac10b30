//! How many of the persons reached live where: the bounds of the scope, cut by a table of residences.

use crate::bounds::{Domain, Tally};
use crate::map::{DataMap, LivedTable, Persons, Territory, Within};
use crate::{Bounds, Residence, Subjects, TableOfResidence};
use std::collections::{BTreeMap, BTreeSet};

/// `None` where no table says where anybody lives.
pub fn residence(tally: &Tally, map: &DataMap, subjects: &Subjects) -> Option<Residence> {
    let tables = tables(map);
    if tables.is_empty() {
        return None;
    }
    let reached: Vec<Reached> = tally
        .domains()
        .into_iter()
        .map(|(subject, domain)| Reached::of(map, subject, &domain))
        .collect();
    let all: BTreeSet<Territory> = map
        .subjects
        .iter()
        .filter_map(table)
        .flat_map(|table| table.counted().into_keys().flatten().cloned().collect::<Vec<_>>())
        .collect();
    let bounds = |asked: &Asked<'_>| over(&reached, subjects, asked);
    let around: BTreeSet<Territory> = all.iter().flat_map(Territory::and_around).collect();
    let places = around
        .iter()
        .map(|place| (place.to_string(), bounds(&Asked::Listed(place))))
        .collect();
    let mut unlisted = BTreeMap::from([(String::new(), bounds(&Asked::Anywhere))]);
    for country in around.iter().filter(|place| !place.has_region()) {
        unlisted.insert(country.to_string(), bounds(&Asked::PartOf(country)));
    }
    Some(Residence {
        tables,
        persons: named(tally, map),
        places,
        unlisted,
    })
}

fn table(subject: &crate::map::Subject) -> Option<&LivedTable> {
    subject.lived.as_ref()?.table.as_deref()
}

fn tables(map: &DataMap) -> Vec<TableOfResidence> {
    let each = map.subjects.iter().filter_map(|subject| {
        let lived = subject.lived.as_ref()?;
        let table = table(subject)?;
        let counted = table.counted();
        Some(TableOfResidence {
            subject: subject.name.clone(),
            file: lived.name(),
            columns: lived.columns.clone(),
            at: lived.at,
            sha256: table.sha256.clone(),
            n_persons: counted.values().sum(),
            n_unknown: counted.get(&None).copied().unwrap_or(0),
        })
    });
    each.collect()
}

/// Persons whom records name, with where they live.
fn named(tally: &Tally, map: &DataMap) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (subject, domain) in tally.domains() {
        let Some(table) = map.subject(subject).and_then(table) else {
            continue;
        };
        for key in &domain.all {
            if let Some(place) = table.place(key) {
                all.insert(format!("{subject}:{key}"), place.to_string());
            }
        }
    }
    all
}

/// The place that is asked about.
enum Asked<'a> {
    Listed(&'a Territory),
    /// Another part of this one, in which nobody is known to live.
    PartOf(&'a Territory),
    /// A place in which nobody is known to live, and that lies in none of those that are known.
    Anywhere,
}

impl Asked<'_> {
    fn lives(&self, place: Option<&Territory>) -> Within {
        match (self, place) {
            (_, None) => Within::Perhaps,
            (Self::Listed(asked), Some(place)) => place.within(asked),
            (Self::PartOf(whole), Some(place)) if place == *whole => Within::Perhaps,
            (Self::PartOf(_) | Self::Anywhere, Some(_)) => Within::No,
        }
    }
}

/// Persons of one domain, by where they live.
#[derive(Default)]
struct Counts {
    confirmed: u64,
    all: u64,
    /// Everybody of the table, reached or not.
    table: u64,
}

struct Reached {
    persons: Persons,
    by: BTreeMap<Option<Territory>, Counts>,
    unnamed: Option<u64>,
    /// The bounds of the whole domain.
    at_most: Option<u64>,
}

impl Reached {
    fn of(map: &DataMap, subject: &str, domain: &Domain) -> Self {
        let persons = map.persons(subject);
        let table = map.subject(subject).and_then(table);
        let mut by: BTreeMap<Option<Territory>, Counts> = BTreeMap::new();
        for key in &domain.all {
            let counts = by.entry(table.and_then(|table| table.place(key)).cloned());
            let counts = counts.or_default();
            counts.all += 1;
            counts.confirmed += u64::from(domain.confirmed.contains(key));
        }
        for (place, n) in table.map(LivedTable::counted).unwrap_or_default() {
            by.entry(place.cloned()).or_default().table = n;
        }
        let (_, at_most) = domain.bounds(&persons);
        Self {
            persons,
            by,
            unnamed: domain.unnamed,
            at_most,
        }
    }

    /// Keys are of one person each, as far as they can be told apart; behind a key of somebody who lives elsewhere
    /// another person may live here.
    fn bounds(&self, asked: &Asked<'_>) -> (u64, Option<u64>) {
        let (mut here, mut perhaps, mut elsewhere, mut away) = (0, 0u64, 0u64, 0);
        for (place, counts) in &self.by {
            match asked.lives(place.as_ref()) {
                Within::Yes => {
                    here += counts.confirmed;
                    perhaps += counts.all;
                }
                Within::Perhaps => perhaps += counts.all,
                Within::No => {
                    elsewhere += counts.all;
                    away += counts.table;
                }
            }
        }
        let least = self.persons.n_at_least(here);
        let behind = self.persons.per_key();
        let named = perhaps
            .saturating_mul(behind)
            .saturating_add(elsewhere.saturating_mul(behind.saturating_sub(1)));
        let most = self.unnamed.map(|n| named.saturating_add(n));
        // Whoever the table knows elsewhere is none of those here.
        let living = self
            .persons
            .population()
            .map(|all| all.saturating_sub(self.persons.n_at_least(away)).max(least));
        let most = [most, living, self.at_most].into_iter().flatten().min();
        (least, most.map(|most| most.max(least)))
    }
}

fn over(reached: &[Reached], subjects: &Subjects, asked: &Asked<'_>) -> Bounds {
    let mut at_least = 0;
    let mut at_most = Some(0u64);
    for domain in reached {
        let (least, most) = domain.bounds(asked);
        at_least = at_least.max(least);
        at_most = at_most.zip(most).map(|(a, b)| a.saturating_add(b));
    }
    // Where the question has no answer nothing bounds a part of it either.
    let at_most = subjects
        .at_most
        .map(|all| at_most.map_or(all, |most| most.min(all)).max(at_least));
    let because = if at_most == Some(at_least) {
        Vec::new()
    } else {
        subjects.because.clone()
    };
    Bounds {
        at_least,
        at_most,
        because,
    }
}
