//! What kinds of records and system calls mean in the words of our columns.

use super::event::{Said, outcome};
use ambit_event::Outcome;

/// Class, activity and outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub class: &'static str,
    pub activity: Option<&'static str>,
    pub outcome: Outcome,
}

impl Default for Meaning {
    fn default() -> Self {
        Self {
            class: "base_event",
            activity: None,
            outcome: Outcome::Unknown,
        }
    }
}

/// Kinds of records with their class and, where the class has a word for it, what was done.
const KINDS: &[(&str, &str, Option<&str>)] = &[
    ("USER_LOGIN", "authentication", Some("Logon")),
    ("USER_START", "authentication", Some("Session Start")),
    ("USER_LOGOUT", "authentication", Some("Logoff")),
    ("USER_END", "authentication", Some("Session End")),
    ("USER_AUTH", "authentication", None),
    ("USER_ACCT", "authentication", None),
    ("USER_ERR", "authentication", None),
    ("CRED_ACQ", "authentication", None),
    ("CRED_DISP", "authentication", None),
    ("CRED_REFR", "authentication", None),
    ("LOGIN", "authentication", None),
    ("USER_CMD", "process_activity", Some("Launch")),
    ("ANOM_ABEND", "process_activity", Some("Terminate")),
    ("SECCOMP", "process_activity", None),
    ("SERVICE_START", "application_lifecycle", Some("Start")),
    ("SERVICE_STOP", "application_lifecycle", Some("Stop")),
    ("SYSTEM_BOOT", "application_lifecycle", Some("Start")),
    ("SYSTEM_SHUTDOWN", "application_lifecycle", Some("Stop")),
    ("DAEMON_START", "application_lifecycle", Some("Start")),
    ("DAEMON_END", "application_lifecycle", Some("Stop")),
    ("DAEMON_ABORT", "application_lifecycle", Some("Stop")),
    ("KERN_MODULE", "kernel_extension_activity", Some("Load")),
];

/// Changes of accounts and groups: whom they concern is their resource.
const ACCOUNTS: &[(&str, Option<&str>)] = &[
    ("ADD_USER", Some("Create")),
    ("DEL_USER", Some("Delete")),
    ("ADD_GROUP", Some("Create")),
    ("DEL_GROUP", Some("Delete")),
    ("USER_MGMT", None),
    ("GRP_MGMT", None),
    ("ACCT_LOCK", Some("Lock")),
    ("ACCT_UNLOCK", Some("Unlock")),
    ("USER_CHAUTHTOK", Some("Password Change")),
    ("GRP_CHAUTHTOK", Some("Password Change")),
    ("USER_ROLE_CHANGE", None),
];

