//! One request: through the gateway to a service, and back.

use super::call::{Call, Client, Credential, Identity, Reply, Request, Side, template};
use super::{Actor, Job, Live, Sim};
use crate::clock::{HOUR, MILLI, to_millis};
use crate::plan::Attack;
use crate::record::{AppLine, Body, Hit, Secret, Statement};
use crate::rng::mix;
use crate::service::{Route, Service};
use crate::world::{HOLE_VERSION, User, World};
use ambit_event::Timestamp;

impl Sim<'_> {
    /// Serves a request and writes all of its records.
    pub(super) fn request(&mut self, at: Timestamp, client: &Client, call: &Call) -> Reply {
        let request = self.receive(at, client, call);
        let status = self.judge(&request);
        if status >= 400 {
            return self.refuse(&request, status);
        }
        if client.side == Side::Other && call.route != Route::Health && self.rng.below(400) == 0 {
            return self.refuse(&request, 502);
        }
        self.serve(&request)
    }

    /// A login: with the right password it issues a session.
    pub(super) fn login(&mut self, at: Timestamp, client: &Client, user: User, is_right: bool) -> Reply {
        let call = Call::about(Route::Login, user);
        let client = Client {
            credential: Credential::None,
            ..*client
        };
        let mut request = self.receive(at, &client, &call);
        request.subject = Some(user);
        let asked = at.plus_nanos(self.rng.between(3, 8) as i64 * MILLI);
        let found = u64::from(user < self.world.users);
        let query = Statement::read(
            "accounts",
            "SELECT user_id, password_hash FROM accounts WHERE login = $1",
            found,
        );
        let query = Statement {
            parameters: Some(vec![World::login(user)]),
            ..query
        };
        self.run_pooled(asked, request.host, query, Some(request.id), client.deed("login"));
        if !is_right {
            return self.answer(
                &request,
                401,
                74,
                asked,
                AppLine::new(Service::Auth, "login failed"),
                None,
            );
        }
        let secret = self.rng.wide();
        let until = at.plus_nanos(self.rng.between(12, 96) as i64 * HOUR);
        let device = client.device.map_or(0, |d| d.id);
        self.sessions.insert(secret, Live { user, until, device });
        self.keep_session(asked, true);
        let mut line = AppLine::new(Service::Auth, "login");
        line.issued_session = Some(secret);
        let mut reply = self.answer(&request, 200, 182, asked, line, None);
        reply.session = Some(secret);
        reply
    }

    fn receive<'c>(&mut self, at: Timestamp, client: &'c Client, call: &'c Call) -> Request<'c> {
        let id = self.rng.wide();
        let who = self.identify(at, client);
        if let (Side::Other, Identity::Account(user), Some(device)) = (client.side, who, client.device)
            && device.version == HOLE_VERSION
        {
            self.truth.exposed.insert(user);
        }
        let subject = match (call.route, who) {
            (Route::Me | Route::Logout, Identity::Account(user)) => Some(user),
            _ => self.world.of_key(call.key),
        };
        let service = call.route.spec().service;
        Request {
            id,
            at,
            client,
            call,
            who,
            subject,
            service,
            host: self.hosts.service(service, id as u64),
        }
    }

    fn identify(&self, at: Timestamp, client: &Client) -> Identity {
        match client.credential {
            Credential::Key(key) if key == self.key() => Identity::Service,
            Credential::Session(secret) => match self.sessions.get(&secret) {
                Some(live) if live.until > at => Identity::Account(live.user),
                _ => Identity::Nobody,
            },
            _ => Identity::Nobody,
        }
    }

    /// The back office's key.
    pub(super) fn key(&self) -> Secret {
        let half = mix(&[self.plan.random_seed, 0x4e7]);
        (u128::from(half) << 64) | u128::from(mix(&[half]))
    }

    /// The status with which the request is answered, if nothing breaks.
    fn judge(&self, request: &Request<'_>) -> u16 {
        let route = request.call.route;
        match (route, request.who) {
            (Route::Health, _) => 200,
            (_, Identity::Nobody) => 401,
            (Route::UserList | Route::Report, Identity::Account(_)) => 403,
            (Route::Me | Route::Logout, Identity::Service) => 403,
            (Route::Track | Route::Stream, _) if request.call.number > 90_000 => 404,
            (Route::GetExport, who) => self.judge_export(request, who),
            (_, _) if !route.is_personal() => route.success(),
            (_, Identity::Service) => self.existing(request),
            (_, Identity::Account(user)) => self.judge_personal(request, user),
        }
    }

    fn existing(&self, request: &Request<'_>) -> u16 {
        if request.subject.is_some() {
            request.call.route.success()
        } else {
            404
        }
    }

    fn judge_personal(&self, request: &Request<'_>, user: User) -> u16 {
        let Request { call, client, .. } = request;
        let version = client.device.map_or("", |d| d.version);
        // The hole: this version's requests for profiles are not checked.
        let is_open = self.plan.attack == Attack::IdEnumeration
            && version == HOLE_VERSION
            && call.route == Route::Profile;
        if is_open {
            return self.existing(request);
        }
        let is_own_device = || {
            let live = client.session().and_then(|s| self.sessions.get(&s));
            live.is_some_and(|live| client.device.is_some_and(|d| d.id == live.device))
        };
        if request.subject != Some(user) || (call.route.is_bound_to_device() && !is_own_device()) {
            return 403;
        }
        call.route.success()
    }

    fn judge_export(&self, request: &Request<'_>, who: Identity) -> u16 {
        match self.jobs.get(&request.call.number) {
            Some(job) if who == Identity::Account(job.user) && job.is_ready => 200,
            Some(job) if who == Identity::Account(job.user) => 404,
            _ => 404,
        }
    }

    fn refuse(&mut self, request: &Request<'_>, status: u16) -> Reply {
        let asked = request.at.plus_nanos(self.rng.between(1, 4) as i64 * MILLI);
        let (service, message, level) = match status {
            401 => (Service::Auth, "session refused", "warn"),
            502 => (request.service, "upstream failed", "error"),
            403 => (request.service, "forbidden", "warn"),
            _ => (request.service, "not found", "info"),
        };
        let mut line = AppLine::new(service, message);
        line.level = level;
        self.answer(request, status, 60 + u64::from(status % 40), asked, line, None)
    }

    /// Does what the request asks for.
    fn serve(&mut self, request: &Request<'_>) -> Reply {
        let route = request.call.route;
        let asked = request.at.plus_nanos(self.rng.between(3, 9) as i64 * MILLI);
        let is_hit = self.plan.features.cache && route == Route::Profile && self.rng.percent(30);
        let mut line = AppLine::new(request.service, "request");
        if route == Route::Profile && self.plan.features.cache {
            line.cache = Some(if is_hit { "hit" } else { "miss" });
        }
        let job = (route == Route::StartExport).then(|| self.start_job(request));
        line.job = job;
        if !is_hit && let Some(query) = self.query(request, job) {
            let id = self.trace_of(request);
            self.run_pooled(
                asked,
                request.host,
                query,
                Some(id),
                request.client.deed(route.spec().title),
            );
        }
        if request.client.side == Side::Intruder {
            self.account(request);
        }
        if route == Route::GetExport {
            self.fetch_export(
                asked,
                request.call.number,
                request.client.deed(route.spec().title),
            );
        }
        if route == Route::Logout {
            self.end_session(asked, request.client.session());
        }
        let bytes = self.size(request);
        self.answer(request, route.success(), bytes, asked, line, job)
    }

    /// The trace id that the service hands on to the database: where it carries on what the client sent, a
    /// forged one goes through.
    fn trace_of(&self, request: &Request<'_>) -> u128 {
        let carries_on = self.plan.features.comment == crate::plan::Comment::Traceparent;
        match request.client.forged {
            Some(_) if carries_on && self.overheard.0 < request.at => self.overheard.1,
            _ => request.id,
        }
    }

    fn start_job(&mut self, request: &Request<'_>) -> u64 {
        let job = self.rng.next();
        let user = request.subject.unwrap_or_default();
        self.jobs.insert(
            job,
            Job {
                user,
                is_ready: false,
            },
        );
        let ready = request.at.plus_secs(self.rng.between(20, 60) as i64);
        self.at(ready, Actor::Worker(job));
        job
    }

    /// Writes what the service and the gateway say of the end of a request.
    fn answer(
        &mut self,
        request: &Request<'_>,
        status: u16,
        bytes: u64,
        asked: Timestamp,
        mut line: AppLine,
        job: Option<u64>,
    ) -> Reply {
        let Request { client, call, .. } = request;
        let spec = call.route.spec();
        let deed = client.deed(spec.title);
        let done = asked.plus_nanos(self.rng.between(2, 6) as i64 * MILLI);
        let slow = if call.route == Route::Stream {
            self.rng.between(100, 1_500)
        } else {
            1
        };
        let end = done.plus_nanos((self.rng.between(1, 3) + slow) as i64 * MILLI);
        if call.route != Route::Health {
            let host = if line.service == request.service {
                request.host
            } else {
                self.hosts.service(line.service, request.id as u64)
            };
            self.complete(&mut line, request, status, bytes);
            line.took = Some(to_millis(done).0 - to_millis(request.at).0);
            self.record(done, host, Body::App(Box::new(line)), deed);
        }
        let hit = self.hit(request, status, bytes, end);
        let gateway = self.gateway_of(client, call);
        self.record(end, gateway, Body::Hit(Box::new(hit)), deed);
        if client.side == Side::Other && status < 400 {
            self.overheard = (end, request.id);
        }
        Reply {
            status,
            end,
            session: None,
            job,
        }
    }

    fn complete(&self, line: &mut AppLine, request: &Request<'_>, status: u16, bytes: u64) {
        let Request { client, call, .. } = request;
        let spec = call.route.spec();
        line.request_id = Some(request.id);
        line.route = Some((spec.method, template(spec.path), call.path()));
        line.status = Some(status);
        line.bytes = Some(bytes);
        line.client = Some(client.forged.map_or(client.from, |f| f.forwarded_for));
        line.device = client.device.map(|d| d.id);
        line.session = client.session();
        line.user = match request.who {
            Identity::Account(user) => Some(World::key(user)),
            _ if line.issued_session.is_some() => Some(call.key),
            _ => None,
        };
        if call.route == Route::Login {
            line.login = request.subject.map(World::login);
        }
    }

    fn hit(&self, request: &Request<'_>, status: u16, bytes: u64, end: Timestamp) -> Hit {
        let Request { client, call, .. } = request;
        let (status, bytes) = if call.broken_off {
            (499, bytes / 2)
        } else {
            (status, bytes)
        };
        Hit {
            took: to_millis(end).0 - to_millis(request.at).0,
            request_id: request.id,
            from: client.from,
            method: call.route.spec().method,
            path: call.path(),
            query: call.query(),
            status,
            bytes,
            device: client.device,
            agent: client.agent,
            session: client.session(),
            key: match client.credential {
                Credential::Key(key) => Some(key),
                _ => None,
            },
            forwarded_for: client.forged.map(|f| f.forwarded_for),
            traceparent: client.forged.map(|_| self.overheard.1),
        }
    }

    fn gateway_of(&self, client: &Client, call: &Call) -> usize {
        let by_address = u32::from(client.from) as usize;
        let nth = call.gateway.unwrap_or(by_address) % self.hosts.gateways.len();
        self.hosts.gateways[nth]
    }

    /// Ends a session for everybody who holds it.
    pub(super) fn end_session(&mut self, at: Timestamp, secret: Option<Secret>) {
        if let Some(secret) = secret
            && self.sessions.remove(&secret).is_some()
        {
            self.keep_session(at, false);
        }
    }
}
