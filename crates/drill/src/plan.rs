//! What is to be simulated: a plan is all that a drill depends on.

use crate::Error;
use crate::clock::SECOND;
use crate::gap::{GapKind, GapPlace, GapSource, GapSpec};
use crate::rng::Rng;
use ambit_event::{Span, Timestamp};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// What the intruder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
    /// Uses the session of somebody who may go on working in it.
    StolenSession,
    /// Tries leaked passwords from one address; some fit.
    CredentialStuffing,
    /// Counts through user ids where one app version is not checked.
    IdEnumeration,
    /// Puts SQL into the search.
    Injection,
    /// Comes through the bastion as a member of staff and copies tables out of the database.
    SqlDump,
    /// Is a member of staff and looks up single persons.
    Insider,
    /// Uses the key of a service.
    StolenApiKey,
    /// Reads the table of sessions by injection, then uses some of them.
    SessionStoreDump,
    /// Uses a stolen session and takes the traces out of a gateway's log.
    LogDeletion,
    /// Uses a stolen session with headers that point to somebody else.
    ForgedHeaders,
    /// Uses a stolen access key of the cloud account, assumes a role with it, and fetches what lies in a bucket.
    BucketTheft,
}

impl Attack {
    pub const ALL: &'static [Self] = &[
        Self::StolenSession,
        Self::CredentialStuffing,
        Self::IdEnumeration,
        Self::Injection,
        Self::SqlDump,
        Self::Insider,
        Self::StolenApiKey,
        Self::SessionStoreDump,
        Self::LogDeletion,
        Self::ForgedHeaders,
        Self::BucketTheft,
    ];

    /// Those on the service itself.
    const IN_SERVICE: &'static [Self] = Self::ALL.split_at(Self::ALL.len() - 1).0;

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StolenSession => "stolen-session",
            Self::CredentialStuffing => "credential-stuffing",
            Self::IdEnumeration => "id-enumeration",
            Self::Injection => "injection",
            Self::SqlDump => "sql-dump",
            Self::Insider => "insider",
            Self::StolenApiKey => "stolen-api-key",
            Self::SessionStoreDump => "session-store-dump",
            Self::LogDeletion => "log-deletion",
            Self::ForgedHeaders => "forged-headers",
            Self::BucketTheft => "bucket-theft",
        }
    }

    /// The attack of that name.
    ///
    /// # Errors
    /// [`Error::Attack`] with all names.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::ALL
            .iter()
            .copied()
            .find(|attack| attack.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| Error::Attack {
                text: text.chars().take(80).collect(),
                names: Self::ALL.iter().map(|a| a.name()).collect::<Vec<_>>().join(", "),
            })
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Attack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What the rightful owner of a stolen session or key does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Goes on as ever, own data included.
    Works,
    /// Goes on listening to music, which touches no data of persons.
    Listens,
    /// Does nothing.
    Rests,
}

/// Where the intruder comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An address that nobody else uses.
    Fresh,
    /// A carrier's address that many share.
    Shared,
}

/// What the investigator dares to assert beside the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedStyle {
    Plain,
    /// Seeds are asserted to be the intruder's alone, wherever that is true.
    Exclusive,
}

/// What the intruder does beside reading, where the attack has room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Sets a new password and logs in with it.
    Takeover,
    /// Starts an export and downloads it later.
    Export,
    /// Changes the profile.
    Change,
    /// Deletes a playlist.
    Destruction,
    /// Breaks a download off halfway.
    BrokenOff,
}

/// How much the data map tells. What it tells is always true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MapDetail {
    Full,
    /// No grammars of parameters and no greatest sizes.
    Bare,
    /// Some operations are missing.
    Partial,
}

/// How database statements name the request that they serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comment {
    RequestId,
    Traceparent,
}

/// How the bastion's log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Syslog {
    Rfc5424,
    /// The classic form, without a year.
    Rfc3164,
    /// What rsyslog writes by default: RFC 3339 instants.
    Rsyslog,
}

