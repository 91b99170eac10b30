//! The status as one self-contained page: no script, no network.

use super::lines::{as_it_was, due, on, state};
use super::{Disclosure, Openness, is_overdue, out_of_force};
use crate::decided::between;
use crate::duty::{Duty, State};
use crate::fact::{Provenance, told};
use crate::markup::{Esc, head, put};
use crate::regime::Holds;
use crate::words::at_utc;

/// The whole page. The same status gives the same bytes.
#[must_use]
pub fn status_page(status: &Disclosure) -> String {
    let mut out = String::with_capacity(64 << 10);
    head(&format!("Disclosure: {}", status.case), "en", &mut out);
    let openness = match status.standing() {
        Openness::Settled => ("no", "settled"),
        Openness::Open => ("depends", "open"),
        Openness::Overdue => ("overdue", "overdue"),
    };
    put!(
        out,
        "<main><h1>What is owed in case {}: <span class=\"{}\">{}</span></h1><p class=\"soft\">As of {}. {} Nothing here is legal advice; a rule that is not verified gives no deadline.</p>",
        Esc(&status.case),
        openness.0,
        openness.1,
        Esc(at_utc(status.now)),
        Esc(scope(status))
    );
    if let Some(text) = as_it_was(status) {
        let text = text.trim_start_matches("AS OF").trim_start();
        put!(out, "<div class=\"box bad\"><p>As of {}.</p></div>", Esc(text));
    }
    decision(status, &mut out);
    duties(status, &mut out);
    notices(status, &mut out);
    asks(status, &mut out);
    facts(status, &mut out);
    out.push_str("</main></body></html>\n");
    out
}

fn scope(status: &Disclosure) -> String {
    status.scope.as_ref().map_or_else(
        || "The case has no scope: what is known was signed by persons.".to_owned(),
        |(version, root)| format!("Scope of lake version {version}, content root {root}."),
    )
}

fn decision(status: &Disclosure, out: &mut String) {
    let assessment = &status.assessment;
    put!(
        out,
        "<section><h2>Is disclosure warranted?</h2><p>By the factors of the guidance the risk to the persons is <strong>{}</strong>: tell the authority: {}; tell the persons: {}.</p><ul>",
        Esc(between(assessment)),
        assessment.notify_authority,
        assessment.tell_persons
    );
    for because in &assessment.because {
        put!(out, "<li>{}</li>", Esc(because));
    }
    out.push_str("</ul>");
    if let Some(severity) = &assessment.severity {
        put!(
            out,
            "<p class=\"soft\">ENISA's score stands beside it and decides nothing: {} × {} + {} = {:.2} ({}). {}</p>",
            severity.context,
            severity.identification,
            severity.circumstances,
            severity.score,
            severity.level,
            Esc(assessment.disagreement.clone().unwrap_or_default())
        );
    }
    match &status.decided {
        Some(decided) => put!(
            out,
            "<div class=\"box\"><p><strong>Decided: {}</strong>, by {} on {} (entry {}): {}</p></div>",
            decided.risk.name(),
            Esc(&decided.by),
            Esc(at_utc(decided.at)),
            Esc(&decided.entry),
            Esc(&decided.reason)
        ),
        None => out.push_str("<div class=\"box bad\"><p>Nobody decided yet. The program assesses; a person decides and signs.</p></div>"),
    }
    for text in status.departs.iter().chain(&status.outdated) {
        put!(out, "<div class=\"box bad\"><p>{}</p></div>", Esc(text));
    }
    out.push_str("</section>");
}

fn duties(status: &Disclosure, out: &mut String) {
    let mut all: Vec<&Duty> = status.duties.iter().filter(|duty| !duty.owed.is_no()).collect();
    all.sort_by_key(|duty| (!duty.owed.is_yes(), duty.name()));
    out.push_str("<section><h2>Duties</h2><div class=\"scroll\"><table><thead><tr><th>Duty</th><th>To</th><th>Owed</th><th>By</th><th>State</th><th>Stands in</th></tr></thead><tbody>");
    for duty in all {
        let class = match (&duty.owed, duty.state) {
            (_, State::Sent { .. }) => "sent",
            (Holds::Yes { .. }, _) if is_overdue(duty) => "overdue",
            (Holds::Yes { .. }, _) => "yes",
            _ => "depends",
        };
        let owed = match &duty.owed {
            Holds::Depends { .. } => format!("depends on {}", on(duty)),
            Holds::Yes { because } | Holds::No { because } => {
                format!("{}: {}", duty.owed.name(), because.join("; "))
            }
        };
        let cited: Vec<String> = duty
            .citations
            .iter()
            .map(|citation| format!("{citation} ({})", citation.confidence.letter()))
            .collect();
        put!(
            out,
            "<tr><th>{}<br><span class=\"soft\">{}</span></th><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"soft\">{}</td></tr>",
            Esc(&duty.title),
            Esc(duty.name()),
            Esc(&duty.recipient),
            Esc(owed),
            Esc(due(duty, status.now)),
            Esc(state(duty)),
            Esc(cited.join("; "))
        );
    }
    let n_not = status.duties.iter().filter(|duty| duty.owed.is_no()).count();
    put!(
        out,
        "</tbody></table></div><p class=\"soft\">{n_not} more are not owed by what is known.</p>"
    );
    let lapsed = out_of_force(&status.duties);
    if !lapsed.is_empty() {
        out.push_str("<p>Among them are those whose law did not bind at the time:</p><ul>");
        for (name, because) in &lapsed {
            put!(out, "<li>{}: {}</li>", Esc(name), Esc(because));
        }
        out.push_str("</ul>");
    }
    out.push_str("</section>");
}

