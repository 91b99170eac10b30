//! What `detect`, `hunt` and `ingest --detect` share: which rules, what was found, and what was not looked at.

use crate::paint::{Paint, Tone, columns};
use crate::setting::{read_text, write_file};
use crate::words;
use ambit_detect::{
    AllowList, Behaviours, Blind, Board, Entry, Fired, Pipelines, Placeholders, Places, Product, RuleSet,
    Run, Suspicion, Terms, Unproven, blind, navigator, ocsf,
};
use ambit_event::{Finding, FindingId, Level, ObservableKind, Span, Timestamp, mask, printable};
use ambit_lake::Coverage;
use anyhow::{Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How rules and behaviours are asked.
#[derive(Debug, Clone, Default, Args)]
pub struct DetectionArgs {
    /// What %placeholders% in rules stand for: TOML with `name = ["value", …]`
    #[arg(long, value_name = "FILE.toml")]
    pub placeholders: Option<PathBuf>,
    /// Sigma pipelines that rules go through first
    #[arg(long, value_name = "FILE.yml")]
    pub pipeline: Vec<PathBuf>,
    /// Leave out the rules that are built in; the behaviours stay
    #[arg(long)]
    pub no_own_rules: bool,
    /// Parameters of the behaviours; see docs/DETECTION.md
    #[arg(long, value_name = "FILE.toml")]
    pub behaviours: Option<PathBuf>,
    /// Findings that are not to be told, each with its reason and its end
    #[arg(long, value_name = "FILE.toml")]
    pub allow: Option<PathBuf>,
    /// Where addresses are: a database in MaxMind's format, such as GeoLite2 City; for travel and new countries
    #[arg(long, value_name = "FILE.mmdb")]
    pub geo: Option<PathBuf>,
    /// Also write the findings as OCSF Detection Findings, one a line
    #[arg(long, value_name = "FILE")]
    pub ocsf: Option<PathBuf>,
    /// Also write the findings as a layer of the ATT&CK Navigator
    #[arg(long, value_name = "FILE")]
    pub navigator: Option<PathBuf>,
    /// Tell only findings of this level and above; what is kept is kept
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub min_level: Option<Level>,
}

/// What was not read, or is unknown, is told in full up to here.
const MOST_TOLD: usize = 20;

pub fn level(text: &str) -> Result<Level, String> {
    let names: Vec<&str> = Level::ALL.iter().map(|level| level.name()).collect();
    Level::parse(text).ok_or_else(|| format!("levels are {}", names.join(", ")))
}

impl DetectionArgs {
    /// The rules of some files and folders, and those that are built in.
    pub fn rules_and_own(&self, paths: &[PathBuf]) -> Result<RuleSet> {
        self.load(paths, !self.no_own_rules)
    }

    /// The rules of some files and folders alone.
    pub fn rules(&self, paths: &[PathBuf]) -> Result<RuleSet> {
        self.load(paths, false)
    }

    fn load(&self, paths: &[PathBuf], with_own: bool) -> Result<RuleSet> {
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            bail!("{}: there is no such file or folder", missing.display());
        }
        let placeholders = placeholders(self.placeholders.as_deref())?;
        let pipelines = Pipelines::load(&self.pipeline)?;
        let rules = match with_own {
            true => RuleSet::load_with_own(paths, &placeholders, &pipelines),
            false => RuleSet::load_through(paths, &placeholders, &pipelines),
        };
        if !paths.is_empty() && rules.n_given() == 0 {
            bail!("no rule could be loaded: `ambit rules check` says why");
        }
        Ok(rules)
    }

    pub fn terms(&self) -> Result<Terms> {
        let mut terms = Terms::new();
        if let Some(file) = &self.behaviours {
            terms.behaviours = Behaviours::parse(&read_text(file)?, &file.display().to_string())?;
        }
        // A file named in the parameters lies beside them.
        let beside = |file: &str| {
            let folder = self.behaviours.as_deref().and_then(Path::parent);
            folder.unwrap_or(Path::new("")).join(file)
        };
        let named = terms.behaviours.places().map(beside);
        if let Some(file) = self.geo.clone().or(named) {
            terms.places = Some(Arc::new(Places::open(&file)?));
        }
        terms.allow = allow_list(self.allow.as_deref())?;
        Ok(terms)
    }

    pub fn is_heard(&self, finding: &Finding) -> bool {
        self.min_level.is_none_or(|least| finding.level >= Some(least))
    }

    /// Writes the findings in the words of others.
    pub fn write_exports(&self, findings: &[&Finding]) -> Result<()> {
        if let Some(file) = &self.ocsf {
            let line = |finding: &&Finding| format!("{}\n", ocsf(finding, &Product::ambit()));
            let lines: String = findings.iter().map(line).collect();
            write_file(file, lines.as_bytes())?;
        }
        if let Some(file) = &self.navigator {
            let layer = navigator(findings, "Findings of Ambit");
            write_file(file, format!("{layer:#}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Whether nothing of it was given.
    pub const fn is_empty(&self) -> bool {
        self.placeholders.is_none()
            && self.pipeline.is_empty()
            && !self.no_own_rules
            && self.behaviours.is_none()
            && self.geo.is_none()
            && self.ocsf.is_none()
            && self.navigator.is_none()
            && self.allow.is_none()
            && self.min_level.is_none()
    }
}

/// What is not to be told, where a file says so.
pub fn allow_list(file: Option<&Path>) -> Result<AllowList> {
    Ok(match file {
        Some(file) => AllowList::parse(&read_text(file)?, &file.display().to_string())?,
        None => AllowList::default(),
    })
}

/// The values of placeholders, where a file gives some.
pub fn placeholders(file: Option<&Path>) -> Result<Placeholders> {
    match file {
        Some(file) => Ok(Placeholders::parse(
            &read_text(file)?,
            &file.display().to_string(),
        )?),
        None => Ok(Placeholders::none()),
    }
}

/// What was not looked at, or in vain.
#[derive(Clone, Default)]
pub struct Remarks {
    pub lines: Vec<String>,
    /// Whether everything was looked at.
    pub is_complete: bool,
}

/// Suspicions that people are shown, besides all above low.
const MOST_SHOWN: usize = 50;

impl Remarks {
    /// What a run over some coverage says of itself. `given_by` is how rules can be given.
    pub fn of(run: &Run, rules: &RuleSet, coverage: &Coverage, span: Span, given_by: &str) -> Self {
        let tally = run.tally();
        let n_behaviours = run.n_behaviours() as u64;
        let n_own = (rules.n_loaded() - rules.n_given()) as u64;
        let own = match n_own {
            0 => String::new(),
            n if n == rules.n_loaded() as u64 => ", all built in,".to_owned(),
            n => format!(", {n} of them built in,"),
        };
        let mut lines = vec![format!(
            "{} looked at with {}{own} and {}",
            words::counted(tally.n_events, "event", "events"),
            words::counted(rules.n_loaded() as u64, "rule", "rules"),
            words::counted(n_behaviours, "behaviour", "behaviours"),
        )];
        if rules.n_given() == 0 && rules.refused().is_empty() {
            let looked_for = match n_own {
                0 => "behaviours were",
                _ => "what is built in was",
            };
            lines.push(format!(
                "no rules were given, only {looked_for} looked for: {given_by} takes Sigma rules, such as a clone of \
                 https://github.com/SigmaHQ/sigma"
            ));
        }
        if !rules.refused().is_empty() {
            let n = words::counted(rules.refused().len() as u64, "rule was", "rules were");
            lines.push(format!("{n} refused; `ambit rules check` says why"));
        }
        let n_idle = run.idle().count() as u64;
        if n_idle > 0 {
            let n = words::counted(n_idle, "rule is", "rules are");
            lines.push(format!("{n} about logs that are not read here"));
        }
        let lost = rules
            .rules()
            .iter()
            .filter(|rule| rule.lost_in_pipelines().is_some());
        let n_lost = lost.count() as u64;
        if n_lost > 0 {
            let n = words::counted(n_lost, "rule", "rules");
            lines.push(format!(
                "{n} lost what to match in the pipelines; `ambit rules check` with them names each"
            ));
        }
        lines.extend(limits(run));
        lines.extend(expired(
            run,
            coverage.window.map_or(Timestamp::MIN, |window| window.until),
        ));
        let mut blind = blind(rules, coverage, span);
        if n_behaviours == 0 {
            blind.retain(|gap| !gap.rules.is_empty());
        }
        lines.extend(unknown(&blind, n_behaviours > 0));
        Self {
            lines,
            is_complete: rules.refused().is_empty() && tally.limits.is_exact() && blind.is_empty(),
        }
    }

    /// Notes that something was not looked at.
    pub fn missing(&mut self, line: String) {
        self.lines.push(line);
        self.is_complete = false;
    }

    /// Notes each of these, in full up to a limit.
    pub fn all_missing(&mut self, what: &str, of: &[String]) {
        for line in of.iter().take(MOST_TOLD) {
            self.missing(format!("{what}: {line}"));
        }
        let n_more = of.len().saturating_sub(MOST_TOLD);
        if n_more > 0 {
            self.missing(format!("{what}: {n_more} more"));
        }
    }

    /// Notes findings that what they miss may lie in a gap: whether they hold is unknown.
    pub fn unproven(&mut self, unproven: &[Unproven]) {
        let line = |one: &Unproven| {
            let Unproven { finding, gap } = one;
            let actor = finding
                .actor
                .first()
                .map_or(String::new(), |actor| shown(&actor.to_string()));
            let (title, at) = (printable(&finding.title, 90), finding.time);
            let (from, until) = (gap.span.from, gap.span.until);
            format!(
                "{title}, {actor} at {at}: what it misses may lie in the gap of {} from {from} to {until}",
                gap.source
            )
        };
        let lines: Vec<String> = unproven.iter().map(line).collect();
        self.all_missing("unknown", &lines);
    }

    /// Notes what the database of places cannot say.
    pub fn places(&mut self, places: Option<&Places>) {
        let Some(places) = places else { return };
        if !places.has_coordinates() {
            let line =
                "the database of --geo has countries and no places: impossible travel is not looked for";
            self.lines.push(line.to_owned());
        }
        let n = places.n_unreadable();
        if n > 0 {
            let n = words::counted(n, "look-up", "look-ups");
            self.missing(format!(
                "{n} of addresses in the database of --geo met a damaged record"
            ));
        }
    }

    pub fn tell(&self) {
        self.lines.iter().for_each(|line| crate::setting::remark(line));
    }
}

/// What was given up, where something was.
pub fn limits(run: &Run) -> Vec<String> {
    let tally = run.tally();
    let limits = &tally.limits;
    let counts = [
        (
            limits.n_too_late,
            "came later than --lateness allows, and were left out of what takes several",
        ),
        (
            limits.n_evicted,
            "groups of events were given up, because too many lived",
        ),
        (limits.n_clipped, "were left out of windows that held too many"),
        (
            limits.n_crowded,
            "times a group waited no longer for earlier events, because too many came",
        ),
        (
            tally.n_without_group,
            "matches have no field that their correlation groups by",
        ),
    ];
    let told = counts.into_iter().filter(|(n, _)| *n > 0);
    let told = told.map(|(n, what)| format!("{} {what}", words::number(n)));
    let allowed = (tally.n_allowed > 0).then(|| {
        let are = words::counted(tally.n_allowed, "finding is", "findings are");
        format!("{are} on the allow-list, and not told")
    });
    told.chain(allowed).collect()
}

fn expired(run: &Run, last: Timestamp) -> Vec<String> {
    let line = |entry: &ambit_detect::Allowed| {
        let actor = entry.actor.as_ref().map(|actor| shown(&actor.to_string()));
        let about = entry.rule.clone().into_iter().chain(actor);
        let about = about.collect::<Vec<_>>().join(" and ");
        format!(
            "the allow-list's decision on {} ({}) ended on {}",
            printable(&about, 200),
            printable(&entry.reason, 200),
            entry.until
        )
    };
    run.allow_list().expired(last).map(line).collect()
}

/// What rules cannot know, because their source is blind.
fn unknown(blind: &[Blind], has_behaviours: bool) -> Vec<String> {
    let line = |gap: &Blind| {
        let host = gap
            .host
            .as_deref()
            .map_or(String::new(), |host| format!(" on {host}"));
        let rules = match (gap.rules.len() as u64, has_behaviours) {
            (0, _) => "behaviours".to_owned(),
            (n, false) => words::counted(n, "rule", "rules"),
            (n, true) => format!("{} and behaviours", words::counted(n, "rule", "rules")),
        };
        let (from, until) = (gap.span.from, gap.span.until);
        format!(
            "unknown: {rules} over {}{host} from {from} to {until}: {}",
            gap.source, gap.because
        )
    };
    let mut lines: Vec<String> = blind.iter().take(MOST_TOLD).map(line).collect();
    let n_more = blind.len().saturating_sub(MOST_TOLD) as u64;
    if n_more > 0 {
        lines.push(format!("unknown: {} more", words::counted(n_more, "gap", "gaps")));
    }
    lines
}

/// One suspicion for each actor of these findings.
pub fn suspicions<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<Suspicion> {
    let mut board = Board::default();
    for finding in findings {
        board.note(Entry::Raised {
            finding: finding.clone(),
        });
    }
    board.suspicions()
}

/// A paragraph for each suspicion, with a line for each rule.
pub fn told(paint: &Paint, suspicions: &[Suspicion]) -> Vec<String> {
    if suspicions.is_empty() {
        return vec!["nothing was found".to_owned()];
    }
    let mut lines = Vec::new();
    // The heaviest come first: of the many that are low, the last would push them off the screen.
    let is_shown = |(nth, one): &(usize, &Suspicion)| *nth < MOST_SHOWN || one.level > Some(Level::Low);
    let of_all = suspicions.iter().enumerate().filter(is_shown);
    let shown_ones: Vec<&Suspicion> = of_all.map(|(_, one)| one).collect();
    for suspicion in &shown_ones {
        let level = suspicion.level.map_or("no level", Level::name);
        let head = format!(
            "{} · risk {} · {level} · {}",
            shown(&suspicion.actor),
            suspicion.score,
            words::span(Span::new(suspicion.first, suspicion.last.plus_nanos(1)))
        );
        lines.push(paint.tone(Tone::Strong, &head));
        let rows: Vec<Vec<String>> = suspicion.rules.iter().map(row).collect();
        lines.extend(columns(&rows).iter().map(|line| format!("  {line}")));
    }
    let n_more = (suspicions.len() - shown_ones.len()) as u64;
    if n_more > 0 {
        let n = words::counted(n_more, "suspicion", "suspicions");
        lines.push(format!(
            "and {n} of level low or below; --json lists every finding"
        ));
    }
    lines
}

fn row(fired: &Fired) -> Vec<String> {
    let because = fired.because.as_deref().unwrap_or("");
    vec![
        fired.level.map_or("-", Level::name).to_owned(),
        words::number(fired.n_findings),
        printable(&fired.title, 90),
        fired.attack.join(" "),
        printable(because, 160),
    ]
}

/// An actor, persons' accounts masked.
pub fn shown(actor: &str) -> String {
    let account = format!("{}=", ObservableKind::Account.name());
    let text = match actor.strip_prefix(&account) {
        Some(name) => match name.rsplit_once('/') {
            Some((realm, name)) => format!("{account}{realm}/{}", mask(name)),
            None => format!("{account}{}", mask(name)),
        },
        None => actor.to_owned(),
    };
    printable(&text, 200)
}

/// A finding's id as people write it, alone or as `finding:ID`.
pub fn finding_id(text: &str) -> Result<FindingId, ambit_event::Error> {
    FindingId::parse(text.strip_prefix("finding:").unwrap_or(text))
}
