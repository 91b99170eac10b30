//! What the fuzz targets do with hostile bytes: one function per parser. Each must come back, whatever
//! the bytes are, and the same bytes must give the same answer.

mod package;

pub use package::*;

use ambit_detect::{Detector, Placeholders, Places, RuleSet, Run, Terms};
use ambit_event::{Batch, Event, Fields, Keys, Timestamp};
use ambit_lake::{Assertion, Filter};
use ambit_scope::{DataMap, ReachContext, Seed};
use ambit_source::formats::aws::digest::{self, Digest, LogFile};
use ambit_source::{Chain, Context, Format, Mapping, Options, formats};
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::derive(&[7; 32]));

/// A map in which a statement's text decides whose data it reaches.
static STATEMENTS: LazyLock<DataMap> = LazyLock::new(|| {
    let (map, diagnostics) = DataMap::parse(
        include_str!("../seeds/data_map/statements.toml"),
        "statements.toml",
    );
    map.unwrap_or_else(|| panic!("the map of the statement target is sound: {diagnostics:?}"))
});

/// Decodes bytes as a file of a built-in source.
pub fn source(name: &str, bytes: &[u8]) {
    let built_in = formats::built_in();
    let Some(format) = built_in.iter().find(|f| f.name() == name) else {
        panic!("there is no source `{name}`");
    };
    decode(format, bytes);
}

/// Reads bytes as one evidence file: compression, archives, recognition, framing, decoding.
pub fn evidence(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().and_then(|mut file| file.write_all(bytes).map(|()| file));
    let Ok(file) = file else { return };
    let options = Options::default();
    let (inputs, _) = ambit_source::discover(&[file.path().to_owned()], &options);
    for input in inputs {
        let mut sink = |_: Batch| ControlFlow::Continue(());
        let _ = ambit_source::read(&input, &options, &KEYS, None, &mut sink);
    }
}

/// Reads bytes as a file that a container runtime keeps, as they are and with a runtime's head before every line: of
/// whole lines, and of pieces on both streams.
pub fn contained(bytes: &[u8]) {
    evidence(bytes);
    for modulus in [usize::MAX, 3] {
        let mut kept = Vec::with_capacity(bytes.len() * 2);
        for line in bytes.split(|byte| *byte == b'\n') {
            let head: &[u8] = match line.len() % modulus {
                0 => b"2014-05-23T10:00:00.1Z stdout P ",
                1 => b"2014-05-23T10:00:00.1Z stderr F ",
                _ => b"2014-05-23T10:00:00.1Z stdout F ",
            };
            kept.extend_from_slice(head);
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
        evidence(&kept);
    }
}

/// Reads bytes as a declared source, a blank line, and a log of that source.
pub fn mapping(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (declared, log) = text.split_once("\n\n\n").unwrap_or((&text, ""));
    if let Ok(mapping) = Mapping::parse(declared, "mapping.toml") {
        decode(&formats::declared(&mapping), log.as_bytes());
    }
}

/// Reads bytes as a search.
pub fn search(bytes: &[u8]) {
    if let Ok(filter) = Filter::parse(&String::from_utf8_lossy(bytes)) {
        let _ = filter.admits(&Event::new("nginx_access", Timestamp(0)));
    }
}

/// Reads bytes as a data map, and asks it about one request.
pub fn data_map(bytes: &[u8]) {
    let (map, _) = DataMap::parse(&String::from_utf8_lossy(bytes), "map.toml");
    let mut event = Event::new("nginx_access", Timestamp(0));
    event.class = Some("http_activity".into());
    event.activity = Some("GET".into());
    event.resource = Some("/v1/users/1042/profile".into());
    if let Some(map) = map {
        let _ = map.reach(&event, &ReachContext::default());
    }
}

/// Reads bytes as the text of an SQL statement in a database's log.
pub fn statement(bytes: &[u8]) {
    let mut event = Event::new("postgresql", Timestamp(0));
    event.class = Some("datastore_activity".into());
    event.query_text = Some(String::from_utf8_lossy(bytes).into_owned());
    let reach = STATEMENTS.reach(&event, &ReachContext::default());
    assert_eq!(reach, STATEMENTS.reach(&event, &ReachContext::default()));
}

/// Reads bytes as Sigma rules, and asks them about a started program; the index before them leaves out none that
/// matches.
pub fn rules(bytes: &[u8]) {
    let placeholders = Placeholders::parse("hosts = ['a', 'b*']", "values.toml").unwrap_or_default();
    let rules = RuleSet::parse(&String::from_utf8_lossy(bytes), "rules.yml", &placeholders);
    let mut event = Event::new("windows_evtx", Timestamp(0));
    event.operation = Some("Microsoft-Windows-Sysmon/1".into());
    let fields =
        r#"{"EventID":1,"Image":"C:\\Windows\\cmd.exe","CommandLine":"cmd -c x","Hashes":["a","b"]}"#;
    event.fields = Fields::from_json(fields.into());
    let (mut quick, mut slow) = (Detector::new(&rules), Detector::unfiltered(&rules));
    assert_eq!(quick.check(&event), slow.check(&event));
}

/// Reads bytes as a database of places, and asks it where addresses are.
pub fn places(bytes: &[u8]) {
    let Ok(places) = Places::parse(bytes.to_vec(), "places.mmdb") else {
        return;
    };
    let terms = Terms {
        places: Some(Arc::new(places)),
        ..Terms::new()
    };
    let mut run = Run::new(&RuleSet::parse("", "none.yml", &Placeholders::none()), terms);
    for (nth, address) in (0..).zip(["192.0.2.7", "198.51.100.9", "2001:db8::7", "::ffff:9.9.9.9"]) {
        let mut event = Event::new("shop_api", Timestamp(nth));
        event.actor_user = Some("1042".into());
        event.src_ip = Some(address.into());
        let _ = run.take(&event);
    }
}

/// Reads bytes as a seed.
pub fn seed(bytes: &[u8]) {
    if let Ok(seed) = Seed::parse(&String::from_utf8_lossy(bytes)) {
        let _ = seed.fingerprinted(&KEYS).sentence();
    }
}

/// Reads bytes as what a person says about coverage.
pub fn assertion(bytes: &[u8]) {
    let _ = Assertion::parse(&String::from_utf8_lossy(bytes));
}

/// Reads bytes as the manifest of shipped files.
pub fn manifest(bytes: &[u8]) {
    let _ = Chain::parse(&String::from_utf8_lossy(bytes), "manifest");
}

/// Reads bytes as a digest file of CloudTrail, and judges it beside itself.
pub fn digest(bytes: &[u8]) {
    let Some(digest) = Digest::parse(bytes, "digest") else {
        return;
    };
    let logs = std::iter::once(digest.partition.clone()).collect();
    let whole = |_: &LogFile| digest::Found::Whole;
    let _ = digest::judge(&[digest.clone(), digest], &whole, Some(&logs));
}

/// Makes a text safe for a terminal.
pub fn printable(bytes: &[u8]) {
    let safe = ambit_event::printable(&String::from_utf8_lossy(bytes), 4096);
    assert!(!safe.chars().any(char::is_control));
}

/// What holds for every batch: places lie in the file, and a reason is safe to print.
fn hold(batch: &Batch, n_bytes: u64) {
    for event in &batch.events {
        assert!(event.provenance.offset + event.provenance.length <= n_bytes);
    }
    for reject in &batch.rejects {
        assert!(reject.position.offset + reject.n_bytes <= n_bytes);
        assert_eq!(reject.reason, ambit_event::printable(&reject.reason, 1000));
    }
}

fn decode(format: &Arc<dyn Format>, bytes: &[u8]) {
    let context = Context::bare(KEYS.clone());
    let first = ambit_source::decode_all(format, bytes, &context);
    let second = ambit_source::decode_all(format, bytes, &context);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first, second, "the same bytes give the same events");
            hold(&first, bytes.len() as u64);
        }
        (Err(_), Err(_)) => {}
        _ => panic!("the same bytes are read once and not again"),
    }
}