/// The music service, beside its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Features {
    pub n_gateways: u8,
    /// Hosts of each service.
    pub n_replicas: u8,
    /// Requests of a user in a day, on average.
    pub requests_per_day: u32,
    /// Some profile reads are answered by a cache, which leaves no database record.
    pub cache: bool,
    /// Some accounts stand for several persons.
    pub households: bool,
    /// Some persons have two accounts.
    pub aliases: bool,
    /// Hours after which log files are rotated and shipped.
    pub rotation_hours: u32,
    pub comment: Comment,
    pub syslog: Syslog,
    /// The map comes with a snapshot of the profiles at the beginning of the window.
    pub snapshot: bool,
    /// Milliseconds by which the database's clock is ahead; negative: behind. At most 400.
    pub clock_skew_ms: i32,
    /// The first gateway's files are there a second time, under another name, and the cloud's trail delivers
    /// some of its files twice.
    pub copies: bool,
    /// Exports and backups lie in a bucket of a cloud account, whose audit trail is collected.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cloud: bool,
}

/// How the intruder and the owner behave, and what the investigator knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conduct {
    /// At most so many persons the intruder goes for one by one.
    pub victims: u32,
    pub owner: Owner,
    pub origin: Origin,
    pub seeds: SeedStyle,
    pub deeds: BTreeSet<Deed>,
    /// Somebody else is at work too, with another session from another address, whom no seed names.
    pub has_rival: bool,
}

/// All that a drill depends on: the same plan gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Accounts of the service, 3 to 10 million.
    pub users: u32,
    /// Length of the window, 2 to 10,000.
    pub hours: u32,
    pub start: Timestamp,
    pub random_seed: u64,
    pub attack: Attack,
    pub gaps: Vec<GapSpec>,
    pub map: MapDetail,
    pub features: Features,
    pub conduct: Conduct,
}

/// 2014-05-19T00:00:00Z, a Monday.
const STORY_START: i64 = 1_400_457_600;

impl Plan {
    /// A plan with this attack over three days among 2,000 users, without gaps; the methods change it. There is a
    /// cloud account only where the attack is on one.
    #[must_use]
    pub fn new(attack: Attack) -> Self {
        Self {
            users: 2_000,
            hours: 72,
            start: Timestamp::from_secs(STORY_START),
            random_seed: 1,
            attack,
            gaps: Vec::new(),
            map: MapDetail::Full,
            features: Features {
                n_gateways: 2,
                n_replicas: 1,
                requests_per_day: 10,
                cache: true,
                households: true,
                aliases: true,
                rotation_hours: 24,
                comment: Comment::RequestId,
                syslog: Syslog::Rfc5424,
                snapshot: false,
                clock_skew_ms: 0,
                copies: false,
                cloud: matches!(attack, Attack::BucketTheft),
            },
            conduct: Conduct {
                victims: 5,
                owner: Owner::Works,
                origin: Origin::Fresh,
                seeds: SeedStyle::Plain,
                deeds: BTreeSet::new(),
                has_rival: false,
            },
        }
    }

    /// The founding story: one stolen session of an old Android app reads one profile, while its owner goes on
    /// listening at home. The bounds that the evidence allows are exact.
    #[must_use]
    pub fn story() -> Self {
        let mut plan = Self::new(Attack::StolenSession);
        plan.conduct.owner = Owner::Listens;
        plan.features.households = false;
        plan.features.requests_per_day = 7;
        plan
    }

