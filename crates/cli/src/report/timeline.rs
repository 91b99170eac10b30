//! The attributed events on lanes, one per source, with the gaps of that source hatched.

use super::Report;
use super::markup::{Esc, cut, put};
use crate::words;
use ambit_event::{Span, Timestamp};
use ambit_scope::{Scope, ScopeGap, TimelineEntry};

const LEFT: f64 = 170.0;
const WIDTH: f64 = 1000.0;
const TOP: f64 = 46.0;
const LANE: f64 = 34.0;
const SECOND: i64 = 1_000_000_000;

/// Steps between ticks that people count in, in seconds.
const STEPS: [i64; 17] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000,
];

pub fn section(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    let Some(axis) = axis_span(scope) else {
        out.push_str("<p>No attributed event is in the lake, so there is nothing to draw.</p>");
        return;
    };
    let lanes = lanes(scope, axis);
    let height = TOP + LANE * lanes.len() as f64 + 30.0;
    put!(
        out,
        "<div class=\"scroll\"><svg class=\"picture\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Timeline of {} attributed events from {} UTC; the table below says the same\">",
        words::number(scope.timeline.n_entries),
        Esc(words::span(axis))
    );
    let drawing = Drawing { report, axis, height };
    drawing.hold(out);
    drawing.ticks(out);
    for (n, lane) in lanes.iter().enumerate() {
        drawing.lane(lane, TOP + LANE * n as f64, out);
    }
    drawing.marks(out);
    out.push_str("</svg></div>");
    legend(out);
    outside(scope, axis, out);
}

/// The activity with some air around it; what lies outside is said in the table of coverage.
fn axis_span(scope: &Scope) -> Option<Span> {
    let timeline = &scope.timeline;
    let first = timeline
        .first_activity
        .or_else(|| timeline.entries.first().map(|e| e.time))?;
    let last = timeline
        .last_activity
        .or_else(|| timeline.entries.last().map(|e| e.time))?;
    let mut span = Span::new(first, last.plus_nanos(1));
    // A gap of the scope that touches the neighbourhood of the activity belongs into the picture.
    let near = padded(span, 1.0);
    for gap in scope.gaps.iter().filter_map(|gap| gap.span.intersect(near)) {
        span = span.hull(gap);
    }
    Some(padded(span, 0.04))
}

fn padded(span: Span, share: f64) -> Span {
    let air = ((span.nanos() as f64 * share) as i64).max(30 * SECOND);
    Span::new(span.from.plus_nanos(-air), span.until.plus_nanos(air))
}

fn lanes(scope: &Scope, axis: Span) -> Vec<String> {
    let mut lanes: Vec<String> = Vec::new();
    let sources = scope.timeline.entries.iter().map(|entry| &entry.source);
    let blind = scope
        .gaps
        .iter()
        .filter(|gap| gap.span.overlaps(axis))
        .map(|gap| &gap.source);
    for source in sources.chain(blind) {
        if !lanes.contains(source) {
            lanes.push(source.clone());
        }
    }
    lanes
}

struct Drawing<'a> {
    report: &'a Report<'a>,
    axis: Span,
    height: f64,
}

