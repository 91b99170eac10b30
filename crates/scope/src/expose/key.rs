//! Keys of the package, and from where the logs show them used.

use super::answer::{Caller, CallerKind, Exposure, HardCodedKey, Looked, Origin};
use super::clients::{Clients, hull};
use super::coverage::Sight;
use super::{Asked, Key};
use crate::Error;
use crate::map::DataMap;
use ambit_event::Column;
use ambit_lake::{Distinct, Filter, Lake, Query};
use std::net::IpAddr;

/// Keys that are looked for, and of those the ones whose fingerprint is looked for in every text.
const KEYS: usize = 500;
const IN_TEXTS: usize = 24;
/// Callers that are told of one key or address.
pub const CALLERS: usize = 20;

pub async fn join(
    lake: &Lake,
    asked: &Asked<'_>,
    _map: &DataMap,
    clients: &Clients,
    sight: &Sight,
    out: &mut Exposure,
) -> Result<(), Error> {
    let keys = &asked.release.keys;
    let mut n_texts = 0;
    for key in keys.iter().take(KEYS) {
        let Some(value) = &key.value else {
            out.keys.push(row(key, None, Looked::Not));
            continue;
        };
        let print = lake.keys().fingerprint(value);
        let columns = Filter::Any(
            [
                Column::ActorCredential,
                Column::ActorSession,
                Column::IssuedCredential,
            ]
            .map(|column| Filter::eq(column, &print))
            .to_vec(),
        );
        let mut row = row(key, Some(print.clone()), Looked::Columns);
        let n_in_columns = lake.count(&Query::of(columns.clone())).await?;
        let filter = if n_in_columns == 0 && n_texts < IN_TEXTS {
            n_texts += 1;
            row.looked = Looked::Everywhere;
            Filter::Text(print)
        } else {
            columns
        };
        fill(lake, clients, sight, &filter, &mut row).await?;
        out.keys.push(row);
    }
    if keys.len() > KEYS {
        out.unanswered.push(format!(
            "the package holds {} keys: the first {KEYS} were looked for",
            keys.len()
        ));
    }
    if out
        .keys
        .iter()
        .any(|key| key.looked == Looked::Columns && key.n_records.as_ref().is_some_and(|n| n.at_least == 0))
    {
        out.unanswered.push(
            "some keys were looked for where records name a session or a credential, not in every text"
                .into(),
        );
    }
    // What is used from elsewhere stands first.
    out.keys.sort_by_key(|key| {
        let n = key.n_records.as_ref().map_or(0, |n| n.at_least);
        (
            std::cmp::Reverse((key.n_foreign_addresses + key.n_foreign_clients > 0, n)),
            key.is_public,
            key.place.clone(),
        )
    });
    Ok(())
}

fn row(key: &Key, fingerprint: Option<String>, looked: Looked) -> HardCodedKey {
    HardCodedKey {
        kind: key.kind.clone(),
        fingerprint,
        is_public: key.is_public,
        place: key.place.clone(),
        looked,
        n_records: None,
        n_by_app: 0,
        seen: None,
        callers: Vec::new(),
        n_foreign_addresses: 0,
        n_foreign_clients: 0,
    }
}

async fn fill(
    lake: &Lake,
    clients: &Clients,
    sight: &Sight,
    filter: &Filter,
    row: &mut HardCodedKey,
) -> Result<(), Error> {
    let query = Query::of(filter.clone());
    let n = lake.count(&query).await?;
    row.n_records = Some(sight.bounds(n, Some(0), Vec::new()));
    if n == 0 {
        return Ok(());
    }
    let by_app = Filter::All(vec![filter.clone(), clients.of_app()]);
    row.n_by_app = lake.count(&Query::of(by_app)).await?;
    let found = lake.distinct(&[Column::SrcIp, Column::UserAgent], &query).await?;
    row.seen = hull(found.iter().map(|d| d.seen));
    let callers = callers(&found, clients);
    let n_foreign = |by: CallerKind| {
        callers
            .iter()
            .filter(|c| c.by == by && c.origin == Origin::Foreign)
            .count() as u64
    };
    row.n_foreign_addresses = n_foreign(CallerKind::Address);
    row.n_foreign_clients = n_foreign(CallerKind::Client);
    row.callers = callers;
    row.callers.truncate(CALLERS);
    Ok(())
}

/// Addresses and client programs, foreign ones first, then the most frequent.
pub fn callers(found: &[Distinct], clients: &Clients) -> Vec<Caller> {
    let mut all: Vec<Caller> = found
        .iter()
        .filter_map(|d| {
            let value = d.value.clone()?;
            let by = match d.column {
                Column::SrcIp => CallerKind::Address,
                _ => CallerKind::Client,
            };
            Some(Caller {
                origin: origin(by, &value, clients),
                by,
                value,
                n_records: d.n_events,
                seen: d.seen,
            })
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |c: &Caller| (std::cmp::Reverse(c.origin), std::cmp::Reverse(c.n_records), c.by);
        key(a).cmp(&key(b)).then_with(|| a.value.cmp(&b.value))
    });
    all
}

fn origin(by: CallerKind, value: &str, clients: &Clients) -> Origin {
    match by {
        CallerKind::Address if clients.addresses.contains(value) => Origin::App,
        CallerKind::Address if clients.own.contains(value) || is_inside(value) => Origin::Own,
        CallerKind::Client if clients.agents.contains(value) => Origin::App,
        _ => Origin::Foreign,
    }
}

/// Whether an address is one that only the inside of a network has.
pub fn is_inside(address: &str) -> bool {
    match address.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => false,
    }
}

/// Records from addresses that are not of the inside, and those that name no address.
pub fn from_outside(found: &[Distinct], clients: &Clients) -> (u64, u64) {
    let addresses = found.iter().filter(|d| d.column == Column::SrcIp);
    addresses.fold((0, 0), |(outside, silent), d| match &d.value {
        None => (outside, silent + d.n_events),
        Some(ip) if is_inside(ip) || clients.own.contains(ip) => (outside, silent),
        Some(_) => (outside + d.n_events, silent),
    })
}
