//! The people: facts about each account that follow from its number, so that a million of them need no memory.

use crate::plan::{Attack, Features, Owner, Plan};
use crate::rng::mix;
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// An account, by its number from 0.
pub type User = u32;

/// A client program on a device, as it names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Shown as `d-` and twelve hexadecimal digits.
    pub id: u64,
    pub platform: &'static str,
    pub version: &'static str,
    pub agent: &'static str,
}

/// The version with the hole.
pub const HOLE_VERSION: &str = "0.9.4";
/// The intruder's own address.
pub const INTRUDER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// Another address of the intruder's, for what comes later.
pub const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 91);
/// The address of another intruder.
pub const RIVAL_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 9);
/// The host that checks health.
pub const CHECKER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
/// Where the service with the back-office key runs.
pub const BACK_OFFICE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 40);
/// The bastion, as the database sees it.
pub const BASTION: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
/// The host of batch jobs.
pub const BATCH: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 20);
/// The host of the report.
pub const REPORT_HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 30);
/// Where staff works.
pub const OFFICE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// The desk of the member of staff who turns out to be an insider.
pub const DESK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
/// The desk from which the cloud account is run.
pub const CLOUD_DESK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 12);

const FIRST_KEY: u32 = 1_001;
const COUNTRIES: &[&str] = &["SE", "NO", "GB", "DE", "US"];
const DEVICE: u64 = 1;
const PLATFORM: u64 = 2;
const COUNTRY: u64 = 3;

