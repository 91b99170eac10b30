//! The operations of a proposal: kinds of requests and calls.

use super::guess::{grammar, is_person, names};
use super::page::{Page, quoted};
use super::{Proposal, Route};
use crate::map::route;
use ambit_event::printable;
use std::collections::{BTreeMap, BTreeSet};

impl Proposal {
    pub(super) fn operations(&self, page: &mut Page) {
        let mut taken = BTreeSet::new();
        for ((source, template), route) in &self.routes {
            self.operation(source, template, route, &mut taken, page);
        }
        for ((source, name), n) in &self.calls {
            self.called(source, name, *n, &mut taken, page);
        }
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
