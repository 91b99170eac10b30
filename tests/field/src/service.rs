//! The music service between gateway and database: small, real, and with one hole: a profile is given
//! to whoever has any session.

use anyhow::{Context, Result};
use postgres::{Client, NoTls};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use tiny_http::{Header, Request, Response, Server};

pub struct Service {
    server: Arc<Server>,
    worker: Option<JoinHandle<()>>,
    port: u16,
}

/// What one request needs.
struct Desk {
    database: Client,
    log: File,
    n: AtomicU64,
}

impl Service {
    pub fn start(root: &Path, database_port: u16) -> Result<Self> {
        let server =
            Server::http("127.0.0.1:0").map_err(|e| anyhow::anyhow!("the service cannot listen: {e}"))?;
        let port = server
            .server_addr()
            .to_ip()
            .map(|a| a.port())
            .context("the service has no port")?;
        let server = Arc::new(server);
        let config =
            format!("host=127.0.0.1 port={database_port} user=app dbname=music application_name=music");
        let mut desk = Desk {
            database: Client::connect(&config, NoTls).context("the service cannot reach the database")?,
            log: File::create(root.join("app.jsonl"))?,
            n: AtomicU64::new(0),
        };
        let at = Arc::clone(&server);
        let worker = std::thread::spawn(move || {
            for request in at.incoming_requests() {
                if let Err(error) = desk.answer(request) {
                    eprintln!("field test: the service failed: {error:#}");
                }
            }
        });
        Ok(Self {
            server,
            worker: Some(worker),
            port,
        })
    }

    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(worker) = self.worker.take() {
            let _panicked = worker.join();
        }
    }
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    let found = request
        .headers()
        .iter()
        .find(|h| h.field.as_str().as_str().eq_ignore_ascii_case(name));
    found.map_or("", |h| h.value.as_str())
}

fn cookie(request: &Request) -> String {
    let cookies = header(request, "cookie").split(';');
    cookies
        .filter_map(|c| c.trim().strip_prefix("sid="))
        .next()
        .unwrap_or("")
        .to_owned()
}

impl Desk {
    fn answer(&mut self, request: Request) -> Result<()> {
        let id = header(&request, "x-request-id").to_owned();
        let path = request.url().split('?').next().unwrap_or("").to_owned();
        let sid = cookie(&request);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (status, body, set) = match parts.as_slice() {
            ["login", user] => self.login(&request, &id, user)?,
            _ if self.owner(&id, &sid)?.is_none() => (401, "{}".to_owned(), None),
            ["logout-everywhere", user] => (200, self.revoke(&id, user)?, None),
            ["users", user, "profile"] => (200, self.rows(&id, "email, name", user)?, None),
            ["users", user, "card"] => (200, self.rows(&id, "card", user)?, None),
            ["tracks", _] => (200, "{\"stream\":\"ok\"}".to_owned(), None),
            _ => (404, "{}".to_owned(), None),
        };
        let mut response = Response::from_string(body).with_status_code(status);
        if let Some(sid) = set.and_then(|sid| Header::from_bytes("Set-Cookie", format!("sid={sid}")).ok()) {
            response.add_header(sid);
        }
        Ok(request.respond(response)?)
    }

    fn login(&mut self, request: &Request, id: &str, user: &str) -> Result<(u16, String, Option<String>)> {
        let n = self.n.fetch_add(1, Ordering::Relaxed);
        let sid = format!(
            "session{n:04}of{user}x{:08x}",
            n.wrapping_mul(2_654_435_761) & 0xffff_ffff
        );
        let number: i32 = user.parse().context("a user is a number")?;
        self.database.execute(
            &comment("INSERT INTO sessions (sid, user_id) VALUES ($1, $2)", id),
            &[&sid, &number],
        )?;
        let line = serde_json::json!({
            "time": jiff::Timestamp::now().to_string(), "seq": n, "event": "login", "user": user, "session": sid,
            "outcome": "success", "request_id": id, "device": header(request, "x-device-id"),
        });
        writeln!(self.log, "{line}")?;
        Ok((200, "{}".to_owned(), Some(sid)))
    }

    fn owner(&mut self, id: &str, sid: &str) -> Result<Option<i32>> {
        let sql = comment("SELECT user_id FROM sessions WHERE sid = $1 AND NOT revoked", id);
        Ok(self.database.query_opt(&sql, &[&sid])?.map(|row| row.get(0)))
    }

    fn revoke(&mut self, id: &str, user: &str) -> Result<String> {
        let number: i32 = user.parse().context("a user is a number")?;
        self.database.execute(
            &comment("UPDATE sessions SET revoked = true WHERE user_id = $1", id),
            &[&number],
        )?;
        Ok("{}".to_owned())
    }

    fn rows(&mut self, id: &str, columns: &str, user: &str) -> Result<String> {
        let Ok(number) = user.parse::<i32>() else {
            return Ok("{}".to_owned());
        };
        let sql = comment(&format!("SELECT {columns} FROM profiles WHERE user_id = $1"), id);
        let rows = self.database.query(&sql, &[&number])?;
        let texts: Vec<String> = rows
            .iter()
            .flat_map(|r| (0..r.len()).map(|n| r.get::<_, String>(n)).collect::<Vec<_>>())
            .collect();
        Ok(serde_json::json!({ "data": texts }).to_string())
    }
}

/// The statement with the request's id, as sqlcommenter writes it.
fn comment(sql: &str, id: &str) -> String {
    format!("{sql} /*request_id='{id}'*/")
}
