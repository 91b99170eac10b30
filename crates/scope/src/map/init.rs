//! A data map proposed from the logs: what a person would otherwise begin with an empty page.
//!
//! Everything in it is a guess from names and counts. What is doubtful stands as a question in a comment;
//! the proposal can be read as a map at once, and is no assertion until a person has read it.

use super::model::DataMap;
use super::reach::is_http;
use super::route::parse_query;
use crate::statement::{self, Command, Footprint};
use ambit_event::{Event, printable};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The most different things of one kind that are remembered; what comes later is counted only.
const MOST: usize = 2_000;
/// The most values of one parameter that are looked at.
const VALUES: usize = 64;

/// What was seen, event by event.
#[derive(Debug, Default)]
pub struct Proposal {
    n_events: u64,
    /// Source, then method and template.
    routes: BTreeMap<(String, String), Route>,
    /// Source, then operation names that are no routes.
    calls: BTreeMap<(String, String), u64>,
    /// Source of statements, then table.
    tables: BTreeMap<String, BTreeMap<String, Seen>>,
    /// Trace id to the sources that named it.
    traces: BTreeMap<String, BTreeSet<String>>,
    /// Database session to trace ids, to tell pooled ones.
    sessions: BTreeMap<(String, String), BTreeSet<String>>,
    /// Source of statements, then database account, by whether its statements carry a trace id.
    roles: BTreeMap<(String, String), Role>,
    issuers: BTreeSet<(String, &'static str)>,
    /// Machines on which somebody logged in.
    hosts: BTreeSet<String>,
    n_forgotten: u64,
}

#[derive(Debug, Default)]
struct Route {
    n_events: u64,
    most_bytes: i64,
    /// Values by the place of their segment.
    segments: BTreeMap<usize, BTreeSet<String>>,
    query: BTreeMap<String, BTreeSet<String>>,
    sessions: bool,
}

#[derive(Debug, Default)]
struct Seen {
    n_statements: u64,
    columns: BTreeSet<String>,
    /// Columns that statements bind to values, with how often.
    bound: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Role {
    traced: u64,
    untraced: u64,
}

impl Proposal {
    /// Looks at one more event. Memory is bounded, whatever the logs hold.
    pub fn add(&mut self, event: &Event) {
        self.n_events += 1;
        if is_http(event) {
            self.request(event);
        } else if let (true, Some(text)) = (super::reach::is_statement(event), event.query_text.as_deref()) {
            self.statement(event, text);
        } else if let Some(name) = event.operation.as_deref() {
            self.call(event, name);
        }
        if let Some(trace) = &event.trace {
            let known = self.traces.contains_key(trace);
            if known || self.traces.len() < MOST * 10 {
                self.traces
                    .entry(trace.clone())
                    .or_default()
                    .insert(event.source.clone());
            }
        }
        if event.source == "sshd" && event.activity.as_deref() == Some("Logon") && self.hosts.len() < MOST {
            self.hosts.extend(event.host.clone());
        }
        if event.issued_session.is_some() {
            self.issuers.insert((event.source.clone(), "session"));
        }
        if event.issued_credential.is_some() {
            self.issuers.insert((event.source.clone(), "token"));
        }
    }

    fn request(&mut self, event: &Event) {
        let Some(template) = event.operation.clone() else {
            return;
        };
        let key = (event.source.clone(), template);
        if !self.routes.contains_key(&key) && self.routes.len() >= MOST {
            self.n_forgotten += 1;
            return;
        }
        let places = places(&key.1);
        let route = self.routes.entry(key).or_default();
        route.n_events += 1;
        route.most_bytes = route.most_bytes.max(event.bytes_out.unwrap_or(0));
        route.sessions |= event.actor_session.is_some();
        let segments: Vec<&str> = event.resource.as_deref().unwrap_or("").split('/').collect();
        for place in places {
            let value = segments.get(place).copied().unwrap_or("");
            remember(route.segments.entry(place).or_default(), value);
        }
        let query = event
            .query_text
            .as_deref()
            .and_then(|q| parse_query(q).ok())
            .unwrap_or_default();
        for (name, value) in query {
            if route.query.len() < VALUES || route.query.contains_key(&name) {
                remember(route.query.entry(name).or_default(), &value);
            }
        }
    }

