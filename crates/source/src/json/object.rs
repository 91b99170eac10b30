//! The fields of a record, as they come in, are looked up, changed and kept.

use super::{Json, write};
use crate::quick::QuickHasher;
use ambit_event::Fields;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hasher;

/// The fields of a record in their order. Records have few, and mostly they are gone through.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    pub(super) fields: Vec<(Cow<'a, str>, Json<'a>)>,
    /// For each field how the record writes it (`"key":value`), where that is just how it is kept; empty for one
    /// that is written otherwise or may have been changed since. No texts at all where there is none.
    pub(super) written: Vec<&'a str>,
    marks: Marks,
}

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    Kept,
    /// It is kept under another name.
    Renamed,
    Gone,
}

impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl<'a> Object<'a> {
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Self::of_distinct(Vec::with_capacity(n))
    }

    /// Fields whose names are known to differ.
    #[must_use]
    pub fn of_distinct(fields: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        let mut marks = Marks::default();
        fields.iter().for_each(|(key, _)| marks.add(key));
        Self {
            fields,
            written: Vec::new(),
            marks,
        }
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.fields.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.fields.iter().map(|(key, value)| (&**key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Json<'a>)> {
        self.written.clear();
        self.fields.iter_mut().map(|(key, value)| (&**key, value))
    }

    /// Goes through the fields by their places and names; the function says of each whether it changed it.
    pub fn change(&mut self, mut change: impl FnMut(usize, &str, &mut Json<'a>) -> bool) -> bool {
        let mut is_changed = false;
        for (nth, (key, value)) in self.fields.iter_mut().enumerate() {
            if change(nth, key, value) {
                is_changed = true;
                if let Some(written) = self.written.get_mut(nth) {
                    *written = "";
                }
            }
        }
        is_changed
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        if !self.marks.may_have(key) {
            return None;
        }
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The value of the field in this place.
    #[must_use]
    pub fn nth(&self, nth: usize) -> Option<&Json<'a>> {
        self.fields.get(nth).map(|(_, value)| value)
    }

    /// What the names look like: objects with the same ones look the same, others mostly do not.
    #[must_use]
    pub fn looks(&self) -> u64 {
        let mut hash = QuickHasher::default();
        self.marks.0.iter().for_each(|word| hash.write_u64(*word));
        hash.write_u64(self.len() as u64);
        hash.finish()
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json<'a>> {
        if !self.marks.may_have(key) {
            return None;
        }
        self.find_mut(|k| k == key)
    }

    /// The first field whose name passes.
    pub fn find_mut(&mut self, passes: impl Fn(&str) -> bool) -> Option<&mut Json<'a>> {
        let nth = self.fields.iter().position(|(key, _)| passes(key))?;
        if let Some(written) = self.written.get_mut(nth) {
            *written = "";
        }
        self.fields.get_mut(nth).map(|(_, value)| value)
    }

    /// Goes through the fields in their places, each with how the record writes it (empty where that is not known); the
    /// function says what becomes of it. Of two fields it must not make one.
    pub fn reshape(
        &mut self,
        mut reshape: impl FnMut(usize, &mut Cow<'a, str>, &mut Json<'a>, &mut &'a str) -> Becomes,
    ) {
        let (mut n_kept, mut unknown) = (0, "");
        for nth in 0..self.fields.len() {
            let (key, value) = &mut self.fields[nth];
            let written = self.written.get_mut(nth).unwrap_or(&mut unknown);
            match reshape(nth, key, value, written) {
                Becomes::Kept => {}
                Becomes::Renamed => self.marks.add(key),
                Becomes::Gone => continue,
            }
            if n_kept < nth {
                self.fields.swap(n_kept, nth);
                if !self.written.is_empty() {
                    self.written.swap(n_kept, nth);
                }
            }
            n_kept += 1;
        }
        self.fields.truncate(n_kept);
        self.written.truncate(n_kept);
    }

    /// Lets go of the fields whose names do not pass.
    pub fn retain(&mut self, passes: impl Fn(&str) -> bool) {
        self.written.clear();
        self.fields.retain(|(key, _)| passes(key));
    }

    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets a field; one of that name keeps its place. Gives the value that it had.
    pub fn insert(&mut self, key: Cow<'a, str>, value: Json<'a>) -> Option<Json<'a>> {
        if let Some(found) = self.get_mut(&key) {
            return Some(std::mem::replace(found, value));
        }
        self.push(key, value);
        None
    }

    /// The same fields under other names; of two that get the same name the later value stays.
    #[must_use]
    pub fn renamed(self, name: impl Fn(Cow<'a, str>) -> Cow<'a, str>) -> Self {
        let mut renamed = Filling::default();
        for (key, value) in self.fields {
            let key = name(key);
            if renamed.has(&key) {
                renamed.object.insert(key, value);
            } else {
                renamed.object.push(key, value);
            }
        }
        renamed.object
    }

    /// Adds a field that is not there yet.
    pub fn push(&mut self, key: Cow<'a, str>, value: Json<'a>) {
        self.marks.add(&key);
        self.fields.push((key, value));
        if !self.written.is_empty() {
            self.written.push("");
        }
    }

    /// The same for one that the record writes like this.
    fn push_as_written(&mut self, key: Cow<'a, str>, value: Json<'a>, written: &'a str) {
        // Those before, if they were added as if not written.
        self.written.resize(self.fields.len(), "");
        self.marks.add(&key);
        self.fields.push((key, value));
        self.written.push(written);
    }

    /// The fields one after the other, each with how the record writes it, as far as that is known.
    pub fn into_written(self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>, &'a str)> {
        let written = self.written.into_iter().chain(std::iter::repeat(""));
        let fields = self.fields.into_iter().zip(written);
        fields.map(|((key, value), written)| (key, value, written))
    }

    #[must_use]
    pub fn into_owned(self) -> Object<'static> {
        let own = |(key, value): (Cow<'a, str>, Json<'a>)| (Cow::Owned(key.into_owned()), value.into_owned());
        Object::of_distinct(self.fields.into_iter().map(own).collect())
    }

    /// The fields as an event keeps them. `n_bytes` is about how long their text will be, where some are nested.
    #[must_use]
    pub fn kept(&self, n_bytes: usize) -> Fields {
        let mut text = String::with_capacity(self.n_flat().unwrap_or(n_bytes));
        let spots = write::spotted(self, &mut text);
        if self.is_within(Fields::DEEPEST) {
            return Fields::from_json_at(text, spots);
        }
        // Levels that were read are read again, whatever other readers do.
        serde_json::from_str::<Fields>(&text).unwrap_or_default()
    }

    /// How long their text will be, where none is nested and none needs an escape.
    fn n_flat(&self) -> Option<usize> {
        let length = |(nth, (key, value)): (usize, &(Cow<'_, str>, Json<'_>))| match self.written.get(nth) {
            Some(written) if !written.is_empty() => Some(written.len() + 1),
            _ => Some(key.len() + "\"\":,".len() + value.n_flat()?),
        };
        let lengths: Option<usize> = self.fields.iter().enumerate().map(length).sum();
        Some(lengths? + "{}".len())
    }

    pub(super) fn is_within(&self, levels: usize) -> bool {
        levels > 0 && self.fields.iter().all(|(_, value)| value.is_within(levels - 1))
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Json<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

/// Fields that most records do not go beyond.
const USUAL: usize = 24;
/// Up to so many fields, a key with the mark of another is compared with all before it.
const FEW: usize = 128;

/// Fields that come in one after the other. Few keys are compared with each other, many are remembered.
#[derive(Default)]
pub struct Filling<'a> {
    pub object: Object<'a>,
    keys: HashSet<Cow<'a, str>>,
}

/// What keys look like: one that looks like none of them is none of them.
#[derive(Debug, Clone, Copy, Default)]
struct Marks([u64; 4]);

impl Marks {
    fn add(&mut self, key: &str) {
        let (word, mark) = Self::of(key);
        self.0[word] |= mark;
    }

    fn may_have(&self, key: &str) -> bool {
        let (word, mark) = Self::of(key);
        self.0[word] & mark != 0
    }

    /// One of 256 bits: where it stands.
    fn of(key: &str) -> (usize, u64) {
        let bytes = key.as_bytes();
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let looks = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => word(first) ^ word(last).rotate_left(29),
            _ => bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        let mixed = (looks ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        ((mixed >> 6) as usize, 1 << (mixed & 63))
    }
}

impl<'a> Filling<'a> {
    /// With the fields of an object.
    #[must_use]
    pub fn with(object: Object<'a>) -> Self {
        Self {
            object,
            keys: HashSet::new(),
        }
    }

    /// Adds a field; gives the key back where it stands twice.
    pub fn add(&mut self, key: Cow<'a, str>, value: Json<'a>) -> Result<(), Cow<'a, str>> {
        if self.has(&key) {
            return Err(key);
        }
        if self.object.is_empty() {
            self.object.fields.reserve(USUAL);
        }
        self.object.push(key, value);
        Ok(())
    }

    /// Adds a field that the record writes like this, where that is known; gives the key back where it stands twice.
    pub fn add_as_written(
        &mut self,
        key: Cow<'a, str>,
        value: Json<'a>,
        written: &'a str,
    ) -> Result<(), Cow<'a, str>> {
        if self.has(&key) {
            return Err(key);
        }
        if self.object.is_empty() {
            self.object.fields.reserve(USUAL);
            self.object.written.reserve(USUAL);
        }
        self.object.push_as_written(key, value, written);
        Ok(())
    }

    /// Whether the key came in before.
    pub fn holds(&self, key: &str) -> bool {
        self.object.marks.may_have(key)
            && match self.keys.is_empty() {
                true => self.object.contains_key(key),
                false => self.keys.contains(key),
            }
    }

    /// Whether the key came in before; it is one of them from now on.
    #[allow(clippy::ptr_arg)] // it is cloned, and what is borrowed stays so
    fn has(&mut self, key: &Cow<'a, str>) -> bool {
        if self.object.len() < FEW {
            return self.object.contains_key(key);
        }
        if self.keys.is_empty() {
            self.keys
                .extend(self.object.fields.iter().map(|(key, _)| key.clone()));
        }
        !self.keys.insert(key.clone())
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
