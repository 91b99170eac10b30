//! Names that very many members have in common are kept once.

use ahash::RandomState;
use std::collections::HashSet;
use std::sync::Arc;

/// Names that are known at once; of more, those of before are forgotten, and live on with whoever has them.
const MOST: usize = 10_000;

/// The names of sources and hosts.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>, RandomState>);

impl Names {
    /// That name, the same one for all who ask.
    pub fn one(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let new: Arc<str> = name.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_not_for_ever() {
        let mut names = Names::default();
        let first = names.one("dc01");
        assert!(Arc::ptr_eq(&first, &names.one("dc01")));
        for nth in 0..2 * MOST {
            names.one(&nth.to_string());
        }
        assert!(names.0.len() <= MOST);
        assert_eq!((&*first, Arc::strong_count(&first)), ("dc01", 1));
    }
}
