//! What a format is: how it is recognized, framed and decoded.

use crate::contained::Ajar;
use crate::elements::IsRecord;
use crate::{Confidence, Error, RawRecord, RejectReason, Sample};
use ambit_event::{Event, Keys, Loss, Span, Timestamp};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// One producer's records in one form. A format is one file or folder under `formats`, plus its line
/// in [`crate::formats`].
pub trait Format: Send + Sync {
    /// `vendor_product[_stream]`, such as `nginx_access`.
    fn name(&self) -> &str;

    /// The source of its events and rejects. Forms of the same log (a database's CSV and JSON log) share
    /// one, so that what they record is one stream.
    fn source(&self) -> &str {
        self.name()
    }

    /// The manual page: what it reads, how it is recognized, which columns it fills, what its coverage
    /// can prove. Plain text.
    fn manual(&self) -> &str;

    /// How sure it is that these are its records.
    fn recognize(&self, sample: &Sample<'_>) -> Confidence;

    /// How a file is cut into records.
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    /// Whether a file's first line names the columns, so that it is no record and many files begin with it.
    fn names_columns(&self) -> bool {
        false
    }

    /// Whether the producer gives each record a name of its own that no other has, on whatever host: then the
    /// same record in two files is one, and nobody needs to say whether two hosts wrote it.
    fn names_records(&self) -> bool {
        false
    }

    /// Whether decoding a record depends on the records before it. Then a resumed file is decoded
    /// from its start (what the checkpoint covers is not given out again).
    fn is_stateful(&self) -> bool {
        false
    }

    /// A fresh decoder for one file.
    ///
    /// # Errors
    /// [`Error::Option`] where an option that it needs is missing or wrong.
    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error>;
}

/// Turns the records of one file, in order, into events. Pure: the same records give the same events.
pub trait Decoder: Send {
    /// Decodes one record: pushes its events (none where the record is a mere header or comment), or
    /// says why it cannot.
    ///
    /// The reader afterwards fills what the decoder leaves empty: `source` (the format's name), `host`
    /// (the context's), `provenance`, `raw`, and `id` (n-th occurrence of the raw bytes) where it is still
    /// [`ambit_event::EventId::default`]. A record with a native id sets `id` itself.
    ///
    /// # Errors
    /// The reason; events that were pushed for this record are then taken back, and it becomes a reject.
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason>;

    /// Offset of the earliest record whose events are still held back, because a later record tells how
    /// they ended. A checkpoint goes no further than this. Such an event brings its own `raw` and
    /// `provenance` (offset, length, line) when it is pushed at last, in `decode` of a later record or in
    /// `finish`; the reader fills those two only where `raw` is empty. So does an event that is only a part
    /// of its raw record.
    fn held_from(&self) -> Option<u64> {
        None
    }

    /// Whether events of the record at that offset are held back, or may be.
    fn holds(&self, offset: u64) -> bool {
        self.held_from().is_some_and(|from| from <= offset)
    }

    /// Lines within which the file ends, as far as it was decoded: a rotated sibling goes on with them.
    fn ajar(&self) -> Ajar {
        Ajar::default()
    }

    /// Told before the first record: what gives the beginning of the file, for decoders to which it tells how all of it
    /// is to be read.
    fn foresee(&mut self, _head: &mut dyn FnMut() -> Vec<u8>) {}

