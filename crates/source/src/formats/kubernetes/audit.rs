//! The API server's audit log: the records of one request become one event.

use super::objects::Objects;
use super::waiting::Waiting;
use crate::formats::declared::{Declared, DeclaredDecoder, Guest, Read};
use crate::json::{Json, Object};
use crate::mapping::{Mapper, Mapping};
use crate::redact::{Quotes, Redactor};
use crate::{Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample};
use crate::{http, time};
use ambit_event::{Event, Provenance};
use jiff::tz::TimeZone;
use std::sync::LazyLock;

/// `kubernetes_audit`.
pub struct Audit;

static DECLARED: LazyLock<Declared> =
    LazyLock::new(|| Declared::of(Mapping::embedded(include_str!("audit.toml"), "kubernetes_audit")));

/// Its records among those of a cloud's own services, where each stage of a request is an event.
pub const GUEST: Guest = Guest {
    mapping: || &DECLARED.mapping,
    reader: |context| Box::new(EachStage(Audited::new(context))),
    mark: "auditID",
};

impl Format for Audit {
    fn name(&self) -> &str {
        DECLARED.name()
    }

    fn manual(&self) -> &str {
        include_str!("audit.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        DECLARED.recognize(sample)
    }

    fn framing(&self) -> Framing {
        DECLARED.framing()
    }

    fn names_records(&self) -> bool {
        DECLARED.names_records()
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let reader = Audited::new(context);
        Ok(Box::new(AuditDecoder {
            records: DeclaredDecoder::of(&DECLARED.mapping, reader),
            waiting: Waiting::default(),
            is_within: context.is_within,
        }))
    }
}

struct AuditDecoder {
    records: DeclaredDecoder<Audited>,
    waiting: Waiting,
    /// Whether the records stand within those of a container's runtime, or of another's.
    is_within: bool,
}

impl Decoder for AuditDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let n_before = out.events.len();
        let result = self.records.decode(record, out);
        let stages: Vec<Stage> = self.records.readers().flat_map(|r| r.stages.drain(..)).collect();
        let events: Vec<Event> = out.events.drain(n_before..).collect();
        for (event, stage) in events.into_iter().zip(stages) {
            self.take(event, stage, record, out);
        }
        result
    }

    fn held_from(&self) -> Option<u64> {
        self.waiting.from()
    }

    fn holds(&self, offset: u64) -> bool {
        self.waiting.holds(offset)
    }

    fn finish(&mut self, out: &mut Output) {
        while let Some(event) = self.waiting.first() {
            out.push(event);
        }
    }
}

impl AuditDecoder {
    /// Gives an event that is waited with its bytes and its place. An item of a list has its own: so many of them with
    /// the whole record each would be far more than was read. Within another's record only the record tells where it is.
    fn place(&self, event: &mut Event, record: &RawRecord<'_>) {
        let is_item = !event.raw.is_empty();
        if !is_item {
            event.raw = record.bytes.to_vec();
        }
        if !is_item || self.is_within {
            event.provenance = Provenance {
                offset: record.offset,
                line: record.line,
                length: record.bytes.len() as u64,
                ..Provenance::default()
            };
        }
    }

    /// Gives out the event of a record, or waits with it for a later one of the same request.
    fn take(&mut self, mut event: Event, stage: Stage, record: &RawRecord<'_>, out: &mut Output) {
        // A client may choose the auditID, and the same one again: its arrival tells requests apart.
        let request = event.trace.as_ref().map(|id| format!("{id} {}", event.time));
        match (stage, request) {
            (Stage::Last, Some(request)) => {
                out.n_silent += u64::from(self.waiting.settle(&request));
                out.push(event);
            }
            (Stage::Earlier, Some(request)) => {
                self.place(&mut event, record);
                out.n_silent += u64::from(self.waiting.hold(request, record.offset, event));
                while let Some(event) = self.waiting.too_many() {
                    out.push(event);
                }
            }
            (_, None) => out.push(event),
        }
    }
}

/// Whether the request may have later records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Earlier,
    Last,
}

/// What a record says beside the columns of the mapping.
struct Beside {
    stage: Stage,
    /// Nanoseconds from the request's arrival to this stage.
    lasted: Option<i64>,
    query: Option<String>,
    objects: Objects,
}

