//! The steps of an attack, and how each is carried out.

use super::{Call, Client, Credential, Query, Side, Sim, Theft};
use crate::record::{AppLine, Body, secret_text, session_hash};
use crate::service::{Route, Service};
use crate::world::{BASTION, User};
use ambit_event::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A role of the script that keeps a credential between its steps.
pub type Slot = u8;

/// What happens, and what is known of it.
#[derive(Debug)]
pub struct Script {
    /// By time.
    pub steps: Vec<(Timestamp, Step)>,
    pub seeds: Vec<Seed>,
    /// When and how the first suspicion arose.
    pub noticed_at: Timestamp,
    pub noticed: &'static str,
}

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Step {
    /// This client comes on stage, without a credential.
    Enter {
        slot: Slot,
        client: Client,
    },
    Login {
        slot: Slot,
        user: User,
        is_right: bool,
    },
    /// The credential of one slot comes into other hands, which no log tells.
    Copy {
        from: Slot,
        to: Slot,
    },
    /// The session that the user works in comes into other hands.
    Take {
        user: User,
        to: Slot,
    },
    /// So does one of those that the table of sessions held, by its place among other users'.
    TakeNth {
        nth: usize,
        to: Slot,
    },
    /// So does the back office's key.
    TakeKey {
        to: Slot,
    },
    Ask {
        slot: Slot,
        call: Call,
    },
    /// Downloads the export that this slot has started.
    Download {
        slot: Slot,
    },
    /// The security team ends the session.
    Revoke {
        slot: Slot,
    },
    /// Logs in to a host.
    Ssh {
        host: String,
        account: &'static str,
        from: Ipv4Addr,
        side: Side,
    },
    SshFailed {
        host: String,
        account: &'static str,
        from: Ipv4Addr,
    },
    /// Leaves the host that was entered last.
    Leave,
    /// Opens a database session from the bastion.
    Connect {
        role: &'static str,
        side: Side,
    },
    Run {
        query: Query,
        deed: &'static str,
    },
    Disconnect,
    /// Asks something of the cloud account.
    Steal {
        theft: Theft,
        from: Ipv4Addr,
    },
}

/// What the investigator starts from, as the end of the drill fills it in.
#[derive(Debug, Clone)]
pub enum Seed {
    /// A text that is a seed as it stands.
    Plain(String),
    /// Every session that this slot ever held, with what is asserted of it.
    Sessions(Slot, String),
    /// The back office's key, with what is asserted of it.
    Key(String),
    /// The database sessions that the intruder opened.
    Connections,
}

/// Who is on stage.
#[derive(Debug)]
pub struct Cast {
    seeds: Vec<Seed>,
    clients: BTreeMap<Slot, Client>,
    jobs: BTreeMap<Slot, u64>,
    /// As the seeds name them.
    held: BTreeSet<(Slot, String)>,
    entered: Vec<(String, &'static str, Ipv4Addr, u32, Side)>,
    database: Option<(usize, Side)>,
    connections: BTreeSet<String>,
}

impl Cast {
    pub const fn new(seeds: Vec<Seed>) -> Self {
        Self {
            seeds,
            clients: BTreeMap::new(),
            jobs: BTreeMap::new(),
            held: BTreeSet::new(),
            entered: Vec::new(),
            database: None,
            connections: BTreeSet::new(),
        }
    }
}

impl Sim<'_> {
    pub(super) fn script_turn(&mut self, at: Timestamp, number: usize) {
        let step = self.steps[number].1.clone();
        match step {
            Step::Enter { slot, client } => {
                self.cast.clients.insert(slot, client);
            }
            Step::Login { slot, user, is_right } => self.log_in(at, slot, user, is_right),
            Step::Copy { from, to } => {
                let credential = self.cast.clients.get(&from).map(|c| c.credential);
                self.hold(to, credential.unwrap_or(Credential::None));
            }
            Step::Take { user, to } => {
                let session = self.session_of(at, user);
                self.hold(to, session.map_or(Credential::None, Credential::Session));
            }
            Step::TakeNth { nth, to } => self.take_nth(nth, to),
            Step::TakeKey { to } => self.hold(to, Credential::Key(self.key())),
            Step::Ask { slot, call } => self.ask(at, slot, &call),
            Step::Download { slot } => {
                if let Some(job) = self.cast.jobs.get(&slot).copied() {
                    self.ask(at, slot, &Call::new(Route::GetExport).numbered(job));
                }
            }
            Step::Revoke { slot } => self.revoke(at, slot),
            other => self.host_turn(at, other),
        }
    }

