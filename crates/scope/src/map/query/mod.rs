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

mod case;
mod classes;
mod run;
mod target;
mod text;
mod whose;

use super::model::{DataMap, Effect};
use super::reach::{Basis, Completion, Reach, ReachContext};
use super::replay::Wrote;
use crate::statement::{self, Command, Footprint};
use ambit_event::{Event, Observable};
use case::Case;
use run::{Run, outcome, results, true_count};
use target::Found;

impl DataMap {
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
                Command::Quiet
                | Command::Prepare(_)
                | Command::Fetch { .. }
                | Command::Gives { .. }
                | Command::Withholds => continue,
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
            Command::Quiet | Command::Prepare(_) => quiet(&run),
            Command::Gives { role } => gives(&run, role.as_deref()),
            Command::Withholds => self.withholds(&run),
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
            Command::Quiet => quiet(&run),
            Command::Gives { role } => gives(&run, role.as_deref()),
            Command::Withholds => self.withholds(&run),
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

    /// Data of any store in reach is unavailable to others: what was taken from whom, names of roles do not tell.
    fn withholds(&self, run: &Run<'_>) -> Reach {
        let why = "it takes a right from others, or keeps them from reading a table";
        let mut reach = self.unmapped(run.event, run.completion, why);
        reach.basis = Basis::Whole;
        reach.touches.retain(|t| t.effect == Effect::Unavailable);
        reach.internal.retain(|t| t.effect == Effect::Unavailable);
        reach.reveals.clear();
        reach.opens.clear();
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
                // By the map its role does not come there, and yet it asked: it may have been granted since.
                Found::No(why) => match self.targets(used, &self.recorded_by(&run.event.source)) {
                    Found::Tables(found) => found,
                    _ => return Err(why),
                },
            });
        }
        Ok(Case {
            map: self,
            footprint,
            targets,
            run,
        })
    }
}

fn gives(run: &Run<'_>, role: Option<&str>) -> Reach {
    let role = role.or(run.event.actor_user.as_deref());
    let realm = run.event.actor_realm.as_deref().unwrap_or("");
    Reach {
        gives: role
            .map(|role| Observable::account(realm, role))
            .into_iter()
            .collect(),
        ..quiet(run)
    }
}

fn quiet(run: &Run<'_>) -> Reach {
    Reach {
        completion: run.completion,
        ..Reach::nothing("the statement touches no rows")
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
    a.gives.extend(b.gives);
    a.assumptions.extend(b.assumptions);
    a.records = a.records.zip(b.records).map(|(x, y)| x.saturating_add(y));
    a.because = if b.basis >= a.basis { b.because } else { a.because };
    a.basis = a.basis.max(b.basis);
    a.completion = completion;
    a.replay = None;
    a.tidy();
    a
}
