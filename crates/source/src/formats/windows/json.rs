//! `windows_json`: the same events as JSON, as programs that dump or ship them write it.

use super::element;
use super::record::{Maker, SOURCE};
use super::shape;
use crate::json::Object;
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
};
use std::sync::Arc;

/// Windows events in JSON.
pub struct Json;

impl Format for Json {
    fn name(&self) -> &str {
        "windows_json"
    }

    fn source(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("json.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_event = |line: &[u8]| json::object(&json::text(line)).is_ok_and(|object| is_event(&object));
        Confidence::share(85, sample.percent_of(&self.framing(), is_event))
    }

    fn framing(&self) -> Framing {
        Framing::Json(Arc::new(is_event))
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(JsonDecoder {
            maker: Maker::new(context),
        }))
    }
}

struct JsonDecoder {
    maker: Maker,
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        if is_counter(&text) {
            return Ok(());
        }
        let object = json::object(&text)?;
        if let Some(xml) = exported(&object)
            && !shape::is_event(&object)
            && let Ok(event) = element::object(xml)
        {
            out.push(self.maker.event(event, text.len(), None)?);
            return Ok(());
        }
        out.push(self.maker.event(object, text.len(), None)?);
        Ok(())
    }
}

fn is_event(object: &Object<'_>) -> bool {
    let is_rendered = |xml: &str| element::object(xml).is_ok_and(|event| shape::is_event(&event));
    shape::is_event(object) || exported(object).is_some_and(is_rendered)
}

/// The event's XML in what Splunk exports of it: under `_raw`, by itself or in a search's `result`.
fn exported<'o>(object: &'o Object<'_>) -> Option<&'o str> {
    let result = object.get("result").and_then(json::Json::as_object);
    let raw = object
        .get("_raw")
        .or_else(|| result?.get("_raw"))?
        .as_str()?
        .trim();
    raw.starts_with("<Event").then_some(raw)
}

/// The line `Record 7` that evtx_dump writes before each event.
fn is_counter(line: &str) -> bool {
    line.strip_prefix("Record ")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