    /// The same incident with seeds that are asserted to be exclusive, everything named, nothing shared and no
    /// gaps: where the attack allows it, the bounds are exact.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.gaps.clear();
        self.map = MapDetail::Full;
        self.features.households = false;
        self.conduct.origin = Origin::Fresh;
        self.conduct.seeds = SeedStyle::Exclusive;
        self.conduct.deeds.clear();
        if self.conduct.owner == Owner::Works || self.attack != Attack::StolenSession {
            self.conduct.owner = Owner::Rests;
        }
        self
    }

    /// A small drill that the number draws: 5 to 40 users, a few hours, some attack, gaps and map.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::of(seed, 0x91a4);
        let mut plan = Self::new(rng.pick(Attack::IN_SERVICE));
        plan.random_seed = seed;
        plan.users = rng.between(5, 40) as u32;
        plan.hours = rng.between(3, 8) as u32;
        plan.start = Timestamp::from_secs(STORY_START + 3_600 * (15 + 24 * rng.below(300) as i64));
        plan.map = rng.pick(&[
            MapDetail::Full,
            MapDetail::Full,
            MapDetail::Bare,
            MapDetail::Partial,
        ]);
        plan.features = random_features(&mut rng);
        plan.conduct = random_conduct(&mut rng);
        let n_gaps = rng.pick(&[0, 0, 1, 1, 2]);
        plan.gaps = (0..n_gaps).map(|_| random_gap(&mut rng)).collect();
        let is_quiet = rng.percent(25);
        plan.draw_cloud(&mut Rng::of(seed, 0xc10d));
        if is_quiet { plan.quiet() } else { plan }
    }

    /// Sets some plans into a cloud account. What is drawn here changes nothing else in the plan.
    fn draw_cloud(&mut self, rng: &mut Rng) {
        let is_theft = rng.percent(12);
        if is_theft {
            self.attack = Attack::BucketTheft;
        }
        for gap in &mut self.gaps {
            if rng.percent(if is_theft { 60 } else { 15 }) {
                gap.source = GapSource::Cloudtrail;
            }
        }
        let is_holed = self.gaps.iter().any(|gap| gap.source == GapSource::Cloudtrail);
        self.features.cloud = rng.percent(50) || is_theft || is_holed;
    }

    #[must_use]
    pub const fn users(mut self, users: u32) -> Self {
        self.users = users;
        self
    }

    #[must_use]
    pub const fn days(mut self, days: u32) -> Self {
        self.hours = days.saturating_mul(24);
        self
    }

    #[must_use]
    pub const fn hours(mut self, hours: u32) -> Self {
        self.hours = hours;
        self
    }

    #[must_use]
    pub const fn random_seed(mut self, seed: u64) -> Self {
        self.random_seed = seed;
        self
    }

    /// With another hole in the logs; one in the cloud's trail needs the cloud.
    #[must_use]
    pub fn gap(mut self, gap: GapSpec) -> Self {
        self.features.cloud |= gap.source == GapSource::Cloudtrail;
        self.gaps.push(gap);
        self
    }

    /// With exports and backups in a bucket of a cloud account.
    #[must_use]
    pub const fn with_cloud(mut self) -> Self {
        self.features.cloud = true;
        self
    }

    /// The span that the logs are about.
    #[must_use]
    pub fn window(&self) -> Span {
        Span::new(self.start, self.start.plus_secs(i64::from(self.hours) * 3_600))
    }

    /// When the intruder begins.
    #[must_use]
    pub fn attacked_at(&self) -> Timestamp {
        let secs = i64::from(self.hours) * 3_600;
        let jitter = Rng::of(self.random_seed, 0xa77).below(600) as i64;
        let at = self.start.plus_secs(secs * 62 / 100 - jitter);
        Timestamp(at.0 - at.0.rem_euclid(SECOND))
    }

    /// Whether, by construction, the best bounds that the evidence allows are the truth itself.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let named = matches!(
            self.attack,
            Attack::StolenSession
                | Attack::CredentialStuffing
                | Attack::IdEnumeration
                | Attack::Insider
                | Attack::StolenApiKey
                | Attack::BucketTheft
        );
        let apart = match self.attack {
            Attack::StolenSession if self.conduct.owner == Owner::Listens => true,
            _ => self.conduct.seeds == SeedStyle::Exclusive && self.conduct.owner == Owner::Rests,
        };
        named
            && apart
            && self.gaps.is_empty()
            && self.map == MapDetail::Full
            && !self.features.households
            && self.conduct.origin == Origin::Fresh
            && self.conduct.deeds.is_empty()
    }

    /// # Errors
    /// [`Error::Plan`] where a number is outside what a drill can be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let within = |field, value: u32, least: u32, most: u32, expected| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::Plan {
                field,
                value: u64::from(value),
                expected,
            })
        };
        within("users", self.users, 3, 10_000_000, "3 to 10,000,000")?;
        within("hours", self.hours, 2, 10_000, "2 hours to 416 days")?;
        within("rotation_hours", self.features.rotation_hours, 1, 168, "1 to 168")?;
        within("n_gateways", self.features.n_gateways.into(), 1, 9, "1 to 9")?;
        within("n_replicas", self.features.n_replicas.into(), 1, 9, "1 to 9")?;
        let skew = self.features.clock_skew_ms.unsigned_abs();
        within("clock_skew_ms", skew, 0, 400, "at most 400 either way")?;
        if self.attack == Attack::BucketTheft {
            let has_cloud = u32::from(self.features.cloud);
            within(
                "cloud",
                has_cloud,
                1,
                1,
                "a cloud account for the theft of a bucket",
            )?;
        }
        let years = Span::new(Timestamp::from_secs(0), Timestamp::from_secs(7_000_000_000));
        if years.covers(self.window()) {
            return Ok(());
        }
        Err(Error::Plan {
            field: "start",
            value: self.start.0.unsigned_abs(),
            expected: "a window between 1970 and 2190",
        })
    }
}

