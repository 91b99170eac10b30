//! The report: one self-contained page that needs no network, runs no script, and says the same on
//! paper as on a screen. Everything that comes from logs passes [`markup::Esc`].

mod bounds;
mod coverage;
mod graph;
mod markup;
mod path;
mod tables;
mod timeline;

use crate::gaps::{blind_spans, distinct};
use crate::veil::Veil;
use crate::words;
use ambit_event::Evidence;
use ambit_scope::Scope;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use markup::{Esc, put};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// Everything that the page shows.
pub struct Report<'a> {
    pub scope: &'a Scope,
    pub lake_version: u64,
    pub case: &'a str,
    pub evidence: &'a [Evidence],
    pub veil: &'a Veil,
    /// Commands with which a reader can repeat and check the answer, with what each shows.
    pub checks: Vec<(String, String)>,
}

/// The whole page. The same report gives the same bytes.
pub fn page(report: &Report<'_>) -> String {
    let mut out = String::with_capacity(64 * 1024);
    head(report, &mut out);
    answer(report, &mut out);
    claims(report, &mut out);
    when(report, &mut out);
    how(report, &mut out);
    limits(report, &mut out);
    details(report, &mut out);
    persons(report, &mut out);
    evidence(report, &mut out);
    glossary(&mut out);
    out.push_str("</main></body></html>\n");
    out
}

fn head(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    // Only this very style sheet is let in, by its hash; no script, image, font or connection at all.
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    put!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\"><meta name=\"generator\" content=\"Ambit {}\"><title>Scope report: {}</title><style>{STYLE}</style></head><body>",
        env!("CARGO_PKG_VERSION"),
        Esc(report.case)
    );
    // Fill patterns, used by every picture of the page.
    out.push_str("<svg width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line class=\"hatchline\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"7\"/></pattern><pattern id=\"maybe\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line class=\"hatchopen\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern></defs></svg>");
    let seeds: Vec<String> = scope.seeds.iter().map(|seed| report.veil.text(seed)).collect();
    let window = scope.window.map_or("no evidence".to_owned(), words::span);
    put!(
        out,
        "<a class=\"skip\" href=\"#answer\">Skip to the answer</a><header class=\"top\"><p class=\"brand\">Ambit · scope report</p><p>Case {} · lake version {} · evidence from {window} UTC</p><p>Seeds: <span class=\"mono\">{}</span></p><p>Content root: <span class=\"mono\">{}</span></p><nav aria-label=\"Contents\"><ol>",
        Esc(report.case),
        report.lake_version,
        Esc(seeds.join(" · ")),
        Esc(report.veil.text(&scope.content_root))
    );
    for (id, title) in [
        ("answer", "Answer"),
        ("claims", "What can be said"),
        ("when", "When"),
        ("how", "How"),
        ("limits", "What limits it"),
        ("details", "Accesses"),
        ("persons", "Persons"),
        ("evidence", "Evidence and checks"),
        ("words", "Words"),
    ] {
        put!(out, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    out.push_str("</ol></nav></header><main>");
}

fn answer(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    put!(
        out,
        "<section id=\"answer\" aria-labelledby=\"answer-h\"><h1 id=\"answer-h\">{}</h1>",
        Esc(words::headline(scope))
    );
    let open = words::not_excluded(scope);
    if !open.is_empty() {
        put!(
            out,
            "<p class=\"lede open\">It cannot be excluded: {}.</p>",
            Esc(open.join("; "))
        );
    }
    if let Some(excluded) = words::excluded(scope) {
        put!(
            out,
            "<p class=\"lede good\">The evidence supports: {} was read.</p>",
            Esc(excluded)
        );
    }
    let because: Vec<String> = distinct(&scope.subjects.because)
        .into_iter()
        .map(|why| report.veil.text(why.trim_end_matches('.')))
        .collect();
    if !because.is_empty() {
        put!(out, "<p>Not narrower because {}.</p>", Esc(because.join("; ")));
    }
    out.push_str("<p class=\"soft\">The truth lies between both numbers as long as the <a href=\"#assumptions\">assumptions</a> hold. It speaks of the actor who holds the seeds, and of nobody else.");
    out.push_str(if report.veil.is_lifted() {
        " Persons are shown; the reason is in the case's journal.</p>"
    } else {
        " Persons are masked: the first character of a key stays, and a number tells them apart.</p>"
    });
    facts(report, out);
    bounds::section(report, out);
    out.push_str("</section>");
}

fn facts(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    let timeline = &scope.timeline;
    let said = |at: Option<ambit_event::Timestamp>| at.map_or("unknown".to_owned(), words::instant);
    let persons = if scope.mapped {
        bounds_text(scope.subjects.at_least, scope.subjects.at_most)
    } else {
        "unknown".to_owned()
    };
    let records = if scope.mapped {
        bounds_text(scope.records.at_least, scope.records.at_most)
    } else {
        "unknown".to_owned()
    };
    let control = timeline
        .control_until
        .map_or("not proved to have ended".to_owned(), |at| {
            format!("until {}", words::instant(at))
        });
    let grades = format!("{} attributed events", words::number(scope.n_attributed));
    out.push_str("<dl class=\"facts\">");
    for (name, value, remark) in [
        ("Persons", persons, "at least – at most".to_owned()),
        ("Records", records, "at least – at most".to_owned()),
        ("First activity", said(timeline.first_activity), grades),
        ("Last activity", said(timeline.last_activity), "UTC".to_owned()),
        ("Control from", said(timeline.control_from), control),
        (
            "First noticeable",
            said(timeline.first_noticeable),
            report.veil.text(&timeline.first_noticeable_because),
        ),
        (
            "First noticed",
            said(timeline.first_noticed),
            report.veil.text(&timeline.first_noticed_because),
        ),
        (
            "Gaps that matter",
            words::number(blind_spans(&scope.gaps).len() as u64),
            "spans in which a source was blind".to_owned(),
        ),
    ] {
        put!(
            out,
            "<div><dt>{name}</dt><dd>{}<small>{}</small></dd></div>",
            Esc(value),
            Esc(remark)
        );
    }
    out.push_str("</dl>");
}

fn bounds_text(at_least: u64, at_most: Option<u64>) -> String {
    format!("{} – {}", words::number(at_least), words::at_most(at_most))
}

fn claims(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"claims\"><h2>What can be said, and what cannot</h2>");
    tables::claims(report, out);
    out.push_str("</section>");
}

