//! What the kernel and journald vouch for of those who speak. Any process may give itself any name, in its message
//! and as `_COMM`; whom it runs as (`_UID`) and to which service it belongs (`_SYSTEMD_UNIT`) it cannot choose.

use super::entry;
use crate::formats::{guests, postgresql, sshd, syslog};
use crate::json::Object;
use ambit_event::printable;

/// As whom a program speaks where it is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Runs as root.
    Root,
    /// Root whoever calls it: the kernel tells who called. That it is this program stands in `_EXE` alone.
    Lent,
    /// Runs as the account whose session it serves.
    Session,
    /// Runs as an account of its own, in units of whose names a word begins with one of these.
    Service(&'static [&'static str]),
}

/// Programs that are lent root's rights, as far as they or PAM in them say something that is read.
const LENT: &[&str] = &[
    "su",
    "su-l",
    "sudo",
    "passwd",
    "gpasswd",
    "newgrp",
    "chfn",
    "chsh",
    "pkexec",
    "polkit-agent-helper-1",
    "doas",
];

/// Servers that work as an account of their own, and the words by which their units are known.
const SERVICES: &[(&[&str], &[&str])] = &[
    (&["nginx"], &["nginx", "openresty"]),
    (&["apache2", "httpd", "apache"], &["apache", "httpd"]),
    (&["caddy"], &["caddy"]),
    (
        &["postgres", "postgresql", "postmaster"],
        &["postgres", "pgsql", "patroni", "pgautofailover", "stolon"],
    ),
    (&["rsyslogd", "imjournal"], &["rsyslog"]),
    (&["syslogd", "syslog-ng"], &["syslog"]),
];

/// Folders that only root writes to.
const SYSTEM: &[&str] = &[
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib",
    "/opt/",
    "/nix/store/",
    "/run/wrappers/",
    "/snap/",
];

/// Names whose sentences are taken for what they say.
pub fn counts(name: &str) -> bool {
    role(name).is_some()
}

fn role(program: &str) -> Option<Role> {
    let name = file_name(program);
    if let Some((_, units)) = SERVICES.iter().find(|(names, _)| names.contains(&name)) {
        return Some(Role::Service(units));
    }
    if syslog::is_file_server(name) {
        return Some(Role::Session);
    }
    if LENT.contains(&name) {
        return Some(Role::Lent);
    }
    let is_root = sshd::is_program(name)
        || syslog::is_read(name)
        || syslog::is_counter(name)
        || guests::is_program(name)
        || postgresql::is_program(name);
    is_root.then_some(Role::Root)
}

/// Why a message is not taken for what it says; `None` where it says nothing that counts, or is vouched for. An
/// export that left `_UID` out vouches for nothing, and is read as a syslog file is, as far as what it has agrees.
pub fn doubt(fields: &Object<'_>, program: &str, message: &str) -> Option<String> {
    let get = |name: &str| entry::get(fields, name);
    // Only journald itself writes these.
    if matches!(get("_TRANSPORT"), Some("kernel" | "driver" | "audit")) {
        return None;
    }
    let uid = get("_UID").map(str::trim);
    let known = role(program);
    let role = known.or_else(|| sshd::is_of_pam(message).then_some(Role::Root))?;
    if is_relayed(fields) {
        let is_service = |words: &[&str]| get("CONTAINER_NAME").is_some_and(|name| is_of(name, words));
        return match role {
            Role::Service(words) if is_service(words) => None,
            _ => Some("a container says this, and whatever is in it may say anything".to_owned()),
        };
    }
    // PAM speaks through syslog. What a server of root's prints may be what its clients said.
    let is_print = get("_TRANSPORT") == Some("stdout") && known.is_none();
    if uid == Some("0") && !is_print {
        return None;
    }
    let unit = get("_SYSTEMD_UNIT");
    let is_vouched = match role {
        Role::Root if sshd::is_program(program) && uid.is_some() => {
            is_system(get("_EXE"), sshd::is_program) && sshd::is_of_session(message)
        }
        Role::Root => uid.is_none() && get("_EXE").is_none_or(|exe| is_own(exe, program)) && !is_print,
        Role::Lent => {
            uid.is_none() && get("_EXE").is_none()
                || is_system(get("_EXE"), |name| is_named(name, program)) && has_rights(get("_CAP_EFFECTIVE"))
        }
        Role::Session => {
            uid.is_none() && get("_EXE").is_none()
                || is_system(get("_EXE"), |name| {
                    sshd::is_program(name) || syslog::is_file_server(name)
                })
        }
        Role::Service(words) => unit.map_or(uid.is_none(), |unit| is_unit(unit, words)),
    };
    (!is_vouched).then(|| reason(role, fields))
}

