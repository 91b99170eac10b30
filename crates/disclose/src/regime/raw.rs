//! The shape of a regime's file; whatever else stands in it is refused.

use super::model::{Citation, Convention, Status};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::value::Datetime;

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub regime: Vec<Spanned<Regime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Regime {
    pub id: Text,
    pub title: String,
    pub jurisdiction: String,
    pub status: Status,
    pub dated: Text,
    pub valid_from: Option<Spanned<Datetime>>,
    pub valid_to: Option<Spanned<Datetime>>,
    #[serde(default)]
    pub earlier_unknown: bool,
    pub counting: Convention,
    pub zone: Option<Text>,
    #[serde(default)]
    pub calendar: Option<Text>,
    pub day_ends: Option<Words>,
    pub applies: When,
    #[serde(default)]
    pub duty: Vec<Rule>,
    pub citations: BTreeMap<String, Spanned<Citation>>,
    #[serde(default)]
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub when: Spanned<Condition>,
    pub cite: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub what: Text,
    pub cite: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub what: Vec<String>,
    pub cite: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub id: Text,
    pub title: String,
    pub recipient: Words,
    pub starts: Words,
    pub period: Spanned<Period>,
    pub backstop: Option<Spanned<Backstop>>,
    pub trigger: When,
    #[serde(default)]
    pub exemption: Vec<Exemption>,
    #[serde(default)]
    pub delay: Vec<Words>,
    pub content: Option<List>,
    pub forbidden: Option<List>,
    pub valid_from: Option<Spanned<Datetime>>,
    pub valid_to: Option<Spanned<Datetime>>,
    #[serde(default)]
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exemption {
    pub id: String,
    pub when: Spanned<Condition>,
    pub cite: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Period {
    pub hours: Option<u32>,
    pub calendar_days: Option<u32>,
    pub business_days: Option<u32>,
    pub months: Option<u32>,
    pub after_year_end_days: Option<u32>,
    pub without_delay: Option<bool>,
    pub cite: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backstop {
    pub starts: Text,
    pub hours: Option<u32>,
    pub calendar_days: Option<u32>,
    pub business_days: Option<u32>,
    pub months: Option<u32>,
    pub cite: Text,
}

/// Exactly one of the heads stands in it; which one is checked later, so that the mistake can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub all: Option<Vec<Spanned<Condition>>>,
    pub any: Option<Vec<Spanned<Condition>>>,
    pub not: Option<Box<Spanned<Condition>>>,
    pub disputed: Option<Box<Spanned<Condition>>>,
    pub flag: Option<Text>,
    pub sent: Option<Text>,
    pub word: Option<Text>,
    pub is: Option<Vec<Text>>,
    pub count: Option<Text>,
    pub classes: Option<Vec<Text>>,
    pub effect: Option<Text>,
    pub at_least: Option<u64>,
    pub more_than: Option<u64>,
    pub fewer: Option<u64>,
    pub risk: Option<Text>,
    pub always: Option<bool>,
}
