//! Paths of the package, and the operations in the logs that they are.

use super::answer::{Exposure, Fit, RouteUse};
use super::clients::Clients;
use super::coverage::Sight;
use super::{Address, Asked};
use crate::Error;
use crate::map::{Basis, DataMap, ReachContext};
use ambit_event::{Column, Event};
use ambit_lake::{Distinct, Filter, Lake, Query};
use std::collections::{BTreeMap, BTreeSet};

/// Operations that are compared, and told.
const OPERATIONS: usize = 20_000;
const ROUTES: usize = 200;
/// Records of an operation that the map is asked about.
const SAMPLE: usize = 64;
/// Unused paths that are told one by one.
const UNUSED: usize = 30;
/// Segments of a path.
const SEGMENTS: usize = 40;

/// A path in segments: `None` for one that something else goes into.
struct Shape<'a> {
    segments: Vec<Option<&'a str>>,
    /// Begins with a slash: nothing stands before it.
    is_whole: bool,
    /// Ends with a slash: something is joined.
    is_open: bool,
}

impl<'a> Shape<'a> {
    /// `None` for a path that tells nothing: the root, or variable parts alone.
    fn of(path: &'a str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let inner = path.trim_matches('/');
        let segments: Vec<Option<&str>> = inner.split('/').map(literal).collect();
        let told = segments.iter().flatten().any(|text| !text.is_empty());
        (told && segments.len() <= SEGMENTS && !segments.contains(&Some(""))).then_some(Self {
            segments,
            is_whole: path.starts_with('/'),
            is_open: path.ends_with('/'),
        })
    }

    /// How it fits an operation's path.
    fn fits(&self, operation: &Self) -> Option<Fit> {
        let (own, theirs) = (&self.segments, &operation.segments);
        let alike =
            |a: &[Option<&str>], b: &[Option<&str>]| a.iter().zip(b).all(|(a, b)| a == b || a.is_none());
        let over = theirs.len().checked_sub(own.len())?;
        if over == 0 {
            return alike(own, theirs).then_some(Fit::Whole);
        }
        // One word of a path is too little to tell it by its end.
        let tells = own.iter().flatten().count() > 1;
        if !self.is_whole && tells && alike(own, theirs.get(over..)?) {
            return Some(Fit::End);
        }
        (self.is_open && alike(own, theirs)).then_some(Fit::Beginning)
    }
}

/// The segment where it stands fixed: not `{id}`, `:id`, `%s`, `%1$d`, `$id`.
fn literal(segment: &str) -> Option<&str> {
    let is_hole = segment.starts_with([':', '$', '%', '<']) || segment.contains(['{', '}']) || segment == "*";
    (!is_hole).then_some(segment)
}

/// What an operation of the logs is: `GET /v1/users/{id}`.
fn path_of(operation: &str) -> Option<&str> {
    let (method, path) = operation.split_once(' ')?;
    (method.bytes().all(|b| b.is_ascii_uppercase()) && path.starts_with('/')).then_some(path)
}

