//! Lines that a container runtime cut into pieces, put together again: stream by stream, up to the piece that ends
//! the line. What a piece begins with is chosen by whoever makes a line long enough, so that a piece is never read
//! by itself.

use super::{Line, Shape, Stream};
use crate::{RawRecord, Refused, RejectReason};

/// Bytes of one line at most, and of the runtime's lines in which it stands.
const MOST: usize = 1 << 20;
pub const MOST_RAW: usize = 4 << 20;
/// Bytes of the file in which the rest of a line must come: until then no checkpoint goes beyond its beginning.
const FURTHEST: u64 = 16 << 20;
/// Docker cuts what is longer than its buffer. A shorter piece is what a process wrote last, without a line end: what
/// follows is another's.
const DOCKERS: usize = 16 << 10;

const UNENDED: &str = "a line that the container runtime cut does not go on: its end is missing";
const TOO_LONG: &str = "a line that the container runtime cut is longer than 1 MiB";
const LOST: &str = "a piece of a line that the container runtime cut, of which others cannot be read";
const FAR: &str = "a line that the container runtime cut does not go on within the next 16 MiB of the file";
const AT_THE_END: &str = "the file ends before a line that the container runtime cut into pieces";

/// A line, or several of one record, of which the raw bytes are more than one of the runtime's lines.
#[derive(Debug, Default)]
pub struct Joined {
    pub text: Vec<u8>,
    pub raw: Vec<u8>,
    pub offset: u64,
    pub line: u64,
    /// Where the record is a block of lines: the stream whose line is still open.
    open: Option<(Stream, Shape)>,
    /// Whole lines of the other stream that stand between the pieces of that one: they are lines of the record too.
    aside: Vec<u8>,
}

impl Joined {
    fn begin(record: &RawRecord<'_>) -> Self {
        Self {
            offset: record.offset,
            line: record.line,
            ..Self::default()
        }
    }

    /// A record by itself.
    pub fn of(record: &RawRecord<'_>) -> Self {
        let mut joined = Self::begin(record);
        joined.add_raw(record.bytes);
        joined
    }

    fn add_raw(&mut self, bytes: &[u8]) {
        if !self.raw.is_empty() {
            self.raw.push(b'\n');
        }
        self.raw.extend_from_slice(bytes);
    }

    const fn is_too_long(&self) -> bool {
        self.text.len() + self.aside.len() > MOST || self.raw.len() > MOST_RAW
    }

    pub fn refused(self, reason: RejectReason) -> Refused {
        Refused {
            offset: self.offset,
            line: self.line,
            n_bytes: self.raw.len() as u64,
            raw: self.raw,
            reason,
        }
    }

    fn because(self, why: &str) -> Refused {
        self.refused(RejectReason::new(why))
    }
}

/// Streams on which the last line of a file goes on. What stands first on such a one in the next of its rotated
/// siblings is the end of that line, whatever it looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ajar {
    out: bool,
    error: bool,
}

impl Ajar {
    /// Goes over a record of a file, be it one of a runtime's or not.
    pub fn see(&mut self, record: &[u8]) {
        for outer in record.split(|byte| *byte == b'\n') {
            if let Some(line) = super::line(&crate::json::text(outer)) {
                self.note(&line);
            }
        }
    }

    pub(super) fn note(&mut self, line: &Line<'_>) {
        let is_ajar = line.is_cut && goes_on(line);
        match line.stream {
            Stream::Out => self.out = is_ajar,
            Stream::Error => self.error = is_ajar,
        }
    }
}

/// What stands open on a stream.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Pieces(Joined),
    /// A line of which a piece is lost: the others are none either, up to its end.
    Lost,
}

/// What became of a runtime's line.
#[derive(Debug)]
pub enum Taken {
    /// It is a line by itself.
    Whole,
    /// It is the last piece of this one.
    Joined(Joined),
    /// It is a piece whose others are to come.
    Waits,
    /// It is a piece of a line that cannot be read: all that there was of it, itself included.
    Refused(Refused),
}

/// The lines of a file, one by one.
#[derive(Debug, Default)]
pub struct Lines {
    out: Open,
    error: Open,
}

