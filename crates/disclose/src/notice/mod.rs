//! Notices as live views: every number and every factual sentence is bound to a claim, a count or a signed fact.
//!
//! A notice is a template filled with sayings. What the evidence does not carry cannot be issued, what a person must
//! still say stands in it as a question, and when the scope changes an issued notice says what in it is no longer so.
//! Nothing here sends anything, and nothing here is legal advice.

mod check;
mod kind;
mod page;
mod pen;
mod person;
mod reach;
mod saying;
mod stale;
mod template;
mod tongue;

pub use check::{Trouble, TroubleKind};
pub use kind::NoticeKind;
pub use page::{Mail, notice_json, notice_mail, notice_page, notice_text};
pub use saying::{Carrier, Saying, Sayings, Topic};
pub use stale::{Difference, Issued, differences};
pub use template::{Block, Piece, Style};
pub use tongue::{Tongue, is_language};

use crate::decided::Decided;
use crate::fact::{Facts, Known, Standing};
use crate::regime::Regime;
use crate::wording::Ground;
use ambit_event::printable;
use ambit_scope::{Bounds, Claim, Within};
use pen::{Pen, Reader};
use person::{Own, Roll, binds, residence};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

/// What a notice is made from.
#[derive(Debug, Clone, Copy)]
pub struct Matter<'m> {
    pub case: &'m str,
    pub standing: Option<&'m Standing<'m>>,
    pub known: &'m Known,
    pub decided: Option<&'m Decided>,
    pub regimes: &'m [Regime],
}

/// Which notice.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    pub kind: NoticeKind,
    /// For a letter: the person as the scope names it, `user:1042`.
    pub person: Option<&'w str>,
    /// A template in place of the one that comes with the program.
    pub template: Option<&'w str>,
    /// For a letter: its language where that is not English.
    pub tongue: Option<&'w Tongue>,
    /// For a letter: where the file of subjects says that the person lives; what somebody signed goes before it.
    pub residence: Option<&'w str>,
}

impl Wanted<'_> {
    /// A notice of this kind as the program has it.
    #[must_use]
    pub const fn of(kind: NoticeKind) -> Self {
        Self {
            kind,
            person: None,
            template: None,
            tongue: None,
            residence: None,
        }
    }
}

/// A notice as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub kind: NoticeKind,
    pub person: Option<String>,
    /// `en`, `de`.
    pub language: String,
    pub blocks: Vec<Block>,
    /// Those that stand in it.
    pub sayings: Vec<Saying>,
    /// What stands between it and its issue; empty where it may be issued.
    pub troubles: Vec<Trouble>,
}

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDraft {
    /// A letter needs a person.
    NoPerson,
    /// The scope names no such person.
    NotNamed {
        person: String,
    },
    /// A letter is made from a scope.
    NoScope,
    Template {
        why: String,
    },
    /// Only a letter has other languages than English, and only those whose sentences are there.
    Language {
        code: String,
    },
}

impl fmt::Display for NoDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPerson => {
                f.write_str("a letter is for one person: name the person as the scope does (user:1042)")
            }
            Self::NotNamed { person } => {
                write!(f, "the scope names no person `{}`", printable(person, 80))
            }
            Self::NoScope => f.write_str("a letter is made from a scope, and the case has none"),
            Self::Template { why } => write!(f, "the template cannot be filled: {why}"),
            Self::Language { code } => write!(
                f,
                "there are no sentences in `{}`; in other languages than English only letters are written",
                printable(code, 20)
            ),
        }
    }
}

impl Draft {
    #[must_use]
    pub fn may_be_issued(&self) -> bool {
        self.troubles.is_empty()
    }

    /// What it says, by the ids of its sayings: what a later state is compared with.
    #[must_use]
    pub fn said(&self) -> BTreeMap<String, String> {
        let each = self.sayings.iter();
        each.map(|saying| (saying.id.clone(), saying.text.clone()))
            .collect()
    }
}

static ENGLISH: LazyLock<Option<Tongue>> = LazyLock::new(|| Tongue::known("en"));

/// Drafts a notice from what is known.
///
/// # Errors
/// Where the person is not in the scope, or the template cannot be filled.
pub fn draft(matter: &Matter<'_>, wanted: &Wanted<'_>) -> Result<Draft, NoDraft> {
    Desk::of(matter).draft(wanted)
}

/// Where many letters are written from the same matter: what they share is found once.
#[derive(Debug)]
pub struct Desk<'m> {
    matter: &'m Matter<'m>,
    roll: Option<Roll<'m>>,
    /// What letters share, by language.
    shared: RefCell<BTreeMap<String, Sayings>>,
}