fn random_features(rng: &mut Rng) -> Features {
    Features {
        n_gateways: rng.between(1, 2) as u8,
        n_replicas: rng.pick(&[1, 1, 2]),
        requests_per_day: rng.between(20, 80) as u32,
        cache: rng.percent(30),
        households: rng.percent(30),
        aliases: rng.percent(40),
        rotation_hours: rng.pick(&[1, 2, 6, 24]),
        comment: rng.pick(&[Comment::RequestId, Comment::Traceparent]),
        syslog: rng.pick(&[Syslog::Rfc5424, Syslog::Rsyslog]),
        snapshot: rng.percent(40),
        clock_skew_ms: rng.pick(&[0, 0, 0, 0, -350, 120, 400]),
        copies: rng.percent(15),
        cloud: false,
    }
}

fn random_conduct(rng: &mut Rng) -> Conduct {
    let deeds = [
        Deed::Takeover,
        Deed::Export,
        Deed::Change,
        Deed::Destruction,
        Deed::BrokenOff,
    ];
    Conduct {
        victims: rng.between(1, 6) as u32,
        owner: rng.pick(&[Owner::Works, Owner::Works, Owner::Listens, Owner::Rests]),
        origin: rng.pick(&[Origin::Fresh, Origin::Fresh, Origin::Shared]),
        seeds: rng.pick(&[SeedStyle::Plain, SeedStyle::Exclusive]),
        deeds: deeds.into_iter().filter(|_| rng.percent(25)).collect(),
        has_rival: rng.percent(20),
    }
}

fn random_gap(rng: &mut Rng) -> GapSpec {
    GapSpec {
        source: rng.pick(&[
            GapSource::Nginx,
            GapSource::Nginx,
            GapSource::App,
            GapSource::Postgresql,
            GapSource::Postgresql,
            GapSource::Bastion,
            GapSource::Both,
            GapSource::All,
        ]),
        length: rng.between(2, 60) as u32 * 60,
        kind: rng.pick(&[
            GapKind::Lines,
            GapKind::Lines,
            GapKind::Truncated,
            GapKind::Host,
            GapKind::Garbled,
        ]),
        place: rng.pick(&[GapPlace::Attack, GapPlace::Attack, GapPlace::Anywhere]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn attacks_have_names_and_plans_have_limits() {
        for attack in Attack::ALL {
            assert_eq!(Attack::parse(attack.name()).unwrap(), *attack);
        }
        assert!(Attack::parse("earthquake").is_err());
        assert!(Plan::story().check().is_ok() && Plan::story().is_exact());
        assert!(Plan::story().users(2).check().is_err());
        assert!(Plan::story().days(u32::MAX).check().is_err());
        assert!((0..500).all(|seed| Plan::random(seed).check().is_ok()));
        assert_eq!(Plan::random(3), Plan::random(3));
    }
}
