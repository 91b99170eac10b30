//! The forms in which a Windows event is written down, brought to one: what `System` says and the event's own
//! data side by side, under the names that Windows gives them.
//!
//! An attribute of a part of `System` is named after both (`Provider_Name`, `Execution_ProcessID`), as Sigma
//! names them too. The data's names stand as they are; one that `System` uses as well (`Version`, `Level`) goes
//! under `EventData.Version`. What a shipper adds stays under its own names.

use super::flat::{self, Layout, Layouts};
use super::record::ends_with;
use super::xml;
use crate::RejectReason;
use crate::json::{self, Filling, Json, Object};
use std::borrow::Cow;

/// What `System` holds, in the order in which Windows writes it. `TimeCreated` is the event's time.
pub const SYSTEM: &[&str] = &[
    "Provider_Name",
    "Provider_Guid",
    "Provider_EventSourceName",
    "EventID",
    "EventID_Qualifiers",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "EventRecordID",
    "Correlation_ActivityID",
    "Correlation_RelatedActivityID",
    "Execution_ProcessID",
    "Execution_ThreadID",
    "Channel",
    "Computer",
    "Security_UserID",
];

/// Those of them that are decimal numbers, however they were written.
pub const NUMBERS: &[&str] = &[
    "EventID",
    "EventID_Qualifiers",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "EventRecordID",
    "Execution_ProcessID",
    "Execution_ThreadID",
];

/// What Winlogbeat calls the parts of `System`, below `winlog`.
const WINLOG: &[(&str, &str)] = &[
    ("provider_name", "Provider_Name"),
    ("provider_guid", "Provider_Guid"),
    ("event_id", "EventID"),
    ("version", "Version"),
    ("record_id", "EventRecordID"),
    ("activity_id", "Correlation_ActivityID"),
    ("related_activity_id", "Correlation_RelatedActivityID"),
    ("channel", "Channel"),
    ("computer_name", "Computer"),
];

/// An event in the one shape.
#[derive(Debug)]
pub struct Shaped<'a> {
    pub fields: Object<'a>,
    /// When it was created, as it was written.
    pub time: Option<Cow<'a, str>>,
}

/// The form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `Event`, with `System` and `EventData` in it.
    Nested,
    /// `System` and `EventData` side by side, as Velociraptor gives them.
    Bare,
    /// Elastic's fields, with `winlog` among them.
    Winlog,
    /// All side by side.
    Flat,
}

/// Whether a JSON object is a Windows event in one of the forms.
pub fn is_event(object: &Object<'_>) -> bool {
    form(object).is_some()
}

/// Brings a JSON object to the one shape.
pub fn shaped<'a>(object: Object<'a>, layouts: &mut Layouts) -> Result<Shaped<'a>, RejectReason> {
    let mut shaping = Shaping::default();
    if let Some(layout) = layouts.known(&object) {
        shaping.flat(object, layout)?;
        return Ok(shaping.shaped());
    }
    match form(&object) {
        Some(Form::Nested) => shaping.nested(object)?,
        Some(Form::Bare) => shaping.event(object)?,
        Some(Form::Winlog) => shaping.winlog(object)?,
        Some(Form::Flat) => {
            let (looks, layout) = (object.looks(), Layout::of(&object));
            shaping.flat(object, &layout)?;
            layouts.note(looks, layout);
        }
        None => {
            return Err(RejectReason::new(
                "a Windows event was expected: Event.System, winlog.event_id or EventID with Channel",
            ));
        }
    }
    Ok(shaping.shaped())
}

