//! Answers as lines for people. Every text of a package is made harmless first.

use crate::contents::Altered;
use crate::diff::AppDiff;
use crate::finding::Finding;
use crate::names::Owner;
use crate::ours::Ours;
use crate::report::AppReport;
use ambit_event::{Level, printable};
use std::collections::BTreeMap;

/// Which findings are told one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The app's own that are more than information; libraries are summed up.
    Own,
    /// All of them.
    All,
}

/// Characters of one line.
const WIDTH: usize = 400;

impl AppReport {
    /// The report as lines.
    #[must_use]
    pub fn told(&self, detail: Detail) -> Vec<String> {
        let mut lines = vec![
            self.title(),
            format!("  file       {}  SHA-256 {}", self.file, self.sha256),
            format!(
                "  runs on    Android API {} and later, made for {}",
                number(self.manifest.min_sdk),
                number(self.manifest.target_sdk)
            ),
        ];
        lines.extend(self.signature_told());
        let shown = |finding: &&Finding| {
            detail == Detail::All || finding.owner == Owner::App && finding.level > Level::Informational
        };
        let (told, rest): (Vec<&Finding>, Vec<&Finding>) = self.findings.iter().partition(shown);
        lines.extend(told.iter().flat_map(|finding| finding.told()));
        lines.extend(summed_up(&rest));
        lines.extend(self.accepted_told());
        lines.extend(self.coverage_told());
        lines.into_iter().map(|line| printable(&line, WIDTH)).collect()
    }

    fn signature_told(&self) -> Vec<String> {
        let signature = &self.signature;
        let mut lines = vec![format!("  signature  {}", signature.standing.name())];
        for scheme in &signature.schemes {
            let holds = if scheme.holds() { "holds" } else { "does not hold" };
            lines.push(format!("    {} {holds}", scheme.scheme.name()));
            let of_signers = scheme
                .signers
                .iter()
                .flat_map(|s| s.errors.iter().chain(&s.unknown));
            lines.extend(
                scheme
                    .errors
                    .iter()
                    .chain(of_signers)
                    .map(|why| format!("      {why}")),
            );
        }
        lines.extend(signature.errors.iter().map(|why| format!("    {why}")));
        for certificate in signature.signers() {
            let (subject, key, print) = (&certificate.subject, &certificate.key, &certificate.sha256);
            lines.push(format!("    signer {subject}, {key}, SHA-256 {print}"));
        }
        lines
    }

    fn accepted_told(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.accepted.is_empty() {
            lines.push(format!("  accepted   {} findings", self.accepted.len()));
        }
        lines.extend(self.accepted.iter().map(|one| {
            let finding = &one.finding;
            let (what, until) = (&finding.what, one.until);
            format!(
                "    {:<13} {what}, at {}: {}, until {until}",
                finding.level.name(),
                finding.proof,
                one.reason
            )
        }));
        lines
    }

    fn coverage_told(&self) -> Vec<String> {
        let coverage = &self.coverage;
        let mut lines = vec![format!(
            "  read       {} classes in {} DEX files, {} of the platform's libraries among them; data was followed in {}",
            coverage.n_classes, coverage.n_dex, coverage.n_platform, coverage.n_followed
        )];
        if coverage.n_cut > 0 {
            lines.push(format!("  not followed to their end: {} methods", coverage.n_cut));
        }
        lines.extend(coverage.hidden.iter().map(|what| format!("  not seen   {what}")));
        if coverage.n_left_out > 0 {
            lines.push(format!(
                "  findings beyond the most that are kept: {}",
                coverage.n_left_out
            ));
        }
        lines.extend(coverage.unread.iter().map(|why| format!("  not read   {why}")));
        lines
    }
}

impl Finding {
    fn told(&self) -> Vec<String> {
        let mut ids = vec![self.check.masvs.to_owned()];
        ids.extend(self.check.mastg.iter().map(|id| format!("MASTG-TEST-{id}")));
        ids.push(format!("CWE-{}", self.check.cwe));
        let mut lines = vec![
            format!("  {:<13} {}  [{}]", self.level.name(), self.what, self.owner),
            format!(
                "                because {}; {} confidence",
                self.because,
                self.confidence.name()
            ),
            format!("                {}", self.proof),
        ];
        if !self.proof.callers.is_empty() {
            lines.push(format!(
                "                entered from {}",
                self.proof.callers.join(", ")
            ));
        }
        lines.push(format!(
            "                {} ({})",
            self.check.name,
            ids.join(", ")
        ));
        lines
    }
}

