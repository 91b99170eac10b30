//! What is asked of a field, and which of it a value of the field is.

use super::fold::folded;
use super::needles::Needles;
use ahash::RandomState;
use rsigma_eval::EventValue;
use std::collections::HashMap;

/// What is asked of a field: facts by what a value must be.
#[derive(Default)]
pub(super) struct Field {
    pub name: String,
    pub there: Option<u32>,
    pub is: HashMap<String, u32, RandomState>,
    /// The longest of them.
    pub longest: usize,
    pub numbers: HashMap<i64, u32>,
    pub has: Option<Needles>,
}

impl Field {
    /// The texts that the evaluator compares: numbers as texts, lists member by member.
    pub fn value(&self, value: &EventValue<'_>, meet: &mut dyn FnMut(u32)) {
        match value {
            EventValue::Str(text) => self.texts(text, &folded(text), meet),
            EventValue::Int(number) => {
                self.text(&number.to_string(), meet);
                self.number(*number as f64, meet);
            }
            EventValue::Float(number) => {
                self.text(&number.to_string(), meet);
                self.number(*number, meet);
            }
            EventValue::Bool(is_so) => self.text(if *is_so { "true" } else { "false" }, meet),
            EventValue::Array(members) => members.iter().for_each(|member| self.value(member, meet)),
            _ => {}
        }
    }

    /// A text of the event, and as it is folded.
    pub fn texts(&self, text: &str, folded: &str, meet: &mut dyn FnMut(u32)) {
        self.text(folded, meet);
        if !self.numbers.is_empty()
            && let Ok(number) = text.parse()
        {
            self.number(number, meet);
        }
    }

    fn text(&self, folded: &str, meet: &mut dyn FnMut(u32)) {
        if folded.len() <= self.longest
            && let Some(fact) = self.is.get(folded)
        {
            meet(*fact);
        }
        if let Some(needles) = &self.has {
            needles.find(folded, meet);
        }
    }

    fn number(&self, number: f64, meet: &mut dyn FnMut(u32)) {
        if number.abs() < 1e15
            && let Some(fact) = self.numbers.get(&(number.round() as i64))
        {
            meet(*fact);
        }
    }
}
