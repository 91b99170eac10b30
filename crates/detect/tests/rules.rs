//! Rule files with everything that can be wrong with them, and what must be said of each.
//! `AMBIT_BLESS=1` writes what is said now: read it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Detector, Head, Pipelines, Placeholders, RuleSet};
use ambit_event::{Event, Fields, Timestamp};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn placeholders() -> Placeholders {
    Placeholders::parse("hosts = ['a', 'b*']", "values.toml").unwrap()
}

fn told(rules: &RuleSet) -> String {
    let mut out = String::new();
    let mut line = |kind: &str, head: &Head, more: String| {
        let level = head.level.map_or("no level", ambit_event::Level::name);
        let at = head.origin.place.line.unwrap_or_default();
        let _ = writeln!(
            out,
            "{kind} {:?} {:?} {level}, line {at}{more}",
            head.id, head.title
        );
    };
    for rule in rules.rules() {
        line(
            "rule",
            &rule.head,
            format!(", {}, filters {:?}", rule.log_source, rule.filters),
        );
    }
    for rule in rules.correlations() {
        line(
            "correlation",
            &rule.head,
            format!(", over {:?} within {} s", rule.over, rule.within_secs()),
        );
    }
    for rule in rules.filters() {
        line("filter", &rule.head, format!(", narrows {:?}", rule.narrows));
    }
    for refusal in rules.refused() {
        let _ = writeln!(out, "refused {refusal}");
    }
    for remark in rules.remarks() {
        let _ = writeln!(out, "remark {remark}");
    }
    out
}

