//! The form in which all fields stand side by side: what each of them is.
//!
//! That follows from the names alone, and events of one kind come with the same names in the same order: it is found
//! out once for each such row of names.

use super::shape::{NUMBERS, SYSTEM, guid, is_guid_name, numbered};
use crate::json::{Becomes, Json, Object};
use crate::quick::Quick;
use std::borrow::Cow;
use std::collections::HashMap;

/// What shippers that write all fields side by side call them: NXLog, PowerShell and its `Get-WinEvent`, Log Analytics,
/// Winlogbeat before 7. Of two names for the same the first counts.
const NAMES: &[(&str, &str)] = &[
    ("SourceName", "Provider_Name"),
    ("EventSourceName", "Provider_Name"),
    ("Provider", "Provider_Name"),
    ("source_name", "Provider_Name"),
    // The last, as some events have data of this name.
    ("ProviderName", "Provider_Name"),
    ("ProviderGuid", "Provider_Guid"),
    ("provider_guid", "Provider_Guid"),
    ("Id", "EventID"),
    ("event_id", "EventID"),
    ("RecordNumber", "EventRecordID"),
    ("RecordId", "EventRecordID"),
    ("EventRecordId", "EventRecordID"),
    ("record_number", "EventRecordID"),
    ("ExecutionProcessID", "Execution_ProcessID"),
    ("process_id", "Execution_ProcessID"),
    ("thread_id", "Execution_ThreadID"),
    ("LogName", "Channel"),
    ("log_name", "Channel"),
    ("Hostname", "Computer"),
    ("MachineName", "Computer"),
    ("computer_name", "Computer"),
];

/// What they call the event's own data, where it does not stand beside.
const DATA: &[(&str, &str)] = &[
    ("EventData", "EventData"),
    ("event_data", "EventData"),
    ("user_data", "UserData"),
];

/// Where they write when it happened; the first that is there counts.
const TIMES: &[&str] = &[
    "TimeCreated",
    "SystemTime",
    "EventTime",
    "TimeGenerated",
    "@timestamp",
];

/// Names of forms in which fields do not stand side by side.
const OTHERS: &[&str] = &["Event", "System", "winlog"];

/// Whether a part of `System` is there, under whichever name.
pub fn has(object: &Object<'_>, ours: &str) -> bool {
    let mut theirs = NAMES.iter().filter(|(_, same)| *same == ours);
    theirs.any(|(theirs, _)| object.contains_key(theirs)) || object.contains_key(ours)
}

/// What each field of a row of names is.
#[derive(Debug)]
pub struct Layout {
    names: Vec<Box<str>>,
    steps: Vec<Step>,
    /// The places of the fields that may say when it happened, the one that counts first.
    times: Vec<usize>,
}

/// What a field is.
#[derive(Debug)]
struct Step {
    /// The part that it is, where it holds data of the event's own.
    part: Option<&'static str>,
    /// Our name for it, where that is another one.
    ours: Option<&'static str>,
    is_number: bool,
    is_guid: bool,
}

impl Layout {
    pub fn of(object: &Object<'_>) -> Self {
        let renamed = renamed(object);
        let place = |name: &&str| object.iter().position(|(key, _)| key == *name);
        Self {
            names: object.iter().map(|(name, _)| name.into()).collect(),
            steps: object.iter().map(|(name, _)| Step::of(name, &renamed)).collect(),
            times: TIMES.iter().filter_map(place).collect(),
        }
    }

    /// Brings the fields of an object with these names to the one shape. Gives the parts that hold data of the
    /// event's own, which are fields no more.
    pub fn reshape<'a>(&self, object: &mut Object<'a>) -> Vec<(&'static str, Json<'a>)> {
        let mut data = Vec::new();
        object.reshape(|nth, name, value, written| match self.steps.get(nth) {
            Some(Step { part: Some(part), .. }) => {
                data.push((*part, std::mem::replace(value, Json::Null)));
                Becomes::Gone
            }
            _ if value.is_null() => Becomes::Gone,
            Some(step) => {
                if step.changes(value) {
                    *written = "";
                }
                match step.ours {
                    Some(ours) => {
                        (*name, *written) = (Cow::Borrowed(ours), "");
                        Becomes::Renamed
                    }
                    None => Becomes::Kept,
                }
            }
            None => Becomes::Kept,
        });
        data
    }

    /// Where it is written when it happened.
    pub fn time<'o, 'a>(&self, object: &'o Object<'a>) -> Option<&'o Json<'a>> {
        let mut times = self.times.iter().filter_map(|nth| object.nth(*nth));
        times.find(|value| !value.is_null())
    }

    fn is_of(&self, object: &Object<'_>) -> bool {
        let mut names = self.names.iter().zip(object.iter());
        self.names.len() == object.len() && names.all(|(name, (key, _))| **name == *key)
    }
}

/// Names with what we call them; no two get the same, and none gets one that is there.
fn renamed(object: &Object<'_>) -> Vec<(&'static str, &'static str)> {
    // Get-WinEvent's ProcessId is that of the logging process, other shippers' is the event's own.
    let is_record = object.contains_key("Id") && object.contains_key("LogName");
    let more: &[(&str, &str)] = match is_record {
        true => &[
            ("ProcessId", "Execution_ProcessID"),
            ("ThreadId", "Execution_ThreadID"),
        ],
        false => &[],
    };
    let mut renamed: Vec<(&str, &str)> = Vec::new();
    for (theirs, ours) in NAMES.iter().chain(more) {
        let is_taken = object.contains_key(ours) || renamed.iter().any(|(_, same)| same == ours);
        if object.contains_key(theirs) && !is_taken {
            renamed.push((theirs, ours));
        }
    }
    renamed
}