    fn statement(&mut self, event: &Event, text: &str) {
        if let Some(role) = &event.actor_user {
            let role = self
                .roles
                .entry((event.source.clone(), role.clone()))
                .or_default();
            if event.trace.is_some() {
                role.traced += 1
            } else {
                role.untraced += 1
            }
        }
        if let (Some(session), Some(trace)) = (&event.connection, &event.trace)
            && self.sessions.len() < MOST
        {
            remember(
                self.sessions
                    .entry((event.source.clone(), session.clone()))
                    .or_default(),
                trace,
            );
        }
        for command in statement::read(text) {
            if let Command::Rows(footprint) | Command::Declare { footprint } = command {
                self.footprint(&event.source, &footprint);
            }
        }
    }

    fn footprint(&mut self, source: &str, footprint: &Footprint) {
        let tables = self.tables.entry(source.to_owned()).or_default();
        for (at, used) in footprint.uses.iter().enumerate() {
            let schema = used.name.schema.as_deref();
            if schema.is_some_and(|s| s == "pg_catalog" || s == "information_schema")
                || used.name.table.starts_with("pg_")
            {
                continue;
            }
            let name = format!("{}.{}", schema.unwrap_or("public"), used.name.table);
            if !tables.contains_key(&name) && tables.len() >= MOST {
                self.n_forgotten += 1;
                continue;
            }
            let seen = tables.entry(name).or_default();
            seen.n_statements += 1;
            let sole = footprint.mentions.iter().filter(|m| m.uses == [at] && !m.alias);
            let written = used.write.iter().filter_map(|w| match &w.columns {
                statement::Columns::Named(names) => Some(names),
                statement::Columns::All => None,
            });
            let columns = sole
                .filter_map(|m| m.column.clone())
                .chain(written.flatten().cloned())
                .chain(used.bound.keys().cloned());
            for column in columns {
                if seen.columns.len() < VALUES * 4 {
                    seen.columns.insert(column);
                }
            }
            for column in used.bound.keys().filter(|c| seen.columns.contains(*c)) {
                *seen.bound.entry(column.clone()).or_default() += 1;
            }
        }
    }

    fn call(&mut self, event: &Event, name: &str) {
        let key = (event.source.clone(), name.to_owned());
        if self.calls.contains_key(&key) || self.calls.len() < MOST {
            *self.calls.entry(key).or_default() += 1;
        } else {
            self.n_forgotten += 1;
        }
    }