fn form(object: &Object<'_>) -> Option<Form> {
    let part = |object: &Object<'_>, name: &str| object.get(name).is_some_and(|v| v.as_object().is_some());
    if object
        .get("Event")
        .and_then(Json::as_object)
        .is_some_and(|event| part(event, "System"))
    {
        return Some(Form::Nested);
    }
    let system = object.get("System").and_then(Json::as_object);
    if system.is_some_and(|system| {
        ["EventID", "Channel", "Provider"]
            .iter()
            .all(|name| system.contains_key(name))
    }) {
        return Some(Form::Bare);
    }
    let winlog = object.get("winlog").and_then(Json::as_object);
    if winlog.is_some_and(|w| w.contains_key("event_id") && w.contains_key("channel")) {
        return Some(Form::Winlog);
    }
    let is_flat = ["EventID", "Channel", "Provider_Name"]
        .into_iter()
        .all(|ours| flat::has(object, ours));
    is_flat.then_some(Form::Flat)
}

#[derive(Default)]
struct Shaping<'a> {
    fields: Filling<'a>,
    time: Option<Cow<'a, str>>,
}

impl<'a> Shaping<'a> {
    fn shaped(self) -> Shaped<'a> {
        Shaped {
            fields: self.fields.object,
            time: self.time,
        }
    }

    fn nested(&mut self, object: Object<'a>) -> Result<(), RejectReason> {
        for (name, value) in object {
            match (name.as_ref(), value) {
                ("Event", Json::Object(event)) => self.event(*event)?,
                (_, value) => self.beside(name, value)?,
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Object<'a>) -> Result<(), RejectReason> {
        for (name, value) in event {
            match (name.as_ref(), value) {
                ("#attributes" | "Event_attributes", _) => {}
                (attribute, _) if attribute.starts_with("@xmlns") => {}
                ("System", Json::Object(system)) => self.system(*system)?,
                ("EventData", value) => self.data("EventData", value)?,
                ("UserData", value) => self.user_data(value)?,
                (_, value) => self.beside(name, value)?,
            }
        }
        Ok(())
    }

    fn system(&mut self, system: Object<'a>) -> Result<(), RejectReason> {
        for (name, value) in system {
            let element = name.strip_suffix("_attributes").map(str::to_owned);
            match (element, value) {
                (Some(element), Json::Object(attributes)) => self.attributes(&element, *attributes)?,
                (_, Json::Object(part)) => {
                    for (key, value) in *part {
                        match (key.as_ref(), value) {
                            ("#attributes", Json::Object(attributes)) => {
                                self.attributes(&name, *attributes)?
                            }
                            ("#text", value) => self.known(name.clone(), value)?,
                            ("Value", value) if name == "EventID" => self.known(name.clone(), value)?,
                            (key, value) => {
                                let key = key.trim_start_matches('@');
                                self.known(Cow::Owned(format!("{name}_{key}")), value)?;
                            }
                        }
                    }
                }
                (_, value) => self.known(name, value)?,
            }
        }
        Ok(())
    }

    fn attributes(&mut self, element: &str, attributes: Object<'a>) -> Result<(), RejectReason> {
        for (key, value) in attributes {
            self.known(Cow::Owned(format!("{element}_{key}")), value)?;
        }
        Ok(())
    }

    /// A part of `System`, by our name for it.
    fn known(&mut self, name: Cow<'a, str>, value: Json<'a>) -> Result<(), RejectReason> {
        if name == "TimeCreated_SystemTime" {
            self.time = scalar(value);
            return Ok(());
        }
        let value = match NUMBERS.contains(&name.as_ref()) {
            true => numbered(value),
            false => value,
        };
        self.put("", name, value)
    }

    /// The event's own data; each member stands under its own name.
    fn data(&mut self, part: &str, value: Json<'a>) -> Result<(), RejectReason> {
        match value {
            Json::Object(data) => {
                for (name, value, written) in data.into_written() {
                    match (name.as_ref(), value) {
                        ("#attributes", Json::Object(attributes)) => self.attributes(part, *attributes)?,
                        ("Data", Json::Array(items)) if items.iter().any(is_named_data) => {
                            items
                                .into_iter()
                                .try_for_each(|item| self.named_data(part, item))?;
                        }
                        ("Data", item) if is_named_data(&item) => self.named_data(part, item)?,
                        // So Winlogbeat calls the element of the publisher's own.
                        ("xml_name", value) if part == "UserData" => {
                            self.put("", "UserData".into(), value)?
                        }
                        (_, value @ Json::Text(_)) => self.put_as_written(part, name, value, written)?,
                        (_, value) => self.put(part, name, plain(value))?,
                    }
                }
                Ok(())
            }
            Json::Null => Ok(()),
            other => self.put("", Cow::Owned(part.to_owned()), other),
        }
    }

    /// `<Data Name="...">` as converters of any XML write it: an object with `@Name`, and `#text` where there is one.
    fn named_data(&mut self, part: &str, item: Json<'a>) -> Result<(), RejectReason> {
        let Json::Object(item) = item else {
            return self.put(part, Cow::Borrowed("Data"), item);
        };
        let (mut name, mut text) = (None, Json::Text(Cow::Borrowed("")));
        for (key, value) in *item {
            match key.as_ref() {
                "@Name" => name = scalar(value),
                "#text" => text = value,
                _ => {}
            }
        }
        self.put(part, name.unwrap_or(Cow::Borrowed("Data")), text)
    }

    /// Data in an element of its publisher's own: that element's name, and its members.
    fn user_data(&mut self, value: Json<'a>) -> Result<(), RejectReason> {
        let Json::Object(object) = value else {
            return self.data("UserData", value);
        };
        for (name, value) in *object {
            match value {
                Json::Object(mut inner) => {
                    if let Some(Json::Object(attributes)) = inner.get_mut("#attributes") {
                        attributes.retain(|key| !key.starts_with("xmlns"));
                    }
                    self.put("", Cow::Borrowed("UserData"), Json::Text(name))?;
                    self.data("UserData", Json::Object(inner))?;
                }
                _ if name.starts_with(['#', '@']) => {}
                value => self.put("UserData", name, value)?,
            }
        }
        Ok(())
    }

    fn winlog(&mut self, object: Object<'a>) -> Result<(), RejectReason> {
        let mut data = Vec::new();
        for (name, value) in object {
            match (name.as_ref(), value) {
                ("winlog", Json::Object(winlog)) => {
                    for (name, value) in *winlog {
                        self.winlog_part(name, value, &mut data)?;
                    }
                }
                ("@timestamp", value) => {
                    let text = scalar(value);
                    self.time = self.time.take().or(text);
                }
                (_, value) => self.beside(name, value)?,
            }
        }
        data.into_iter()
            .try_for_each(|(part, value)| self.data(part, value))
    }

    fn winlog_part(
        &mut self,
        name: Cow<'a, str>,
        value: Json<'a>,
        data: &mut Vec<(&'static str, Json<'a>)>,
    ) -> Result<(), RejectReason> {
        if let Some((_, ours)) = WINLOG.iter().find(|(theirs, _)| *theirs == name) {
            return self.known(Cow::Borrowed(ours), value);
        }
        match (name.as_ref(), value) {
            ("event_data", value) => data.push(("EventData", value)),
            ("user_data", value) => data.push(("UserData", value)),
            ("time_created", value) => self.time = scalar(value).or(self.time.take()),
            ("process", Json::Object(process)) => {
                let pid = process.get("pid").cloned();
                let thread = process.get("thread").and_then(Json::as_object);
                let thread = thread.and_then(|t| t.get("id")).cloned();
                self.known("Execution_ProcessID".into(), pid.unwrap_or(Json::Null))?;
                self.known("Execution_ThreadID".into(), thread.unwrap_or(Json::Null))?;
            }
            ("user", Json::Object(user)) => {
                let sid = user.get("identifier").cloned();
                self.known("Security_UserID".into(), sid.unwrap_or(Json::Null))?;
                self.put("", "winlog.user".into(), Json::Object(user))?;
            }
            (_, value) => self.put("", Cow::Owned(format!("winlog.{name}")), value)?,
        }
        Ok(())
    }

    /// All side by side: what each field is was found out from the names.
    fn flat(&mut self, mut object: Object<'a>, layout: &Layout) -> Result<(), RejectReason> {
        self.time = layout.time(&object).cloned().and_then(scalar);
        let data = layout.reshape(&mut object);
        self.fields = Filling::with(object);
        for (part, value) in data {
            let value = match value {
                Json::Text(text) => written_out(text)?,
                other => other,
            };
            self.data(part, value)?;
        }
        Ok(())
    }

    /// What stands beside the event: a shipper's own.
    fn beside(&mut self, name: Cow<'a, str>, value: Json<'a>) -> Result<(), RejectReason> {
        self.put("", name, value)
    }

    /// Adds a field, unless it holds nothing. Data goes under its part's name where its own is taken.
    fn put(&mut self, part: &str, name: Cow<'a, str>, value: Json<'a>) -> Result<(), RejectReason> {
        self.put_as_written(part, name, value, "")
    }

    /// The same for one that the record writes like this: it is kept so where it keeps its name and its value.
    fn put_as_written(
        &mut self,
        part: &str,
        name: Cow<'a, str>,
        value: Json<'a>,
        written: &'a str,
    ) -> Result<(), RejectReason> {
        if value.is_null() {
            return Ok(());
        }
        let is_taken = || SYSTEM.contains(&name.as_ref()) || self.fields.holds(&name);
        let (name, written) = match !part.is_empty() && is_taken() {
            true => (Cow::Owned(format!("{part}.{name}")), ""),
            false => (name, written),
        };
        let guid = is_guid_name(&name).then(|| guid(&value)).flatten();
        let (value, written) = match guid {
            Some(guid) => (guid, ""),
            None => (value, written),
        };
        self.fields
            .add_as_written(name, value, written)
            .map_err(|name| RejectReason::field(name, "the field stands twice"))
    }
}

/// Data that is itself written out in a text: as JSON or as XML.
fn written_out(text: Cow<'_, str>) -> Result<Json<'_>, RejectReason> {
    if text.trim_start().starts_with('{') {
        return match text {
            Cow::Borrowed(text) => json::object(text).map(|object| Json::Object(Box::new(object))),
            Cow::Owned(text) => json::object(&text).map(|object| Json::Object(Box::new(object.into_owned()))),
        };
    }
    Ok(match xml::data(&text) {
        Some(object) => Json::Object(Box::new(object)),
        None => Json::Text(text),
    })
}

fn is_named_data(item: &Json<'_>) -> bool {
    item.as_object()
        .is_some_and(|object| object.contains_key("@Name"))
}

/// An element of which nothing but its text is there is that text.
fn plain(value: Json<'_>) -> Json<'_> {
    match value {
        Json::Object(mut object) if object.len() == 1 => match object.get_mut("#text") {
            Some(text) => std::mem::replace(text, Json::Null),
            None => Json::Object(object),
        },
        other => other,
    }
}

fn scalar(value: Json<'_>) -> Option<Cow<'_, str>> {
    match value {
        Json::Text(text) => Some(text),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Digits as the number that they are.
pub fn numbered(value: Json<'_>) -> Json<'_> {
    match &value {
        Json::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => match text.parse::<u64>() {
            Ok(number) => Json::Number(number.into()),
            Err(_) => value,
        },
        _ => value,
    }
}

/// Windows writes a GUID in small letters and braces. Where a program that dumped the event wrote it otherwise, it
/// gets them again, so that one event has the same fields whoever wrote it down.
pub fn guid<'a>(value: &Json<'_>) -> Option<Json<'a>> {
    let bare = value.as_str()?.trim_start_matches('{').trim_end_matches('}');
    is_bare_guid(bare).then(|| Json::Text(Cow::Owned(format!("{{{}}}", bare.to_ascii_lowercase()))))
}

/// Whether a field of this name holds a GUID.
pub fn is_guid_name(name: &str) -> bool {
    ends_with(name, "guid") || ends_with(name, "ActivityID")
}

fn is_bare_guid(text: &str) -> bool {
    let is_part = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_part)
}
