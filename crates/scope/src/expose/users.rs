//! Who used the release: accounts, sessions and devices, between what records show and what they cannot exclude.

use super::answer::Exposure;
use super::clients::Clients;
use super::coverage::Sight;
use crate::Error;
use ambit_event::Column;
use ambit_lake::{Filter, Lake, Query, Test};
use std::collections::BTreeSet;

/// Sessions whose accounts are asked for at once, and in all.
const AT_ONCE: usize = 2_000;
const SESSIONS: usize = 200_000;
/// Records that are read to find the accounts of so many sessions.
const RECORDS: usize = 200_000;

/// The values of a column among the records that a filter admits, and how many records name none.
struct Named {
    values: BTreeSet<String>,
    n_silent: u64,
}

async fn named(lake: &Lake, column: Column, filter: Filter) -> Result<Named, Error> {
    let mut all = Named {
        values: BTreeSet::new(),
        n_silent: 0,
    };
    for distinct in lake.distinct(&[column], &Query::of(filter)).await? {
        match distinct.value {
            Some(value) => {
                all.values.insert(value);
            }
            None => all.n_silent += distinct.n_events,
        }
    }
    Ok(all)
}

fn without(filter: Filter, column: Column) -> Filter {
    Filter::All(vec![filter, Filter::Column(column, Test::Absent)])
}

pub async fn count(lake: &Lake, clients: &Clients, sight: &Sight, out: &mut Exposure) -> Result<(), Error> {
    if !clients.says_version {
        return Ok(());
    }
    let certain = named(lake, Column::ActorSession, clients.certain()).await?;
    let other = named(lake, Column::ActorSession, clients.other()).await?;
    let silent = named(lake, Column::ActorSession, clients.possible()).await?;
    let doubtful: BTreeSet<String> = silent
        .values
        .into_iter()
        .filter(|session| !certain.values.contains(session) && !other.values.contains(session))
        .collect();
    let n_silent = silent.n_silent;
    let because = reasons(doubtful.len() as u64, n_silent);
    out.sessions = Some(sight.bounds(
        certain.values.len() as u64,
        Some(doubtful.len() as u64 + n_silent),
        because.clone(),
    ));
    // A session whose records name other versions alone is of those.
    let foreign: BTreeSet<&String> = other.values.difference(&certain.values).collect();
    devices(lake, clients, sight, &foreign, out).await?;
    accounts(lake, clients, sight, &certain, &doubtful, because, out).await
}

fn reasons(n_doubtful: u64, n_silent: u64) -> Vec<String> {
    let mut because = Vec::new();
    if n_doubtful > 0 {
        because.push(format!("the records of {n_doubtful} sessions name no version"));
    }
    if n_silent > 0 {
        because.push(format!(
            "{n_silent} requests name neither a version nor a session"
        ));
    }
    because
}

/// A request comes from one device: each that names none is of one more at most.
async fn devices(
    lake: &Lake,
    clients: &Clients,
    sight: &Sight,
    foreign: &BTreeSet<&String>,
    out: &mut Exposure,
) -> Result<(), Error> {
    let devices = named(lake, Column::Device, clients.certain()).await?;
    let other = named(lake, Column::Device, clients.other()).await?;
    let possible = named(lake, Column::Device, clients.possible()).await?;
    let mut because = Vec::new();
    if devices.n_silent > 0 {
        because.push(format!(
            "{} records of the release name no device",
            devices.n_silent
        ));
    }
    let is_one_more = |device: &&String| !devices.values.contains(*device) && !other.values.contains(*device);
    let n_unversioned = possible.values.iter().filter(is_one_more).count() as u64;
    if n_unversioned > 0 {
        because.push(format!("the records of {n_unversioned} devices name no version"));
    }
    let bare = without(clients.possible(), Column::Device);
    let n_bare: u64 = lake
        .distinct(&[Column::ActorSession], &Query::of(bare))
        .await?
        .into_iter()
        .filter(|d| d.value.as_ref().is_none_or(|session| !foreign.contains(session)))
        .map(|d| d.n_events)
        .sum();
    if n_bare > 0 {
        because.push(format!(
            "{n_bare} requests name neither a version nor a device, and each may be of one more"
        ));
    }
    let more = devices.n_silent + n_unversioned + n_bare;
    out.devices = Some(sight.bounds(devices.values.len() as u64, Some(more), because));
    Ok(())
}

async fn accounts(
    lake: &Lake,
    clients: &Clients,
    sight: &Sight,
    certain: &Named,
    doubtful: &BTreeSet<String>,
    mut because: Vec<String>,
    out: &mut Exposure,
) -> Result<(), Error> {
    let mut sure = named(lake, Column::ActorUser, clients.certain()).await?.values;
    let of_sessions = owners(lake, &certain.values).await?;
    sure.extend(of_sessions.accounts);
    let direct = without(clients.possible(), Column::ActorSession);
    let silent = named(lake, Column::ActorUser, direct).await?;
    let theirs = owners(lake, doubtful).await?;
    let more: BTreeSet<&String> = silent
        .values
        .iter()
        .chain(&theirs.accounts)
        .filter(|account| !sure.contains(*account))
        .collect();
    let n_unowned = of_sessions.n_unowned + theirs.n_unowned;
    if n_unowned > 0 {
        because.push(format!("no record names the account of {n_unowned} sessions"));
    }
    if !more.is_empty() {
        because.push(format!("the records of {} accounts name no version", more.len()));
    }
    let at_most = more.len() as u64 + n_unowned + silent.n_silent;
    out.accounts = Some(sight.bounds(sure.len() as u64, Some(at_most), because));
    Ok(())
}

/// The accounts that sessions belong to, and sessions of which no record tells: each is one account at most.
struct Owners {
    accounts: BTreeSet<String>,
    n_unowned: u64,
}

async fn owners(lake: &Lake, sessions: &BTreeSet<String>) -> Result<Owners, Error> {
    let mut owners = Owners {
        accounts: BTreeSet::new(),
        n_unowned: sessions.len().saturating_sub(SESSIONS) as u64,
    };
    let all: Vec<&String> = sessions.iter().take(SESSIONS).collect();
    for part in all.chunks(AT_ONCE) {
        let mut open: BTreeSet<&str> = part.iter().map(|session| session.as_str()).collect();
        // Where a session was handed out stands who got it; else any record of it that names an account.
        for column in [Column::IssuedSession, Column::ActorSession] {
            if open.is_empty() {
                break;
            }
            let query = Query::of(Filter::All(vec![
                Filter::one_of(column, open.iter().copied()),
                Filter::Column(Column::ActorUser, Test::Present),
                Filter::Not(Box::new(Filter::eq(Column::Class, "datastore_activity"))),
            ]));
            for event in lake.events(&query.limited(RECORDS)).await? {
                if let (Some(session), Some(account)) = (event.text(column), &event.actor_user) {
                    owners.accounts.insert(account.clone());
                    open.remove(session);
                }
            }
        }
        owners.n_unowned += open.len() as u64;
    }
    Ok(owners)
}