fn when(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"when\"><h2>When it happened</h2>");
    timeline::section(report, out);
    for skew in &report.scope.clock_skew {
        put!(
            out,
            "<p class=\"soft\">Clocks: {}.</p>",
            Esc(report.veil.text(skew))
        );
    }
    folded("Every attributed event", out, |out| tables::events(report, out));
    out.push_str("</section>");
}

fn how(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"how\"><h2>How it was reached</h2>");
    path::section(report, out);
    folded("Every hop with its reason", out, |out| tables::hops(report, out));
    put!(
        out,
        "<h3>Method and who was exposed</h3><p>The same method, used by others: <strong>{}</strong>.</p>",
        Esc(report.veil.text(&report.scope.same_method))
    );
    if !report.scope.exposed.is_empty() {
        tables::exposed(report, out);
    }
    out.push_str("</section>");
}

fn limits(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"limits\"><h2>What limits the answer</h2><h3>Gaps</h3>");
    if report.scope.gaps.is_empty() {
        out.push_str(
            "<p>No gap in a source touches a span in which the intruder's control is not excluded.</p>",
        );
    }
    tables::gaps(report, out);
    out.push_str("<h3>Coverage of the sources</h3>");
    coverage::section(report, out);
    out.push_str("<h3 id=\"assumptions\">Assumptions</h3>");
    tables::assumptions(report, out);
    out.push_str("</section>");
}

fn details(report: &Report<'_>, out: &mut String) {
    let scope = report.scope;
    out.push_str("<section id=\"details\"><h2>Accesses</h2>");
    if scope.accesses.is_empty() {
        out.push_str("<p>No attributed operation is known to have reached persons' data.</p>");
    } else {
        tables::accesses(
            report,
            &scope.accesses,
            "Attributed operations that reached, or may have reached, persons' data.",
            out,
        );
    }
    if !scope.attempts.is_empty() {
        out.push_str("<h3>Attempts</h3>");
        tables::accesses(report, &scope.attempts, "Refused before any data was read.", out);
    }
    if !scope.unmapped.is_empty() {
        out.push_str("<h3>Unmapped operations</h3>");
        tables::unmapped(report, out);
    }
    if !scope.internal.is_empty() {
        out.push_str("<h3>Internal data</h3>");
        tables::internal(report, out);
    }
    out.push_str("</section>");
}

