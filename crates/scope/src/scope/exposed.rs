//! Who stood before the same hole.

use super::Parts;
use crate::origin::is_datastore;
use crate::trace::Trace;
use crate::{Bounds, Error, Exposed, Grade};
use ambit_event::{Column, EventId};
use ambit_lake::{Filter, Query};
use std::collections::BTreeSet;

impl Parts<'_> {
    /// Who stood before the same hole: the app versions and routes of the accesses, and the method seeds.
    pub(super) async fn exposed(&self, trace: &Trace<'_>) -> Result<Vec<Exposed>, Error> {
        let mut holes: BTreeSet<(Column, String)> = BTreeSet::new();
        for seed in self.seeds.iter().filter(|s| s.is_method()) {
            holes.extend(
                seed.observable
                    .kind
                    .column()
                    .map(|column| (column, seed.observable.value.clone())),
            );
        }
        let reached: BTreeSet<EventId> = self
            .contributions
            .iter()
            .filter(|c| c.grade > Grade::Possible && !c.touches.is_empty())
            .map(|c| c.event)
            .collect();
        for carried in reached
            .iter()
            .filter_map(|id| trace.attributed.get(id))
            .filter(|c| !is_datastore(&c.event))
        {
            holes.extend(carried.event.app_version.clone().map(|v| (Column::AppVersion, v)));
            holes.extend(carried.event.operation.clone().map(|o| (Column::Operation, o)));
        }
        let mut out = Vec::new();
        for (column, value) in holes {
            out.push(self.exposed_by(column, value).await?);
        }
        Ok(out)
    }

    async fn exposed_by(&self, column: Column, value: String) -> Result<Exposed, Error> {
        let query = Query::of(Filter::eq(column, &value));
        let mut counted = ("accounts", 0);
        for (name, by) in [
            ("accounts", Column::ActorUser),
            ("devices", Column::Device),
            ("sessions", Column::ActorSession),
            ("addresses", Column::SrcIp),
        ] {
            let n = self
                .lake
                .distinct(&[by], &query)
                .await?
                .into_iter()
                .filter(|d| d.value.is_some())
                .count();
            if n > 0 {
                counted = (name, n as u64);
                break;
            }
        }
        let complete = self.gapped.gaps.is_empty() && self.unanswered.is_empty();
        Ok(Exposed {
            by: if column == Column::AppVersion {
                "app_version"
            } else {
                "route"
            }
            .to_owned(),
            value,
            counted: counted.0.to_owned(),
            n: Bounds {
                at_least: counted.1,
                at_most: complete.then_some(counted.1),
                because: match (complete, self.unanswered.is_empty()) {
                    (true, _) => Vec::new(),
                    (false, true) => {
                        vec!["records are missing, and with them whoever appears only there".to_owned()]
                    }
                    (false, false) => vec!["nothing was traced, so no gap was looked at".to_owned()],
                },
            },
        })
    }
}
