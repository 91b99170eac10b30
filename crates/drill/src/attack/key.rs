//! The key of a service.

use super::{Author, THIEF};
use crate::plan::Owner;
use crate::service::Route;
use crate::sim::{Call, Client, Credential, Seed, Side, Step, exclusivity};

impl Author<'_> {
    /// Reads single users, and in a bolder mood a page of the list and a business report.
    pub(super) fn stolen_api_key(&mut self) {
        let client = Client::program(
            Side::Intruder,
            self.origin(),
            "python-requests/2.3.0",
            Credential::None,
        );
        self.at(self.plan.start, Step::Enter { slot: THIEF, client });
        self.then(Step::TakeKey { to: THIEF });
        for victim in self.victims() {
            self.then(Step::Ask {
                slot: THIEF,
                call: Call::about(Route::Profile, victim),
            });
            if self.rng.percent(40) {
                self.then(Step::Ask {
                    slot: THIEF,
                    call: Call::about(Route::Playlists, victim),
                });
            }
        }
        let report = Call::new(Route::Report).text("royalties");
        self.then(Step::Ask {
            slot: THIEF,
            call: report,
        });
        if self.plan.conduct.owner == Owner::Works {
            let page = Call::new(Route::UserList).numbered(1);
            self.then(Step::Ask {
                slot: THIEF,
                call: page,
            });
        }
        let alone = self.plan.conduct.owner == Owner::Rests;
        let why = self
            .if_bold("the service that the key is for was switched off")
            .filter(|_| alone);
        self.seeds.push(Seed::Key(exclusivity(why)));
        if self.is_bold() {
            self.seed_address();
        }
    }
}
