//! What a person says about the evidence.

use crate::capped::Caps;
use crate::{Context, Error, Format, Mapping, ToldList, formats};
use ambit_event::{Keys, Timestamp};
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Arc;

/// What a person says about the evidence. Everything may be left out: then formats are recognized, hosts
/// are those that the records name, and times without a zone are UTC.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source of every file, instead of recognizing it.
    pub source: Option<String>,
    /// The host that wrote the files. Two hosts' logs whose lines name no host need one each: without it,
    /// lines that are the same in both count once, as those of a copy do, and a note says how many.
    pub host: Option<String>,
    /// The zone of times that name none: an IANA name such as `Europe/Stockholm`, or `+02:00`.
    pub time_zone: Option<String>,
    /// The producer's own pattern for its lines: nginx `log_format`, Apache `LogFormat`, Envoy's format
    /// string, PostgreSQL `log_line_prefix`.
    pub log_format: Option<String>,
    /// Sources that are declared beside the built-in ones. One whose `[recognize]` knows a file goes before
    /// every built-in one, however sure that is.
    pub mappings: Vec<Mapping>,
    /// What was said of files before. It holds where nothing is said now.
    pub told: ToldList,
    /// A folder that is no evidence and is passed over where it lies in one that is read: the lake itself.
    pub own_folder: Option<PathBuf>,
    /// Whether a last record without its end is taken as it is.
    pub last_record: LastRecord,
    /// Whether a later reading may go on where this one ends. Without, checkpoints say nothing of what was read.
    pub may_go_on: bool,
    /// Events per batch: so few that they stay in the processor's cache until they are taken from it.
    pub batch_events: usize,
    pub caps: Caps,
}

/// What holds of the last record of a file where its end (mostly a line end) is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastRecord {
    /// Nobody knows whether the rest is still to come, or was cut off: it is held back until it is there, unless the
    /// record shows by itself that it is whole.
    #[default]
    MayBeCut,
    /// A person, or a digest of the whole file, says that the file is all there.
    IsWhole,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: None,
            host: None,
            time_zone: None,
            log_format: None,
            mappings: Vec::new(),
            told: ToldList::default(),
            own_folder: None,
            last_record: LastRecord::default(),
            may_go_on: true,
            batch_events: 256,
            caps: Caps::default(),
        }
    }
}

impl Options {
    /// Every format that these options know: the declared ones, then the built-in ones.
    #[must_use]
    pub fn formats(&self) -> Vec<Arc<dyn Format>> {
        let declared = self.mappings.iter().map(formats::declared);
        declared.chain(formats::built_in()).collect()
    }

    /// The format of that name.
    ///
    /// # Errors
    /// [`Error::NoSource`] with the known names.
    pub fn format(&self, name: &str) -> Result<Arc<dyn Format>, Error> {
        let known = self.formats();
        known
            .iter()
            .find(|f| f.name() == name)
            .cloned()
            .ok_or_else(|| Error::NoSource {
                name: name.to_owned(),
                known: known.iter().map(|f| f.name()).collect::<Vec<_>>().join(", "),
            })
    }

    /// Whether what was said can be followed in any file at all.
    ///
    /// # Errors
    /// [`Error::NoSource`] and [`Error::Option`], before a file is opened.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(name) = &self.source {
            self.format(name)?;
        }
        self.zone().map(drop)
    }

    /// What a decoder knows of a file beside its records.
    ///
    /// # Errors
    /// [`Error::Option`] where the time zone is unknown.
    pub fn context(&self, keys: &Keys, modified: Option<Timestamp>) -> Result<Context, Error> {
        Ok(Context {
            host: self.host.clone(),
            time_zone: self.zone()?,
            modified,
            log_format: self.log_format.clone(),
            keys: keys.clone(),
            is_within: false,
            is_mixed: false,
        })
    }

    fn zone(&self) -> Result<TimeZone, Error> {
        match &self.time_zone {
            None => Ok(TimeZone::UTC),
            Some(name) => crate::time::zone(name).ok_or_else(|| Error::Option {
                option: "time zone".into(),
                why: format!(
                    "`{name}` is neither an IANA zone such as Europe/Stockholm nor an offset such as +02:00"
                ),
            }),
        }
    }
}
