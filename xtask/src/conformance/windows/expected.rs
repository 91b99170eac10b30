//! What a record says by another reading than ours: its fields under Windows' names, and its time.

use ambit_event::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Shippers' names of what Windows calls otherwise.
const RENAMED: &[(&str, &str)] = &[
    ("SourceName", "Provider_Name"),
    ("EventSourceName", "Provider_Name"),
    ("Provider", "Provider_Name"),
    ("source_name", "Provider_Name"),
    ("winlog.provider_name", "Provider_Name"),
    ("ProviderName", "Provider_Name"),
    ("ProviderGuid", "Provider_Guid"),
    ("provider_guid", "Provider_Guid"),
    ("winlog.provider_guid", "Provider_Guid"),
    ("event_id", "EventID"),
    ("winlog.event_id", "EventID"),
    ("winlog.version", "Version"),
    ("RecordNumber", "EventRecordID"),
    ("record_number", "EventRecordID"),
    ("winlog.record_id", "EventRecordID"),
    ("winlog.activity_id", "Correlation_ActivityID"),
    ("winlog.related_activity_id", "Correlation_RelatedActivityID"),
    ("ExecutionProcessID", "Execution_ProcessID"),
    ("process_id", "Execution_ProcessID"),
    ("thread_id", "Execution_ThreadID"),
    ("log_name", "Channel"),
    ("winlog.channel", "Channel"),
    ("Hostname", "Computer"),
    ("computer_name", "Computer"),
    ("winlog.computer_name", "Computer"),
];

/// Names that `System` uses.
const SYSTEM: &[&str] = &[
    "EventID",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "EventRecordID",
    "Channel",
    "Computer",
];

/// A record by another reading.
#[derive(Debug, Default)]
pub struct Expected {
    pub fields: BTreeMap<String, Value>,
    /// As it was written.
    time: String,
    /// Whether a dump cut blanks off, and wrote GUIDs without braces.
    is_dump: bool,
}

impl Expected {
    /// Event XML as the crate brings it to JSON.
    pub fn exact(value: &Value) -> Self {
        let mut expected = Self::default();
        let event = &value["Event"];
        for (name, part) in event["System"].as_object().into_iter().flatten() {
            expected.part_of_system(name, part);
        }
        for (name, data) in event["EventData"].as_object().into_iter().flatten() {
            expected.data("EventData", name, data);
        }
        for (kind, inner) in event["UserData"].as_object().into_iter().flatten() {
            expected.set("UserData", &Value::from(kind.as_str()));
            let members = inner.as_object().into_iter().flatten();
            for (name, data) in members.filter(|(name, _)| *name != "#attributes") {
                expected.data("UserData", name, data);
            }
        }
        expected
    }

    /// The same, written by an older version.
    pub fn dumped(value: &Value) -> Self {
        let mut expected = Self::exact(value);
        expected.is_dump = true;
        expected
    }

