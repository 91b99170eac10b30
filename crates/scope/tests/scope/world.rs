//! A tiny world written by hand: a gateway, a login service and a database, record by record.

use ambit_event::{Attestation, Batch, Event, EventId, Loss, Outcome, Span, Timestamp};
use ambit_lake::{Assertion, Lake};
use ambit_scope::{Answer, Config, DataMap, Request, Seed, scope};
use std::collections::BTreeSet;

/// Seconds after the world's beginning, as an instant.
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_400_000_000 + secs)
}

/// The map that most worlds use: profiles behind a gateway, a database with shared sessions.
pub const MAP: &str = r#"
[[subject]]
name = "user"
population = 1000
distinct = true
keys = "[0-9]+"

[[store]]
name = "users"
kind = "postgresql"
subject = "user"
[[store.table]]
name = "public.profiles"
subject_key = "user_id"
classes = { user_id = "", email = "contact", name = "identity", card = "payment" }
[[store.table]]
name = "public.sessions"
subject_key = "user_id"
classes = { user_id = "", sid = "credential" }
holds = { sid = "session" }

[[operation]]
name = "profile"
source = "gate"
match = "GET /users/{id}/profile"
store = "users"
subjects = "path.id"
classes = ["contact", "identity"]
effect = "read"
parameters = { id = "[0-9]+" }
max_records = 1
max_bytes = 4096
lookups = ["public.sessions"]

[[operation]]
name = "card"
source = "gate"
match = "GET /users/{id}/card"
store = "users"
subjects = "path.id"
classes = ["payment"]
effect = "read"
parameters = { id = "[0-9]+" }
max_records = 1
max_bytes = 4096
lookups = ["public.sessions"]

[[operation]]
name = "search"
source = "gate"
match = "GET /search"
store = "users"
subjects = "statements"
classes = ["identity"]
effect = "read"
parameters = { q = "[a-z]+", page = "[0-9]+" }
max_records = 20
max_bytes = 16384
lookups = ["public.sessions"]

[[operation]]
name = "play"
source = "gate"
match = "GET /tracks/{track}"
store = "users"
subjects = "none"
classes = []
effect = "read"
parameters = { track = "[0-9]+" }

[[channel]]
store = "users"
name = "app"
principal = "session"
attributing = "gate"
accounting = "postgresql"
roles = ["app"]
pooled = true

[[channel]]
store = "users"
name = "staff"
principal = "account"
attributing = "postgresql"
accounting = "postgresql"
roles = ["anna", "reporting"]
pooled = false

[trust]
trace = ["gate"]
"#;

/// Records in the making.
#[derive(Default)]
pub struct World {
    pub events: Vec<Event>,
    pub attestations: Vec<Attestation>,
    pub losses: Vec<Loss>,
    /// What a person says of a source that proves nothing itself.
    pub asserted: Vec<Assertion>,
    /// Its database logs only what the world itself says.
    pub says_all: bool,
    n: u64,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub struct Client {
    pub session: &'static str,
    pub ip: &'static str,
    pub device: &'static str,
}

impl World {
    /// Everything from 0 to `until` seconds is proved complete for each source.
    pub fn proved(until: i64, sources: &[&str]) -> Self {
        let mut world = Self::default();
        for source in sources {
            world.prove(source, 0, until);
        }
        world
    }

    pub fn prove(&mut self, source: &str, from: i64, until: i64) {
        self.attestations.push(Attestation {
            source: source.into(),
            host: None,
            span: Span::new(at(from), at(until)),
            because: "a digest chain".into(),
        });
    }

    pub fn assert_complete(&mut self, source: &str) {
        self.asserted.push(Assertion {
            source: source.into(),
            host: None,
            span: None,
            reason: "the whole tenant was exported".into(),
        });
    }

    pub fn push(&mut self, mut event: Event) -> EventId {
        self.n += 1;
        event.id = EventId::nth(&event.source, "", b"", self.n);
        event.precision = event.precision.max(1);
        let id = event.id;
        self.events.push(event);
        id
    }

    /// A request at the gateway; its trace id is `t<secs>` unless changed afterwards.
    pub fn get(&mut self, secs: i64, client: Client, path: &str, status: &str) -> &mut Event {
        let mut event = Event::new("gate", at(secs));
        event.precision = 50_000_000;
        event.class = Some("http_activity".into());
        event.activity = Some("GET".into());
        event.status_code = Some(status.into());
        event.outcome = match status {
            "200" => Outcome::Success,
            "401" | "403" => Outcome::Denied,
            _ => Outcome::Failure,
        };
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(p, q)| (p, Some(q.to_owned())));
        event.resource = Some(path.into());
        event.query_text = query;
        event.operation = Some(format!("GET {path}"));
        event.actor_session = Some(client.session.into());
        event.src_ip = Some(client.ip.into());
        event.device = Some(client.device.into());
        event.user_agent = Some(format!("App on {}", client.device));
        event.trace = Some(format!("t{secs}"));
        event.bytes_out = Some(if status == "200" { 512 } else { 0 });
        self.push(event);
        self.events.last_mut().unwrap()
    }

