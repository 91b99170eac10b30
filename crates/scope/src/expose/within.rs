//! Addresses of the inside that stand in the package: whether the logs show them called, and from outside.

use super::answer::{CallerKind, Exposure, InsideAddress};
use super::clients::Clients;
use super::coverage::Sight;
use super::key::{CALLERS, callers, from_outside};
use super::route::{fitting, operations, requests};
use super::{Address, Asked};
use crate::Error;
use crate::map::DataMap;
use ambit_event::Column;
use ambit_lake::{Filter, Lake, Query, Test};

/// Addresses that are looked for.
const ADDRESSES: usize = 100;
/// Fields in which producers name the host that was asked for. A plain `host` is as often the machine that writes.
const HOST_FIELDS: &[&str] = &[
    "http_host",
    "server_name",
    "vhost",
    "authority",
    ":authority",
    "request.host",
    "request_host",
    "http.host",
    "url.domain",
    "x_forwarded_host",
    "http_x_forwarded_host",
];

pub async fn join(
    lake: &Lake,
    asked: &Asked<'_>,
    _map: &DataMap,
    clients: &Clients,
    sight: &Sight,
    out: &mut Exposure,
) -> Result<(), Error> {
    let all: Vec<&Address> = asked
        .release
        .addresses
        .iter()
        .filter(|address| address.inside.is_some())
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let silent = silent_on_hosts(lake, clients).await?;
    let operations = operations(lake, clients).await?;
    for address in all.iter().take(ADDRESSES) {
        let by_path: Vec<&str> = fitting(&operations, &[*address]).into_keys().collect();
        let told = told_by(lake, clients, address, silent, &by_path).await?;
        out.inside.push(one(lake, clients, sight, address, told).await?);
    }
    if all.len() > ADDRESSES {
        out.unanswered.push(format!(
            "the package holds {} addresses of the inside: the first {ADDRESSES} were looked for",
            all.len()
        ));
    }
    Ok(())
}

/// Records that say which host they were asked at.
fn naming_hosts() -> Filter {
    let fields = HOST_FIELDS.iter();
    Filter::Any(
        fields
            .map(|field| Filter::Field((*field).to_owned(), Test::Present))
            .collect(),
    )
}

/// Requests that do not say which host they were asked at; `None` where none says it.
async fn silent_on_hosts(lake: &Lake, clients: &Clients) -> Result<Option<u64>, Error> {
    let n_all = lake.count(&Query::of(requests(clients))).await?;
    let naming = Filter::All(vec![requests(clients), naming_hosts()]);
    let n_naming = lake.count(&Query::of(naming)).await?;
    Ok((n_naming > 0).then(|| n_all.saturating_sub(n_naming)))
}

/// How the requests of an address are told in the logs.
struct Told {
    by: String,
    filter: Filter,
    /// Requests of which nobody can say whether they were asked there.
    n_silent: u64,
}

/// By what its requests are told, with the condition; `None` where no record tells.
async fn told_by(
    lake: &Lake,
    clients: &Clients,
    address: &Address,
    silent: Option<u64>,
    by_path: &[&str],
) -> Result<Option<Told>, Error> {
    if let Some(host) = &address.host {
        let fields = HOST_FIELDS.iter().flat_map(|field| {
            [host.clone(), format!("{host}:*")]
                .map(|pattern| Filter::Field((*field).to_owned(), Test::like(&pattern)))
        });
        let mut any: Vec<Filter> = if silent.is_some() {
            fields.collect()
        } else {
            Vec::new()
        };
        any.push(Filter::Column(Column::Host, Test::like(host)));
        let at_host = Filter::All(vec![requests(clients), Filter::Any(any)]);
        let is_seen = lake.count(&Query::of(at_host.clone()).limited(1)).await? > 0;
        if is_seen || silent.is_some() {
            return Ok(Some(Told {
                by: "the host that records name".into(),
                filter: at_host,
                n_silent: silent.unwrap_or(0),
            }));
        }
    }
    if by_path.is_empty() {
        return Ok(None);
    }
    let shown = by_path.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    Ok(Some(Told {
        by: format!("the path alone, as no record names the host: {shown}"),
        filter: Filter::All(vec![
            Filter::one_of(Column::Operation, by_path.iter().copied()),
            requests(clients),
        ]),
        n_silent: 0,
    }))
}

async fn one(
    lake: &Lake,
    clients: &Clients,
    sight: &Sight,
    address: &Address,
    told: Option<Told>,
) -> Result<InsideAddress, Error> {
    let mut row = InsideAddress {
        text: address.text.clone(),
        inside: address.inside.clone().unwrap_or_default(),
        place: address.place.clone(),
        told_by: None,
        n_requests: None,
        n_from_outside: None,
        callers: Vec::new(),
    };
    let Some(told) = told else {
        return Ok(row);
    };
    let query = Query::of(told.filter);
    let found = lake.distinct(&[Column::SrcIp, Column::UserAgent], &query).await?;
    let n = lake.count(&query).await?;
    let (outside, nowhere) = from_outside(&found, clients);
    let hostless = match told.n_silent {
        0 => Vec::new(),
        n => vec![format!("{n} requests do not say at which host they were asked")],
    };
    let mut because = hostless.clone();
    if nowhere > 0 {
        because.push(format!("{nowhere} requests name no address"));
    }
    row.told_by = Some(told.by);
    row.n_requests = Some(sight.bounds(n, Some(told.n_silent), hostless));
    row.n_from_outside = Some(sight.bounds(outside, Some(nowhere + told.n_silent), because));
    let all = callers(&found, clients).into_iter();
    row.callers = all
        .filter(|caller| caller.by == CallerKind::Address)
        .take(CALLERS)
        .collect();
    Ok(row)
}
