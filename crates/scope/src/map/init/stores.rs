//! The persons and the stores of a proposal.

use super::guess::{class_of, grammar, held_by, is_person, names, singular};
use super::page::{Page, quoted};
use super::{Proposal, Route, Seen};
use std::collections::BTreeSet;

impl Proposal {
    pub(super) fn subject(&self, page: &mut Page) {
        page.line("\n[[subject]]");
        page.line("name = \"user\"");
        page.line("# population = 0        # ? how many persons are there, those since deleted included");
        page.line("# distinct = true       # ? are two keys surely two persons");
        page.line("# persons_per_key = 1   # ? can several persons stand behind one key (households)");
        let values = self.keys_of_persons();
        let doubt = match values.is_empty() {
            true => "   # ? what does a key look like",
            false => "",
        };
        page.line(format!("keys = {}{doubt}", quoted(&grammar(&values))));
    }

    /// What stood in the places of routes that are named like the key of a person.
    fn keys_of_persons(&self) -> BTreeSet<String> {
        let of_route = |((_, template), route): (&(String, String), &Route)| -> Vec<String> {
            let persons = names(template).into_iter().filter(|(_, name)| is_person(name));
            let values = persons.filter_map(|(place, _)| route.segments.get(&place));
            values.flatten().cloned().collect()
        };
        self.routes.iter().flat_map(of_route).collect()
    }

    pub(super) fn stores(&self, page: &mut Page) {
        if self.tables.is_empty() {
            page.line("\n[[store]]   # ? no statements were seen: where does the data lie");
            page.line("name = \"data\"\nkind = \"unknown\"\nsubject = \"user\"");
        }
        for (source, tables) in &self.tables {
            page.line("\n[[store]]");
            page.line(format!(
                "name = {}\nkind = {}\nsubject = \"user\"",
                quoted(&store_name(source)),
                quoted(source)
            ));
            for (name, seen) in tables {
                table(name, seen, page);
            }
        }
    }

    /// The store whose statements share trace ids with this source; else the first.
    pub(super) fn store_of(&self, source: &str) -> String {
        let joined = |db: &&String| {
            self.traces
                .values()
                .any(|all| all.contains(source) && all.contains(*db))
        };
        let store = self
            .tables
            .keys()
            .find(joined)
            .or_else(|| self.tables.keys().next());
        store.map_or_else(|| "data".to_owned(), |s| store_name(s))
    }
}

fn table(name: &str, seen: &Seen, page: &mut Page) {
    page.line(format!(
        "\n[[store.table]]   # in {} statements",
        seen.n_statements
    ));
    page.line(format!("name = {}", quoted(name)));
    let key = key_of(name, seen);
    match key {
        Some(key) => page.line(format!(
            "subject_key = {}   # ? does it say whose row it is",
            quoted(key)
        )),
        None => page.line("# subject_key = \"?\"   # ? which column says whose row it is"),
    }
    let guessed = |column: &String| if Some(column) == key { "" } else { class_of(column) };
    let classes: Vec<String> = seen
        .columns
        .iter()
        .map(|c| format!("{} = {}", quoted(c), quoted(guessed(c))))
        .collect();
    page.line(format!(
        "classes = {{ {} }}   # ? \"\" is not personal; are these all columns",
        classes.join(", ")
    ));
    let held: Vec<String> = seen
        .columns
        .iter()
        .filter_map(|c| Some(format!("{} = \"{}\"", quoted(c), held_by(c)?)))
        .collect();
    if !held.is_empty() {
        page.line(format!(
            "holds = {{ {} }}   # ? could they be used as they stand there",
            held.join(", ")
        ));
    }
}

/// The column that seems to say whose row it is: of several the one that statements ask for most.
fn key_of<'s>(table: &str, seen: &'s Seen) -> Option<&'s String> {
    let table = table.rsplit('.').next().unwrap_or(table);
    let own_id = is_person(&format!("{}_id", singular(table))).then_some("id");
    let keys = seen
        .columns
        .iter()
        .filter(|c| is_person(c) || Some(c.as_str()) == own_id);
    keys.max_by_key(|c| seen.bound.get(*c).copied().unwrap_or(0))
}

pub(super) fn store_name(source: &str) -> String {
    format!("{source}_store")
}