    /// A record that an earlier reading gave out is passed over, of which only what it tells of later ones counts.
    fn pass_over(&mut self, _record: &RawRecord<'_>) {}

    /// The file goes on where an older sibling ended so; told before the first record.
    fn goes_on_from(&mut self, _older: Ajar) {}

    /// The file has ended: pushes whatever is held back. Where the file may grow ([`Output::may_grow`]), what is only
    /// the beginning of an event can wait instead ([`Output::unfinished`]): it is read again with its rest.
    fn finish(&mut self, _out: &mut Output) {}
}

/// What a decoder has to say.
#[derive(Debug, Default)]
pub struct Output {
    pub events: Vec<Event>,
    /// Records that the log itself says are missing (suppressed, rate limited, dropped).
    pub losses: Vec<Loss>,
    /// Earlier records whose events were held back, and that say nothing beside the event of a later one.
    pub n_silent: u64,
    /// Parts of a raw record that are no event, where the record holds several.
    pub refused: Vec<Refused>,
    /// Parts at the end of the file whose rest may still come: told in `finish`, and settled when it has come.
    pub unfinished: Vec<Refused>,
    /// Whether the file may grow and is then read on from where an event is held back: said before `finish`.
    pub may_grow: bool,
}

/// A part of a raw record that cannot be read, while the others can.
#[derive(Debug)]
pub struct Refused {
    /// Its first byte in the (decompressed) file.
    pub offset: u64,
    /// The line or chunk in which it stands.
    pub line: u64,
    /// Bytes of the file from there on in which it stands: more than its own where it stands behind escapes.
    pub n_bytes: u64,
    /// Its bytes, as far as they are known to be its own.
    pub raw: Vec<u8>,
    pub reason: RejectReason,
}

impl Output {
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// A part of the raw record cannot be read. Parts are told in the order of their offsets, as events are.
    pub fn refuse(&mut self, refused: Refused) {
        self.refused.push(refused);
    }

    /// The log says that records are missing. An empty source or absent host is filled by the reader.
    pub fn lose(&mut self, span: Span, at_most: Option<u64>, why: impl Into<String>) {
        self.losses.push(Loss {
            source: String::new(),
            host: None,
            span,
            at_most,
            why: why.into(),
        });
    }
}

/// Whether a line begins a record.
pub type Begins = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// How a file is cut into records.
#[derive(Clone)]
pub enum Framing {
    /// One line, one record. Blank lines are no records.
    Lines,
    /// A record begins at each line for which the test holds and goes on until the next such line;
    /// its bytes include the line ends between.
    Blocks(Begins),
    /// JSON records: the elements of an array where the file is one, or is an object that holds one and is no
    /// record itself by this test; objects one behind the other where the first is spread over lines (a line between
    /// them is handed out as a record too); else one line, one record. What stands beside the array in such an
    /// object is no record.
    Json(IsRecord),
    /// CSV records: a line end within double quotes belongs to the record.
    Csv,
    /// XML elements of this name, wherever in a line they begin and end. A line beside them, or the part of one, is
    /// handed out as a record too.
    Elements(Elements),
    /// Records of `NAME=value` lines, each ended by an empty line. A line without `=` names a value that may hold
    /// anything: its length as eight bytes, the lowest first, the value, and a line end follow.
    Fields,
    /// Binary files that are a header and then chunks, all of one size. The header is the first record, each
    /// chunk another; a decoder that finds several records in one gives each event its own `raw` and
    /// `provenance`. Such files are written to in place: one that was changed is read from its start, and only
    /// the very same bytes are read on from where their reading stopped.
    Chunks { header: usize, chunk: usize },
}

/// XML elements that are records, and what tells them from others of their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elements {
    pub name: &'static str,
    /// The element in a record that may hold anything, others of the record's name too.
    pub holder: &'static str,
    /// With what each record begins: an element of the name that begins so is a record, wherever it stands.
    pub first: &'static str,
}

/// What a decoder knows beside the records.
#[derive(Clone)]
pub struct Context {
    /// The host that a person named for this evidence.
    pub host: Option<String>,
    /// The zone of times that name none; UTC where nobody said otherwise.
    pub time_zone: TimeZone,
    /// When the file was last written, as its file system or archive says: for records that leave
    /// the year out. `None` where unknown.
    pub modified: Option<Timestamp>,
    /// The producer's own pattern for its lines (nginx `log_format`, Apache `LogFormat`,
    /// Envoy's format string, PostgreSQL `log_line_prefix`).
    pub log_format: Option<String>,
    pub keys: Keys,
    /// Whether the records stand within those of another source, whose places their events get.
    pub is_within: bool,
    /// Whether records of several programs and hosts stand in one file: then one tells nothing of another.
    pub is_mixed: bool,
}

impl Context {
    /// A context in which nobody said anything.
    #[must_use]
    pub fn bare(keys: Keys) -> Self {
        Self {
            host: None,
            time_zone: TimeZone::UTC,
            modified: None,
            log_format: None,
            keys,
            is_within: false,
            is_mixed: false,
        }
    }
}
