//! Logs as container runtimes keep them: the lines within are of the format that they always are, and each record is
//! the runtime's line, at its place in the file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Event, Keys, Provenance, Timestamp};
use ambit_source::{Mapping, Options, discover, read};
use serde_json::json;
use std::ops::ControlFlow;

/// What is read from a file with this text, and the source that it was taken for.
fn read_text(name: &str, text: &str, options: &Options) -> (Option<String>, Batch) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let (inputs, _) = discover(&[path], options);
    let mut all = Batch::default();
    for input in &inputs {
        let mut sink = |batch: Batch| {
            all.events.extend(batch.events);
            all.rejects.extend(batch.rejects);
            ControlFlow::Continue(())
        };
        read(input, options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    }
    (inputs.first().map(|input| input.evidence.source.clone()), all)
}

/// Each line as Kubernetes' runtimes keep it.
fn behind_times(lines: &[&str]) -> String {
    let kept = lines
        .iter()
        .map(|line| format!("2014-05-23T10:00:09.123456789Z stderr F {line}\n"));
    kept.collect()
}

/// Each line as Docker keeps it.
fn in_objects(lines: &[&str]) -> String {
    let kept = lines.iter().map(|line| {
        let line = format!("{line}\n");
        json!({ "log": line, "stream": "stdout", "time": "2014-05-23T10:00:09.123456789Z" }).to_string()
            + "\n"
    });
    kept.collect()
}

/// The bytes of an event are those at its place.
fn assert_places(text: &str, events: &[Event]) {
    for event in events {
        let Provenance {
            offset, length, line, ..
        } = event.provenance;
        let (begin, end) = (offset as usize, (offset + length) as usize);
        assert_eq!(text.as_bytes()[begin..end], event.raw[..], "{event:?}");
        assert_eq!(text[..begin].matches('\n').count() as u64 + 1, line);
    }
}

const NGINX: [&str; 3] = [
    r#"192.0.2.7 - alice [23/May/2014:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8""#,
    r#"2014/05/23 10:00:01 [error] 12#13: *45 access forbidden by rule, client: 192.0.2.8, server: x, request: "GET / HTTP/1.1", host: "x""#,
    r#"192.0.2.9 - - [23/May/2014:10:00:02 +0000] "GET /b HTTP/1.1" 200 5 "-" "curl/8""#,
];

#[test]
fn a_web_servers_lines_are_read_as_everywhere() {
    for text in [behind_times(&NGINX), in_objects(&NGINX)] {
        for options in [
            Options::default(),
            Options {
                source: Some("nginx_access".to_owned()),
                ..Options::default()
            },
        ] {
            let (source, batch) = read_text("web-1.log", &text, &options);
            assert_eq!(source.as_deref(), Some("nginx_access"));
            let shown: Vec<_> = batch
                .events
                .iter()
                .map(|e| {
                    (
                        e.source.as_str(),
                        e.src_ip.as_deref(),
                        e.time.0 / 1_000_000_000 % 60,
                    )
                })
                .collect();
            let expected = [
                ("nginx_access", Some("192.0.2.7"), 0),
                ("nginx_error", Some("192.0.2.8"), 1),
                ("nginx_access", Some("192.0.2.9"), 2),
            ];
            assert_eq!(shown, expected);
            assert!(batch.rejects.is_empty());
            assert_places(&text, &batch.events);
        }
    }
}

#[test]
fn records_of_several_lines_and_held_events_keep_their_places() {
    let lines = [
        "2014-05-23 10:00:00.123 UTC [101] bob@app LOG:  statement: SELECT *",
        "\tFROM users",
        "2014-05-23 10:00:01.123 UTC [101] bob@app ERROR:  permission denied for table users",
        "2014-05-23 10:00:01.123 UTC [101] bob@app STATEMENT:  SELECT * FROM users",
        "2014-05-23 10:00:02.123 UTC [102] LOG:  checkpoint starting: time",
    ];
    for text in [behind_times(&lines), in_objects(&lines)] {
        let (source, batch) = read_text("db-0.log", &text, &Options::default());
        assert_eq!(source.as_deref(), Some("postgresql_stderr"));
        let queries: Vec<_> = batch
            .events
            .iter()
            .filter_map(|e| e.query_text.as_deref())
            .collect();
        assert_eq!(queries, ["SELECT *\nFROM users", "SELECT * FROM users"]);
        assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
        assert_places(&text, &batch.events);
    }
}

