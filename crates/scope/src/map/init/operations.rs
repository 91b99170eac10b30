//! The operations of a proposal: kinds of requests and calls.

use super::guess::{grammar, is_person, names};
use super::page::{Page, quoted};
use super::{Proposal, Route};
use crate::map::route;
use ambit_event::printable;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl Proposal {
    pub(super) fn operations(&self, page: &mut Page) {
        let mut taken = BTreeSet::new();
        let routes = self
            .routes
            .iter()
            .map(|((source, name), r)| (source, name, r.n_events));
        let calls = self.calls.iter().map(|((source, name), n)| (source, name, *n));
        let kept = Kept::of(routes.chain(calls));
        for ((source, template), route) in &self.routes {
            if kept.holds(source, template) {
                self.operation(source, template, route, &mut taken, page);
            }
        }
        for ((source, name), n) in &self.calls {
            if kept.holds(source, name) {
                self.called(source, name, *n, &mut taken, page);
            }
        }
        kept.tell(page);
    }

    fn called(&self, source: &str, name: &str, n: u64, taken: &mut BTreeSet<String>, page: &mut Page) {
        page.line(format!("\n[[operation]]   # seen {n} times"));
        page.line(format!(
            "name = {}\nsource = {}\napi = {}",
            quoted(&unique(name, taken)),
            quoted(source),
            quoted(name)
        ));
        page.line(format!("store = {}", quoted(&self.store_of(source))));
        page.line(
            "subjects = \"everyone\"   # ? whose data does it reach: path.X of `resource = \"…/{X}\"`, field.X, actor.user, subject_refs, none",
        );
        page.line("classes = []   # ? which classes");
    }

    fn operation(
        &self,
        source: &str,
        template: &str,
        route: &Route,
        taken: &mut BTreeSet<String>,
        page: &mut Page,
    ) {
        let names = names(template);
        let Some((method, path)) = template.split_once(' ') else {
            return;
        };
        let matched = format!("{method} {}", with_names(path, &names));
        if route::Route::parse(&matched).is_err() {
            page.line(format!(
                "\n# Not proposed, for it is no route: {} (seen {} times)",
                printable(&matched, 120),
                route.n_events
            ));
            return;
        }
        page.line(format!(
            "\n[[operation]]   # seen {} times, largest answer {} bytes",
            route.n_events, route.most_bytes
        ));
        page.line(format!(
            "name = {}\nsource = {}\nmatch = {}",
            quoted(&unique(&matched, taken)),
            quoted(source),
            quoted(&matched)
        ));
        page.line(format!("store = {}", quoted(&self.store_of(source))));
        page.line(self.whose(source, &names, route));
        page.line("classes = []   # ? which classes does it return or change");
        page.line(effect_of(method));
        if let Some(parameters) = parameters_of(&names, route) {
            page.line(parameters);
        }
        page.line("# max_records = 1   # ? the most records and bytes that one answer can hold");
        page.line(format!("# max_bytes = {}", route.most_bytes.max(0)));
    }

    fn whose(&self, source: &str, names: &BTreeMap<usize, String>, route: &Route) -> String {
        if let Some(name) = names.values().find(|name| is_person(name)) {
            return format!("subjects = {}", quoted(&format!("path.{name}")));
        }
        let joined = self
            .traces
            .values()
            .any(|all| all.contains(source) && self.tables.keys().any(|db| all.contains(db)));
        let session = if route.sessions { "session.account, " } else { "" };
        if joined {
            return format!("subjects = \"statements\"   # ? or {session}everyone, none");
        }
        format!("subjects = \"everyone\"   # ? or {session}query.X, none")
    }
}

/// The operations of each source that are proposed: the most frequent, for whoever sends requests can make up
/// any number of kinds.
struct Kept<'p> {
    by_source: BTreeMap<&'p str, BTreeSet<&'p str>>,
    /// How many kinds of a source are left out, and how often the most frequent of them was seen.
    left_out: BTreeMap<&'p str, (usize, u64)>,
}

/// The most operations of one source that a person reads through.
const MOST_KEPT: usize = 200;

impl<'p> Kept<'p> {
    fn of(seen: impl Iterator<Item = (&'p String, &'p String, u64)>) -> Self {
        let mut all: BTreeMap<&str, Vec<(Reverse<u64>, &str)>> = BTreeMap::new();
        for (source, name, n) in seen {
            all.entry(source).or_default().push((Reverse(n), name));
        }
        let mut kept = Self {
            by_source: BTreeMap::new(),
            left_out: BTreeMap::new(),
        };
        for (source, mut kinds) in all {
            kinds.sort_unstable();
            if let Some((Reverse(n), _)) = kinds.get(MOST_KEPT) {
                kept.left_out.insert(source, (kinds.len() - MOST_KEPT, *n));
            }
            let names = kinds.into_iter().take(MOST_KEPT).map(|(_, name)| name);
            kept.by_source.insert(source, names.collect());
        }
        kept
    }

    fn holds(&self, source: &str, name: &str) -> bool {
        self.by_source
            .get(source)
            .is_some_and(|names| names.contains(name))
    }

    fn tell(&self, page: &mut Page) {
        for (source, (n, most)) in &self.left_out {
            let seen = match most {
                1 => "once each".to_owned(),
                most => format!("at most {most} times each"),
            };
            page.line(format!(
                "\n# {n} more kinds of operation of {} are not proposed, seen {seen}: `ambit map test`",
                quoted(source)
            ));
            page.line("# lists what a map does not know, the most frequent first. Until they are mapped, each may reach everything.");
        }
    }
}

/// A path in which the ids have names.
fn with_names(path: &str, names: &BTreeMap<usize, String>) -> String {
    let named = |(at, segment): (usize, &str)| match names.get(&at) {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    path.split('/')
        .enumerate()
        .map(named)
        .collect::<Vec<_>>()
        .join("/")
}

fn effect_of(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" | "OPTIONS" => "effect = \"read\"",
        "DELETE" => "effect = \"destroyed\"",
        _ => "effect = \"changed\"   # ? or does it only read",
    }
}

/// What its parameters can hold, as far as the values that were seen tell.
fn parameters_of(names: &BTreeMap<usize, String>, route: &Route) -> Option<String> {
    let of_path = names
        .iter()
        .map(|(place, name)| (name, route.segments.get(place)));
    let of_query = route.query.iter().map(|(name, values)| (name, Some(values)));
    let none = BTreeSet::new();
    let parameters: BTreeMap<&String, String> = of_path
        .chain(of_query)
        .map(|(name, values)| (name, grammar(values.unwrap_or(&none))))
        .collect();
    let shown = parameters
        .iter()
        .map(|(name, pattern)| format!("{} = {}", quoted(name), quoted(pattern)));
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| format!("parameters = {{ {} }}", shown.join(", ")))
}

/// A name that no other operation has.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let base = printable(name, 120);
    let mut name = base.clone();
    let mut n = 1;
    while !taken.insert(name.clone()) {
        n += 1;
        name = format!("{base} ({n})");
    }
    name
}