impl Lines {
    /// Takes in a runtime's line.
    pub fn take(&mut self, line: &Line<'_>, record: &RawRecord<'_>) -> Taken {
        let open = match line.stream {
            Stream::Out => &mut self.out,
            Stream::Error => &mut self.error,
        };
        let mut joined = match std::mem::take(open) {
            Open::Nothing if !line.is_cut => return Taken::Whole,
            Open::Nothing => Joined::begin(record),
            Open::Pieces(joined) => joined,
            Open::Lost => {
                if line.is_cut && goes_on(line) {
                    *open = Open::Lost;
                }
                return Taken::Refused(Joined::of(record).because(LOST));
            }
        };
        let is_of_one = joined.open.is_none_or(|(_, shape)| shape == line.shape);
        joined.open = Some((line.stream, line.shape));
        joined.add_raw(record.bytes);
        joined.text.extend_from_slice(line.bytes(record.bytes));
        let wrong = match (is_of_one && goes_on(line), joined.is_too_long()) {
            (false, _) => Some(UNENDED),
            (true, true) => Some(TOO_LONG),
            (true, false) => None,
        };
        if line.is_cut {
            *open = match wrong {
                // Nothing can be the rest of it: what follows begins a line.
                Some(_) if !goes_on(line) => Open::Nothing,
                Some(_) => Open::Lost,
                None => {
                    *open = Open::Pieces(joined);
                    return Taken::Waits;
                }
            };
        }
        match wrong {
            Some(why) => Taken::Refused(joined.because(why)),
            None => Taken::Joined(joined),
        }
    }

    /// What stands first on these streams is the end of a line of another file.
    pub fn lose_all(&mut self, older: Ajar) {
        let lost = |is_ajar| if is_ajar { Open::Lost } else { Open::Nothing };
        (self.out, self.error) = (lost(older.out), lost(older.error));
    }

    /// What is no runtime's line stands between pieces: these are none of one line any more.
    pub fn interrupt(&mut self) -> Vec<Refused> {
        self.lose_where(|_| true, UNENDED)
    }

    /// Gives up lines whose rest does not come, where the file is read as far as this.
    pub fn give_up(&mut self, at: u64) -> Vec<Refused> {
        self.lose_where(|joined| at.saturating_sub(joined.offset) > FURTHEST, FAR)
    }

    fn lose_where(&mut self, test: impl Fn(&Joined) -> bool, why: &str) -> Vec<Refused> {
        let mut refused = Vec::new();
        for open in [&mut self.out, &mut self.error] {
            if let Open::Pieces(joined) = open
                && test(joined)
            {
                refused.push(std::mem::take(joined).because(why));
                *open = Open::Lost;
            }
        }
        refused.sort_by_key(|part| part.offset);
        refused
    }

    /// What is open where the file ends.
    pub fn finish(&mut self) -> Vec<Refused> {
        let mut refused = Vec::new();
        for open in [std::mem::take(&mut self.out), std::mem::take(&mut self.error)] {
            if let Open::Pieces(joined) = open {
                refused.push(joined.because(AT_THE_END));
            }
        }
        refused
    }

    /// The first byte of what is open.
    pub fn held_from(&self) -> Option<u64> {
        let of = |open: &Open| match open {
            Open::Pieces(joined) => Some(joined.offset),
            Open::Nothing | Open::Lost => None,
        };
        of(&self.out).into_iter().chain(of(&self.error)).min()
    }
}

/// The records of a file that are blocks of lines. The pieces of a line stand one behind the other on their stream, or it
/// is none: which record the lines between them belong to could not be told. Of the other stream whole records may stand
/// between, and whole lines, which are further lines of the record as they are where no line is cut.
#[derive(Debug, Default)]
pub struct Blocks {
    open: Option<Joined>,
    /// Streams on which the end of a line is awaited that cannot be read.
    is_out_lost: bool,
    is_error_lost: bool,
}

impl Blocks {
    /// Whether nothing is open: then a block without pieces is as it stands.
    pub const fn is_idle(&self) -> bool {
        self.open.is_none() && !self.is_out_lost && !self.is_error_lost
    }

    /// What stands first on these streams is the end of a line of another file.
    pub const fn lose_all(&mut self, older: Ajar) {
        (self.is_out_lost, self.is_error_lost) = (older.out, older.error);
    }

