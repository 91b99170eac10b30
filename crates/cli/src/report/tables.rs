//! The details: every table of the report.

use super::Report;
use super::markup::{Esc, put};
use crate::claims::groups;
use crate::gaps::blind_spans;
use crate::words;
use ambit_event::EventId;
use ambit_scope::{Access, Verdict};

/// Rows of a table that are printed; the rest is counted, and stands in the JSON answer.
const MOST_ROWS: usize = 300;
const MOST_IDS: usize = 3;
const MOST_BULLETS: usize = 4;

pub fn claims(report: &Report<'_>, out: &mut String) {
    let groups = groups(&report.scope.claims);
    table(
        out,
        "Each sentence is about the actor who holds the seeds. Sentences with the same reasons stand together.",
        &["Verdict", "Claim", "Because", "What would settle it"],
    );
    for group in &groups {
        let icon = match group.verdict {
            Verdict::Supported => "✔",
            Verdict::Contradicted => "✘",
            Verdict::Undecided => "?",
        };
        let verdict = words::verdict(group.verdict);
        let settle = group
            .would_settle
            .map(|text| report.veil.text(text))
            .unwrap_or_default();
        put!(
            out,
            "<tr><td><span class=\"tag {verdict}\"><span aria-hidden=\"true\">{icon}</span> {verdict}</span></td><th scope=\"row\" class=\"wide\">{}</th><td class=\"wide\">{}</td><td>{}</td></tr>",
            every_one(report, &group.sentences()),
            bullets(report, &group.because),
            Esc(settle)
        );
    }
    close(out, groups.len());
}

pub fn accesses(report: &Report<'_>, accesses: &[Access], caption: &str, out: &mut String) {
    table(
        out,
        caption,
        &[
            "Time (UTC)",
            "Operation",
            "Effect and data",
            "Whose",
            "Grade",
            "Because",
            "Event",
        ],
    );
    for access in accesses.iter().take(MOST_ROWS) {
        let store = access
            .store
            .as_deref()
            .map(|store| format!(" in {store}"))
            .unwrap_or_default();
        put!(
            out,
            "<tr><td class=\"time\">{}</td><th scope=\"row\">{}<br><small>{}</small></th><td>{} {}{}</td><td>{}</td><td>{}<br><small>{} · {}</small></td><td>{}</td><td>{}</td></tr>",
            Esc(words::instant(access.time)),
            Esc(report.veil.text(&access.operation)),
            Esc(report.veil.text(&access.source)),
            Esc(&access.effect),
            Esc(report.veil.text(&words::list(&access.classes))),
            Esc(report.veil.text(&store)),
            whose(report, &access.subjects),
            grade(access.grade.name()),
            Esc(&access.basis),
            Esc(&access.completion),
            Esc(report.veil.text(&access.because)),
            ids(&[access.event])
        );
    }
    close(out, accesses.len());
}

pub fn unmapped(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "Operations that no data map explains: each may have reached every store behind it.",
        &[
            "Operation",
            "Source",
            "Events",
            "Seen (UTC)",
            "Grade",
            "Why",
            "Examples",
        ],
    );
    for operation in report.scope.unmapped.iter().take(MOST_ROWS) {
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Esc(report.veil.text(&operation.operation)),
            Esc(report.veil.text(&operation.source)),
            words::number(operation.n_events),
            Esc(words::span(operation.seen)),
            grade(operation.grade.name()),
            Esc(report.veil.text(&operation.why)),
            ids(&operation.examples)
        );
    }
    close(out, report.scope.unmapped.len());
}

pub fn internal(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "Internal company data, counted in objects and records.",
        &["Store", "Object", "Effect", "Grade", "Records", "Events"],
    );
    for access in report.scope.internal.iter().take(MOST_ROWS) {
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Esc(report.veil.text(&access.store)),
            Esc(report.veil.text(&access.object)),
            Esc(&access.effect),
            grade(access.grade.name()),
            Esc(words::both_ends(access.records.at_least, access.records.at_most)),
            ids(&access.evidence)
        );
    }
    close(out, report.scope.internal.len());
}

