//! Everything that happens beside users and intruders: checks, jobs, staff, strangers who knock.

use super::{Actor, Call, Client, Credential, Query, Reach, Side, Sim};
use crate::clock::{HOUR, MILLI, MINUTE, SECOND};
use crate::logs::BASTION_HOST;
use crate::plan::{Attack, Owner};
use crate::record::{AppLine, Body, SqlLine, Sshd, Statement};
use crate::service::{REPORTS, Route};
use crate::world::{BACK_OFFICE, BASTION, BATCH, CHECKER, DESK, OFFICE, World};
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// Rows that the newsletter reads at a time.
const BATCH_ROWS: u32 = 1_000;
const STRANGERS: &[&str] = &["admin", "root", "test", "oracle", "ubuntu"];

impl Sim<'_> {
    pub(super) fn begin_noise(&mut self) {
        let start = self.plan.start;
        let backend = self.checkpointer();
        self.sql(
            start.plus_nanos(MILLI),
            backend,
            SqlLine::Checkpoint { complete: true },
            None,
        );
        self.server = backend;
        for (actor, secs) in [
            (Actor::Health, 7),
            (Actor::Heartbeat, 3),
            (Actor::Knock, 20),
            (Actor::Checkpoint, 300),
            (Actor::Newsletter, 900),
            (Actor::BackOffice, 1_500),
            (Actor::Staff, 2_000),
        ] {
            self.at(start.plus_secs(secs), actor);
        }
    }

    pub(super) fn noise_turn(&mut self, at: Timestamp, actor: Actor) {
        let (every, jitter) = match actor {
            Actor::Health => (5 * MINUTE, 0),
            Actor::Heartbeat => (20 * MINUTE, 0),
            Actor::Knock => (15 * MINUTE, 5 * MINUTE),
            Actor::Checkpoint => (15 * MINUTE, 0),
            Actor::Newsletter => (6 * HOUR, 0),
            Actor::BackOffice => (2 * HOUR, 0),
            _ => (5 * HOUR, HOUR),
        };
        match actor {
            Actor::Health => self.check_health(at),
            Actor::Heartbeat => self.beat(at),
            Actor::Knock => self.knock(at),
            Actor::Checkpoint => self.checkpoint(at),
            Actor::Newsletter => self.send_newsletter(at),
            Actor::BackOffice => self.work_in_back_office(at),
            _ => self.staff_turn(at),
        }
        let wait = every + self.rng.below(jitter as u64 + 1) as i64;
        self.at(at.plus_nanos(wait), actor);
    }

    fn check_health(&mut self, at: Timestamp) {
        for gateway in 0..self.hosts.gateways.len() {
            let client = Client::program(Side::Other, CHECKER, "kube-probe/1.0", Credential::None);
            let user = u64::from(World::key(self.world.owner));
            let call = Call::new(Route::Health).numbered(user).through(gateway);
            self.request(at.plus_nanos(gateway as i64 * 40 * MILLI), &client, &call);
        }
    }

    fn beat(&mut self, at: Timestamp) {
        let hosts: Vec<_> = self.hosts.all_services().collect();
        for (n, (service, host)) in hosts.into_iter().enumerate() {
            let line = AppLine::new(service, "heartbeat");
            self.record(
                at.plus_nanos(n as i64 * 11 * MILLI),
                host,
                Body::App(Box::new(line)),
                None,
            );
        }
    }

    fn knock(&mut self, at: Timestamp) {
        let stranger = Ipv4Addr::new(198, 51, 100, self.rng.between(2, 250) as u8);
        let name = self.rng.pick(STRANGERS);
        let port = self.rng.between(30_000, 60_000);
        let pid = self.pid();
        for (wait, message) in [
            (0, format!("Invalid user {name} from {stranger} port {port}")),
            (
                1,
                format!("Failed password for invalid user {name} from {stranger} port {port} ssh2"),
            ),
            (
                2,
                format!("Connection closed by invalid user {name} {stranger} port {port} [preauth]"),
            ),
        ] {
            self.sshd(at.plus_nanos(wait * SECOND), BASTION_HOST, pid, message, None);
        }
    }

    pub(super) fn sshd(
        &mut self,
        at: Timestamp,
        host: &str,
        pid: u32,
        message: String,
        deed: Option<&'static str>,
    ) {
        let stream = self.logs.stream("sshd", host);
        self.record(at, stream, Body::Sshd(Box::new(Sshd { pid, message })), deed);
    }

    fn checkpoint(&mut self, at: Timestamp) {
        let server = self.server;
        self.sql(at, server, SqlLine::Checkpoint { complete: false }, None);
        self.sql(
            at.plus_secs(1),
            server,
            SqlLine::Checkpoint { complete: true },
            None,
        );
    }

    /// A job reads the address of everybody.
    fn send_newsletter(&mut self, at: Timestamp) {
        let backend = self.connect(at, "batch", "newsletter", BATCH, None);
        let n_pages = self.world.users.div_ceil(BATCH_ROWS);
        for page in 0..n_pages {
            let after = World::key(0) - 1 + page * BATCH_ROWS;
            let text = format!(
                "SELECT user_id, email FROM profiles WHERE user_id > $1 ORDER BY user_id LIMIT {BATCH_ROWS}"
            );
            let left = self.world.users - page * BATCH_ROWS;
            let mut statement = Statement::read("profiles", &text, u64::from(left.min(BATCH_ROWS)));
            statement.parameters = Some(vec![after.to_string()]);
            self.sql(
                at.plus_nanos(i64::from(page + 1) * 20 * MILLI),
                backend,
                SqlLine::Statement(statement),
                None,
            );
        }
        self.disconnect(at.plus_nanos(i64::from(n_pages + 2) * 20 * MILLI), backend, None);
    }

    /// The service with the back office's key reads lists and reports. While it must rest, it does not.
    fn work_in_back_office(&mut self, at: Timestamp) {
        if self.plan.attack == Attack::StolenApiKey && self.plan.conduct.owner == Owner::Rests {
            return;
        }
        let client = Client::program(
            Side::Other,
            BACK_OFFICE,
            "backoffice/3.2",
            Credential::Key(self.key()),
        );
        let report = self.rng.pick(REPORTS);
        self.request(at, &client, &Call::new(Route::Report).text(report));
        if self.plan.attack == Attack::StolenApiKey && self.plan.conduct.owner == Owner::Listens {
            return;
        }
        for page in 1..=2 {
            self.request(
                at.plus_secs(page),
                &client,
                &Call::new(Route::UserList).numbered(page as u64),
            );
        }
    }

    /// A member of staff comes through the bastion and counts tracks.
    fn staff_turn(&mut self, at: Timestamp) {
        let pid = self.pid();
        self.enter(at, BASTION_HOST, "dana", OFFICE, pid, None);
        let backend = self.connect(at.plus_secs(8), "dana", "psql", BASTION, None);
        let query = Query {
            statement: Statement {
                parameters: Some(Vec::new()),
                ..Statement::read("tracks", "SELECT count(*)\n  FROM tracks;", 1)
            },
            columns: &[],
            reach: Reach::Nobody,
        };
        self.run_query(at.plus_secs(14), backend, &query, Side::Other, "count");
        self.disconnect(at.plus_secs(16), backend, None);
        self.leave(at.plus_secs(18), BASTION_HOST, "dana", OFFICE, pid, None);
    }

    pub(super) fn enter(
        &mut self,
        at: Timestamp,
        host: &str,
        account: &str,
        from: Ipv4Addr,
        pid: u32,
        deed: Option<&'static str>,
    ) {
        let port = 40_000 + pid % 20_000;
        // Staff comes with a key; whoever took over an account has its password.
        let accepted = match deed {
            Some(_) if ![OFFICE, DESK].contains(&from) => {
                format!("Accepted password for {account} from {from} port {port} ssh2")
            }
            _ => format!(
                "Accepted publickey for {account} from {from} port {port} ssh2: ED25519 SHA256:{}",
                ssh_key(account)
            ),
        };
        self.sshd(at, host, pid, accepted, deed);
        let opened =
            format!("pam_unix(sshd:session): session opened for user {account}(uid=1003) by (uid=0)");
        self.sshd(at.plus_nanos(30 * MILLI), host, pid, opened, deed);
    }

    pub(super) fn leave(
        &mut self,
        at: Timestamp,
        host: &str,
        account: &str,
        from: Ipv4Addr,
        pid: u32,
        deed: Option<&'static str>,
    ) {
        let port = 40_000 + pid % 20_000;
        self.sshd(
            at,
            host,
            pid,
            format!("Disconnected from user {account} {from} port {port}"),
            deed,
        );
        let closed = format!("pam_unix(sshd:session): session closed for user {account}");
        self.sshd(at.plus_nanos(10 * MILLI), host, pid, closed, deed);
    }

    /// The export worker gathers what a user asked for.
    pub(super) fn export_turn(&mut self, at: Timestamp, job: u64) {
        let Some(entry) = self.jobs.get_mut(&job) else {
            return;
        };
        entry.is_ready = true;
        let key = World::key(entry.user).to_string();
        let backend = match self.exporter {
            Some(backend) => backend,
            None => self.connect(at, "exporter", "export-worker", BATCH, None),
        };
        self.exporter = Some(backend);
        for (n, (table, columns)) in [
            ("profiles", "user_id, email, phone, display_name, birth_date"),
            ("playlists", "playlist_id, user_id, name"),
            ("plays", "user_id, track_id, played_at"),
        ]
        .into_iter()
        .enumerate()
        {
            let text = format!("SELECT {columns} FROM {table} WHERE user_id = $1 /*job='{job:016x}'*/");
            let mut statement = Statement::read(table, &text, 1);
            statement.parameters = Some(vec![key.clone()]);
            let at = at.plus_nanos((n as i64 + 1) * 5 * MILLI);
            self.sql(at, backend, SqlLine::Statement(statement), None);
        }
        self.store_export(at.plus_secs(1), job);
    }
}

/// The fingerprint of an account's key: everyone has one of their own.
const fn ssh_key(account: &str) -> &'static str {
    match account.as_bytes() {
        b"erin" => "pQ7rWm2LxTz8YcVnB4uJd0aGfKe6sHo1iNq5RkXvE3U",
        _ => "Zk1vXo3bq0m7yJt9wcGhQ4uLs2dEa8RfNpTiVbKxWe0",
    }
}
