//! Looking at events beside what reads them.

use ambit_detect::Incoming;
use ambit_event::Event;
use anyhow::{Result, anyhow};
use std::thread::JoinHandle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// A thread that looks at events.
pub struct Looking {
    give: Sender<Vec<Event>>,
    thread: JoinHandle<Option<Incoming>>,
}

impl Looking {
    /// Up to so many batches wait. It goes on while that holds of what was seen.
    pub fn over(incoming: Incoming, ahead: usize, goes_on: fn(&Incoming) -> bool) -> Self {
        let (give, given) = channel(ahead);
        Self {
            give,
            thread: std::thread::spawn(move || look(incoming, given, goes_on)),
        }
    }

    /// Gives events to be looked at.
    pub async fn take(&self, events: Vec<Event>) {
        // Where it gave up, that is told at the end.
        let _ = self.give.send(events).await;
    }

    /// What was seen; `None` where it gave up.
    pub fn stop(self) -> Result<Option<Incoming>> {
        drop(self.give);
        let broken = |_| anyhow!("what looks at the events broke off");
        self.thread.join().map_err(broken)
    }
}

fn look(
    mut incoming: Incoming,
    mut given: Receiver<Vec<Event>>,
    goes_on: fn(&Incoming) -> bool,
) -> Option<Incoming> {
    while let Some(events) = given.blocking_recv() {
        for event in events {
            incoming.take(event);
        }
        if !goes_on(&incoming) {
            return None;
        }
    }
    Some(incoming)
}
