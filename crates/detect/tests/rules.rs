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

fn through(pipeline: &str, rule: &str) -> RuleSet {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let pipelines = Pipelines::load(&[file("p.yml", pipeline)]).unwrap();
    RuleSet::load_through(&[file("r.yml", rule)], &Placeholders::none(), &pipelines)
}

const SHELL: &str = "title: Shell\nid: shell\nlogsource: {category: process_creation, product: windows}\n\
    detection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\nlevel: low\n";

#[test]
fn a_pipeline_that_is_not_understood_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.yml");
    let step =
        |text: &str| format!("name: p\ntransformations:\n- id: one\n  type: drop_detection_item\n- {text}\n");
    for (text, expected) in [
        ("name: [".to_owned(), "this is no YAML"),
        ("- a\n".to_owned(), ":1:1: a pipeline is a mapping"),
        (
            "name: p\ntransformation: []\n".to_owned(),
            ":2:1: a pipeline knows no `transformation`",
        ),
        (
            "name: p\ntransformations: {}\n".to_owned(),
            ":2:18: `transformations` is a list of steps",
        ),
        (
            "name: p\nsources: []\n".to_owned(),
            ":2:1: it takes values from outside",
        ),
        (
            step("{id: two, type: rename}"),
            ":5:19: `rename` is no type that a step can have here",
        ),
        (step("id: two"), ":5:3: a step has no `type`"),
        (
            step("{type: field_name_mapping}"),
            ":5:3: `field_name_mapping` has no `mapping`",
        ),
        (
            step("{type: field_name_mapping, maping: {}, mapping: {}}"),
            ":5:30: `field_name_mapping` knows no `maping`",
        ),
        (
            step("{type: field_name_mapping, mapping: {Image: }}"),
            "a value is missing",
        ),
        (
            step("{type: replace_string, regex: '(', replacement: x}"),
            ":5:33: `regex` is no regular expression: error: unclosed group",
        ),
        (step("{type: case, case: camel}"), ":5:22: `case` is one of lower"),
        (
            step("type: drop_detection_item\n  rule_conditions: [{type: logsorce}]"),
            ":6:28: `logsorce` is no type that one of `rule_conditions` can have here",
        ),
        (
            step(
                "type: drop_detection_item\n  rule_conditions: {a: {type: is_sigma_rule}}\n  rule_cond_expression: a and b",
            ),
            ":7:25: `b` is none of its conditions",
        ),
        (
            step(
                "type: drop_detection_item\n  rule_conditions: {a: {type: is_sigma_rule}}\n  rule_cond_expression: (a",
            ),
            ":7:25: `(a` ends too early",
        ),
        (
            step("type: drop_detection_item\n  rule_cond_expression: a"),
            ":6:3: there are no `rule_conditions` to join",
        ),
        (
            step(
                "type: drop_detection_item\n  field_name_conditions: [{type: include_fields, fields: [a]}, {type: exclude_fields, fields: [b]}]\n  field_name_cond_op: or",
            ),
            ":7:3: conditions of fields and values are joined by `and` alone",
        ),
        (
            step("{type: set_value, value: &a 1}\n- {type: set_value, value: *a}"),
            "an alias stands for",
        ),
        (
            step("{type: add_condition, conditions: {a: []}}"),
            ":5:3: add_condition: empty sequence",
        ),
    ] {
        std::fs::write(&path, &text).unwrap();
        let told = Pipelines::load(std::slice::from_ref(&path)).map_err(|error| error.to_string());
        let told = told.map(drop).unwrap_err();
        assert!(told.contains(expected), "{text}\n{told}");
        assert!(told.contains("p.yml:") && !told.contains("modifier"), "{told}");
    }
}

#[test]
fn conditions_with_names_are_joined_as_they_say() {
    let mapping = "type: field_name_mapping\n  mapping: {Image: proc_path}";
    let fields = |conditions: &str| {
        let rules = through(
            &format!("name: p\ntransformations:\n- {mapping}\n  {conditions}\n"),
            SHELL,
        );
        ambit_detect::Explanation::of(&rules.rules()[0]).fields.join(" ")
    };
    let named = "{w: {type: logsource, product: windows}, d: {type: logsource, category: dns}}";
    let listed = "[{id: w, type: logsource, product: windows}, {type: logsource, category: dns}]";
    for (conditions, expected) in [
        (format!("rule_conditions: {named}"), "Image"),
        (
            format!("rule_conditions: {named}\n  rule_cond_op: or"),
            "proc_path",
        ),
        (
            format!("rule_conditions: {named}\n  rule_cond_not: true"),
            "proc_path",
        ),
        (
            format!("rule_conditions: {named}\n  rule_cond_expression: w and not d"),
            "proc_path",
        ),
        (
            format!("rule_conditions: {named}\n  rule_cond_expression: not (w or d)"),
            "Image",
        ),
        (
            format!("rule_conditions: {listed}\n  rule_cond_expression: (w and cond_1) or w"),
            "proc_path",
        ),
    ] {
        assert_eq!(fields(&conditions), expected, "{conditions}");
    }
}

#[test]
fn what_a_rule_loses_in_a_pipeline_is_told() {
    let lost = |step: &str| {
        let rules = through(&format!("name: p\ntransformations:\n- {step}\n"), SHELL);
        let lost = rules.rules().iter().find_map(|rule| rule.lost_in_pipelines());
        let refused = rules.refused().first().cloned();
        lost.or(refused)
            .map_or_else(String::new, |told| format!("{} {}", told.code, told.reason))
    };
    for (step, expected) in [
        (
            "{type: field_name_mapping, mapping: {Image: OriginalFileName}}",
            "",
        ),
        (
            "{type: field_name_mapping, mapping: {Image: process.executable}}",
            "pipeline-nowhere pipelines leave it nothing to match: none of its logs is known to have `process.executable`",
        ),
        (
            "{type: add_condition, conditions: {event.kind: process}}",
            "pipeline-fields pipelines leave it less to match: none of its logs is known to have `event.kind`",
        ),
        (
            "{type: change_logsource, product: cisco, service: aaa}",
            "pipeline-nowhere pipelines leave it nowhere to run: no log that is read here is product=cisco",
        ),
        (
            "{type: drop_detection_item}",
            "pipeline a pipeline takes everything out of its detection `s`",
        ),
        (
            "{type: rule_failure, message: not here}",
            "pipeline a pipeline refuses it: Pipeline rule failure: not here",
        ),
    ] {
        let told = lost(step);
        assert!(
            told.starts_with(expected) && told.is_empty() == expected.is_empty(),
            "{step}: {told}"
        );
    }
}
