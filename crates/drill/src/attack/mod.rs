//! What the intruders do: each attack is a script of timed steps, and the seeds that an investigator of it
//! would have.

mod account;
mod bastion;
mod bucket;
mod key;
mod session;

use crate::clock::{MILLI, SECOND};
use crate::plan::{Attack, Origin, Plan, SeedStyle};
use crate::rng::Rng;
use crate::service::Route;
use crate::sim::{Call, Client, Script, Seed, Side, Step, exclusivity};
use crate::world::{INTRUDER, RIVAL_ADDRESS, User, World, closing};
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// Writes a script, step after step.
struct Author<'p> {
    plan: &'p Plan,
    world: &'p World,
    rng: Rng,
    at: Timestamp,
    /// Most nanoseconds between two steps of the intruder's.
    pace: u64,
    steps: Vec<(Timestamp, Step)>,
    seeds: Vec<Seed>,
}

/// The intruder's first role.
const THIEF: u8 = 1;
/// Another one, for credentials that he came by later.
const LATER: u8 = 2;
/// The rightful owner.
const OWNER: u8 = 0;
/// Another intruder, whom no seed names.
const RIVAL: u8 = 3;

/// The script of the plan's attack.
pub fn script(plan: &Plan, world: &World) -> Script {
    let mut author = Author::new(plan, world);
    match plan.attack {
        Attack::StolenSession | Attack::ForgedHeaders => author.stolen_session(),
        Attack::LogDeletion => author.log_deletion(),
        Attack::CredentialStuffing => author.credential_stuffing(),
        Attack::IdEnumeration => author.id_enumeration(),
        Attack::Injection => author.injection(),
        Attack::SessionStoreDump => author.session_store_dump(),
        Attack::StolenApiKey => author.stolen_api_key(),
        Attack::SqlDump => author.sql_dump(),
        Attack::Insider => author.insider(),
        Attack::BucketTheft => author.bucket_theft(),
    }
    if plan.conduct.has_rival {
        author.rival();
    }
    author.finish()
}

/// How the first suspicion arose.
const fn noticed(attack: Attack) -> &'static str {
    match attack {
        Attack::StolenSession | Attack::ForgedHeaders | Attack::LogDeletion => {
            "the support team noticed that one session was at two places at once"
        }
        Attack::CredentialStuffing => "failed logins from one address stood out in the morning's report",
        Attack::IdEnumeration => "a user reported that the app shows the profiles of others",
        Attack::Injection | Attack::SessionStoreDump => "a developer found SQL in the search terms",
        Attack::SqlDump => "the database administrator found a cancelled COPY that she had not run",
        Attack::Insider => "a colleague saw a customer's data on a screen",
        Attack::BucketTheft => "a key of the cloud account was found in a public repository",
        Attack::StolenApiKey => "the back office's key was found in a public repository",
    }
}

impl<'p> Author<'p> {
    fn new(plan: &'p Plan, world: &'p World) -> Self {
        let at = plan.attacked_at();
        let left = (closing(plan).0 - at.0).max(SECOND) as u64;
        // Stuffing tries six passwords a victim, and everything is over long before the window ends.
        let n_steps = u64::from(plan.conduct.victims.min(plan.users)) * 10 + 30;
        Self {
            plan,
            world,
            rng: Rng::of(plan.random_seed, 0xbad),
            at,
            pace: (left / n_steps / 2).min(40 * SECOND as u64),
            steps: Vec::new(),
            seeds: Vec::new(),
        }
    }

    /// The next step, after a moment.
    fn then(&mut self, step: Step) {
        let wait = self.rng.between(self.pace / 4, self.pace) as i64;
        self.at = self.at.plus_nanos(wait.max(20 * MILLI));
        self.steps.push((self.at, step));
    }

    fn at(&mut self, at: Timestamp, step: Step) {
        self.steps.push((at, step));
    }

    fn finish(mut self) -> Script {
        self.steps.sort_by_key(|(at, _)| *at);
        let last = self.steps.last().map_or(self.at, |(at, _)| *at);
        let first = self.plan.attacked_at();
        Script {
            noticed_at: first.plus_nanos((last.0 - first.0) / 100 * 95),
            noticed: noticed(self.plan.attack),
            steps: self.steps,
            seeds: self.seeds,
        }
    }

    /// Where the intruder comes from.
    fn origin(&self) -> Ipv4Addr {
        match self.plan.conduct.origin {
            Origin::Fresh => INTRUDER,
            Origin::Shared => self.world.carrier(self.world.owner),
        }
    }

    /// The intruder with his own device.
    fn intruder(&self) -> Client {
        Client::new(Side::Intruder, self.origin(), self.world.intruder_device())
    }

    fn is_bold(&self) -> bool {
        self.plan.conduct.seeds == SeedStyle::Exclusive
    }

    /// The reason, where the investigator asserts as much as is true.
    fn if_bold(&self, reason: &'static str) -> Option<&'static str> {
        self.is_bold().then_some(reason)
    }

    /// The intruder's address as a seed, where it is worth something.
    fn seed_address(&mut self) {
        if self.plan.conduct.origin == Origin::Fresh {
            let why = self.if_bold("a rented server that none of our users ever came from");
            self.seeds
                .push(Seed::Plain(format!("ip={INTRUDER}{}", exclusivity(why))));
        }
    }

    fn seed_account(&mut self, realm: &str, name: &str, why: Option<&str>) {
        self.seeds
            .push(Seed::Plain(format!("account={realm}/{name}{}", exclusivity(why))));
    }

    /// Somebody else reads in the session of the last account, on his own.
    fn rival(&mut self) {
        let user = self.world.users - 1;
        if self.victims().contains(&user) {
            return;
        }
        let mut device = self.world.intruder_device();
        device.id ^= 0xff;
        let client = Client::new(Side::Other, RIVAL_ADDRESS, device);
        let first = self.plan.attacked_at().plus_secs(45);
        self.at(first, Step::Enter { slot: RIVAL, client });
        self.at(first, Step::Take { user, to: RIVAL });
        for (secs, route) in [(3, Route::Profile), (9, Route::Messages)] {
            let call = Call::about(route, user);
            self.at(first.plus_secs(secs), Step::Ask { slot: RIVAL, call });
        }
    }

    fn victims(&self) -> Vec<User> {
        self.world.victims(self.plan)
    }
}
