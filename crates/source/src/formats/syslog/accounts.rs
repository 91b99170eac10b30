//! What the host's own tools say of accounts: su, login, systemd-logind, useradd and its kin, passwd.

use crate::formats::sshd;
use ambit_event::{Event, Outcome};

/// What a sentence tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told<'m> {
    class: &'static str,
    activity: &'static str,
    outcome: Outcome,
    /// The account that is asked for, or that comes.
    user: Option<&'m str>,
    /// The account that asks.
    by: Option<&'m str>,
    /// The account or group that is changed.
    resource: Option<&'m str>,
    group: Option<&'m str>,
}

type Read = for<'m> fn(&'m str) -> Option<Told<'m>>;

const READERS: &[(&[&str], Read)] = &[
    (&["su", "su-l"], su),
    (&["login"], login),
    (&["systemd-logind"], logind),
    (
        &[
            "useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "gpasswd",
        ],
        changed,
    ),
    (&["passwd", "chpasswd"], password),
];

/// Whether a program is one of these tools.
pub fn is_program(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    READERS.iter().any(|(names, _)| names.contains(&name))
}

/// Reads a sentence into an event that already has time, host and process; false where it tells of no account.
pub fn decode(event: &mut Event, program: &str, message: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let read = READERS.iter().find(|(names, _)| names.contains(&name));
    let told = read.and_then(|(_, read)| read(message));
    let Some(told) = told else { return false };
    event.class = Some(told.class.to_owned());
    event.activity = Some(told.activity.to_owned());
    event.operation = Some(told.activity.to_owned());
    event.outcome = told.outcome;
    event.resource = told.resource.map(str::to_owned);
    sshd::set_user(event, told.user);
    event.actor_invoker = told.by.map(str::to_owned);
    for (name, value) in [("by_user", told.by), ("group", told.group)] {
        if let Some(value) = value {
            event.fields.put(name, value);
        }
    }
    true
}

/// `(to root) alice on pts/0`, `FAILED SU (to root) alice on pts/0`, `Successful su for root by alice`,
/// `'su root' failed for alice on /dev/pts/8`, `BAD SU alice to root on /dev/pts/0`, `alice to root on /dev/pts/0`.
fn su(message: &str) -> Option<Told<'_>> {
    let told = |outcome, user, by| {
        Some(Told {
            class: "authentication",
            activity: "Logon",
            outcome,
            user: Some(user),
            by: Some(by),
            ..Told::default()
        })
    };
    let (outcome, rest) = match ["FAILED SU ", "BAD SU "]
        .iter()
        .find_map(|head| message.strip_prefix(head))
    {
        Some(rest) => (Outcome::Failure, rest),
        None => (Outcome::Success, message),
    };
    for (head, outcome) in [
        ("Successful su for ", Outcome::Success),
        ("FAILED su for ", Outcome::Failure),
    ] {
        if let Some((user, by)) = message.strip_prefix(head).and_then(|who| who.rsplit_once(" by ")) {
            return told(outcome, user, by);
        }
    }
    if let Some(rest) = message.strip_prefix("'su ") {
        let (user, rest) = rest.split_once("' ")?;
        let (outcome, rest) = match rest.strip_prefix("failed for ") {
            Some(rest) => (Outcome::Failure, rest),
            None => (Outcome::Success, rest.strip_prefix("succeeded for ")?),
        };
        return told(outcome, user, rest.split_once(" on ")?.0);
    }
    if let Some(rest) = rest.strip_prefix("(to ") {
        // The name that was asked for is anybody's to choose: the one who asks is read from the end.
        let (user, by) = rest.rsplit_once(" on ")?.0.rsplit_once(") ")?;
        return told(outcome, user, by);
    }
    let (who, _) = rest.split_once(" on /dev/")?;
    let (by, user) = who.split_once(" to ")?;
    (!who.contains([':', '('])).then(|| told(outcome, user, by))?
}

/// `FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure`, `LOGIN ON tty1 BY alice`,
/// `ROOT LOGIN ON tty1`.
fn login(message: &str) -> Option<Told<'_>> {
    let told = |outcome, user| {
        Some(Told {
            class: "authentication",
            activity: "Logon",
            outcome,
            user: Some(user),
            ..Told::default()
        })
    };
    if message.starts_with("FAILED LOGIN ") {
        let (_, user) = message.split_once(" FOR ")?;
        let user = user.strip_prefix('\'').unwrap_or(user);
        return told(Outcome::Failure, user.split(['\'', ',']).next()?);
    }
    if message.starts_with("ROOT LOGIN ") {
        return told(Outcome::Success, "root");
    }
    let (_, user) = message.strip_prefix("LOGIN ON ")?.split_once(" BY ")?;
    told(Outcome::Success, user.split(' ').next()?)
}

/// `New session 12 of user alice.`
fn logind(message: &str) -> Option<Told<'_>> {
    let (_, user) = message.strip_prefix("New session ")?.split_once(" of user ")?;
    // Later versions say more of the session behind the name.
    let user = user.split_once(" with class ").map_or(user, |(user, _)| user);
    let user = user.strip_suffix('.').unwrap_or(user).trim_matches('\'');
    Some(Told {
        class: "authentication",
        activity: "Session Start",
        outcome: Outcome::Success,
        user: Some(user),
        ..Told::default()
    })
}

