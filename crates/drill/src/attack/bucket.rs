//! A stolen key of the cloud account, and a member of staff who looks into the bucket.

use super::Author;
use crate::plan::{Deed, Owner};
use crate::record::{ACCOUNT, arn_of};
use crate::service::BACKED_UP;
use crate::sim::{INSIDER, Seed, Step, Theft, exclusivity, stolen_key};
use crate::world::{DESK, ELSEWHERE, World};

impl Author<'_> {
    /// Fetches exports of single persons with the key; in a bolder mood assumes a role and takes a backup.
    pub(super) fn bucket_theft(&mut self) {
        self.steal(Theft::Identify);
        self.steal(Theft::List);
        let victims = self.victims();
        for &victim in &victims {
            self.steal(Theft::Export(victim));
        }
        self.steal(Theft::Refused("profiles"));
        let alone = self.plan.conduct.owner == Owner::Rests;
        if !alone {
            let nobody = World::key(self.world.users + self.rng.below(90) as u32);
            self.steal(Theft::Absent(nobody));
            self.steal(Theft::Assume);
            let table = self.rng.pick(BACKED_UP);
            self.steal(Theft::Backup(table));
        }
        for deed in self.plan.conduct.deeds.clone() {
            self.steal_more(deed);
        }
        let why = self
            .if_bold("the report was switched off before its key was published")
            .filter(|_| alone);
        let from = why.map(|_| format!(",from={}", self.plan.attacked_at().plus_secs(-1)));
        let key = stolen_key(self.plan);
        let asserted = exclusivity(why) + &from.unwrap_or_default();
        self.seeds.push(Seed::Plain(format!("token={key}{asserted}")));
        if self.is_bold() {
            self.seed_address();
        }
    }

    fn steal_more(&mut self, deed: Deed) {
        let other = self.world.owner;
        match deed {
            Deed::Takeover => {
                self.steal(Theft::Mint);
                let theft = Theft::ExportWithMinted(other);
                // From where nobody has seen the intruder yet.
                self.then(Step::Steal {
                    theft,
                    from: ELSEWHERE,
                });
            }
            Deed::Export => {
                self.steal(Theft::Assume);
                self.steal(Theft::Backup("invoices"));
            }
            Deed::Change => self.steal(Theft::Replace(other)),
            Deed::Destruction => self.steal(Theft::Delete(other)),
            Deed::BrokenOff => self.steal(Theft::List),
        }
    }

    fn steal(&mut self, theft: Theft) {
        let from = self.origin();
        self.then(Step::Steal { theft, from });
    }

    /// The insider looks at an export, too: through the console, with the account's own name.
    pub(super) fn look_into_bucket(&mut self, why: Option<&'static str>) {
        if !self.plan.features.cloud {
            return;
        }
        let from = DESK;
        self.then(Step::Steal {
            theft: Theft::SignIn,
            from,
        });
        for victim in self.victims().into_iter().take(2) {
            let theft = Theft::ExportFromConsole(victim);
            self.then(Step::Steal { theft, from });
        }
        self.seed_account(ACCOUNT, &arn_of(INSIDER), why);
    }
}
