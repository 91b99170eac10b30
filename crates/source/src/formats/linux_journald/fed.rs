//! The sources that a journal feeds beside its own: what it lost may have been any one's.

use ambit_event::{Loss, Span};
use std::collections::BTreeSet;

#[derive(Default)]
pub struct Fed {
    seen: BTreeSet<String>,
    /// All that the journal had lost so far, for those that show themselves later.
    before: Option<Loss>,
}

impl Fed {
    /// An entry of this source; what was lost before its first one.
    pub fn see(&mut self, source: &str) -> Option<Loss> {
        if self.seen.contains(source) {
            return None;
        }
        self.seen.insert(source.to_owned());
        self.before.clone().map(|loss| of(loss, source))
    }

    /// What each of them has lost.
    pub fn losses(&mut self, lost: &[Loss]) -> Vec<Loss> {
        let before = self.before.take().into_iter();
        self.before = before.chain(lost.iter().cloned()).reduce(joined);
        let each = lost
            .iter()
            .flat_map(|loss| self.seen.iter().map(|source| of(loss.clone(), source)));
        each.collect()
    }
}

fn of(loss: Loss, source: &str) -> Loss {
    Loss {
        source: source.to_owned(),
        ..loss
    }
}

/// One loss for two.
fn joined(a: Loss, b: Loss) -> Loss {
    Loss {
        span: Span::new(a.span.from.min(b.span.from), a.span.until.max(b.span.until)),
        at_most: a.at_most.zip(b.at_most).map(|(a, b)| a.saturating_add(b)),
        host: a.host.filter(|host| b.host.as_ref() == Some(host)),
        ..a
    }
}
