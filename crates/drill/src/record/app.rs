//! The services' own log: JSON lines, numbered without gaps by each host.

use super::{Secret, device_text, push_field, push_number, session_hash};
use crate::clock::{MILLI, Style, Written};
use crate::service::Service;
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// A line of a service. What is `None` is left out of the line.
#[derive(Debug, Clone)]
pub struct AppLine {
    pub service: Service,
    pub level: &'static str,
    pub message: &'static str,
    pub request_id: Option<u128>,
    /// Nanoseconds since the request reached the gateway; the line is written at its end.
    pub took: Option<i64>,
    /// The acting account's key.
    pub user: Option<u32>,
    pub session: Option<Secret>,
    /// Method, route template and concrete path.
    pub route: Option<(&'static str, &'static str, String)>,
    pub status: Option<u16>,
    pub bytes: Option<u64>,
    pub cache: Option<&'static str>,
    /// As the service sees it: the first address of `X-Forwarded-For`, which a client can choose.
    pub client: Option<Ipv4Addr>,
    pub device: Option<u64>,
    pub login: Option<String>,
    pub issued_session: Option<Secret>,
    pub revoked_session: Option<Secret>,
    pub job: Option<u64>,
}

impl AppLine {
    /// A line that says nothing but this.
    pub const fn new(service: Service, message: &'static str) -> Self {
        Self {
            service,
            level: "info",
            message,
            request_id: None,
            took: None,
            user: None,
            session: None,
            route: None,
            status: None,
            bytes: None,
            cache: None,
            client: None,
            device: None,
            login: None,
            issued_session: None,
            revoked_session: None,
            job: None,
        }
    }

    /// The line without its end; `seq` is the host's number for it.
    pub fn render(&self, at: Timestamp, host: &str, seq: u64, out: &mut String) {
        out.push('{');
        push_field(out, "ts", &Written(at, Style::Millis).to_string());
        push_field(out, "level", self.level);
        push_number(out, "seq", seq);
        push_field(out, "host", host);
        push_field(out, "service", self.service.name());
        push_field(out, "msg", self.message);
        self.render_request(out);
        self.render_credentials(out);
        out.push('}');
    }

    fn render_request(&self, out: &mut String) {
        if let Some(id) = self.request_id {
            push_field(out, "request_id", &format!("{id:032x}"));
        }
        if let Some((method, template, path)) = &self.route {
            push_field(out, "method", method);
            push_field(out, "route", &format!("{method} {template}"));
            push_field(out, "path", path);
        }
        if let Some(status) = self.status {
            push_number(out, "status", status);
        }
        if let Some(took) = self.took {
            push_number(out, "duration_ms", took / MILLI);
        }
        if let Some(bytes) = self.bytes {
            push_number(out, "bytes", bytes);
        }
        if let Some(cache) = self.cache {
            push_field(out, "cache", cache);
        }
        if let Some(client) = self.client {
            push_field(out, "client_ip", &client.to_string());
        }
        if let Some(device) = self.device {
            push_field(out, "device_id", &device_text(device));
        }
    }

    fn render_credentials(&self, out: &mut String) {
        if let Some(user) = self.user {
            push_field(out, "user_id", &user.to_string());
        }
        if let Some(login) = &self.login {
            push_field(out, "login", login);
        }
        for (name, session) in [
            ("session", self.session),
            ("issued_session", self.issued_session),
            ("revoked_session", self.revoked_session),
        ] {
            if let Some(secret) = session {
                push_field(out, name, &session_hash(secret));
            }
        }
        if let Some(job) = self.job {
            push_field(out, "issued_job", &format!("{job:016x}"));
        }
    }
}
