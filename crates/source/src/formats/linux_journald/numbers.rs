//! The journal numbers its entries: which numbers are left out.

use ambit_event::{Loss, Span, Timestamp};
use std::collections::BTreeMap;

/// Numberings that are followed; more are in no one journal.
const MOST: usize = 1000;
/// Bytes of a numbering's name; it is 32 digits.
const LONGEST: usize = 100;

/// So many entries in a row end a stretch in which numbers are left out. An export of some units only leaves out
/// numbers before nearly every entry: that is one loss, not thousands.
const WHOLE: u32 = 16;

/// The place of an entry in its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The journal's numbering.
    pub journal: String,
    pub number: u64,
}

impl Place {
    /// As the entry's fields tell, or its cursor: `s=JOURNAL;i=NUMBER;b=…`, the number in hexadecimal.
    pub fn of(number: Option<&str>, journal: Option<&str>, cursor: Option<&str>) -> Option<Self> {
        if let (Some(number), Some(journal)) = (number, journal) {
            return Some(Self {
                journal: journal.to_owned(),
                number: number.parse().ok()?,
            });
        }
        let part = |name: &str| cursor?.split(';').find_map(|part| part.strip_prefix(name));
        Some(Self {
            journal: part("s=")?.to_owned(),
            number: u64::from_str_radix(part("i=")?, 16).ok()?,
        })
    }
}

#[derive(Debug, Default)]
pub struct Numbers {
    journals: BTreeMap<String, Journal>,
}

#[derive(Debug)]
struct Journal {
    last: u64,
    at: Timestamp,
    host: Option<String>,
    /// The open stretch: its span, how many numbers it lacks, and how many entries followed without a gap.
    missing: Option<(Span, u64, u32)>,
}

impl Numbers {
    /// Takes in an entry's place; gives what is lost once a stretch of losses ends.
    pub fn add(&mut self, place: &Place, at: Timestamp, host: Option<&str>) -> Option<Loss> {
        let Some(journal) = self.journals.get_mut(&place.journal) else {
            if self.journals.len() < MOST && place.journal.len() <= LONGEST {
                let first = Journal {
                    last: place.number,
                    at,
                    host: host.filter(|host| host.len() <= 255).map(str::to_owned),
                    missing: None,
                };
                self.journals.insert(place.journal.clone(), first);
            }
            return None;
        };
        let n_missing = place.number.saturating_sub(journal.last).saturating_sub(1);
        let ended = match n_missing {
            0 => journal.go_on(),
            n => {
                journal.lack(n, at);
                None
            }
        };
        if place.number > journal.last {
            (journal.last, journal.at) = (place.number, at);
        }
        ended
    }

    /// What is still open where the log ends.
    pub fn finish(&mut self) -> Vec<Loss> {
        self.journals.values_mut().filter_map(Journal::end).collect()
    }
}

impl Journal {
    fn lack(&mut self, n: u64, until: Timestamp) {
        let span = Span::new(self.at.min(until), until.plus_nanos(1));
        let (before, n_before, _) = self.missing.unwrap_or((span, 0, 0));
        self.missing = Some((before.hull(span), n_before.saturating_add(n), 0));
    }

    fn go_on(&mut self) -> Option<Loss> {
        let (_, _, n_whole) = self.missing.as_mut()?;
        *n_whole += 1;
        if *n_whole < WHOLE {
            return None;
        }
        self.end()
    }

    fn end(&mut self) -> Option<Loss> {
        let (span, n, _) = self.missing.take()?;
        Some(Loss {
            source: String::new(),
            host: self.host.clone(),
            span,
            at_most: Some(n),
            why: "the journal's numbers leave entries out".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_left_out_are_losses() {
        let mut numbers = Numbers::default();
        let mut lost = Vec::new();
        let numbered: Vec<u64> = (1..30).chain(40..80).chain([90, 95]).collect();
        for number in numbered {
            let place = Place::of(None, None, Some(&format!("s=a;i={number:x};b=c"))).unwrap_or(Place {
                journal: String::new(),
                number: 0,
            });
            let at = Timestamp(i64::try_from(number).unwrap_or(0));
            lost.extend(numbers.add(&place, at, None));
        }
        lost.extend(numbers.finish());
        let shown: Vec<_> = lost
            .iter()
            .map(|l| (l.span.from.0, l.span.until.0, l.at_most))
            .collect();
        assert_eq!(shown, [(29, 41, Some(10)), (79, 96, Some(14))]);
    }
}
