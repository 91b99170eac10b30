//! Somebody else's session.

use super::{Author, LATER, OWNER, THIEF};
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::logs::{BASTION_HOST, gateway_host};
use crate::plan::{Attack, Deed, Owner};
use crate::service::Route;
use crate::sim::{Call, Client, Forged, Seed, Side, Step, exclusivity};
use crate::world::{BASTION, Device, INTRUDER, World, closing};
use ambit_event::Timestamp;

/// What a thief may look at in a session, beside the profile.
const SIGHTS: &[Route] = &[Route::Me, Route::History, Route::Messages, Route::Playlists];

impl Author<'_> {
    /// The thief has the owner's session; who goes on listening, working, or neither.
    pub(super) fn stolen_session(&mut self) {
        self.obtain();
        self.look_around();
        self.end();
        self.seed_session();
        if self.is_bold() {
            self.seed_address();
        }
    }

    /// As before, but through a gateway whose log the thief can write.
    pub(super) fn log_deletion(&mut self) {
        self.obtain();
        self.then(ssh(BASTION_HOST, INTRUDER));
        self.then(ssh(&gateway_host(0), BASTION));
        let begun = self.steps.len();
        self.look_around();
        for (_, step) in &mut self.steps[begun..] {
            if let Step::Ask {
                slot: THIEF | LATER,
                call,
            } = step
            {
                call.gateway = Some(0);
            }
        }
        self.then(Step::Leave);
        self.then(Step::Leave);
        self.seed_session();
        self.seed_account("host", "dana", None);
        self.seeds.push(Seed::Plain(format!("ip={INTRUDER}")));
    }

    fn seed_session(&mut self) {
        let alone = self.plan.conduct.owner == Owner::Rests;
        let why = self
            .if_bold("the owner was in hospital, without any device")
            .filter(|_| alone);
        let from = why.map(|_| format!(",from={}", self.plan.attacked_at().plus_secs(-1)));
        let asserted = exclusivity(why) + &from.unwrap_or_default();
        self.seeds.push(Seed::Sessions(THIEF, asserted));
    }

    fn obtain(&mut self) {
        let owner = self.world.owner;
        let at = self.at;
        let mut thief = self.intruder();
        if self.plan.attack == Attack::ForgedHeaders {
            thief.forged = Some(Forged {
                forwarded_for: World::home(owner),
            });
        }
        self.at(
            self.plan.start,
            Step::Enter {
                slot: THIEF,
                client: thief,
            },
        );
        match self.plan.conduct.owner {
            Owner::Works => self.at(
                at.plus_nanos(-2 * SECOND),
                Step::Take {
                    user: owner,
                    to: THIEF,
                },
            ),
            Owner::Listens => self.listen(at),
            Owner::Rests => self.rest(at),
        }
    }

    /// The owner was here once, comes again, and goes on listening while the thief is at work.
    fn listen(&mut self, stolen: Timestamp) {
        let start = self.plan.start;
        let before = stolen.plus_nanos(-22 * HOUR).max(start.plus_nanos(5 * MINUTE));
        self.owner_logs_in(before, self.world.device(self.world.owner));
        for n in 1..=6 {
            self.owner_listens(before.plus_nanos(n * 25 * SECOND));
        }
        let bye = Step::Ask {
            slot: OWNER,
            call: Call::new(Route::Logout),
        };
        self.at(before.plus_nanos(180 * SECOND), bye);
        let again = stolen.plus_nanos(-((stolen.0 - start.0) / 3).min(70 * MINUTE));
        self.owner_logs_in(again, self.world.device(self.world.owner));
        self.at(
            stolen.plus_nanos(-SECOND),
            Step::Copy {
                from: OWNER,
                to: THIEF,
            },
        );
        let end = again.max(stolen).plus_nanos(self.stay());
        let mut at = again.plus_nanos(30 * SECOND);
        while at < end {
            self.owner_listens(at);
            let is_close = at.0 > stolen.0 - 5 * MINUTE;
            let pause = if is_close {
                self.rng.between(7, 13)
            } else {
                self.rng.between(60, 240)
            };
            at = at.plus_nanos(pause as i64 * SECOND);
        }
    }

    /// How long the owner stays beside the thief.
    fn stay(&self) -> i64 {
        (10 * MINUTE).max(self.pace as i64 * 14)
    }

    /// The owner came once long before, and left the session open.
    fn rest(&mut self, stolen: Timestamp) {
        let start = self.plan.start;
        let login = start.plus_nanos((stolen.0 - start.0) / 3);
        self.owner_logs_in(login, self.world.device(self.world.owner));
        for n in 1..=3 {
            self.owner_listens(login.plus_nanos(n * 20 * SECOND));
        }
        self.at(
            stolen.plus_nanos(-SECOND),
            Step::Copy {
                from: OWNER,
                to: THIEF,
            },
        );
    }

    fn owner_logs_in(&mut self, at: Timestamp, device: Device) {
        let owner = self.world.owner;
        let client = Client::new(Side::Other, World::home(owner), device);
        self.at(at, Step::Enter { slot: OWNER, client });
        self.at(
            at.plus_nanos(SECOND),
            Step::Login {
                slot: OWNER,
                user: owner,
                is_right: true,
            },
        );
    }

    fn owner_listens(&mut self, at: Timestamp) {
        let route = self.rng.pick(&[Route::Track, Route::Stream]);
        let call = Call::new(route).numbered(self.rng.between(1, 80_000));
        self.at(at, Step::Ask { slot: OWNER, call });
    }

    /// The thief reads the profile, tries what is refused, and does what the plan says beside.
    fn look_around(&mut self) {
        let owner = self.world.owner;
        let other = (owner + 1) % self.world.users;
        let track = self.rng.between(1, 80_000);
        self.thief_asks(Call::new(Route::Track).numbered(track));
        self.thief_asks(Call::about(Route::Profile, owner));
        self.thief_asks(Call::about(Route::Payment, owner));
        self.thief_asks(Call::about(Route::Profile, other));
        self.thief_asks(Call::new(Route::Report).text("roadmap"));
        if self.plan.conduct.owner != Owner::Listens {
            for route in SIGHTS {
                if self.rng.percent(45) {
                    self.thief_asks(Call::about(*route, owner));
                }
            }
        }
        self.thief_asks(Call::about(Route::Profile, owner));
        for deed in self.plan.conduct.deeds.clone() {
            self.do_deed(deed);
        }
    }

    fn do_deed(&mut self, deed: Deed) {
        let owner = self.world.owner;
        match deed {
            Deed::Takeover => {
                self.thief_asks(Call::about(Route::Password, owner));
                let client = self.intruder();
                self.then(Step::Enter { slot: LATER, client });
                self.then(Step::Login {
                    slot: LATER,
                    user: owner,
                    is_right: true,
                });
                let call = Call::about(Route::Messages, owner);
                self.then(Step::Ask { slot: LATER, call });
            }
            Deed::Export => {
                self.thief_asks(Call::about(Route::StartExport, owner));
                self.at = self.at.plus_secs(70);
                self.then(Step::Download { slot: THIEF });
            }
            Deed::Change => self.thief_asks(Call::about(Route::EditProfile, owner)),
            Deed::Destruction => self.thief_asks(Call::about(Route::DropPlaylist, owner).numbered(3)),
            Deed::BrokenOff => {
                let mut call = Call::about(Route::Messages, owner);
                call.broken_off = true;
                self.thief_asks(call);
            }
        }
    }

    fn thief_asks(&mut self, call: Call) {
        self.then(Step::Ask { slot: THIEF, call });
    }

    /// The session is ended, and every gateway refuses it to both sides. A listening owner comes back with a
    /// new version.
    fn end(&mut self) {
        let left = closing(self.plan).0 - self.at.0;
        let revoked = self
            .at
            .max(self.plan.attacked_at().plus_nanos(self.stay()))
            .plus_nanos((left / 2).min(13 * HOUR));
        if left < 4 * MINUTE {
            return;
        }
        self.at(revoked, Step::Revoke { slot: THIEF });
        for gateway in 0..usize::from(self.plan.features.n_gateways) {
            let at = revoked.plus_nanos((20 + 3 * gateway as i64) * SECOND);
            let call = Call::about(Route::Profile, self.world.owner).through(gateway);
            self.at(at, Step::Ask { slot: THIEF, call });
        }
        if self.plan.conduct.owner == Owner::Listens {
            self.owner_listens(revoked.plus_nanos(40 * SECOND));
            let mut device = self.world.device(self.world.owner);
            device.version = "1.0.2";
            self.owner_logs_in(revoked.plus_nanos(50 * SECOND), device);
            self.owner_listens(revoked.plus_nanos(60 * SECOND));
        }
    }
}

pub(super) fn ssh(host: &str, from: std::net::Ipv4Addr) -> Step {
    Step::Ssh {
        host: host.to_owned(),
        account: "dana",
        from,
        side: Side::Intruder,
    }
}
