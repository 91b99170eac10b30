//! A finding as OCSF's Detection Finding: class 2004, one event for each thing that becomes of it.
//!
//! A finding is *created* when it is raised, *updated* when it is corrected, and *closed* as deleted when it is
//! withdrawn. It keeps one `finding_info.uid` for all its life, whatever events are added to it.

use crate::Entry;
use ambit_event::{Finding, FindingId, Level, Observable, ObservableKind, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version of the schema that is written.
pub const OCSF_VERSION: &str = "1.8.0";

const CLASS: u32 = 2004;

/// Who says it: `metadata.product`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product<'a> {
    pub name: &'a str,
    pub vendor: &'a str,
    pub version: &'a str,
}

impl Product<'static> {
    /// Ambit, in this version.
    #[must_use]
    pub const fn ambit() -> Self {
        Self {
            name: "Ambit",
            vendor: "Ambit",
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// A finding that stands, as a Detection Finding that is created.
///
/// ```
/// use ambit_detect::{Product, SILENCE, ocsf};
/// use ambit_event::{Finding, FindingId, Timestamp};
///
/// # let finding = Finding {
/// #     id: FindingId::of("r", &[]), rule_id: "r".into(), title: SILENCE.title.into(), level: None, attack: vec![],
/// #     time: Timestamp(0), until: Timestamp(0), source: "sshd".into(), host: None, actor: vec![], because: None,
/// #     events: vec![], n_events: 0,
/// # };
/// let event = ocsf(&finding, &Product::ambit());
/// assert_eq!((event["class_uid"].as_u64(), event["activity_id"].as_u64()), (Some(2004), Some(1)));
/// ```
#[must_use]
pub fn ocsf(finding: &Finding, product: &Product<'_>) -> Value {
    Act::Create.event(finding, &finding.id.to_string(), finding.until, product)
}

/// What becomes of findings, each told as an event of its own.
#[derive(Debug, Clone)]
pub struct OcsfLog<'a> {
    product: Product<'a>,
    /// By its present id: under which name it was created, and what it says.
    open: BTreeMap<FindingId, (String, Finding)>,
}

impl<'a> OcsfLog<'a> {
    #[must_use]
    pub const fn new(product: Product<'a>) -> Self {
        Self {
            product,
            open: BTreeMap::new(),
        }
    }

    /// The event of an entry that is told at an instant, by the clock of whoever tells it. What another log created is
    /// known by its id alone.
    pub fn note(&mut self, entry: &Entry, now: Timestamp) -> Value {
        match entry {
            Entry::Raised { finding } => match self.open.remove(&finding.id) {
                Some((uid, _)) => self.told(Act::Update, finding, uid, now),
                None => self.told(Act::Create, finding, finding.id.to_string(), now),
            },
            Entry::Corrected { before, finding } => {
                let known = self.open.remove(before).map(|(uid, _)| uid);
                let uid = known.unwrap_or_else(|| before.to_string());
                self.told(Act::Update, finding, uid, now)
            }
            Entry::Withdrawn { before, rule_id } => match self.open.remove(before) {
                Some((uid, finding)) => Act::Close.event(&finding, &uid, now, &self.product),
                None => closed_unseen(*before, rule_id, now, &self.product),
            },
        }
    }

    fn told(&mut self, act: Act, finding: &Finding, uid: String, now: Timestamp) -> Value {
        let event = act.event(finding, &uid, now, &self.product);
        self.open.insert(finding.id, (uid, finding.clone()));
        event
    }
}

/// What happens to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Create = 1,
    Update = 2,
    Close = 3,
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Close => "Close",
        }
    }

    fn event(self, finding: &Finding, uid: &str, now: Timestamp, product: &Product<'_>) -> Value {
        let mut event = self.head(now, product);
        event.insert("start_time".into(), millis(finding.time).into());
        event.insert("end_time".into(), millis(finding.until).into());
        let (severity_id, severity) = severity(finding.level);
        event.insert("severity_id".into(), severity_id.into());
        event.insert("severity".into(), severity.into());
        event.insert("message".into(), message(finding).into());
        if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".into(), finding.id.to_string().into());
            metadata.insert("log_name".into(), finding.source.as_str().into());
            if let Some(host) = &finding.host {
                let logger =
                    json!([{"name": host, "device": {"hostname": host, "type_id": 0, "type": "Unknown"}}]);
                metadata.insert("loggers".into(), logger);
            }
        }
        event.insert("finding_info".into(), self.info(finding, uid, now));
        let (evidences, observables) = evidences(finding);
        for (name, list) in [("evidences", evidences), ("observables", observables)] {
            if !list.is_empty() {
                event.insert(name.into(), list.into());
            }
        }
        Value::Object(event)
    }

    /// What every event says, whatever it is about.
    fn head(self, now: Timestamp, product: &Product<'_>) -> Map<String, Value> {
        let activity = self as u32;
        let (status_id, status, detail) = match self {
            Self::Create => (1, "New", "raised"),
            Self::Update => (
                1,
                "New",
                "corrected: more events, or one that came late, changed it",
            ),
            Self::Close => (
                6,
                "Deleted",
                "withdrawn: with an event that came late it does not hold",
            ),
        };
        let head = json!({
            "activity_id": activity,
            "activity_name": self.name(),
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": CLASS,
            "class_name": "Detection Finding",
            "type_uid": CLASS * 100 + activity,
            "type_name": format!("Detection Finding: {}", self.name()),
            "time": millis(now),
            "status_id": status_id,
            "status": status,
            "status_detail": detail,
            "is_alert": self != Self::Close,
            "metadata": {
                "version": OCSF_VERSION,
                "product": {"name": product.name, "vendor_name": product.vendor, "version": product.version},
            },
        });
        match head {
            Value::Object(head) => head,
            _ => Map::new(),
        }
    }

    fn info(self, finding: &Finding, uid: &str, now: Timestamp) -> Value {
        let is_built_in = finding.rule_id.starts_with("ambit.");
        let (type_id, kind) = match is_built_in {
            true => (2, "Behavioral"),
            false => (1, "Rule"),
        };
        let related: Vec<Value> = finding
            .events
            .iter()
            .map(|id| json!({"uid": id.to_string()}))
            .collect();
        let mut info = json!({
            "uid": uid,
            "title": finding.title,
            "types": [if is_built_in { "Behaviour" } else { "Sigma rule" }],
            "created_time": millis(finding.until),
            "first_seen_time": millis(finding.time),
            "last_seen_time": millis(finding.until),
            "data_sources": [finding.source],
            "analytic": {"uid": finding.rule_id, "name": finding.title, "type_id": type_id, "type": kind},
            "related_events_count": finding.n_events,
        });
        let mut set = |name: &str, value: Value| {
            if let Some(info) = info.as_object_mut() {
                info.insert(name.to_owned(), value);
            }
        };
        if let Some(because) = &finding.because {
            set("desc", because.as_str().into());
        }
        if !finding.attack.is_empty() {
            set("attacks", finding.attack.iter().map(|id| attack(id)).collect());
        }
        if !related.is_empty() {
            set("related_events", related.into());
        }
        if self != Self::Create {
            set("modified_time", millis(now).into());
        }
        info
    }
}

