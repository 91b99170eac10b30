//! The records that stand within another, as programs hand them on: every one of them, wherever they stand.

use super::layer::{Layer, Own};
use super::{LAYERS, Mapping};
use crate::json::{self, Json, Object};
use std::borrow::Cow;

/// A record that stands within another.
pub struct Held<'h> {
    pub fields: &'h Object<'h>,
    /// Which of the places in which records stand is its own, from 0 on; records of one list share one.
    pub place: usize,
    pub kind: Kind<'h>,
}

/// How it stands there.
pub enum Kind<'h> {
    /// In base64: this is the text.
    Encoded(&'h str),
    /// By itself.
    Alone(Alone<'h>),
    /// In a list.
    Listed(&'h Own<'h>),
}

/// Where a record that stands by itself does.
pub struct Alone<'h> {
    layer: &'h Layer<'h>,
    path: &'h str,
    /// Its text, where the field is one.
    text: Option<&'h str>,
}

impl Alone<'_> {
    /// How many bytes its text has, where the field is one.
    pub fn n_bytes(&self) -> usize {
        self.text.map_or(0, str::len)
    }

    pub fn own(&self, fields: &Object<'_>) -> Own<'_> {
        match self.text {
            Some(text) => Own {
                text: Cow::Borrowed(text.trim()),
                place: None,
            },
            None => self.layer.own(self.path, fields),
        }
    }
}

type Then<'t> = dyn for<'h> FnMut(Held<'h>) + 't;

/// A walk through the places of a record.
struct Walk<'w> {
    mapping: &'w Mapping,
    n_places: usize,
    /// Places of objects and lists in the outermost text.
    n_outer: usize,
    then: &'w mut Then<'w>,
}

impl Mapping {
    /// Goes through all known records within the one that this text is, those that stand alone before those in lists.
    /// Gives the number of their places, and whether there are others that no path leads to.
    pub(crate) fn each_held<'w>(
        &'w self,
        text: &str,
        fields: &Object<'_>,
        then: &'w mut Then<'w>,
    ) -> (usize, bool) {
        let mut walk = Walk {
            mapping: self,
            n_places: 0,
            n_outer: 0,
            then,
        };
        for text in self.decoded(fields) {
            walk.encoded(&text);
        }
        let outer = Layer::outer(text);
        walk.alone(&outer, fields, LAYERS);
        if self.lists().next().is_some() {
            walk.listed(&outer, fields, LAYERS);
        }
        let has_more = walk.n_places > 0 && self.n_known(fields, MOST_LEVELS) > walk.n_outer;
        (walk.n_places, has_more)
    }

    /// Whether a text can hold one of the lists in which records stand; it spares reading it.
    fn may_list(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let has = |name: &str| memchr::memmem::find(text, name.as_bytes()).is_some();
        let name = |path: &'_ str| path.rsplit('.').next().is_none_or(has);
        // A key may be written with escapes, or in other letters.
        self.spec.ignore_case || has("\\u") || self.lists().any(name)
    }

    /// In how many places of an object known records and lists of such stand.
    fn n_known(&self, fields: &Object<'_>, levels: usize) -> usize {
        let n_in = |value: &Json<'_>| match value {
            Json::Array(items) => usize::from(
                items
                    .iter()
                    .filter_map(Json::as_object)
                    .any(|item| self.knows(item)),
            ),
            Json::Object(inner) if self.knows(inner) => 1,
            Json::Object(inner) if levels > 1 => self.n_known(inner, levels - 1),
            _ => 0,
        };
        fields.iter().map(|(_, value)| n_in(value)).sum()
    }
}

/// Objects, one in the other, in which records are looked for that no path leads to.
const MOST_LEVELS: usize = 4;

impl Walk<'_> {
    fn tell(&mut self, fields: &Object<'_>, place: usize, kind: Kind<'_>) {
        (self.then)(Held { fields, place, kind });
    }

    fn begin_place(&mut self) -> usize {
        self.n_places += 1;
        self.n_places - 1
    }

    fn encoded(&mut self, text: &str) {
        if let Ok(fields) = json::object(text.trim())
            && self.mapping.knows_plain(&fields)
        {
            let place = self.begin_place();
            self.tell(&fields, place, Kind::Encoded(text));
        }
    }

    fn alone(&mut self, layer: &Layer<'_>, fields: &Object<'_>, layers: usize) {
        let mapping = self.mapping;
        for path in mapping.spec.within.as_slice().iter().filter(|_| layers > 0) {
            match mapping.names().within(fields, path) {
                Some(Json::Object(inner)) if mapping.knows(inner) => {
                    self.n_outer += usize::from(layer.is_outer());
                    self.found_alone(layer, path, None, inner);
                }
                Some(Json::Object(inner)) => self.alone(&layer.into(path), inner, layers - 1),
                Some(Json::Text(text)) if text.trim_start().starts_with('{') => {
                    let Ok(inner) = json::object(text.trim()) else {
                        continue;
                    };
                    match mapping.knows(&inner) {
                        true => self.found_alone(layer, path, Some(text), &inner),
                        false => self.alone(&Layer::inner(text.trim()), &inner, layers - 1),
                    }
                }
                _ => {}
            }
        }
    }

    fn found_alone(&mut self, layer: &Layer<'_>, path: &str, text: Option<&str>, fields: &Object<'_>) {
        let place = self.begin_place();
        self.tell(fields, place, Kind::Alone(Alone { layer, path, text }));
    }

    fn listed(&mut self, layer: &Layer<'_>, fields: &Object<'_>, layers: usize) {
        let mapping = self.mapping;
        let is_known = |item: &Json<'_>| item.as_object().is_some_and(|item| mapping.knows(item));
        for path in mapping.lists() {
            if let Some(Json::Array(items)) = mapping.names().within(fields, path)
                && items.iter().any(is_known)
            {
                let place = self.begin_place();
                self.n_outer += usize::from(layer.is_outer());
                layer.each(path, items, &mut |item, own| {
                    self.tell(item, place, Kind::Listed(own));
                });
            }
        }
        for path in mapping.spec.within.as_slice().iter().filter(|_| layers > 0) {
            match mapping.names().within(fields, path) {
                Some(Json::Object(inner)) if !mapping.knows(inner) => {
                    self.listed(&layer.into(path), inner, layers - 1);
                }
                Some(Json::Text(text)) if text.trim_start().starts_with('{') && mapping.may_list(text) => {
                    let Ok(inner) = json::object(text.trim()) else {
                        continue;
                    };
                    if !mapping.knows(&inner) {
                        self.listed(&Layer::inner(text.trim()), &inner, layers - 1);
                    }
                }
                _ => {}
            }
        }
    }
}