    /// The proposal as TOML, which [`DataMap::parse`] reads.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(format!(
            "# A data map, proposed from {} events. Everything here is a guess from names and counts:",
            self.n_events
        ));
        line(
            "# read it, answer the questions (?), and check it with `ambit map check` and `ambit map test`."
                .to_owned(),
        );
        if self.n_forgotten > 0 {
            line(format!(
                "# There was more than fits here: {} events were counted without a proposal.",
                self.n_forgotten
            ));
        }
        self.subject(&mut line);
        self.stores(&mut line);
        self.operations(&mut line);
        self.channels(&mut line);
        self.rest(&mut line);
        out
    }

    fn subject(&self, line: &mut dyn FnMut(String)) {
        line("\n[[subject]]".to_owned());
        line("name = \"user\"".to_owned());
        line(
            "# population = 0        # ? how many persons are there, those since deleted included".to_owned(),
        );
        line("# distinct = true       # ? are two keys surely two persons".to_owned());
        line("# persons_per_key = 1   # ? can several persons stand behind one key (households)".to_owned());
        let values: BTreeSet<String> = self
            .routes
            .iter()
            .flat_map(|((_, template), route)| {
                let names = names(template);
                names
                    .into_iter()
                    .filter(|(_, name)| is_person(name))
                    .filter_map(|(place, _)| route.segments.get(&place))
                    .flatten()
            })
            .cloned()
            .collect();
        let grammar = grammar(&values);
        let doubt = if values.is_empty() {
            "   # ? what does a key look like"
        } else {
            ""
        };
        line(format!("keys = {}{doubt}", quoted(&grammar)));
    }

    fn stores(&self, line: &mut dyn FnMut(String)) {
        if self.tables.is_empty() {
            line("\n[[store]]   # ? no statements were seen: where does the data lie".to_owned());
            line("name = \"data\"\nkind = \"unknown\"\nsubject = \"user\"".to_owned());
        }
        for (source, tables) in &self.tables {
            line("\n[[store]]".to_owned());
            line(format!(
                "name = {}\nkind = {}\nsubject = \"user\"",
                quoted(&store_name(source)),
                quoted(source)
            ));
            for (name, seen) in tables {
                table(name, seen, line);
            }
        }
    }

    fn store_of(&self, source: &str) -> String {
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

    fn operations(&self, line: &mut dyn FnMut(String)) {
        let mut taken = BTreeSet::new();
        for ((source, template), route) in &self.routes {
            self.operation(source, template, route, &mut taken, line);
        }
        for ((source, name), n) in &self.calls {
            line(format!("\n[[operation]]   # seen {n} times"));
            line(format!(
                "name = {}\nsource = {}\napi = {}",
                quoted(&unique(name, &mut taken)),
                quoted(source),
                quoted(name)
            ));
            line(format!("store = {}", quoted(&self.store_of(source))));
            line("subjects = \"everyone\"   # ? whose data does it reach: field.X, parameters, actor.user, subject_refs, none".to_owned());
            line("classes = []   # ? which classes".to_owned());
        }
    }

    fn operation(
        &self,
        source: &str,
        template: &str,
        route: &Route,
        taken: &mut BTreeSet<String>,
        line: &mut dyn FnMut(String),
    ) {
        let names = names(template);
        let Some((method, path)) = template.split_once(' ') else {
            return;
        };
        let segments: Vec<String> = path
            .split('/')
            .enumerate()
            .map(|(at, segment)| {
                names
                    .get(&at)
                    .map_or_else(|| segment.to_owned(), |name| format!("{{{name}}}"))
            })
            .collect();
        let matched = format!("{method} {}", segments.join("/"));
        if super::route::Route::parse(&matched).is_err() {
            line(format!(
                "\n# Not proposed, for it is no route: {} (seen {} times)",
                printable(&matched, 120),
                route.n_events
            ));
            return;
        }
        line(format!(
            "\n[[operation]]   # seen {} times, largest answer {} bytes",
            route.n_events, route.most_bytes
        ));
        line(format!(
            "name = {}\nsource = {}\nmatch = {}",
            quoted(&unique(&matched, taken)),
            quoted(source),
            quoted(&matched)
        ));
        line(format!("store = {}", quoted(&self.store_of(source))));
        line(self.whose(source, &names, route));
        line("classes = []   # ? which classes does it return or change".to_owned());
        let effect = match method {
            "GET" | "HEAD" | "OPTIONS" => "read",
            "DELETE" => "destroyed",
            _ => "changed",
        };
        let doubt = if effect == "changed" {
            "   # ? or does it only read"
        } else {
            ""
        };
        line(format!("effect = \"{effect}\"{doubt}"));
        let of_path = names
            .iter()
            .map(|(place, name)| (name.clone(), route.segments.get(place)));
        let of_query = route
            .query
            .iter()
            .map(|(name, values)| (name.clone(), Some(values)));
        let parameters: BTreeMap<String, String> = of_path
            .chain(of_query)
            .map(|(name, values)| (name, values.map_or_else(|| grammar(&BTreeSet::new()), grammar)))
            .collect();
        let shown: Vec<String> = parameters
            .iter()
            .map(|(name, pattern)| format!("{} = {}", quoted(name), quoted(pattern)))
            .collect();
        if !shown.is_empty() {
            line(format!("parameters = {{ {} }}", shown.join(", ")));
        }
        line("# max_records = 1   # ? the most records and bytes that one answer can hold".to_owned());
        line(format!("# max_bytes = {}", route.most_bytes.max(0)));
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

    fn channels(&self, line: &mut dyn FnMut(String)) {
        for db in self.tables.keys() {
            let roles = |traced: bool| -> Vec<String> {
                let of_db = self.roles.iter().filter(|((source, _), _)| source == db);
                of_db
                    .filter(|(_, role)| (role.traced > role.untraced) == traced)
                    .map(|((_, name), _)| quoted(name))
                    .collect()
            };
            let pooled = self
                .sessions
                .iter()
                .any(|((source, _), traces)| source == db && traces.len() > 1);
            for source in self.attributing(db) {
                let n = self
                    .traces
                    .values()
                    .filter(|all| all.contains(&source) && all.contains(db))
                    .count();
                line(format!(
                    "\n[[channel]]   # {n} trace ids stand in the records of both"
                ));
                line(format!(
                    "store = {}\nname = {}\nprincipal = \"session\"",
                    quoted(&store_name(db)),
                    quoted(&source)
                ));
                line(format!(
                    "attributing = {}\naccounting = {}",
                    quoted(&source),
                    quoted(db)
                ));
                line(format!("roles = [{}]\npooled = {pooled}", roles(true).join(", ")));
            }
            let direct = roles(false);
            if !direct.is_empty() {
                line(
                    "\n[[channel]]   # accounts whose statements carry no trace id: persons, jobs, tools ?"
                        .to_owned(),
                );
                line(format!(
                    "store = {}\nname = \"direct\"\nprincipal = \"connection\"",
                    quoted(&store_name(db))
                ));
                line(format!(
                    "attributing = {0}\naccounting = {0}\nroles = [{1}]",
                    quoted(db),
                    direct.join(", ")
                ));
            }
        }
        line("\n# ? is there another way into these stores: backups, replicas, exports, consoles".to_owned());
    }

    /// Sources that are no databases and share trace ids with this one.
    fn attributing(&self, db: &str) -> BTreeSet<String> {
        let shared = self.traces.values().filter(|all| all.contains(db)).flatten();
        shared
            .filter(|source| !self.tables.contains_key(*source))
            .cloned()
            .collect()
    }

    fn rest(&self, line: &mut dyn FnMut(String)) {
        for (source, kind) in &self.issuers {
            line(format!(
                "\n[[issuer]]\nsource = {}\nissues = \"{kind}\"",
                quoted(source)
            ));
        }
        for host in &self.hosts {
            line(format!("\n[[host]]\nname = {}", quoted(host)));
            line(
                "# addresses = []   # ? every address that it connects from: until then, it may be any"
                    .to_owned(),
            );
            line("# also = []        # ? its other names in the logs".to_owned());
        }
        line("\n[trust]".to_owned());
        let sources: BTreeSet<String> = self.tables.keys().flat_map(|db| self.attributing(db)).collect();
        let sources: Vec<String> = sources.iter().map(|s| quoted(s)).collect();
        line(format!(
            "# trace = [{}]   # ? do these stamp the trace id themselves, whatever the client sends",
            sources.join(", ")
        ));
        line("trace = []\nforwarded = []".to_owned());
    }
}

impl DataMap {
    /// A map proposed from events, as TOML.
    #[must_use]
    pub fn propose<'e>(events: impl IntoIterator<Item = &'e Event>) -> String {
        let mut proposal = Proposal::default();
        for event in events {
            proposal.add(event);
        }
        proposal.toml()
    }
}

