//! A report as SARIF 2.1.0, which code scanners' consoles read.

use crate::check::{CHECKS, Check};
use crate::finding::Finding;
use crate::report::AppReport;
use ambit_event::Level;
use serde_json::{Value, json};

/// One run over these reports.
#[must_use]
pub fn sarif(reports: &[AppReport]) -> Value {
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| report.findings.iter().map(move |finding| result(report, finding)))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ambit app",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": CHECKS.iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": results,
        }],
    })
}

fn rule(check: &Check) -> Value {
    let mut tags = vec![check.masvs.to_owned(), format!("CWE-{}", check.cwe)];
    tags.extend(check.mastg.iter().map(|id| format!("MASTG-TEST-{id}")));
    tags.extend(check.maswe.map(|id| format!("{id} (beta)")));
    json!({
        "id": check.name,
        "shortDescription": { "text": check.title },
        "properties": { "tags": tags },
    })
}

fn result(report: &AppReport, finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Critical | Level::High => "error",
        Level::Medium => "warning",
        Level::Low | Level::Informational => "note",
    };
    let proof = &finding.proof;
    let name = [proof.class.as_deref(), proof.method.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(".");
    json!({
        "ruleId": finding.check.name,
        "level": level,
        "message": { "text": format!("{}: {}", finding.what, finding.because) },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": format!("{}!/{}", report.file, proof.file) } },
            "logicalLocations": [{ "fullyQualifiedName": name }],
        }],
        "properties": {
            "severity": finding.level.name(),
            "confidence": finding.confidence.name(),
            "owner": finding.owner.to_string(),
            "proof": serde_json::to_value(proof).unwrap_or(Value::Null),
        },
    })
}
