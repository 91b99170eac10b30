//! Records of database statements: which tables they used, and whose rows.
//!
//! For each time that a statement names a table of the map:
//!
//! - *whose*: the keys to which the predicate binds the table's subject key (named); else at most as
//!   many persons as a truthful row count or a `LIMIT` admits (counted); else everyone (whole). A known
//!   state of the table may tell more (see [`super::replay`]).
//! - *which classes*: those of the columns that are named, all of them for `*`. A column in a condition
//!   counts, for its value is confirmed; not so a credential that is looked up by its own value, which
//!   whoever looks it up holds already. A column that the map does not name may be of any class.
//! - *exactly*: only where the record shows that a row of the person was there.

use super::key::{self, Keys};
use super::model::{DataMap, Effect, Store, Table};
use super::reach::{Basis, Completion, InternalTouch, Reach, ReachContext, Touch, Who, is_statement};
use super::replay::{ReplayPart, ReplayRequest, Wrote, WroteRows};
use crate::statement::{self, Act, Columns, Command, Footprint, Kind, Mention, Use, Value, Values, Write};
use ambit_event::{Event, ObservableKind, Outcome};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What is known of one run of a statement.
struct Run<'a> {
    event: &'a Event,
    context: &'a ReachContext<'a>,
    /// The values bound to its parameters; `None` for one that is not known.
    parameters: Vec<Option<String>>,
    completion: Completion,
    /// The row count of its record, where this kind of statement has it truthful.
    count: Option<u64>,
    /// The result rows that its record counts, however they were made.
    results: Option<u64>,
    /// The most rows that this run can have returned, by `FETCH n`.
    fetched: Option<u64>,
}

/// A table of the map that a use may mean.
struct Target<'m> {
    store: &'m Store,
    table: &'m Table,
    subject: Option<&'m str>,
}

