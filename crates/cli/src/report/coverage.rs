//! Coverage as one strip per source over the whole window of the evidence.

use super::Report;
use super::markup::{Esc, put};
use crate::words;
use ambit_event::{Span, Timestamp};
use ambit_lake::{CoverageSpan, CoverageState};

const LENGTH: f64 = 600.0;

pub fn section(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    let window = scope.window.unwrap_or(Span::new(Timestamp(0), Timestamp(1)));
    out.push_str("<div class=\"scroll\"><table><caption>What each source surely saw over the whole window. Only <em>proved</em> needs no assumption.</caption><thead><tr><th scope=\"col\">Source</th><th scope=\"col\" class=\"bar\">Window</th><th scope=\"col\">At worst</th><th scope=\"col\">Why</th></tr></thead><tbody>");
    for source in &scope.coverage {
        let host = source
            .host
            .as_deref()
            .map(|host| format!(" on {host}"))
            .unwrap_or_default();
        put!(
            out,
            "<tr><th scope=\"row\">{0}<small>{1}</small></th><td class=\"bar\">{2}</td><td><span class=\"tag {4}\">{4}</span></td><td class=\"wide\"><small>{3}</small></td></tr>",
            Esc(report.veil.text(&source.source)),
            Esc(report.veil.text(&host)),
            strip(report, &source.spans, window),
            why(report, &source.spans),
            Esc(&source.worst)
        );
    }
    out.push_str("</tbody></table></div><p class=\"legend\">");
    for state in ["proved", "consistent", "asserted", "degraded", "absent"] {
        put!(
            out,
            "<span><svg viewBox=\"0 0 22 14\" aria-hidden=\"true\"><rect class=\"f-{state}\" width=\"22\" height=\"14\"/></svg>{state}</span>"
        );
    }
    out.push_str("</p>");
}

fn strip(report: &Report<'_>, spans: &[CoverageSpan], window: Span) -> String {
    let x = |at: Timestamp| {
        let share = at.0.saturating_sub(window.from.0) as f64 / window.nanos().max(1) as f64;
        share.clamp(0.0, 1.0) * LENGTH
    };
    let label: Vec<String> = spans
        .iter()
        .map(|span| format!("{} {}", words::state(span.state), words::span(span.span)))
        .take(20)
        .collect();
    let mut out = format!(
        "<svg class=\"strip\" preserveAspectRatio=\"none\" viewBox=\"-1 0 602 22\" role=\"img\" aria-label=\"{}\">",
        Esc(label.join("; "))
    );
    for span in spans {
        let (from, until) = (x(span.span.from), x(span.span.until));
        put!(
            out,
            "<rect class=\"f-{}\" x=\"{from:.1}\" y=\"4\" width=\"{:.1}\" height=\"14\"><title>{} {}: {}</title></rect>",
            words::state(span.state),
            (until - from).max(1.5),
            words::state(span.state),
            Esc(words::span(span.span)),
            Esc(report.veil.text(&span.because))
        );
    }
    // Where the intruder was active.
    let timeline = &report.scope.timeline;
    for at in [timeline.first_activity, timeline.last_activity]
        .into_iter()
        .flatten()
    {
        put!(
            out,
            "<line class=\"now\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"22\"/>",
            x(at)
        );
    }
    out.push_str("</svg>");
    out
}

/// The reasons of the worst spans, else of the first.
fn why(report: &Report<'_>, spans: &[CoverageSpan]) -> String {
    let worst = spans.iter().map(|span| span.state).min();
    let mut reasons: Vec<String> = Vec::new();
    for span in spans.iter().filter(|span| Some(span.state) == worst) {
        let text = report.veil.text(&span.because);
        if !reasons.contains(&text) {
            reasons.push(text);
        }
    }
    // A gap is worth its reasons; for what is whole, one shows the kind.
    let most = if worst.is_some_and(|state| state <= CoverageState::Degraded) {
        3
    } else {
        1
    };
    let n_more = reasons.len().saturating_sub(most);
    reasons.truncate(most);
    let more = if n_more > 0 {
        format!("; and {n_more} more")
    } else {
        String::new()
    };
    format!("{}{more}", Esc(reasons.join("; ")))
}
