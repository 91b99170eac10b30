//! Accounts: those of others, opened with leaked passwords, and the intruder's own, from which he goes on.

use super::{Author, LATER, THIEF};
use crate::plan::{Origin, Owner};
use crate::service::Route;
use crate::sim::{Call, Injection, Seed, Step, exclusivity};
use crate::world::World;

impl Author<'_> {
    /// One address tries many accounts; where the password fits, it reads.
    pub(super) fn credential_stuffing(&mut self) {
        let victims = self.victims();
        let client = self.intruder();
        self.at(self.plan.start, Step::Enter { slot: THIEF, client });
        for &victim in &victims {
            for _ in 0..self.rng.between(1, 5) {
                let user = self.rng.below(u64::from(self.world.users) + 50) as u32;
                self.then(Step::Login {
                    slot: THIEF,
                    user,
                    is_right: false,
                });
            }
            self.then(Step::Login {
                slot: THIEF,
                user: victim,
                is_right: true,
            });
            self.ask(Call::about(Route::Profile, victim));
            if self.rng.percent(50) {
                self.ask(Call::about(Route::Playlists, victim));
            }
            if self.plan.conduct.owner == Owner::Rests || self.rng.percent(50) {
                self.ask(Call::new(Route::Logout));
            }
        }
        if self.plan.conduct.origin == Origin::Shared || !self.is_bold() {
            self.seeds.push(Seed::Sessions(THIEF, String::new()));
        }
        self.seed_address();
    }

    /// Counts through ids: the old version's requests for profiles are not checked.
    pub(super) fn id_enumeration(&mut self) {
        self.open_own_account();
        for victim in self.victims() {
            self.ask(Call::about(Route::Profile, victim));
            if self.rng.percent(20) {
                self.ask(Call::about(Route::Messages, victim));
            }
            if self.rng.percent(20) {
                let nobody = self.world.users + self.rng.below(90) as u32;
                self.ask(Call::about(Route::Profile, nobody));
            }
        }
        self.close_own_account();
    }

    /// Searches with SQL.
    pub(super) fn injection(&mut self) {
        self.open_own_account();
        self.ask(Call::new(Route::Search).text("abba"));
        let country = self.world.country(self.world.owner);
        let injection = self.rng.pick(&[Injection::Everyone, Injection::Country(country)]);
        self.ask(Call::inject(injection));
        self.close_own_account();
    }

    /// Reads the table of sessions, and goes on in some of them.
    pub(super) fn session_store_dump(&mut self) {
        self.open_own_account();
        self.ask(Call::new(Route::Search).text("abba"));
        self.ask(Call::inject(Injection::Sessions));
        for nth in 0..self.victims().len() {
            let client = self.intruder();
            self.then(Step::Enter { slot: LATER, client });
            self.then(Step::TakeNth { nth, to: LATER });
            let call = Call::new(Route::Me);
            self.then(Step::Ask { slot: LATER, call });
        }
        self.close_own_account();
    }

    fn ask(&mut self, call: Call) {
        self.then(Step::Ask { slot: THIEF, call });
    }

    fn open_own_account(&mut self) {
        let client = self.intruder();
        let user = self.world.own_account;
        self.at(self.plan.start, Step::Enter { slot: THIEF, client });
        self.then(Step::Login {
            slot: THIEF,
            user,
            is_right: true,
        });
    }

    fn close_own_account(&mut self) {
        self.ask(Call::new(Route::Logout));
        let why = self.if_bold("the account was opened under a false name and used by nobody else");
        self.seeds.push(Seed::Sessions(THIEF, exclusivity(why)));
        let key = World::key(self.world.own_account).to_string();
        self.seed_account("app", &key, why);
        if self.is_bold() {
            self.seed_address();
        }
    }
}