impl DataMap {
    /// The text of a record that is to be analysed as SQL; `None` where it is no statement of a database
    /// with tables. Where the log withholds the text and names the tables, the text is that of a
    /// statement that touches all of their rows.
    pub(super) fn statement_text<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        const WITHHELD: &[&str] = &["<not logged>", "<previously logged>", "<none>"];
        if !is_statement(event) {
            return None;
        }
        let stores = self.reachable(event);
        let relational = |s: &&Store| !s.tables.is_empty() || s.kind.to_ascii_lowercase().contains("sql");
        // A source of which nothing is known is taken for a relational one.
        if !stores.is_empty() && !stores.iter().any(relational) {
            return None;
        }
        let text = event.query_text.as_deref().map(str::trim);
        let text = text.filter(|t| !t.is_empty() && !WITHHELD.contains(t));
        text.map(Cow::Borrowed)
            .or_else(|| at_large(event).map(Cow::Owned))
    }

    /// The reach of a statement, or of several in one text.
    pub(super) fn statement_reach(&self, event: &Event, text: &str, context: &ReachContext<'_>) -> Reach {
        let commands = statement::read(text);
        let completion = outcome(event, commands.len());
        let mut whole: Option<Reach> = None;
        for command in &commands {
            let run = Run::of(event, context, completion);
            let reach = self.command(command, commands.len(), run);
            whole = Some(match whole {
                Some(so_far) => union(so_far, reach),
                None => reach,
            });
        }
        whole.unwrap_or_else(|| Reach::nothing("it is empty"))
    }

    /// What a statement may have written in a table; `None` where its record does not tell.
    pub(crate) fn wrote(&self, event: &Event, store: &str, table: &str) -> Option<Vec<Wrote>> {
        let text = self.statement_text(event)?;
        let commands = statement::read(&text);
        let context = ReachContext::default();
        let mut all = Vec::new();
        for command in &commands {
            let footprint = match command {
                Command::Quiet | Command::Prepare(_) | Command::Fetch { .. } => continue,
                Command::Rows(footprint) | Command::Declare { footprint } => footprint,
                Command::Opaque(_) | Command::Execute { .. } => return None,
            };
            if footprint.uses.iter().all(|u| u.write.is_none()) {
                continue;
            }
            let mut run = Run::of(event, &context, outcome(event, commands.len()));
            run.count = true_count(footprint, event).filter(|_| commands.len() == 1);
            all.extend(self.case(footprint, run).ok()?.wrote(store, table)?);
        }
        Some(all)
    }

    fn command(&self, command: &Command, n_commands: usize, mut run: Run<'_>) -> Reach {
        match command {
            Command::Quiet | Command::Prepare(_) => Reach {
                completion: run.completion,
                ..Reach::nothing("the statement touches no rows")
            },
            Command::Opaque(why) => self.opaque(&run, why),
            Command::Rows(footprint) => {
                run.count = true_count(footprint, run.event).filter(|_| n_commands == 1);
                run.results = results(footprint, run.event).filter(|_| n_commands == 1);
                self.footprint(footprint, run)
            }
            Command::Declare { footprint } => {
                run.completion = run.completion.min(Completion::Possible);
                let reach = self.footprint(footprint, run);
                Reach {
                    because: format!("a cursor was opened: {}", reach.because),
                    ..reach
                }
            }
            Command::Fetch { cursor, at_most } => self.fetch(cursor, *at_most, run),
            Command::Execute { name, arguments } => self.execute(name, arguments, run),
        }
    }

    fn opaque(&self, run: &Run<'_>, why: &str) -> Reach {
        self.unmapped(
            run.event,
            run.completion,
            format!("the statement may touch anything: {why}"),
        )
    }

    fn fetch(&self, cursor: &str, at_most: Option<u64>, mut run: Run<'_>) -> Reach {
        let declared = run
            .context
            .cursors
            .and_then(|all| all.get(cursor))
            .map(|text| statement::read(text));
        match declared.as_deref() {
            Some([Command::Declare { footprint } | Command::Rows(footprint)]) => {
                // The parameters of the record are those of the FETCH.
                run.parameters.clear();
                run.fetched = at_most;
                self.footprint(footprint, run)
            }
            _ => self.tables_of_everyone(
                &run,
                "rows of a cursor were fetched whose declaration is not known",
            ),
        }
    }

    fn execute(&self, name: &str, arguments: &[Option<String>], mut run: Run<'_>) -> Reach {
        let prepared = run
            .context
            .prepared
            .and_then(|all| all.get(name))
            .map(|text| statement::read(text));
        let Some([command]) = prepared.as_deref() else {
            return self.opaque(&run, "it executes a prepared statement whose text is not known");
        };
        let within = match command {
            Command::Prepare(within) => within,
            other => other,
        };
        if !arguments.is_empty() {
            run.parameters = arguments.to_vec();
        }
        match within {
            Command::Rows(footprint) => self.footprint(footprint, run),
            Command::Opaque(why) => self.opaque(&run, why),
            Command::Quiet => Reach {
                completion: run.completion,
                ..Reach::nothing("the statement touches no rows")
            },
            _ => self.opaque(&run, "it executes a statement that is not understood"),
        }
    }

    /// Rows of any table of the stores in reach.
    fn tables_of_everyone(&self, run: &Run<'_>, why: &str) -> Reach {
        let mut reach = self.unmapped(run.event, run.completion, why);
        reach.basis = Basis::Whole;
        reach.touches.retain(|t| t.effect == Effect::Read);
        reach.internal.retain(|t| t.effect == Effect::Read);
        reach
    }

    fn footprint(&self, footprint: &Footprint, run: Run<'_>) -> Reach {
        let (event, completion) = (run.event, run.completion);
        match self.case(footprint, run) {
            Ok(case) => case.reach(),
            Err(why) => self.unmapped(event, completion, why),
        }
    }

    /// The statement with the tables of the map that it names; where one is not there, why.
    fn case<'a>(&'a self, footprint: &'a Footprint, run: Run<'a>) -> Result<Case<'a>, String> {
        let stores = self.reachable(run.event);
        let mut targets = Vec::new();
        for used in &footprint.uses {
            targets.push(match self.targets(used, &stores) {
                Found::Tables(found) => found,
                Found::Catalog => Vec::new(),
                Found::No(why) => return Err(why),
            });
        }
        Ok(Case {
            map: self,
            footprint,
            targets,
            run,
        })
    }

    fn targets(&self, used: &Use, stores: &[&'_ Store]) -> Found<'_> {
        let schema = used.name.schema.as_deref();
        let names: BTreeSet<&str> = stores.iter().map(|s| s.name.as_str()).collect();
        let found: Vec<Target<'_>> = self
            .stores
            .iter()
            .filter(|s| names.contains(s.name.as_str()))
            .flat_map(|store| store.tables.iter().map(move |table| (store, table)))
            .filter(|(_, table)| table.is_named(schema, &used.name.table))
            .map(|(store, table)| Target {
                store,
                table,
                subject: self.subject_of(store),
            })
            .collect();
        if !found.is_empty() {
            return Found::Tables(found);
        }
        let shown = ambit_event::printable(&used.name.table, 60);
        match (
            is_catalog(schema, &used.name.table),
            tells_of_data(&used.name.table),
            &used.write,
        ) {
            (true, false, None) => Found::Catalog,
            (true, _, _) => Found::No(format!("the catalog `{shown}` can hold values of any table")),
            (false, _, _) => Found::No(format!("the table `{shown}` is not in the data map")),
        }
    }
}

/// A statement all of whose tables are in the map.
struct Case<'a> {
    map: &'a DataMap,
    footprint: &'a Footprint,
    /// For each use, the tables that it may mean: several where stores have tables of the same name, none
    /// where it is one of the server's own catalog.
    targets: Vec<Vec<Target<'a>>>,
    run: Run<'a>,
}

