//! What is remembered of each event. Memory is bounded, whatever the logs hold.

use super::Proposal;
use super::guess::places;
use crate::map::reach::{is_http, is_statement};
use crate::map::route::parse_query;
use crate::statement::{self, Command, Footprint};
use ambit_event::Event;
use std::collections::BTreeSet;

/// The most different things of one kind that are remembered; what comes later is counted only.
const MOST: usize = 2_000;

/// The most values of one parameter that are looked at.
const VALUES: usize = 64;

impl Proposal {
    /// Looks at one more event. Memory is bounded, whatever the logs hold.
    pub fn add(&mut self, event: &Event) {
        self.n_events += 1;
        if is_http(event) {
            self.request(event);
        } else if let (true, Some(text)) = (is_statement(event), event.query_text.as_deref()) {
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
        if event.actor_credential.is_some() && !is_statement(event) {
            self.tokens.insert(event.source.clone());
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
}

fn remember(values: &mut BTreeSet<String>, value: &str) {
    if values.len() < VALUES && value.len() <= 200 {
        values.insert(value.to_owned());
    }
}
