//! Events in, findings out: each rule is asked about the events of its log sources, and about no others.

use crate::engine::{Engine, Numbered, Sigma, Unfiltered};
use crate::logsource::{Log, Table};
use crate::rule::{Head, LogSource, RuleSet};
use crate::view::{Record, View};
use ahash::RandomState;
use ambit_event::{Event, Finding, FindingId, Observable, ObservableKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

/// What a detector saw and did, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub n_events: u64,
    /// Events of a log source that no rule is about.
    pub n_beside: u64,
    pub n_findings: u64,
}

/// Rules in force over single events.
pub struct Detector {
    heads: Vec<Head>,
    /// By our source: logs that rules are about.
    routes: HashMap<String, Routes>,
    make: Make,
    idle: Vec<usize>,
    tally: Tally,
}

type Make = fn(Numbered, &'static Log) -> Box<dyn Engine>;

/// The logs of a source.
#[derive(Default)]
struct Routes {
    all: Vec<Route>,
    /// By operation in lower case: the logs that are about it.
    of_operation: HashMap<String, Vec<usize>, RandomState>,
    /// Those of any operation by stream in lower case.
    of_stream: HashMap<String, Vec<usize>, RandomState>,
    /// Logs of any operation and stream.
    of_any: Vec<usize>,
}

/// A log and the rules that are about it.
struct Route {
    log: &'static Log,
    rules: Arc<Numbered>,
    /// Made when the first such event comes: most runs see few kinds of logs.
    engine: OnceLock<Box<dyn Engine>>,
}

impl Routes {
    fn add(&mut self, route: Route) {
        let at = self.all.len();
        for operation in &route.log.operation {
            self.of_operation
                .entry(operation.to_ascii_lowercase())
                .or_default()
                .push(at);
        }
        if route.log.operation.is_empty() {
            for stream in &route.log.stream {
                self.of_stream
                    .entry(stream.to_ascii_lowercase())
                    .or_default()
                    .push(at);
            }
            if route.log.stream.is_empty() {
                self.of_any.push(at);
            }
        }
        self.all.push(route);
    }

    /// The logs that an event is one of, as far as its columns tell.
    fn meant(&self, event: &Event) -> Vec<&Route> {
        let of_it = in_lower(&self.of_operation, event.operation.as_deref());
        let of_stream = in_lower(&self.of_stream, event.stream.as_deref());
        let named = of_it.into_iter().chain(of_stream).flatten();
        let mut at: Vec<usize> = self.of_any.iter().chain(named).copied().collect();
        at.sort_unstable();
        at.dedup();
        let routes = at.into_iter().filter_map(|at| self.all.get(at));
        routes.filter(|route| route.log.has_columns(event)).collect()
    }
}

/// What stands under the name in lower case.
fn in_lower<'m, V>(map: &'m HashMap<String, V, RandomState>, name: Option<&str>) -> Option<&'m V> {
    let name = name.unwrap_or_default();
    let mut lower = [0; 128];
    let Some(short) = lower.get_mut(..name.len()) else {
        return map.get(&name.to_ascii_lowercase());
    };
    short.copy_from_slice(name.as_bytes());
    short.make_ascii_lowercase();
    map.get(std::str::from_utf8(short).ok()?)
}

