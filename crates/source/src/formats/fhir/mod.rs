//! FHIR's AuditEvent: who accessed which patient's record.

mod resource;

use crate::json::{self, Json, Object};
use crate::preface::unwrapped;
use crate::redact::{self, Redactor};
use crate::time::{self, Clock};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, Refused, RejectReason, Sample,
    elements,
};
use ambit_event::{Event, EventId, Outcome, Provenance, printable};
use resource::{Contained, codes, objects, text};
use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

/// `fhir_auditevent`
pub struct AuditEvent;

const SOURCE: &str = "fhir_auditevent";

impl Format for AuditEvent {
    fn name(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("manual.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let names_it = memchr::memmem::find(sample.head, b"\"AuditEvent\"").is_some();
        if !names_it {
            return Confidence::NONE;
        }
        let is_own = |record: &[u8]| {
            json::object(unwrapped(&json::text(record)))
                .is_ok_and(|fields| is_record(&fields) || kind(&fields) == Some("Bundle"))
        };
        Confidence::share(95, sample.percent_of(&self.framing(), is_own))
    }

    fn framing(&self) -> Framing {
        Framing::Json(Arc::new(is_record))
    }

    /// The entries of a bundle are counted one by one.
    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(FhirDecoder {
            context: context.clone(),
            redactor: Redactor::new(&context.keys),
        }))
    }
}

/// An AuditEvent, or an entry of a Bundle.
fn is_record(fields: &Object<'_>) -> bool {
    let entry = fields.get("resource").and_then(Json::as_object);
    kind(fields) == Some("AuditEvent") || entry.is_some_and(|entry| kind(entry).is_some())
}

fn kind<'o>(fields: &'o Object<'_>) -> Option<&'o str> {
    fields.get("resourceType").and_then(Json::as_str)
}

struct FhirDecoder {
    context: Context,
    redactor: Redactor,
}

impl Decoder for FhirDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let line = unwrapped(&text);
        let mut fields = json::object(line)?;
        let n_before = text.len() - line.len();
        let record = &RawRecord {
            bytes: record.bytes.get(n_before..).unwrap_or_default(),
            offset: record.offset + n_before as u64,
            line: record.line,
        };
        let mut place = 0..record.bytes.len();
        if let Some(Json::Object(inner)) = fields.get_mut("resource") {
            fields = std::mem::take(&mut **inner);
            place = elements::value_of(record.bytes, "resource").unwrap_or(place);
        }
        match kind(&fields) {
            Some("Bundle") => self.take_bundle(fields, record, place, out),
            _ => self.take(fields, record.bytes.len(), out),
        }
    }
}

