//! The simulation: who acts when, and what stands in the logs for it.
//!
//! Every actor has one next turn in a heap; a turn writes its records and sets the actor's next turn. Nothing
//! that a gap takes away is known here, so that the same world is told with and without holes.

mod call;
mod cloud;
mod database;
mod gateway;
mod hosts;
mod noise;
mod reach;
mod script;
mod users;

pub use call::{Call, Client, Credential, Forged, Injection, Side};
pub use cloud::{INSIDER, STAFF, Theft, stolen_key};
pub use database::{Query, Reach};
pub use script::{Script, Seed, Step, exclusivity};

use crate::Error;
use crate::logs::Logs;
use crate::plan::Plan;
use crate::record::{Body, Record, Secret};
use crate::rng::Rng;
use crate::sink::Sink;
use crate::truth::{Gathered, Truth};
use crate::world::{User, World};
use ambit_event::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// Somebody who has a next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    User(User),
    /// The n-th step of the script.
    Script(usize),
    Health,
    Heartbeat,
    Newsletter,
    BackOffice,
    Staff,
    Knock,
    Checkpoint,
    /// The worker that makes this export.
    Worker(u64),
    /// One of the cloud account's own.
    Cloud(cloud::Hand),
}

/// A session that the services accept.
#[derive(Debug, Clone, Copy)]
struct Live {
    user: User,
    until: Timestamp,
    device: u64,
}

/// Asynchronous work.
#[derive(Debug, Clone, Copy)]
struct Job {
    user: User,
    is_ready: bool,
}

pub struct Sim<'s> {
    plan: Plan,
    world: World,
    rng: Rng,
    turns: BinaryHeap<Reverse<(Timestamp, u64, Actor)>>,
    n_turns: u64,
    logs: Logs<'s>,
    truth: Gathered,
    sessions: HashMap<Secret, Live>,
    jobs: BTreeMap<u64, Job>,
    accounts: Vec<users::Account>,
    pools: BTreeMap<usize, Vec<database::Pooled>>,
    hosts: hosts::Hosts,
    steps: Vec<(Timestamp, Step)>,
    cast: script::Cast,
    /// Processes so far.
    n_pids: u32,
    /// The database sessions of the session keeper, of the export worker, and of the server itself.
    keeper: Option<usize>,
    exporter: Option<usize>,
    server: usize,
    cloud: cloud::Cloud,
    /// How the first suspicion arose.
    noticed: &'static str,
    /// A request of somebody else that has ended: when, and its id.
    overheard: (Timestamp, u128),
}

impl<'s> Sim<'s> {
    /// The world of the plan before anything happens.
    pub fn new(plan: &Plan, world: World, script: Script, out: &'s mut dyn Sink) -> Self {
        let logs = Logs::open(plan, out);
        Self {
            rng: Rng::of(plan.random_seed, 0x51a),
            turns: BinaryHeap::new(),
            n_turns: 0,
            hosts: hosts::Hosts::of(plan, &logs),
            logs,
            truth: Gathered {
                noticed_at: Some(script.noticed_at),
                ..Gathered::default()
            },
            sessions: HashMap::new(),
            jobs: BTreeMap::new(),
            accounts: Vec::new(),
            pools: BTreeMap::new(),
            steps: script.steps,
            cast: script::Cast::new(script.seeds),
            noticed: script.noticed,
            n_pids: 0,
            keeper: None,
            exporter: None,
            server: 0,
            cloud: cloud::Cloud::new(plan),
            overheard: (Timestamp::MAX, 0),
            plan: plan.clone(),
            world,
        }
    }

    /// Lets everything happen, and answers what did.
    ///
    /// # Errors
    /// [`Error::Write`] where the sink does not take a file.
    pub fn run(mut self) -> Result<Truth, Error> {
        self.begin();
        while let Some(Reverse((at, _, actor))) = self.turns.pop() {
            self.logs.flush(at, &mut self.truth)?;
            self.turn(at, actor);
        }
        self.finish()
    }

    fn begin(&mut self) {
        self.open_pools();
        self.begin_users();
        self.begin_noise();
        self.begin_cloud();
        for n in 0..self.steps.len() {
            self.at(self.steps[n].0, Actor::Script(n));
        }
    }

    fn turn(&mut self, at: Timestamp, actor: Actor) {
        match actor {
            Actor::User(user) => self.user_turn(at, user),
            Actor::Script(n) => self.script_turn(at, n),
            Actor::Worker(job) => self.export_turn(at, job),
            Actor::Cloud(hand) => self.cloud_turn(at, hand),
            other => self.noise_turn(at, other),
        }
    }

    fn finish(mut self) -> Result<Truth, Error> {
        self.logs.finish(&mut self.truth)?;
        self.truth.seeds = self.seeds();
        Ok(self.truth.finish(&self.plan, &self.world, self.noticed))
    }

    /// Sets a turn, unless it would begin too late to end within the window.
    fn at(&mut self, at: Timestamp, actor: Actor) {
        if at < crate::world::closing(&self.plan) {
            self.n_turns += 1;
            self.turns.push(Reverse((at, self.n_turns, actor)));
        }
    }

    fn record(&mut self, at: Timestamp, stream: usize, body: Body, deed: Option<&'static str>) {
        let at = crate::clock::to_millis(at);
        self.logs.push(Record {
            at,
            stream,
            body,
            deed,
        });
    }
}