impl Detector {
    /// All rules of the set about single events.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        Self::with(rules, |rules, log| Box::new(Sigma::new(rules, &log.map)))
    }

    /// The same, but every rule is asked about every event of its log source, without the sieve before it: slow, and
    /// what [`Self::new`] must agree with.
    #[must_use]
    pub fn unfiltered(rules: &RuleSet) -> Self {
        Self::with(rules, |rules, _| Box::new(Unfiltered(rules)))
    }

    fn with(set: &RuleSet, make: Make) -> Self {
        let table = Table::built_in();
        let mut by_source: BTreeMap<&LogSource, Vec<usize>> = BTreeMap::new();
        for (at, rule) in set.rules().iter().enumerate() {
            by_source.entry(&rule.log_source).or_default().push(at);
        }
        let mut idle = Vec::new();
        let mut of_log: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (source, rules) in by_source {
            let logs = table.meant_by(source);
            if logs.is_empty() {
                idle.extend(&rules);
            }
            for log in logs {
                of_log.entry(log).or_default().extend(&rules);
            }
        }
        idle.sort_unstable();
        let mut routes: HashMap<String, Routes> = HashMap::new();
        for (log, rules) in of_log {
            let log = &table.log[log];
            let numbered = rules.iter().filter_map(|at| Some((*at, set.rules().get(*at)?)));
            let rules: Arc<Numbered> = Arc::new(
                numbered
                    .map(|(at, rule)| (at, Arc::clone(&rule.compiled)))
                    .collect(),
            );
            for source in &log.source {
                routes.entry(source.clone()).or_default().add(Route {
                    log,
                    rules: Arc::clone(&rules),
                    engine: OnceLock::new(),
                });
            }
        }
        Self {
            heads: set.rules().iter().map(|rule| rule.head.clone()).collect(),
            routes,
            make,
            idle,
            tally: Tally::default(),
        }
    }

    /// Rules whose log source is none that is read here: they never match.
    pub fn idle(&self) -> impl Iterator<Item = &Head> {
        self.idle.iter().filter_map(|at| self.heads.get(*at))
    }

    /// The sources whose events rules are about.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.routes.keys().map(String::as_str)
    }

    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What the rules conclude over one event, in the order of the rules.
    pub fn check(&mut self, event: &Event) -> Vec<Finding> {
        let findings = self.ask(event, &BTreeSet::new(), &mut |_, _| {});
        self.tally.n_events += 1;
        self.tally.n_beside += u64::from(findings.is_none());
        self.tally.n_findings += findings.as_ref().map_or(0, Vec::len) as u64;
        findings.unwrap_or_default()
    }

    /// The same without the findings of some rules; each rule that matches is shown with the event under the names
    /// of its log. `None` where no rule is about such events.
    pub(crate) fn ask(
        &self,
        event: &Event,
        silent: &BTreeSet<usize>,
        seen: &mut dyn FnMut(usize, &View<'_>),
    ) -> Option<Vec<Finding>> {
        let matched = self.visit(event, seen)?;
        let heard = matched.iter().filter(|at| !silent.contains(at));
        let heads = heard.filter_map(|at| self.heads.get(*at));
        Some(heads.map(|head| finding(head, event)).collect())
    }

    /// The rules that match, or `None` where no rule is about such events. Each is shown once.
    fn visit(&self, event: &Event, seen: &mut dyn FnMut(usize, &View<'_>)) -> Option<BTreeSet<usize>> {
        let meant = self.routes.get(event.source.as_str())?.meant(event);
        let record = meant.first().map(|_| Record::read(event))?;
        let mut matched = BTreeSet::new();
        for route in meant {
            if route.log.asks_for_fields() && !record.fits(route.log) {
                continue;
            }
            let engine = route
                .engine
                .get_or_init(|| (self.make)(route.rules.as_ref().clone(), route.log));
            let view = record.view(&route.log.map);
            for rule in engine.matches(&view) {
                if matched.insert(rule) {
                    seen(rule, &view);
                }
            }
        }
        Some(matched)
    }
}

fn finding(head: &Head, event: &Event) -> Finding {
    let events = vec![event.id];
    Finding {
        id: FindingId::of(&head.id, &events),
        rule_id: head.id.clone(),
        title: head.title.clone(),
        level: head.level,
        attack: head.techniques().collect(),
        time: event.time,
        until: event.time,
        source: event.source.clone(),
        host: event.host.clone(),
        actor: actor(event),
        because: None,
        events,
        n_events: 1,
    }
}

/// Who acted, by what the event says: kind, realm and value.
pub(crate) fn actors(event: &Event) -> impl Iterator<Item = (ObservableKind, &str, &str)> {
    const KINDS: [ObservableKind; 5] = [
        ObservableKind::Account,
        ObservableKind::Session,
        ObservableKind::Token,
        ObservableKind::Address,
        ObservableKind::Device,
    ];
    KINDS.into_iter().filter_map(|kind| {
        let value = event.text(kind.column()?).filter(|value| !value.is_empty())?;
        let realm = event.actor_realm.as_deref();
        let realm = realm.filter(|_| kind == ObservableKind::Account);
        Some((kind, realm.unwrap_or_default(), value))
    })
}

/// The same as they are kept.
pub(crate) fn actor(event: &Event) -> Vec<Observable> {
    let kept = |(kind, realm, value): (ObservableKind, &str, &str)| Observable {
        kind,
        realm: realm.to_owned(),
        value: value.to_owned(),
    };
    actors(event).map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Placeholders;
    use ambit_event::{Fields, Timestamp};

    fn event(source: &str, operation: &str, fields: &str) -> Event {
        let mut event = Event::new(source, Timestamp(0));
        event.operation = Some(operation.to_owned());
        event.fields = Fields::from_json(fields.to_owned());
        event
    }

    fn titles(detector: &mut Detector, event: &Event) -> Vec<String> {
        detector
            .check(event)
            .into_iter()
            .map(|finding| finding.title)
            .collect()
    }

    const RULES: &str = "title: Whoami\n\
        logsource: {product: windows, category: process_creation}\n\
        detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n\
        ---\n\
        title: Whoami on Linux\n\
        logsource: {product: linux, category: process_creation}\n\
        detection: {s: {Image|endswith: /whoami, CommandLine|contains: whoami}, condition: s}\n\
        ---\n\
        title: Not of a company\n\
        logsource: {category: process_creation}\n\
        detection: {s: {Image|contains: whoami}, f: {Company: Microsoft}, condition: s and not f}\n\
        ---\n\
        title: Nowhere\n\
        logsource: {product: cisco, service: aaa}\n\
        detection: {s: [whoami], condition: s}\n";

    #[test]
    fn a_rule_is_asked_about_its_log_sources_alone_under_their_names() {
        let rules = RuleSet::parse(RULES, "rules.yml", &Placeholders::none());
        assert_eq!(rules.refused(), []);
        for mut detector in [Detector::new(&rules), Detector::unfiltered(&rules)] {
            let image = r#"{"Image":"C:\\Windows\\whoami.exe","CommandLine":"whoami"}"#;
            let sysmon = event("windows_evtx", "Microsoft-Windows-Sysmon/1", image);
            assert_eq!(titles(&mut detector, &sysmon), ["Whoami", "Not of a company"]);
            let other = event("windows_evtx", "Microsoft-Windows-Sysmon/5", image);
            assert!(titles(&mut detector, &other).is_empty());
            let security = r#"{"NewProcessName":"C:\\Windows\\WHOAMI.exe","Company":"Microsoft"}"#;
            let security = event(
                "windows_evtx",
                "Microsoft-Windows-Security-Auditing/4688",
                security,
            );
            assert_eq!(titles(&mut detector, &security), ["Whoami"]);
            let mut audit = event(
                "linux_auditd",
                "execve",
                r#"{"exe":"/usr/bin/whoami","a0":"whoami"}"#,
            );
            audit.message = Some("whoami --help".to_owned());
            assert_eq!(
                titles(&mut detector, &audit),
                ["Whoami on Linux", "Not of a company"]
            );
            assert!(titles(&mut detector, &event("nginx_access", "GET /", "{}")).is_empty());
            let idle: Vec<&str> = detector.idle().map(|head| head.title.as_str()).collect();
            assert_eq!(idle, ["Nowhere"]);
            let tally = detector.tally();
            assert_eq!((tally.n_events, tally.n_beside, tally.n_findings), (5, 2, 5));
        }
    }

    fn fired(rules: &str, event: &Event) -> Vec<String> {
        let rules = RuleSet::parse(rules, "rules.yml", &Placeholders::none());
        assert_eq!(rules.refused(), []);
        let fired = titles(&mut Detector::new(&rules), event);
        assert_eq!(titles(&mut Detector::unfiltered(&rules), event), fired);
        fired
    }

    #[test]
    fn a_filter_narrows_a_rule_and_selectors_mean_its_own_detections() {
        const RULES: &str = "title: Login\n\
            logsource: {service: okta, product: okta}\n\
            detection: {known_x: {eventType: login}, b: {eventType: never}, condition: 1 of them}\n\
            ---\n\
            title: Our own\n\
            logsource: {product: okta}\n\
            filter: {rules: [Login], known_a: {ip: 192.0.2.1}, known_b: {ip: 192.0.2.2}, condition: not 1 of known_*}\n";
        for (ip, n) in [("192.0.2.1", 0), ("192.0.2.2", 0), ("192.0.2.3", 1)] {
            let login = event(
                "okta_system",
                "login",
                &format!(r#"{{"eventType":"login","ip":"{ip}"}}"#),
            );
            assert_eq!(fired(RULES, &login).len(), n, "{ip}");
        }
    }

    #[test]
    fn an_access_log_is_asked_under_the_names_of_web_servers() {
        const RULES: &str = "title: Path\n\
            logsource: {category: webserver}\n\
            detection: {s: {cs-method: GET, cs-uri-query|startswith: /cgi-bin/, sc-status: 200}, condition: s}\n\
            ---\n\
            title: Parameter\n\
            logsource: {category: webserver}\n\
            detection: {s: {cs-uri-query|startswith: 'cmd=', cs-uri-stem|endswith: .php}, condition: s}\n\
            ---\n\
            title: Words\n\
            logsource: {category: webserver}\n\
            detection: {s: ['/etc/passwd'], condition: s}\n";
        let fields = r#"{"request":"GET /cgi-bin/a.php?cmd=cat+/etc/passwd HTTP/1.1","status":"200"}"#;
        let mut request = event("nginx_access", "GET /cgi-bin/a.php", fields);
        request.activity = Some("GET".to_owned());
        request.resource = Some("/cgi-bin/a.php".to_owned());
        request.query_text = Some("cmd=cat+/etc/passwd".to_owned());
        assert_eq!(fired(RULES, &request), ["Path", "Parameter", "Words"]);
    }

    #[test]
    fn a_log_may_ask_for_fields_and_words_are_looked_for_in_the_message() {
        const RULES: &str = "title: New key\n\
            logsource: {product: windows, category: registry_add}\n\
            detection: {s: {TargetObject|contains: Run}, condition: s}\n\
            ---\n\
            title: Bad user\n\
            logsource: {product: linux, service: sshd}\n\
            detection: {s: {'|all': [Invalid user, root]}, condition: s}\n";
        let key = |kind: &str| format!(r#"{{"EventType":"{kind}","TargetObject":"HKLM\\Run\\x"}}"#);
        let made = |kind: &str| event("windows_evtx", "Microsoft-Windows-Sysmon/12", &key(kind));
        assert_eq!(fired(RULES, &made("CreateKey")), ["New key"]);
        assert!(fired(RULES, &made("DeleteKey")).is_empty());
        let mut login = event("sshd", "Logon", r#"{"program":"sshd"}"#);
        login.message = Some("Invalid user root2 from 192.0.2.1".to_owned());
        assert_eq!(fired(RULES, &login), ["Bad user"]);
    }

    #[test]
    fn a_wildcard_goes_over_lines_and_a_word_may_stand_anywhere() {
        const RULES: &str = "title: Inside\n\
            logsource: {product: windows, category: ps_script}\n\
            detection: {s: {ScriptBlockText|contains: 'new-object*webclient'}, condition: s}\n\
            ---\n\
            title: Whole\n\
            logsource: {product: windows, category: ps_script}\n\
            detection: {s: {ScriptBlockText: ['*Download?tring*', never]}, condition: s}\n\
            ---\n\
            title: Both\n\
            logsource: {product: windows, category: ps_script}\n\
            detection: {s: {ScriptBlockText|contains|all: ['net.', 'new*;', 'c\\.x\\\\*y']}, condition: s}\n\
            ---\n\
            title: Words\n\
            logsource: {product: windows, category: ps_script}\n\
            detection: {s: ['object*client', 4711], condition: s}\n";
        let text = r#"{"ScriptBlockText":"$a = New-Object `\n  Net.WebClient;\n$a.DownloadString('x') c\\.x\\ \n y"}"#;
        let script = event("windows_evtx", "Microsoft-Windows-PowerShell/4104", text);
        assert_eq!(fired(RULES, &script), ["Inside", "Whole", "Both", "Words"]);
        let port = event(
            "windows_evtx",
            "Microsoft-Windows-PowerShell/4104",
            r#"{"Path":"port 4711 open"}"#,
        );
        assert_eq!(fired(RULES, &port), ["Words"]);
    }
}