impl Case<'_> {
    fn reach(&self) -> Reach {
        let mut reach = Reach {
            completion: self.run.completion,
            ..Reach::nothing("")
        };
        let stores = self.map.reachable(self.run.event);
        let own = self.footprint.uses.iter().zip(&self.targets);
        for (used, _) in own.filter(|(_, found)| found.is_empty()) {
            catalog(used, &stores, &mut reach);
        }
        self.tell(&mut reach);
        reach
    }

    /// The writes to one table; `None` where anybody's rows may have been written.
    fn wrote(&self, store: &str, table: &str) -> Option<Vec<Wrote>> {
        let mut all = Vec::new();
        for (at, found) in self.targets.iter().enumerate() {
            let Some(write) = &self.footprint.uses[at].write else {
                continue;
            };
            let meant = |t: &&Target<'_>| t.store.name == store && t.table.name == table;
            for target in found.iter().filter(meant) {
                let rows = match self.written(at, write, target) {
                    Who::Keys(keys) => WroteRows::Keys(keys),
                    Who::AtMost(n) => WroteRows::AtMost(n),
                    Who::Everyone => return None,
                };
                let columns = match &write.columns {
                    Columns::Named(names) if write.act == Act::Update && !moves_key(write, target.table) => {
                        Some(names.clone())
                    }
                    _ => None,
                };
                all.push(Wrote { columns, rows });
            }
        }
        Some(all)
    }

    fn tell(&self, reach: &mut Reach) {
        for (at, found) in self.targets.iter().enumerate() {
            for target in found {
                self.used(at, target, reach);
            }
        }
        let reads_only = !self.footprint.writes();
        if self.run.count == Some(0) && (reads_only || self.footprint.uses.len() == 1) {
            reach.completion = reach.completion.min(Completion::Nothing);
            reach.because = "the statement returned or changed no row".to_owned();
        } else if reach.because.is_empty() {
            reach.because = said(reach.basis).to_owned();
        }
        reach.records = self.run.most_rows(self.footprint);
        if reads_only && !reach.touches.is_empty() {
            reach.replay = self.replayable();
        }
        reach.tidy();
    }

    /// What one use of a table of the map adds.
    fn used(&self, at: usize, target: &Target<'_>, reach: &mut Reach) {
        let used = &self.footprint.uses[at];
        if used.reads {
            if self.is_looked_up(at, target) {
                let table = &target.table.name;
                reach
                    .assumptions
                    .push(format!("what is looked up in `{table}` is not returned"));
            } else {
                let (touch, reveals) = self.read(at, target);
                reach.reveals.extend(reveals);
                self.add(target, touch, reach);
            }
        }
        if let Some(write) = &used.write {
            let who = self.written(at, write, target);
            let classes = self.written_classes(write, target);
            for effect in effects(write.act) {
                self.add(
                    target,
                    target.touch(classes.clone(), *effect, who.clone(), false),
                    reach,
                );
            }
            if *effects(write.act) != [Effect::Destroyed] && sets_password(write, target.table) {
                reach.sets.extend(target.subject.map(|s| (s.to_owned(), who)));
            }
        }
    }

    /// Whether the request above says that it returns nothing of this table. A look-up is by a value; a
    /// statement that reads the table at large is none, whatever the map says.
    fn is_looked_up(&self, at: usize, target: &Target<'_>) -> bool {
        let by_value = !self.footprint.uses[at].bound.is_empty();
        by_value && !self.footprint.writes() && target.table.is_among(self.run.context.lookups)
    }

    fn read(&self, at: usize, target: &Target<'_>) -> (Touch, BTreeSet<ObservableKind>) {
        let (classes, reveals) = self.read_classes(at, target);
        let (who, exact) = self.readers(at, target);
        (target.touch(classes, Effect::Read, who, exact), reveals)
    }

    fn add(&self, target: &Target<'_>, touch: Touch, reach: &mut Reach) {
        if target.is_internal() {
            reach.internal.push(InternalTouch {
                store: touch.store,
                object: target.table.name.clone(),
                effect: touch.effect,
                records: self.run.count,
                bytes: None,
            });
            reach.basis = reach.basis.max(Basis::Named);
            return;
        }
        if touch.classes.is_empty() || touch.who == Who::Keys(BTreeSet::new()) || touch.who == Who::AtMost(0)
        {
            return;
        }
        reach.basis = reach.basis.max(match touch.who {
            Who::Keys(_) => Basis::Named,
            Who::AtMost(_) => Basis::Counted,
            Who::Everyone => Basis::Whole,
        });
        reach.assumptions.push(format!(
            "the data map lists every class of data in `{}` of {}",
            target.table.name, target.store.name
        ));
        reach.touches.push(touch);
    }

    /// The request to ask the known states of the statement's tables; `None` where that cannot make the
    /// reach narrower: the message of an error may show a value of any row.
    fn replayable(&self) -> Option<ReplayRequest> {
        let run = &self.run;
        if run.event.outcome != Outcome::Success && self.footprint.fallible {
            return None;
        }
        let parameters: Vec<Option<String>> = (1..=run.parameters.len())
            .map(|n| run.parameter(n).map(str::to_owned))
            .collect();
        let mut parts = Vec::new();
        for (at, query) in self.footprint.rows.iter().enumerate() {
            let [target] = self.targets.get(at)?.as_slice() else {
                return None;
            };
            let (touch, _) = self.read(at, target);
            if target.is_internal() || touch.classes.is_empty() || self.is_looked_up(at, target) {
                continue;
            }
            parts.push(ReplayPart {
                table: target.table.name.clone(),
                question: query.ask(&parameters),
                shows: query.shows,
                touch,
            });
        }
        let whole = run.fetched.is_none() && self.footprint.kind != Kind::Other;
        let request = ReplayRequest {
            parts,
            when: run.event.when(),
            count: run.count,
            complete: run.completion == Completion::Done && whole,
        };
        self.map.has_states(&request).then_some(request)
    }

    /// The classes of the columns that are read, and the credentials among them.
    fn read_classes(&self, at: usize, target: &Target<'_>) -> (BTreeSet<String>, BTreeSet<ObservableKind>) {
        let (mut classes, mut reveals) = (BTreeSet::new(), BTreeSet::new());
        let used = &self.footprint.uses[at];
        for mention in self.footprint.mentions.iter().filter(|m| m.uses.contains(&at)) {
            let Some(column) = &mention.column else {
                classes.extend(target.table.all_classes());
                reveals.extend(target.table.holds.values().map(|c| c.observable()));
                continue;
            };
            let held = target.table.held(column);
            if mention.condition && held.is_some() && bound(used, column).is_some() {
                continue;
            }
            reveals.extend(held.map(|c| c.observable()));
            match target.table.class(column) {
                Some(class) => classes.extend((!class.is_empty()).then(|| class.to_owned())),
                None if belongs_elsewhere(mention, column, &self.targets) => {}
                None => classes.extend(self.map.classes_of(target.store)),
            }
        }
        (classes, reveals)
    }

    /// Whose rows were read, and whether it is sure that these were.
    fn readers(&self, at: usize, target: &Target<'_>) -> (Who, bool) {
        let (footprint, used) = (self.footprint, &self.footprint.uses[at]);
        if let Some(keys) = self.keys(at, target) {
            let exact = used.required && footprint.plain && self.shows(at, &keys, target.table);
            return (Who::Keys(keys.keys), exact);
        }
        let rows = match used.write {
            Some(_) => self.count_of_one(),
            None if used.per_row => self.run.most_rows(footprint),
            None => self.run.results.filter(|_| self.tells_key(at, target)),
        };
        // Without any condition, whoever is in the table was read.
        let limited = self.run.fetched.is_some() || footprint.filtered || used.write.is_some();
        let most = rows
            .filter(|_| limited)
            .map(|n| Who::AtMost(self.persons_in(n, target)));
        (most.unwrap_or(Who::Everyone), false)
    }

    /// Whether each row that was read came back with its subject's key in it: then persons are no more
    /// than result rows, even where a `UNION` or `DISTINCT` makes equal rows one.
    fn tells_key(&self, at: usize, target: &Target<'_>) -> bool {
        let key = target.table.subject_key.as_deref();
        key.zip(self.footprint.rows.get(at))
            .is_some_and(|(key, query)| query.tells(key))
    }

    /// Whose rows were written, if the transaction was committed: no record says so, so it is never sure.
    fn written(&self, at: usize, write: &Write, target: &Target<'_>) -> Who {
        let moves_key = moves_key(write, target.table);
        let count = self.count_of_one();
        if let Some(keys) = self.keys(at, target).filter(|_| !moves_key) {
            if count == Some(0) {
                return Who::Keys(BTreeSet::new());
            }
            return Who::Keys(keys.keys);
        }
        let rows = [write.rows, count].into_iter().flatten().min();
        // A row that is given to another person is that of two.
        let rows = rows.map(|n| n.saturating_mul(if moves_key { 2 } else { 1 }));
        let most = rows.map(|n| Who::AtMost(self.persons_in(n, target)));
        most.unwrap_or(Who::Everyone)
    }

    /// The count of rows, where it is that of one table.
    fn count_of_one(&self) -> Option<u64> {
        let several = self.footprint.uses.iter().filter(|u| u.write.is_some()).count() > 1;
        self.run.count.filter(|_| !several)
    }

    fn written_classes(&self, write: &Write, target: &Target<'_>) -> BTreeSet<String> {
        let names = match &write.columns {
            Columns::Named(names) if !moves_key(write, target.table) => names,
            _ => return target.table.all_classes(),
        };
        let mut classes = BTreeSet::new();
        for name in names {
            match target.table.class(name) {
                Some(class) => classes.extend((!class.is_empty()).then(|| class.to_owned())),
                None => classes.extend(self.map.classes_of(target.store)),
            }
        }
        classes
    }

    /// The keys to which the predicate binds the table's subject key; `None` where it does not, where a
    /// value is not known, or where an error message may have shown a value of any row.
    fn keys(&self, at: usize, target: &Target<'_>) -> Option<Keys> {
        let event = self.run.event;
        let on_value = event
            .status_code
            .as_deref()
            .is_some_and(|code| code.starts_with("22"));
        if event.outcome != Outcome::Success && on_value && self.footprint.fallible {
            return None;
        }
        let values = bound(&self.footprint.uses[at], target.table.subject_key.as_deref()?)?;
        let subject = target.subject.and_then(|s| self.map.subject(s));
        let mut keys = Keys::none();
        for text in self.run.texts(values)? {
            keys.join(key::readings(&text, subject)?);
        }
        Some(keys)
    }

    /// Whether the record shows that there was a row of each of the keys: a row came back and there is
    /// one key only; or each key has one row, and as many rows came back as there are keys.
    fn shows(&self, at: usize, keys: &Keys, table: &Table) -> bool {
        let Some(count) = self.run.count.filter(|n| *n > 0) else {
            return false;
        };
        let n_keys = u64::try_from(keys.keys.len()).unwrap_or(u64::MAX);
        let only = self.footprint.uses.len() == 1;
        let inserted = self.footprint.uses[at]
            .write
            .as_ref()
            .is_some_and(|w| w.rows == Some(count));
        let all = n_keys == 1 || only && (inserted || table.unique && count == n_keys);
        // Of stores that have a table of the same name, only one was meant.
        all && keys.certain && self.run.completion == Completion::Done && self.targets[at].len() == 1
    }

    /// The most persons whose data so many rows hold.
    fn persons_in(&self, rows: u64, target: &Target<'_>) -> u64 {
        let subject = target.subject.and_then(|s| self.map.subject(s));
        let per_key = subject.map_or(1, |s| s.persons_per_key.max(1));
        rows.saturating_mul(target.table.persons_per_row.max(1))
            .saturating_mul(per_key)
    }
}

