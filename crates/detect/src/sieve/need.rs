//! What must be so of an event if a rule is to match it: a weaker statement than the rule, quickly decided.
//!
//! It may only ever be weaker. Whatever is not understood here, needs nothing.

use super::fold::{folded, literals};
use rsigma_eval::CompiledRule;
use rsigma_eval::compiler::{CompiledDetection, CompiledDetectionItem};
use rsigma_eval::matcher::{CompiledMatcher, GroupMode};
use rsigma_parser::{ArrayQuantifier, ConditionExpr, Quantifier};
use std::collections::HashMap;

/// Something that an event's texts say, or do not. Texts are folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    /// The field is there.
    There(String),
    /// One of the field's values is that text.
    Is(String, String),
    /// One of the field's values is that number.
    Number(String, i64),
    /// One of the field's values has that text, there.
    Has(String, Where, String),
    /// Some text of the event has that text, there.
    Word(Where, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Where {
    Anywhere,
    AtStart,
    AtEnd,
    Whole,
}

/// Facts by number.
#[derive(Debug, Default)]
pub(super) struct Facts(HashMap<Fact, u32>);

impl Facts {
    fn number(&mut self, fact: Fact) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(fact).or_insert(next)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Fact, u32)> {
        self.0.iter().map(|(fact, number)| (fact, *number))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// However many texts may stand for each other, one of them is rarer than that a field is there.
const MOST_COMMON: u32 = 900;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    One(u32),
    All(Vec<Need>),
    Any(Vec<Need>),
}

impl Need {
    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.filter(|part| *part != Self::Nothing).collect();
        match parts.len() {
            0 => Self::Nothing,
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    /// None at all needs nothing: whether that matches, the evaluator may say.
    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.collect();
        match parts.len() {
            _ if parts.contains(&Self::Nothing) => Self::Nothing,
            0 => Self::Nothing,
            1 => parts.remove(0),
            _ => Self::Any(parts),
        }
    }

    pub fn is_met(&self, is_so: &dyn Fn(u32) -> bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::One(fact) => is_so(*fact),
            Self::All(parts) => parts.iter().all(|part| part.is_met(is_so)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(is_so)),
        }
    }

    /// Facts of which one must be so, the least common ones, with a guess how common they are. `None`: nothing is
    /// needed.
    pub fn rarest(&self, common: &dyn Fn(u32) -> u32) -> Option<(u32, Vec<u32>)> {
        match self {
            Self::Nothing => None,
            Self::One(fact) => Some((common(*fact), vec![*fact])),
            Self::All(parts) => {
                let found = parts.iter().filter_map(|part| part.rarest(common));
                found.min_by_key(|(common, _)| *common)
            }
            Self::Any(parts) => {
                let mut all = (0_u32, Vec::new());
                for part in parts {
                    let (common, facts) = part.rarest(common)?;
                    all.0 = all.0.saturating_add(common);
                    all.1.extend(facts);
                }
                all.0 = all.0.min(MOST_COMMON);
                Some(all)
            }
        }
    }
}

/// Reads rules.
pub(super) struct Reader<'f>(pub &'f mut Facts);

type Named = HashMap<String, CompiledDetection>;

