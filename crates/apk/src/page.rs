//! A report as one page of HTML that needs nothing else. Every text of the package is made harmless first.

use crate::finding::Finding;
use crate::names::Owner;
use crate::report::AppReport;
use ambit_event::printable;
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1a1a1a}\
table{border-collapse:collapse;width:100%;margin:.5em 0 2em}td,th{border-bottom:1px solid #ddd;padding:.35em .6em;\
text-align:left;vertical-align:top}code{font-size:13px;overflow-wrap:anywhere}.high,.critical{color:#a40000}\
.medium{color:#8a5a00}.low,.informational{color:#555}";

/// The page of these reports.
#[must_use]
pub fn page(reports: &[AppReport]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Android packages</title>\
         <style>{STYLE}</style></head><body>\n"
    );
    for report in reports {
        one(&mut out, report);
    }
    out.push_str("</body></html>\n");
    out
}

fn one(out: &mut String, report: &AppReport) {
    let signature = &report.signature;
    let signers: Vec<String> = signature
        .signers()
        .iter()
        .map(|c| format!("{} ({}, SHA-256 {})", c.subject, c.key, c.sha256))
        .collect();
    tag(out, "h1", &report.title());
    tag(out, "p", &format!("{}, SHA-256 {}", report.file, report.sha256));
    tag(
        out,
        "p",
        &format!("Signature: {}. {}", signature.standing.name(), signers.join("; ")),
    );
    let own: Vec<&Finding> = report.own().collect();
    tag(out, "h2", &format!("The app's own code: {} findings", own.len()));
    table(out, &own);
    let mut sdks: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|f| f.owner != Owner::App) {
        sdks.entry(finding.owner.to_string()).or_default().push(finding);
    }
    for (name, findings) in sdks {
        tag(out, "h2", &format!("{name}: {} findings", findings.len()));
        table(out, &findings);
    }
    tag(out, "h2", "What was not read");
    let coverage = &report.coverage;
    tag(
        out,
        "p",
        &format!(
            "{} classes, {} of them followed, {} of the platform left out; {} methods not followed to their end; {} findings \
             beyond the most that are kept.",
            coverage.n_classes, coverage.n_followed, coverage.n_platform, coverage.n_cut, coverage.n_left_out
        ),
    );
    for why in &coverage.unread {
        tag(out, "p", why);
    }
}

fn table(out: &mut String, findings: &[&Finding]) {
    out.push_str("<table><tr><th>Severity</th><th>What</th><th>Why</th><th>Proof</th></tr>\n");
    for finding in findings {
        let level = finding.level.name();
        let check = finding.check;
        let _ = writeln!(
            out,
            "<tr><td class=\"{level}\">{level}<br>{} confidence</td><td>{}<br>{} · CWE-{}</td><td>{}</td><td><code>{}</code></td></tr>",
            finding.confidence.name(),
            safe(&finding.what),
            check.masvs,
            check.cwe,
            safe(&finding.because),
            safe(&finding.proof.to_string()),
        );
    }
    out.push_str("</table>\n");
}

fn tag(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "<{name}>{}</{name}>", safe(text));
}

fn safe(text: &str) -> String {
    printable(text, 2_000)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