impl Target<'_> {
    fn is_internal(&self) -> bool {
        self.store.internal || self.subject.is_none()
    }

    fn touch(&self, classes: BTreeSet<String>, effect: Effect, who: Who, exact: bool) -> Touch {
        Touch {
            store: self.store.name.clone(),
            subject: self.subject.unwrap_or_default().to_owned(),
            classes,
            effect,
            who,
            exact,
        }
    }
}

enum Found<'m> {
    Tables(Vec<Target<'m>>),
    Catalog,
    No(String),
}

impl<'a> Run<'a> {
    fn of(event: &'a Event, context: &'a ReachContext<'a>, completion: Completion) -> Self {
        Self {
            event,
            context,
            parameters: event.parameters.iter().map(|p| Some(p.clone())).collect(),
            completion,
            count: None,
            results: None,
            fetched: None,
        }
    }

    /// The texts of values; `None` where one is not known.
    fn texts(&self, values: &Values) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for value in values {
            match value {
                Value::Text(text) => texts.push(text.clone()),
                Value::Parameter(n) => texts.push(self.parameter(*n)?.to_owned()),
                Value::Elements(n) => texts.extend(statement::elements(self.parameter(*n)?)?),
            }
        }
        Some(texts)
    }

    /// The value of the n-th parameter. The server cuts long values off and marks that with three dots.
    fn parameter(&self, n: usize) -> Option<&str> {
        let text = self.parameters.get(n.checked_sub(1)?)?.as_deref()?;
        (!text.ends_with("...")).then_some(text)
    }

    /// The most result rows: by the record's count, by `LIMIT`, by `FETCH n`.
    fn most_rows(&self, footprint: &Footprint) -> Option<u64> {
        let value = footprint
            .limit
            .as_ref()
            .and_then(|v| self.texts(&Values::from([v.clone()])));
        let limit = value.and_then(|texts| texts.first()?.parse().ok());
        [self.count, limit, self.fetched].into_iter().flatten().min()
    }
}

