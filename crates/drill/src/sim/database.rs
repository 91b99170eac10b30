//! The database's sessions: pooled ones of the services, and those that people and jobs open.

use super::{Side, Sim};
use crate::clock::MILLI;
use crate::logs::{DATABASE, service_host, skewed};
use crate::plan::Comment;
use crate::record::{Backend, Body, SqlLine, Statement};
use crate::service::{Service, classes_of};
use crate::world::{BATCH, User};
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// A pooled session, and until when it is busy.
#[derive(Debug, Clone, Copy)]
pub struct Pooled {
    backend: usize,
    busy_until: Timestamp,
}

/// Whose rows a statement returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Nobody,
    Users(Vec<User>),
    Everyone,
    /// Everyone whose row comes before the cancellation.
    FirstHalf,
}

/// A statement that somebody types, with what it reaches.
#[derive(Debug, Clone)]
pub struct Query {
    pub statement: Statement,
    pub columns: &'static [&'static str],
    pub reach: Reach,
}

/// The role of the services.
pub const APP: &str = "app";
const KEEPER: &str = "sessiond";

impl Sim<'_> {
    /// Opens the services' sessions before anything else happens.
    pub(super) fn open_pools(&mut self) {
        let hosts: Vec<usize> = self.hosts.all_services().map(|(_, host)| host).collect();
        let start = self.plan.start;
        for (n, host) in hosts.into_iter().enumerate() {
            self.open_pooled(start.plus_nanos((5 + n as i64) * MILLI), host);
        }
    }

    fn open_pooled(&mut self, at: Timestamp, host: usize) -> usize {
        let name = self.name_of(host);
        let address = self.address_of(host);
        let backend = self.connect(at, APP, &name, address, None);
        let pool = self.pools.entry(host).or_default();
        pool.push(Pooled {
            backend,
            busy_until: at.plus_nanos(3 * MILLI),
        });
        pool.len() - 1
    }

    fn name_of(&self, host: usize) -> String {
        let mut all = self.hosts.all_services();
        let nth = all.position(|(_, h)| h == host).unwrap_or(0);
        let n_replicas = usize::from(self.plan.features.n_replicas);
        service_host(
            Service::ALL[nth / n_replicas % Service::ALL.len()],
            (nth % n_replicas) as u8,
        )
    }

    const fn address_of(&self, host: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 1, (host % 200) as u8 + 10)
    }

    /// A new database session with its three lines, `at` and the two milliseconds after.
    pub(super) fn connect(
        &mut self,
        at: Timestamp,
        role: &'static str,
        application: &str,
        from: Ipv4Addr,
        deed: Option<&'static str>,
    ) -> usize {
        let port = 32_768 + self.rng.below(28_000) as u16;
        let pid = self.pid();
        let backend = self
            .logs
            .backends
            .open(Backend::new(role, application, Some((from, port)), pid, at));
        for (n, line) in [SqlLine::Received, SqlLine::Authenticated, SqlLine::Authorized]
            .into_iter()
            .enumerate()
        {
            self.sql(at.plus_nanos(n as i64 * MILLI), backend, line, deed);
        }
        backend
    }

    /// A process id that no other session has: ids recur, but not within a drill.
    pub(super) fn pid(&mut self) -> u32 {
        self.n_pids += 1;
        900 + self.n_pids * 3 + self.rng.below(3) as u32
    }

    pub(super) fn disconnect(&mut self, at: Timestamp, backend: usize, deed: Option<&'static str>) {
        self.sql(at, backend, SqlLine::Disconnected, deed);
    }

    pub(super) fn sql(&mut self, at: Timestamp, backend: usize, line: SqlLine, deed: Option<&'static str>) {
        let body = Body::Sql {
            backend,
            line: Box::new(line),
        };
        let stream = self.hosts.database;
        self.record(at, stream, body, deed);
    }

    /// Runs a service's statement in one of its sessions; the comment names the request that it serves.
    pub(super) fn run_pooled(
        &mut self,
        at: Timestamp,
        host: usize,
        mut statement: Statement,
        request: Option<u128>,
        deed: Option<&'static str>,
    ) {
        if let Some(id) = request {
            statement.text.push_str(&self.comment(id));
        }
        let nth = self.free_session(at, host);
        let Some(pooled) = self.pools.get_mut(&host).and_then(|pool| pool.get_mut(nth)) else {
            return;
        };
        pooled.busy_until = pooled.busy_until.max(at.plus_nanos(2 * MILLI));
        let backend = pooled.backend;
        self.sql(at, backend, SqlLine::Statement(statement), deed);
    }

    /// A session that is idle; a service opens at most eight.
    fn free_session(&mut self, at: Timestamp, host: usize) -> usize {
        let pool = self.pools.entry(host).or_default();
        if let Some(nth) = pool.iter().position(|p| p.busy_until <= at) {
            return nth;
        }
        let least_busy = (0..pool.len()).min_by_key(|nth| pool[*nth].busy_until);
        match least_busy {
            Some(nth) if pool.len() >= 8 => nth,
            _ => self.open_pooled(at.plus_nanos(-3 * MILLI), host),
        }
    }

    fn comment(&self, id: u128) -> String {
        match self.plan.features.comment {
            Comment::RequestId => format!(" /*request_id='{id:032x}'*/"),
            Comment::Traceparent => format!(" /*traceparent='00-{id:032x}-{:016x}-01'*/", id as u64 | 1),
        }
    }

    /// The session keeper's record of an issued or ended session: its role logs no parameters.
    pub(super) fn keep_session(&mut self, at: Timestamp, is_new: bool) {
        let (command, text) = if is_new {
            ("INSERT", "INSERT INTO sessions (sid, user_id) VALUES ($1, $2)")
        } else {
            ("DELETE", "DELETE FROM sessions WHERE sid = $1")
        };
        let mut statement = Statement::write(command, "sessions", text);
        statement.parameters = None;
        let keeper = match self.keeper {
            Some(backend) => backend,
            None => self.connect(at, KEEPER, KEEPER, BATCH, None),
        };
        self.keeper = Some(keeper);
        self.sql(
            at.plus_nanos(4 * MILLI),
            keeper,
            SqlLine::Statement(statement),
            None,
        );
    }

    /// Runs a statement in a session of its own, and notes what an intruder reaches.
    pub(super) fn run_query(
        &mut self,
        at: Timestamp,
        backend: usize,
        query: &Query,
        side: Side,
        deed: &'static str,
    ) {
        let deed = (side == Side::Intruder).then_some(deed);
        self.sql(at, backend, SqlLine::Statement(query.statement.clone()), deed);
        if query.reach == Reach::FirstHalf {
            let line = SqlLine::Cancelled {
                statement: query.statement.text.clone(),
            };
            self.sql(at.plus_secs(2), backend, line, deed);
        }
        if side == Side::Intruder {
            let table = query.statement.tables.first().copied().unwrap_or_default();
            let classes = classes_of(table, query.columns);
            for user in self.reached(&query.reach) {
                self.truth.touch(user, &classes, "read");
            }
        }
    }

    fn reached(&self, reach: &Reach) -> Vec<User> {
        match reach {
            Reach::Nobody => Vec::new(),
            Reach::Users(users) => users.clone(),
            Reach::Everyone => (0..self.world.users).collect(),
            Reach::FirstHalf => (0..self.world.users / 2).collect(),
        }
    }

    /// The server's own process.
    pub(super) fn checkpointer(&mut self) -> usize {
        let start = skewed(&self.plan, self.plan.start);
        self.logs
            .backends
            .open(Backend::new("", DATABASE, None, 611, start))
    }
}