/// System calls with their class and what they do.
const CALLS: &[(&str, Option<&str>, &[&str])] = &[
    ("process_activity", Some("Launch"), &["execve", "execveat"]),
    (
        "process_activity",
        Some("Terminate"),
        &["kill", "tkill", "tgkill", "exit", "exit_group"],
    ),
    (
        "process_activity",
        Some("Inject"),
        &["ptrace", "process_vm_writev"],
    ),
    (
        "process_activity",
        Some("Set User ID"),
        &[
            "setuid",
            "setresuid",
            "setreuid",
            "setfsuid",
            "setgid",
            "setresgid",
            "setregid",
        ],
    ),
    (
        "process_activity",
        None,
        &[
            "fork",
            "vfork",
            "clone",
            "clone3",
            "prctl",
            "capset",
            "setns",
            "unshare",
            "memfd_create",
        ],
    ),
    ("network_activity", Some("Open"), &["connect"]),
    ("network_activity", Some("Accept"), &["accept", "accept4"]),
    ("network_activity", Some("Listen"), &["bind", "listen"]),
    (
        "network_activity",
        Some("Traffic"),
        &["sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"],
    ),
    ("network_activity", None, &["socket", "socketcall", "shutdown"]),
    (
        "file_system_activity",
        Some("Create"),
        &[
            "creat",
            "mkdir",
            "mkdirat",
            "mknod",
            "mknodat",
            "link",
            "linkat",
            "symlink",
            "symlinkat",
        ],
    ),
    (
        "file_system_activity",
        Some("Delete"),
        &["unlink", "unlinkat", "rmdir"],
    ),
    (
        "file_system_activity",
        Some("Rename"),
        &["rename", "renameat", "renameat2"],
    ),
    (
        "file_system_activity",
        Some("Update"),
        &["truncate", "ftruncate", "fallocate"],
    ),
    (
        "file_system_activity",
        Some("Set Security"),
        &[
            "chmod",
            "fchmod",
            "fchmodat",
            "fchmodat2",
            "chown",
            "fchown",
            "fchownat",
            "lchown",
        ],
    ),
    (
        "file_system_activity",
        Some("Set Attributes"),
        &[
            "setxattr",
            "lsetxattr",
            "fsetxattr",
            "removexattr",
            "lremovexattr",
            "fremovexattr",
            "utime",
            "utimes",
            "utimensat",
            "futimesat",
        ],
    ),
    (
        "file_system_activity",
        Some("Get Attributes"),
        &[
            "stat",
            "lstat",
            "fstat",
            "newfstatat",
            "statx",
            "access",
            "faccessat",
            "faccessat2",
            "readlink",
            "readlinkat",
            "getxattr",
        ],
    ),
    ("file_system_activity", Some("Mount"), &["mount"]),
    ("file_system_activity", Some("Unmount"), &["umount", "umount2"]),
    (
        "file_system_activity",
        Some("Open"),
        &["open_by_handle_at", "openat2"],
    ),
    (
        "kernel_extension_activity",
        Some("Load"),
        &["init_module", "finit_module"],
    ),
    ("kernel_extension_activity", Some("Unload"), &["delete_module"]),
];

/// What an event means.
pub fn of(said: &Said<'_>) -> Meaning {
    let kind = said.kind();
    let (class, activity) = match kind {
        "SYSCALL" => call(said),
        _ if is_account_change(kind) => ("account_change", account(kind)),
        _ => KINDS
            .iter()
            .find(|(name, ..)| *name == kind)
            .map_or(("base_event", None), |(_, class, activity)| (*class, *activity)),
    };
    Meaning {
        class,
        activity,
        outcome: outcome(said),
    }
}

/// Whether records of a kind tell of a change of accounts or groups.
pub fn is_account_change(kind: &str) -> bool {
    ACCOUNTS.iter().any(|(name, _)| *name == kind)
}

fn account(kind: &str) -> Option<&'static str> {
    ACCOUNTS.iter().find(|(name, _)| *name == kind)?.1
}

fn call(said: &Said<'_>) -> (&'static str, Option<&'static str>) {
    let name = said.syscall().unwrap_or("");
    if let "open" | "openat" = name {
        let flags = if name == "open" { "a1" } else { "a2" };
        return ("file_system_activity", opened(said, flags));
    }
    let found = CALLS.iter().find(|(_, _, names)| names.contains(&name));
    match found {
        Some((class, activity, _)) => (class, activity.or_else(|| static_name(name))),
        None => ("base_event", None),
    }
}

/// What a file was opened for: the two lowest bits of the flags, and whether it was made.
fn opened(said: &Said<'_>, flags: &str) -> Option<&'static str> {
    let is_new = said
        .parts
        .iter()
        .any(|part| part.kind == "PATH" && part.get("nametype") == Some("CREATE"));
    let flags = said.part("SYSCALL").and_then(|part| part.get(flags));
    let flags = flags.and_then(|flags| i64::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    Some(match flags.map(|flags| flags & 3) {
        _ if is_new => "Create",
        Some(0) => "Read",
        Some(_) => "Update",
        None => "Open",
    })
}

/// Calls that the class has no word for are named as they are.
fn static_name(name: &str) -> Option<&'static str> {
    let all = CALLS.iter().flat_map(|(_, _, names)| names.iter());
    all.copied().find(|known| *known == name)
}
