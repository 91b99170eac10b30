//! The sentences of PAM modules, which any program can log: `pam_unix(sshd:auth): authentication failure; …`.

/// What a module said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'a> {
    pub module: &'a str,
    pub service: &'a str,
    pub act: Act,
    /// The account that is asked for.
    pub user: Option<&'a str>,
    /// The account that asks.
    pub by: Option<&'a str>,
    pub rhost: Option<&'a str>,
    /// What else a failure names: `uid=0`, `tty=ssh`.
    pub pairs: Vec<(&'a str, &'a str)>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Opened,
    Closed,
    Failed,
    /// Anything else that a module says.
    Other,
}

/// Takes a module's sentence apart; `None` where it is none.
pub fn read(message: &str) -> Option<Said<'_>> {
    let text = message.strip_prefix("error: ").unwrap_or(message);
    if text.starts_with("PAM ") && text.contains(" more authentication failure") {
        return Some(failure(
            "PAM",
            "",
            text.split_once(';').map_or("", |(_, rest)| rest),
        ));
    }
    let (module, rest) = text
        .split_once('(')
        .filter(|(m, _)| m.starts_with("pam_") && !m.contains(' '))?;
    let (service, rest) = rest.split_once("): ")?;
    let service = service.split(':').next().unwrap_or(service);
    for (head, act) in [
        ("session opened for user ", Act::Opened),
        ("session closed for user ", Act::Closed),
    ] {
        if let Some(who) = rest.strip_prefix(head) {
            return Some(session(module, service, act, who));
        }
    }
    if let Some(rest) = rest.strip_prefix("authentication failure;") {
        return Some(failure(module, service, rest));
    }
    if let Some(user) = locked(rest) {
        return Some(refused(module, service, user));
    }
    let act = if rest.starts_with("check pass; user unknown")
        || rest.starts_with("user ") && rest.contains(" tally ")
    {
        Act::Failed
    } else {
        Act::Other
    };
    let user = rest.strip_prefix("user ").and_then(|r| r.split(' ').next());
    let uid = rest
        .strip_prefix("user ")
        .and_then(|r| r.split_once(" (")?.1.split_once(')'))
        .map(|(uid, _)| ("uid", uid));
    Some(Said {
        module,
        service,
        act,
        user,
        by: None,
        rhost: None,
        pairs: uid.into_iter().collect(),
    })
}

/// The account that a module did not let in: `received for user bob: 10 (…)` of sssd and its kin, and faillock's.
fn locked(rest: &str) -> Option<&str> {
    if let Some(rest) = rest.strip_prefix("received for user ") {
        let (user, code) = rest.rsplit_once(": ")?;
        return (!code.starts_with("0 ")).then_some(user);
    }
    rest.strip_prefix("Consecutive login failures for user ")?
        .strip_suffix(" account temporarily locked")
}

fn refused<'a>(module: &'a str, service: &'a str, user: &'a str) -> Said<'a> {
    Said {
        module,
        service,
        act: Act::Failed,
        user: Some(user),
        by: None,
        rhost: None,
        pairs: Vec::new(),
    }
}

/// `root(uid=0) by alice(uid=1000)`
fn session<'a>(module: &'a str, service: &'a str, act: Act, who: &'a str) -> Said<'a> {
    let name = |text: &'a str| text.split('(').next().map(str::trim).filter(|n| !n.is_empty());
    let (user, by) = who
        .rsplit_once(" by ")
        .map_or((who, None), |(user, by)| (user, Some(by)));
    Said {
        module,
        service,
        act,
        user: name(user),
        by: by.and_then(name),
        rhost: None,
        pairs: Vec::new(),
    }
}

/// `logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root`; the user comes last and may hold spaces.
fn failure<'a>(module: &'a str, service: &'a str, rest: &'a str) -> Said<'a> {
    let (head, user) = rest
        .split_once(" user=")
        .map_or((rest, None), |(head, user)| (head, Some(user.trim())));
    let value = |name: &str| {
        head.split(' ')
            .find_map(|pair| pair.strip_prefix(name))
            .filter(|v| !v.is_empty())
    };
    Said {
        module,
        service,
        act: Act::Failed,
        user: user.filter(|u| !u.is_empty()),
        by: value("ruser=").or_else(|| value("logname=")),
        rhost: value("rhost="),
        pairs: head
            .split(' ')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(_, v)| !v.is_empty())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_sentences_are_read() {
        for (text, act, user, by, rhost) in [
            (
                "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
                Act::Opened,
                Some("alice"),
                None,
                None,
            ),
            (
                "pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)",
                Act::Opened,
                Some("root"),
                Some("alice"),
                None,
            ),
            (
                "pam_sss(sshd:auth): received for user bob: 10 (User not known to the underlying authentication module)",
                Act::Failed,
                Some("bob"),
                None,
                None,
            ),
            (
                "pam_faillock(sshd:auth): Consecutive login failures for user root account temporarily locked",
                Act::Failed,
                Some("root"),
                None,
                None,
            ),
            (
                "pam_unix(sshd:session): session closed for user alice",
                Act::Closed,
                Some("alice"),
                None,
                None,
            ),
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root",
                Act::Failed,
                Some("root"),
                None,
                Some("192.0.2.7"),
            ),
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7",
                Act::Failed,
                None,
                None,
                Some("192.0.2.7"),
            ),
            (
                "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root",
                Act::Failed,
                Some("root"),
                None,
                Some("192.0.2.7"),
            ),
            (
                "pam_unix(sshd:auth): check pass; user unknown",
                Act::Failed,
                None,
                None,
                None,
            ),
        ] {
            let seen = read(text).map(|s| (s.act, s.user, s.by, s.rhost));
            assert_eq!(seen, Some((act, user, by, rhost)), "{text}");
        }
        assert_eq!(read("pam is fine (really): yes"), None);
    }
}
