//! How a run ended, for scripts.

use std::process::ExitCode;

/// How a run ended. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, and nothing was left out.
    Complete = 0,
    /// Not done; standard error says why.
    Failed = 1,
    /// Done, but incomplete: a record or file was rejected, a source is blind where it matters, or an
    /// operation is unmapped. What is shown holds, with that said.
    Incomplete = 3,
    /// Done, and an end has passed by which something was owed.
    Overdue = 4,
    /// Whoever read the answer closed the pipe before its end: what was not read was not told. 128 and SIGPIPE, as
    /// shells have it.
    Unread = 141,
}

impl Exit {
    /// Incomplete where the test holds, else complete.
    pub const fn incomplete_if(test: bool) -> Self {
        if test { Self::Incomplete } else { Self::Complete }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// For help texts. Code 2 is given by the reader of the command line.
pub const TEXT: &str = "Exit codes:
  0  complete
  1  failed; standard error says why
  2  the command line could not be understood
  3  done but incomplete: something was rejected, unmapped, or a source is blind where it matters
  4  a duty is overdue (`disclose status`)
  141  the reader closed the pipe before the end of the answer (`| head`)";