impl FhirDecoder {
    /// A resource: an event, or what says nothing of an access.
    fn take(&mut self, mut fields: Object<'_>, n_bytes: usize, out: &mut Output) -> Result<(), RejectReason> {
        match kind(&fields) {
            Some("AuditEvent") => {
                let mut event = event(&fields, &self.context)?;
                self.redactor.fields(&mut fields);
                redact_queries(&mut fields, &self.context.keys);
                event.fields = fields.kept(n_bytes);
                out.push(event);
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(RejectReason::field(
                "resourceType",
                "the record is no FHIR resource",
            )),
        }
    }

    /// The entries of a Bundle that is one record: each is an event or a reject of its own, with its own bytes.
    fn take_bundle(
        &mut self,
        mut bundle: Object<'_>,
        record: &RawRecord<'_>,
        place: Range<usize>,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        let Some(Json::Array(entries)) = bundle.get_mut("entry") else {
            return Ok(());
        };
        let bytes = record.bytes.get(place.clone()).unwrap_or_default();
        let array = elements::value_of(bytes, "entry").unwrap_or_default();
        let places = elements::elements_of(bytes.get(array.clone()).unwrap_or_default());
        if places.len() != entries.len() {
            return Err(RejectReason::field(
                "entry",
                "it cannot be told where each entry stands",
            ));
        }
        let (mut line, mut end) = (record.line, 0);
        for (entry, within) in std::mem::take(entries).into_iter().zip(places) {
            let begin = place.start + array.start + within.start;
            line += memchr::memchr_iter(b'\n', &record.bytes[end..begin]).count() as u64;
            end = begin;
            let raw = &record.bytes[begin..begin + within.len()];
            let (offset, n_before) = (record.offset + begin as u64, out.events.len());
            if let Err(reason) = self.take_entry(entry, raw.len(), out) {
                out.refuse(Refused {
                    offset,
                    line,
                    n_bytes: raw.len() as u64,
                    raw: raw.to_vec(),
                    reason,
                });
            }
            for event in out.events.iter_mut().skip(n_before) {
                event.raw = raw.to_vec();
                event.provenance = Provenance {
                    offset,
                    length: raw.len() as u64,
                    line,
                    ..Provenance::default()
                };
            }
        }
        Ok(())
    }

    fn take_entry(&mut self, entry: Json<'_>, n_bytes: usize, out: &mut Output) -> Result<(), RejectReason> {
        let Json::Object(mut entry) = entry else {
            return Err(RejectReason::new("an object was expected"));
        };
        match entry.get_mut("resource") {
            Some(Json::Object(inner)) if kind(inner) != Some("Bundle") => {
                let fields = std::mem::take(&mut **inner);
                self.take(fields, n_bytes, out)
            }
            // A deleted resource, or the answer to a write.
            _ => Ok(()),
        }
    }
}

/// Queries are written in base64, under which no secret is seen.
fn redact_queries(fields: &mut Object<'_>, keys: &ambit_event::Keys) {
    for name in ["entity", "object"] {
        let Some(Json::Array(entities)) = fields.get_mut(name) else {
            continue;
        };
        for entity in entities.iter_mut() {
            if let Json::Object(entity) = entity
                && let Some(Json::Text(query)) = entity.get_mut("query")
                && let Cow::Owned(redacted) = redact::text(keys, &resource::decoded(query))
            {
                *query = Cow::Owned(resource::encoded(&redacted));
            }
        }
    }
}

fn event(fields: &Object<'_>, context: &Context) -> Result<Event, RejectReason> {
    let keys = &context.keys;
    // DSTU2 has what happened in a member of its own.
    let what = fields.get("event").and_then(Json::as_object).unwrap_or(fields);
    let clock = instant(fields, what)?;
    let mut event = Event::new(SOURCE, clock.at);
    event.precision = clock.resolution;
    let source = fields.get("source").and_then(Json::as_object);
    let contained = Contained::of(fields);
    let observer = source.and_then(|s| {
        contained
            .named(s, "observer")
            .or_else(|| contained.named(s, "identifier"))
    });
    event.host = observer.map(Cow::into_owned).or_else(|| context.host.clone());
    set_kind(&mut event, what);
    set_outcome(&mut event, what);
    let agents = either(fields, "agent", "participant");
    set_agents(&mut event, &agents, &contained, context);
    let entities = either(fields, "entity", "object");
    set_entities(&mut event, fields, &entities, &contained, keys);
    if let Some(id) = text(fields, &["id"]) {
        let recorded = text(what, &["recorded", "dateTime"]).unwrap_or("");
        let host = event.host.as_deref().unwrap_or("");
        event.id = EventId::native(SOURCE, host, &format!("{id} {recorded}"));
    }
    Ok(event)
}

fn either<'o>(fields: &'o Object<'o>, name: &str, older: &str) -> Vec<&'o Object<'o>> {
    match fields.contains_key(name) {
        true => objects(fields, name),
        false => objects(fields, older),
    }
}

/// When it happened, where that is told; else when it was recorded.
fn instant(fields: &Object<'_>, what: &Object<'_>) -> Result<Clock, RejectReason> {
    let utc = jiff::tz::TimeZone::UTC;
    let read = |text: &str| time::parse_iso(text.as_bytes(), &utc);
    let written = text(what, &["recorded", "dateTime"])
        .ok_or_else(|| RejectReason::field("recorded", "the event does not say when it was recorded"))?;
    let recorded = read(written).ok_or_else(|| {
        RejectReason::field("recorded", format!("`{}` is no instant", printable(written, 40)))
    })?;
    let began = text(
        fields,
        &["occurredDateTime", "occurredPeriod.start", "period.start"],
    )
    .and_then(read);
    let ended = text(fields, &["occurredPeriod.end", "period.end"]).and_then(read);
    Ok(match (began, ended) {
        (Some(began), Some(ended)) if ended.at >= began.at => {
            let lasted = ended.at.0.saturating_sub(began.at.0);
            Clock::new(began.at, lasted.saturating_add(ended.resolution))
        }
        (Some(began), None) if began.at <= recorded.at => began,
        _ => recorded,
    })
}

/// DICOM's code for Emergency Override Started.
const EMERGENCY: &str = "110127";

