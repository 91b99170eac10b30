//! `ambit search`: events by a condition.

use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::{CaseArgs, Setting};
use crate::words;
use ambit_event::{Event, Span, Timestamp, mask, printable};
use ambit_lake::{Filter, Lake, Query};
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

/// Find events by a condition over columns, fields and text
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SearchArgs {
    /// The condition; nothing finds every event
    #[arg(value_name = "CONDITION", default_value = "")]
    condition: String,
    /// Show at most so many, the earliest first
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    case: CaseArgs,
}

/// A part of time.
#[derive(Debug, Clone, Default, Args)]
pub struct PeriodArgs {
    /// Only from this instant or day on (UTC): 2014-05-23T10:00:00Z, 2014-05-23
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// Only before this instant or day
    #[arg(long = "to", value_name = "TIME", value_parser = instant)]
    pub until: Option<Timestamp>,
}

const EXAMPLES: &str = "Examples:
  ambit search 'src_endpoint.ip = \"203.0.113.7\" and outcome = failure'
  ambit search 'session = fp_9c2f1e77aa10b3c4d5e6f701' --from 2014-05-23
  ambit search 'status in (401, 403) and not user_agent ~ \"*curl*\"'
  ambit search '\"alice@example.org\"'                      a text anywhere
  ambit search 'fields.request.headers.host = \"api\"'      a producer's own field
  ambit search 'operation ~ \"get /v1/users*\"' --json | jq -r '.events[].id'

Operators: = != < <= > >= ~ (pattern with *), in (a, b), present, absent; and, or, not, ( ).
In quotes, \\* in a pattern is a star itself and \\\\ a backslash: path ~ \"*/\\*\" ends with a star.
Columns go by OCSF path, lake name or short alias: ip, user, session, token, trace, path, status.";

#[derive(Serialize)]
struct Answer<'a> {
    lake_version: u64,
    /// All that answer the condition, not only those listed.
    n_events: u64,
    events: &'a [Event],
}

impl PeriodArgs {
    /// The span, which must not end before it begins.
    pub fn asked(&self) -> Result<Option<Span>> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if until <= from => bail!("--to {until} is not after --from {from}"),
            _ => Ok(self.span()),
        }
    }

    pub fn span(&self) -> Option<Span> {
        let ends = (self.from.is_some() || self.until.is_some()).then(|| {
            (
                self.from.unwrap_or(Timestamp::MIN),
                self.until.unwrap_or(Timestamp::MAX),
            )
        });
        ends.map(|(from, until)| Span::new(from, until))
    }
}

/// An RFC 3339 instant, or a day, which begins at midnight UTC.
pub fn instant(text: &str) -> Result<Timestamp, ambit_event::Error> {
    if text.len() == "2014-05-23".len() {
        return Timestamp::parse(&format!("{text}T00:00:00Z"));
    }
    Timestamp::parse(text)
}

pub async fn run(setting: &Setting, args: &SearchArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let (n_events, events) = find(&lake, args).await?;
    if setting.is_json {
        setting.json(&Answer {
            lake_version: lake.version().0,
            n_events,
            events: &events,
        })?;
        return Ok(Exit::Complete);
    }
    let is_revealed = setting.reveal(&args.case, &format!("search: {}", args.condition))?;
    tell(setting, n_events, &events, is_revealed)?;
    Ok(Exit::Complete)
}

async fn find(lake: &Lake, args: &SearchArgs) -> Result<(u64, Vec<Event>)> {
    let span = args.period.span().unwrap_or(Span::ALL);
    // The lake holds sessions and tokens as fingerprints: whoever has one looks for it as it is.
    let filter = Filter::parse(&args.condition)?.fingerprinted(lake.keys());
    let mut query = Query::of(filter).within(span);
    let n_events = lake.count(&query).await?;
    query.limit = Some(args.limit);
    Ok((n_events, lake.events(&query).await?))
}

fn tell(setting: &Setting, n_events: u64, events: &[Event], is_revealed: bool) -> Result<()> {
    if !events.is_empty() {
        let head = ["time (UTC)", "source", "who", "from", "what", "outcome", "event"]
            .map(str::to_owned)
            .to_vec();
        let mut rows = vec![head];
        rows.extend(events.iter().map(|event| row(event, is_revealed)));
        for (n, line) in columns(&rows).into_iter().enumerate() {
            let line = if n == 0 {
                setting.paint.tone(Tone::Faint, &line)
            } else {
                line
            };
            setting.say(&line)?;
        }
    }
    let shown = events.len() as u64;
    let more = if shown < n_events {
        format!(
            "; the first {} are shown, --limit shows more",
            words::number(shown)
        )
    } else {
        String::new()
    };
    Ok(setting.say(&format!("{}{more}", words::counted(n_events, "event", "events")))?)
}

pub fn row(event: &Event, is_revealed: bool) -> Vec<String> {
    let what = if is_revealed {
        event.resource.as_ref().or(event.operation.as_ref())
    } else {
        event.operation.as_ref()
    };
    let what = what.or(event.activity.as_ref()).or(event.class.as_ref());
    vec![
        words::instant(event.time),
        printable(&event.source, 24),
        who(event, is_revealed),
        printable(event.src_ip.as_deref().unwrap_or("-"), 40),
        printable(what.map_or("-", String::as_str), 60),
        event.outcome.to_string(),
        event.id.to_string(),
    ]
}

/// The account, masked where it may be a person's, else the session or service.
fn who(event: &Event, is_revealed: bool) -> String {
    let is_role = event.actor_realm.as_deref() == Some("db");
    match (&event.actor_user, &event.actor_session, &event.actor_service) {
        (Some(user), _, _) if is_role || is_revealed => printable(user, 24),
        (Some(user), _, _) => mask(user),
        (None, Some(session), _) => printable(session, 15),
        (None, None, Some(service)) => printable(service, 24),
        (None, None, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn periods_take_instants_and_days() {
        assert_eq!(instant("2014-05-23"), instant("2014-05-23T02:00:00+02:00"));
        assert!(instant("2014-5-23").is_err());
        assert_eq!(PeriodArgs::default().span(), None);
    }

    #[test]
    fn a_row_masks_the_person_and_leaves_the_concrete_path_out() {
        let mut event = Event::new("nginx_access", Timestamp(0));
        event.actor_user = Some("alice".into());
        event.operation = Some("GET /v1/users/{id}".into());
        event.resource = Some("/v1/users/1042".into());
        let masked = row(&event, false).join(" ");
        assert!(
            masked.contains("a•••") && masked.contains("{id}") && !masked.contains("1042"),
            "{masked}"
        );
        assert!(row(&event, true).join(" ").contains("1042"));
    }
}
