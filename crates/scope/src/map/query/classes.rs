//! Which classes of data a statement read or wrote.

use super::case::{Case, bound, moves_key};
use super::target::Target;
use crate::statement::{Columns, Mention, Write};
use ambit_event::ObservableKind;
use std::collections::BTreeSet;

impl Case<'_> {
    /// The classes of the columns that are read, and the credentials among them.
    pub(super) fn read_classes(
        &self,
        at: usize,
        target: &Target<'_>,
    ) -> (BTreeSet<String>, BTreeSet<ObservableKind>) {
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

    pub(super) fn written_classes(&self, write: &Write, target: &Target<'_>) -> BTreeSet<String> {
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