#[test]
fn a_piece_of_a_line_is_a_reject() {
    let whole = behind_times(&NGINX);
    let text = format!("{whole}2014-05-23T10:00:09.1Z stderr P 192.0.2.9 - - [23/May\n");
    let (source, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("nginx_access"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (3, 1));
}

/// Who makes a line long enough chooses what its end begins with.
#[test]
fn the_end_of_a_line_that_was_cut_is_no_record() {
    let forged = "192.0.2.66 - admin [23/May/2014:10:00:05 +0000] \"GET /admin HTTP/1.1\" 200 5 \"-\" \"x\"";
    let filler = behind_times(&[NGINX[0]; 2000]);
    let in_objects = |text: &str, end: &str| {
        let log = serde_json::to_string(&format!("{text}{end}")).unwrap();
        format!("{{\"log\":{log},\"stream\":\"stderr\",\"time\":\"2014-05-23T10:00:09.1Z\"}}\n")
    };
    let cut = [
        (
            filler,
            format!(
                "2014-05-23T10:00:09.1Z stderr P 192.0.2.9 - - [23/May\n2014-05-23T10:00:09.1Z stdout F {}\n\
                 2014-05-23T10:00:09.1Z stderr P x\n2014-05-23T10:00:09.1Z stderr F {forged}\n",
                NGINX[0]
            ),
        ),
        (
            in_objects(NGINX[0], "\n").repeat(2000),
            format!(
                "{}{}{}{}",
                in_objects("192.0.2.9 - - [23/May", ""),
                in_objects(NGINX[0], "\n").replace("stderr", "stdout"),
                in_objects("x", ""),
                in_objects(forged, "\n"),
            ),
        ),
    ];
    for (filler, cut) in cut {
        let text = format!("{filler}{cut}{filler}");
        let (source, batch) = read_text("web.log", &text, &Options::default());
        assert_eq!(source.as_deref(), Some("nginx_access"));
        assert_eq!((batch.events.len(), batch.rejects.len()), (4001, 3));
        let of_forged = |event: &Event| event.src_ip.as_deref() == Some("192.0.2.66");
        assert!(!batch.events.iter().any(of_forged));
    }
    let lines = |tag: &str, lines: &[&str]| -> String {
        let line = |line: &&str| format!("2014-05-23T10:00:09.1Z stderr {tag} {line}\n");
        lines.iter().map(line).collect()
    };
    let good = "2014-05-23 10:00:00.123 UTC [101] bob@app LOG:  statement: SELECT 1";
    let forged = "2014-05-23 10:00:07.123 UTC [102] admin@app LOG:  statement: DROP TABLE users";
    let long = "2014-05-23 10:00:06.123 UTC [103] eve@app ERROR:  syntax error xxxx";
    let text = lines("F", &[good; 300]) + &lines("P", &[long]) + &lines("F", &[forged, "\tgo on", good]);
    let (source, batch) = read_text("db-0.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("postgresql_stderr"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (301, 2));
}

#[test]
fn who_declares_what_the_runtime_wrote_is_believed() {
    let mapping = Mapping::parse(
        "name = \"kept\"\nformat = \"json\"\n[recognize]\npresent = [\"log\", \"stream\"]\n[time]\nfield = \"time\"\n[columns]\nmessage = \"log\"\n",
        "kept.toml",
    );
    let options = Options {
        mappings: vec![mapping.unwrap()],
        ..Options::default()
    };
    let (source, batch) = read_text("web.log", &in_objects(&NGINX), &options);
    assert_eq!(source.as_deref(), Some("kept"));
    let at = Timestamp::parse("2014-05-23T10:00:09.123456789Z").unwrap();
    assert!(batch.events.iter().all(|event| event.time == at));
}

#[test]
fn a_declared_source_is_looked_for_in_what_the_runtime_kept() {
    let mapping = Mapping::parse(
        "name = \"shop\"\nformat = \"json\"\n[time]\nfield = \"at\"\n[columns]\nmessage = \"said\"\n",
        "shop.toml",
    );
    let options = Options {
        mappings: vec![mapping.unwrap()],
        source: Some("shop".to_owned()),
        ..Options::default()
    };
    let line = r#"{"at":"2014-05-23T10:00:00Z","said":"hello"}"#;
    for text in [format!("{line}\n"), behind_times(&[line]), in_objects(&[line])] {
        let (source, batch) = read_text("shop.log", &text, &options);
        assert_eq!(source.as_deref(), Some("shop"));
        assert_eq!((batch.events.len(), batch.rejects.len()), (1, 0), "{text}");
    }
}

/// Recognizing looks one level deep: otherwise each of thousands would be looked through again.
#[test]
fn runtimes_lines_within_each_other_are_no_log() {
    let deep = "2014-05-23T10:00:09.1Z stdout F ".repeat(2000) + NGINX[0] + "\n";
    let (source, _) = read_text("web.log", &deep, &Options::default());
    assert_ne!(source.as_deref(), Some("nginx_access"));
}
