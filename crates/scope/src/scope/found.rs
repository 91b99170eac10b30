//! Findings as seeds, and what they tell of when somebody noticed.

use crate::trace::Trace;
use crate::{Error, Grade, Seed};
use ambit_event::{FindingId, Level, Noticed, Observable, ObservableKind, Timestamp};

/// The seeds with each finding replaced by the events that made it.
pub(super) fn events_of(seeds: &[Seed], found: &[Noticed]) -> Result<Vec<Seed>, Error> {
    let mut all = Vec::with_capacity(seeds.len());
    for seed in seeds {
        if seed.observable.kind != ObservableKind::Finding {
            all.push(seed.clone());
            continue;
        }
        let events = &of_seed(seed, found)?.finding.events;
        if events.is_empty() {
            return Err(Error::Seed {
                text: seed.observable.to_string(),
                expected: "it is about records that are missing, and no event made it".to_owned(),
            });
        }
        all.extend(events.iter().map(|event| Seed {
            observable: Observable::new(ObservableKind::Event, event.to_string()),
            ..seed.clone()
        }));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

fn of_seed<'f>(seed: &Seed, found: &'f [Noticed]) -> Result<&'f Noticed, Error> {
    let id = FindingId::parse(&seed.observable.value).ok();
    let noticed = found.iter().find(|noticed| Some(noticed.finding.id) == id);
    noticed.ok_or_else(|| Error::NoFinding {
        id: seed.observable.value.chars().take(80).collect(),
    })
}

/// What the answer takes for granted of the findings that are seeds.
pub(super) fn taken_for_granted(seeds: &[Seed], found: &[Noticed]) -> Vec<String> {
    let mut said = Vec::new();
    for seed in seeds
        .iter()
        .filter(|seed| seed.observable.kind == ObservableKind::Finding)
    {
        let Ok(noticed) = of_seed(seed, found) else {
            continue;
        };
        let finding = &noticed.finding;
        said.push(format!(
            "{} is `{}` over {} events",
            seed.observable, finding.title, finding.n_events
        ));
        let n_listed = finding.events.len() as u64;
        if n_listed < finding.n_events {
            said.push(format!(
                "{} keeps the first {n_listed} of its {} events: the others are no seeds",
                seed.observable, finding.n_events
            ));
        }
        if let Some(at) = noticed.withdrawn_at {
            said.push(format!(
                "{} was withdrawn on {at}, and is a seed all the same",
                seed.observable
            ));
        }
    }
    said
}

/// When the first finding was noted that is over an event of the intruder's, and what says so. What is only possibly
/// the intruder's tells nothing of it, nor does what its rule calls informational.
pub(super) fn first_noticed(trace: &Trace<'_>, found: &[Noticed]) -> (Option<Timestamp>, String) {
    let weighs = |noticed: &&Noticed| {
        noticed.withdrawn_at.is_none()
            && noticed
                .finding
                .level
                .is_none_or(|level| level > Level::Informational)
    };
    let standing: Vec<&Noticed> = found.iter().filter(weighs).collect();
    if standing.is_empty() {
        let why = "the lake keeps no finding (`ambit hunt` looks for some), so nothing tells when it was first noticed";
        return (None, why.to_owned());
    }
    let n_of = |noticed: &Noticed, least: Grade| {
        let attributed = noticed
            .finding
            .events
            .iter()
            .filter_map(|id| trace.attributed.get(id));
        attributed.filter(|carried| carried.grade >= least).count()
    };
    let over = |least: Grade| {
        let over = standing.iter().filter(move |noticed| n_of(noticed, least) > 0);
        over.min_by_key(|noticed| (noticed.noticed_at, noticed.finding.time, noticed.finding.id))
    };
    match (over(Grade::Probable), over(Grade::Possible)) {
        (Some(first), _) => (
            Some(first.noticed_at),
            said(first, n_of(first, Grade::Probable), ""),
        ),
        (None, Some(first)) => {
            let said = said(
                first,
                n_of(first, Grade::Possible),
                ", all of them only possibly the intruder's",
            );
            (None, format!("{said}; noted {}", first.noticed_at))
        }
        (None, None) => {
            let why = format!(
                "none of the {} findings in the lake is over an attributed event",
                standing.len()
            );
            (None, why)
        }
    }
}

fn said(noticed: &Noticed, n_events: usize, how: &str) -> String {
    let finding = &noticed.finding;
    let level = finding.level.map_or("no level", Level::name);
    let events = match n_events {
        1 => "1 attributed event".to_owned(),
        n => format!("{n} attributed events"),
    };
    format!(
        "`{}` ({level}) is over {events}{how}: finding {}",
        finding.title, finding.id
    )
}