impl Footprint {
    fn writes(&self) -> bool {
        self.uses.iter().any(|u| u.write.is_some())
    }
}

/// A statement that touches every row of the tables that a record names, in the way that it names.
fn at_large(event: &Event) -> Option<String> {
    let quoted = |part: &str| format!("\"{}\"", part.trim().trim_matches('"').replace('"', "\"\""));
    let table = |name: &str| name.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let tables: Vec<String> = event.resource.as_deref()?.split(',').map(table).collect();
    let each = |before: &str| {
        tables
            .iter()
            .map(|t| format!("{before} {t}"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    match event.activity.as_deref()?.to_ascii_uppercase().as_str() {
        "SELECT" | "COPY" | "TABLE" => Some(each("SELECT * FROM")),
        "INSERT" | "UPDATE" => Some(each("COPY").replace("; ", " FROM STDIN; ") + " FROM STDIN"),
        "DELETE" | "TRUNCATE" | "TRUNCATE TABLE" | "DROP TABLE" => Some(each("TRUNCATE")),
        _ => None,
    }
}

/// How far a statement came. Errors that the server raises before it runs a statement are attempts,
/// unless another statement of the same text ran before it.
fn outcome(event: &Event, n_commands: usize) -> Completion {
    const BEFORE: &[&str] = &[
        "42601", "42P01", "42703", "42883", "42702", "42725", "42P02", "42P18", "42804", "42803", "3F000",
        "25P02", "26000", "34000", "42704",
    ];
    let before = event
        .status_code
        .as_deref()
        .is_some_and(|code| BEFORE.contains(&code))
        && n_commands == 1;
    match event.outcome {
        Outcome::Success => Completion::Done,
        Outcome::Denied if n_commands == 1 => Completion::Attempt,
        Outcome::Failure if before => Completion::Attempt,
        _ => Completion::Possible,
    }
}

/// The number of result rows of a `SELECT`, which its record has truthful whatever they were made from.
fn results(footprint: &Footprint, event: &Event) -> Option<u64> {
    let told = footprint.kind == Kind::Select && event.outcome == Outcome::Success;
    event
        .record_count
        .filter(|_| told)
        .and_then(|n| u64::try_from(n).ok())
}

/// The row count of a record, where it can be believed: pgaudit and the command tag count what the
/// executor processed for these kinds of statement. For `COPY` and `FETCH` pgaudit reports 0, for an
/// aggregate over everyone 1, and for a statement that writes on the way only the rows of its last part;
/// none of these is believed.
///
/// | statement | believed |
/// |---|---|
/// | plain `SELECT` (no aggregate, group, distinct, set operation, window) | yes |
/// | `INSERT`, `UPDATE`, `DELETE` | yes |
/// | the same with a writing common table expression, `MERGE`, `CREATE TABLE AS`, `EXPLAIN ANALYZE` | no |
/// | any other `SELECT`, `COPY`, `FETCH`, `EXECUTE` | no |
fn true_count(footprint: &Footprint, event: &Event) -> Option<u64> {
    let believed = match footprint.kind {
        Kind::Select => footprint.plain,
        Kind::Insert | Kind::Update | Kind::Delete => true,
        Kind::Copy | Kind::Other => false,
    };
    let ended = event.outcome == Outcome::Success;
    event
        .record_count
        .filter(|_| believed && ended)
        .and_then(|n| u64::try_from(n).ok())
}

const fn effects(act: Act) -> &'static [Effect] {
    match act {
        Act::Insert | Act::Update => &[Effect::Changed],
        Act::Destroy => &[Effect::Destroyed],
        Act::Merge => &[Effect::Changed, Effect::Destroyed],
    }
}

fn bound<'u>(used: &'u Use, column: &str) -> Option<&'u Values> {
    used.bound
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(column))
        .map(|(_, values)| values)
}