/// What useradd, usermod, userdel and their kin for groups did.
fn changed(message: &str) -> Option<Told<'_>> {
    let told = |class, activity, outcome, resource| {
        Some(Told {
            class,
            activity,
            outcome,
            resource: Some(resource),
            ..Told::default()
        })
    };
    let quoted = |head: &str| message.strip_prefix(head)?.split('\'').next();
    let named = |head: &str| message.strip_prefix(head)?.split(',').next();
    if let Some(user) = named("new user: name=") {
        return told("account_change", "Create", Outcome::Success, user);
    }
    if let Some(group) = named("new group: name=") {
        return told("group_management", "Create", Outcome::Success, group);
    }
    if let Some(user) = quoted("failed adding user '") {
        return told("account_change", "Create", Outcome::Failure, user);
    }
    if let Some(user) = quoted("delete user '") {
        return told("account_change", "Delete", Outcome::Success, user);
    }
    if let Some(user) = quoted("change user '") {
        return told("account_change", "Update", Outcome::Success, user);
    }
    for (head, between, activity) in [
        ("add '", "' to group '", "Add User"),
        ("delete '", "' from group '", "Remove User"),
    ] {
        let parts = message
            .strip_prefix(head)
            .and_then(|rest| rest.split_once(between));
        if let Some((user, group)) = parts {
            return Some(Told {
                class: "group_management",
                activity,
                outcome: Outcome::Success,
                resource: Some(user),
                group: group.strip_suffix('\''),
                ..Told::default()
            });
        }
    }
    None
}

/// `password for 'eve' changed by 'root'`, `pam_unix(passwd:chauthtok): password changed for eve`.
fn password(message: &str) -> Option<Told<'_>> {
    let (user, by) = match message.strip_prefix("password for '") {
        Some(rest) => {
            let (user, by) = rest.split_once("' changed by '")?;
            (user, by.strip_suffix('\''))
        }
        None => (message.split_once("): password changed for ")?.1, None),
    };
    Some(Told {
        class: "account_change",
        activity: "Password Change",
        outcome: Outcome::Success,
        resource: Some(user),
        by,
        ..Told::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Failure, Success};

    #[test]
    fn becoming_another_is_read_however_it_is_said() {
        for (message, outcome, user, by) in [
            ("(to root) alice on pts/0", Success, "root", "alice"),
            ("FAILED SU (to root) alice on pts/0", Failure, "root", "alice"),
            ("Successful su for root by alice", Success, "root", "alice"),
            ("FAILED su for root by alice", Failure, "root", "alice"),
            (
                "FAILED SU (to x) alice on tty) mallory on pts/0",
                Failure,
                "x) alice on tty",
                "mallory",
            ),
            (
                "FAILED su for x by alice by mallory",
                Failure,
                "x by alice",
                "mallory",
            ),
            (
                "'su root' failed for alice on /dev/pts/8",
                Failure,
                "root",
                "alice",
            ),
            ("BAD SU alice to root on /dev/pts/0", Failure, "root", "alice"),
            ("alice to root on /dev/pts/0", Success, "root", "alice"),
        ] {
            let told = su(message).map(|t| (t.outcome, t.user, t.by));
            assert_eq!(told, Some((outcome, Some(user), Some(by))), "{message}");
        }
        assert_eq!(
            su("pam_unix(su:session): session opened for user root by (uid=0)"),
            None
        );
    }

    #[test]
    fn sessions_and_logins_are_read() {
        for (program, message, user) in [
            ("systemd-logind", "New session 12 of user alice.", "alice"),
            (
                "systemd-logind",
                "New session '12' of user 'alice' with class 'user' and type 'tty'.",
                "alice",
            ),
            (
                "login",
                "FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure",
                "root",
            ),
            (
                "login",
                "FAILED LOGIN 1 FROM tty1 FOR root, Authentication failure",
                "root",
            ),
            ("login", "LOGIN ON tty1 BY alice", "alice"),
            ("login", "ROOT LOGIN ON tty1", "root"),
        ] {
            let mut event = Event::default();
            assert!(decode(&mut event, program, message), "{message}");
            assert_eq!(event.actor_user.as_deref(), Some(user), "{message}");
        }
        assert!(!decode(
            &mut Event::default(),
            "systemd-logind",
            "Removed session 12."
        ));
    }

    #[test]
    fn changes_of_accounts_are_read() {
        for (program, message, class, activity, resource) in [
            (
                "useradd",
                "new user: name=eve, UID=1001, GID=1001, home=/home/eve",
                "account_change",
                "Create",
                "eve",
            ),
            (
                "useradd",
                "new group: name=eve, GID=1001",
                "group_management",
                "Create",
                "eve",
            ),
            (
                "usermod",
                "add 'eve' to group 'sudo'",
                "group_management",
                "Add User",
                "eve",
            ),
            (
                "usermod",
                "change user 'eve' shell from '/bin/sh' to '/bin/bash'",
                "account_change",
                "Update",
                "eve",
            ),
            ("userdel", "delete user 'eve'", "account_change", "Delete", "eve"),
            (
                "passwd",
                "pam_unix(passwd:chauthtok): password changed for eve",
                "account_change",
                "Password Change",
                "eve",
            ),
            (
                "passwd",
                "password for 'eve' changed by 'root'",
                "account_change",
                "Password Change",
                "eve",
            ),
        ] {
            let mut event = Event::default();
            assert!(decode(&mut event, program, message), "{message}");
            let shown = (
                event.class.as_deref(),
                event.activity.as_deref(),
                event.resource.as_deref(),
            );
            assert_eq!(shown, (Some(class), Some(activity), Some(resource)), "{message}");
        }
    }
}