/// Class, activity and operation. R5 calls the type category and the subtype code.
fn set_kind(event: &mut Event, what: &Object<'_>) {
    let kinds = match what.contains_key("category") {
        true => codes(what, "category"),
        false => codes(what, "type"),
    };
    let parts = match what.contains_key("code") {
        true => codes(what, "code"),
        false => codes(what, "subtype"),
    };
    let has = |wanted: &[&str]| kinds.iter().chain(&parts).any(|(_, code)| wanted.contains(code));
    // What opens a whole record counts before how it was done.
    let part = parts
        .iter()
        .find(|(_, code)| *code == EMERGENCY)
        .or_else(|| parts.iter().find(|(system, _)| !system.ends_with("/http-verb")));
    event.operation = part.or(kinds.first()).map(|(_, code)| (*code).to_owned());
    let searches = parts.iter().any(|(_, code)| code.starts_with("search"));
    let (class, activity) = match () {
        () if has(&["110122"]) => ("authentication", "Logon"),
        () if has(&["110123"]) => ("authentication", "Logoff"),
        () if has(&["110114"]) => ("authentication", "Logon"),
        () => match action(text(what, &["action"]).unwrap_or("")) {
            // A server calls a search an execution, and so what may change anything.
            "Execute" if searches => ("api_activity", "Search"),
            other => ("api_activity", other),
        },
    };
    event.class = Some(class.to_owned());
    event.activity = Some(activity.to_owned()).filter(|a| !a.is_empty());
}

fn action(code: &str) -> &str {
    match code {
        "C" => "Create",
        "R" => "Read",
        "U" => "Update",
        "D" => "Delete",
        "E" => "Execute",
        other => other,
    }
}

fn set_outcome(event: &mut Event, what: &Object<'_>) {
    let code = text(
        what,
        &["outcome.code.code", "outcome.code.coding.code", "outcome"],
    );
    let said = text(
        what,
        &[
            "outcomeDesc",
            "outcome.detail.text",
            "outcome.detail.coding.display",
        ],
    );
    event.status_code = code.map(str::to_owned);
    event.message = said.map(str::to_owned);
    event.outcome = match code {
        Some("0" | "success" | "information") => Outcome::Success,
        // Servers put the HTTP status there.
        Some(_) if matches!(said, Some("401" | "403")) => Outcome::Denied,
        // Not enough to make the action fail.
        Some("warning") => Outcome::Success,
        Some("4" | "8" | "12" | "error" | "fatal") => Outcome::Failure,
        _ => Outcome::Unknown,
    };
}

/// Who acts: the agent that asked for it; where from: its address, else that of the machine it came from.
fn set_agents(event: &mut Event, agents: &[&Object<'_>], contained: &Contained<'_>, context: &Context) {
    let who = |agent: &Object<'_>| who(agent, contained);
    let is_of = |agent: &Object<'_>, wanted: &[&str]| {
        ["type", "role"]
            .iter()
            .any(|name| codes(agent, name).iter().any(|(_, code)| wanted.contains(code)))
    };
    let asks = |agent: &&&Object<'_>| matches!(agent.get("requestor"), Some(Json::Bool(true)));
    let actor = agents
        .iter()
        .find(asks)
        .or_else(|| agents.iter().find(|agent| is_of(agent, &["humanuser", "IRCP"])))
        .or_else(|| agents.iter().find(|agent| who(agent).is_some()));
    let machine = agents.iter().find(|agent| is_of(agent, &["110153"]));
    event.actor_user = actor
        .and_then(|agent| who(agent))
        .map(|who| redact::owned(&context.keys, who));
    event.actor_realm = event.actor_user.as_ref().map(|_| "fhir".to_owned());
    let is_actor = |agent: &&&Object<'_>| actor.is_some_and(|a| std::ptr::eq(*a, **agent));
    event.actor_service = machine
        .filter(|agent| !is_actor(agent))
        .and_then(|agent| who(agent));
    let agents_there = || actor.into_iter().chain(machine);
    let places = || agents_there().filter_map(|agent| place(agent, contained));
    event.src_ip = places().find_map(|place| ip(&place));
    event.device = places().find(|place| ip(place).is_none()).map(Cow::into_owned);
    // The id of the access token, by the profile that IHE gives for OAuth.
    let token = agents.iter().find(|agent| is_of(agent, &["UserOauthAgent"]));
    event.actor_credential = token
        .and_then(|agent| text(agent, &["policy"]))
        .map(|token| context.keys.fingerprint(token));
}

fn who(agent: &Object<'_>, contained: &Contained<'_>) -> Option<String> {
    let members = ["who", "userId", "reference"];
    let by_member = members.iter().find_map(|name| contained.named(agent, name));
    by_member
        .or_else(|| text(agent, &["altId", "name"]).map(Cow::Borrowed))
        .map(Cow::into_owned)
        .or_else(|| contained.local(text(agent, &["who.reference", "reference.reference"])?))
}