impl Step {
    fn of(name: &str, renamed: &[(&'static str, &'static str)]) -> Self {
        let named = |(theirs, _): &&(&str, &str)| *theirs == name;
        let ours = renamed.iter().find(named).map(|(_, ours)| *ours);
        let kept = ours.unwrap_or(name);
        Self {
            part: DATA.iter().find(named).map(|(_, part)| *part),
            ours,
            is_number: SYSTEM.contains(&kept) && NUMBERS.contains(&kept),
            is_guid: is_guid_name(kept),
        }
    }

    /// Brings the value to the one shape. Whether it was another one.
    fn changes(&self, value: &mut Json<'_>) -> bool {
        let Json::Text(_) = value else {
            return false;
        };
        if self.is_number {
            *value = numbered(std::mem::replace(value, Json::Null));
            return true;
        }
        let guid = self.is_guid.then(|| guid(value)).flatten();
        let is_other = guid.is_some();
        if let Some(guid) = guid {
            *value = guid;
        }
        is_other
    }
}

/// Rows of names that came before. Names are written by others: only so many rows are remembered, and no long ones.
#[derive(Debug, Default)]
pub struct Layouts(HashMap<u64, Layout, Quick>);

impl Layouts {
    const MOST: usize = 512;
    /// Names of a row, and bytes of all of them.
    const MOST_NAMES: usize = 256;
    const MOST_BYTES: usize = 8 << 10;

    pub fn known(&self, object: &Object<'_>) -> Option<&Layout> {
        let layout = self.0.get(&object.looks())?;
        layout.is_of(object).then_some(layout)
    }

    /// Remembers a layout of an object that looks so, if its names alone say which form it has.
    pub fn note(&mut self, looks: u64, layout: Layout) {
        let is_told = !layout.names.iter().any(|name| OTHERS.contains(&&**name));
        let n_bytes: usize = layout.names.iter().map(|name| name.len()).sum();
        let is_short = layout.names.len() <= Self::MOST_NAMES && n_bytes <= Self::MOST_BYTES;
        if is_told && is_short && self.0.len() < Self::MOST {
            self.0.insert(looks, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::shape::{Shaped, shaped};
    use super::*;
    use crate::json;

    const RECORDS: [&str; 5] = [
        r#"{"EventID":"4624","Channel":"Security","SourceName":"P","EventTime":"a","ProcessId":"7","X":null,"Hostname":"h"}"#,
        r#"{"EventID":4624,"Channel":"Security","SourceName":"P","EventTime":null,"ProcessId":"8","X":"1","Hostname":"h"}"#,
        r#"{"Id":1,"LogName":"c","ProviderName":"P","ProcessId":7,"LogonGuid":"0F5C2B1A-0000-0000-0000-00000000000A","TimeCreated":"b"}"#,
        r#"{"event_id":1,"log_name":"c","source_name":"P","event_data":{"Channel":"x","a":"1"},"a":"2","@timestamp":"c"}"#,
        r#"{"EventID":1,"Channel":"c","ProviderName":"P","Provider":"Q","EventData":"{\"b\":\"1\"}","EventTime":"d"}"#,
    ];

    fn told(Shaped { fields, time }: Shaped<'_>) -> String {
        format!("{} {time:?}", fields.kept(100).as_json().unwrap())
    }

    #[test]
    fn fields_of_a_row_of_names_are_told_as_the_first_time() {
        let mut layouts = Layouts::default();
        for record in RECORDS.iter().chain(&RECORDS) {
            let object = || json::object(record).unwrap();
            let anew = shaped(object(), &mut Layouts::default()).unwrap();
            let known = shaped(object(), &mut layouts).unwrap();
            assert_eq!(told(known), told(anew));
        }
        assert_eq!(layouts.0.len(), 4);
        let one = shaped(json::object(RECORDS[0]).unwrap(), &mut layouts).unwrap();
        assert_eq!(
            told(one),
            r#"{"EventID":4624,"Channel":"Security","Provider_Name":"P","EventTime":"a","ProcessId":"7","Computer":"h"} Some("a")"#
        );
    }

    #[test]
    fn names_that_look_the_same_are_told_apart() {
        let mut layouts = Layouts::default();
        let (one, other) = (
            json::object(RECORDS[0]).unwrap(),
            json::object(RECORDS[2]).unwrap(),
        );
        layouts.note(other.looks(), Layout::of(&one));
        assert!(layouts.known(&other).is_none());
        let other = shaped(other, &mut layouts).unwrap();
        assert!(told(other).contains(r#""LogonGuid":"{0f5c2b1a-0000-0000-0000-00000000000a}""#));
    }

    #[test]
    fn no_more_rows_of_names_are_remembered_than_there_is_room_for() {
        let mut layouts = Layouts::default();
        for n in 0..2 * Layouts::MOST {
            let (x, y) = (n * 7, n * 13);
            let record =
                format!(r#"{{"EventID":1,"Channel":"c","Provider_Name":"P","x{x}":1,"y{y}":1,"z{n}":1}}"#);
            shaped(json::object(&record).unwrap(), &mut layouts).unwrap();
        }
        assert_eq!(layouts.0.len(), Layouts::MOST);
        let nested = r#""Event":1"#.to_owned();
        let many: Vec<String> = (0..300).map(|n| format!(r#""x{n}":1"#)).collect();
        let long = format!(r#""{}":1"#, "x".repeat(9000));
        for more in [nested, many.join(","), long] {
            let record = format!(r#"{{"EventID":1,"Channel":"c","Provider_Name":"P",{more}}}"#);
            let mut layouts = Layouts::default();
            shaped(json::object(&record).unwrap(), &mut layouts).unwrap();
            assert!(layouts.0.is_empty(), "{record}");
        }
    }
}
