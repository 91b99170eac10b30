//! `ambit show`: one event, hop or gap, whole.

use super::search::row;
use crate::detection::{finding_id, shown};
use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::{CaseArgs, Setting};
use crate::words;
use ambit_case::{Case, Kind};
use ambit_event::{Column, ColumnKind, Event, EventId, Level, Noticed, Observable, Span, mask, printable};
use ambit_lake::{Filter, Gap, Lake, Query};
use ambit_scope::{Hop, Scope, ScopeGap};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

/// Show one event, finding, hop or gap with everything that is known of it
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ShowArgs {
    /// An event's or a finding's 32 hexadecimal digits, hop:… or gap:…
    #[arg(value_name = "EVENT|FINDING|HOP|GAP")]
    id: String,
    #[command(flatten)]
    case: CaseArgs,
}

const EXAMPLES: &str = "Examples:
  ambit show 0123456789abcdef0123456789abcdef
  ambit show 0123456789abcdef0123456789abcdef --reveal 'to see it'   the raw record; journaled
  ambit show hop:1a2b3c4d5e6f --case may
  ambit show gap:1a2b3c4d5e6f

Hops belong to the newest answer of the case. Values that can name persons are masked for people.";

/// Columns that may name a person or quote a record.
const PERSONAL: &[Column] = &[
    Column::ActorUser,
    Column::ActorInvoker,
    Column::Resource,
    Column::QueryText,
    Column::Parameters,
    Column::SubjectRefs,
    Column::Message,
];

pub async fn run(setting: &Setting, args: &ShowArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    if args.id.starts_with("hop:") {
        show_hop(setting, args, &lake).await?;
    } else if args.id.starts_with("gap:") {
        show_gap(setting, args, &lake).await?;
    } else if let Some(noticed) = finding(&lake, &args.id).await? {
        show_finding(setting, args, &lake, &noticed).await?;
    } else if args.id.starts_with("finding:") {
        bail!(
            "the lake keeps no {}: `ambit findings --withdrawn` lists those that it does",
            args.id
        );
    } else {
        show_event(setting, args, &lake).await?;
    }
    Ok(Exit::Complete)
}

/// The finding of that id, where there is one.
async fn finding(lake: &Lake, id: &str) -> Result<Option<Noticed>> {
    let Ok(id) = finding_id(id) else {
        return Ok(None);
    };
    let all = lake.findings().await?;
    Ok(all.into_iter().find(|noticed| noticed.finding.id == id))
}

async fn show_finding(setting: &Setting, args: &ShowArgs, lake: &Lake, noticed: &Noticed) -> Result<()> {
    let finding = &noticed.finding;
    let events = lake
        .events(&Query::of(Filter::Ids(finding.events.clone())))
        .await?;
    if setting.is_json {
        return setting.json(&json!({ "finding": noticed, "events": events }));
    }
    let is_revealed = setting.reveal(&args.case, &format!("the events of finding {}", finding.id))?;
    setting.say_all(columns(&finding_rows(noticed, is_revealed)))?;
    if finding.events.is_empty() {
        return Ok(
            setting.say("\nno event made it: it is about records that are missing, see `ambit coverage`")?
        );
    }
    setting.say("")?;
    setting.say_all(columns(&event_list(&events, is_revealed)))?;
    let n_more = finding.n_events.saturating_sub(events.len() as u64);
    if n_more > 0 {
        setting.say(&format!(
            "and {}",
            words::counted(n_more, "event more", "events more")
        ))?;
    }
    setting.say(&format!(
        "\n`ambit scope --seed finding={}` says what whoever did this reached",
        finding.id
    ))?;
    Ok(())
}

