//! What the records of one event say together, in our columns.

use super::meaning::{self, Meaning};
use super::record::{self, Part, says};
use super::syscalls;
use crate::json::{Json, Object};
use crate::redact::{self, Redactor};
use ambit_event::{Event, Keys, Outcome};
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

const CIRCUMSTANCES: &[&str] = &[
    "CWD",
    "PATH",
    "PROCTITLE",
    "SOCKADDR",
    "EXECVE",
    "EOE",
    "OBJ_PID",
    "MMAP",
    "BPRM_FCAPS",
    "FD_PAIR",
    "IPC",
    "SOCKETCALL",
    "OPENAT2",
];

/// Whether a kind of record tells the circumstances of what another one says.
pub fn is_circumstance(kind: &str) -> bool {
    CIRCUMSTANCES.contains(&kind)
}

/// The records of one event, in the order in which they came.
pub struct Said<'a> {
    pub parts: Vec<Part<'a>>,
    meaning: Meaning,
}

impl<'a> Said<'a> {
    pub fn new(mut parts: Vec<Part<'a>>) -> Self {
        parts.iter_mut().for_each(name_syscall);
        let mut said = Self {
            parts,
            meaning: Meaning::default(),
        };
        said.meaning = meaning::of(&said);
        said
    }

    pub fn part(&self, kind: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    /// The first value of a field that says something; the record of the system call goes first.
    pub fn get(&self, name: &str) -> Option<&str> {
        let call = self.part("SYSCALL").and_then(|part| part.get(name));
        call.or_else(|| self.parts.iter().find_map(|part| part.get(name)))
    }

    /// The kind of record that says what happened; the others tell its circumstances.
    pub fn kind(&self) -> &str {
        let tells = |part: &&Part<'_>| part.kind != "SYSCALL" && !CIRCUMSTANCES.contains(&&*part.kind);
        let found = self.parts.iter().find(tells).or_else(|| self.part("SYSCALL"));
        found.or(self.parts.first()).map_or("", |part| &part.kind)
    }

    pub fn syscall(&self) -> Option<&str> {
        let call = self.part("SYSCALL")?;
        call.get("SYSCALL").or_else(|| call.get("syscall"))
    }

    /// Fills the columns.
    pub fn fill(&self, event: &mut Event, keys: &Keys) {
        let Meaning {
            class,
            activity,
            outcome,
        } = self.meaning;
        event.class = Some(class.to_owned());
        event.activity = Some(activity.map_or_else(|| self.kind().to_ascii_lowercase(), str::to_owned));
        event.operation = Some(self.operation().to_owned());
        event.outcome = outcome;
        let result = match self.kind() {
            "SYSCALL" => self.get("exit"),
            _ => self.get("res").or_else(|| self.get("exit")),
        };
        event.status_code = result.map(str::to_owned);
        event.actor_user = self.user(class).map(|user| redact::text(keys, user).into_owned());
        event.actor_realm = event.actor_user.as_ref().map(|_| "host".to_owned());
        event.actor_service = self.get("exe").or_else(|| self.get("comm")).map(str::to_owned);
        event.process_pid = self.get("pid").and_then(|pid| pid.parse().ok());
        self.set_peer(event);
        event.resource = event
            .resource
            .take()
            .or_else(|| self.resource())
            .map(|text| redact::owned(keys, text));
        event.message = self.command().map(|text| redact::owned(keys, text));
    }

    fn operation(&self) -> &str {
        match self.kind() {
            "SYSCALL" => self.syscall().unwrap_or("SYSCALL"),
            kind => kind,
        }
    }

    /// Who acts: whoever logged in, whatever it became since; of what nobody logged in for, the process's own
    /// account. A record of a log-in names the account that is asked for.
    fn user(&self, class: &str) -> Option<&str> {
        if class == "authentication" {
            let asked = ["acct", "ID", "id", "new-auid"]
                .iter()
                .find_map(|name| self.set(name));
            // A server that asks for an account nobody knows is not the one who asks.
            if asked.is_some() || self.asks() && self.is_of_root() {
                return asked;
            }
        }
        ["AUID", "auid", "UID", "uid"]
            .iter()
            .find_map(|name| self.set(name))
    }

    /// Whether an account is asked for, known or not: PAM writes `?` and OpenSSH `(unknown)` or the number of none.
    fn asks(&self) -> bool {
        self.parts.iter().any(|part| {
            let is_asked = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| matches!(&**name, "acct" | "id");
            part.fields.iter().any(is_asked)
        })
    }

    fn is_of_root(&self) -> bool {
        matches!(self.get("uid"), Some("0" | "root"))
    }

    /// A number or name of an account or session that is set.
    pub fn set(&self, name: &str) -> Option<&str> {
        self.get(name)
            .filter(|value| !matches!(*value, "4294967295" | "-1" | "unset"))
    }

    /// The other end: of what came in it is where that came from, of what went out it is what was reached.
    fn set_peer(&self, event: &mut Event) {
        let ip = |text: &str| {
            text.parse::<IpAddr>()
                .ok()
                .map(|ip| ip.to_canonical().to_string())
        };
        let peer = self.part("SOCKADDR").and_then(|part| part.get("laddr"));
        let port = self.part("SOCKADDR").and_then(|part| part.get("lport"));
        match (self.syscall(), peer) {
            (Some("accept" | "accept4" | "recvfrom" | "getpeername"), Some(peer)) => {
                event.src_ip = ip(peer);
                event.src_port = port.and_then(|p| p.parse().ok());
            }
            (Some(_), Some(peer)) => {
                event.resource = Some(port.map_or_else(|| peer.to_owned(), |port| format!("{peer}:{port}")));
            }
            _ => {
                event.src_ip = self.get("addr").and_then(ip);
                event.src_port = self
                    .get("rport")
                    .and_then(|p| p.parse::<u16>().ok())
                    .map(i64::from);
            }
        }
    }

    fn resource(&self) -> Option<String> {
        let own = |name: &str| self.get(name).map(str::to_owned);
        match self.kind() {
            "USER_CMD" => return own("cmd"),
            "SERVICE_START" | "SERVICE_STOP" => return own("unit"),
            kind if meaning::is_account_change(kind) => {
                return own("acct").or_else(|| own("id")).or_else(|| own("grp"));
            }
            "SYSCALL" if self.meaning.class == "process_activity" => {
                return own("exe").or_else(|| self.path());
            }
            _ => {}
        }
        self.path()
            .or_else(|| own("path"))
            .or_else(|| own("name"))
            .or_else(|| self.part("SOCKADDR")?.get("saddr_path").map(str::to_owned))
    }

    /// The file that was touched: its folder is named beside it.
    fn path(&self) -> Option<String> {
        let paths = || self.parts.iter().filter(|part| part.kind == "PATH");
        let is_file = |part: &&Part<'_>| part.get("nametype") != Some("PARENT");
        let part = paths().find(is_file).or_else(|| paths().next())?;
        let name = part.get("name")?;
        let folder = self.get("cwd").filter(|_| !name.starts_with('/'));
        Some(match folder {
            Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
            None => name.to_owned(),
        })
    }

    /// The command line.
    fn command(&self) -> Option<String> {
        let arguments: Vec<&str> = self
            .parts
            .iter()
            .filter(|part| part.kind == "EXECVE")
            .flat_map(|part| part.fields.iter())
            .filter(|(name, _)| is_argument(name))
            .map(|(_, value)| &**value)
            .collect();
        if !arguments.is_empty() {
            return Some(arguments.join(" "));
        }
        self.get("proctitle")
            .or_else(|| self.get("cmd"))
            .or_else(|| self.get("data"))
            .map(str::to_owned)
    }

    /// The fields of all records in one object. A name that several records use has each value; the
    /// arguments of a program stand for those of the call that started it.
    pub fn fields(&self, stamp: &str, redactor: &mut Redactor) -> Object<'_> {
        let mut merged = Merged::default();
        let has_arguments = self.part("EXECVE").is_some();
        let n_paths = self.parts.iter().filter(|part| part.kind == "PATH").count();
        for part in &self.parts {
            merged.add("type", &part.kind, Repeat::Once);
            let repeat = match &*part.kind {
                "PATH" if n_paths > 1 => Repeat::Each,
                _ => Repeat::Once,
            };
            for (name, value) in &part.fields {
                if !(part.kind == "SYSCALL" && has_arguments && is_argument(name)) {
                    merged.add(name, value, repeat);
                }
            }
            if !part.words.is_empty() {
                merged.own("text", part.words.join(" "));
            }
            if let Some(whole) = part.unsure {
                merged.add("text", whole, Repeat::Once);
            }
        }
        merged.own("msg", format!("audit({stamp})"));
        let mut fields = merged.object();
        redactor.fields(&mut fields);
        fields
    }
}

