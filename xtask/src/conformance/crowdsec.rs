//! Checks our events against what CrowdSec's parsers saw in the same lines.

use super::Report;
use super::asserts::{self, Line, Part, SCENARIO};
use super::path::texts;
use ambit_event::{Batch, Column, ColumnKind, Event, Keys, Span, Timestamp};
use ambit_source::{Context, Format, Sample, decode_all, formats};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The committed table: which of their names is which of our columns.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// Sets with these log types are checked.
    log_types: Vec<String>,
    /// Of sets with these, what alerts show of their events is checked too: no parser's parts are asserted.
    #[serde(default)]
    scenario_log_types: Vec<String>,
    /// And those whose folder begins so.
    folders: Vec<String>,
    /// But for these.
    #[serde(default)]
    skip_set: Vec<Skip>,
    /// Their parsers that read what we read.
    parsers: Vec<String>,
    /// Those that repeat an earlier parser's parts: only these names are their own.
    repeater: Vec<Repeater>,
    field: Vec<Field>,
    /// Whole objects: their names go on below this one as our fields do.
    #[serde(default)]
    tree: Vec<String>,
    #[serde(default)]
    skip: Vec<Skip>,
    #[serde(default)]
    label: Vec<Label>,
    #[serde(default)]
    reject: Vec<KnownReject>,
}

#[derive(Debug, Deserialize)]
struct Field {
    /// The end of a parser's name; any where it is left out.
    #[serde(default)]
    parser: String,
    name: String,
    /// Our columns by path, or `field:name`; one of them must have the value.
    #[serde(default)]
    is: Vec<String>,
    /// Or hold it.
    #[serde(default)]
    within: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Skip {
    name: String,
    why: String,
}

#[derive(Debug, Deserialize)]
struct Repeater {
    parser: String,
    names: Vec<String>,
}

/// A value that is a word of theirs, and what it says in our columns.
#[derive(Debug, Deserialize)]
struct Label {
    name: String,
    value: String,
    means: BTreeMap<String, Vec<String>>,
}

/// A line that is rightly rejected.
#[derive(Debug, Deserialize)]
struct KnownReject {
    set: String,
    contains: String,
    why: String,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood, or skips something without a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|e| format!("crowdsec.toml: {e}"))?;
        let reasons = table
            .skip
            .iter()
            .chain(&table.skip_set)
            .map(|s| &s.why)
            .chain(table.reject.iter().map(|r| &r.why));
        if reasons.into_iter().any(|why| why.trim().is_empty()) {
            return Err("crowdsec.toml: every skip and reject has a reason".to_owned());
        }
        Ok(table)
    }
}

/// Parts by which a record of theirs is found among ours: they are pieces of the raw line.
const IDENTITY: &[&str] = &[
    "Parsed.message",
    "Parsed.timestamp",
    "Parsed.timestamp8601",
    "Parsed.time_local",
    "Parsed.time",
];

/// The same where an alert shows a record.
const IDENTITY_IN_ALERT: &[&str] = &["Meta.timestamp", "Meta.event_name", "Meta.resource_name"];

fn is_identity(part: &Part) -> bool {
    match part.stage.as_str() {
        SCENARIO => IDENTITY_IN_ALERT.contains(&part.name.as_str()),
        _ => IDENTITY.contains(&part.name.as_str()),
    }
}

/// When the files were last written, for times without a year: any instant after all of them.
const WRITTEN: &str = "2026-11-22T00:00:00Z";

/// Checks every set of the folder.
pub fn check(folder: &Path, table: &Table, report: &mut Report) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        report.note(format!("{}: not there", folder.display()));
        return;
    };
    let sets: BTreeSet<_> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    for path in sets {
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let config = std::fs::read_to_string(path.join("config.yaml")).unwrap_or_default();
        let log_type = setting(&config, "log_type");
        let is_chosen =
            table.log_types.contains(&log_type) || table.folders.iter().any(|f| name.starts_with(f));
        if !is_chosen || table.skip_set.iter().any(|s| s.name == name) {
            continue;
        }
        let Ok(log) = std::fs::read(path.join(setting(&config, "log_file"))) else {
            report.fail(format!("{name}: its log file cannot be read"));
            continue;
        };
        let assertions = std::fs::read_to_string(path.join("parser.assert")).unwrap_or_default();
        let scenario = match table.scenario_log_types.contains(&log_type) {
            true => std::fs::read_to_string(path.join("scenario.assert")).unwrap_or_default(),
            false => String::new(),
        };
        Set {
            name,
            table,
            keys: Keys::derive(&[7; 32]),
            report,
        }
        .check(&log_type, &log, &assertions, &scenario);
    }
}