    /// A login that issued a session.
    pub fn login(&mut self, secs: i64, user: &str, client: Client) -> &mut Event {
        let mut event = Event::new("auth", at(secs));
        event.class = Some("authentication".into());
        event.activity = Some("Logon".into());
        event.outcome = Outcome::Success;
        event.actor_user = Some(user.into());
        event.actor_realm = Some("app".into());
        event.issued_session = Some(client.session.into());
        event.src_ip = Some(client.ip.into());
        event.device = Some(client.device.into());
        self.push(event);
        self.events.last_mut().unwrap()
    }

    /// A statement of a role; with a trace id it belongs to a request.
    pub fn sql(
        &mut self,
        secs: i64,
        role: &str,
        trace: Option<&str>,
        sql: &str,
        parameters: &[&str],
    ) -> &mut Event {
        let mut event = Event::new("postgresql", at(secs).plus_nanos(10_000_000));
        event.class = Some("datastore_activity".into());
        event.activity = sql.split_whitespace().next().map(str::to_ascii_uppercase);
        event.operation.clone_from(&event.activity);
        event.outcome = Outcome::Success;
        event.actor_user = Some(role.into());
        event.actor_realm = Some("db".into());
        event.connection = Some(format!("c-{role}"));
        event.query_text = Some(sql.into());
        event.parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
        event.trace = trace.map(Into::into);
        event.record_count = Some(1);
        self.push(event);
        self.events.last_mut().unwrap()
    }

    /// A request with the statement behind it.
    pub fn profile(&mut self, secs: i64, client: Client, user: &str) {
        self.get(secs, client, &format!("/users/{user}/profile"), "200");
        let trace = format!("t{secs}");
        self.sql(
            secs,
            "app",
            Some(&trace),
            "SELECT email, name FROM profiles WHERE user_id = $1",
            &[user],
        );
    }

    /// One read of each role that has statements, which shows that its reads are logged.
    fn reads(&self) -> Vec<Event> {
        let statements = self.events.iter().filter(|e| e.source == "postgresql");
        let roles: BTreeSet<_> = statements
            .filter(|e| e.query_text.is_some() && !self.says_all)
            .filter_map(|e| Some((e.actor_user.clone()?, e.host.clone())))
            .collect();
        let mut other = World::default();
        for (role, host) in roles {
            let read = other.sql(0, &role, None, "SELECT 1", &[]);
            (read.connection, read.host) = (Some(format!("other-{role}")), host);
        }
        other
            .events
            .iter_mut()
            .for_each(|e| e.id = EventId::nth("read", "", &e.id.0, 1));
        other.events
    }

    pub async fn lake(&self) -> Lake {
        let lake = Lake::in_memory([1; 32]);
        let mut events = self.events.clone();
        events.extend(self.reads());
        for event in &mut events {
            for value in [
                &mut event.actor_session,
                &mut event.issued_session,
                &mut event.actor_credential,
                &mut event.issued_credential,
            ] {
                *value = value.take().map(|v| lake.keys().fingerprint(&v));
            }
        }
        let mut writer = lake.writer().await.unwrap();
        writer
            .push(Batch {
                events,
                attestations: self.attestations.clone(),
                losses: self.losses.clone(),
                ..Batch::default()
            })
            .await
            .unwrap();
        writer.commit().await.unwrap();
        lake.refresh().await.unwrap()
    }

    /// The answer for these seeds with this map.
    pub async fn ask(&self, map: &str, seeds: &[&str]) -> Answer {
        let (map, diagnostics) = DataMap::parse(map, "map.toml");
        let map = map.unwrap_or_else(|| panic!("the map does not parse: {diagnostics:?}"));
        self.ask_with(&map, seeds).await
    }

    /// The same with a map that was read with the files beside it.
    pub async fn ask_with(&self, map: &DataMap, seeds: &[&str]) -> Answer {
        let lake = self.lake().await;
        let request = Request {
            seeds: seeds.iter().map(|s| Seed::parse(s).unwrap()).collect(),
            map: Some(map),
            coverage_assertions: self.asserted.clone(),
            config: Config::standard(),
            shown: None,
        };
        scope(&lake, &request).await.unwrap()
    }
}

/// `class: at_least..at_most` for every class that anything can be said of, read.
pub fn read(answer: &Answer) -> Vec<String> {
    let show = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let classes = answer.scope.classes.iter().filter(|(_, b)| b.at_most != Some(0));
    classes
        .map(|(class, b)| format!("{class} {}..{}", b.at_least, show(b.at_most)))
        .collect()
}
