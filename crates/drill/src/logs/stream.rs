//! The producers on their hosts, and into which files and holes each one's time is cut.

use super::file::File;
use crate::clock::{HOUR, SECOND};
use crate::gap::{GapKind, GapPlace, GapSource, GapSpec};
use crate::plan::{Attack, Plan};
use crate::rng::Rng;
use crate::service::Service;
use crate::trail::{self, REGIONS};
use ambit_event::{Span, Timestamp};
use std::collections::VecDeque;

/// A request lasts less than this, and clocks differ by less: so far from an outage the shipper vouches for
/// nothing.
const SLACK: i64 = 5 * SECOND;
/// One producer on one host.
#[derive(Debug)]
pub struct Stream {
    pub source: &'static str,
    pub host: String,
    pub(super) folder: &'static str,
    pub(super) group: GapSource,
    /// Number of the host within its source, from 0.
    pub(super) nth: usize,
    /// Lines so far, as the producer numbers them.
    pub(super) seq: u64,
    pub(super) segments: VecDeque<Segment>,
    pub(super) file: Option<File>,
}

/// A span of a stream that is one file, or that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub span: Span,
    /// What the manifest vouches for: less than the span beside an outage.
    pub vouched: Span,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Lost(GapKind),
    /// Written only up to the instant, and vouched for whole.
    Cut(Timestamp),
    Garbled(Span),
}

impl Stream {
    fn new(source: &'static str, folder: &'static str, group: GapSource, host: String, nth: usize) -> Self {
        Self {
            source,
            host,
            folder,
            group,
            nth,
            seq: 0,
            segments: VecDeque::new(),
            file: None,
        }
    }

    /// Whether the intruder takes his lines out of this stream: the first gateway's access log.
    pub(super) fn is_wiped(&self, plan: &Plan) -> bool {
        plan.attack == Attack::LogDeletion && self.group == GapSource::Nginx && self.nth == 0
    }
}

pub(super) fn streams(plan: &Plan) -> Vec<Stream> {
    let features = &plan.features;
    let mut list: Vec<Stream> = (0..usize::from(features.n_gateways))
        .map(|n| Stream::new("nginx_access", "nginx", GapSource::Nginx, gateway_host(n), n))
        .collect();
    let hosts = Service::ALL
        .iter()
        .flat_map(|service| (0..features.n_replicas).map(|replica| service_host(*service, replica)));
    list.extend(
        hosts
            .enumerate()
            .map(|(n, host)| Stream::new("app", "app", GapSource::App, host, n)),
    );
    list.push(Stream::new(
        "postgresql",
        "postgresql",
        GapSource::Postgresql,
        DATABASE.to_owned(),
        0,
    ));
    list.push(Stream::new(
        "sshd",
        "bastion",
        GapSource::Bastion,
        BASTION_HOST.to_owned(),
        0,
    ));
    if plan.attack == Attack::LogDeletion {
        list.push(Stream::new(
            "sshd",
            "bastion",
            GapSource::Bastion,
            gateway_host(0),
            1,
        ));
    }
    if plan.features.cloud {
        let regions = REGIONS.iter().enumerate();
        list.extend(regions.map(|(n, region)| {
            Stream::new(
                trail::SOURCE,
                "cloudtrail",
                GapSource::Cloudtrail,
                (*region).to_owned(),
                n,
            )
        }));
    }
    list
}

/// The gaps that concern a stream.
pub(super) fn holes_in(stream: &Stream, gaps: &[(GapSpec, Span)]) -> Vec<(GapKind, Span)> {
    let concerns =
        |gap: &GapSpec| gap.source.holds(stream.group) && (gap.kind != GapKind::Host || stream.nth == 0);
    let mine = gaps.iter().filter(|(gap, _)| concerns(gap));
    mine.map(|(gap, span)| (gap.kind, *span)).collect()
}

/// The database's host.
pub const DATABASE: &str = "db-1";
/// The bastion's host.
pub const BASTION_HOST: &str = "bastion-1";

pub fn gateway_host(nth: usize) -> String {
    format!("gw-{}", nth + 1)
}

pub fn service_host(service: Service, replica: u8) -> String {
    format!("{}-{}", service.name(), replica + 1)
}

