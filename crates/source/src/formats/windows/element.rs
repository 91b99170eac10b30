//! A Windows event in XML, as Windows itself renders it, brought to the JSON that converters make of it: attributes as
//! `@Name`, a text beside attributes as `#text`, elements that recur as an array.

use crate::RejectReason;
use crate::json::{Json, Object};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// Elements within elements; a rendered event has five.
const DEEPEST: usize = 16;
/// Different elements and attributes within one; the data of an event recur under one name.
const MOST_NAMES: usize = 1_000;

/// The object `{"Event": …}` of one `<Event>` element, and nothing after it.
pub fn object(text: &str) -> Result<Object<'static>, RejectReason> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Part> = Vec::new();
    loop {
        let at = reader.buffer_position();
        let bad = |why: &str| RejectReason::new(format!("{why} at byte {at} of the event's XML"));
        match reader.read_event().map_err(|error| bad(&error.to_string()))? {
            Event::Start(tag) if open.len() < DEEPEST => {
                open.push(Part::of(&tag, &reader).ok_or_else(|| bad("an attribute cannot be read"))?)
            }
            Event::Start(_) => return Err(bad("elements stand within more than 16 elements")),
            Event::Empty(tag) => {
                let part = Part::of(&tag, &reader).ok_or_else(|| bad("an attribute cannot be read"))?;
                let parent = open
                    .last_mut()
                    .ok_or_else(|| bad("there is an element beside the event"))?;
                parent.take(part)?;
            }
            Event::End(_) => {
                let part = open
                    .pop()
                    .ok_or_else(|| bad("an element ends that never began"))?;
                let Some(parent) = open.last_mut() else {
                    return whole(
                        part,
                        text.get(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)..),
                    );
                };
                parent.take(part)?;
            }
            Event::Text(said) => {
                let said = said.decode().map_err(|error| bad(&error.to_string()))?;
                text_of(&mut open, &said).ok_or_else(|| bad("there is text beside the event"))?;
            }
            Event::CData(said) => {
                let said = said.decode().map_err(|error| bad(&error.to_string()))?;
                text_of(&mut open, &said).ok_or_else(|| bad("there is text beside the event"))?;
            }
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|error| bad(&error.to_string()))?;
                let said = format!("&{name};");
                let said = unescape(&said).map_err(|_| bad("an entity is not known"))?;
                text_of(&mut open, &said).ok_or_else(|| bad("there is text beside the event"))?;
            }
            Event::Decl(_) | Event::Comment(_) if open.is_empty() => {}
            Event::Eof => return Err(bad("the event ends before its XML does")),
            _ => return Err(bad("an event holds no such markup")),
        }
    }
}

/// An element that is being read.
struct Part {
    name: String,
    members: Vec<(String, Vec<Json<'static>>)>,
    text: String,
}

impl Part {
    fn of(tag: &BytesStart<'_>, reader: &Reader<&[u8]>) -> Option<Self> {
        let mut members = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let name = std::str::from_utf8(attribute.key.as_ref()).ok()?;
            if name != "xmlns" && !name.starts_with("xmlns:") {
                let value = attribute.decode_and_unescape_value(reader.decoder()).ok()?;
                members.push((
                    format!("@{name}"),
                    vec![Json::Text(Cow::Owned(value.into_owned()))],
                ));
            }
        }
        Some(Self {
            name: std::str::from_utf8(tag.local_name().as_ref()).ok()?.to_owned(),
            members,
            text: String::new(),
        })
    }

    fn take(&mut self, part: Self) -> Result<(), RejectReason> {
        let (name, value) = (part.name.clone(), part.finish());
        let place = self.members.iter().position(|(known, _)| *known == name);
        match place {
            Some(place) => self.members[place].1.push(value),
            None if self.members.len() < MOST_NAMES => self.members.push((name, vec![value])),
            None => {
                return Err(RejectReason::new(
                    "an element holds more than 1,000 different ones",
                ));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Json<'static> {
        // Between elements stands nothing but how they are laid out.
        let has_elements = self.members.iter().any(|(name, _)| !name.starts_with('@'));
        if has_elements && self.text.trim().is_empty() {
            self.text.clear();
        }
        if self.members.is_empty() {
            return match self.text.is_empty() {
                true => Json::Null,
                false => Json::Text(Cow::Owned(self.text)),
            };
        }
        let mut object = Object::with_capacity(self.members.len() + 1);
        for (name, mut values) in self.members {
            let value = match values.len() {
                1 => values.remove(0),
                _ => Json::Array(values.into_boxed_slice()),
            };
            object.push(Cow::Owned(name), value);
        }
        if !self.text.is_empty() {
            object.push(Cow::Borrowed("#text"), Json::Text(Cow::Owned(self.text)));
        }
        Json::Object(Box::new(object))
    }
}

fn text_of(open: &mut [Part], said: &str) -> Option<()> {
    match open.last_mut() {
        Some(part) => part.text.push_str(said),
        None if said.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

fn whole(event: Part, rest: Option<&str>) -> Result<Object<'static>, RejectReason> {
    let is_last = rest.is_some_and(|rest| rest.trim().is_empty());
    if event.name != "Event" || !is_last {
        return Err(RejectReason::new(
            "one <Event> was expected, and nothing beside it",
        ));
    }
    let mut object = Object::with_capacity(1);
    object.push(Cow::Borrowed("Event"), event.finish());
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let object = object(text).map_err(|reject| reject.reason)?;
        Ok(object.kept(0).as_json().unwrap_or_default().to_owned())
    }

    #[test]
    fn elements_become_what_converters_make_of_them() {
        let text = "<Event xmlns='x'><System><Provider Name='P' Guid='{1}'/><EventID Qualifiers=\"3\">7</EventID><Correlation/></System>\n\
            <EventData><Data Name=\"a\">1 &lt; 2&#x41;</Data><Data Name='b'/><Data Name='c'><![CDATA[<x>]]></Data></EventData></Event>";
        let expected = r##"{"Event":{"System":{"Provider":{"@Name":"P","@Guid":"{1}"},"EventID":{"@Qualifiers":"3","#text":"7"},"Correlation":null},"EventData":{"Data":[{"@Name":"a","#text":"1 < 2A"},{"@Name":"b"},{"@Name":"c","#text":"<x>"}]}}}"##;
        assert_eq!(read(text).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let deep = format!("<Event>{}", "<a>".repeat(40));
        for text in [
            "",
            "Event",
            "<Event>",
            "<Event></System>",
            "<Events></Events>",
            "<Event/>",
            "<Event></Event><Event></Event>",
            "<Event>&unknown;</Event>",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><Event>&a;</Event>",
            "<Event a='1' a='2'></Event>",
            "<Event><?php x ?></Event>",
            deep.as_str(),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
