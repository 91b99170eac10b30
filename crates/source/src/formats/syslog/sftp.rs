//! What OpenSSH's file server says: who came, and which files were read and changed. Names of files are the client's
//! to choose, and stand in quotes that nothing escapes: what follows them is read from the end.

use crate::formats::sshd;
use crate::redact;
use ambit_event::{Event, Keys, Outcome};

/// Whether a program is the server, in a process of its own or within sshd's.
pub fn is_program(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "sftp-server" | "internal-sftp")
}

/// Reads a sentence into an event that already has time, host and process. The account and the address stand only
/// in the first and the last of a process: the connection leads to them.
pub fn decode(event: &mut Event, message: &str, keys: &Keys) -> bool {
    let host = event.host.as_deref().unwrap_or("");
    let connection = event.process_pid.map(|pid| format!("{host}:sftp:{pid}"));
    if session(event, message) || file(event, message, keys) {
        event.connection = connection;
        return true;
    }
    false
}

/// `session opened for local user alice from [192.0.2.7]`
fn session(event: &mut Event, message: &str) -> bool {
    let (activity, who) = if let Some(who) = message.strip_prefix("session opened for local user ") {
        ("Session Start", who)
    } else if let Some(who) = message.strip_prefix("session closed for local user ") {
        ("Session End", who)
    } else {
        return false;
    };
    let Some((user, from)) = who.rsplit_once(" from ") else {
        return false;
    };
    event.class = Some("authentication".to_owned());
    event.activity = Some(activity.to_owned());
    event.operation = Some(activity.to_owned());
    event.outcome = Outcome::Success;
    event.actor_user = Some(user.to_owned());
    event.actor_realm = Some("host".to_owned());
    event.src_ip = sshd::ip(from);
    true
}

fn file(event: &mut Event, message: &str, keys: &Keys) -> bool {
    let Some(done) = Done::read(message) else {
        return false;
    };
    event.class = Some("file_system_activity".to_owned());
    event.activity = Some(done.activity.to_owned());
    event.operation = Some(done.operation.to_owned());
    // Requests are logged before they are carried out; a file is closed after its bytes went.
    event.outcome = match done.read.or(done.written) {
        Some(_) => Outcome::Success,
        None => Outcome::Unknown,
    };
    event.resource = (!done.name.is_empty()).then(|| redact::text(keys, done.name).into_owned());
    event.bytes_out = done.read;
    for (name, value) in [
        ("new_name", done.new_name),
        ("ambiguous", done.ambiguous),
        ("flags", done.flags),
    ] {
        if let Some(value) = value {
            event.fields.put(name, redact::text(keys, value));
        }
    }
    if let Some(written) = done.written {
        event.fields.put("bytes_written", written);
    }
    true
}

/// What was done with a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done<'m> {
    operation: &'m str,
    activity: &'static str,
    name: &'m str,
    new_name: Option<&'m str>,
    /// Both names, where it cannot be told where one ends and the other begins.
    ambiguous: Option<&'m str>,
    flags: Option<&'m str>,
    read: Option<i64>,
    written: Option<i64>,
}

impl<'m> Done<'m> {
    fn read(message: &'m str) -> Option<Self> {
        let message = message.strip_prefix("forced ").unwrap_or(message);
        let (operation, rest) = message.split_once(" \"")?;
        let done = |activity, name| Self {
            operation: operation.split(' ').next().unwrap_or(operation),
            activity,
            name,
            ..Self::default()
        };
        let alone = || rest.strip_suffix('"');
        match operation {
            "open" => {
                let (name, flags) = rest.rsplit_once("\" flags ")?;
                let (flags, _) = flags.split_once(" mode ")?;
                let flags = Some(flags);
                Some(Self {
                    flags,
                    ..done("Open", name)
                })
            }
            "close" => Self::closed(done("Read", ""), rest),
            "opendir" => Some(done("Read", alone()?)),
            "remove name" | "rmdir name" => Some(done("Delete", alone()?)),
            "mkdir name" => Some(done("Create", rest.rsplit_once("\" mode ")?.0)),
            "rename old" | "posix-rename old" => Self::moved(done("Rename", ""), rest),
            "symlink old" | "hardlink old" => Self::moved(done("Create", ""), rest),
            "set" => {
                let (name, what) = rest.rsplit_once("\" ")?;
                let is_owner = what.starts_with("mode ") || what.starts_with("owner ");
                Some(done(
                    if is_owner {
                        "Set Security"
                    } else {
                        "Set Attributes"
                    },
                    name,
                ))
            }
            _ => None,
        }
    }