impl<'m> Desk<'m> {
    #[must_use]
    pub fn of(matter: &'m Matter<'m>) -> Self {
        Self {
            matter,
            roll: matter.standing.map(|standing| Roll::of(standing.scope)),
            shared: RefCell::default(),
        }
    }

    /// Everybody whom the scope names, as `user:1042`, in order.
    #[must_use]
    pub fn persons(&self) -> Vec<&str> {
        self.roll.iter().flat_map(Roll::names).collect()
    }

    /// As [`draft`].
    ///
    /// # Errors
    /// As [`draft`].
    pub fn draft(&self, wanted: &Wanted<'_>) -> Result<Draft, NoDraft> {
        let matter = self.matter;
        let own = self.own(wanted)?;
        let tongue = tongue(wanted)?;
        let place = wanted
            .person
            .and_then(|person| residence(matter, person, wanted.residence));
        let forbidden = forbidden(matter, place.as_deref());
        let mut sayings = self.sayings(wanted, tongue, own, place.as_deref());
        sayings
            .0
            .retain(|saying| !forbidden.topics.contains(&saying.topic));
        let own_template = match wanted.kind {
            NoticeKind::Letter => tongue.letter(),
            kind => kind.template(),
        };
        let text = wanted.template.unwrap_or(own_template);
        let blocks = template::filled(text, &sayings).map_err(|why| NoDraft::Template { why })?;
        let blocks = check::without_idle_headings(blocks);
        let mut troubles = forbidden.unclear;
        troubles.extend(not_decided(matter, wanted.kind));
        troubles.extend(self.held(tongue, own, &blocks, &sayings));
        let used: BTreeSet<&str> = blocks
            .iter()
            .flat_map(|block| block.pieces.iter().filter_map(|piece| piece.saying.as_deref()))
            .collect();
        Ok(Draft {
            kind: wanted.kind,
            person: wanted.person.map(str::to_owned),
            language: tongue.code.clone(),
            sayings: sayings
                .iter()
                .filter(|saying| used.contains(saying.id.as_str()))
                .cloned()
                .collect(),
            blocks,
            troubles,
        })
    }

    fn own(&self, wanted: &Wanted<'_>) -> Result<Option<&Own>, NoDraft> {
        if wanted.kind != NoticeKind::Letter {
            return Ok(None);
        }
        let person = wanted.person.ok_or(NoDraft::NoPerson)?;
        let roll = self.roll.as_ref().ok_or(NoDraft::NoScope)?;
        roll.get(person).map(Some).ok_or_else(|| NoDraft::NotNamed {
            person: person.to_owned(),
        })
    }

    fn sayings(
        &self,
        wanted: &Wanted<'_>,
        tongue: &Tongue,
        own: Option<&Own>,
        place: Option<&str>,
    ) -> Sayings {
        let matter = self.matter;
        let mut pen = Pen {
            matter,
            facts: &matter.known.facts,
            scope: matter.standing.map(|standing| standing.scope),
            reader: if wanted.kind.is_for_the_public() {
                Reader::Public
            } else {
                Reader::Authority
            },
            tongue,
            out: Sayings::default(),
        };
        let is_letter = wanted.kind == NoticeKind::Letter;
        let shared = is_letter.then(|| self.shared.borrow().get(&tongue.code).cloned());
        if let Some(shared) = shared.flatten() {
            pen.out = shared;
        } else {
            if tongue.is_english() {
                pen.all();
            } else {
                pen.letter();
            }
            if is_letter {
                let mut kept = self.shared.borrow_mut();
                kept.insert(tongue.code.clone(), pen.out.clone());
            }
        }
        match (own, &self.roll, wanted.person) {
            (Some(own), Some(roll), Some(person)) => pen.own(roll, own, person, place),
            _ => {
                let classes = pen.classes_at_risk();
                pen.advise(&classes);
            }
        }
        pen.out
    }

    /// Holds the whole text against the scope, or what was signed; a letter against what is so of its person.
    fn held(&self, tongue: &Tongue, own: Option<&Own>, blocks: &[Block], sayings: &Sayings) -> Vec<Trouble> {
        let matter = self.matter;
        let facts = &matter.known.facts;
        let scope = matter.standing.map(|standing| standing.scope);
        let unknown = || Bounds {
            at_least: 0,
            at_most: None,
            because: Vec::new(),
        };
        let mut persons = facts.count("subjects").unwrap_or_else(unknown);
        let records = facts.count("records").unwrap_or_else(unknown);
        let mut effects = scope.map(|scope| scope.effects.clone()).unwrap_or_default();
        let mut claims: Vec<Claim> = scope.map(|scope| scope.claims.clone()).unwrap_or_default();
        if let Some((own, roll)) = own.zip(self.roll.as_ref()) {
            for effect in ["read", "changed", "destroyed", "unavailable"] {
                effects.insert(effect.to_owned(), own.bounds(roll, effect));
            }
            claims = own.claims(roll);
            persons.at_most = persons.at_most.or(Some(u64::MAX));
        }
        let empty = BTreeMap::new();
        let ground = Ground {
            claims: &claims,
            persons: &persons,
            records: &records,
            classes: effects.get("read").unwrap_or(&empty),
            effects: &effects,
            n_gaps: scope.map_or(1, |scope| scope.gaps.len() + scope.unanswered.len()),
            unreadable: unreadable(facts),
        };
        check::troubles(blocks, sayings, tongue.check, &ground)
    }
}

