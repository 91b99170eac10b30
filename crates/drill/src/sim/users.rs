//! Ordinary users: they come when people come, log in, listen, look at their own things, and go.

use super::{Actor, Call, Client, Credential, Side, Sim};
use crate::clock::{HOUR, MILLI, SECOND, hour_of_day};
use crate::record::Secret;
use crate::rng::Rng;
use crate::service::Route;
use crate::world::{User, World};
use ambit_event::Timestamp;

/// What an account remembers between its turns.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    rng: Rng,
    session: Option<Secret>,
    /// Requests left in this visit.
    left: u8,
    is_out: bool,
    is_dormant: bool,
    job: Option<(u64, Timestamp)>,
}

/// How lively each hour of the day is, of 14.
const RHYTHM: [u64; 24] = [
    3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 8, 8, 9, 11, 13, 14, 14, 12, 8, 5,
];
/// The sum of the rhythm: so many fourteenths of a day's liveliest pace are a day.
const PACE: u64 = 168;
/// Requests in a visit, on average.
const VISIT: u64 = 5;

impl Sim<'_> {
    pub(super) fn begin_users(&mut self) {
        let seed = self.plan.random_seed;
        self.accounts = (0..self.world.users)
            .map(|user| Account {
                rng: Rng::of(seed, 0x1_0000_0000 + u64::from(user)),
                session: None,
                left: 0,
                is_out: false,
                is_dormant: false,
                job: None,
            })
            .collect();
        for user in self.world.dormant(&self.plan) {
            self.accounts[user as usize].is_dormant = true;
        }
        for user in 0..self.world.users {
            if !self.accounts[user as usize].is_dormant {
                let start = self.plan.start.plus_secs(2);
                let wait = self.pause(user);
                self.at(start.plus_nanos(wait), Actor::User(user));
            }
        }
    }

    /// Nanoseconds until the user may come again, at the day's liveliest pace.
    fn pause(&mut self, user: User) -> i64 {
        let visits = (u64::from(self.plan.features.requests_per_day) / VISIT).max(1);
        let mean = 24 * HOUR as u64 * PACE / 24 / 14 / visits;
        self.accounts[user as usize].rng.below(2 * mean) as i64 + SECOND
    }

    pub(super) fn user_turn(&mut self, at: Timestamp, user: User) {
        let account = &mut self.accounts[user as usize];
        if account.left == 0 {
            if account.rng.below(14) < RHYTHM[hour_of_day(at)] {
                account.left = 2 + account.rng.below(2 * VISIT - 3) as u8;
                account.is_out = account.rng.percent(35);
            } else {
                let wait = self.pause(user);
                return self.at(at.plus_nanos(wait), Actor::User(user));
            }
        }
        let end = self.act(at, user);
        let account = &mut self.accounts[user as usize];
        account.left = account.left.saturating_sub(1);
        let wait = if account.left == 0 {
            self.pause(user)
        } else {
            account.rng.between(4_000, 60_000) as i64 * MILLI
        };
        self.at(end.plus_nanos(wait), Actor::User(user));
    }

    /// One thing that the user does; answers when it has ended.
    fn act(&mut self, at: Timestamp, user: User) -> Timestamp {
        let mut client = self.client_of(user);
        let Some(session) = self.accounts[user as usize].session else {
            let is_right = !self.accounts[user as usize].rng.percent(8);
            let reply = self.login(at, &client, user, is_right);
            self.accounts[user as usize].session = reply.session;
            return reply.end;
        };
        client.credential = Credential::Session(session);
        let call = self.choose(at, user);
        let reply = self.request(at, &client, &call);
        if reply.status == 401 {
            // An expired session is cleared away once its user comes back.
            self.end_session(reply.end, Some(session));
        }
        if call.route == Route::GetExport {
            self.jobs.remove(&call.number);
        }
        let account = &mut self.accounts[user as usize];
        match (call.route, reply.status) {
            (Route::Logout, _) | (_, 401) => account.session = None,
            (Route::StartExport, 202) => account.job = reply.job.map(|job| (job, at.plus_secs(90))),
            (Route::GetExport, _) => account.job = None,
            (_, 502) => {
                let again = reply.end.plus_nanos(900 * MILLI);
                return self.request(again, &client, &call).end;
            }
            _ => {}
        }
        reply.end
    }

    pub(super) fn client_of(&self, user: User) -> Client {
        let account = &self.accounts[user as usize];
        let device = self.world.device(user);
        let address = if account.is_out && device.platform != "web" {
            self.world.carrier(user)
        } else {
            World::home(user)
        };
        Client::new(Side::Other, address, device)
    }

    fn choose(&mut self, at: Timestamp, user: User) -> Call {
        let account = &mut self.accounts[user as usize];
        if let Some((job, ready)) = account.job
            && ready <= at
        {
            return Call::new(Route::GetExport).numbered(job);
        }
        if account.left <= 1 && account.rng.percent(15) {
            return Call::new(Route::Logout);
        }
        let draw = account.rng.below(100);
        let number = account.rng.between(1, 80_000);
        match draw {
            0..34 => Call::new(Route::Track).numbered(number),
            34..54 => Call::new(Route::Stream).numbered(number),
            54..66 => Call::new(Route::Search).text(account.rng.pick(WORDS)),
            66..74 => Call::about(Route::Playlists, user),
            74..80 => Call::about(Route::Profile, user),
            80..84 => Call::new(Route::Me),
            84..89 => Call::about(Route::History, user).numbered(1 + number % 3),
            89..92 => Call::about(Route::Messages, user),
            92..94 => Call::about(Route::Payment, user),
            94 => Call::about(Route::Invoices, user),
            95 => Call::about(Route::StartExport, user),
            96 => Call::about(Route::EditProfile, user),
            97 => Call::about(Route::DropPlaylist, user).numbered(1 + number % 9),
            98 => Call::about(Route::Playlists, self.world.users + number as User % 500),
            _ => Call::new(Route::Track).numbered(90_001 + number),
        }
    }

    /// The user's live session: where there is none, the user comes and logs in.
    pub(super) fn session_of(&mut self, at: Timestamp, user: User) -> Option<Secret> {
        let known = self.accounts[user as usize].session;
        if known.is_some_and(|s| self.sessions.get(&s).is_some_and(|live| live.until > at)) {
            return known;
        }
        let client = self.client_of(user);
        let session = self.login(at, &client, user, true).session;
        self.accounts[user as usize].session = session;
        session
    }
}

/// What people look for.
const WORDS: &[&str] = &[
    "abba",
    "robyn",
    "night drive",
    "first aid kit",
    "the knife",
    "piano",
    "summer 2014",
    "jazz",
];
