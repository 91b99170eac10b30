//! Whose rows a statement read or wrote, as far as its record tells.

use super::case::{Case, bound, moves_key};
use super::target::Target;
use crate::map::key::{self, Keys};
use crate::map::model::Table;
use crate::map::reach::{Completion, Who};
use crate::statement::Write;
use ambit_event::Outcome;
use std::collections::BTreeSet;

impl Case<'_> {
    /// Whose rows were read, and whether it is sure that these were.
    pub(super) fn readers(&self, at: usize, target: &Target<'_>) -> (Who, bool) {
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
    pub(super) fn written(&self, at: usize, write: &Write, target: &Target<'_>) -> Who {
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