impl Reader<'_> {
    pub fn rule(&mut self, rule: &CompiledRule) -> Need {
        let named = &rule.detections;
        Need::any(rule.conditions.iter().map(|one| self.condition(one, named)))
    }

    fn condition(&mut self, condition: &ConditionExpr, named: &Named) -> Need {
        match condition {
            ConditionExpr::Identifier(name) => {
                named.get(name).map_or(Need::Nothing, |one| self.detection(one))
            }
            ConditionExpr::And(parts) => Need::all(parts.iter().map(|part| self.condition(part, named))),
            ConditionExpr::Or(parts) => Need::any(parts.iter().map(|part| self.condition(part, named))),
            ConditionExpr::Not(_) => Need::Nothing,
            ConditionExpr::Selector { quantifier, pattern } => {
                let meant = named
                    .iter()
                    .filter(|(name, _)| pattern.matches_detection_name(name));
                let needs = meant.map(|(_, one)| self.detection(one));
                match quantifier {
                    Quantifier::All => Need::all(needs),
                    Quantifier::Count(0) => Need::Nothing,
                    Quantifier::Any | Quantifier::Count(_) => Need::any(needs),
                }
            }
        }
    }

    fn detection(&mut self, detection: &CompiledDetection) -> Need {
        match detection {
            CompiledDetection::AllOf(items) => Need::all(items.iter().map(|item| self.item(item))),
            CompiledDetection::AnyOf(parts) => Need::any(parts.iter().map(|part| self.detection(part))),
            CompiledDetection::And(parts) => Need::all(parts.iter().map(|part| self.detection(part))),
            CompiledDetection::Keywords(matcher) => self.matcher(matcher, None),
            CompiledDetection::ArrayMatch {
                field, quantifier, ..
            } => match quantifier {
                ArrayQuantifier::Any | ArrayQuantifier::All => self.there(field),
                // These hold of a list that is not there.
                ArrayQuantifier::AllOrEmpty | ArrayQuantifier::None => Need::Nothing,
            },
            CompiledDetection::Conditional { .. } => Need::Nothing,
        }
    }

    fn there(&mut self, field: &str) -> Need {
        self.one(Fact::There(field.to_owned()))
    }

    fn one(&mut self, fact: Fact) -> Need {
        Need::One(self.0.number(fact))
    }

    fn item(&mut self, item: &CompiledDetectionItem) -> Need {
        match (item.field.as_deref(), item.exists) {
            (Some(field), Some(true)) => self.there(field),
            (_, Some(_)) => Need::Nothing,
            (None, None) => self.matcher(&item.matcher, None),
            // The one that a field meets that is not there.
            (Some(_), None) if matches!(item.matcher, CompiledMatcher::Null) => Need::Nothing,
            (Some(field), None) => match self.matcher(&item.matcher, Some(field)) {
                Need::Nothing => self.there(field),
                need => need,
            },
        }
    }

    fn matcher(&mut self, matcher: &CompiledMatcher, field: Option<&str>) -> Need {
        use CompiledMatcher as M;
        match matcher {
            M::Exact {
                value,
                case_insensitive,
            } => self.text(value, *case_insensitive, Where::Whole, field),
            M::Contains {
                value,
                case_insensitive,
            } => self.text(value, *case_insensitive, Where::Anywhere, field),
            M::StartsWith {
                value,
                case_insensitive,
            } => self.text(value, *case_insensitive, Where::AtStart, field),
            M::EndsWith {
                value,
                case_insensitive,
            } => self.text(value, *case_insensitive, Where::AtEnd, field),
            M::AhoCorasickSet {
                needles,
                case_insensitive,
                ..
            } => Need::any(
                needles
                    .iter()
                    .map(|needle| self.text(needle, *case_insensitive, Where::Anywhere, field)),
            ),
            M::Regex(regex) => self.expression(regex.as_str(), field),
            M::RegexSetMatch { set, mode } => {
                let needs: Vec<Need> = set
                    .patterns()
                    .iter()
                    .map(|one| self.expression(one, field))
                    .collect();
                grouped(needs, *mode)
            }
            M::AnyOf(parts) => Need::any(parts.iter().map(|part| self.matcher(part, field))),
            M::AllOf(parts) => Need::all(parts.iter().map(|part| self.matcher(part, field))),
            M::CaseInsensitiveGroup { children, mode } => {
                let needs: Vec<Need> = children.iter().map(|child| self.matcher(child, field)).collect();
                grouped(needs, *mode)
            }
            M::NumericEq(number) => self.number(*number, field),
            _ => Need::Nothing,
        }
    }

    fn text(&mut self, text: &str, ignores_case: bool, at: Where, field: Option<&str>) -> Need {
        // Other letters than those of ASCII fold by what is beside them: the evaluator compares them as they are.
        if text.is_empty() && at != Where::Whole || !ignores_case && !text.is_ascii() {
            return Need::Nothing;
        }
        let text = folded(text).into_owned();
        self.one(match (field, at) {
            (None, _) => Fact::Word(at, text),
            (Some(field), Where::Whole) => Fact::Is(field.to_owned(), text),
            (Some(field), _) => Fact::Has(field.to_owned(), at, text),
        })
    }

    fn expression(&mut self, pattern: &str, field: Option<&str>) -> Need {
        let found = literals(pattern).unwrap_or_default();
        Need::any(
            found
                .iter()
                .map(|text| self.text(text, true, Where::Anywhere, field)),
        )
    }

    fn number(&mut self, number: f64, field: Option<&str>) -> Need {
        match field {
            Some(field) if number.fract() == 0.0 && number.abs() < 1e15 => {
                self.one(Fact::Number(field.to_owned(), number as i64))
            }
            _ => Need::Nothing,
        }
    }
}

fn grouped(needs: Vec<Need>, mode: GroupMode) -> Need {
    match mode {
        GroupMode::Any => Need::any(needs.into_iter()),
        GroupMode::All => Need::all(needs.into_iter()),
    }
}
