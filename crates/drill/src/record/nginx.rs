//! The gateway's access log: nginx, `log_format … escape=json`, one object a line, keys named after nginx's
//! own variables.

use super::{Secret, device_text, push_field, push_number, secret_text};
use crate::clock::{MILLI, Style, Written};
use crate::world::Device;
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// A request as the gateway writes it down when it has ended.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Nanoseconds that the request took.
    pub took: i64,
    pub request_id: u128,
    pub from: Ipv4Addr,
    pub method: &'static str,
    pub path: String,
    /// As it stood in the URL, encoded.
    pub query: String,
    pub status: u16,
    pub bytes: u64,
    pub device: Option<Device>,
    pub agent: &'static str,
    pub session: Option<Secret>,
    pub key: Option<Secret>,
    pub forwarded_for: Option<Ipv4Addr>,
    pub traceparent: Option<u128>,
}

pub fn traceparent_text(trace: u128) -> String {
    format!("00-{trace:032x}-{:016x}-01", trace as u64 | 1)
}

impl Hit {
    /// The line without its end, for a request that ended at this instant.
    pub fn render(&self, at: Timestamp, host: &str, out: &mut String) {
        let text = |value: Option<String>| value.unwrap_or_default();
        let took = self.took / MILLI;
        out.push('{');
        push_number(out, "msec", Written(at, Style::Epoch));
        push_field(out, "time_iso8601", &Written(at, Style::Offset).to_string());
        push_field(out, "hostname", host);
        push_field(out, "request_id", &format!("{:032x}", self.request_id));
        push_field(out, "remote_addr", &self.from.to_string());
        push_field(out, "request_method", self.method);
        push_field(out, "uri", &self.path);
        push_field(out, "args", &self.query);
        push_number(out, "status", self.status);
        push_number(out, "body_bytes_sent", self.bytes);
        push_number(
            out,
            "request_time",
            format_args!("{}.{:03}", took / 1000, took % 1000),
        );
        push_field(out, "http_user_agent", self.agent);
        push_field(out, "sid", &text(self.session.map(secret_text)));
        push_field(out, "api_key", &text(self.key.map(secret_text)));
        push_field(out, "app_version", self.device.map_or("", |d| d.version));
        push_field(out, "app_platform", self.device.map_or("", |d| d.platform));
        push_field(out, "device_id", &text(self.device.map(|d| device_text(d.id))));
        push_field(
            out,
            "http_x_forwarded_for",
            &text(self.forwarded_for.map(|a| a.to_string())),
        );
        push_field(
            out,
            "http_traceparent",
            &text(self.traceparent.map(traceparent_text)),
        );
        out.push('}');
    }
}