pub fn persons(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "Persons, data and the events that show it.",
        &["Person", "Data", "Effect", "Grade", "Events"],
    );
    for pair in report.scope.pairs.iter().take(MOST_ROWS) {
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Esc(report.veil.subject(&format!("{}:{}", pair.subject, pair.key))),
            Esc(&pair.class),
            Esc(&pair.effect),
            grade(pair.grade.name()),
            ids(&pair.evidence)
        );
    }
    for unnamed in &report.scope.subjects.unnamed {
        let persons = match unnamed.at_most {
            Some(n) => format!(
                "up to {} whom nobody can name",
                words::counted(n, "person", "persons")
            ),
            None => format!("everyone in {}", unnamed.store),
        };
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td></tr>",
            Esc(report.veil.text(&persons)),
            Esc(report.veil.text(&words::list(&unnamed.classes))),
            Esc(&unnamed.effect),
            grade("possible"),
            Esc(report.veil.text(&unnamed.because)),
            ids(&unnamed.evidence)
        );
    }
    close(out, report.scope.pairs.len());
}

pub fn hops(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "What came under the intruder's control, step by step.",
        &[
            "Hop",
            "From",
            "To",
            "Rule and reason",
            "Control not excluded (UTC)",
            "Grade",
            "Events",
        ],
    );
    for hop in report.scope.trace.iter().take(MOST_ROWS) {
        let from = hop
            .from
            .as_ref()
            .map_or("seed".to_owned(), |from| report.veil.observable(from));
        put!(
            out,
            "<tr><td class=\"mono\">{}</td><td class=\"mono\">{}</td><td class=\"mono\">{}</td><td>{}: {}</td><td>{}</td><td>{}</td><td>{}<br>{}</td></tr>",
            Esc(&hop.id),
            Esc(from),
            Esc(report.veil.observable(&hop.to)),
            Esc(&hop.rule),
            Esc(report.veil.text(&hop.reason)),
            Esc(words::span(hop.control)),
            grade(hop.grade.name()),
            words::counted(hop.n_events, "event", "events"),
            ids(&hop.evidence)
        );
    }
    close(out, report.scope.trace.len());
}

pub fn events(report: &Report<'_>, out: &mut String) {
    let entries = &report.scope.timeline.entries;
    table(
        out,
        "The attributed events in order.",
        &["Time (UTC)", "Source", "Grade", "What", "Event"],
    );
    for entry in entries.iter().take(MOST_ROWS) {
        put!(
            out,
            "<tr><td class=\"time\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Esc(words::instant(entry.time)),
            Esc(report.veil.text(&entry.source)),
            grade(entry.grade.name()),
            Esc(report.veil.text(&entry.text)),
            ids(&[entry.event])
        );
    }
    close(
        out,
        usize::try_from(report.scope.timeline.n_entries).unwrap_or(usize::MAX),
    );
}

pub fn gaps(report: &Report<'_>, out: &mut String) {
    for blind in blind_spans(&report.scope.gaps).iter().take(MOST_ROWS) {
        let gap = blind.gap;
        let host = gap
            .host
            .as_deref()
            .map(|host| format!(" on {host}"))
            .unwrap_or_default();
        put!(
            out,
            "<div class=\"box {}\"><p><strong>{}{} is {} from {} UTC</strong> <span class=\"mono soft\">{}</span></p><p>{}</p><p class=\"soft\">Its part: {}.</p><p><strong>What follows:</strong></p>{}</div>",
            if gap.state == "absent" { "bad" } else { "" },
            Esc(report.veil.text(&gap.source)),
            Esc(report.veil.text(&host)),
            Esc(&gap.state),
            Esc(words::span(gap.span)),
            Esc(&gap.id),
            Esc(sentence(&report.veil.text(&gap.because))),
            Esc(report.veil.text(&blind.roles())),
            bullets(report, &blind.consequences)
        );
    }
}

pub fn assumptions(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "What a person asserted, and what is taken as given. If one of these is wrong, the answer may be wrong.",
        &["Kind", "Assumption", "Reason given", "What speaks against it"],
    );
    for assertion in words::assertions(report.scope) {
        put!(
            out,
            "<tr><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td class=\"bad\">{}</td></tr>",
            Esc(&assertion.kind),
            Esc(report.veil.text(&assertion.text)),
            Esc(report.veil.text(assertion.reason.as_deref().unwrap_or(""))),
            Esc(report
                .veil
                .text(assertion.contradicted_by.as_deref().unwrap_or("")))
        );
    }
    close(out, report.scope.assertions.len());
}

