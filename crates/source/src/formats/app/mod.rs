//! Application logs that nobody declared: JSON lines and logfmt by the names that most of them use.

use crate::json::Object;
use crate::mapping::Mapping;
use crate::{Confidence, Context, Decoder, Error, Format, Framing, Sample, json, logfmt};
use std::sync::LazyLock;

/// `app_jsonl` and `app_logfmt`; their manual page is [`MANUAL`].
pub enum App {
    Jsonl,
    Logfmt,
}

const MANUAL: &str = "\
app_jsonl, app_logfmt: application logs that nobody declared

Reads   one JSON object a line, or one logfmt record a line (key=value key=\"quoted value\"); of a JSON file that
        is one array of objects, or an object without a time that holds one ({\"Records\": [...]}), each element,
        however it is spread over lines; and objects one after the other whose first is spread over lines. What
        stands beside that array is no record.
Known   as the last resort: by a time under one of its usual names (ts, time, timestamp, @timestamp, ...).
Fills   what usual names tell: user_id, session, request_id or trace_id, ip, method, path, status, duration_ms, msg,
        service, device, user agent, app version. An object with method and status is an http_activity; anything
        else has no class, no outcome and no operation. Fields keep their names.
Time    RFC 3339 and its kin; seconds, milli-, micro- or nanoseconds since 1970, told apart by size. It is
        taken as the arrival; where a log writes the end, say so in a mapping.
Proves  nothing. A mapping (ambit's TOML for declared sources; base = \"app_jsonl\" begins with these rules) says what
        the fields mean: sequence numbers, outcomes, sessions that are hashed before they are logged.
";

static JSONL: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("jsonl.toml"), "app_jsonl"));
static LOGFMT: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("logfmt.toml"), "app_logfmt"));

const TIMES: &[&str] = &[
    "ts",
    "time",
    "timestamp",
    "@timestamp",
    "datetime",
    "date",
    "event_time",
    "eventTime",
    "created_at",
    "asctime",
    "t",
];

impl App {
    fn mapping(&self) -> &'static Mapping {
        match self {
            Self::Jsonl => &JSONL,
            Self::Logfmt => &LOGFMT,
        }
    }

    fn fields<'l>(&self, line: &'l str) -> Option<Object<'l>> {
        match self {
            Self::Jsonl => json::object(line).ok(),
            Self::Logfmt => logfmt::record(line).ok(),
        }
    }
}

impl Format for App {
    fn name(&self) -> &str {
        self.mapping().name()
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let has_time = |fields: &Object<'_>| TIMES.iter().any(|name| fields.contains_key(name));
        let is_record = |line: &str| {
            self.fields(line)
                .is_some_and(|fields| has_time(&fields) && fields.len() > 1)
        };
        let percent = sample.percent_of(&self.framing(), |line| match self {
            Self::Jsonl => is_record(&json::text(line)),
            Self::Logfmt => std::str::from_utf8(line).is_ok_and(is_record),
        });
        Confidence::share(45, percent)
    }

    fn framing(&self) -> Framing {
        match self {
            Self::Jsonl => Framing::Json(JSONL.record_test()),
            Self::Logfmt => Framing::Lines,
        }
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        crate::formats::declared(self.mapping()).decoder(context)
    }
}
