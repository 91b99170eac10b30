//! How far the events' own time has come, and how late an event may be.

use ambit_event::Timestamp;

/// One event alone does not move the clock further than this: a wrong date in one record would make all others late.
const LEAP: i64 = 86_400 * 1_000_000_000;
/// So many events beyond the leap are believed.
const WITNESSES: u32 = 3;

/// The watermark: the latest time that is believed.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    newest: Timestamp,
    lateness: i64,
    /// The earliest of the events beyond a leap, and how many there were in a row.
    ahead: Option<(Timestamp, u32)>,
}

impl Clock {
    /// A clock that waits so many nanoseconds for events that are late.
    pub fn new(lateness: i64) -> Self {
        Self {
            newest: Timestamp::MIN,
            lateness: lateness.max(0),
            ahead: None,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.newest
    }

    /// Events before this are too late.
    pub fn horizon(&self) -> Timestamp {
        self.newest.plus_nanos(-self.lateness)
    }

    /// Takes in the time of an event.
    pub fn see(&mut self, at: Timestamp) {
        if self.newest == Timestamp::MIN {
            self.newest = at;
        } else if at.0.saturating_sub(self.newest.0) <= LEAP {
            self.newest = self.newest.max(at);
            self.ahead = None;
        } else {
            let (earliest, n) = self.ahead.map_or((at, 1), |(first, n)| (first.min(at), n + 1));
            self.ahead = Some((earliest, n));
            if n >= WITNESSES {
                self.newest = earliest;
                self.ahead = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_date_makes_nothing_late() {
        let mut clock = Clock::new(60);
        for at in [100, 90, i64::MAX, 120] {
            clock.see(Timestamp(at));
        }
        assert_eq!((clock.now(), clock.horizon()), (Timestamp(120), Timestamp(60)));
        for at in [LEAP * 3, LEAP * 4, LEAP * 3 + 5] {
            clock.see(Timestamp(at));
        }
        assert_eq!(clock.now(), Timestamp(LEAP * 3));
    }
}