/// A plain `name: value` of the set's configuration.
pub fn setting(config: &str, name: &str) -> String {
    let line = config
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or("").trim().trim_matches(['"', '\'']).to_owned()
}

/// Each line goes to the format that recognizes it, as a set can mix formats in one file; a syslog file is one stream.
/// What cannot be read comes with the reason.
pub fn decode(name: &str, log_type: &str, log: &[u8], keys: &Keys) -> (Vec<Event>, Vec<(Vec<u8>, String)>) {
    let built_in = formats::built_in();
    let mut refused = Vec::new();
    let mut groups: BTreeMap<String, (Arc<dyn Format>, Vec<u8>)> = BTreeMap::new();
    for line in log.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let found = if log_type == "syslog" {
            built_in.iter().find(|f| f.name() == "syslog")
        } else {
            let sample = Sample::new(name, line);
            built_in
                .iter()
                .map(|f| (f.recognize(&sample).0, f))
                .filter(|(sure, _)| *sure > 0)
                .rev()
                .max_by_key(|(sure, _)| *sure)
                .map(|(_, f)| f)
        };
        let Some(format) = found else {
            refused.push((line.to_vec(), "no format recognizes the line".to_owned()));
            continue;
        };
        let (_, bytes) = groups
            .entry(format.name().to_owned())
            .or_insert_with(|| (format.clone(), Vec::new()));
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    let mut context = Context::bare(keys.clone());
    context.modified = Timestamp::parse(WRITTEN).ok();
    let batches: Vec<Batch> = groups
        .values()
        .filter_map(|(f, bytes)| decode_all(f, bytes, &context).ok())
        .collect();
    for reject in batches.iter().flat_map(|b| &b.rejects) {
        refused.push((reject.raw.clone(), reject.reason.clone()));
    }
    (batches.into_iter().flat_map(|b| b.events).collect(), refused)
}

struct Set<'a> {
    name: String,
    table: &'a Table,
    keys: Keys,
    report: &'a mut Report,
}

