//! Which start of a host a record is of: serials and session numbers begin anew with each.

use super::record::Head;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hosts that are told apart; more are in no one log.
const MOST_HOSTS: usize = 1000;
/// Bytes of a host's name and a record's stamp at most; what is longer names no host.
pub const LONGEST: usize = 512;

/// Records of one host stand so far out of order at most; a serial that falls further is a new start's.
const DISORDER: i64 = 1000;

#[derive(Debug, Default)]
pub struct Boots {
    hosts: BTreeMap<String, Boot>,
}

#[derive(Debug)]
struct Boot {
    /// The first record that was seen of it.
    label: Arc<str>,
    last: i64,
    /// A record said that the host or its audit daemon started: from here on a lower serial is a new one's.
    is_restarted: bool,
}

impl Boots {
    /// The start that a record is of, as its first record; `None` where there are too many hosts, or its name is
    /// none.
    pub fn of(&mut self, host: &str, head: &Head<'_>) -> Option<Arc<str>> {
        let is_full = self.hosts.len() >= MOST_HOSTS || host.len() + head.stamp.len() > LONGEST;
        if !self.hosts.contains_key(host) {
            if is_full {
                return None;
            }
            self.hosts.insert(host.to_owned(), Boot::at(head));
        }
        let boot = self.hosts.get_mut(host)?;
        if is_of_daemon(head.kind) {
            boot.is_restarted |= head.kind == "DAEMON_START";
            return Some(Arc::clone(&boot.label));
        }
        let has_fallen = head.serial.saturating_add(DISORDER) < boot.last;
        if has_fallen || boot.is_restarted && head.serial < boot.last {
            *boot = Boot::at(head);
        }
        boot.is_restarted = head.kind == "SYSTEM_SHUTDOWN" || boot.is_restarted && head.serial < boot.last;
        boot.last = boot.last.max(head.serial);
        Some(Arc::clone(&boot.label))
    }
}

impl Boot {
    fn at(head: &Head<'_>) -> Self {
        let serial = if is_of_daemon(head.kind) { 0 } else { head.serial };
        Self {
            label: format!("{}:{serial}", head.stamp).into(),
            last: serial,
            is_restarted: false,
        }
    }
}

/// The audit daemon's own records have numbers of its own.
pub fn is_of_daemon(kind: &str) -> bool {
    kind.starts_with("DAEMON_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::formats::linux_auditd::record;

    #[test]
    fn a_start_is_known_by_falling_serials() {
        let mut boots = Boots::default();
        let mut label = |kind: &str, serial: i64| {
            let line = format!("type={kind} msg=audit(1.{serial:03}:{serial}): ");
            boots.of("h", &record::head(&line).unwrap()).unwrap().to_string()
        };
        assert_eq!(label("SYSCALL", 5000), label("SYSCALL", 4990));
        assert_eq!(label("SYSCALL", 6), label("SYSCALL", 5));
        assert_eq!(label("SYSCALL", 400), "1.006:6");
        assert_eq!(label("DAEMON_START", 8123), "1.006:6");
        assert_eq!(label("USER_START", 12), "1.012:12");
        assert_eq!(label("USER_START", 13), "1.012:12");
    }
}
