//! Caddy's logs in JSON: the access log, and what else the server says.

use crate::json::{Json, Object};
use crate::mapping::{Mapper, Mapping};
use crate::preface::unwrapped;
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
};
use ambit_event::Event;
use std::sync::LazyLock;

/// `caddy_access`
pub struct Access;

const MANUAL: &str = "\
caddy_access: Caddy's logs in JSON

Reads   one JSON object a line (the default format): access logs (http.log.access*), the server's errors (http.log.error),
        requests to the admin API, and everything else that Caddy logs; alone or as Kubernetes keeps a container's lines.
Known   by level, ts and a request with method and uri, or by Caddy's names of loggers.
Fills   of access records class http_activity, activity, api.operation, resource.name, query_info, status_code, status,
        traffic.bytes_out (size), duration, user agent, actor.user (user_id, realm app), trace.uid (traceID, request_id,
        X-Request-Id); where log_credentials keeps them, session cookies by their usual names, X-Api-Key and
        Authorization as fingerprints. Errors are application_error with the request's columns; other records have
        what they say. Fields keep Caddy's names.
        src_endpoint.ip is client_ip: the peer, or what a proxy of trusted_proxies says. The port is the peer's, and is
        left out where the address is not.
Time    Caddy writes a record when a request ends: the event's time is that less the duration. Times as numbers lose the
        zeros at their end, so the doubt is a microsecond or more. A duration that is a whole number (duration_format ms or nano)
        or a text is not taken: its unit is not known, and the time is the end.
Outcome 2xx, 3xx success; 401, 403, 407, 429 denied; other 4xx and 5xx failure; status 0 (no answer was written) unknown.
Proves  nothing by itself: lines are not numbered.
Host    request.host is the site that was asked for, not the machine: name that with --host.
Trust   what stands under request.headers is what the client chose to send.
";

static MAPPING: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("access.toml"), "caddy_access"));

impl Format for Access {
    fn name(&self) -> &str {
        "caddy_access"
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_own = |line: &[u8]| {
            memchr::memmem::find(line, b"\"ts\"").is_some()
                && json::object(unwrapped(&json::text(line))).is_ok_and(|fields| is_record(&fields))
        };
        Confidence::share(91, sample.percent_of(&self.framing(), is_own))
    }

    fn framing(&self) -> Framing {
        Framing::Json(MAPPING.record_test())
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(CaddyDecoder {
            mapper: MAPPING.mapper(context),
        }))
    }
}

/// Beginnings of the names of Caddy's loggers.
const LOGGERS: &[&str] = &[
    "http.",
    "http",
    "tls.",
    "tls",
    "admin",
    "events",
    "pki.",
    "docker-proxy",
    "layer4",
];

fn is_record(fields: &Object<'_>) -> bool {
    let has_request = fields
        .get("request")
        .and_then(Json::as_object)
        .is_some_and(|request| request.contains_key("method") && request.contains_key("uri"));
    let is_logger = |name: &str| {
        LOGGERS
            .iter()
            .any(|known| name == *known || known.ends_with('.') && name.starts_with(known))
    };
    let logger = fields.get("logger").and_then(Json::as_str);
    fields.contains_key("level")
        && fields.contains_key("ts")
        && (has_request || logger.is_some_and(is_logger))
}

struct CaddyDecoder {
    mapper: Mapper,
}

impl Decoder for CaddyDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let fields = json::object(unwrapped(&text))?;
        let told = Told::of(&fields);
        let mut event = self.mapper.event(fields, text.len())?;
        told.settle(&mut event);
        out.push(event);
        Ok(())
    }
}

/// What decides how the columns are to be taken.
struct Told {
    kind: Kind,
    is_error: bool,
    /// The address is what a proxy said, the port the proxy's.
    is_forwarded: bool,
    /// Caddy itself took the credentials out.
    is_redacted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Error,
    Admin,
    Other,
}

impl Told {
    fn of(fields: &Object<'_>) -> Self {
        let text = |name: &str| fields.get(name).and_then(Json::as_str).unwrap_or("");
        let request = fields.get("request").and_then(Json::as_object);
        let part = |name: &str| request.and_then(|r| r.get(name)).and_then(Json::as_str);
        let header = |name: &str| {
            let headers = request.and_then(|r| r.get("headers")).and_then(Json::as_object)?;
            match headers.get(name)? {
                Json::Array(items) => items.first()?.as_str().map(|value| value == "REDACTED"),
                _ => None,
            }
        };
        let logger = text("logger");
        let kind = match logger {
            _ if logger.starts_with("http.log.access") || text("msg") == "handled request" => Kind::Access,
            _ if logger.starts_with("http.log.error") => Kind::Error,
            "admin.api" => Kind::Admin,
            _ => Kind::Other,
        };
        Self {
            kind,
            is_error: matches!(
                text("level").to_ascii_lowercase().as_str(),
                "error" | "panic" | "fatal" | "dpanic"
            ),
            is_forwarded: part("client_ip").is_some() && part("client_ip") != part("remote_ip"),
            is_redacted: header("Authorization") == Some(true),
        }
    }

    fn settle(&self, event: &mut Event) {
        if self.is_forwarded {
            event.src_port = None;
        }
        if self.is_redacted {
            event.actor_credential = None;
        }
        if event.actor_user.is_none() {
            event.actor_realm = None;
        }
        match self.kind {
            Kind::Access | Kind::Admin => {}
            Kind::Error => event.class = Some("application_error".to_owned()),
            // Of a request that is under way or was passed on: how it ended stands in the access log.
            Kind::Other => {
                let class = if self.is_error {
                    "application_error"
                } else {
                    "base_event"
                };
                event.class = Some(class.to_owned());
                event.outcome = ambit_event::Outcome::Unknown;
                event.duration = None;
            }
        }
    }
}