impl Set<'_> {
    fn check(&mut self, log_type: &str, log: &[u8], assertions: &str, scenario: &str) {
        self.report.n_sets += 1;
        let events = self.decode(log_type, log);
        self.report.n_events += events.len();
        let (lines, odd) = asserts::parse(assertions);
        for line in odd {
            self.report
                .fail(format!("{}: parser.assert {line}: not understood", self.name));
        }
        let mut records: BTreeMap<(String, String, usize), Vec<Part>> = BTreeMap::new();
        let shown = asserts::parse_scenario(scenario).into_iter().map(Line::Part);
        for line in lines.into_iter().chain(shown) {
            match line {
                Line::Part(part) if self.is_ours(&part) => {
                    records
                        .entry((part.stage.clone(), part.parser.clone(), part.index))
                        .or_default()
                        .push(part);
                }
                Line::Part(_) => self.report.n_foreign += 1,
                Line::Count => self.report.n_counts += 1,
            }
        }
        let mut taken: BTreeSet<(String, String, usize)> = BTreeSet::new();
        for ((stage, parser, _), parts) in records {
            if parts.iter().any(|p| p.name == "Success" && p.expected == "false") || parts.len() < 2 {
                continue;
            }
            self.check_record(&stage, &parser, &parts, &events, &mut taken);
        }
    }

    fn is_ours(&self, part: &Part) -> bool {
        let is_own = |r: &Repeater| {
            r.names.contains(&part.name) || IDENTITY.contains(&part.name.as_str()) || part.name == "Success"
        };
        part.stage == SCENARIO
            || self
                .table
                .parsers
                .iter()
                .any(|p| part.parser.ends_with(p.as_str()))
            || self
                .table
                .repeater
                .iter()
                .any(|r| part.parser.ends_with(r.parser.as_str()) && is_own(r))
    }

    fn decode(&mut self, log_type: &str, log: &[u8]) -> Vec<Event> {
        let (events, refused) = decode(&self.name, log_type, log, &self.keys);
        for (line, why) in refused {
            self.reject(&line, &why);
        }
        events
    }

    fn reject(&mut self, line: &[u8], why: &str) {
        let text = String::from_utf8_lossy(line);
        self.report.n_rejects += 1;
        let is_known = self
            .table
            .reject
            .iter()
            .any(|k| k.set == self.name && text.contains(&k.contains));
        if !is_known {
            let shown: String = text.chars().take(120).collect();
            self.report.fail(format!(
                "{}: rejected ({why}): {}",
                self.name,
                ambit_event::printable(&shown, 140)
            ));
        }
    }

    fn check_record(
        &mut self,
        stage: &str,
        parser: &str,
        parts: &[Part],
        events: &[Event],
        taken: &mut BTreeSet<(String, String, usize)>,
    ) {
        let pieces: Vec<&str> = parts
            .iter()
            .filter(|p| is_identity(p) && p.skipped == 0)
            .map(|p| p.expected.as_str())
            .collect();
        if pieces.is_empty() {
            self.report.n_unidentified += 1;
            return;
        }
        let key = |n| (stage.to_owned(), parser.to_owned(), n);
        let found = events.iter().enumerate().find(|(n, event)| {
            let raw = String::from_utf8_lossy(&event.raw);
            !taken.contains(&key(*n)) && pieces.iter().all(|piece| raw.contains(piece.trim_end()))
        });
        let Some((n, event)) = found else {
            let line = parts.first().map_or(0, |p| p.line);
            self.report.fail(format!(
                "{}: parser.assert line {line}: no event for this record",
                self.name
            ));
            return;
        };
        taken.insert(key(n));
        let is_repeater = self
            .table
            .repeater
            .iter()
            .any(|r| parser.ends_with(r.parser.as_str()));
        for part in parts
            .iter()
            .filter(|p| !is_repeater || !IDENTITY.contains(&p.name.as_str()))
        {
            self.check_part(parser, part, event);
        }
    }

    fn check_part(&mut self, parser: &str, part: &Part, event: &Event) {
        if let Some(label) = self
            .table
            .label
            .iter()
            .find(|l| l.name == part.name && l.value == part.expected)
        {
            for (path, values) in &label.means {
                let ours = ours(event, path);
                self.report.n_fields += 1;
                if !ours.as_ref().is_some_and(|v| values.contains(v)) {
                    self.wrong(part, &format!("{path} in {values:?}"), ours.as_deref());
                }
            }
            return;
        }
        if self
            .table
            .skip
            .iter()
            .any(|s| s.name == part.name || part.name.starts_with(&format!("{}.", s.name)))
        {
            self.report.n_skipped += 1;
            return;
        }
        let field = self
            .table
            .field
            .iter()
            .find(|f| f.name == part.name && parser.ends_with(f.parser.as_str()));
        let tree = self
            .table
            .tree
            .iter()
            .find_map(|tree| part.name.strip_prefix(tree)?.strip_prefix('.'));
        let below = tree.map(|rest| Field {
            parser: String::new(),
            name: part.name.clone(),
            is: vec![format!("field:{rest}")],
            within: Vec::new(),
        });
        let Some(field) = field.or(below.as_ref()) else {
            *self.report.unlisted.entry(part.name.clone()).or_default() += 1;
            return;
        };
        self.report.n_fields += 1;
        let ours: Vec<String> = field.is.iter().filter_map(|path| ours(event, path)).collect();
        let is_empty = matches!(part.expected.as_str(), "" | "-");
        let holders: Vec<String> = field
            .within
            .iter()
            .filter_map(|path| self::ours(event, path))
            .collect();
        let is_end = field.is.iter().any(|path| path == "time") && is_within(event, &part.expected);
        let fits = is_end
            || ours.iter().any(|value| self.same(value, part))
            || holders
                .iter()
                .any(|value| value.contains(&*self.keys.redact(&part.expected)))
            || is_empty && ours.iter().chain(&holders).all(|v| v.is_empty() || v == "-");
        if !fits {
            let places = [field.is.join(", "), field.within.join(", ")].join(" ");
            self.wrong(
                part,
                &format!("`{}` in {places}", part.expected),
                ours.first().or(holders.first()).map(String::as_str),
            );
        }
    }

    /// Whether our value says the same: the text itself, with its secrets as fingerprints, the same address,
    /// or the same instant.
    fn same(&self, ours: &str, part: &Part) -> bool {
        let expected = part.expected.as_str();
        if part.skipped > 0 {
            return ours.get(part.skipped..) == Some(expected);
        }
        if part.is_rounded {
            let number = |text: &str| text.parse::<f64>().ok();
            return number(ours)
                .zip(number(expected))
                .is_some_and(|(a, b)| (a - b).abs() < 1e-5);
        }
        let ip = |text: &str| text.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()).ok();
        let whole = expected.strip_suffix(".000000").unwrap_or(expected);
        ours.trim() == whole.trim()
            || expected.contains("\\x") && ours.trim() == unescaped(expected).trim()
            || ours == self.keys.redact(expected)
            || ip(ours).is_some() && ip(ours) == ip(expected)
            || Timestamp::parse(ours).is_ok_and(|at| Timestamp::parse(expected) == Ok(at))
    }

    fn wrong(&mut self, part: &Part, expected: &str, ours: Option<&str>) {
        let ours = ours.map_or_else(|| "nothing".to_owned(), |v| format!("`{v}`"));
        let message = format!(
            "{}: parser.assert line {}: {}: expected {expected}, found {ours}",
            self.name, part.line, part.name
        );
        self.report.fail(ambit_event::printable(&message, 400));
    }
}