    /// Takes in a block of the runtime's lines; gives records that are whole now, and refuses others.
    pub fn take(&mut self, record: &RawRecord<'_>, refused: &mut Vec<Refused>) -> Option<Joined> {
        if let Some(apart) = self.apart(record) {
            return Some(apart);
        }
        let first = record.bytes.split(|byte| *byte == b'\n').next();
        let first = first.map(|bytes| crate::json::text(bytes).into_owned());
        let first = first.as_deref().and_then(super::line);
        let mut joined = match self.open.take() {
            Some(open) if first.is_some_and(|line| open.open == Some((line.stream, line.shape))) => open,
            Some(open) => {
                self.lose(open.open);
                refused.push(open.because(UNENDED));
                Joined::begin(record)
            }
            None => Joined::begin(record),
        };
        let mut wrong = None;
        for outer in record.bytes.split(|byte| *byte == b'\n') {
            let text = crate::json::text(outer);
            wrong = wrong.or(match super::line(&text) {
                Some(line) => self.add(&mut joined, &line, outer),
                None => self.add_other(&mut joined, outer),
            });
            joined.add_raw(outer);
        }
        if wrong.is_none() && joined.is_too_long() {
            wrong = Some(TOO_LONG);
        }
        match wrong {
            Some(why) => {
                self.lose(joined.open);
                refused.push(joined.because(why));
                None
            }
            None if joined.open.is_some() => {
                self.open = Some(joined);
                None
            }
            None => Some(joined),
        }
    }

    /// A block of the other stream than that on which a line is open, which is a record by itself.
    fn apart(&self, record: &RawRecord<'_>) -> Option<Joined> {
        let open = self.open.as_ref()?;
        let (stream, shape) = open.open?;
        let mut joined = Joined::of(record);
        for (nth, outer) in record.bytes.split(|byte| *byte == b'\n').enumerate() {
            let text = crate::json::text(outer);
            let line = super::line(&text)?;
            let is_other = line.stream != stream && line.shape == shape && !line.is_cut;
            if !is_other || self.is_out_lost || self.is_error_lost {
                return None;
            }
            if nth > 0 {
                joined.text.push(b'\n');
            }
            joined.text.extend_from_slice(line.bytes(outer));
        }
        let is_near = record.offset.saturating_sub(open.offset) <= FURTHEST;
        (is_near && !joined.is_too_long()).then_some(joined)
    }

    /// Adds a line or a piece of one; why the record cannot be read, where it cannot.
    fn add(&mut self, joined: &mut Joined, line: &Line<'_>, outer: &[u8]) -> Option<&'static str> {
        let lost = self.lost(line.stream);
        let is_open = line.is_cut && goes_on(line);
        if *lost {
            *lost = is_open;
            return Some(LOST);
        }
        let here = Some((line.stream, line.shape));
        let is_aside = joined
            .open
            .is_some_and(|(stream, shape)| stream != line.stream && shape == line.shape && !line.is_cut);
        if is_aside {
            joined.aside.push(b'\n');
            joined.aside.extend_from_slice(line.bytes(outer));
            return None;
        }
        if joined.open.is_some() && joined.open != here {
            self.lose(joined.open.take());
            self.lose(here.filter(|_| is_open));
            return Some(UNENDED);
        }
        if joined.open.is_none() && !joined.raw.is_empty() {
            joined.text.push(b'\n');
        }
        if joined.text.len() <= MOST {
            joined.text.extend_from_slice(line.bytes(outer));
        }
        joined.open = here.filter(|_| is_open);
        if joined.open.is_none() {
            joined.text.append(&mut joined.aside);
        }
        (!goes_on(line)).then_some(UNENDED)
    }

    fn add_other(&mut self, joined: &mut Joined, outer: &[u8]) -> Option<&'static str> {
        if joined.open.is_some() {
            self.lose(joined.open.take());
            return Some(UNENDED);
        }
        if !joined.raw.is_empty() {
            joined.text.push(b'\n');
        }
        joined.text.extend_from_slice(outer);
        None
    }

    fn lose(&mut self, open: Option<(Stream, Shape)>) {
        if let Some((stream, _)) = open {
            *self.lost(stream) = true;
        }
    }

    const fn lost(&mut self, stream: Stream) -> &mut bool {
        match stream {
            Stream::Out => &mut self.is_out_lost,
            Stream::Error => &mut self.is_error_lost,
        }
    }

    pub fn finish(&mut self) -> Option<Refused> {
        self.open.take().map(|open| open.because(AT_THE_END))
    }

    pub fn held_from(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.offset)
    }
}

/// Whether the rest of a piece is to come.
fn goes_on(line: &Line<'_>) -> bool {
    !line.is_cut || line.shape == Shape::BehindTime || line.text.len() >= DOCKERS
}
