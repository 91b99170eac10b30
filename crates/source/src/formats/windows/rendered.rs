//! `windows_xml`: the same events in XML, as Windows renders them and Sysmon for Linux writes them.

use super::element;
use super::record::{Maker, SOURCE};
use super::shape;
use crate::capped::Caps;
use crate::cut::{Cut, Cutter};
use crate::{
    Confidence, Context, Decoder, Elements, Error, Format, Framing, Output, RawRecord, RejectReason, Sample,
};

/// Windows events in XML.
pub struct Xml;

/// What a program puts into `UserData` is its own, and may be called an event again.
const EVENTS: Elements = Elements {
    name: "Event",
    holder: "UserData",
    first: "System",
};

impl Format for Xml {
    fn name(&self) -> &str {
        "windows_xml"
    }

    fn source(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("xml.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_event = |text: &str| element::object(text).is_ok_and(|object| shape::is_event(&object));
        let first = first_event(sample.head);
        Confidence(if first.is_some_and(|text| is_event(&text)) {
            85
        } else {
            0
        })
    }

    /// A value may hold line ends, and the Event Viewer puts all events into one line.
    fn framing(&self) -> Framing {
        Framing::Elements(EVENTS)
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(XmlDecoder {
            maker: Maker::new(context),
        }))
    }
}

/// The event that a text begins with, behind a declaration where there is one.
fn first_event(mut head: &[u8]) -> Option<String> {
    let caps = Caps::default();
    let mut cutter = Cutter::new(&mut head, Framing::Elements(EVENTS), &caps);
    while let Ok(Some(Cut::Record { record, .. })) = cutter.next() {
        let text = record.lossy();
        if !is_opening(&text) {
            return Some(text.trim().to_owned());
        }
    }
    None
}

/// Whether a text begins an event and does not end it: what hands events on as messages cuts those that are too long.
pub fn is_cut(text: &str) -> bool {
    let begins = text.starts_with("<Event>") || text.starts_with("<Event ");
    begins && element::object(text.trim()).is_err()
}

/// Whether it is what may stand before the first event: a declaration, and the element around them all.
fn is_opening(text: &str) -> bool {
    let text = text.trim().trim_start_matches('\u{feff}');
    let rest = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or(rest, |(_, rest)| rest.trim()),
        None => text,
    };
    matches!(rest, "" | "<Events>")
}

struct XmlDecoder {
    maker: Maker,
}

impl Decoder for XmlDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        if is_opening(&text) || text.trim() == "</Events>" {
            return Ok(());
        }
        out.push(
            self.maker
                .event(element::object(text.trim())?, text.len(), None)?,
        );
        Ok(())
    }
}
