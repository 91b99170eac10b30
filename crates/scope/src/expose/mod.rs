//! A release of an app and the logs: who used it, what its addresses and keys were used for, and from where.
//!
//! What stands in the package is handed in as plain values ([`Release`]); this room never reads packages. Numbers are
//! bounds: what the records show at least, and what they cannot exclude. Versions, platforms and client programs are
//! what clients say of themselves, which each answer that rests on it says.

mod answer;
mod clients;
mod coverage;
mod key;
mod route;
mod seeds;
mod users;
mod version;
mod within;

pub use answer::{
    Caller, CallerKind, Exposure, Fit, HardCodedKey, InsideAddress, Looked, Origin, RouteUse, SeedLine,
    SourceState, Standing, VersionUse,
};

use crate::Error;
use crate::map::DataMap;
use ambit_lake::Lake;
use clients::Clients;
use coverage::Sight;
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeSet;

/// What a package says of itself and of the service behind it.
#[derive(Debug, Clone, Default)]
pub struct Release {
    pub package: String,
    /// The platform as logs name it: `android`.
    pub platform: String,
    pub version_name: Option<String>,
    pub version_code: Option<u64>,
    pub addresses: Vec<Address>,
    pub keys: Vec<Key>,
}

/// An address, or a path of one, that stands in a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// As it stands there: `https://api.example/v1/`, `v1/users/{id}`.
    pub text: String,
    /// `None` where a path stands alone.
    pub host: Option<String>,
    pub path: String,
    /// Why it looks like one of the inside.
    pub inside: Option<String>,
    pub place: String,
}

/// A secret that stands in a package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: String,
    /// As a client sends it; `None` where it is no value that a log can hold, such as a private key.
    pub value: Option<String>,
    /// Of a kind that is made to be in apps.
    pub is_public: bool,
    pub place: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.kind, self.place)
    }
}

/// Whether older releases are counted with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Releases {
    This,
    /// What this release lacks, older ones are taken to lack too.
    AndOlder,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub release: &'a Release,
    pub releases: Releases,
    pub map: Option<&'a DataMap>,
}

/// Joins a release with the logs, at the version that this handle of the lake shows. The future is boxed, so that it
/// is compiled here once.
///
/// # Errors
/// Where the lake cannot answer.
pub fn expose<'a>(lake: &'a Lake, asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Exposure, Error>> {
    compute(lake, asked).boxed()
}

async fn compute(lake: &Lake, asked: &Asked<'_>) -> Result<Exposure, Error> {
    let nothing = DataMap::default();
    let map = asked.map.unwrap_or(&nothing);
    let coverage = lake.coverage().await?;
    let clients = Clients::read(lake, asked, map).await?;
    let sight = Sight::of(&coverage, &clients.sources);
    let mut out = Exposure {
        lake_version: lake.version().0,
        package: asked.release.package.clone(),
        version_name: asked.release.version_name.clone(),
        version_code: asked.release.version_code,
        window: coverage.window,
        counted: clients.counted.iter().cloned().collect(),
        versions: clients.versions(lake).await?,
        ..Exposure::default()
    };
    users::count(lake, &clients, &sight, &mut out).await?;
    route::join(lake, asked, map, &clients, &sight, &mut out).await?;
    key::join(lake, asked, map, &clients, &sight, &mut out).await?;
    within::join(lake, asked, map, &clients, &sight, &mut out).await?;
    out.assumptions.extend(clients.assumptions(asked));
    out.coverage = sight.told();
    out.unanswered.extend(unanswered(asked, &clients));
    out.seeds = seeds::propose(&out, &clients);
    tidy(&mut out);
    Ok(out)
}

fn unanswered(asked: &Asked<'_>, clients: &Clients) -> Vec<String> {
    let mut all = Vec::new();
    if clients.sources.is_empty() {
        all.push("the lake holds no records of requests: nothing can be said of who used the release".into());
    } else if !clients.says_version {
        all.push(
            "no record names an app's version: how many used this one is not known; a log field for it is mapped \
             with `app_version`"
                .into(),
        );
    }
    if asked.map.is_none() {
        all.push("without a data map nothing is said of the classes of data behind a route".into());
    }
    if asked.release.version_name.is_none() && asked.release.version_code.is_none() {
        all.push("the package states no version".into());
    }
    all
}

fn tidy(out: &mut Exposure) {
    for list in [&mut out.assumptions, &mut out.unanswered] {
        let mut seen = BTreeSet::new();
        list.retain(|line| seen.insert(line.clone()));
    }
}