    fn host_turn(&mut self, at: Timestamp, step: Step) {
        match step {
            Step::Ssh {
                host,
                account,
                from,
                side,
            } => {
                let pid = self.pid();
                self.enter(at, &host, account, from, pid, deed(side, "ssh"));
                self.cast.entered.push((host, account, from, pid, side));
            }
            Step::SshFailed { host, account, from } => {
                let pid = self.pid();
                let message = format!(
                    "Failed password for {account} from {from} port {} ssh2",
                    40_000 + pid % 20_000
                );
                self.sshd(at, &host, pid, message, Some("ssh"));
            }
            Step::Leave => {
                if let Some((host, account, from, pid, side)) = self.cast.entered.pop() {
                    self.leave(at, &host, account, from, pid, deed(side, "ssh"));
                }
            }
            Step::Connect { role, side } => {
                let backend = self.connect(at, role, "psql", BASTION, deed(side, "psql"));
                self.cast.database = Some((backend, side));
                if side == Side::Intruder {
                    self.cast.connections.insert(self.logs.backends.get(backend).id());
                }
            }
            Step::Run { query, deed } => {
                if let Some((backend, side)) = self.cast.database {
                    self.run_query(at, backend, &query, side, deed);
                }
            }
            Step::Steal { theft, from } => self.steal(at, theft, from),
            Step::Disconnect => {
                if let Some((backend, side)) = self.cast.database.take() {
                    self.disconnect(at, backend, deed(side, "psql"));
                }
            }
            _ => {}
        }
    }

    fn hold(&mut self, slot: Slot, credential: Credential) {
        if let Some(client) = self.cast.clients.get_mut(&slot) {
            client.credential = credential;
            if let Credential::Session(secret) = credential {
                self.cast.held.insert((slot, session_hash(secret)));
            }
        }
    }

    fn log_in(&mut self, at: Timestamp, slot: Slot, user: User, is_right: bool) {
        let Some(client) = self.cast.clients.get(&slot).copied() else {
            return;
        };
        let session = self.login(at, &client, user, is_right).session;
        if let Some(secret) = session {
            self.hold(slot, Credential::Session(secret));
        }
    }

    /// One of the sessions of users who are neither the intruder nor on stage.
    fn take_nth(&mut self, nth: usize, to: Slot) {
        let own = self.world.own_account;
        let rows = self.sessions_by_user();
        let found = rows.iter().filter(|(user, _)| *user != own).nth(nth);
        let credential = found.map_or(Credential::None, |(_, secret)| Credential::Session(*secret));
        self.hold(to, credential);
    }

    fn ask(&mut self, at: Timestamp, slot: Slot, call: &Call) {
        let Some(client) = self.cast.clients.get(&slot).copied() else {
            return;
        };
        let reply = self.request(at, &client, call);
        if let Some(job) = reply.job {
            self.cast.jobs.insert(slot, job);
        }
        if call.route == Route::Logout && reply.status < 300 {
            self.hold(slot, Credential::None);
        }
    }

    fn revoke(&mut self, at: Timestamp, slot: Slot) {
        let session = self.cast.clients.get(&slot).and_then(Client::session);
        let mut line = AppLine::new(Service::Auth, "session revoked");
        line.level = "warn";
        line.revoked_session = session;
        let host = self.hosts.service(Service::Auth, 0);
        self.record(at, host, Body::App(Box::new(line)), None);
        self.end_session(at, session);
    }

    /// The seeds in the form of the command line, ordered as the script names them.
    pub(super) fn seeds(&self) -> Vec<String> {
        self.cast
            .seeds
            .iter()
            .flat_map(|seed| match seed {
                Seed::Plain(text) => vec![text.clone()],
                Seed::Sessions(slot, asserted) => {
                    let held = self.cast.held.iter().filter(|(s, _)| s == slot);
                    held.map(|(_, name)| format!("session={name}{asserted}"))
                        .collect()
                }
                Seed::Key(asserted) => vec![format!("token={}{asserted}", secret_text(self.key()))],
                Seed::Connections => {
                    let ids = self.cast.connections.iter();
                    ids.map(|id| format!("connection={id}")).collect()
                }
            })
            .collect()
    }
}

fn deed(side: Side, name: &'static str) -> Option<&'static str> {
    (side == Side::Intruder).then_some(name)
}

/// What follows a seed that is asserted to be the intruder's alone.
pub fn exclusivity(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |why| format!(",exclusive,reason=\"{why}\""))
}