fn is_argument(name: &str) -> bool {
    name.strip_prefix('a')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// The same value again says nothing new.
    Once,
    /// Lists of several fields belong together.
    Each,
}

/// Fields of several records under their names.
#[derive(Default)]
struct Merged<'a> {
    fields: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, name: &'a str, value: &'a str, repeat: Repeat) {
        self.put(Cow::Borrowed(name), Cow::Borrowed(value), repeat);
    }

    fn own(&mut self, name: &'static str, value: String) {
        self.put(Cow::Borrowed(name), Cow::Owned(value), Repeat::Once);
    }

    fn put(&mut self, name: Cow<'a, str>, value: Cow<'a, str>, repeat: Repeat) {
        let Some(place) = self.places.get(&name) else {
            self.places.insert(name.clone(), self.fields.len());
            return self.fields.push((name, vec![value]));
        };
        let values = &mut self.fields[*place].1;
        // A hostile record can repeat a name without end: what a few do not tell is in the raw record.
        let is_new = repeat == Repeat::Each || values.len() < 64 && !values.contains(&value);
        if is_new {
            values.push(value);
        }
    }

    fn object(self) -> Object<'a> {
        let value = |mut values: Vec<Cow<'a, str>>| match (values.len(), values.pop()) {
            (1, Some(only)) => Json::Text(only),
            (_, last) => Json::Array(values.into_iter().chain(last).map(Json::Text).collect()),
        };
        let fields = self.fields.into_iter();
        Object::of_distinct(fields.map(|(name, values)| (name, value(values))).collect())
    }
}

