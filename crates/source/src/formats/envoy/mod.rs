//! Envoy's access log, as Envoy and Istio write it by default, and in JSON.

mod line;
mod pattern;

use crate::json::{Json, Object};
use crate::mapping::{Mapper, Mapping};
use crate::preface::unwrapped;
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
};
use ambit_event::{Event, Outcome};
use pattern::Pattern;
use std::borrow::Cow;
use std::sync::LazyLock;

/// `envoy_access`
pub struct Access;

const MANUAL: &str = "\
envoy_access: the access log of Envoy and of what is built on it

Reads   Envoy's default format, Istio's, and JSON with the usual names (start_time, method, path, response_code,
        response_flags, ...; those of Envoy Gateway with dashes and colons too), of HTTP and of TCP; alone or as Kubernetes
        keeps a container's lines. Lines by any format string of your own that --log-format gives, as it stands in the
        configuration; fields have the names of the operators, headers their own (%REQ(USER-AGENT)% user_agent).
Known   by the form of its lines, or their fit; JSON by start_time and response_code or response_flags.
Fills   class http_activity, activity, api.operation, resource.name (x-envoy-original-path, else path), query_info,
        status_code, status, traffic.bytes_out (bytes_sent), duration, user agent, trace.uid (x-request-id); TCP
        connections are network_activity. actor.user from the client's certificate where it is logged, realm mtls.
        src_endpoint.ip and port from downstream_remote_address only: that is the peer, or what Envoy was configured to
        believe. X-Forwarded-For stays a field: anybody can send it. The default format has no address at all.
Outcome response flags first: DC, DR, UC, UR, LR, UT, SI, DT, UMSDR aborted, UPE and DPE too where an answer had begun; RL, UAEX, NR, NC, IH, OM denied (Envoy itself answered,
        nothing was passed on); then grpc_status and response_code as for nginx. UF, UH and UO are failures: the last attempt
        reached nothing, but one before it may have.
Time    the arrival, in milliseconds; the doubt reaches to the end by duration.
Proves  nothing by itself: lines are not numbered.
Trust   Envoy escapes nothing in its text formats. Of a line with more quotes than the format has, only what stands before
        the client's texts is taken, the rest is the field `ambiguous`. So with a format string of your own, where a line
        without quotes too many must also divide in one way only if a client's text does not end at a quote. A method and a
        path have no blanks: they are a client's text where what follows them in the format has none either. All but times,
        numbers, flags, addresses and names from the configuration may be a client's text, a server's headers too.
        Put these texts in quotes, and last. Unless Envoy was told to make its own, a
        client may send X-Request-Id: say in the data map's [trust] whether it is to be believed.
";

static MAPPING: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("access.toml"), "envoy_access"));

impl Format for Access {
    fn name(&self) -> &str {
        "envoy_access"
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        if let Some(pattern) = sample.log_format.and_then(Pattern::new) {
            let fits = |line: &[u8]| pattern.fields(unwrapped(&json::text(line))).is_some();
            return Confidence::share(97, sample.percent(fits));
        }
        let is_own = |record: &[u8]| {
            let text = json::text(record);
            match unwrapped(&text) {
                line if line.starts_with('[') => line::fields(line).is_some(),
                line => {
                    line.contains("\"response_") && json::object(line).is_ok_and(|fields| is_record(&fields))
                }
            }
        };
        Confidence::share(92, sample.percent_of(&self.framing(), is_own))
    }

    fn framing(&self) -> Framing {
        Framing::Json(MAPPING.record_test())
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let pattern = context.log_format.as_deref().map(|text| {
            Pattern::new(text).ok_or_else(|| Error::Option {
                option: "log format".into(),
                why: format!("`{text}` is no format string of Envoy: it needs operators such as %START_TIME% with a text between them"),
            })
        });
        Ok(Box::new(EnvoyDecoder {
            pattern: pattern.transpose()?,
            mapper: MAPPING.mapper(context),
        }))
    }
}

fn is_record(fields: &Object<'_>) -> bool {
    let has = |name: &str| fields.contains_key(name);
    has("start_time") && (has("response_code") || has("response_flags"))
}

struct EnvoyDecoder {
    /// The format string that a person named.
    pattern: Option<Pattern>,
    mapper: Mapper,
}