    /// `NAME" bytes read 5 written 0`
    fn closed(done: Self, rest: &'m str) -> Option<Self> {
        let (name, bytes) = rest.rsplit_once("\" bytes read ")?;
        let (read, written) = bytes.split_once(" written ")?;
        let (read, written) = (read.parse().ok()?, written.parse().ok()?);
        Some(Self {
            activity: if written > 0 { "Update" } else { "Read" },
            name,
            read: Some(read),
            written: Some(written),
            ..done
        })
    }

    /// `OLD" new "NEW"`
    fn moved(done: Self, rest: &'m str) -> Option<Self> {
        let names = rest.strip_suffix('"')?;
        let (name, new_name) = names.split_once("\" new \"")?;
        if names.rsplit_once("\" new \"") != Some((name, new_name)) {
            let ambiguous = Some(names);
            return Some(Self { ambiguous, ..done });
        }
        let new_name = Some(new_name);
        Some(Self {
            name,
            new_name,
            ..done
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_told_apart_are_no_resource() {
        let mut event = Event::default();
        let keys = Keys::derive(&[7; 32]);
        assert!(decode(&mut event, r#"rename old "/a" new "/b" new "/c""#, &keys));
        assert_eq!((event.resource, event.fields.is_empty()), (None, false));
        let done = Done::read(r#"rename old "/a" new "/b" new "/c""#);
        assert_eq!(
            done.and_then(|done| done.ambiguous),
            Some(r#"/a" new "/b" new "/c"#)
        );
    }

    #[test]
    fn what_was_done_with_files_is_read() {
        for (message, operation, activity, name) in [
            (r#"open "/a b" flags READ mode 0666"#, "open", "Open", "/a b"),
            (
                r#"close "/x" bytes read 5 written 0" bytes read 7 written 0"#,
                "close",
                "Read",
                r#"/x" bytes read 5 written 0"#,
            ),
            (
                r#"forced close "/a" bytes read 0 written 9"#,
                "close",
                "Update",
                "/a",
            ),
            (r#"opendir "/home""#, "opendir", "Read", "/home"),
            (r#"remove name "/a""#, "remove", "Delete", "/a"),
            (r#"rmdir name "/a""#, "rmdir", "Delete", "/a"),
            (r#"mkdir name "/a" mode 0777"#, "mkdir", "Create", "/a"),
            (
                r#"posix-rename old "/a" new "/b""#,
                "posix-rename",
                "Rename",
                "/a",
            ),
            (r#"symlink old "/a" new "/b""#, "symlink", "Create", "/a"),
            (r#"set "/a" mode 0600"#, "set", "Set Security", "/a"),
            (
                r#"set "/a" modtime 20140523-10:00:00"#,
                "set",
                "Set Attributes",
                "/a",
            ),
        ] {
            let done = Done::read(message).map(|d| (d.operation, d.activity, d.name));
            assert_eq!(done, Some((operation, activity, name)), "{message}");
        }
        for other in [
            "sent status No such file",
            r#"close "/a" bytes read x written 0"#,
            r#"closedir "/a""#,
            r#"open "/a"#,
        ] {
            assert_eq!(Done::read(other), None, "{other}");
        }
    }
}