fn tongue<'w>(wanted: &Wanted<'w>) -> Result<&'w Tongue, NoDraft> {
    let missing = |code: &str| NoDraft::Language {
        code: code.to_owned(),
    };
    match wanted.tongue {
        Some(tongue) if !tongue.is_english() && wanted.kind != NoticeKind::Letter => {
            Err(missing(&tongue.code))
        }
        Some(tongue) => Ok(tongue),
        None => ENGLISH.as_ref().ok_or_else(|| missing("en")),
    }
}

/// What the law of the person's place forbids to tell.
#[derive(Debug, Default)]
struct Forbidden {
    topics: BTreeSet<Topic>,
    unclear: Vec<Trouble>,
}

fn forbidden(matter: &Matter<'_>, place: Option<&str>) -> Forbidden {
    let mut forbidden = Forbidden::default();
    let Some(place) = place else {
        return forbidden;
    };
    let rules = matter
        .regimes
        .iter()
        .filter(|regime| binds(regime, place) == Within::Yes)
        .flat_map(|regime| &regime.duties);
    for what in rules
        .filter_map(|rule| rule.forbidden.as_ref())
        .flat_map(|list| &list.what)
    {
        match what.as_str() {
            "the nature of the breach" => drop(forbidden.topics.insert(Topic::Nature)),
            "the number of persons affected" => drop(forbidden.topics.insert(Topic::Number)),
            other => forbidden.unclear.push(Trouble {
                kind: TroubleKind::Forbidden,
                words: other.to_owned(),
                because: format!("the law of {place} forbids to tell it; only a person can look for it"),
            }),
        }
    }
    forbidden.unclear.extend(undecided_place(matter, place));
    forbidden
}

/// Somebody of whom only the country is known may live where the law forbids to tell something.
fn undecided_place(matter: &Matter<'_>, place: &str) -> Option<Trouble> {
    let forbids = |regime: &&Regime| regime.duties.iter().any(|rule| rule.forbidden.is_some());
    let may: BTreeSet<&str> = matter
        .regimes
        .iter()
        .filter(|regime| binds(regime, place) == Within::Perhaps)
        .filter(forbids)
        .map(|regime| regime.jurisdiction.as_str())
        .collect();
    let may: Vec<&str> = may.into_iter().collect();
    (!may.is_empty()).then(|| Trouble {
        kind: TroubleKind::Missing,
        words: "residence".to_owned(),
        because: format!(
            "only `{place}` is known of where the person lives, and the law of {} forbids to tell some of it",
            may.join(", ")
        ),
    })
}

/// Disclosure is decided by a person, who signs.
fn not_decided(matter: &Matter<'_>, kind: NoticeKind) -> Option<Trouble> {
    let because = match (kind, matter.decided) {
        (NoticeKind::Register, _) => return None,
        (NoticeKind::Controller, _) => {
            let processor = matter
                .known
                .facts
                .words("role")
                .is_some_and(|role| role.contains("processor"));
            (!processor).then_some("nobody said that the organisation is a processor (fact role)")?
        }
        (NoticeKind::Sec8k, _) => {
            let material = matter.known.facts.flag("material_incident") == Some(true);
            (!material)
                .then_some("nobody determined that the incident is material (fact material_incident)")?
        }
        (_, None) => "nobody decided yet that disclosure is warranted",
        (NoticeKind::Authority, Some(decided)) if !decided.tells_authority() => {
            "the decision is that the authority is not told"
        }
        (NoticeKind::Letter, Some(decided)) if !decided.tells_persons() => {
            "the decision is that the persons are not told"
        }
        (_, Some(_)) => return None,
    };
    Some(Trouble {
        kind: TroubleKind::NotDecided,
        words: kind.name().to_owned(),
        because: because.to_owned(),
    })
}

/// Whether somebody signed that the data could not be read and its key is safe.
fn unreadable(facts: &Facts) -> Option<bool> {
    match (facts.word("encryption"), facts.flag("key_taken")) {
        (Some("strong"), Some(false)) => Some(true),
        (Some("none" | "weak"), _) | (_, Some(true)) => Some(false),
        _ => None,
    }
}