fn persons(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"persons\"><h2>Persons</h2>");
    if report.scope.pairs.is_empty() && report.scope.subjects.unnamed.is_empty() {
        out.push_str(if report.scope.mapped {
            "<p>No person is among the confirmed, probable or possible.</p>"
        } else {
            "<p>Unknown: without a data map nobody can be counted.</p>"
        });
    } else {
        tables::persons(report, out);
    }
    out.push_str("</section>");
}

fn evidence(report: &Report<'_>, out: &mut String) {
    out.push_str("<section id=\"evidence\"><h2>Evidence, and how to check this report</h2>");
    tables::evidence(report, out);
    out.push_str("<h3>Check it yourself</h3>");
    for (command, shows) in &report.checks {
        put!(
            out,
            "<p>{}</p><pre><code>{}</code></pre>",
            Esc(report.veil.text(shows)),
            Esc(report.veil.text(command))
        );
    }
    out.push_str("</section>");
}

fn glossary(out: &mut String) {
    out.push_str("<section id=\"words\"><h2>What the words mean</h2><dl>");
    for (word, meaning) in [
        (
            "at least, at most",
            "The truth lies between both. At least: shown record by record. At most: everything that the evidence cannot exclude.",
        ),
        (
            "certain, probable, possible",
            "Certain follows from the evidence and what a person asserted. Probable: the evidence speaks for it, and something else could explain it. Possible: nothing excludes it.",
        ),
        (
            "supported, contradicted, undecided",
            "A claim is supported if even the upper bound makes it true, contradicted if the lower bound makes it false, else undecided.",
        ),
        (
            "named, replayed, counted, whole, unmapped",
            "How it is known whose data an operation reached: the record names the person; the statement was run again on the table's state; only a number of records is known; everyone in the store; nothing is known.",
        ),
        (
            "proved, consistent, asserted, degraded, absent",
            "What a source saw: gapless by its own numbering; as usual in volume; complete because a person says so; some records lost; nothing received.",
        ),
        (
            "first noticeable, first noticed",
            "When a look at the logs could have shown it, and when somebody or something did.",
        ),
    ] {
        put!(
            out,
            "<dt><strong>{}</strong></dt><dd><p>{}</p></dd>",
            Esc(word),
            Esc(meaning)
        );
    }
    put!(
        out,
        "</dl></section><footer><p class=\"soft\">Written by Ambit {}. This page holds no script and loads nothing.</p></footer>",
        env!("CARGO_PKG_VERSION")
    );
}

/// A part that is closed until somebody opens it.
fn folded(title: &str, out: &mut String, content: impl FnOnce(&mut String)) {
    put!(out, "<details><summary>{}</summary>", Esc(title));
    content(out);
    out.push_str("</details>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn page_of(text: &str, veil: impl Fn(&Scope) -> Veil) -> String {
        let scope = sample::scope(text);
        let veil = veil(&scope);
        page(&Report {
            scope: &scope,
            lake_version: 3,
            case: "may",
            evidence: &[Evidence {
                path: text.to_owned(),
                ..Evidence::default()
            }],
            veil: &veil,
            checks: vec![(text.to_owned(), text.to_owned())],
        })
    }

    #[test]
    fn no_text_of_a_log_becomes_markup() {
        let hostile = "\"'><script>alert(1)</script><img src=x onerror=y>\u{1b}[2J\u{202e}&amp;";
        let page = page_of(hostile, Veil::over);
        for forbidden in ["<script", "<img", "\u{1b}", "\u{202e}", "'>", "\"'"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn persons_are_masked_unless_the_veil_is_lifted() {
        let text = "GET /v1/users/1042/profile of user 1042";
        let masked = page_of(text, Veil::over);
        assert!(!masked.contains("1042"), "a key is shown");
        assert!(masked.contains("/v1/users/1•••/profile of user 1•••"));
        assert!(page_of(text, |_| Veil::lifted()).contains("/v1/users/1042/profile"));
    }

    #[test]
    fn the_style_is_let_in_by_its_hash_alone() {
        let page = page_of("x", Veil::over);
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        assert!(page.contains(&format!("style-src 'sha256-{hash}'")));
        assert!(page.contains(&format!("<style>{STYLE}</style>")));
        assert!(!page.contains(" style=\""));
    }

    #[test]
    fn the_same_answer_gives_the_same_page() {
        assert_eq!(page_of("x", Veil::over), page_of("x", Veil::over));
    }

    #[test]
    fn an_unknown_bound_is_said() {
        let page = page_of("x", Veil::over);
        assert!(page.contains("1 person or more (at least 1, upper bound unknown)"));
        assert!(page.contains("aria-label=\"at least 0, upper bound unknown\""));
    }
}