/// The end of a finding that another log created: its id and its rule are all that is known.
fn closed_unseen(before: FindingId, rule_id: &str, now: Timestamp, product: &Product<'_>) -> Value {
    let mut event = Act::Close.head(now, product);
    event.insert("severity_id".into(), 0.into());
    event.insert("severity".into(), "Unknown".into());
    let info = json!({
        "uid": before.to_string(),
        "title": rule_id,
        "modified_time": millis(now),
        "analytic": {"uid": rule_id, "type_id": 0, "type": "Unknown"},
    });
    event.insert("finding_info".into(), info);
    Value::Object(event)
}

fn message(finding: &Finding) -> String {
    match &finding.because {
        Some(because) => format!("{}: {because}", finding.title),
        None => finding.title.clone(),
    }
}

/// OCSF's times are milliseconds.
const fn millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

const fn severity(level: Option<Level>) -> (u32, &'static str) {
    match level {
        None => (0, "Unknown"),
        Some(Level::Informational) => (1, "Informational"),
        Some(Level::Low) => (2, "Low"),
        Some(Level::Medium) => (3, "Medium"),
        Some(Level::High) => (4, "High"),
        Some(Level::Critical) => (5, "Critical"),
    }
}

/// A sub-technique names its technique beside itself.
fn attack(id: &str) -> Value {
    match id.split_once('.') {
        Some((technique, _)) => json!({"technique": {"uid": technique}, "sub_technique": {"uid": id}}),
        None => json!({"technique": {"uid": id}}),
    }
}

/// Who acted, where OCSF has a place for it, and the same as observables that point there.
///
/// Where a finding names several of a kind, each stands alone: who came from where is not said of them.
fn evidences(finding: &Finding) -> (Vec<Value>, Vec<Value>) {
    let (mut evidences, mut observables) = (Vec::<Value>::new(), Vec::new());
    let kinds: Vec<ObservableKind> = finding.actor.iter().map(|one| one.kind).collect();
    let is_one = kinds
        .iter()
        .enumerate()
        .all(|(at, kind)| !kinds.iter().take(at).any(|other| other == kind));
    for one in &finding.actor {
        let Some(place) = Place::of(one.kind) else {
            observables
                .push(json!({"name": one.kind.name(), "type_id": 99, "type": "Other", "value": one.value}));
            continue;
        };
        let at = if is_one { 0 } else { evidences.len() };
        if evidences.len() <= at {
            evidences.push(json!({}));
        }
        if let Some(evidence) = evidences.get_mut(at) {
            place.fill(evidence, one);
        }
        observables.push(json!({
            "name": format!("evidences[{at}].{}", place.path),
            "type_id": place.type_id,
            "type": place.kind,
            "value": one.value,
        }));
    }
    (evidences, observables)
}

/// Where OCSF has a place for an observable, and what it calls it.
struct Place {
    path: &'static str,
    type_id: u32,
    kind: &'static str,
}

impl Place {
    fn of(kind: ObservableKind) -> Option<Self> {
        let (path, type_id, kind) = match kind {
            ObservableKind::Account => ("actor.user.uid", 31, "User Object: uid"),
            ObservableKind::Session => ("actor.session.uid", 99, "Other"),
            ObservableKind::Token => ("actor.session.credential_uid", 19, "User Credential ID"),
            ObservableKind::Service => ("actor.app_name", 99, "Other"),
            ObservableKind::Address => ("src_endpoint.ip", 2, "IP Address"),
            ObservableKind::Device => ("src_endpoint.uid", 48, "Network Endpoint Object: uid"),
            ObservableKind::Host => ("device.hostname", 1, "Hostname"),
            _ => return None,
        };
        Some(Self { path, type_id, kind })
    }

    fn fill(&self, evidence: &mut Value, one: &Observable) {
        let mut at = &mut *evidence;
        for step in self.path.split('.') {
            at = &mut at[step];
        }
        *at = one.value.as_str().into();
        match one.kind {
            ObservableKind::Account if !one.realm.is_empty() => {
                evidence["actor"]["user"]["domain"] = one.realm.as_str().into();
            }
            ObservableKind::Host => evidence["device"]["type_id"] = 0.into(),
            _ => {}
        }
    }
}
