//! Text to regimes, with diagnostics: what is wrong is said with its place and, where there is one, the name that was
//! probably meant.

use super::model::{Cited, Condition, Counting, Exemption, Period, Regime, Rule, Threshold};
use super::raw;
use crate::clock::{calendar_names, is_zone};
use crate::fact::{Kind, RISKS, VOCABULARY, term};
use ambit_event::printable;
use ambit_scope::{CLASSES, Diagnostic, Findings, Severity, did_you_mean};
use jiff::civil::{Date, Time};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::value::Datetime;

/// The longest file that is read.
const FILE_BYTES: usize = 1 << 20;

/// Effects that a condition can name.
const EFFECTS: &[&str] = &["read", "changed", "destroyed", "unavailable"];

/// Reads the regimes of one file; `origin` is its name, for messages. There are none where a diagnostic is an error.
#[must_use]
pub fn parse(text: &str, origin: &str) -> (Vec<Regime>, Vec<Diagnostic>) {
    let mut reader = Reader {
        text,
        findings: Findings::new(text, origin),
    };
    let regimes = reader.file();
    if reader.findings.has_errors() {
        return (Vec::new(), reader.findings.in_order());
    }
    (regimes, reader.findings.in_order())
}

struct Reader<'t> {
    text: &'t str,
    findings: Findings<'t>,
}

/// The regime that a rule stands in, as far as its rules need it.
struct Within<'r> {
    citations: BTreeSet<&'r str>,
    id: &'r str,
    duties: BTreeSet<&'r str>,
}