impl Drawing<'_> {
    fn x(&self, at: Timestamp) -> f64 {
        let share = (at.0.saturating_sub(self.axis.from.0)) as f64 / self.axis.nanos().max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 20.0)
    }

    /// The span in which the intruder's control is not excluded.
    fn hold(&self, out: &mut String) {
        let timeline = &self.report.scope.timeline;
        let from = self.x(timeline.control_from.unwrap_or(self.axis.from));
        let until = self.x(timeline.control_until.unwrap_or(self.axis.until));
        put!(
            out,
            "<rect class=\"hold\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            TOP - 6.0,
            (until - from).max(0.0),
            self.height - TOP - 20.0
        );
    }

    fn ticks(&self, out: &mut String) {
        let seconds = self.axis.nanos() / SECOND;
        let step = STEPS
            .iter()
            .copied()
            .find(|step| seconds / step <= 8)
            .unwrap_or(2_592_000)
            * SECOND;
        let mut at = self
            .axis
            .from
            .0
            .div_euclid(step)
            .saturating_add(1)
            .saturating_mul(step);
        let base = self.height - 26.0;
        let mut day = "";
        let mut shown;
        while at < self.axis.until.0 {
            let x = self.x(Timestamp(at));
            shown = words::instant(Timestamp(at));
            let (this_day, clock) = shown.split_once(' ').unwrap_or((&shown, ""));
            let clock = if step >= 60 * SECOND {
                clock.get(..5).unwrap_or(clock)
            } else {
                clock
            };
            put!(
                out,
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{base}\"/>",
                TOP - 6.0
            );
            put!(
                out,
                "<text class=\"soft\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                base + 13.0,
                Esc(clock)
            );
            if day.is_empty() {
                put!(
                    out,
                    "<text class=\"soft\" x=\"0\" y=\"{}\">{} UTC</text>",
                    base + 13.0,
                    Esc(this_day)
                );
                day = "said";
            }
            at = at.saturating_add(step);
        }
    }

    fn lane(&self, source: &str, y: f64, out: &mut String) {
        let middle = y + LANE / 2.0 - 4.0;
        put!(
            out,
            "<text class=\"strong\" x=\"0\" y=\"{}\">{}</text>",
            middle + 4.0,
            Esc(cut(&self.report.veil.text(source), 24))
        );
        put!(
            out,
            "<line class=\"lane\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>",
            WIDTH - 20.0
        );
        for gap in self.report.scope.gaps.iter().filter(|gap| gap.source == source) {
            self.gap(gap, y, out);
        }
        let entries = &self.report.scope.timeline.entries;
        // The surest lie on top.
        let is_here = |entry: &&TimelineEntry| entry.source == source && self.axis.contains(entry.time);
        let mut entries: Vec<_> = entries.iter().filter(is_here).collect();
        entries.sort_by_key(|entry| (entry.grade, entry.time));
        for entry in entries {
            put!(
                out,
                "<circle class=\"f-{}\" cx=\"{:.1}\" cy=\"{middle}\" r=\"5\"><title>{} {}: {}</title></circle>",
                entry.grade,
                self.x(entry.time),
                Esc(words::instant(entry.time)),
                entry.grade,
                Esc(cut(&self.report.veil.text(&entry.text), 160))
            );
        }
    }

    fn gap(&self, gap: &ScopeGap, y: f64, out: &mut String) {
        let Some(shown) = gap.span.intersect(self.axis) else {
            return;
        };
        let (from, until) = (self.x(shown.from), self.x(shown.until));
        put!(
            out,
            "<rect class=\"gapfill\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\"><title>{} {} {}: {}</title></rect>",
            y + 1.0,
            (until - from).max(2.0),
            LANE - 10.0,
            Esc(&gap.id),
            Esc(&gap.state),
            Esc(words::span(gap.span)),
            Esc(self.report.veil.text(&gap.because))
        );
    }

    /// The instants that people ask for, as dashed lines with a name.
    fn marks(&self, out: &mut String) {
        let timeline = &self.report.scope.timeline;
        let mut marks: Vec<(Timestamp, String)> = Vec::new();
        for (at, name) in [
            (timeline.first_activity, "first activity"),
            (timeline.first_noticeable, "first noticeable"),
            (timeline.first_noticed, "first noticed"),
            (timeline.last_activity, "last activity"),
        ] {
            let Some(at) = at else { continue };
            match marks.iter_mut().find(|(known, _)| *known == at) {
                Some((_, names)) => *names = format!("{names}, {name}"),
                None => marks.push((at, name.to_owned())),
            }
        }
        marks.sort();
        for (n, (at, name)) in marks.iter().enumerate() {
            let x = self.x(*at);
            let (y, anchor) = (
                14.0 + 13.0 * (n % 2) as f64,
                if x > WIDTH * 0.7 { "end" } else { "start" },
            );
            put!(
                out,
                "<line class=\"now\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y}\" y2=\"{}\"/>",
                self.height - 26.0
            );
            put!(
                out,
                "<text x=\"{:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{} {}</text>",
                if anchor == "end" { x - 4.0 } else { x + 4.0 },
                Esc(name),
                Esc(words::instant(*at).split_once(' ').map_or("", |(_, clock)| clock))
            );
        }
    }
}

/// The picture shows the activity; what lies before and after is counted.
fn outside(scope: &Scope, axis: Span, out: &mut String) {
    let entries = &scope.timeline.entries;
    let before = entries.iter().filter(|entry| entry.time < axis.from).count() as u64;
    let after = entries.iter().filter(|entry| entry.time >= axis.until).count() as u64;
    if before + after > 0 {
        put!(
            out,
            "<p class=\"soft\">{} before this picture and {} after it are in the list below.</p>",
            words::counted(before, "attributed event", "attributed events"),
            words::number(after)
        );
    }
}

fn legend(out: &mut String) {
    out.push_str("<p class=\"legend\">");
    for grade in ["certain", "probable", "possible"] {
        put!(
            out,
            "<span><svg viewBox=\"0 0 22 14\" aria-hidden=\"true\"><circle class=\"f-{grade}\" cx=\"11\" cy=\"7\" r=\"5\"/></svg>{grade}</span>"
        );
    }
    out.push_str("<span><svg viewBox=\"0 0 22 14\" aria-hidden=\"true\"><rect class=\"gapfill\" width=\"22\" height=\"14\"/></svg>gap: the source is blind</span><span><svg viewBox=\"0 0 22 14\" aria-hidden=\"true\"><rect class=\"hold\" width=\"22\" height=\"14\"/></svg>intruder's control not excluded</span></p>");
}