fn place<'o>(agent: &'o Object<'o>, contained: &Contained<'o>) -> Option<Cow<'o, str>> {
    let place = text(agent, &["network.address", "networkString", "networkUri"])
        .map(Cow::Borrowed)
        .or_else(|| contained.named(agent, "networkReference"))?;
    let bare = ["urn:ipv4:", "urn:ipv6:"]
        .iter()
        .find_map(|head| place.strip_prefix(head));
    Some(match bare {
        Some(bare) => Cow::Owned(bare.to_owned()),
        None => place,
    })
}

fn ip(text: &str) -> Option<String> {
    let bare = text.trim_matches(['[', ']']);
    Some(bare.parse::<IpAddr>().ok()?.to_canonical().to_string())
}

/// What was touched, and whose it is.
fn set_entities(
    event: &mut Event,
    fields: &Object<'_>,
    entities: &[&Object<'_>],
    contained: &Contained<'_>,
    keys: &ambit_event::Keys,
) {
    let mut subjects = Vec::new();
    let reference = fields.get("patient").and_then(Json::as_object);
    subjects.extend(reference.map(|patient| {
        let named = text(patient, &["reference"]).and_then(resource::patient);
        named
            .or_else(|| contained.named_surely(patient))
            .unwrap_or_else(|| unnamed(fields, keys, "patient"))
    }));
    for (n, entity) in entities.iter().enumerate() {
        subjects.extend(subject(entity, contained, || {
            unnamed(fields, keys, &format!("entity{}", n + 1))
        }));
    }
    let mut seen = std::collections::BTreeSet::new();
    subjects.retain(|subject| seen.insert(subject.clone()));
    event.subject_refs = subjects.into_iter().map(|s| redact::owned(keys, s)).collect();

    let reference = |entity: &&Object<'_>| -> Option<String> {
        text(entity, &["what.reference", "reference.reference"])
            .filter(|reference| !reference.starts_with('#'))
            .map(str::to_owned)
    };
    let references: Vec<String> = entities.iter().filter_map(reference).collect();
    let is_patient = |reference: &&String| resource::patient(reference).is_some();
    let other = references.iter().find(|reference| !is_patient(reference));
    event.resource = other
        .or(references.first())
        .map(|text| redact::text(keys, text).into_owned());
    let query = entities.iter().find_map(|entity| text(entity, &["query"]));
    event.query_text = query.map(|query| redact::text(keys, &resource::decoded(query)).into_owned());
    let is_request_id = |entity: &&&Object<'_>| {
        codes(entity, "type")
            .iter()
            .any(|(_, code)| *code == "XrequestId")
    };
    let request_id = entities.iter().find(is_request_id);
    event.trace = request_id
        .and_then(|entity| contained.named(entity, "what"))
        .map(Cow::into_owned);
}

/// The patient that an entity is, or names by an identifier; one that it does not name is one nevertheless.
fn subject(
    entity: &Object<'_>,
    contained: &Contained<'_>,
    unnamed: impl FnOnce() -> String,
) -> Option<String> {
    let reference = text(entity, &["what.reference", "reference.reference"]);
    if let Some(patient) = reference.and_then(resource::patient) {
        return Some(patient);
    }
    let has = |name: &str, wanted: &[&str]| codes(entity, name).iter().any(|(_, code)| wanted.contains(code));
    let is_patient = has("role", &["1", "Patient"])
        || has("type", &["Patient"])
        || text(entity, &["what.type", "reference.type"]) == Some("Patient")
        || reference.is_some_and(|reference| contained.is_patient(reference));
    if !is_patient {
        return None;
    }
    let members = ["what", "reference"].iter();
    let named = members
        .filter_map(|name| resource::at(entity, name)?.as_object())
        .find_map(|inner| contained.named_surely(inner))
        .or_else(|| text(entity, &["identifier.value"]).map(str::to_owned));
    Some(named.unwrap_or_else(unnamed))
}

/// A patient whom the event does not name: another than that of any other event or entity, as far as is known.
fn unnamed(fields: &Object<'_>, keys: &ambit_event::Keys, place: &str) -> String {
    let id = text(fields, &["id"]).map_or_else(
        || keys.fingerprint(&serde_json::to_string(fields).unwrap_or_default()),
        str::to_owned,
    );
    format!("AuditEvent/{id}#{place}")
}