#[test]
fn what_is_said_of_each_rule_is_what_is_promised() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 5);
    let mut wrong = Vec::new();
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let ours = told(&RuleSet::parse(&text, case.file_name().unwrap(), &placeholders()));
        let out = case.with_extension("out");
        if std::env::var_os("AMBIT_BLESS").is_some() {
            std::fs::write(&out, &ours).unwrap();
        }
        if std::fs::read_to_string(&out).unwrap_or_default() != ours {
            wrong.push(format!("{}:\n{ours}", out.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder with everything that can be wrong with files.
#[test]
#[cfg(unix)]
fn files_that_cannot_be_read_are_named() {
    let rule = "title: T\nlogsource: {product: linux}\ndetection: {s: {a: b}, condition: s}\n";
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sub = root.join("sub");
    std::fs::create_dir_all(sub.join(".git")).unwrap();
    std::fs::create_dir_all(root.join("void")).unwrap();
    std::fs::write(sub.join("a.yml"), rule).unwrap();
    std::fs::write(sub.join(".git/b.yml"), rule).unwrap();
    std::fs::write(sub.join("README.md"), "no rule").unwrap();
    std::fs::write(sub.join("empty.yaml"), "\n# nothing\n").unwrap();
    std::fs::write(sub.join("latin.yml"), b"title: a\nauthor: Andr\xe9\n").unwrap();
    std::fs::write(root.join("one.rule"), rule.replace("title: T", "title: U")).unwrap();
    std::os::unix::fs::symlink(root, sub.join("up")).unwrap();
    std::os::unix::fs::symlink(&sub, sub.join("self")).unwrap();
    std::os::unix::fs::symlink(sub.join("a.yml"), sub.join("again.yml")).unwrap();
    std::os::unix::fs::symlink(root.join("gone"), sub.join("dangling.yml")).unwrap();

    let paths = ["sub", "one.rule", "void", "nowhere", "sub/a.yml"].map(|name| root.join(name));
    let rules = RuleSet::load(&paths, &Placeholders::none());
    let titles: Vec<&str> = rules
        .rules()
        .iter()
        .map(|rule| rule.head.title.as_str())
        .collect();
    assert_eq!(titles, ["T", "U"]);
    let mut codes: Vec<(String, &str)> = rules
        .refused()
        .iter()
        .map(|refusal| {
            let path = refusal.path.strip_prefix(root).unwrap();
            (path.to_string_lossy().into_owned(), refusal.code)
        })
        .collect();
    codes.sort();
    let expected = [
        ("nowhere", "unreadable"),
        ("sub/dangling.yml", "unreadable"),
        ("sub/empty.yaml", "empty"),
        ("sub/latin.yml", "not-utf8"),
        ("sub/self", "link-loop"),
        ("void", "no-rules"),
    ];
    let codes: Vec<(&str, &str)> = codes.iter().map(|(path, code)| (path.as_str(), *code)).collect();
    assert_eq!(codes, expected);
    // `.git`, the README, and `one.rule` by way of `up`: a folder is asked for rules by their names.
    assert_eq!(rules.n_passed_over(), 3);
}

#[test]
fn a_file_of_values_that_cannot_be_used_is_an_error() {
    for text in [
        "hosts = ",
        "hosts = 1",
        "hosts = []",
        "hosts = [['a']]",
        "[hosts]\na = 'b'",
    ] {
        let error = Placeholders::parse(text, "values.toml").unwrap_err();
        assert!(error.to_string().starts_with("values.toml: "), "{error}");
    }
}

#[test]
fn the_rules_of_this_repository_can_all_be_used() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let rules = RuleSet::load(&[dir], &Placeholders::none());
    assert_eq!((rules.refused(), rules.remarks()), (&[][..], &[][..]));
    assert!(rules.rules().len() > 20 && rules.correlations().len() == 1);
    let heads = rules.rules().iter().map(|rule| &rule.head);
    for head in heads.chain(rules.correlations().iter().map(|rule| &rule.head)) {
        assert!(
            head.level.is_some() && head.techniques().next().is_some(),
            "{}",
            head.title
        );
    }
    assert_eq!(ambit_detect::Detector::new(&rules).idle().count(), 0);
}

/// A rule in Sigma's words goes through a site's pipeline, and runs under the site's.
#[test]
fn rules_go_through_pipelines() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let rules = file(
        "rules.yml",
        "title: Shell\nid: shell\nlogsource: {category: process_creation, product: windows}\n\
         detection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\nlevel: low\n\
         ---\ntitle: Excluded\nid: excluded\nlogsource: {category: dns, product: windows}\n\
         detection: {s: {a: b}, condition: s}\n\
         ---\ntitle: Ours\nid: ours\nlogsource: {category: process_creation, product: windows}\n\
         filter: {rules: [shell], s: {User: us}, condition: not s}\n",
    );
    let pipeline = file(
        "site.yml",
        "name: site\npriority: 10\ntransformations:\n\
         - {id: names, type: field_name_mapping, mapping: {Image: proc_path}, \
         rule_conditions: [{type: logsource, category: process_creation}]}\n\
         - {id: no_dns, type: rule_failure, message: no such log here, rule_conditions: [{type: logsource, category: dns}]}\n",
    );
    let pipelines = Pipelines::load(&[pipeline]).unwrap();
    let rules = RuleSet::load_through(&[rules], &Placeholders::none(), &pipelines);
    let refused: Vec<&str> = rules.refused().iter().map(|refusal| refusal.code).collect();
    assert_eq!(
        (rules.n_loaded(), refused),
        (1, vec!["pipeline", "filter-beside-pipeline"]),
        "{:?}",
        rules.refused()
    );
    let found = |field: &str| {
        let mut event = Event::new("windows_evtx", Timestamp(0));
        event.operation = Some("Microsoft-Windows-Sysmon/1".to_owned());
        event.fields = Fields::from_json(format!(r#"{{"{field}":"C:\\\\cmd.exe"}}"#));
        Detector::new(&rules).check(&event).len()
    };
    assert_eq!((found("proc_path"), found("Image")), (1, 0));
    let fetching = file(
        "fetching.yml",
        "name: f\ntransformations:\n- {id: names, type: field_name_mapping, mapping: '${source.names}'}\n",
    );
    assert!(Pipelines::load(&[fetching]).is_err());
    assert!(Pipelines::load(&[dir.path().join("gone.yml")]).is_err());
}