/// Reads records by the mapping, and beside it.
struct Audited {
    mapper: Mapper,
    /// Those of the records that became events.
    stages: Vec<Stage>,
}

impl Audited {
    fn new(context: &Context) -> Self {
        Self {
            mapper: DECLARED.mapping.mapper(context),
            stages: Vec::new(),
        }
    }
}

impl Read for Audited {
    fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        mut fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        conceal(&mut fields, self.mapper.redactor());
        let beside = Beside::of(&fields, self.mapper.redactor());
        let n_before = out.events.len();
        self.mapper.decode_from(text, quotes, fields, n_bytes, out)?;
        for event in out.events.iter_mut().skip(n_before) {
            event.precision = event.precision.saturating_add(beside.lasted.unwrap_or(0));
            event.duration = beside.lasted.filter(|_| beside.stage == Stage::Last);
            event.query_text.clone_from(&beside.query);
            event.record_count = beside.objects.count;
            event.parameters.clone_from(&beside.objects.names);
            if let Some(why) = beside.objects.unnamed {
                event.fields.put("unnamed", why);
            }
            self.stages.push(beside.stage);
        }
        Ok(())
    }
}

/// As [`Audited`], where no record waits for another.
struct EachStage(Audited);

impl Read for EachStage {
    fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        self.0.stages.clear();
        self.0.decode_from(text, quotes, fields, n_bytes, out)
    }
}

impl Beside {
    fn of(fields: &Object<'_>, redactor: &mut Redactor) -> Self {
        let text = |name: &str| fields.get(name).and_then(Json::as_str);
        let at = |name: &str| time::parse(text(name)?, &TimeZone::UTC).map(|clock| clock.at.0);
        let ended = at("stageTimestamp").zip(at("requestReceivedTimestamp"));
        let query = text("requestURI").and_then(|uri| http::split_uri(uri).1);
        Self {
            stage: match text("stage") {
                Some("RequestReceived" | "ResponseStarted") => Stage::Earlier,
                _ => Stage::Last,
            },
            lasted: ended
                .map(|(end, begin)| end.saturating_sub(begin))
                .filter(|n| *n >= 0),
            query: query
                .filter(|query| !query.is_empty())
                .map(|query| redactor.query(query)),
            objects: Objects::of(fields),
        }
    }
}

/// Fingerprints what the record holds of Secrets.
fn conceal(fields: &mut Object<'_>, redactor: &mut Redactor) {
    let of_secret = fields
        .get("objectRef")
        .and_then(Json::as_object)
        .is_some_and(|object| object.get("resource").and_then(Json::as_str) == Some("secrets"));
    for name in ["requestObject", "responseObject"] {
        if let Some(body) = fields.get_mut(name) {
            conceal_in(body, of_secret, redactor);
        }
    }
}

fn conceal_in(body: &mut Json<'_>, of_secret: bool, redactor: &mut Redactor) {
    match body {
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| conceal_in(item, of_secret, redactor)),
        Json::Object(object) => {
            let is_secret = of_secret || object.get("kind").and_then(Json::as_str) == Some("Secret");
            for (name, value) in object.iter_mut() {
                match name {
                    "data" | "stringData" | "value" if is_secret => fingerprint(value, redactor),
                    "metadata" if is_secret => conceal_last_applied(value, redactor),
                    "items" | "rows" | "object" => conceal_in(value, is_secret, redactor),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// `kubectl apply` keeps the whole object in an annotation.
fn conceal_last_applied(metadata: &mut Json<'_>, redactor: &mut Redactor) {
    let Json::Object(metadata) = metadata else { return };
    if let Some(Json::Object(annotations)) = metadata.get_mut("annotations")
        && let Some(applied) = annotations.get_mut("kubectl.kubernetes.io/last-applied-configuration")
    {
        fingerprint(applied, redactor);
    }
}

/// Every text and number below a value.
fn fingerprint(value: &mut Json<'_>, redactor: &mut Redactor) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| fingerprint(item, redactor)),
        Json::Object(object) => object
            .iter_mut()
            .for_each(|(_, field)| fingerprint(field, redactor)),
        plain => {
            redactor.secret(plain);
        }
    }
}