fn reason(role: Role, fields: &Object<'_>) -> String {
    let (expected, names): (_, &[&str]) = match role {
        Role::Root => ("root", &["_UID", "_EXE"]),
        Role::Lent => (
            "root or the program of that name",
            &["_UID", "_EXE", "_CAP_EFFECTIVE"],
        ),
        Role::Session => ("root or the program of that name", &["_UID", "_EXE"]),
        Role::Service(_) => ("root or a unit of that service", &["_UID", "_SYSTEMD_UNIT"]),
    };
    let told = |name: &&str| match entry::get(fields, name) {
        Some(value) => format!("{name} {}", printable(value, 80)),
        None => format!("no {name}"),
    };
    let told: Vec<String> = names.iter().map(told).collect();
    format!("{expected} says this, and it came from {}", told.join(", "))
}

/// Whether an executable lies where only root writes and has such a name. One that was replaced while it ran is
/// told as deleted.
fn is_system(exe: Option<&str>, is_name: impl Fn(&str) -> bool) -> bool {
    let exe = exe.map(|exe| exe.strip_suffix(" (deleted)").unwrap_or(exe));
    exe.is_some_and(|exe| {
        SYSTEM.iter().any(|folder| exe.starts_with(folder))
            && !exe.contains("/../")
            && is_name(file_name(exe))
    })
}

/// Whether an executable of the system's bears the name under which it speaks.
fn is_own(exe: &str, program: &str) -> bool {
    let of_sshd = |name: &str| sshd::is_program(program) && sshd::is_program(name);
    is_system(Some(exe), |name| {
        name.eq_ignore_ascii_case(file_name(program)) || of_sshd(name)
    })
}

/// What runs containers, and writes into the journal as root what stands in their output.
const RELAYS: &[&str] = &["dockerd", "conmon", "podman", "crio", "containerd", "buildkitd"];

/// Whether a container said it.
fn is_relayed(fields: &Object<'_>) -> bool {
    let get = |name: &str| entry::get(fields, name);
    let is_relay = |path: &str| {
        let name = file_name(path);
        RELAYS.contains(&name) || name.starts_with("containerd-shim")
    };
    ["CONTAINER_ID", "CONTAINER_ID_FULL", "CONTAINER_NAME"]
        .iter()
        .any(|name| get(name).is_some())
        || ["_COMM", "_EXE"]
            .iter()
            .any(|name| get(name).is_some_and(is_relay))
}

/// Ubuntu has sudo as `sudo.ws` beside its successor.
pub fn is_named(name: &str, program: &str) -> bool {
    let program = file_name(program);
    let program = program.strip_suffix("-l").unwrap_or(program);
    name == program || name.strip_suffix(".ws") == Some(program)
}

/// A program that was kept from the rights that it is lent can be made to say anything by whoever calls it.
fn has_rights(capabilities: Option<&str>) -> bool {
    capabilities.is_none_or(|set| set.chars().any(|digit| digit != '0'))
}

/// Whether a system's unit is one of a service. What stands behind `@` is an instance's to choose, and users' own
/// units all lie within `user@…`.
fn is_unit(unit: &str, words: &[&str]) -> bool {
    let Some(name) = unit.strip_suffix(".service") else {
        return false;
    };
    is_of(name.split('@').next().unwrap_or(name), words)
}