fn notices(status: &Disclosure, out: &mut String) {
    if status.notices.is_empty() {
        return;
    }
    out.push_str("<section><h2>Notices</h2>");
    for told in &status.notices {
        let issued = &told.issued;
        put!(
            out,
            "<h3>{}, issued by {} on {} (entry {})</h3>",
            issued.kind,
            Esc(&issued.by),
            Esc(at_utc(issued.at)),
            Esc(&issued.entry)
        );
        if let Some(why) = &told.unclear {
            put!(
                out,
                "<p class=\"depends\">It cannot be compared: {}</p>",
                Esc(why)
            );
        } else if told.stale.is_empty() {
            out.push_str("<p class=\"no\">It still holds.</p>");
        } else {
            put!(
                out,
                "<p class=\"overdue\">Stale: {}.</p><ul>",
                Esc(issued.kind.when_stale())
            );
            for difference in &told.stale {
                let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not said)".to_owned());
                put!(
                    out,
                    "<li><del>{}</del><br>{}</li>",
                    Esc(said(&difference.was)),
                    Esc(said(&difference.now))
                );
            }
            out.push_str("</ul>");
        }
    }
    out.push_str("</section>");
}

fn asks(status: &Disclosure, out: &mut String) {
    if status.asks.is_empty() {
        return;
    }
    out.push_str("<section><h2>What remains to be known</h2><div class=\"scroll\"><table><thead><tr><th>Fact</th><th>Question</th><th>Needed by</th></tr></thead><tbody>");
    for ask in &status.asks {
        let shown: Vec<&str> = ask.needed_by.iter().take(4).map(String::as_str).collect();
        let more = match ask.needed_by.len() - shown.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        put!(
            out,
            "<tr><th>{}</th><td>{} <span class=\"soft\">{}</span></td><td>{}{more}</td></tr>",
            Esc(&ask.fact),
            Esc(&ask.question),
            Esc(&ask.form),
            Esc(shown.join(", "))
        );
    }
    out.push_str("</tbody></table></div></section>");
}

fn facts(status: &Disclosure, out: &mut String) {
    out.push_str("<section><h2>What is known, and by whom</h2><div class=\"scroll\"><table><thead><tr><th>Fact</th><th>Value</th><th>Who stands behind it</th></tr></thead><tbody>");
    for (name, fact) in status.known.facts.iter() {
        let from = match &fact.provenance {
            Provenance::ScopeAt { version, .. } => format!("the scope of lake version {version}"),
            Provenance::Snapshot { version, table, .. } => format!(
                "{} as of {}, with the scope of lake version {version}",
                table.file,
                at_utc(table.at)
            ),
            Provenance::Signed {
                entry,
                by,
                at,
                knower,
                evidence,
            } => {
                let mut told = format!("{by} on {} (entry {entry})", at_utc(*at));
                told.extend(knower.iter().map(|knower| format!("; who knew: {knower}")));
                told.extend(evidence.iter().map(|evidence| format!("; evidence: {evidence}")));
                told
            }
        };
        put!(
            out,
            "<tr><th>{}</th><td>{}</td><td class=\"soft\">{}</td></tr>",
            Esc(masked(name)),
            Esc(told(&fact.value)),
            Esc(from)
        );
    }
    out.push_str("</tbody></table></div>");
    for conflict in &status.known.conflicts {
        put!(
            out,
            "<div class=\"box bad\"><p><strong>{}</strong>, signed as {}: {}</p></div>",
            Esc(&conflict.name),
            Esc(told(&conflict.signed.value)),
            Esc(&conflict.because)
        );
    }
    out.push_str("</section>");
}

/// The key of a person in a fact's name is masked: a page is passed on.
fn masked(name: &str) -> String {
    name.strip_prefix("residence:").map_or_else(
        || name.to_owned(),
        |person| format!("residence:{}", ambit_event::mask(person)),
    )
}
