//! Somebody clears a log, stops one, or takes it away.

use super::recent::{Recent, folds_recent};
use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Who};
use ambit_event::{Level, Outcome};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogTampering {
    /// What happens within so many seconds on one host is one finding.
    within_secs: i64,
}

impl Default for LogTampering {
    fn default() -> Self {
        Self { within_secs: 600 }
    }
}

/// What was done to a log.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    who: Arc<Who>,
    level: Level,
    what: &'static str,
    attack: &'static str,
}

impl Fold for LogTampering {
    type Member = Deed;
    type State = Recent<()>;

    fn step(&self, state: &mut Self::State, at: Stamp, deed: &Deed, out: &mut Out) {
        state.push(at, &deed.who, (), self.within_secs, out);
        state.note(true, at, &deed.who, self.within_secs, |()| true, out);
        if let Some(open) = &mut state.open {
            open.attack.insert(deed.attack);
            if open.level < Some(deed.level) {
                (open.level, open.because) = (Some(deed.level), Some(deed.what.to_owned()));
            }
        }
    }

    folds_recent!(within_secs);
}

/// Calls that stop or narrow a cloud's own log.
const CALLS: [&str; 14] = [
    "cloudtrail:stoplogging",
    "cloudtrail:deletetrail",
    "cloudtrail:updatetrail",
    "cloudtrail:puteventselectors",
    "logs:deleteloggroup",
    "logs:deletelogstream",
    "ec2:deleteflowlogs",
    "guardduty:deletedetector",
    "config:stopconfigurationrecorder",
    "s3:putbucketlogging",
    "google.logging.v2.configservicev2.deletesink",
    "google.logging.v2.loggingservicev2.deletelog",
    "microsoft.insights/diagnosticsettings/delete",
    "set-adminauditlogconfig",
];
/// Programs that take a file away or empty it.
const REMOVERS: [&str; 8] = [
    "rm",
    "shred",
    "truncate",
    "unlink",
    "srm",
    "wipe",
    "dd",
    "journalctl",
];

// Techniques, by what was done.
const DATABASE: &str = "T1685";
const CLOUD: &str = "T1685.002";
const STOPPED: &str = "T1685.004";
const WINDOWS: &str = "T1685.005";
const FILES: &str = "T1685.006";

fn deed(seen: &Seen<'_>) -> Option<(Level, &'static str, &'static str)> {
    let event = seen.event;
    let operation = event.operation.as_deref().unwrap_or("").to_ascii_lowercase();
    let activity = event.activity.as_deref().unwrap_or("");
    let is_refused = matches!(event.outcome, Outcome::Denied | Outcome::Failure);
    let weigh = |level: Level| if is_refused { Level::Low } else { level };
    match seen.class() {
        "event_log" if activity == "Clear" => Some((weigh(Level::High), "a log was cleared", WINDOWS)),
        "process_activity" => {
            removal(event.message.as_deref()?).map(|(what, attack)| (weigh(Level::Medium), what, attack))
        }
        "datastore_activity" => {
            let text = event.query_text.as_deref()?.to_ascii_lowercase();
            let is_off =
                (text.contains("alter system") || text.contains("alter role") || text.starts_with("set "))
                    && [
                        "pgaudit.log",
                        "log_statement",
                        "logging_collector",
                        "log_connections",
                    ]
                    .iter()
                    .any(|name| text.contains(name));
            is_off.then(|| (weigh(Level::Medium), "what a database logs was changed", DATABASE))
        }
        _ => CALLS.iter().any(|call| operation.ends_with(call)).then(|| {
            (
                weigh(Level::High),
                "a cloud's own log was stopped, narrowed or deleted",
                CLOUD,
            )
        }),
    }
}

/// What a command line does to logs.
fn removal(command: &str) -> Option<(&'static str, &'static str)> {
    let mut words = command.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    let rest: Vec<&str> = words.collect();
    let is_log = |word: &&str| {
        word.contains("/var/log") || word.contains(".bash_history") || word.starts_with("--vacuum")
    };
    if REMOVERS.contains(&program) && rest.iter().any(is_log) {
        return Some(("files of logs were removed or emptied", FILES));
    }
    let is_stop = matches!(program, "systemctl" | "service")
        && rest
            .iter()
            .any(|word| matches!(*word, "stop" | "disable" | "mask"))
        && rest.iter().any(|word| {
            ["auditd", "rsyslog", "syslog", "journald"]
                .iter()
                .any(|name| word.starts_with(name))
        });
    let switches_off = || rest.windows(2).any(|pair| pair == ["-e", "0"]);
    let is_audit_off = program == "auditctl" && (rest.contains(&"-D") || switches_off());
    (is_stop || is_audit_off).then_some(("a host's log was stopped", STOPPED))
}

impl Behaviour for LogTampering {
    const SHEET: Sheet = Sheet {
        id: "ambit.log_tampering",
        title: "A log was cleared, stopped or taken away",
        level: Level::Medium,
        attack: &[DATABASE, CLOUD, STOPPED, WINDOWS, FILES],
        doc: "A Windows log is cleared, a cloud's log stopped or narrowed, files of logs removed, a host's log or a \
              database's audit switched off. What is missing in a log without a word is in `ambit coverage`.",
        budget: "A few a year for each administrator.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Deed)) {
        let Some((level, what, attack)) = deed(seen) else {
            return;
        };
        let host = seen.event.host.as_deref().unwrap_or("");
        let deed = Deed {
            who: seen.who(),
            level,
            what,
            attack,
        };
        give(key(&[&seen.event.source, host]), deed);
    }
}