fn finding_rows(noticed: &Noticed, is_revealed: bool) -> Vec<Vec<String>> {
    let finding = &noticed.finding;
    let who = |o: &Observable| match is_revealed {
        true => printable(&o.to_string(), 200),
        false => shown(&o.to_string()),
    };
    let actor: Vec<String> = finding.actor.iter().map(who).collect();
    let ended = match (noticed.withdrawn_at, noticed.instead) {
        (None, _) => "it stands".to_owned(),
        (Some(at), None) => format!("withdrawn on {}", words::instant(at)),
        (Some(at), Some(instead)) => format!("corrected on {} to {instead}", words::instant(at)),
    };
    [
        ("finding", finding.id.to_string()),
        ("what", finding.title.clone()),
        ("because", finding.because.clone().unwrap_or_default()),
        ("rule", finding.rule_id.clone()),
        (
            "level",
            finding.level.map_or("none given", Level::name).to_owned(),
        ),
        ("ATT&CK", finding.attack.join(" ")),
        (
            "when",
            format!(
                "{} UTC",
                words::span(Span::new(finding.time, finding.until.plus_nanos(1)))
            ),
        ),
        ("source", finding.source.clone()),
        ("host", finding.host.clone().unwrap_or_default()),
        ("who", actor.join(", ")),
        ("noticed", format!("{} UTC", words::instant(noticed.noticed_at))),
        ("state", ended),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| vec![name.to_owned(), printable(&value, 1000)])
    .collect()
}

/// Events as a table.
fn event_list(events: &[Event], is_revealed: bool) -> Vec<Vec<String>> {
    let head = ["time (UTC)", "source", "who", "from", "what", "outcome", "event"];
    let head = std::iter::once(head.map(str::to_owned).to_vec());
    head.chain(events.iter().map(|event| row(event, is_revealed)))
        .collect()
}

async fn show_event(setting: &Setting, args: &ShowArgs, lake: &Lake) -> Result<()> {
    let id = EventId::parse(&args.id)?;
    let events = lake.events(&Query::of(Filter::Ids(vec![id]))).await?;
    let Some(event) = events.first() else {
        bail!("the lake holds no event {id}");
    };
    let is_revealed = setting.reveal(&args.case, &format!("event {id}"))?;
    let raw = if is_revealed { lake.raw(id).await? } else { None };
    if setting.is_json {
        let raw = raw.map(|raw| String::from_utf8_lossy(&raw).into_owned());
        return setting.json(&json!({ "event": event, "raw": raw }));
    }
    setting.say_all(columns(&event_rows(event, is_revealed)))?;
    match raw {
        Some(raw) => setting.say_all(["".to_owned(), printable(&String::from_utf8_lossy(&raw), 20_000)])?,
        None if is_revealed => setting.say("\nits raw record is not in the lake")?,
        None => setting.say("\n--reveal REASON shows what is masked, and the raw record")?,
    }
    Ok(())
}

fn event_rows(event: &Event, is_revealed: bool) -> Vec<Vec<String>> {
    let mut rows = vec![
        vec!["id".to_owned(), event.id.to_string()],
        vec![
            "time".to_owned(),
            format!(
                "{} UTC, within {}",
                words::instant(event.time),
                words::length(event.precision)
            ),
        ],
    ];
    for &column in Column::ALL {
        if let Some(value) = value(event, column) {
            let is_role = column == Column::ActorUser && event.actor_realm.as_deref() == Some("db");
            let shown = if PERSONAL.contains(&column) && !is_revealed && !is_role {
                mask(&value)
            } else {
                printable(&value, 2000)
            };
            rows.push(vec![column.path().to_owned(), shown]);
        }
    }
    rows.extend(field_rows(event, is_revealed));
    let from = &event.provenance;
    rows.push(vec![
        "provenance".to_owned(),
        format!(
            "evidence {}, line {}, bytes {} to {}",
            from.evidence,
            from.line,
            from.offset,
            from.offset + from.length
        ),
    ]);
    rows
}

/// The producer's own fields; masked, their names alone.
fn field_rows(event: &Event, is_revealed: bool) -> Vec<Vec<String>> {
    if !is_revealed {
        let names: Vec<&str> = event.fields.keys().map(String::as_str).collect();
        return vec![vec![
            "fields, masked".to_owned(),
            printable(&names.join(", "), 1000),
        ]];
    }
    let row = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vec![format!("fields.{}", printable(name, 80)), printable(&value, 2000)]
    };
    event.fields.iter().map(row).collect()
}

fn value(event: &Event, column: Column) -> Option<String> {
    match column.kind() {
        ColumnKind::Text => event.text(column).map(str::to_owned),
        ColumnKind::Integer => event.integer(column).map(|n| n.to_string()),
        ColumnKind::TextList => Some(event.list(column).join(", ")).filter(|text| !text.is_empty()),
    }
}