/// Whether rows are given to another person: what they hold changes for both.
fn moves_key(write: &Write, table: &Table) -> bool {
    write.act == Act::Update
        && matches!(&write.columns, Columns::Named(names) if names.iter().any(|c| is_key(table, c)))
}

fn is_key(table: &Table, column: &str) -> bool {
    table
        .subject_key
        .as_ref()
        .is_some_and(|key| key.eq_ignore_ascii_case(column))
}

fn sets_password(write: &Write, table: &Table) -> bool {
    let password = |(name, kind): (&String, &super::model::Credential)| {
        *kind == super::model::Credential::Password
            && match &write.columns {
                Columns::All => true,
                Columns::Named(names) => names.iter().any(|n| n.eq_ignore_ascii_case(name)),
            }
    };
    table.holds.iter().any(password)
}

/// Whether a column that this table does not have by the map is one of another table that it may belong
/// to, or the name of a result column.
fn belongs_elsewhere(mention: &Mention, column: &str, targets: &[Vec<Target<'_>>]) -> bool {
    let known = |at: &usize| {
        targets
            .get(*at)
            .is_some_and(|found| found.iter().any(|t| t.table.class(column).is_some()))
    };
    mention.alias || mention.uses.iter().any(known)
}

/// Whether a name means a table of the server's own catalog, which is searched before any schema.
fn is_catalog(schema: Option<&str>, table: &str) -> bool {
    match schema {
        Some(schema) => schema == "pg_catalog" || schema == "information_schema",
        None => table.starts_with("pg_"),
    }
}

/// Catalogs that show values of tables, statements of others, or large objects.
fn tells_of_data(table: &str) -> bool {
    const TELLING: &[&str] = &[
        "pg_stats",
        "pg_statistic",
        "pg_statistic_ext_data",
        "pg_stats_ext",
        "pg_stats_ext_exprs",
        "pg_stat_activity",
        "pg_stat_statements",
        "pg_stat_statements_info",
        "pg_largeobject",
        "pg_prepared_statements",
        "pg_cursors",
        "pg_file_settings",
        "pg_hba_file_rules",
        "pg_user_mapping",
        "pg_user_mappings",
        "pg_foreign_server",
        "pg_subscription",
        "pg_prepared_xacts",
        "pg_replication_slots",
    ];
    TELLING.contains(&table) || table.starts_with("pg_toast")
}

fn catalog(used: &Use, stores: &[&Store], reach: &mut Reach) {
    let object = format!(
        "{}.{}",
        used.name.schema.as_deref().unwrap_or("pg_catalog"),
        used.name.table
    );
    if matches!(used.name.table.as_str(), "pg_authid" | "pg_shadow") {
        reach.reveals.push(ObservableKind::Account);
    }
    let store = stores
        .iter()
        .find(|s| !s.tables.is_empty())
        .or_else(|| stores.first());
    reach.internal.push(InternalTouch {
        store: store.map_or_else(String::new, |s| s.name.clone()),
        object,
        effect: Effect::Read,
        records: None,
        bytes: None,
    });
}

const fn said(basis: Basis) -> &'static str {
    match basis {
        Basis::Nothing => "the statement shows no value of personal data",
        Basis::Named => "the statement names the persons by key",
        Basis::Counted => "the number of rows bounds the persons",
        Basis::Whole => "nothing in the statement excludes anyone in the table",
        Basis::Replayed | Basis::Statements | Basis::Unmapped => "",
    }
}

/// Two statements of one text: everything that either did.
fn union(mut a: Reach, b: Reach) -> Reach {
    // What is not known to have run in full is not sure for the other either.
    let completion = match (a.completion, b.completion) {
        (x, y) if x == y => x,
        _ if a.touches.is_empty() && a.internal.is_empty() => b.completion,
        _ if b.touches.is_empty() && b.internal.is_empty() => a.completion,
        (x, y) => x.max(y).min(Completion::Possible),
    };
    a.touches.extend(b.touches);
    a.internal.extend(b.internal);
    a.reveals.extend(b.reveals);
    a.sets.extend(b.sets);
    a.assumptions.extend(b.assumptions);
    a.records = a.records.zip(b.records).map(|(x, y)| x.saturating_add(y));
    a.because = if b.basis >= a.basis { b.because } else { a.because };
    a.basis = a.basis.max(b.basis);
    a.completion = completion;
    a.replay = None;
    a.tidy();
    a
}