/// Whether a word of a name begins with one of these.
fn is_of(name: &str, words: &[&str]) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| words.iter().any(|word| part.starts_with(word)))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &str = "Accepted password for root from 192.0.2.66 port 1 ssh2";
    const OPENED: &str = "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)";
    const LEFT: &str = "Disconnected from user alice 192.0.2.7 port 4711";

    fn is_believed(program: &str, message: &str, fields: &str) -> bool {
        let text = format!("{{{fields}}}");
        let fields = entry::object(&text).unwrap_or_default();
        assert!(!fields.is_empty() || program == "bare", "{program}");
        doubt(&fields, program, message).is_none()
    }

    #[test]
    fn what_counts_is_said_by_whom_it_should_be() {
        for (program, message, fields, expected) in [
            ("sshd", ACCEPTED, r#""_UID":"0""#, true),
            (
                "sshd",
                ACCEPTED,
                r#""_UID":"1000","_EXE":"/usr/sbin/sshd""#,
                false,
            ),
            ("sshd", LEFT, r#""_UID":"1000","_EXE":"/usr/sbin/sshd""#, true),
            ("sshd", LEFT, r#""_UID":"1000","_EXE":"/home/alice/sshd""#, false),
            (
                "useradd",
                "new user: name=eve, UID=1",
                r#""_UID":"1000","_EXE":"/usr/sbin/useradd""#,
                false,
            ),
            (
                "sudo",
                "x",
                r#""_UID":"1000","_EXE":"/usr/bin/sudo.ws","_CAP_EFFECTIVE":"1ffffffffff""#,
                true,
            ),
            (
                "sudo",
                "x",
                r#""_UID":"1000","_EXE":"/usr/bin/sudo","_CAP_EFFECTIVE":"0""#,
                false,
            ),
            ("su", "x", r#""_UID":"1000","_EXE":"/tmp/su""#, false),
            ("su", "x", r#""_UID":"1000","_EXE":"/usr/bin/logger""#, false),
            ("su", "x", r#""_UID":"1000""#, false),
            ("su", "x", r#""_UID":"1000","_EXE":"/usr/../tmp/su""#, false),
            (
                "su-l",
                "x",
                r#""_UID":"1000","_EXE":"/usr/bin/su (deleted)""#,
                true,
            ),
            (
                "sftp-server",
                "x",
                r#""_UID":"1000","_EXE":"/usr/lib/openssh/sftp-server""#,
                true,
            ),
            (
                "internal-sftp",
                "x",
                r#""_UID":"1000","_EXE":"/usr/lib/openssh/sshd-session""#,
                true,
            ),
            (
                "internal-sftp",
                "x",
                r#""_UID":"1000","_EXE":"/usr/bin/python3""#,
                false,
            ),
            (
                "nginx",
                "x",
                r#""_UID":"33","_SYSTEMD_UNIT":"nginx.service""#,
                true,
            ),
            (
                "nginx",
                "x",
                r#""_UID":"1000","_EXE":"/usr/sbin/nginx","_SYSTEMD_UNIT":"session-3.scope""#,
                false,
            ),
            (
                "nginx",
                "x",
                r#""_UID":"1000","_SYSTEMD_UNIT":"user@1000.service","_SYSTEMD_USER_UNIT":"nginx.service""#,
                false,
            ),
            (
                "nginx",
                "x",
                r#""_UID":"1000","_SYSTEMD_UNIT":"cron.service""#,
                false,
            ),
            (
                "httpd",
                "x",
                r#""_UID":"48","_SYSTEMD_UNIT":"httpd24-httpd.service""#,
                true,
            ),
            (
                "postgres",
                "x",
                r#""_UID":"109","_SYSTEMD_UNIT":"postgresql@15-main.service""#,
                true,
            ),
            (
                "postgres",
                "x",
                r#""_UID":"109","_SYSTEMD_UNIT":"getty@postgres.service""#,
                false,
            ),
            (
                "rsyslogd",
                "x",
                r#""_UID":"104","_SYSTEMD_UNIT":"rsyslog.service""#,
                true,
            ),
            ("CRON", OPENED, r#""_UID":"0""#, true),
            ("CRON", OPENED, r#""_UID":"1000""#, false),
            ("CRON", OPENED, r#""_UID":"0","_TRANSPORT":"syslog""#, true),
            ("app", OPENED, r#""_UID":"0","_TRANSPORT":"stdout""#, false),
            (
                "app",
                OPENED,
                r#""_UID":"0","_COMM":"dockerd","CONTAINER_ID":"1""#,
                false,
            ),
            ("app", OPENED, r#""_UID":"0","_COMM":"conmon""#, false),
            ("sshd", ACCEPTED, r#""_UID":"0","_EXE":"/usr/bin/dockerd""#, false),
            (
                "nginx",
                "x",
                r#""_UID":"0","_COMM":"dockerd","CONTAINER_NAME":"shop_nginx_1""#,
                true,
            ),
            (
                "nginx",
                "x",
                r#""_UID":"0","_COMM":"dockerd","CONTAINER_NAME":"api""#,
                false,
            ),
            ("app", "hello", r#""_UID":"1000""#, true),
            (
                "systemd-journald",
                "Suppressed 5 messages",
                r#""_UID":"1000""#,
                false,
            ),
            (
                "systemd-journald",
                "Suppressed 5 messages",
                r#""_UID":"1000","_TRANSPORT":"driver""#,
                true,
            ),
        ] {
            assert_eq!(
                is_believed(program, message, fields),
                expected,
                "{program} {fields}"
            );
        }
    }

    #[test]
    fn an_export_without_them_is_read_as_far_as_it_agrees() {
        assert!(is_believed("bare", "x", ""));
        for (program, message, fields, expected) in [
            ("sshd", ACCEPTED, r#""_COMM":"sshd""#, true),
            ("sshd", ACCEPTED, r#""_EXE":"/home/alice/sshd""#, false),
            ("sshd", ACCEPTED, r#""_EXE":"/usr/bin/logger""#, false),
            ("sshd", ACCEPTED, r#""_EXE":"/usr/sbin/sshd""#, true),
            ("CRON", OPENED, r#""_EXE":"/usr/sbin/cron""#, true),
            ("su", "x", r#""_COMM":"su""#, true),
            ("su", "x", r#""_EXE":"/tmp/su""#, false),
            ("nginx", "x", r#""_COMM":"nginx""#, true),
            ("nginx", "x", r#""_SYSTEMD_UNIT":"user@1000.service""#, false),
        ] {
            assert_eq!(
                is_believed(program, message, fields),
                expected,
                "{program} {fields}"
            );
        }
    }
}
