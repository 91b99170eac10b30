//! Progress of long work: on a terminal, on standard error, and nowhere else.

use crate::words;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Counts bytes, events and rejects and shows them with rate and time left.
pub struct Progress {
    bar: ProgressBar,
    n_events: u64,
    n_rejects: u64,
    /// Bytes of the files that are done.
    done: u64,
}

const EVENTS: &str = "{bar:24} {human_pos}/{human_len} events {per_sec} {eta} left";
const TEMPLATE: &str = "{bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left · {msg}";

impl Progress {
    /// A bar over so many bytes of files.
    pub fn over(n_bytes: u64) -> Self {
        let is_watched = std::io::stderr().is_terminal();
        let target = if is_watched {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(n_bytes), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        if is_watched {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            bar,
            n_events: 0,
            n_rejects: 0,
            done: 0,
        }
    }

    /// A bar over so many events that are looked at.
    pub fn of_events(n_events: u64) -> Self {
        let progress = Self::over(n_events);
        if let Ok(style) = ProgressStyle::with_template(EVENTS) {
            progress.bar.set_style(style);
        }
        progress
    }

    /// More events were looked at.
    pub fn looked(&mut self, n_events: u64) {
        self.bar.inc(n_events);
    }

    /// Some of a file was read: so far `offset` of its bytes, which may be more than the file has where it
    /// is compressed.
    pub fn read(&mut self, offset: u64, of: u64, n_events: u64, n_rejects: u64) {
        self.n_events += n_events;
        self.n_rejects += n_rejects;
        self.bar.set_position(self.done + offset.min(of));
        self.bar.set_message(format!(
            "{} events, {} rejects",
            words::number(self.n_events),
            words::number(self.n_rejects)
        ));
    }

    /// A file is done.
    pub fn file_done(&mut self, n_bytes: u64) {
        self.done += n_bytes;
        self.bar.set_position(self.done);
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