/// Adds what auditd adds where its `log_format` is `ENRICHED`: the name of the call, the parts of an address.
fn name_syscall(part: &mut Part<'_>) {
    if part.kind == "SYSCALL" && part.get("SYSCALL").is_none() {
        let name = part.get("arch").zip(part.get("syscall"));
        if let Some(name) = name.and_then(|(arch, number)| syscalls::name(arch, number)) {
            part.fields.push((Cow::Borrowed("SYSCALL"), Cow::Borrowed(name)));
        }
    }
    if part.kind == "SOCKADDR" && part.get("laddr").is_none() {
        let address = part
            .get("saddr")
            .and_then(record::hex_bytes)
            .and_then(|bytes| address(&bytes));
        for (name, value) in address.unwrap_or_default() {
            part.fields.push((Cow::Borrowed(name), Cow::Owned(value)));
        }
    }
}

/// The parts of a `sockaddr` as a little-endian kernel writes it.
fn address(bytes: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let family = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
    let port = || Some(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]).to_string());
    let named = |family: &str, ip: IpAddr, port: String| {
        vec![
            ("saddr_fam", family.to_owned()),
            ("laddr", ip.to_canonical().to_string()),
            ("lport", port),
        ]
    };
    Some(match family {
        1 => {
            let path = bytes.get(2..)?;
            let path = path.strip_prefix(b"\0").unwrap_or(path);
            let path = path.split(|b| *b == 0).next()?;
            let path = String::from_utf8_lossy(path).into_owned();
            vec![("saddr_fam", "local".to_owned()), ("saddr_path", path)]
        }
        2 => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            named("inet", IpAddr::from(ip), port()?)
        }
        10 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            named("inet6", IpAddr::from(ip), port()?)
        }
        16 => vec![("saddr_fam", "netlink".to_owned())],
        _ => return None,
    })
}

/// How an event ended, by the result that its records give.
pub fn outcome(said: &Said<'_>) -> Outcome {
    if let Some(denied) = refusal(said) {
        return denied;
    }
    let result = said
        .get("success")
        .or_else(|| said.get("res"))
        .or_else(|| said.get("result"));
    match result {
        Some("yes" | "success" | "1" | "Success") => Outcome::Success,
        // EPERM and EACCES: the kernel's rules forbid it.
        Some("no") if matches!(said.get("exit"), Some("-1" | "-13" | "EPERM" | "EACCES")) => Outcome::Denied,
        // Begun and not decided: EINPROGRESS, and the calls that a signal makes begin anew.
        Some("no")
            if matches!(
                said.get("exit"),
                Some("-115" | "-512" | "-513" | "-514" | "-516" | "EINPROGRESS")
            ) =>
        {
            Outcome::Unknown
        }
        Some("no" | "failed" | "0" | "Failed" | "fail") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// What SELinux and AppArmor decided; where they only warn, the call itself tells how it ended.
fn refusal(said: &Said<'_>) -> Option<Outcome> {
    let part = said.part("AVC").or_else(|| said.part("USER_AVC"))?;
    let is_denied = part.words.contains(&"denied") || part.get("apparmor") == Some("DENIED");
    let is_enforced =
        part.get("permissive") != Some("1") && said.get("success").and_then(says) != Some("yes");
    (is_denied && is_enforced).then_some(Outcome::Denied)
}
