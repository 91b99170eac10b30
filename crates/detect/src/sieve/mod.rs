//! Which rules can match an event at all: those whose necessary texts and fields it has. Only they are evaluated.
//!
//! Each text that rules look for in a field is looked for once, whichever rules ask for it, in one pass over the
//! field's value; a rule is taken up when one of its rarest texts is found, and is dropped where another one that it
//! cannot match without is missing.

mod fold;
mod need;

use crate::logsource::FieldMap;
use crate::row::Cell;
use crate::view::View;
use ahash::RandomState;
use aho_corasick::AhoCorasick;
use fold::folded;
use need::{Fact, Facts, Need, Reader, Where};
use rsigma_eval::{CompiledRule, EventValue};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Rules by the number of their place among those given.
pub(crate) struct Sieve {
    needs: Vec<Need>,
    /// By fact: the rules that it takes up.
    taken_up: Vec<Vec<u32>>,
    /// Rules that need nothing.
    unneeding: Vec<u32>,
    fields: Vec<Field>,
    /// By a key of the event: fields that it may be a part of.
    by_key: HashMap<String, Vec<u32>, RandomState>,
    /// Fields that are asked for whatever keys the event has.
    asked: Vec<u32>,
    words: Option<Needles>,
}

/// What is asked of a field.
#[derive(Default)]
struct Field {
    name: String,
    there: Option<u32>,
    is: HashMap<String, u32, RandomState>,
    /// The longest of them.
    longest: usize,
    numbers: HashMap<i64, u32>,
    has: Option<Needles>,
}

/// Texts that are looked for in one pass.
struct Needles {
    texts: Vec<String>,
    facts: Vec<Vec<(Where, u32)>>,
    /// Made when the first text comes to be looked at, as many fields never come. `None`: it cannot be made, and each
    /// of the facts is taken for met.
    automaton: OnceLock<Option<AhoCorasick>>,
}

/// Numbers that were met.
struct Bits(Vec<u64>);

impl Bits {
    fn none(n: usize) -> Self {
        Self(vec![0; n.div_ceil(64)])
    }

    /// Whether it was not there before.
    fn put(&mut self, n: u32) -> bool {
        let (word, bit) = (n as usize / 64, 1_u64 << (n % 64));
        let is_new = self.0.get(word).is_some_and(|word| word & bit == 0);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
        is_new
    }

