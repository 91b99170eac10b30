//! What sudo says of a command: `alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id`.

use crate::redact;
use ambit_event::{Event, Keys, Outcome};

/// What sudo does itself where a command stands otherwise, which has a path: to tell what one may do, and to ask for
/// the password anew.
const OWN: &[&str] = &["list", "validate"];

/// Whether a sentence without a command tells that one was refused. Others are warnings, such as `problem with
/// defaults entries`, after which sudo goes on.
fn is_refusal(why: &str) -> bool {
    const REFUSALS: &[&str] = &["not allowed", "NOT ", "incorrect password", "required"];
    REFUSALS.iter().any(|part| why.contains(part))
}

/// Reads the sentence into an event that already has time and host; false where it is another.
pub fn decode(event: &mut Event, message: &str, keys: &Keys) -> bool {
    let Some((who, rest)) = message.trim_start().split_once(" : ") else {
        return false;
    };
    let (head, command) = rest
        .split_once("COMMAND=")
        .map_or((rest, None), |(head, command)| (head, Some(command)));
    let parts: Vec<&str> = head
        .split(" ; ")
        .map(|p| p.trim_end_matches([' ', ';']))
        .filter(|p| !p.is_empty())
        .collect();
    if who.contains(' ') || command.is_none() && !parts.iter().any(|p| p.starts_with("TTY=")) {
        return false;
    }
    let reason = parts.iter().find(|p| !p.contains('='));
    // `sudo -l` and `sudo -v` run nothing, and of a mere warning the command follows by itself.
    let own = command
        .map(|command| command.split(' ').next().unwrap_or(command))
        .filter(|word| OWN.contains(word));
    let is_warning = command.is_none() && !reason.is_some_and(|why| is_refusal(why));
    for part in &parts {
        if let Some((name, value)) = part.split_once('=') {
            event.fields.put(&name.to_ascii_lowercase(), value);
        }
    }
    let activity = match own {
        _ if is_warning => None,
        Some(word) => Some(word),
        None => Some("Launch"),
    };
    let is_launch = activity == Some("Launch");
    event.class = Some(
        if is_launch {
            "process_activity"
        } else {
            "base_event"
        }
        .to_owned(),
    );
    event.activity = activity.map(str::to_owned);
    event.operation = activity.map(str::to_owned);
    event.actor_user = Some(who.to_owned());
    event.actor_realm = Some("host".to_owned());
    let program = command.filter(|_| own.is_none());
    event.resource = program.map(|c| redact::text(keys, c).into_owned());
    event.outcome = match reason {
        _ if is_warning => Outcome::Unknown,
        None => Outcome::Success,
        Some(why) if why.contains("incorrect password") => Outcome::Failure,
        Some(_) => Outcome::Denied,
    };
    let command = command.map_or(String::new(), |c| format!("COMMAND={}", redact::text(keys, c)));
    event.message = Some(format!("{who} : {head}{command}"));
    true
}