impl Ours {
    /// The answer as lines.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let mut lines = vec![format!("  is it ours? {}", self.is_ours.name())];
        let conditions = self.conditions.iter();
        lines.extend(conditions.map(|c| format!("    {:<8} {}", c.holds.name(), c.what)));
        lines.extend(
            self.repackaging
                .iter()
                .map(|sign| format!("    repackaged? {sign}")),
        );
        lines.extend(self.altered.iter().flat_map(Altered::told));
        lines.extend(self.store.iter().map(|trace| format!("    store    {trace}")));
        lines.into_iter().map(|line| printable(&line, WIDTH)).collect()
    }
}

impl Altered {
    fn told(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (what, n_all, changes) in [
            ("added", self.n_added, &self.added),
            ("another", self.n_changed, &self.changed),
            ("gone", self.n_removed, &self.removed),
        ] {
            lines.extend(changes.iter().map(|change| {
                let methods = match change.methods.as_slice() {
                    [] => String::new(),
                    methods => format!(": {}", methods.join(", ")),
                };
                format!("      {what:<8} {}  [{}]{methods}", change.class, change.owner)
            }));
            lines.extend(more(n_all - changes.len()));
        }
        lines.extend(self.files.iter().map(|file| format!("      file     {file}")));
        lines.extend(more(self.n_files - self.files.len()));
        lines.extend(self.unread.iter().map(|why| format!("      not compared: {why}")));
        lines
    }
}

fn more(n_more: usize) -> Option<String> {
    (n_more > 0).then(|| format!("      and {n_more} more"))
}

impl AppDiff {
    /// The comparison as lines.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let mut lines = vec![format!("{} → {}", self.old, self.new)];
        for (what, findings) in [
            ("fixed", &self.fixed),
            ("left", &self.left),
            ("introduced", &self.introduced),
        ] {
            lines.push(format!("{what}: {}", findings.len()));
            lines.extend(findings.iter().flat_map(Finding::told));
        }
        lines.push(format!(
            "takes the old one's place and keeps its data: {}",
            self.in_place.name()
        ));
        lines.extend(
            self.conditions
                .iter()
                .map(|c| format!("  {:<8} {}", c.holds.name(), c.what)),
        );
        match self.minimum_version {
            Some(code) => lines.push(format!("least version code without what was fixed: {code}")),
            None => {
                lines.push("no least version: nothing was fixed, or the version code is not stated".into())
            }
        }
        lines.extend(self.unread.iter().map(|why| format!("not read: {why}")));
        lines.into_iter().map(|line| printable(&line, WIDTH)).collect()
    }
}

/// Findings that are not told one by one: how many of each owner, and what the weightiest weighs.
fn summed_up(findings: &[&Finding]) -> Vec<String> {
    let mut owners: BTreeMap<&Owner, (usize, Level)> = BTreeMap::new();
    for finding in findings {
        let sum = owners.entry(&finding.owner).or_insert((0, finding.level));
        *sum = (sum.0 + 1, sum.1.max(finding.level));
    }
    let (trifles, weighty): (Vec<_>, Vec<_>) = owners
        .into_iter()
        .partition(|(owner, (_, worst))| **owner != Owner::App && *worst == Level::Informational);
    let mut lines: Vec<String> = weighty
        .into_iter()
        .map(|(owner, (n, worst))| format!("  {owner}: {n} more, at most {}", worst.name()))
        .collect();
    if !trifles.is_empty() {
        let n_findings: usize = trifles.iter().map(|(_, (n, _))| n).sum();
        lines.push(format!(
            "  {} libraries: {n_findings} more, all informational",
            trifles.len()
        ));
    }
    lines
}

fn number(value: Option<u32>) -> String {
    value.map_or("(not stated)".into(), |value| value.to_string())
}