fn table(name: &str, seen: &Seen, line: &mut dyn FnMut(String)) {
    line(format!(
        "\n[[store.table]]   # in {} statements",
        seen.n_statements
    ));
    line(format!("name = {}", quoted(name)));
    let table = name.rsplit('.').next().unwrap_or(name);
    let own_id = is_person(&format!("{}_id", singular(table))).then_some("id");
    let key = seen
        .columns
        .iter()
        .filter(|c| is_person(c) || Some(c.as_str()) == own_id)
        .max_by_key(|c| seen.bound.get(*c).copied().unwrap_or(0));
    match key {
        Some(key) => line(format!(
            "subject_key = {}   # ? does it say whose row it is",
            quoted(key)
        )),
        None => line("# subject_key = \"?\"   # ? which column says whose row it is".to_owned()),
    }
    let guessed = |column: &String| if Some(column) == key { "" } else { class_of(column) };
    let classes: Vec<String> = seen
        .columns
        .iter()
        .map(|c| format!("{} = {}", quoted(c), quoted(guessed(c))))
        .collect();
    line(format!(
        "classes = {{ {} }}   # ? \"\" is not personal; are these all columns",
        classes.join(", ")
    ));
    let held: Vec<String> = seen
        .columns
        .iter()
        .filter_map(|c| Some(format!("{} = \"{}\"", quoted(c), held_by(c)?)))
        .collect();
    if !held.is_empty() {
        line(format!(
            "holds = {{ {} }}   # ? could they be used as they stand there",
            held.join(", ")
        ));
    }
}