    fn has(&self, n: u32) -> bool {
        let (word, bit) = (n as usize / 64, 1_u64 << (n % 64));
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// How common a fact may be, in parts of a thousand, where nobody counted.
fn commonness(fact: &Fact) -> u32 {
    match fact {
        Fact::There(_) => 1000,
        Fact::Is(..) | Fact::Number(..) => 10,
        Fact::Has(_, at, text) | Fact::Word(at, text) => {
            let of_length = match text.len() {
                0..=2 => 400,
                3..=4 => 80,
                5..=7 => 20,
                _ => 6,
            };
            match at {
                Where::Anywhere => of_length,
                _ => of_length / 2,
            }
        }
    }
}

impl Sieve {
    /// For events of a log whose fields go by the names of `map`.
    pub fn new<'r>(rules: impl Iterator<Item = &'r CompiledRule>, map: &FieldMap) -> Self {
        let mut facts = Facts::default();
        let mut reader = Reader(&mut facts);
        let needs: Vec<Need> = rules.map(|rule| reader.rule(rule)).collect();
        let mut sieve = Self {
            needs,
            taken_up: vec![Vec::new(); facts.len()],
            unneeding: Vec::new(),
            fields: Vec::new(),
            by_key: HashMap::default(),
            asked: Vec::new(),
            words: None,
        };
        sieve.look_for(&facts, map);
        sieve.take_up(&facts);
        sieve
    }

    fn take_up(&mut self, facts: &Facts) {
        let mut common = vec![0; facts.len()];
        for (fact, number) in facts.iter() {
            common[number as usize] = commonness(fact);
        }
        let guess = |fact: u32| common.get(fact as usize).copied().unwrap_or(u32::MAX);
        for (rule, need) in (0_u32..).zip(&self.needs) {
            match need.rarest(&guess) {
                None => self.unneeding.push(rule),
                Some((_, mut rarest)) => {
                    rarest.sort_unstable();
                    rarest.dedup();
                    for fact in rarest {
                        self.taken_up[fact as usize].push(rule);
                    }
                }
            }
        }
    }

    fn look_for(&mut self, facts: &Facts, map: &FieldMap) {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut texts: HashMap<Option<u32>, Vec<(String, Where, u32)>> = HashMap::new();
        for (fact, number) in facts.iter() {
            match fact {
                Fact::Word(at, text) => texts.entry(None).or_default().push((text.clone(), *at, number)),
                Fact::There(field) => self.field(field, &mut numbers).1.there = Some(number),
                Fact::Is(field, text) => {
                    let (_, field) = self.field(field, &mut numbers);
                    field.longest = field.longest.max(text.len());
                    field.is.insert(text.clone(), number);
                }
                Fact::Number(field, value) => {
                    let (_, field) = self.field(field, &mut numbers);
                    field.numbers.insert(*value, number);
                }
                Fact::Has(field, at, text) => {
                    let (field, _) = self.field(field, &mut numbers);
                    texts
                        .entry(Some(field))
                        .or_default()
                        .push((text.clone(), *at, number));
                }
            }
        }
        for (field, texts) in texts {
            let needles = Needles::new(texts);
            match field.and_then(|field| self.fields.get_mut(field as usize)) {
                Some(field) => field.has = Some(needles),
                None => self.words = Some(needles),
            }
        }
        for (name, field) in numbers {
            self.reach(&name, field, map);
        }
    }

    fn field(&mut self, name: &str, numbers: &mut HashMap<String, u32>) -> (u32, &mut Field) {
        let next = u32::try_from(self.fields.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(name.to_owned()).or_insert(next);
        if number == next {
            let name = name.to_owned();
            self.fields.push(Field {
                name,
                ..Field::default()
            });
        }
        (number, &mut self.fields[number as usize])
    }

    /// By which keys of an event a field is found.
    fn reach(&mut self, name: &str, field: u32, map: &FieldMap) {
        if map.get(name).is_some() || name.contains(['[', ']', '\\']) {
            self.asked.push(field);
            return;
        }
        let root = name.split('.').next().unwrap_or(name);
        for key in [name, root] {
            let fields = self.by_key.entry(key.to_owned()).or_default();
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }

    /// Rules that may match the event, lowest first.
    pub fn candidates(&self, event: &View<'_>) -> Vec<u32> {
        let mut found = Found {
            sieve: self,
            facts: Bits::none(self.taken_up.len()),
            rules: Bits::none(self.needs.len()),
        };
        for rule in &self.unneeding {
            found.rules.put(*rule);
        }
        let mut seen = Bits::none(self.fields.len());
        for field in &self.asked {
            found.look_at(*field, event);
        }
        for cell in event.row().cells() {
            for field in self.by_key.get(cell.key()).into_iter().flatten() {
                if seen.put(*field) {
                    found.look_at_cell(*field, cell, event);
                }
            }
        }
        if let Some(words) = &self.words {
            rsigma_eval::Event::visit_string_values(event, &mut |text| found.find(words, &folded(text)));
        }
        found.rules()
    }
}

/// What an event was found to have so far.
struct Found<'s> {
    sieve: &'s Sieve,
    facts: Bits,
    rules: Bits,
}

impl Found<'_> {
    fn meet(&mut self, fact: u32) {
        if self.facts.put(fact) {
            let rules = self.sieve.taken_up.get(fact as usize);
            for rule in rules.into_iter().flatten() {
                self.rules.put(*rule);
            }
        }
    }

    fn look_at(&mut self, field: u32, event: &View<'_>) {
        let Some(field) = self.sieve.fields.get(field as usize) else {
            return;
        };
        if let Some(value) = rsigma_eval::Event::get_field(event, &field.name) {
            field.there.into_iter().for_each(|fact| self.meet(fact));
            self.value(field, &value);
        }
    }

    /// The same, where a field of the record is at hand.
    fn look_at_cell(&mut self, field: u32, cell: &Cell<'_>, event: &View<'_>) {
        let meant = self.sieve.fields.get(field as usize);
        let Some(meant) = meant.filter(|meant| meant.name == cell.key()) else {
            return self.look_at(field, event);
        };
        meant.there.into_iter().for_each(|fact| self.meet(fact));
        match cell.text(folded) {
            Some((text, folded)) => self.texts(meant, text, folded),
            None => self.value(meant, &cell.value()),
        }
    }

    /// The texts that the evaluator compares: numbers as texts, lists member by member.
    fn value(&mut self, field: &Field, value: &EventValue<'_>) {
        match value {
            EventValue::Str(text) => self.texts(field, text, &folded(text)),
            EventValue::Int(number) => {
                self.text(field, &number.to_string());
                self.number(field, *number as f64);
            }
            EventValue::Float(number) => {
                self.text(field, &number.to_string());
                self.number(field, *number);
            }
            EventValue::Bool(is_so) => self.text(field, if *is_so { "true" } else { "false" }),
            EventValue::Array(members) => members.iter().for_each(|member| self.value(field, member)),
            _ => {}
        }
    }

    /// A text of the event, and as it is folded.
    fn texts(&mut self, field: &Field, text: &str, folded: &str) {
        self.text(field, folded);
        if !field.numbers.is_empty()
            && let Ok(number) = text.parse()
        {
            self.number(field, number);
        }
    }

    fn text(&mut self, field: &Field, folded: &str) {
        if folded.len() <= field.longest
            && let Some(fact) = field.is.get(folded)
        {
            self.meet(*fact);
        }
        if let Some(needles) = &field.has {
            self.find(needles, folded);
        }
    }

    fn number(&mut self, field: &Field, number: f64) {
        if number.abs() < 1e15
            && let Some(fact) = field.numbers.get(&(number.round() as i64))
        {
            self.meet(*fact);
        }
    }

    fn find(&mut self, needles: &Needles, text: &str) {
        let Some(automaton) = needles.automaton() else {
            let all = needles.facts.iter().flatten();
            return all.for_each(|(_, fact)| self.meet(*fact));
        };
        for found in automaton.find_overlapping_iter(text) {
            let facts = needles.facts.get(found.pattern().as_usize());
            for (at, fact) in facts.into_iter().flatten() {
                let is_there = match at {
                    Where::Anywhere => true,
                    Where::AtStart => found.start() == 0,
                    Where::AtEnd => found.end() == text.len(),
                    Where::Whole => found.start() == 0 && found.end() == text.len(),
                };
                if is_there {
                    self.meet(*fact);
                }
            }
        }
    }

    fn rules(&self) -> Vec<u32> {
        let is_so = |fact: u32| self.facts.has(fact);
        let mut rules = Vec::new();
        for (nth, word) in (0_u32..).zip(&self.rules.0) {
            let mut word = *word;
            while word != 0 {
                rules.push(nth * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        rules.retain(|rule| {
            self.sieve
                .needs
                .get(*rule as usize)
                .is_some_and(|need| need.is_met(&is_so))
        });
        rules
    }
}

impl Needles {
    fn new(texts: Vec<(String, Where, u32)>) -> Self {
        let mut by_text: HashMap<String, Vec<(Where, u32)>> = HashMap::new();
        for (text, at, fact) in texts {
            by_text.entry(text).or_default().push((at, fact));
        }
        let (texts, facts) = by_text.into_iter().unzip();
        Self {
            texts,
            facts,
            automaton: OnceLock::new(),
        }
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        self.automaton
            .get_or_init(|| AhoCorasick::new(&self.texts).ok())
            .as_ref()
    }
}
