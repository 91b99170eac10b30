//! What texts of fields were found to be: the same few images, users and hashes come again and again.

use crate::row::Bare;
use ahash::RandomState;

/// Texts that are remembered, each in a place of its own; another one takes the place.
const PLACES: usize = 2048;
/// Longer ones are not.
const LONGEST: usize = 640;

/// The facts that texts make.
#[derive(Default)]
pub(super) struct Memo {
    key: RandomState,
    places: Vec<Option<Box<Known>>>,
}

struct Known {
    field: u32,
    is_escaped: bool,
    text: Box<str>,
    facts: Box<[u32]>,
}

impl Memo {
    /// The facts that a text of a field makes, if it is remembered; else from `find`, which then is.
    pub fn facts(&mut self, field: u32, text: Bare<'_>, find: impl FnOnce() -> Vec<u32>) -> &[u32] {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let at = self.key.hash_one((field, text.is_escaped, text.written)) as usize % PLACES;
        let is_it = |known: &Known| {
            known.field == field && known.is_escaped == text.is_escaped && *known.text == *text.written
        };
        let Some(place) = self.places.get_mut(at) else {
            return &[];
        };
        if !place.as_deref().is_some_and(is_it) {
            *place = Some(Box::new(Known {
                field,
                is_escaped: text.is_escaped,
                text: text.written.into(),
                facts: find().into(),
            }));
        }
        place.as_deref().map_or(&[], |known| &known.facts)
    }

    pub fn is_worth(text: Bare<'_>) -> bool {
        text.written.len() <= LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_of_the_same_field_and_text() {
        let mut memo = Memo::default();
        let mut n_found = 0;
        for _ in 0..2 {
            for n in 0..20_000_u32 {
                let written = format!("text {}", n / 4);
                let text = Bare {
                    written: &written,
                    is_escaped: n % 2 == 0,
                };
                let facts = memo.facts(n / 2 % 2, text, || {
                    n_found += 1;
                    vec![n]
                });
                assert_eq!(facts, [n]);
            }
        }
        assert!(n_found > 20_000 && memo.places.len() == PLACES);
        let text = Bare {
            written: "again",
            is_escaped: false,
        };
        assert_eq!(memo.facts(7, text, || vec![1, 2]), [1, 2]);
        assert_eq!(memo.facts(7, text, || vec![3]), [1, 2]);
    }
}
