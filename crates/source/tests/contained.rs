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
    let filler = behind_times(&[NGINX[0]; 2000]);
    let text = format!("{filler}2014-05-23T10:00:09.1Z stderr P 192.0.2.9 - - [23/May\n{whole}");
    let (source, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("nginx_access"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (2003, 1));
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
fn a_databases_csv_is_read_with_lines_within_its_records() {
    let rest = r#","192.0.2.7:40001",537f1f2a.65,1,"idle",2014-05-23 09:59:00 UTC,3/17,0,LOG,00000,"#;
    let first = format!(r#"2014-05-23 10:00:00.123 UTC,"bob","app",101{rest}"statement: SELECT *"#);
    let first = first.replace("101\",\"", "101,\"");
    let last = format!(
        r#"2014-05-23 10:00:01.123 UTC,"bob","app",101{rest}"disconnection: session time: 0:00:01.000 user=bob database=app host=192.0.2.7 port=40001",,,,,,,,,"psql""#
    );
    let last = last
        .replace("101\",\"", "101,\"")
        .replace("537f1f2a.65,1,", "537f1f2a.65,2,");
    let lines = [first.as_str(), "FROM users\",,,,,,,,,\"psql\"", last.as_str()];
    for text in [behind_times(&lines), in_objects(&lines)] {
        let (source, batch) = read_text("db-0.log", &text, &Options::default());
        assert_eq!(source.as_deref(), Some("postgresql_csvlog"));
        assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
        let queries: Vec<_> = batch
            .events
            .iter()
            .filter_map(|e| e.query_text.as_deref())
            .collect();
        assert_eq!((batch.events.len(), queries), (2, vec!["SELECT *\nFROM users"]));
        assert_places(&text, &batch.events);
    }
}