impl Decoder for EnvoyDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let line = unwrapped(&text);
        let fields = match self.pattern.as_ref().and_then(|pattern| pattern.fields(line)) {
            Some(fields) => fields,
            None if line.starts_with('{') => json::object(line)?,
            None => line::fields(line).ok_or_else(|| {
                RejectReason::new("the line is neither JSON nor of Envoy's or Istio's default format; give yours with --log-format")
            })?,
        };
        let flags = scalar(
            &fields,
            &[
                "response_flags",
                "response-flags",
                "responseFlags",
                "response_flags_long",
            ],
        );
        let grpc = scalar(&fields, &["grpc_status", "grpc-status", "grpc_status_number"]);
        let (flags, grpc) = (flags.into_owned(), grpc.into_owned());
        let mut event = self.mapper.event(fields, line.len())?;
        settle(&mut event, &flags, &grpc);
        out.push(event);
        Ok(())
    }
}

fn scalar<'f>(fields: &'f Object<'_>, names: &[&str]) -> Cow<'f, str> {
    match names.iter().find_map(|name| fields.get(name)) {
        Some(Json::Text(text)) => Cow::Borrowed(text),
        Some(Json::Number(number)) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    }
}

/// It began and was cut off.
const ABORTED: &[&str] = &[
    "DC",
    "UC",
    "UR",
    "LR",
    "UT",
    "SI",
    "DT",
    "UMSDR",
    "DR",
    "DownstreamConnectionTermination",
    "UpstreamConnectionTermination",
    "UpstreamRemoteReset",
    "LocalReset",
    "UpstreamRequestTimeout",
    "StreamIdleTimeout",
    "DurationTimeout",
    "UpstreamMaxStreamDurationReached",
    "DownstreamRemoteReset",
];

/// One end broke the protocol: where an answer had begun, it was cut off.
const BROKEN: &[&str] = &["UPE", "DPE", "UpstreamProtocolError", "DownstreamProtocolError"];

/// Envoy refused it before it was passed on.
const DENIED: &[&str] = &[
    "RL",
    "UAEX",
    "NR",
    "NC",
    "IH",
    "OM",
    "RateLimited",
    "UnauthorizedExternalService",
    "NoRouteFound",
    "NoClusterFound",
    "InvalidEnvoyRequestHeaders",
    "OverloadManagerTerminated",
];

/// The last attempt reached nothing; of one before it nothing is said.
const FAILED: &[&str] = &[
    "UF",
    "UH",
    "UO",
    "UpstreamConnectionFailure",
    "NoHealthyUpstream",
    "UpstreamOverflow",
];

fn settle(event: &mut Event, flags: &str, grpc: &str) {
    let has = |known: &[&str]| flags.split(',').any(|flag| known.contains(&flag.trim()));
    // A request that Envoy could not read has a code and no method; a connection has neither.
    let has_code = !matches!(event.status_code.as_deref(), None | Some("0"));
    if event.activity.is_none() && !has_code {
        event.class = Some("network_activity".to_owned());
        event.activity = Some("Traffic".to_owned());
        event.outcome = Outcome::Unknown;
    }
    if event.status_code.as_deref() == Some("0") {
        event.status_code = None;
    }
    if has(ABORTED) || event.outcome == Outcome::Success && has(BROKEN) {
        event.outcome = Outcome::Aborted;
    } else if has(DENIED) {
        event.outcome = Outcome::Denied;
    } else if event.outcome == Outcome::Unknown && has(FAILED) {
        event.outcome = Outcome::Failure;
    } else if event.outcome == Outcome::Success {
        event.outcome = match grpc.trim() {
            "" | "-" | "0" | "OK" | "Ok" => Outcome::Success,
            "7" | "16" | "8" | "PermissionDenied" | "PERMISSION_DENIED" | "Unauthenticated"
            | "UNAUTHENTICATED" => Outcome::Denied,
            "1" | "4" | "10" | "Canceled" | "CANCELLED" | "DeadlineExceeded" | "DEADLINE_EXCEEDED"
            | "Aborted" | "ABORTED" => Outcome::Aborted,
            _ => Outcome::Failure,
        };
    }
    if event.actor_user.is_none() {
        event.actor_realm = None;
    }
}