/// The operations that one of these addresses fits, each with the address that fits it best.
pub fn fitting<'a>(
    operations: &'a [Distinct],
    addresses: &[&'a Address],
) -> BTreeMap<&'a str, (Fit, &'a Address)> {
    // By their first and last words, so that not every path is compared with every operation.
    let shapes: Vec<(Shape<'a>, &Address)> = addresses
        .iter()
        .filter_map(|address| Some((Shape::of(&address.path)?, *address)))
        .collect();
    let mut by_word: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (n, (shape, _)) in shapes.iter().enumerate() {
        if let Some(word) = shape.segments.iter().flatten().max_by_key(|word| word.len()) {
            by_word.entry(word).or_default().push(n);
        }
    }
    let mut found: BTreeMap<&str, (Fit, &Address)> = BTreeMap::new();
    for operation in operations.iter().filter_map(|d| d.value.as_deref()) {
        let Some(theirs) = path_of(operation).and_then(Shape::of) else {
            continue;
        };
        let near: BTreeSet<usize> = theirs
            .segments
            .iter()
            .flatten()
            .filter_map(|word| by_word.get(word))
            .flatten()
            .copied()
            .collect();
        let best = near
            .into_iter()
            .filter_map(|n| shapes.get(n))
            .filter_map(|(shape, address)| Some((shape.fits(&theirs)?, shape.segments.len(), *address)))
            .min_by(|a, b| (a.0, std::cmp::Reverse(a.1), a.2).cmp(&(b.0, std::cmp::Reverse(b.1), b.2)));
        if let Some((fit, _, address)) = best {
            found.insert(operation, (fit, address));
        }
    }
    found
}

/// The operations of requests, the most frequent first where there are too many.
pub async fn operations(lake: &Lake, clients: &Clients) -> Result<Vec<Distinct>, Error> {
    let query = Query::of(requests(clients));
    let mut all = lake.distinct(&[Column::Operation], &query).await?;
    all.retain(|d| d.value.is_some());
    if all.len() > OPERATIONS {
        all.sort_by(|a, b| (b.n_events, &a.value).cmp(&(a.n_events, &b.value)));
        all.truncate(OPERATIONS);
    }
    Ok(all)
}

/// Records of requests, each request once where only one source tells the client's version.
pub fn requests(clients: &Clients) -> Filter {
    Filter::All(vec![
        Filter::one_of(Column::Source, clients.asked_at().iter()),
        Filter::Not(Box::new(Filter::eq(Column::Class, "datastore_activity"))),
    ])
}

pub async fn join(
    lake: &Lake,
    asked: &Asked<'_>,
    map: &DataMap,
    clients: &Clients,
    sight: &Sight,
    out: &mut Exposure,
) -> Result<(), Error> {
    let operations = operations(lake, clients).await?;
    if operations.len() == OPERATIONS {
        out.unanswered.push(format!(
            "the logs hold more than {OPERATIONS} operations: the rarest were not compared with the package's paths"
        ));
    }
    let addresses: Vec<&Address> = asked.release.addresses.iter().collect();
    let found = fitting(&operations, &addresses);
    let mut hits: Vec<(&Distinct, Fit, &Address)> = operations
        .iter()
        .filter_map(|d| {
            let (fit, address) = found.get(d.value.as_deref()?)?;
            Some((d, *fit, *address))
        })
        .collect();
    hits.sort_by(|a, b| (b.0.n_events, &a.0.value).cmp(&(a.0.n_events, &b.0.value)));
    if hits.len() > ROUTES {
        out.unanswered.push(format!(
            "{} operations fit the package's paths: the {ROUTES} with the most requests are told",
            hits.len()
        ));
    }
    for (distinct, fit, address) in hits.into_iter().take(ROUTES) {
        out.routes
            .push(used(lake, map, clients, sight, distinct, fit, address).await?);
    }
    let used: BTreeSet<&str> = found.values().map(|(_, address)| address.path.as_str()).collect();
    let unused: BTreeSet<&str> = addresses
        .iter()
        .filter(|address| Shape::of(&address.path).is_some())
        .map(|address| address.path.as_str())
        .filter(|path| !used.contains(path))
        .collect();
    out.n_unused = unused.len() as u64;
    out.unused = unused.into_iter().take(UNUSED).map(str::to_owned).collect();
    Ok(())
}

async fn used(
    lake: &Lake,
    map: &DataMap,
    clients: &Clients,
    sight: &Sight,
    distinct: &Distinct,
    fit: Fit,
    address: &Address,
) -> Result<RouteUse, Error> {
    let operation = distinct.value.clone().unwrap_or_default();
    let of = |more: Filter| {
        Query::of(Filter::All(vec![
            Filter::eq(Column::Operation, &operation),
            requests(clients),
            more,
        ]))
    };
    let n_counted = lake.count(&of(clients.certain())).await?;
    let n_foreign = lake.count(&of(Filter::Not(Box::new(clients.of_app())))).await?;
    let sample = lake.events(&of(Filter::everything()).limited(SAMPLE)).await?;
    let mut row = RouteUse {
        n_requests: sight.bounds(distinct.n_events, Some(0), Vec::new()),
        operation,
        path: address.text.clone(),
        fit,
        place: address.place.clone(),
        n_counted,
        n_foreign,
        seen: distinct.seen,
        mapped: BTreeSet::new(),
        classes: BTreeSet::new(),
        is_unmapped: false,
    };
    behind(map, &sample, &mut row);
    Ok(row)
}

/// The data map's operations and classes behind these records.
fn behind(map: &DataMap, sample: &[Event], row: &mut RouteUse) {
    if map.stores.is_empty() {
        return;
    }
    for event in sample {
        let reach = map.reach(event, &ReachContext::default());
        match &reach.operation {
            Some(name) => {
                row.mapped.insert(name.clone());
                let told = map.operations.iter().filter(|o| &o.name == name);
                row.classes.extend(told.flat_map(|o| o.classes.iter().cloned()));
            }
            None => row.is_unmapped |= reach.basis == Basis::Unmapped,
        }
        row.classes.extend(event.data_classes.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(path: &str, operation: &str) -> Option<Fit> {
        Shape::of(path)?.fits(&Shape::of(path_of(operation)?)?)
    }

    #[test]
    fn paths_fit_operations_as_far_as_they_tell() {
        let profile = "GET /v1/users/{id}/profile";
        for (path, expected) in [
            ("/v1/users/{user}/profile", Some(Fit::Whole)),
            ("/v1/users/%s/profile", Some(Fit::Whole)),
            ("/v1/users/:id/profile?full=1", Some(Fit::Whole)),
            ("users/{id}/profile", Some(Fit::End)),
            ("/users/{id}/profile", None),
            ("profile", None),
            ("/v1/users/", Some(Fit::Beginning)),
            ("/v1/users", None),
            ("/v1/", Some(Fit::Beginning)),
            ("/", None),
            ("/{a}/{b}/{c}/{d}", None),
            ("/v1/users/7/profile", None),
            ("/v1/users/{id}/profile/photo", None),
            ("", None),
        ] {
            assert_eq!(fit(path, profile), expected, "{path}");
        }
        assert_eq!(fit("/v1/login", "SELECT"), None);
    }
}
