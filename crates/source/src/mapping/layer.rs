//! Where the records of a list stand that is a part of another record: each is kept with its own bytes, not with those
//! of all.

use crate::elements;
use crate::json::{Json, Object};
use std::borrow::Cow;
use std::ops::Range;

/// What a record of a list is by itself.
pub struct Own<'t> {
    /// Its text; anew where it cannot be told where it stands.
    pub text: Cow<'t, str>,
    /// Its place in the text of the whole record, where that holds it as it is.
    pub place: Option<Range<usize>>,
}

/// A text that holds an object, and the way from there to the object that is looked at.
pub struct Layer<'t> {
    text: &'t str,
    way: String,
    /// Whether it is the record's own text, or one that stood in it behind escapes.
    is_outer: bool,
}

impl<'t> Layer<'t> {
    pub const fn outer(text: &'t str) -> Self {
        Self {
            text,
            way: String::new(),
            is_outer: true,
        }
    }

    pub const fn inner(text: &'t str) -> Self {
        Self {
            text,
            way: String::new(),
            is_outer: false,
        }
    }

    /// The object at this path.
    pub fn into(&self, path: &str) -> Self {
        Self {
            way: format!("{}{path}.", self.way),
            ..*self
        }
    }

    /// Each of the items of the list at this path.
    pub fn each(&self, path: &str, items: &[Json<'_>], then: &mut dyn FnMut(&Object<'_>, &Own<'_>)) {
        let nothing = Object::default();
        let places = self.places(path).filter(|places| places.len() == items.len());
        for (at, item) in items.iter().enumerate() {
            let place = places.as_ref().and_then(|places| places.get(at)).cloned();
            let text = place.as_ref().and_then(|place| self.text.get(place.clone()));
            let own = Own {
                text: match text {
                    Some(text) => Cow::Borrowed(text),
                    None => Cow::Owned(serde_json::to_string(item).unwrap_or_default()),
                },
                place: place.filter(|_| self.is_outer),
            };
            then(item.as_object().unwrap_or(&nothing), &own);
        }
    }

    pub const fn is_outer(&self) -> bool {
        self.is_outer
    }

    /// The object at this path by itself.
    pub fn own(&self, path: &str, object: &Object<'_>) -> Own<'t> {
        let place = self.place(path);
        Own {
            text: match place.as_ref().and_then(|place| self.text.get(place.clone())) {
                Some(text) => Cow::Borrowed(text),
                None => Cow::Owned(serde_json::to_string(object).unwrap_or_default()),
            },
            place: place.filter(|_| self.is_outer),
        }
    }

    fn place(&self, path: &str) -> Option<Range<usize>> {
        let whole = self.text.as_bytes();
        let mut at = 0..whole.len();
        let way = format!("{}{path}", self.way);
        for name in way.split('.') {
            let inner = elements::value_of(&whole[at.clone()], name)?;
            at = at.start + inner.start..at.start + inner.end;
        }
        Some(at)
    }

    fn places(&self, path: &str) -> Option<Vec<Range<usize>>> {
        let at = self.place(path)?;
        let found = elements::elements_of(&self.text.as_bytes()[at.clone()]);
        Some(
            found
                .into_iter()
                .map(|item| at.start + item.start..at.start + item.end)
                .collect(),
        )
    }
}
