//! Which records are the app's: the filters that all questions share, and what they rest on.

use super::answer::VersionUse;
use super::version::standing;
use super::{Asked, Release, Releases, Standing};
use crate::Error;
use crate::map::DataMap;
use ambit_event::{Column, Span};
use ambit_lake::{Distinct, Filter, Lake, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

/// Requests of a source whose trace ids are looked for elsewhere.
const TRACED: usize = 512;
/// Versions that are told one by one.
const VERSIONS: usize = 100;
/// Client programs that say of themselves to be something else than an Android app.
const OTHER_CLIENTS: &[&str] = &["*iphone*", "*ipad*", "*windows nt*", "*macintosh*", "*cfnetwork*"];

/// What the records say of clients.
pub struct Clients {
    /// Sources with records of requests, or that name an app's version.
    pub sources: BTreeSet<String>,
    pub says_version: bool,
    /// Sources that name versions.
    naming: BTreeSet<String>,
    /// Sources whose requests those record too, by their trace ids.
    repeating: BTreeSet<String>,
    says_platform: bool,
    /// Versions as logs write them that are counted.
    pub counted: BTreeSet<String>,
    /// Each version on the platform, with its standing.
    all: Vec<(Standing, Distinct)>,
    platform: String,
    /// Addresses and client programs of records of the app.
    pub addresses: BTreeSet<String>,
    pub agents: BTreeSet<String>,
    /// Addresses that the map says are of our machines.
    pub own: BTreeSet<String>,
}

impl Clients {
    pub async fn read(lake: &Lake, asked: &Asked<'_>, map: &DataMap) -> Result<Self, Error> {
        let release: &Release = asked.release;
        let named = Query::of(Filter::Column(Column::AppVersion, Test::Present));
        let about = lake
            .distinct(&[Column::Source, Column::AppPlatform], &named)
            .await?;
        let says = |column: Column| {
            about
                .iter()
                .filter(move |d| d.column == column)
                .filter_map(|d| d.value.clone())
        };
        let mut sources: BTreeSet<String> = says(Column::Source).collect();
        let says_version = !sources.is_empty();
        let naming = sources.clone();
        let says_platform = says(Column::AppPlatform).next().is_some();
        let requests = Query::of(Filter::eq(Column::Class, "http_activity"));
        let of_requests = lake.distinct(&[Column::Source], &requests).await?;
        sources.extend(of_requests.into_iter().filter_map(|d| d.value));
        let mut clients = Self {
            sources,
            says_version,
            naming,
            repeating: BTreeSet::new(),
            says_platform,
            counted: BTreeSet::new(),
            all: Vec::new(),
            platform: release.platform.clone(),
            addresses: BTreeSet::new(),
            agents: BTreeSet::new(),
            own: map
                .hosts
                .iter()
                .flat_map(|h| h.addresses.iter().cloned())
                .collect(),
        };
        clients.read_repeating(lake).await?;
        clients.read_versions(lake, asked).await?;
        clients.read_places(lake).await?;
        Ok(clients)
    }

    async fn read_versions(&mut self, lake: &Lake, asked: &Asked<'_>) -> Result<(), Error> {
        let query = Query::of(Filter::All(vec![
            Filter::Column(Column::AppVersion, Test::Present),
            self.on_platform_or_silent(),
        ]));
        for distinct in lake.distinct(&[Column::AppVersion], &query).await? {
            let Some(version) = distinct.value.clone() else {
                continue;
            };
            let standing = standing(&version, asked.release);
            let is_counted = match asked.releases {
                Releases::This => standing == Standing::This,
                Releases::AndOlder => standing <= Standing::This,
            };
            if is_counted {
                self.counted.insert(version);
            }
            self.all.push((standing, distinct));
        }
        Ok(())
    }

    /// Which sources record the requests again that others name versions of: each of their first requests has a trace
    /// id that a record there has.
    async fn read_repeating(&mut self, lake: &Lake) -> Result<(), Error> {
        for source in self.sources.difference(&self.naming) {
            let query = Query::of(Filter::All(vec![
                Filter::eq(Column::Source, source),
                Filter::eq(Column::Class, "http_activity"),
            ]));
            let first = lake.events(&query.limited(TRACED)).await?;
            let traces: BTreeSet<&str> = first.iter().filter_map(|event| event.trace.as_deref()).collect();
            let has_all = !self.naming.is_empty() && first.iter().all(|event| event.trace.is_some());
            if traces.is_empty() || !has_all {
                continue;
            }
            let there = Query::of(Filter::All(vec![
                Filter::one_of(Column::Source, self.naming.iter()),
                Filter::one_of(Column::Trace, traces.iter().copied()),
            ]));
            let met = lake.distinct(&[Column::Trace], &there).await?;
            if met.iter().filter(|d| d.value.is_some()).count() == traces.len() {
                self.repeating.insert(source.clone());
            }
        }
        Ok(())
    }

    /// From where, and with which programs, any version of the app was used.
    async fn read_places(&mut self, lake: &Lake) -> Result<(), Error> {
        let query = Query::of(self.of_app());
        for distinct in lake.distinct(&[Column::SrcIp, Column::UserAgent], &query).await? {
            match (distinct.column, distinct.value) {
                (Column::SrcIp, Some(address)) => self.addresses.insert(address),
                (_, Some(agent)) => self.agents.insert(agent),
                _ => false,
            };
        }
        Ok(())
    }

    /// The versions on this platform, the most used of many, ordered by standing and version.
    pub async fn versions(&self, lake: &Lake) -> Result<Vec<VersionUse>, Error> {
        let mut most: Vec<&(Standing, Distinct)> = self.all.iter().collect();
        most.sort_by_key(|(standing, d)| (*standing != Standing::This, std::cmp::Reverse(d.n_events)));
        most.truncate(VERSIONS);
        let mut out = Vec::new();
        for (standing, distinct) in most {
            let Some(version) = distinct.value.clone() else {
                continue;
            };
            let query = Query::of(Filter::All(vec![
                Filter::eq(Column::AppVersion, &version),
                self.on_platform_or_silent(),
            ]));
            let columns = [
                Column::ActorSession,
                Column::Device,
                Column::ActorUser,
                Column::SrcIp,
            ];
            let mut counts: BTreeMap<Column, u64> = BTreeMap::new();
            for one in lake.distinct(&columns, &query).await? {
                *counts.entry(one.column).or_default() += u64::from(one.value.is_some());
            }
            let count = |column| counts.get(&column).copied().unwrap_or(0);
            out.push(VersionUse {
                version,
                standing: *standing,
                n_records: distinct.n_events,
                seen: distinct.seen,
                n_sessions: count(Column::ActorSession),
                n_devices: count(Column::Device),
                n_accounts: count(Column::ActorUser),
                n_addresses: count(Column::SrcIp),
            });
        }
        out.sort_by(|a, b| (a.standing, a.seen.from, &a.version).cmp(&(b.standing, b.seen.from, &b.version)));
        Ok(out)
    }

    /// The sources in which requests are counted: those that name versions, where there is one. Several sources record
    /// one request.
    pub fn asked_at(&self) -> &BTreeSet<String> {
        if self.naming.is_empty() {
            &self.sources
        } else {
            &self.naming
        }
    }

    fn on_platform(&self) -> Filter {
        Filter::Column(Column::AppPlatform, Test::like(&self.platform))
    }

    fn on_platform_or_silent(&self) -> Filter {
        Filter::Any(vec![
            self.on_platform(),
            Filter::Column(Column::AppPlatform, Test::Absent),
        ])
    }

    /// Records that any version of the app surely made, as far as clients say the truth.
    pub fn of_app(&self) -> Filter {
        let platform = if self.says_platform {
            self.on_platform()
        } else {
            Filter::everything()
        };
        Filter::All(vec![Filter::Column(Column::AppVersion, Test::Present), platform])
    }

    /// Records that a counted version surely made.
    pub fn certain(&self) -> Filter {
        Filter::All(vec![
            Filter::one_of(Column::AppVersion, self.counted.iter()),
            self.of_app(),
        ])
    }

    /// Records that a counted version may have made beside the certain ones: no version, or no platform, and nothing
    /// that speaks against it.
    pub fn possible(&self) -> Filter {
        let mut parts = vec![
            Filter::one_of(Column::Source, self.sources.difference(&self.repeating)),
            Filter::Not(Box::new(Filter::eq(Column::Class, "datastore_activity"))),
            self.on_platform_or_silent(),
            Filter::Any(vec![
                Filter::Column(Column::AppVersion, Test::Absent),
                Filter::All(vec![
                    Filter::one_of(Column::AppVersion, self.counted.iter()),
                    Filter::Not(Box::new(self.certain())),
                ]),
            ]),
        ];
        for pattern in OTHER_CLIENTS {
            let other = Filter::Column(Column::UserAgent, Test::like(pattern));
            parts.push(Filter::Not(Box::new(other)));
        }
        if !self.own.is_empty() {
            let own = Filter::one_of(Column::SrcIp, self.own.iter());
            parts.push(Filter::Not(Box::new(own)));
        }
        Filter::All(parts)
    }

    /// Records that name a version, and surely none of the counted ones.
    pub fn other(&self) -> Filter {
        let counted = Filter::All(vec![
            Filter::one_of(Column::AppVersion, self.counted.iter()),
            self.on_platform_or_silent(),
        ]);
        Filter::All(vec![
            Filter::Column(Column::AppVersion, Test::Present),
            Filter::Not(Box::new(counted)),
        ])
    }

    pub fn assumptions(&self, asked: &Asked<'_>) -> Vec<String> {
        let mut all = Vec::new();
        if self.says_version {
            all.push("clients say truly which app, version and platform they are".to_owned());
            all.push(
                "a session or device whose records name other versions alone did not use a counted one where its \
                 records name none"
                    .to_owned(),
            );
            all.push(
                "what a client program names in its user agent (iPhone, iPad, Windows, Macintosh) is no Android app"
                    .to_owned(),
            );
        }
        if self.says_version && !self.says_platform {
            all.push(format!(
                "records name no platform: each of these versions is taken for {}'s",
                asked.release.package
            ));
        }
        if asked.releases == Releases::AndOlder {
            all.push("versions before this one have its weaknesses too".to_owned());
        }
        if self.naming.len() < self.sources.len() && self.says_version {
            let naming: Vec<&str> = self.naming.iter().map(String::as_str).collect();
            all.push(format!(
                "requests are counted in {}, whose records name versions",
                naming.join(", ")
            ));
        }
        for source in &self.repeating {
            all.push(format!(
                "{source} records the same requests again: each of its first {TRACED} has a trace id that is there too"
            ));
        }
        if !self.own.is_empty() {
            all.push("requests from the machines that the data map names are not the app's".to_owned());
        }
        all
    }
}

/// The hull of spans; `None` where there is none.
pub fn hull(spans: impl IntoIterator<Item = Span>) -> Option<Span> {
    spans.into_iter().reduce(Span::hull)
}