/// The plan's gaps with their spans.
pub(super) fn placed(plan: &Plan) -> Vec<(GapSpec, Span)> {
    let window = plan.window();
    let mut rng = Rng::of(plan.random_seed, 0x9a9);
    plan.gaps
        .iter()
        .filter_map(|gap| {
            let draw = rng.next();
            let length = i64::from(gap.length);
            let from = match gap.place {
                GapPlace::Attack => plan.attacked_at().plus_secs(60 - length / 2),
                GapPlace::At(secs) => window.from.plus_secs(i64::from(secs)),
                GapPlace::Anywhere => window
                    .from
                    .plus_secs((draw % (u64::from(plan.hours) * 3_600)) as i64),
            };
            let span = Span::new(from, from.plus_secs(length)).intersect(window)?;
            Some((*gap, span))
        })
        .collect()
}

/// Cuts the window into files and holes.
pub(super) fn segments(plan: &Plan, stream: &Stream, gaps: &[(GapSpec, Span)]) -> Vec<Segment> {
    let mine = holes_in(stream, gaps);
    let edges = edges(plan, &mine);
    let mut list: Vec<Segment> = edges
        .windows(2)
        .map(|pair| {
            let span = Span::new(pair[0], pair[1]);
            let fate = fate_of(span, &mine);
            Segment {
                span,
                vouched: span,
                fate,
            }
        })
        .collect();
    for n in 1..list.len() {
        if matches!(list[n].fate, Fate::Lost(_)) {
            list[n - 1].vouched.until = list[n - 1].span.until.plus_nanos(-SLACK);
        }
        if matches!(list[n - 1].fate, Fate::Lost(_)) {
            list[n].vouched.from = list[n].span.from.plus_nanos(SLACK);
        }
    }
    list
}

/// The instants at which a file ends and another begins: rotation, and the edges of holes.
fn edges(plan: &Plan, gaps: &[(GapKind, Span)]) -> Vec<Timestamp> {
    let window = plan.window();
    let step = i64::from(plan.features.rotation_hours) * HOUR;
    let n_files = (window.nanos() + step - 1) / step;
    let mut edges: Vec<Timestamp> = (0..n_files).map(|n| window.from.plus_nanos(n * step)).collect();
    edges.push(window.until);
    let outages = gaps
        .iter()
        .filter(|(kind, _)| matches!(kind, GapKind::Lines | GapKind::Host));
    edges.extend(outages.flat_map(|(_, span)| [span.from, span.until]));
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn fate_of(span: Span, gaps: &[(GapKind, Span)]) -> Fate {
    let touching = |wanted: &dyn Fn(GapKind) -> bool| {
        gaps.iter()
            .find(|(kind, gap)| wanted(*kind) && gap.overlaps(span))
            .copied()
    };
    if let Some((kind, _)) = touching(&|kind| matches!(kind, GapKind::Lines | GapKind::Host)) {
        return Fate::Lost(kind);
    }
    match (
        touching(&|k| k == GapKind::Truncated),
        touching(&|k| k == GapKind::Garbled),
    ) {
        // A truncation swallows the rest of the file in which it begins.
        (Some((_, gap)), _) if gap.from >= span.from => Fate::Cut(gap.from),
        (_, Some((_, gap))) => Fate::Garbled(gap),
        _ => Fate::Kept,
    }
}

impl GapSource {
    /// Whether a gap in this concerns a stream of that group.
    fn holds(self, group: Self) -> bool {
        match self {
            Self::All => true,
            Self::Both => matches!(group, Self::Nginx | Self::Postgresql),
            one => one == group,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fates(gap: &str) -> Vec<(i64, i64, Fate)> {
        let mut plan = Plan::new(Attack::Insider)
            .hours(12)
            .gap(GapSpec::parse(gap).unwrap());
        plan.features.rotation_hours = 6;
        let streams = streams(&plan);
        segments(&plan, &streams[0], &placed(&plan))
            .into_iter()
            .map(|s| {
                let secs = |at: Timestamp| (at.0 - plan.start.0) / SECOND;
                (secs(s.span.from), secs(s.vouched.until), s.fate)
            })
            .collect()
    }

    #[test]
    fn an_outage_is_a_hole_between_files_and_a_cut_is_not() {
        assert_eq!(
            fates("nginx:1h@2h"),
            [
                (0, 7_195, Fate::Kept),
                (7_200, 10_800, Fate::Lost(GapKind::Lines)),
                (10_800, 21_600, Fate::Kept),
                (21_600, 43_200, Fate::Kept),
            ]
        );
        assert!(matches!(
            fates("nginx:1h:truncated@2h")[0],
            (0, 21_600, Fate::Cut(_))
        ));
        assert_eq!(fates("postgresql:1h@2h").len(), 2);
    }
}
