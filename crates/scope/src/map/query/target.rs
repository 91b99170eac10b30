//! What a table's name in a statement means: tables of the map, or the server's own catalog.

use crate::map::model::{DataMap, Effect, Store, Table};
use crate::map::reach::{InternalTouch, Reach, Touch, Who};
use crate::statement::Use;
use ambit_event::{ObservableKind, printable};
use std::collections::BTreeSet;

/// A table of the map that a use may mean.
pub(super) struct Target<'m> {
    pub store: &'m Store,
    pub table: &'m Table,
    pub subject: Option<&'m str>,
}

impl Target<'_> {
    pub(super) fn is_internal(&self) -> bool {
        self.store.internal || self.subject.is_none()
    }

    pub(super) fn touch(&self, classes: BTreeSet<String>, effect: Effect, who: Who, exact: bool) -> Touch {
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

pub(super) enum Found<'m> {
    Tables(Vec<Target<'m>>),
    Catalog,
    No(String),
}

impl DataMap {
    pub(super) fn targets(&self, used: &Use, stores: &[&'_ Store]) -> Found<'_> {
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
        let shown = printable(&used.name.table, 60);
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

pub(super) fn catalog(used: &Use, stores: &[&Store], reach: &mut Reach) {
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
