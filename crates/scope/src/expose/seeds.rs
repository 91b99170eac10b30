//! Where a scope can begin: what the join found used as no app would.

use super::answer::{Caller, CallerKind, Exposure, Origin, SeedLine};
use super::clients::Clients;
use super::key::is_inside;
use std::collections::BTreeSet;

/// Addresses that are proposed for one key or one address of the inside.
const ADDRESSES: usize = 5;

/// Seeds, those that say the most first; each once.
pub fn propose(out: &Exposure, clients: &Clients) -> Vec<SeedLine> {
    let mut all = Vec::new();
    for key in &out.keys {
        let is_foreign = key.n_foreign_addresses + key.n_foreign_clients > 0;
        let Some(print) = key.fingerprint.as_ref().filter(|_| is_foreign) else {
            continue;
        };
        if key.n_by_app == 0 {
            all.push(SeedLine {
                seed: format!("token={print},grade=possible"),
                why: format!(
                    "the {} in the package is used, and by no client that names itself the app",
                    key.kind
                ),
            });
        }
        let why = format!(
            "the {} in the package is used from there, where no app is",
            key.kind
        );
        all.extend(addresses(&key.callers, &why));
    }
    for inside in &out.inside {
        let why = format!("{} is asked for from there, from outside", inside.text);
        let outside = inside.callers.iter().filter(|c| !is_inside(&c.value));
        all.extend(addresses(&outside.cloned().collect::<Vec<_>>(), &why));
    }
    all.extend(clients.counted.iter().map(|version| SeedLine {
        seed: format!("app_version={version}"),
        why: "counts who stood before the same hole; it reaches nobody by itself".to_owned(),
    }));
    let mut seen = BTreeSet::new();
    all.retain(|line| seen.insert(line.seed.clone()));
    all
}

fn addresses(callers: &[Caller], why: &str) -> Vec<SeedLine> {
    callers
        .iter()
        .filter(|c| c.by == CallerKind::Address && c.origin == Origin::Foreign)
        .take(ADDRESSES)
        .map(|c| SeedLine {
            seed: format!("ip={}", c.value),
            why: why.to_owned(),
        })
        .collect()
}