/// What the plan's seed makes of the accounts.
#[derive(Debug, Clone)]
pub struct World {
    pub users: u32,
    seed: u64,
    households: bool,
    aliases: bool,
    /// The session's owner, whose device has the old version.
    pub owner: User,
    /// The account that the intruder opened under a name of his own, where he has one.
    pub own_account: User,
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        let Features {
            households, aliases, ..
        } = plan.features;
        // Neither is in a household or has an alias: the story is about one person.
        let owner = if plan.users > 204 { 203 } else { 1 };
        Self {
            users: plan.users,
            seed: plan.random_seed,
            households,
            aliases,
            owner,
            own_account: 0,
        }
    }

    /// The key under which logs and tables know the account.
    pub const fn key(user: User) -> u32 {
        FIRST_KEY + user
    }

    /// The account of that key, where there is one.
    pub fn of_key(&self, key: u32) -> Option<User> {
        key.checked_sub(FIRST_KEY).filter(|user| *user < self.users)
    }

    pub fn login(user: User) -> String {
        format!("user{}@example.net", Self::key(user))
    }

    /// The persons behind the account.
    pub fn persons(&self, user: User) -> Vec<String> {
        let name = Self::key(self.first_account(user));
        match self.n_persons(user) {
            1 => vec![format!("person-{name}")],
            n => (0..n)
                .map(|i| format!("person-{name}{}", char::from(b'a' + i)))
                .collect(),
        }
    }

    /// How many persons share the account: 1 to 3.
    pub fn n_persons(&self, user: User) -> u8 {
        if self.households && user % 7 == 3 {
            2 + (user / 7 % 2) as u8
        } else {
            1
        }
    }

    /// The greatest number of persons behind one account.
    pub const fn most_persons(&self) -> u8 {
        if self.households { 3 } else { 1 }
    }

    /// The first account of the person: another one only for the second of a pair.
    fn first_account(&self, user: User) -> User {
        if user > 0 && self.alias(user - 1) == Some(user) {
            user - 1
        } else {
            user
        }
    }

    /// The other account of the same person, as the first of the two has it.
    pub fn alias(&self, user: User) -> Option<User> {
        let second = user + 1;
        (self.aliases && user % 14 == 4 && second < self.users && self.n_persons(second) == 1)
            .then_some(second)
    }

    /// Persons in the service.
    pub fn population(&self) -> u64 {
        (0..self.users)
            .filter(|user| self.first_account(*user) == *user)
            .map(|user| u64::from(self.n_persons(user)))
            .sum()
    }

    fn fact(&self, user: User, what: u64) -> u64 {
        mix(&[self.seed, u64::from(user), what])
    }

    pub fn country(&self, user: User) -> &'static str {
        COUNTRIES[(self.fact(user, COUNTRY) % COUNTRIES.len() as u64) as usize]
    }

    /// The device that the user holds in hand.
    pub fn device(&self, user: User) -> Device {
        let id = self.fact(user, DEVICE) & 0xffff_ffff_ffff;
        let draw = if user == self.owner {
            0
        } else {
            self.fact(user, PLATFORM) % 100
        };
        let (platform, version, agent) = match draw {
            0..12 => (
                "android",
                HOLE_VERSION,
                "Dalvik/1.6.0 (Linux; U; Android 4.1.2; GT-I9300)",
            ),
            12..55 => (
                "android",
                "1.0.2",
                "Dalvik/1.6.0 (Linux; U; Android 4.4.2; Nexus 5)",
            ),
            55..90 => ("ios", "1.0.1", "Tunes/1.0.1 (iPhone; iOS 7.1.1; Scale/2.00)"),
            _ => (
                "web",
                "2014.20",
                "Mozilla/5.0 (Windows NT 6.1; rv:29.0) Gecko/20100101 Firefox/29.0",
            ),
        };
        Device {
            id,
            platform,
            version,
            agent,
        }
    }

    /// The device of the intruder: a new one, of the old version.
    pub fn intruder_device(&self) -> Device {
        Device {
            id: mix(&[self.seed, 0x0bad]) & 0xffff_ffff_ffff,
            platform: "android",
            version: HOLE_VERSION,
            agent: "okhttp/1.5.4",
        }
    }

    /// The address at home, which no other account has.
    pub fn home(user: User) -> Ipv4Addr {
        Ipv4Addr::from(0x5100_0100 + user)
    }

    /// The carrier's address, which very many share.
    pub fn carrier(&self, user: User) -> Ipv4Addr {
        let n = (self.users / 200).clamp(1, 60_000);
        Ipv4Addr::from(0xb00a_0000 + user % n)
    }

    /// A row of the table of profiles.
    pub fn profile_row(&self, user: User) -> String {
        let key = Self::key(user);
        let born = self.fact(user, 4);
        format!(
            "{key},user{key}@example.net,+46700{key:06},name{key},19{:02}-{:02}-{:02},{}",
            50 + born % 50,
            1 + born / 64 % 12,
            1 + born / 1024 % 28,
            self.country(user)
        )
    }

    /// Accounts that do nothing on their own, because the script needs them to be still.
    pub fn dormant(&self, plan: &Plan) -> Vec<User> {
        let mut still = match plan.attack {
            Attack::IdEnumeration | Attack::Injection | Attack::SessionStoreDump => vec![self.own_account],
            Attack::StolenSession | Attack::LogDeletion | Attack::ForgedHeaders
                if plan.conduct.owner != Owner::Works =>
            {
                vec![self.owner]
            }
            _ => Vec::new(),
        };
        if plan.attack == Attack::CredentialStuffing && plan.conduct.owner == Owner::Rests {
            still.extend(self.victims(plan));
        }
        still
    }

    /// The accounts that the intruder goes for one by one: ordered, never the one he owns.
    pub fn victims(&self, plan: &Plan) -> Vec<User> {
        let wanted = plan.conduct.victims.clamp(1, self.users - 2);
        let span = self.users - 1;
        let first = (mix(&[self.seed, 0x71c]) % u64::from(span)) as u32;
        let mut list: Vec<User> = (0..wanted).map(|i| 1 + (first + i) % span).collect();
        list.sort_unstable();
        list
    }
}

/// The end of the time in which anybody begins something, so that it ends within the window.
pub fn closing(plan: &Plan) -> Timestamp {
    plan.window().until.plus_secs(-30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_counted_once() {
        let mut plan = Plan::new(Attack::Insider).users(60);
        plan.features.households = true;
        let world = World::new(&plan);
        let mut persons: Vec<String> = (0..60).flat_map(|user| world.persons(user)).collect();
        persons.sort();
        persons.dedup();
        assert_eq!(persons.len() as u64, world.population());
        assert!(world.alias(4).is_some() && world.n_persons(3) > 1);
        assert_eq!(world.persons(4), world.persons(5));
        assert_eq!(world.of_key(World::key(59)), Some(59));
        assert_eq!(world.of_key(World::key(60)), None);
        let victims = world.victims(&plan);
        assert!(victims.len() == 5 && !victims.contains(&world.own_account));
    }
}