/// Reads bytes as a file of regimes; what can be used is asked about an incident of which nothing is known.
pub fn regime(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (regimes, found) = ambit_disclose::parse(&text, "regime.toml");
    assert_eq!(
        (&regimes, &found),
        (&ambit_disclose::parse(&text, "regime.toml").0, &found)
    );
    let duties = ambit_disclose::duties(&regimes, &ambit_disclose::Facts::default(), Timestamp(0));
    let _ = ambit_disclose::calendar_of("case", &duties, Timestamp(0));
}

static STORY: LazyLock<ambit_scope::Scope> = LazyLock::new(|| {
    let text = include_str!("../../crates/disclose/tests/disclose/scopes/gap.json");
    serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("the scope of the notice target is sound: {error}"))
});

/// Reads bytes as the table of those who are written to.
pub fn addresses(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (Ok(read), Ok(again)) = (
        ambit_case::Addresses::read(&text),
        ambit_case::Addresses::read(&text),
    ) else {
        return;
    };
    assert_eq!(read, again, "the same table gives the same persons");
    for row in read.iter() {
        assert_eq!(row.digest().len(), 64, "of an address the journal keeps a digest");
        let printable = |text: &String| !text.contains(['\r', '\n']);
        assert!(
            row.name.as_ref().is_none_or(printable),
            "a name brings no line into a mail"
        );
        assert!(
            !row.email.to_string().contains(['\r', '\n']),
            "an address brings no line into a dialog"
        );
    }
}

/// Reads bytes as reports of mail servers, one mail or a mailbox.
pub fn bounces(bytes: &[u8]) {
    let read = ambit_case::read_reports(bytes);
    assert_eq!(
        read,
        ambit_case::read_reports(bytes),
        "the same mails give the same reports"
    );
    for report in &read.reports {
        let clean = ambit_event::printable(&report.told, usize::MAX);
        assert_eq!(
            report.told, clean,
            "what a server said brings nothing to a screen"
        );
    }
}

/// Reads bytes as the template of a notice; whatever it is, a draft says no more than the scope carries.
pub fn notice(bytes: &[u8]) {
    let template = String::from_utf8_lossy(bytes);
    let standing = ambit_disclose::Standing {
        version: 1,
        scope: &STORY,
    };
    let known = ambit_disclose::Known::of(Some(&standing), &ambit_disclose::Facts::default());
    let matter = ambit_disclose::Matter {
        case: "case",
        standing: Some(&standing),
        known: &known,
        decided: None,
        regimes: &[],
    };
    let wanted = ambit_disclose::Wanted {
        template: Some(&template),
        ..ambit_disclose::Wanted::of(ambit_disclose::NoticeKind::Public)
    };
    if let Ok(draft) = ambit_disclose::draft(&matter, &wanted) {
        let page = ambit_disclose::notice_page(&draft);
        assert!(!page.contains("<script"));
        let _ = ambit_disclose::notice_text(&draft);
    }
}