    /// A shipper's fields.
    pub fn shipped(value: &Value) -> Self {
        let mut expected = Self::default();
        let winlog = value["winlog"].as_object();
        let below = |(name, value): (&String, &Value)| (format!("winlog.{name}"), value.clone());
        let mut record: BTreeMap<String, Value> = winlog.into_iter().flatten().map(below).collect();
        let beside = value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "winlog");
        record.extend(beside.map(|(name, value)| (name.clone(), value.clone())));
        let times = [
            "winlog.time_created",
            "TimeCreated",
            "EventTime",
            "TimeGenerated",
            "@timestamp",
        ];
        let time = times.iter().find_map(|name| record.get(*name)?.as_str());
        expected.time = time.unwrap_or_default().to_owned();
        if winlog.is_some() {
            record.remove("@timestamp");
            record.remove("winlog.time_created");
            expected.of_process(record.remove("winlog.process"));
            expected.set("Security_UserID", &value["winlog"]["user"]["identifier"]);
        }
        let parts = [
            "EventData",
            "event_data",
            "winlog.event_data",
            "user_data",
            "winlog.user_data",
        ];
        let data: Vec<_> = parts
            .iter()
            .filter_map(|name| Some((*name, record.remove(*name)?)))
            .collect();
        for (theirs, ours) in RENAMED {
            if !record.contains_key(*ours)
                && let Some(value) = record.remove(*theirs)
            {
                record.insert((*ours).to_owned(), value);
            }
        }
        record.iter().for_each(|(name, value)| expected.set(name, value));
        for (part, data) in data {
            let part = if part.ends_with("user_data") {
                "UserData"
            } else {
                "EventData"
            };
            expected.shipped_data(part, &data);
        }
        expected
    }

    fn of_process(&mut self, process: Option<Value>) {
        let process = process.unwrap_or_default();
        self.set("Execution_ProcessID", &process["pid"]);
        self.set("Execution_ThreadID", &process["thread"]["id"]);
    }

    /// Data as an object, or in a text as JSON or XML.
    fn shipped_data(&mut self, part: &str, data: &Value) {
        let text = data.as_str().unwrap_or_default();
        let written = serde_json::from_str::<Map<String, Value>>(text).ok();
        match data.as_object().or(written.as_ref()) {
            Some(data) => data.iter().for_each(|(name, value)| match name.as_str() {
                "xml_name" if part == "UserData" => self.set(part, value),
                _ => self.data(part, name, value),
            }),
            None => self.xml(text),
        }
    }

    /// `<Data Name="x">text</Data>`, taken apart at its tags.
    fn xml(&mut self, data: &str) {
        for part in data.split("<Data Name=\"").skip(1) {
            let Some((name, rest)) = part.split_once("\">") else {
                continue;
            };
            let text = rest.split_once("</Data>").map_or("", |(text, _)| text);
            let text = text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
            self.data("EventData", name, &Value::from(text));
        }
    }

    fn part_of_system(&mut self, name: &str, part: &Value) {
        if name == "TimeCreated" {
            part["#attributes"]["SystemTime"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut self.time);
            return;
        }
        let attributes = part.get("#attributes").and_then(Value::as_object);
        for (attribute, value) in attributes.into_iter().flatten() {
            self.set(&format!("{name}_{attribute}"), value);
        }
        match part.get("#text") {
            Some(text) => self.set(name, text),
            None if part.is_object() => {}
            None => self.set(name, part),
        }
    }

    fn data(&mut self, part: &str, name: &str, data: &Value) {
        if name == "#attributes" {
            for (attribute, value) in data.as_object().into_iter().flatten() {
                self.set(&format!("{part}_{attribute}"), value);
            }
            return;
        }
        let only_text = data
            .as_object()
            .filter(|object| object.len() == 1)
            .and_then(|object| object.get("#text"));
        let is_taken = SYSTEM.contains(&name) || self.fields.contains_key(name);
        let name = if is_taken {
            format!("{part}.{name}")
        } else {
            name.to_owned()
        };
        self.set(&name, only_text.unwrap_or(data));
    }

    fn set(&mut self, name: &str, value: &Value) {
        if !value.is_null() {
            self.fields.insert(name.to_owned(), value.clone());
        }
    }

    /// Why our value is not the one that was written; `None` where it is.
    pub fn differs(&self, ours: Option<&Value>, wanted: &Value) -> Option<String> {
        let Some(ours) = ours else {
            return Some("is missing".to_owned());
        };
        let (left, right) = match self.is_dump {
            true => (trimmed(ours), trimmed(wanted)),
            false => (ours.clone(), wanted.clone()),
        };
        let is_same =
            left == right || is_number(&left, &right) || is_guid(&left, &right) || is_redacted(&left, &right);
        (!is_same).then(|| format!("{ours} for {wanted}"))
    }

    /// Whether the time is the one that was written; one without a zone is taken as UTC.
    pub fn is_at(&self, time: Timestamp) -> bool {
        let text = self.time.trim_end_matches('Z').replace(' ', "T");
        let civil = text.parse::<jiff::civil::DateTime>();
        let at = civil
            .ok()
            .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let Some(nanos) = at.and_then(|at| i64::try_from(at.timestamp().as_nanosecond()).ok()) else {
            return false;
        };
        match self.is_dump {
            true => nanos.div_euclid(1000) == time.0.div_euclid(1000),
            false => nanos == time.0,
        }
    }
}

/// A number, written as one or as a text.
pub fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The same value without blanks at the ends of its texts.
pub fn trimmed(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.trim()),
        Value::Array(items) => items.iter().map(trimmed).collect(),
        other => other.clone(),
    }
}

/// Digits in a text, and the number that they are.
fn is_number(ours: &Value, wanted: &Value) -> bool {
    let number = wanted
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    ours.is_number() && number.is_some_and(|number| number == *ours)
}

fn is_guid(ours: &Value, wanted: &Value) -> bool {
    let (Some(ours), Some(wanted)) = (ours.as_str(), wanted.as_str()) else {
        return false;
    };
    let bare = wanted.trim_matches(['{', '}']);
    bare.len() == 36 && ours == format!("{{{}}}", bare.to_lowercase())
}

/// Whether ours is theirs but for secrets, each of which a fingerprint stands for.
fn is_redacted(ours: &Value, wanted: &Value) -> bool {
    match (ours, wanted) {
        (Value::String(ours), Value::String(wanted)) => {
            let mut rest = wanted.as_str();
            let mut parts = ours.split("fp_");
            let Some(after) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
                return false;
            };
            rest = after;
            ours.contains("fp_")
                && parts.all(|part| {
                    let plain = part.get(24..).unwrap_or_default();
                    match rest.find(plain) {
                        Some(at) => {
                            rest = rest.get(at + plain.len()..).unwrap_or_default();
                            true
                        }
                        None => false,
                    }
                })
        }
        (Value::Array(ours), Value::Array(wanted)) => {
            let is_same = |(a, b): (&Value, &Value)| a == b || is_redacted(a, b);
            ours.len() == wanted.len() && ours.iter().zip(wanted).all(is_same)
        }
        _ => false,
    }
}
