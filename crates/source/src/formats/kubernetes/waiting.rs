//! Requests of which only the beginning was read yet.

use ambit_event::Event;
use std::collections::{BTreeMap, HashMap};

/// Requests that are waited for, and the bytes of their records.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 32 << 20;

/// Where a record stands, and the how manieth event it is: those of a list share its place.
type Place = (u64, u64);

/// The newest record of each request that has not ended, by where its record stands in the file.
#[derive(Default)]
pub struct Waiting {
    by_place: BTreeMap<Place, (String, Event)>,
    places: HashMap<String, Place>,
    n_held: u64,
    n_bytes: usize,
}

impl Waiting {
    /// Waits with an event of the record that stands there for a later one of the same request. Whether an earlier one
    /// is settled by it.
    pub fn hold(&mut self, request: String, offset: u64, event: Event) -> bool {
        let settled = self.settle(&request);
        self.n_held += 1;
        let place = (offset, self.n_held);
        self.n_bytes += event.raw.len();
        self.places.insert(request.clone(), place);
        self.by_place.insert(place, (request, event));
        settled
    }

    /// The request has a later record: whether one was waited with.
    pub fn settle(&mut self, request: &str) -> bool {
        let place = self.places.remove(request);
        let found = place.and_then(|place| self.by_place.remove(&place));
        if let Some((_, event)) = &found {
            self.n_bytes -= event.raw.len();
        }
        found.is_some()
    }

    /// The earliest event, where more are waited with than may be.
    pub fn too_many(&mut self) -> Option<Event> {
        let is_full = self.by_place.len() > MOST || self.n_bytes > MOST_BYTES;
        if is_full { self.first() } else { None }
    }

    /// The earliest event; it is waited with no longer.
    pub fn first(&mut self) -> Option<Event> {
        let (_, (request, event)) = self.by_place.pop_first()?;
        self.places.remove(&request);
        self.n_bytes -= event.raw.len();
        Some(event)
    }

    /// Whether an event of the record that stands there is waited with.
    pub fn holds(&self, place: u64) -> bool {
        self.by_place
            .range((place, 0)..=(place, u64::MAX))
            .next()
            .is_some()
    }

    /// Where the record of the earliest event stands.
    pub fn from(&self) -> Option<u64> {
        self.by_place.first_key_value().map(|((place, _), _)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(offset: u64, n_bytes: usize) -> Event {
        let mut event = Event::default();
        event.provenance.offset = offset;
        event.raw = vec![b'x'; n_bytes];
        event
    }

    #[test]
    fn a_later_record_settles_an_earlier_one() {
        let mut waiting = Waiting::default();
        assert!(!waiting.hold("a".into(), 0, event(0, 1)));
        assert!(!waiting.hold("b".into(), 10, event(10, 1)));
        assert!(waiting.hold("a".into(), 20, event(20, 1)));
        assert_eq!(waiting.from(), Some(10));
        assert!(waiting.settle("b") && !waiting.settle("b"));
        assert_eq!(waiting.first().map(|e| e.provenance.offset), Some(20));
        assert_eq!((waiting.from(), waiting.n_bytes), (None, 0));
    }

    #[test]
    fn so_many_are_waited_for_and_no_more() {
        let mut waiting = Waiting::default();
        let mut released = 0;
        for n in 0..MOST as u64 + 5 {
            waiting.hold(n.to_string(), n, event(n, 1));
            released += usize::from(waiting.too_many().is_some());
        }
        assert_eq!((released, waiting.from()), (5, Some(5)));
        waiting.hold("long".into(), 1 << 40, event(1 << 40, MOST_BYTES));
        let mut n = 0;
        while waiting.too_many().is_some() {
            n += 1;
        }
        assert_eq!((n, waiting.from()), (MOST, Some(1 << 40)));
    }
}