fn remember(values: &mut BTreeSet<String>, value: &str) {
    if values.len() < VALUES && value.len() <= 200 {
        values.insert(value.to_owned());
    }
}

/// The places of the segments of a template that stand for ids.
fn places(template: &str) -> Vec<usize> {
    let path = template.split_once(' ').map_or("", |(_, path)| path);
    path.split('/')
        .enumerate()
        .filter(|(_, s)| s.starts_with('{'))
        .map(|(at, _)| at)
        .collect()
}

/// A name for each id of a template, after the segment before it: `/users/{id}` gives `user_id`.
fn names(template: &str) -> BTreeMap<usize, String> {
    let path = template.split_once(' ').map_or("", |(_, path)| path);
    let segments: Vec<&str> = path.split('/').collect();
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for place in places(template) {
        let before = place
            .checked_sub(1)
            .and_then(|at| segments.get(at))
            .copied()
            .unwrap_or("");
        let word: String = before
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let name = if before.starts_with('{') || word.trim_matches('_').is_empty() {
            "id".to_owned()
        } else {
            format!("{}_id", singular(&word))
        };
        let twice = names
            .values()
            .filter(|n| n.trim_end_matches(|c: char| c.is_ascii_digit()) == name)
            .count();
        names.insert(
            place,
            if twice == 0 {
                name
            } else {
                format!("{name}{}", twice + 1)
            },
        );
    }
    names
}

fn singular(word: &str) -> &str {
    match word.strip_suffix("ies") {
        Some(_) => word,
        None => word.strip_suffix('s').unwrap_or(word),
    }
}

/// Whether a name looks like the key of a person.
fn is_person(name: &str) -> bool {
    const PERSONS: &[&str] = &[
        "user",
        "customer",
        "account",
        "person",
        "member",
        "patient",
        "client",
        "subscriber",
        "employee",
        "profile",
        "student",
        "owner",
    ];
    let name = name.to_ascii_lowercase();
    let stem = name
        .strip_suffix("_id")
        .or_else(|| name.strip_suffix("id"))
        .unwrap_or("");
    PERSONS.contains(&stem.trim_end_matches('_'))
}

/// The class that a column's name suggests; empty where it suggests none.
fn class_of(column: &str) -> &'static str {
    const CLASSES: &[(&str, &str)] = &[
        (
            "credential",
            "password passwd pwd secret token sid session_key api_key otp salt hash",
        ),
        ("payment", "card iban_card cvv cvc pan last4 payment"),
        (
            "financial",
            "iban amount balance salary price invoice income tax bank",
        ),
        (
            "contact",
            "email mail phone mobile address street zip postcode fax",
        ),
        (
            "identity",
            "name birth dob gender sex passport ssn nationality title_of login username",
        ),
        ("location", "latitude longitude lat lon geo position"),
        ("health", "diagnosis medication allergy blood health"),
        ("communication", "message body subject_line chat"),
        ("behaviour", "played viewed clicked visited search history"),
        ("content", "photo image document note comment avatar bio"),
    ];
    let column = column.to_ascii_lowercase();
    let parts: Vec<&str> = column.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let says = |words: &&(&str, &str)| words.1.split(' ').any(|w| column == w || parts.contains(&w));
    CLASSES.iter().find(says).map_or("", |(class, _)| class)
}

fn held_by(column: &str) -> Option<&'static str> {
    let column = column.to_ascii_lowercase();
    let parts: Vec<&str> = column.split('_').collect();
    match () {
        () if column == "sid"
            || parts.starts_with(&["session", "id"])
            || parts.starts_with(&["session", "key"]) =>
        {
            Some("session")
        }
        () if parts.contains(&"password") || parts.contains(&"passwd") => Some("password"),
        () if parts.contains(&"token") || column.ends_with("api_key") => Some("token"),
        () => None,
    }
}

