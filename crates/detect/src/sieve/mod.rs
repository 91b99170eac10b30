//! Which rules can match an event at all: those whose necessary texts and fields it has. Only they are evaluated.
//!
//! Each text that rules look for in a field is looked for once, whichever rules ask for it, in one pass over the
//! field's value; a rule is taken up when one of its rarest texts is found, and is dropped where another one that it
//! cannot match without is missing.

mod field;
mod fold;
mod memo;
mod need;
mod needles;

use crate::logsource::FieldMap;
use crate::row::Cell;
use crate::view::View;
use ahash::RandomState;
use field::Field;
use fold::folded;
use memo::Memo;
use need::{Fact, Facts, Need, Reader, Where};
use needles::{Needles, Words};
use rsigma_eval::CompiledRule;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

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
    /// Whether a key may be one of those that lead to a field.
    keys: Keys,
    words: Option<Words>,
    memo: Mutex<Memo>,
}

/// Keys, as far as their lengths, first and last letters tell.
#[derive(Default)]
struct Keys([u64; 4]);

impl Keys {
    fn place(key: &str) -> usize {
        let bytes = key.as_bytes();
        let (first, last) = (bytes.first(), bytes.last());
        let mixed = [first, last].into_iter().flatten().map(|byte| usize::from(*byte));
        mixed.fold(key.len(), |sum, byte| sum * 31 + byte) % 256
    }

    fn add(&mut self, key: &str) {
        let place = Self::place(key);
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn may_have(&self, key: &str) -> bool {
        let place = Self::place(key);
        self.0[place / 64] & (1 << (place % 64)) != 0
    }
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
            keys: Keys::default(),
            words: None,
            memo: Mutex::default(),
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
                None => self.words = Some(Words::new(needles)),
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
            self.keys.add(key);
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
            // Where somebody else has it, all is found anew.
            memo: self.memo.try_lock().ok(),
        };
        for rule in &self.unneeding {
            found.rules.put(*rule);
        }
        let mut seen = Bits::none(self.fields.len());
        for field in &self.asked {
            found.look_at(*field, event);
        }
        for cell in event
            .row()
            .cells()
            .iter()
            .filter(|cell| self.keys.may_have(cell.key()))
        {
            for field in self.by_key.get(cell.key()).into_iter().flatten() {
                if seen.put(*field) {
                    found.look_at_cell(*field, cell, event);
                }
            }
        }
        if let Some(words) = &self.words {
            found.look_for_words(words, event);
        }
        found.rules()
    }
}

/// What an event was found to have so far.
struct Found<'s> {
    sieve: &'s Sieve,
    facts: Bits,
    rules: Bits,
    memo: Option<MutexGuard<'s, Memo>>,
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
            field.value(&value, &mut |fact| self.meet(fact));
        }
    }

    /// The same, where a field of the record is at hand.
    fn look_at_cell(&mut self, number: u32, cell: &Cell<'_>, event: &View<'_>) {
        let meant = self.sieve.fields.get(number as usize);
        let Some(meant) = meant.filter(|meant| meant.name == cell.key()) else {
            return self.look_at(number, event);
        };
        meant.there.into_iter().for_each(|fact| self.meet(fact));
        let find = |meet: &mut dyn FnMut(u32)| match cell.text(folded) {
            Some((text, folded)) => meant.texts(text, folded, meet),
            None => meant.value(&cell.value(), meet),
        };
        match (cell.bare().filter(|text| Memo::is_worth(*text)), self.memo.take()) {
            (Some(text), Some(mut memo)) => {
                let facts = memo.facts(number, text, || {
                    let mut facts = Vec::new();
                    find(&mut |fact| facts.push(fact));
                    facts
                });
                facts.iter().for_each(|fact| self.meet(*fact));
                self.memo = Some(memo);
            }
            (_, memo) => {
                find(&mut |fact| self.meet(fact));
                self.memo = memo;
            }
        }
    }

    fn find(&mut self, needles: &Needles, folded: &str) {
        needles.find(folded, &mut |fact| self.meet(fact));
    }

    /// Looks into every text of the event; into those of its fields only where their JSON has one of the words at all.
    fn look_for_words(&mut self, words: &Words, event: &View<'_>) {
        for text in event.folded_texts(folded) {
            self.find(&words.needles, text);
        }
        let row = event.row();
        if row.folded_json(folded).is_none_or(|json| words.may_be_in(json)) {
            row.visit_texts(&mut |text| self.find(&words.needles, &folded(text)));
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