/// The newest answer of the case, where there is one.
fn latest_scope(setting: &Setting, case: &CaseArgs) -> Result<Option<Scope>> {
    let path = setting.case_path(&case.name);
    if !path.is_file() {
        return Ok(None);
    }
    let Some(entry) = Case::open(&path)?.journal().latest(Kind::Scope)? else {
        return Ok(None);
    };
    let answer = entry.body.get("answer").cloned().unwrap_or_default();
    let scope = serde_json::from_value(answer)
        .with_context(|| format!("entry {} holds no readable answer", entry.seq))?;
    Ok(Some(scope))
}

async fn show_hop(setting: &Setting, args: &ShowArgs, lake: &Lake) -> Result<()> {
    let Some(scope) = latest_scope(setting, &args.case)? else {
        bail!(
            "the case {} holds no answer yet: `ambit scope --case {0}` gives one",
            args.case.name
        );
    };
    let Some(hop) = scope.trace.iter().find(|hop| hop.id == args.id) else {
        bail!(
            "the newest answer of the case {} has no {}; its hops are in `ambit case show --json`",
            args.case.name,
            args.id
        );
    };
    let events = lake.events(&Query::of(Filter::Ids(hop.evidence.clone()))).await?;
    if setting.is_json {
        return setting.json(&json!({ "hop": hop, "events": events }));
    }
    let is_revealed = setting.reveal(&args.case, &format!("the events of {}", hop.id))?;
    setting.say_all(columns(&hop_rows(hop)))?;
    setting.say("")?;
    Ok(setting.say_all(columns(&event_list(&events, is_revealed)))?)
}

fn hop_rows(hop: &Hop) -> Vec<Vec<String>> {
    let from = hop.from.as_ref().map_or("a seed".to_owned(), ToString::to_string);
    [
        ("hop", hop.id.clone()),
        ("from", from),
        ("to", hop.to.to_string()),
        ("rule", hop.rule.clone()),
        ("grade", hop.grade.to_string()),
        ("control", format!("{} UTC", words::span(hop.control))),
        ("reason", hop.reason.clone()),
        ("events", words::number(hop.n_events)),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), printable(&value, 1000)])
    .collect()
}

async fn show_gap(setting: &Setting, args: &ShowArgs, lake: &Lake) -> Result<()> {
    let gap = lake.coverage().await?.gap(&args.id);
    let in_scope: Vec<ScopeGap> = latest_scope(setting, &args.case)?
        .map(|scope| scope.gaps.into_iter().filter(|gap| gap.id == args.id).collect())
        .unwrap_or_default();
    if gap.is_none() && in_scope.is_empty() {
        bail!("there is no {}: `ambit coverage` lists the gaps", args.id);
    }
    if setting.is_json {
        return setting.json(&json!({ "gap": gap, "in_scope": in_scope }));
    }
    if let Some(gap) = &gap {
        setting.say_all(columns(&gap_rows(gap)))?;
    }
    for gap in &in_scope {
        setting.say("")?;
        let head = format!(
            "in the newest answer of the case {}: {} of {}",
            args.case.name, gap.role, gap.channel
        );
        setting.say(&setting.paint.tone(Tone::Strong, &printable(&head, 400)))?;
        for line in setting.paint.wrapped(2, &printable(&gap.consequence, 2000), 8) {
            setting.say(&format!("  {line}"))?;
        }
    }
    Ok(())
}

fn gap_rows(gap: &Gap) -> Vec<Vec<String>> {
    let lost = gap.at_most.map_or("unknown".to_owned(), words::number);
    [
        ("gap", gap.id.clone()),
        ("source", gap.source.clone()),
        ("host", gap.host.clone().unwrap_or_else(|| "not named".to_owned())),
        ("span", format!("{} UTC ({})", words::span(gap.span), words::length(gap.span.nanos()))),
        ("state", words::state(gap.state).to_owned()),
        ("lost at most", lost),
        ("because", gap.because.clone()),
        ("to fill it", format!("ambit ingest the records of {} in that span, or assert that nothing is missing: --assume 'coverage:{}={}..{}:REASON'", gap.source, gap.source, gap.span.from, gap.span.until)),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), printable(&value, 1000)])
    .collect()
}