/// A grammar that all the values fit, the narrowest of a few.
fn grammar(values: &BTreeSet<String>) -> String {
    const GRAMMARS: &[&str] = &[
        "[0-9]+",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "fp_[0-9a-f]{24}",
        "[0-9a-f]{8,64}",
        "[a-z]{1,40}",
        "[a-z0-9_,-]{1,80}",
        "[A-Za-z0-9._~-]{1,100}",
    ];
    let fits =
        |pattern: &&&str| super::Grammar::parse(pattern).is_ok_and(|g| values.iter().all(|v| g.fits(v)));
    let narrow = GRAMMARS.iter().find(fits);
    let last = "[A-Za-z0-9 ._,@:~+-]{0,100}";
    narrow
        .filter(|_| !values.is_empty())
        .map_or(last, |g| g)
        .to_owned()
}

fn store_name(source: &str) -> String {
    format!("{source}_store")
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

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::map::Severity;
    use ambit_event::{Outcome, Timestamp};

    fn request(operation: &str, path: &str, query: Option<&str>, trace: &str) -> Event {
        let mut event = Event::new("nginx_access", Timestamp::from_secs(1));
        event.class = Some("http_activity".into());
        event.activity = operation.split(' ').next().map(str::to_owned);
        event.operation = Some(operation.into());
        event.resource = Some(path.into());
        event.query_text = query.map(str::to_owned);
        event.trace = Some(trace.into());
        event.bytes_out = Some(512);
        event.outcome = Outcome::Success;
        event
    }

    fn statement(text: &str, role: &str, trace: Option<&str>) -> Event {
        let mut event = Event::new("postgresql", Timestamp::from_secs(1));
        event.class = Some("datastore_activity".into());
        event.query_text = Some(text.into());
        event.actor_user = Some(role.into());
        event.trace = trace.map(str::to_owned);
        event.outcome = Outcome::Success;
        event
    }

    fn logon(host: &str) -> Event {
        let mut event = Event::new("sshd", Timestamp(0));
        event.class = Some("authentication".into());
        event.activity = Some("Logon".into());
        event.host = Some(host.into());
        event
    }

    fn events() -> Vec<Event> {
        vec![
            request(
                "GET /v1/users/{id}/orders/{id}",
                "/v1/users/5/orders/77",
                Some("fields=a,b"),
                "t1",
            ),
            request(
                "GET /v1/users/{id}/orders/{id}",
                "/v1/users/6/orders/78",
                None,
                "t2",
            ),
            request("GET /v1/search", "/v1/search", Some("q=x%27y"), "t3"),
            request("DELETE /{id}", "/9", None, "t4"),
            request("GET \u{1b}[31m\"]\n[[x]]/{", "/{", None, "t5"),
            statement(
                "SELECT order_id, total, user_id FROM orders WHERE user_id = $1",
                "app",
                Some("t1"),
            ),
            statement(
                "SELECT sid, user_id FROM sessions WHERE sid = $1",
                "app",
                Some("t2"),
            ),
            statement("SELECT email FROM users WHERE id = 5", "alice", None),
            statement("SELECT relname FROM pg_class", "alice", None),
            statement("UPDATE \"we\"\"ird\" SET \"col \\ x\" = 1", "alice", None),
            logon("bastion-1"),
        ]
    }

    #[test]
    fn a_proposal_is_a_map_that_fits_what_it_was_made_from() {
        let events = events();
        let text = DataMap::propose(&events);
        let (map, diagnostics) = DataMap::parse(&text, "proposal");
        let errors: Vec<_> = diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        assert!(errors.is_empty(), "{text}\n{errors:?}");
        let map = map.unwrap();
        let reach = map.reach(&events[0], &crate::map::ReachContext::default());
        assert_eq!(
            reach.operation.as_deref(),
            Some("GET /v1/users/{user_id}/orders/{order_id}")
        );
        assert_eq!(reach.basis, crate::map::Basis::Named);
        for expected in [
            "subjects = \"path.user_id\"",
            "subject_key = \"user_id\"",
            "subject_key = \"id\"",
            "holds = { \"sid\" = \"session\" }",
            "\"email\" = \"contact\"",
            "roles = [\"alice\"]",
            "keys = \"[0-9]+\"",
            "effect = \"destroyed\"",
            "[[host]]\nname = \"bastion-1\"",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(!text.contains("pg_class"));
    }

    #[test]
    fn an_empty_log_gives_a_map_too() {
        let (map, _) = DataMap::parse(&DataMap::propose(&[]), "proposal");
        assert!(map.is_some());
    }
}
