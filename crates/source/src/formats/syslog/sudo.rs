//! What sudo says of a command: `alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id`.

use crate::redact;
use ambit_event::{Event, Keys, Outcome};

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
    for part in &parts {
        if let Some((name, value)) = part.split_once('=') {
            event.fields.put(&name.to_ascii_lowercase(), value);
        }
    }
    event.class = Some("process_activity".to_owned());
    event.activity = Some("Launch".to_owned());
    event.operation = Some("Launch".to_owned());
    event.actor_user = Some(who.to_owned());
    event.actor_realm = Some("host".to_owned());
    event.resource = command.map(|c| redact::text(keys, c).into_owned());
    event.outcome = match reason {
        None => Outcome::Success,
        Some(why) if why.contains("incorrect password") => Outcome::Failure,
        Some(_) => Outcome::Denied,
    };
    let command = event
        .resource
        .as_deref()
        .map_or(String::new(), |c| format!("COMMAND={c}"));
    event.message = Some(format!("{who} : {head}{command}"));
    true
}
