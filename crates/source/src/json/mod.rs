//! JSON records: strict where a reading would be a guess, and borrowed from their bytes where they can be.

mod plain;
mod write;

use crate::RejectReason;
use crate::quick::QuickHasher;
use ambit_event::Fields;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hasher;

/// A value in a record. Kept small, as records are vectors of them: most values are texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Box<[Json<'a>]>),
    Object(Box<Object<'a>>),
}

/// The fields of a record in their order. Records have few, and mostly they are gone through.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
    /// For each field how the record writes it (`"key":value`), where that is just how it is kept; empty for one
    /// that is written otherwise or may have been changed since. No texts at all where there is none.
    written: Vec<&'a str>,
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

    fn is_within(&self, levels: usize) -> bool {
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

impl<'a> Json<'a> {
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    fn n_flat(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len() + "\"\"".len()),
            Self::Null | Self::Bool(_) => Some("false".len()),
            // Most numbers are no longer.
            Self::Number(_) => Some(20),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    #[must_use]
    pub const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_within(&self, levels: usize) -> bool {
        match self {
            Self::Array(items) => levels > 0 && items.iter().all(|item| item.is_within(levels - 1)),
            Self::Object(object) => object.is_within(levels),
            _ => true,
        }
    }

    fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(number) => Json::Number(number),
            Self::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Self::Array(items) => Json::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(object) => Json::Object(Box::new(object.into_owned())),
        }
    }
}

/// As JSON text.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
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

/// Reads one JSON object. A key that stands twice in one object is refused (readers differ in which of
/// the values they take), and so is nesting beyond 128 levels.
pub fn object(text: &str) -> Result<Object<'_>, RejectReason> {
    plain::object(text).map_or_else(|| parse(text).map_err(refused), Ok)
}

/// Reads one JSON object as nginx writes it where its `log_format` lacks `escape=json`: with `\xHH` in texts.
pub fn object_with_hex(text: &str) -> Result<Object<'_>, RejectReason> {
    if let Some(object) = plain::object(text) {
        return Ok(object);
    }
    parse(text).or_else(|error| match hex_to_unicode(text) {
        Cow::Borrowed(_) => Err(refused(error)),
        Cow::Owned(mended) => parse(&mended).map(Object::into_owned).map_err(|_| refused(error)),
    })
}

fn refused(error: serde_json::Error) -> RejectReason {
    RejectReason::new(format!("a JSON object was expected: {error}"))
}

/// How deep JSON within a text may be nested to be read as such: with what is around it, it must stay readable.
const NESTED: usize = 32;

/// The object or list that a text is the JSON of; `None` for any other text.
pub fn nested(text: &str) -> Option<Json<'static>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueSeed.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    value.is_within(NESTED).then(|| value.into_owned())
}

/// As [`String::from_utf8_lossy`], quicker for what is UTF-8.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn parse(text: &str) -> Result<Object<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = ObjectSeed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(object)
}

/// `\xHH` for one byte each; the bytes of a character are put together again.
fn hex_to_unicode(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let (byte, len) = match (
            bytes[at],
            bytes.get(at + 1),
            bytes.get(at + 2..at + 4).and_then(hex_byte),
        ) {
            (b'\\', Some(b'x'), Some(byte)) => (Some(byte), 4),
            (b'\\', Some(_), _) => (None, 2),
            _ => (None, 1),
        };
        match byte {
            Some(byte) if byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f) => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            }
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(&bytes[at..(at + len).min(bytes.len())]),
        }
        at += len;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The byte that two hexadecimal digits name.
pub fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |d: u8| (d as char).to_digit(16);
    let (high, low) = (digit(*digits.first()?)?, digit(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

struct ObjectSeed;

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Object<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut filling = Filling::default();
        while let Some(key) = access.next_key_seed(TextSeed)? {
            // The value is read first: where both it and the key are wrong, it is what is told.
            let value = access.next_value_seed(ValueSeed)?;
            if let Err(key) = filling.add(key, value) {
                return Err(A::Error::custom(format!(
                    "the key `{}` stands twice",
                    short(&key)
                )));
            }
        }
        Ok(filling.object)
    }
}

fn short(text: &str) -> String {
    ambit_event::printable(text, 60)
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Json<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(v).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(ValueSeed)? {
            items.push(item);
        }
        Ok(Json::Array(items.into_boxed_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        ObjectSeed
            .visit_map(access)
            .map(|object| Json::Object(Box::new(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_and_endless_objects_are_refused() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":{"a":1,"a":1}}"#,
            "[]",
            "{",
            r#"{"a":1} x"#,
            "",
        ] {
            assert!(object(bad).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        assert!(object(&deep).is_err());
        let wide: String = (0..100).map(|n| format!("\"k{n}\":1,")).collect();
        assert!(object(&format!("{{{wide}\"z\":1}}")).is_ok());
        assert!(object(&format!("{{{wide}\"k77\":1}}")).is_err());
    }

    #[test]
    fn order_and_values_stay() {
        let text = r#"{"b":1,"a":[1.5,null,true,"x"],"c":{"d":-2}}"#;
        let map = object(text).unwrap_or_default();
        assert_eq!(map.kept(0).as_json(), Some(text));
    }

    #[test]
    fn where_fields_stand_is_known() {
        for text in [
            r#"{"b":1,"a":[1.5,{"b":null}],"c":{"d":-2},"":"x\\\"y/","é":"\u0001"}"#,
            r#"{ "b" : "\u0041" , "a":"\/" }"#,
            "{}",
            r#"{"a\"b":1,"c":2}"#,
        ] {
            let kept = object(text).unwrap_or_default().kept(0);
            let read = |(name, value): (&str, &str)| {
                let value: serde_json::Value = serde_json::from_str(value).unwrap_or_default();
                (name.to_owned(), value)
            };
            let noted: Option<Vec<_>> = kept.written().map(|fields| fields.map(read).collect());
            let fields = kept.iter().map(|(name, value)| (name.clone(), value.clone()));
            let is_noted = !text.contains("a\\") && text != "{}";
            assert_eq!(noted, is_noted.then(|| fields.collect()), "{text}");
        }
    }

    #[test]
    fn what_is_nested_deep_is_kept_as_values() {
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        for (levels, is_text) in [(64, true), (65, false), (120, false)] {
            let text = nested(levels);
            let kept = object(&text).unwrap_or_default().kept(0);
            assert_eq!(kept.as_json().is_some(), is_text);
            assert_eq!(serde_json::to_string(&kept).ok(), Some(text));
        }
    }

    #[test]
    fn nginx_hex_escapes_become_their_characters() {
        let map = object_with_hex(r#"{"ua":"a\x22b\xC3\xA9\x5Cx\n","u":"\u0041"}"#).unwrap_or_default();
        assert_eq!(map.get("ua"), Some(&Json::Text("a\"bé\\x\n".into())));
        assert_eq!(map.get("u"), Some(&Json::Text("A".into())));
        assert!(object_with_hex(r#"{"ua":"\xZZ"}"#).is_err());
    }
}