/// Whether whole seconds, as CrowdSec keeps them, tell an instant of an operation that lasts: we take its arrival,
/// they the record's.
fn is_within(event: &Event, expected: &str) -> bool {
    let second = Timestamp::parse(expected).map(|at| Span::new(at, at.plus_secs(1)));
    event.duration.is_some() && second.is_ok_and(|second| second.overlaps(event.when()))
}

/// A text with nginx's escapes `\xHH` undone.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let code = rest
            .get(at + 2..at + 4)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(b'\\'));
        rest = &rest[at + if code.is_some() { 4 } else { 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Path and query of a request, as it was sent.
fn target(event: &Event) -> Option<String> {
    let path = event.resource.as_deref()?;
    Some(
        event
            .query_text
            .as_deref()
            .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")),
    )
}

/// A whole URL that was asked for, without its scheme, as CrowdSec's pattern cuts it.
fn url(event: &Event) -> Option<String> {
    let request = event.field("request")?;
    let (scheme, rest) = request.split(' ').nth(1)?.split_once(':')?;
    scheme
        .starts_with("http")
        .then(|| rest.split('?').next().unwrap_or(rest).to_owned())
}

/// The value of a column by its path, of `field:path`, `time`, `target`, `url` or `raw`, as text.
pub(super) fn ours(event: &Event, path: &str) -> Option<String> {
    match path {
        "time" => return Some(event.time.to_string()),
        "raw" => return Some(String::from_utf8_lossy(&event.raw).into_owned()),
        "target" => return target(event),
        "url" => return url(event),
        _ => {}
    }
    if let Some(field) = path.strip_prefix("field:") {
        let below = || {
            texts(&Value::Object((*event.fields).clone()), field)
                .into_iter()
                .next()
        };
        return event.field(field).map(|v| v.into_owned()).or_else(below);
    }
    let column = Column::parse(path).ok()?;
    match column.kind() {
        ColumnKind::Text => event.text(column).map(ToOwned::to_owned),
        ColumnKind::Integer => event.integer(column).map(|n| n.to_string()),
        ColumnKind::TextList => Some(event.list(column).join(",")),
    }
}
