//! Numbers that the kernel writes, and their names: system calls by architecture, kinds of records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

type Table = HashMap<u32, &'static str>;

/// From the kernel's headers, Linux 6.1: `asm/unistd_64.h`, `asm/unistd_32.h`, `asm-generic/unistd.h`.
static X86_64: LazyLock<Table> = LazyLock::new(|| table(include_str!("syscalls_x86_64.txt")));
static I386: LazyLock<Table> = LazyLock::new(|| table(include_str!("syscalls_i386.txt")));
static GENERIC: LazyLock<Table> = LazyLock::new(|| table(include_str!("syscalls_generic.txt")));

fn table(text: &'static str) -> Table {
    let pairs = text
        .split_ascii_whitespace()
        .filter_map(|pair| pair.split_once('='));
    pairs
        .filter_map(|(n, name)| Some((n.parse().ok()?, name)))
        .collect()
}

/// The name of a system call, by the `arch` and `syscall` of its record.
pub fn name(arch: &str, syscall: &str) -> Option<&'static str> {
    let table = match arch {
        "c000003e" => &X86_64,
        "40000003" => &I386,
        "c00000b7" | "c00000f3" => &GENERIC,
        _ => return None,
    };
    table.get(&syscall.parse().ok()?).copied()
}

/// Kinds that the kernel's own log names by number, from `linux/audit.h`.
const KINDS: &[(u32, &str)] = &[
    (1006, "LOGIN"),
    (1100, "USER_AUTH"),
    (1101, "USER_ACCT"),
    (1102, "USER_MGMT"),
    (1103, "CRED_ACQ"),
    (1104, "CRED_DISP"),
    (1105, "USER_START"),
    (1106, "USER_END"),
    (1107, "USER_AVC"),
    (1108, "USER_CHAUTHTOK"),
    (1109, "USER_ERR"),
    (1110, "CRED_REFR"),
    (1111, "USYS_CONFIG"),
    (1112, "USER_LOGIN"),
    (1113, "USER_LOGOUT"),
    (1114, "ADD_USER"),
    (1115, "DEL_USER"),
    (1116, "ADD_GROUP"),
    (1117, "DEL_GROUP"),
    (1123, "USER_CMD"),
    (1127, "SYSTEM_BOOT"),
    (1128, "SYSTEM_SHUTDOWN"),
    (1129, "SYSTEM_RUNLEVEL"),
    (1130, "SERVICE_START"),
    (1131, "SERVICE_STOP"),
    (1300, "SYSCALL"),
    (1302, "PATH"),
    (1305, "CONFIG_CHANGE"),
    (1306, "SOCKADDR"),
    (1307, "CWD"),
    (1309, "EXECVE"),
    (1317, "OBJ_PID"),
    (1319, "TTY"),
    (1320, "EOE"),
    (1321, "BPRM_FCAPS"),
    (1322, "CAPSET"),
    (1323, "MMAP"),
    (1325, "NETFILTER_CFG"),
    (1326, "SECCOMP"),
    (1327, "PROCTITLE"),
    (1328, "FEATURE_CHANGE"),
    (1330, "KERN_MODULE"),
    (1331, "FANOTIFY"),
    (1334, "BPF"),
    (1335, "EVENT_LISTENER"),
    (1400, "AVC"),
    (1403, "MAC_POLICY_LOAD"),
    (1404, "MAC_STATUS"),
    (1405, "MAC_CONFIG_CHANGE"),
    (1700, "ANOM_PROMISCUOUS"),
    (1701, "ANOM_ABEND"),
    (1702, "ANOM_LINK"),
];

/// The kind's name, where it is a number or `UNKNOWN[1323]`.
pub fn kind(written: &str) -> Cow<'_, str> {
    let inner = written
        .strip_prefix("UNKNOWN[")
        .and_then(|rest| rest.strip_suffix(']'));
    let number = inner.unwrap_or(written).parse::<u32>().ok();
    let known = number.and_then(|n| KINDS.iter().find(|(number, _)| *number == n));
    known.map_or(Cow::Borrowed(written), |(_, name)| Cow::Borrowed(name))
}

/// Kinds of records by which programs tell something: an event each. All others come from the kernel, which
/// writes several records for one event.
pub fn is_alone(kind: &str) -> bool {
    const HEADS: &[&str] = &[
        "USER_",
        "CRED_",
        "ADD_",
        "DEL_",
        "ACCT_",
        "GRP_",
        "ROLE_",
        "SERVICE_",
        "SYSTEM_",
        "DAEMON_",
        "CRYPTO_",
        "VIRT_",
        "LABEL_",
        "RESP_",
        "ANOM_LOGIN_",
        "SOFTWARE_",
        "AUOMS_",
    ];
    const WHOLE: &[&str] = &[
        "USER",
        "TEST",
        "TRUSTED_APP",
        "USYS_CONFIG",
        "CHGRP_ID",
        "CHUSER_ID",
        "DAC_CHECK",
    ];
    HEADS.iter().any(|head| kind.starts_with(head)) || WHOLE.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names() {
        assert_eq!(name("c000003e", "59"), Some("execve"));
        assert_eq!(name("40000003", "11"), Some("execve"));
        assert_eq!(name("c00000b7", "221"), Some("execve"));
        assert_eq!(name("c000003e", "x"), None);
        assert_eq!(
            (kind("1326"), kind("UNKNOWN[1323]"), kind("PATH")),
            ("SECCOMP".into(), "MMAP".into(), "PATH".into())
        );
        assert!(is_alone("USER_LOGIN") && !is_alone("SYSCALL") && !is_alone("AVC"));
    }
}