impl Reader<'_> {
    fn file(&mut self) -> Vec<Regime> {
        if self.text.len() > FILE_BYTES {
            self.error("too-long", 0..0, "the file is too long to be read", None);
            return Vec::new();
        }
        match toml::from_str::<raw::File>(self.text) {
            Ok(file) => {
                let mut seen = BTreeSet::new();
                for regime in &file.regime {
                    let id = &regime.get_ref().id;
                    if !seen.insert(id.get_ref().clone()) {
                        self.error("twice", id.span(), "this id stands twice", None);
                    }
                }
                file.regime
                    .into_iter()
                    .filter_map(|regime| self.regime(regime))
                    .collect()
            }
            Err(error) => {
                self.shape(&error);
                Vec::new()
            }
        }
    }

    /// What the reader of the file's shape refuses.
    fn shape(&mut self, error: &toml::de::Error) {
        let message = error.message();
        let mut quoted = message.split('`').skip(1).step_by(2);
        let code = match message {
            m if m.starts_with("unknown field") => "unknown-key",
            m if m.starts_with("unknown variant") => "unknown-name",
            m if m.starts_with("missing field") => "missing-key",
            m if m.starts_with("invalid type") => "wrong-type",
            _ => "syntax",
        };
        let hint = match code {
            "unknown-key" | "unknown-name" => quoted.next().and_then(|wanted| {
                let names: Vec<&str> = quoted.collect();
                did_you_mean(wanted, names.into_iter())
            }),
            _ => None,
        };
        let title = printable(message.lines().next().unwrap_or(message), 300);
        self.error(code, error.span().unwrap_or(0..0), &title, hint);
    }

    fn regime(&mut self, raw: Spanned<raw::Regime>) -> Option<Regime> {
        let span = raw.span();
        let raw = raw.into_inner();
        let within = Within {
            citations: raw.citations.keys().map(String::as_str).collect(),
            id: raw.id.get_ref(),
            duties: raw.duty.iter().map(|duty| duty.id.get_ref().as_str()).collect(),
        };
        self.identifier(&raw.id);
        if raw.duty.is_empty() {
            self.error(
                "no-duty",
                span.clone(),
                "a regime without `[[regime.duty]]` asks nothing",
                None,
            );
        }
        let in_force = raw.status == super::model::Status::InForce;
        if in_force && raw.valid_from.is_none() {
            self.error("no-date", span, "what is in force has a `valid_from`", None);
        }
        let mut ids = BTreeSet::new();
        for duty in &raw.duty {
            // The same duty may stand twice for two times that do not meet.
            if !ids.insert((
                duty.id.get_ref(),
                duty.valid_from.is_some(),
                duty.valid_to.is_some(),
            )) {
                self.error("twice", duty.id.span(), "this duty stands twice", None);
            }
        }
        let mut counting = self.counting(raw.counting, raw.zone.as_ref(), raw.calendar.as_ref());
        counting.day_ends = raw.day_ends.as_ref().and_then(|end| self.hour(end, &within));
        let dated = self.cite(&raw.dated, &within);
        let applies = self.when(&raw.applies, &within);
        let duties = raw
            .duty
            .iter()
            .filter_map(|duty| self.rule(duty, &within))
            .collect();
        self.unused(&raw);
        Some(Regime {
            id: raw.id.get_ref().clone(),
            title: raw.title.clone(),
            jurisdiction: raw.jurisdiction.clone(),
            status: raw.status,
            dated,
            valid_from: self.date(raw.valid_from.as_ref()),
            valid_to: self.date(raw.valid_to.as_ref()),
            earlier_unknown: raw.earlier_unknown,
            counting,
            applies: applies?,
            duties,
            citations: raw
                .citations
                .into_iter()
                .map(|(name, c)| (name, c.into_inner()))
                .collect(),
            notes: raw.notes,
        })
    }

    /// Citations that nothing names carry nothing, and are mostly typing errors.
    fn unused(&mut self, raw: &raw::Regime) {
        let mut used = BTreeSet::from([raw.applies.cite.get_ref().as_str(), raw.dated.get_ref().as_str()]);
        used.extend(raw.day_ends.as_ref().map(|end| end.cite.get_ref().as_str()));
        for duty in &raw.duty {
            used.extend([
                duty.recipient.cite.get_ref().as_str(),
                duty.starts.cite.get_ref().as_str(),
                duty.period.get_ref().cite.get_ref().as_str(),
                duty.trigger.cite.get_ref().as_str(),
            ]);
            used.extend(duty.backstop.iter().map(|b| b.get_ref().cite.get_ref().as_str()));
            used.extend(duty.exemption.iter().map(|e| e.cite.get_ref().as_str()));
            used.extend(duty.delay.iter().map(|d| d.cite.get_ref().as_str()));
            used.extend(
                duty.content
                    .iter()
                    .chain(&duty.forbidden)
                    .map(|c| c.cite.get_ref().as_str()),
            );
        }
        for (name, citation) in &raw.citations {
            if !used.contains(name.as_str()) {
                let title = format!("nothing cites `{}`", printable(name, 60));
                self.findings.say(
                    Severity::Warning,
                    "unused-citation",
                    citation.span(),
                    &title,
                    None,
                );
            }
        }
    }

    fn counting(
        &mut self,
        convention: super::model::Convention,
        zone: Option<&Spanned<String>>,
        calendar: Option<&Spanned<String>>,
    ) -> Counting {
        if let Some(zone) = zone.filter(|zone| !is_zone(zone.get_ref())) {
            let hint = "write an IANA name, such as \"America/New_York\"".to_owned();
            self.error("no-zone", zone.span(), "there is no such time zone", Some(hint));
        }
        if let Some(calendar) = calendar {
            let names = calendar_names();
            if !names.contains(&calendar.get_ref().as_str()) {
                self.unknown(calendar, "calendar", &names);
            }
        }
        Counting {
            convention,
            zone: zone.map(|zone| zone.get_ref().clone()),
            calendar: calendar.map_or("weekends", |c| c.get_ref()).to_owned(),
            day_ends: None,
        }
    }

    /// The hour at which a day ends for those who file.
    fn hour(&mut self, raw: &raw::Words, within: &Within<'_>) -> Option<Cited<Time>> {
        let cite = self.cite(&raw.cite, within);
        let Ok(what) = Time::strptime("%H:%M", raw.what.get_ref()) else {
            let hint = "write hours and minutes: \"17:30\"".to_owned();
            self.error("bad-hour", raw.what.span(), "this is no hour", Some(hint));
            return None;
        };
        Some(Cited { what, cite })
    }

    fn rule(&mut self, raw: &raw::Rule, within: &Within<'_>) -> Option<Rule> {
        self.identifier(&raw.id);
        let starts = self.words(&raw.starts, within);
        self.event(&raw.starts.what, within);
        let period = self.period(&raw.period, within);
        let backstop = match &raw.backstop {
            Some(backstop) => Some(self.backstop(backstop, within)?),
            None => None,
        };
        let exemptions = raw
            .exemption
            .iter()
            .filter_map(|e| self.exemption(e, within))
            .collect();
        Some(Rule {
            id: raw.id.get_ref().clone(),
            title: raw.title.clone(),
            recipient: self.words(&raw.recipient, within),
            starts,
            period: period?,
            backstop,
            trigger: self.when(&raw.trigger, within)?,
            exemptions,
            delays: raw.delay.iter().map(|delay| self.words(delay, within)).collect(),
            content: raw.content.as_ref().map(|list| self.list(list, within)),
            forbidden: raw.forbidden.as_ref().map(|list| self.list(list, within)),
            valid_from: self.date(raw.valid_from.as_ref()),
            valid_to: self.date(raw.valid_to.as_ref()),
            notes: raw.notes.clone(),
        })
    }

    fn exemption(&mut self, raw: &raw::Exemption, within: &Within<'_>) -> Option<Exemption> {
        let what = self.condition(&raw.when, within)?;
        Some(Exemption {
            id: raw.id.clone(),
            when: Cited {
                what,
                cite: self.cite(&raw.cite, within),
            },
        })
    }

    fn period(&mut self, raw: &Spanned<raw::Period>, within: &Within<'_>) -> Option<Cited<Period>> {
        let p = raw.get_ref();
        let cite = self.cite(&p.cite, within);
        let said = [
            p.hours.map(Period::Hours),
            p.calendar_days.map(Period::CalendarDays),
            p.business_days.map(Period::BusinessDays),
            p.months.map(Period::Months),
            p.after_year_end_days.map(Period::AfterYearEnd),
            (p.without_delay == Some(true)).then_some(Period::WithoutDelay),
        ];
        self.one_period(&said, raw.span())
            .map(|what| Cited { what, cite })
    }

    fn backstop(
        &mut self,
        raw: &Spanned<raw::Backstop>,
        within: &Within<'_>,
    ) -> Option<(String, Cited<Period>)> {
        let b = raw.get_ref();
        self.event(&b.starts, within);
        let cite = self.cite(&b.cite, within);
        let said = [
            b.hours.map(Period::Hours),
            b.calendar_days.map(Period::CalendarDays),
            b.business_days.map(Period::BusinessDays),
            b.months.map(Period::Months),
        ];
        let what = self.one_period(&said, raw.span())?;
        Some((b.starts.get_ref().clone(), Cited { what, cite }))
    }

    fn one_period(&mut self, said: &[Option<Period>], span: Range<usize>) -> Option<Period> {
        let said: Vec<Period> = said.iter().flatten().copied().collect();
        let [period] = said.as_slice() else {
            let hint = "such as `{ hours = 72, cite = \"…\" }` or `{ without_delay = true, cite = \"…\" }`";
            self.error(
                "bad-period",
                span,
                "a period has exactly one length",
                Some(hint.to_owned()),
            );
            return None;
        };
        // Longer than any law has, and short enough to be counted in every calendar.
        let (Period::Hours(n)
        | Period::CalendarDays(n)
        | Period::BusinessDays(n)
        | Period::Months(n)
        | Period::AfterYearEnd(n)) = *period
        else {
            return Some(*period);
        };
        if n == 0 || n > 3660 {
            self.error("bad-period", span, "a period is from 1 to 3660", None);
            return None;
        }
        Some(*period)
    }

    /// What starts a clock: an instant of the vocabulary, or when an earlier duty of the regime was done.
    fn event(&mut self, text: &Spanned<String>, within: &Within<'_>) {
        let name = text.get_ref();
        if let Some(sent) = name.strip_prefix("sent:") {
            return self.earlier(text, sent, within);
        }
        self.fact(text, |kind| matches!(kind, Kind::Instant), "instant");
    }

    /// `REGIME/DUTY`, another duty of this regime.
    fn earlier(&mut self, text: &Spanned<String>, sent: &str, within: &Within<'_>) {
        let mine = sent
            .strip_prefix(within.id)
            .and_then(|rest| rest.strip_prefix('/'));
        if mine.is_some_and(|duty| within.duties.contains(duty)) {
            return;
        }
        let lead = text.get_ref().strip_suffix(sent).unwrap_or_default();
        let all = within.duties.iter();
        let forms: Vec<String> = all.map(|duty| format!("{lead}{}/{duty}", within.id)).collect();
        let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
        self.unknown(text, "earlier duty", &forms);
    }

    fn fact(&mut self, text: &Spanned<String>, fits: impl Fn(Kind) -> bool, what: &str) {
        if !term(text.get_ref()).is_some_and(|term| fits(term.kind)) {
            let names: Vec<&str> = VOCABULARY
                .iter()
                .filter(|t| fits(t.kind))
                .map(|t| t.name)
                .collect();
            self.unknown(text, what, &names);
        }
    }

    fn when(&mut self, raw: &raw::When, within: &Within<'_>) -> Option<Cited<Condition>> {
        let cite = self.cite(&raw.cite, within);
        Some(Cited {
            what: self.condition(&raw.when, within)?,
            cite,
        })
    }

    fn words(&mut self, raw: &raw::Words, within: &Within<'_>) -> Cited<String> {
        Cited {
            what: raw.what.get_ref().clone(),
            cite: self.cite(&raw.cite, within),
        }
    }

    fn list(&mut self, raw: &raw::List, within: &Within<'_>) -> Cited<Vec<String>> {
        Cited {
            what: raw.what.clone(),
            cite: self.cite(&raw.cite, within),
        }
    }

    fn cite(&mut self, text: &Spanned<String>, within: &Within<'_>) -> String {
        if !within.citations.contains(text.get_ref().as_str()) {
            let names: Vec<&str> = within.citations.iter().copied().collect();
            self.unknown(text, "citation", &names);
        }
        text.get_ref().clone()
    }

    fn condition(&mut self, raw: &Spanned<raw::Condition>, within: &Within<'_>) -> Option<Condition> {
        let c = raw.get_ref();
        let heads = [
            c.all.is_some(),
            c.any.is_some(),
            c.not.is_some(),
            c.disputed.is_some(),
            c.flag.is_some(),
            c.sent.is_some(),
            c.word.is_some(),
            c.count.is_some(),
            c.classes.is_some(),
            c.risk.is_some(),
            c.always == Some(true),
        ];
        if heads.iter().filter(|head| **head).count() != 1 {
            let hint = "all, any, not, flag, sent, word, count, classes, risk, disputed or always = true";
            self.error(
                "bad-condition",
                raw.span(),
                "a condition is exactly one thing",
                Some(hint.to_owned()),
            );
            return None;
        }
        self.fitting(c, raw.span());
        if let Some(parts) = c.all.as_ref().or(c.any.as_ref()) {
            let parts: Vec<Condition> = parts
                .iter()
                .filter_map(|part| self.condition(part, within))
                .collect();
            return Some(if c.all.is_some() {
                Condition::All(parts)
            } else {
                Condition::Any(parts)
            });
        }
        if let Some(inner) = &c.not {
            return Some(Condition::Not(Box::new(self.condition(inner, within)?)));
        }
        if let Some(inner) = &c.disputed {
            return Some(Condition::Disputed(Box::new(self.condition(inner, within)?)));
        }
        if let Some(duty) = &c.sent {
            self.earlier(duty, duty.get_ref(), within);
            return Some(Condition::Sent(duty.get_ref().clone()));
        }
        self.leaf(c, raw.span())
    }

    /// A key that belongs to another kind of condition would be passed over in silence.
    fn fitting(&mut self, c: &raw::Condition, span: Range<usize>) {
        let counts = c.count.is_some() || c.classes.is_some();
        let n_thresholds = [c.at_least, c.more_than, c.fewer].iter().flatten().count();
        let stray = c.is.is_some() != c.word.is_some()
            || c.effect.is_some() && c.classes.is_none()
            || n_thresholds > 0 && !counts
            || n_thresholds > 1
            || c.count.is_some() && n_thresholds == 0;
        if stray {
            let hint = "`word` goes with `is`; `count` with one of at_least, more_than, fewer; `classes` with `effect`";
            self.error(
                "bad-condition",
                span,
                "these keys do not go together",
                Some(hint.to_owned()),
            );
        }
    }

    fn leaf(&mut self, c: &raw::Condition, span: Range<usize>) -> Option<Condition> {
        let threshold = match (c.at_least, c.more_than, c.fewer) {
            (_, Some(n), _) => Threshold::MoreThan(n),
            (_, _, Some(n)) => Threshold::Fewer(n),
            (n, _, _) => Threshold::AtLeast(n.unwrap_or(1)),
        };
        if let Some(flag) = &c.flag {
            self.fact(flag, |kind| kind == Kind::Flag, "yes-or-no fact");
            return Some(Condition::Flag(flag.get_ref().clone()));
        }
        if let (Some(fact), Some(is)) = (&c.word, &c.is) {
            self.fact(fact, |kind| kind.words().is_some(), "fact of words");
            let words = term(fact.get_ref())
                .and_then(|term| term.kind.words())
                .unwrap_or_default();
            for word in is.iter().filter(|word| !words.contains(&word.get_ref().as_str())) {
                self.unknown(word, "word of it", words);
            }
            return Some(Condition::Word {
                fact: fact.get_ref().clone(),
                is: is.iter().map(|word| word.get_ref().clone()).collect(),
            });
        }
        if let Some(fact) = &c.count {
            self.fact(fact, |kind| kind == Kind::Count, "count");
            return Some(Condition::Count {
                fact: fact.get_ref().clone(),
                threshold,
            });
        }
        if let Some(classes) = &c.classes {
            for class in classes
                .iter()
                .filter(|class| !CLASSES.contains(&class.get_ref().as_str()))
            {
                self.unknown(class, "class of data", CLASSES);
            }
            if let Some(effect) = c
                .effect
                .as_ref()
                .filter(|e| !EFFECTS.contains(&e.get_ref().as_str()))
            {
                self.unknown(effect, "effect", EFFECTS);
            }
            return Some(Condition::Classes {
                all: classes.iter().map(|class| class.get_ref().clone()).collect(),
                effect: c.effect.as_ref().map_or("read", |e| e.get_ref()).to_owned(),
                threshold,
            });
        }
        if let Some(risk) = &c.risk {
            if !RISKS.contains(&risk.get_ref().as_str()) {
                self.unknown(risk, "level of risk", RISKS);
            }
            return Some(Condition::Risk(risk.get_ref().clone()));
        }
        if c.always == Some(true) {
            return Some(Condition::Always);
        }
        self.error("bad-condition", span, "this condition says nothing", None);
        None
    }

    fn date(&mut self, raw: Option<&Spanned<Datetime>>) -> Option<Date> {
        let raw = raw?;
        let text = raw.get_ref().to_string();
        let date = text.parse::<Date>().ok().filter(|_| raw.get_ref().time.is_none());
        if date.is_none() {
            let hint = "write the day alone: 2018-05-25".to_owned();
            self.error("bad-date", raw.span(), "this is no day", Some(hint));
        }
        date
    }

    fn identifier(&mut self, text: &Spanned<String>) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.get_ref().is_empty() || !text.get_ref().chars().all(fits) {
            let hint = "small letters, digits and hyphens".to_owned();
            self.error("bad-id", text.span(), "this is no id", Some(hint));
        }
    }

    fn unknown(&mut self, text: &Spanned<String>, what: &str, names: &[&str]) {
        let title = format!("`{}` is no {what}", printable(text.get_ref(), 60));
        let listed = || names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(text.get_ref(), names.iter().copied())
            .or_else(|| (!names.is_empty()).then(|| format!("there is {}", listed())));
        self.error("unknown-name", text.span(), &title, hint);
    }

    fn error(&mut self, code: &'static str, span: Range<usize>, title: &str, hint: Option<String>) {
        self.findings.say(Severity::Error, code, span, title, hint);
    }
}