pub fn exposed(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "Who stood before the same hole, as the logs show it.",
        &["By", "Value", "Counted", "Between"],
    );
    for exposed in report.scope.exposed.iter().take(MOST_ROWS) {
        let why: Vec<String> = exposed
            .n
            .because
            .iter()
            .map(|why| report.veil.text(why))
            .collect();
        put!(
            out,
            "<tr><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}<br><small>{}</small></td></tr>",
            Esc(exposed.by.replace('_', " ")),
            Esc(report.veil.text(&exposed.value)),
            Esc(report.veil.text(&exposed.counted)),
            Esc(words::both_ends(exposed.n.at_least, exposed.n.at_most)),
            Esc(why.join("; "))
        );
    }
    close(out, report.scope.exposed.len());
}

pub fn evidence(report: &Report<'_>, out: &mut String) {
    table(
        out,
        "The files that were read, by the SHA-256 of their bytes as they were given.",
        &["File", "Source", "Bytes", "SHA-256"],
    );
    for file in report.evidence.iter().take(MOST_ROWS) {
        let host = file
            .host
            .as_deref()
            .map(|host| format!(" on {host}"))
            .unwrap_or_default();
        put!(
            out,
            "<tr><th scope=\"row\" class=\"mono\">{}</th><td>{}{}</td><td class=\"num\">{}</td><td class=\"mono\">{}</td></tr>",
            Esc(report.veil.text(&file.path)),
            Esc(report.veil.text(&file.source)),
            Esc(report.veil.text(&host)),
            words::number(file.bytes),
            Esc(&file.id.0)
        );
    }
    close(out, report.evidence.len());
}

fn table(out: &mut String, caption: &str, heads: &[&str]) {
    put!(
        out,
        "<div class=\"scroll\"><table><caption>{}</caption><thead><tr>",
        Esc(caption)
    );
    for head in heads {
        put!(out, "<th scope=\"col\">{}</th>", Esc(head));
    }
    out.push_str("</tr></thead><tbody>");
}

fn close(out: &mut String, n_rows: usize) {
    out.push_str("</tbody></table></div>");
    if n_rows > MOST_ROWS {
        put!(
            out,
            "<p class=\"soft\">The first {} of {} are shown; the whole list stands in the answer as JSON.</p>",
            words::number(MOST_ROWS as u64),
            words::number(n_rows as u64)
        );
    }
}

/// Sentences as a list; the fifth and later ones are folded away.
fn bullets<S: AsRef<str>>(report: &Report<'_>, sentences: &[S]) -> String {
    if sentences.len() <= MOST_BULLETS {
        return every_one(report, sentences);
    }
    let (few, rest) = sentences.split_at(MOST_BULLETS);
    format!(
        "{}<details><summary>and {} more</summary>{}</details>",
        every_one(report, few),
        rest.len(),
        every_one(report, rest)
    )
}

/// Sentences as a list; one alone without a bullet.
fn every_one<S: AsRef<str>>(report: &Report<'_>, sentences: &[S]) -> String {
    let told = |text: &S| Esc(report.veil.text(text.as_ref())).to_string();
    match sentences {
        [] => String::new(),
        [one] => told(one),
        many => {
            let items: String = many
                .iter()
                .map(|text| format!("<li>{}</li>", told(text)))
                .collect();
            format!("<ul class=\"tight\">{items}</ul>")
        }
    }
}

fn whose(report: &Report<'_>, subjects: &[String]) -> String {
    let shown: Vec<String> = subjects
        .iter()
        .take(5)
        .map(|subject| report.veil.subject(subject))
        .collect();
    match (subjects.len(), subjects.len().saturating_sub(5)) {
        (0, _) => "<span class=\"soft\">nobody is named</span>".to_owned(),
        (_, 0) => Esc(shown.join(", ")).to_string(),
        (_, more) => format!(
            "{} and {} more",
            Esc(shown.join(", ")),
            words::number(more as u64)
        ),
    }
}

fn grade(name: &str) -> String {
    format!("<span class=\"tag {0}\">{0}</span>", Esc(name))
}

fn ids(ids: &[EventId]) -> String {
    let mut out: Vec<String> = ids
        .iter()
        .take(MOST_IDS)
        .map(|id| format!("<span class=\"mono soft\">{id}</span>"))
        .collect();
    if ids.len() > MOST_IDS {
        out.push(format!("<small>and {} more</small>", ids.len() - MOST_IDS));
    }
    out.join("<br>")
}

fn sentence(text: &str) -> String {
    let text = words::capital(text);
    if text.is_empty() || text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}
