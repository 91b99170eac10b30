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
            all.rejects.extend(batch.unfinished.unwrap_or_default().rejects);
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

/// Requests of which nothing but their arrival is in the log: several in one record have their own bytes each.
#[test]
fn items_that_are_waited_with_keep_their_places() {
    let item = |n: usize| {
        format!(
            r#"{{"kind":"Event","level":"Metadata","auditID":"a-{n}","stage":"RequestReceived","requestURI":"/api/v1/pods","verb":"list","user":{{"username":"alice"}},"requestReceivedTimestamp":"2026-05-23T12:00:0{n}.000000Z","stageTimestamp":"2026-05-23T12:00:00.000000Z"}}"#
        )
    };
    let list = |n: usize| format!(r#"{{"kind":"EventList","items":[{},{}]}}"#, item(n), item(n + 1));
    let lists = [list(0), item(2), list(3)];
    let lines: Vec<&str> = lists.iter().map(String::as_str).collect();
    let options = Options {
        source: Some("kubernetes_audit".into()),
        ..Options::default()
    };
    let (_, plain) = read_text("a.log", &format!("{}\n", lines.join("\n")), &options);
    assert_eq!(plain.events.len(), 5);
    assert_places(&(lines.join("\n") + "\n"), &plain.events);
    let text = behind_times(&lines);
    let (_, within) = read_text("a.log", &text, &options);
    let mut n = 0;
    for (event, alone) in within.events.iter().zip(&plain.events) {
        assert_eq!((event.id, event.time), (alone.id, alone.time));
        let (place, begin) = (&event.provenance, event.provenance.offset as usize);
        let line = &text[begin..begin + place.length as usize];
        assert!(begin == 0 || text[..begin].ends_with('\n'));
        assert!(text[begin + line.len()..].starts_with('\n'));
        assert_eq!(text[..begin].matches('\n').count() as u64 + 1, place.line);
        assert!(
            line.contains(std::str::from_utf8(&event.raw).unwrap()),
            "{event:?}"
        );
        n += 1;
    }
    assert_eq!(n, 5);
}

#[test]
fn a_piece_whose_end_never_comes_is_a_reject() {
    let whole = behind_times(&NGINX);
    let text = format!("{whole}2014-05-23T10:00:09.1Z stderr P 192.0.2.9 - - [23/May\n");
    let (source, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("nginx_access"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (3, 1));
    assert!(
        batch.rejects[0].reason.contains("file ends"),
        "{}",
        batch.rejects[0].reason
    );
}

/// Pieces of a text as Kubernetes' runtimes cut it.
fn cut_behind_times(stream: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let n = pieces.len();
    let line = |(at, piece): (usize, &&[u8])| {
        let tag = if at + 1 == n { "F" } else { "P" };
        let head = format!("2014-05-23T10:00:09.1Z {stream} {tag} ");
        [head.as_bytes(), piece, b"\n"].concat()
    };
    pieces.iter().enumerate().map(line).collect()
}

#[test]
fn pieces_are_one_line_stream_by_stream() {
    let long = format!(
        r#"192.0.2.8 - - [23/May/2014:10:00:03 +0000] "GET /{}é HTTP/1.1" 200 5 "-" "curl/8""#,
        "x".repeat(3000)
    );
    // A piece may end within a character.
    let (head, rest) = long.as_bytes().split_at(long.find('é').unwrap() + 1);
    let (middle, end) = rest.split_at(4);
    let pieces = cut_behind_times("stdout", &[head, middle, end]);
    let between = behind_times(&[NGINX[0]]).into_bytes();
    let filler = behind_times(&[NGINX[0]; 3]).into_bytes();
    for (text, is_together) in [
        (
            [&filler[..], &pieces[0], &pieces[1], &pieces[2], &filler].concat(),
            true,
        ),
        (
            [
                &filler[..],
                &pieces[0],
                &between,
                &pieces[1],
                &between,
                &pieces[2],
                &filler,
            ]
            .concat(),
            false,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        std::fs::write(&path, &text).unwrap();
        let (inputs, _) = discover(&[path], &Options::default());
        let mut events = Vec::new();
        let mut sink = |batch: Batch| {
            assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
            events.extend(batch.events);
            ControlFlow::Continue(())
        };
        read(
            &inputs[0],
            &Options::default(),
            &Keys::derive(&[7; 32]),
            None,
            &mut sink,
        )
        .unwrap();
        let joined: Vec<_> = events
            .iter()
            .filter(|e| e.src_ip.as_deref() == Some("192.0.2.8"))
            .collect();
        let [joined] = joined[..] else {
            panic!("{joined:?}")
        };
        assert!(joined.resource.as_deref().unwrap().ends_with("xé"));
        let raw = pieces.concat();
        assert_eq!(joined.raw, raw[..raw.len() - 1]);
        assert_eq!(
            (joined.provenance.offset, joined.provenance.line),
            (filler.len() as u64, 4)
        );
        assert_eq!(joined.provenance.length, joined.raw.len() as u64);
        assert_eq!(events.len(), if is_together { 7 } else { 9 });
    }
}

#[test]
fn dockers_pieces_are_full_buffers() {
    let log = |text: &str| {
        let kept = json!({ "log": text, "stream": "stdout", "time": "2014-05-23T10:00:09.1Z" });
        kept.to_string() + "\n"
    };
    let long = format!(
        r#"192.0.2.8 - - [23/May/2014:10:00:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8""#,
        "x".repeat(20_000)
    );
    let filler = in_objects(&[NGINX[0]; 2]).replace("stderr", "stdout");
    let cut_at = |at: usize| {
        let pieces = log(&long[..at]) + &log(&format!("{}\n", &long[at..]));
        (filler.clone() + &pieces + &filler, pieces)
    };
    let (text, pieces) = cut_at(16 << 10);
    let (_, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!((batch.events.len(), batch.rejects.len()), (5, 0));
    assert_places(&text, &batch.events);
    assert_eq!(batch.events[2].raw, pieces.trim_end().as_bytes());
    // A process wrote this last; what follows is another's.
    let (text, _) = cut_at(60);
    let (_, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!((batch.events.len(), batch.rejects.len()), (4, 2));
    let text = filler.clone() + &log(&long[..60]) + &filler;
    let (_, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!((batch.events.len(), batch.rejects.len()), (4, 1));
    assert!(batch.rejects[0].reason.contains("does not go on"));
    // Behind full buffers too: all of that line is refused, and nothing else.
    let text = filler.clone() + &log(&long[..16 << 10]) + &log(&long[16 << 10..]) + &filler;
    let (_, batch) = read_text("web.log", &text, &Options::default());
    assert_eq!((batch.events.len(), batch.rejects.len()), (4, 1));
}

/// The last byte of a full buffer is the program's, whatever it is.
#[test]
fn a_piece_may_end_with_a_carriage_return() {
    let log = |text: &str| {
        let kept = json!({ "log": text, "stream": "stdout", "time": "2014-05-23T10:00:09.1Z" });
        kept.to_string() + "\n"
    };
    let long = format!(
        "{{\"time\":\"2014-05-23T10:00:03Z\",\"level\":\"{}",
        "x".repeat(16 << 10)
    );
    let piece = format!("{}\r", &long[..(16 << 10) - 1]);
    let filler = log("{\"time\":\"2014-05-23T10:00:03Z\",\"level\":\"info\"}\n").repeat(3);
    let text = filler.clone() + &log(&piece) + &log("end\"}\n") + &filler;
    let (source, batch) = read_text("app.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("app_jsonl"));
    // No JSON, as its text holds a control character; but one line, and refused as such.
    assert_eq!((batch.events.len(), batch.rejects.len()), (6, 1));
    assert!(
        !batch.rejects[0].reason.contains("runtime"),
        "{}",
        batch.rejects[0].reason
    );
}

#[test]
fn a_line_without_end_is_let_go_of() {
    let piece = "x".repeat(16 << 10);
    let filler = behind_times(&[NGINX[0]; 2]);
    let piece = format!("2014-05-23T10:00:09.1Z stderr P {piece}\n");
    let text = format!(
        "{filler}{}2014-05-23T10:00:09.1Z stderr F {}\n{filler}",
        piece.repeat(70),
        NGINX[2]
    );
    let (_, batch) = read_text("web.log", &text, &Options::default());
    // The whole of what was put together, and each piece behind it.
    assert_eq!((batch.events.len(), batch.rejects.len()), (4, 7));
    assert_eq!(batch.rejects[0].position.line, 3);
    assert!(batch.rejects[0].reason.contains("1 MiB"));
    let n_bytes: u64 = batch.rejects.iter().map(|reject| reject.n_bytes + 1).sum();
    assert_eq!(n_bytes, (text.len() - 2 * filler.len()) as u64);
}

#[test]
fn a_line_that_is_half_written_waits_for_its_last_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.log");
    let filler = behind_times(&[NGINX[0]; 2]);
    let (head, end) = NGINX[2].split_at(30);
    let half = format!("{filler}2014-05-23T10:00:09.1Z stdout P {head}\n{filler}");
    let whole = format!("{half}2014-05-23T10:00:09.2Z stdout F {end}\n");
    let mut checkpoint = None;
    let mut seen = Vec::new();
    for text in [&half, &whole] {
        std::fs::write(&path, text).unwrap();
        let (inputs, _) = discover(std::slice::from_ref(&path), &Options::default());
        let (mut ids, mut n_rejects, mut n_unfinished, mut n_settled, mut last) = (Vec::new(), 0, 0, 0, None);
        let mut sink = |batch: Batch| {
            ids.extend(batch.events.iter().map(|event| (event.id, event.src_ip.clone())));
            n_rejects += batch.rejects.len();
            n_unfinished += batch.unfinished.map_or(0, |unfinished| unfinished.rejects.len());
            n_settled += batch.settled.len();
            last = batch.checkpoint;
            ControlFlow::Continue(())
        };
        let (options, keys) = (Options::default(), Keys::derive(&[7; 32]));
        read(&inputs[0], &options, &keys, checkpoint.as_ref(), &mut sink).unwrap();
        checkpoint = last;
        seen.push((ids, n_rejects, n_unfinished, n_settled));
    }
    assert_eq!((seen[0].0.len(), seen[0].1, seen[0].2), (4, 0, 1));
    assert_eq!((seen[1].1, seen[1].2, seen[1].3), (0, 0, 1));
    let all: std::collections::BTreeSet<_> = seen.iter().flat_map(|run| &run.0).map(|(id, _)| *id).collect();
    assert_eq!(all.len(), 5);
    let address = |ip: &str| {
        seen[1]
            .0
            .iter()
            .filter(|(_, found)| found.as_deref() == Some(ip))
            .count()
    };
    assert_eq!(address("192.0.2.9"), 1);
}

/// Who makes a line long enough chooses what its end begins with.
#[test]
fn the_end_of_a_line_that_was_cut_is_no_record() {
    let forged = "192.0.2.66 - admin [23/May/2014:10:00:05 +0000] \"GET /admin HTTP/1.1\" 200 5 \"-\" \"x\"";
    let filler = behind_times(&[NGINX[0]; 2000]);
    let full = "x".repeat(16 << 10);
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
            (4002, 0),
        ),
        (
            in_objects(NGINX[0], "\n").repeat(2000),
            format!(
                "{}{}{}{}",
                in_objects("192.0.2.9 - - [23/May", &full),
                in_objects(NGINX[0], "\n").replace("stderr", "stdout"),
                in_objects("x", &full),
                in_objects(forged, "\n"),
            ),
            (4002, 0),
        ),
    ];
    for (filler, cut, expected) in cut {
        let text = format!("{filler}{cut}{filler}");
        let (source, batch) = read_text("web.log", &text, &Options::default());
        assert_eq!(source.as_deref(), Some("nginx_access"));
        assert_eq!((batch.events.len(), batch.rejects.len()), expected);
        let of_forged = |event: &Event| event.src_ip.as_deref() == Some("192.0.2.66");
        assert!(!batch.events.iter().any(of_forged));
    }
    // A record of several lines.
    let lines = |stream: &str, tag: &str, lines: &[&str]| -> String {
        let line = |line: &&str| format!("2014-05-23T10:00:09.1Z {stream} {tag} {line}\n");
        lines.iter().map(line).collect()
    };
    let good = "2014-05-23 10:00:00.123 UTC [101] bob@app LOG:  statement: SELECT 1";
    let forged = "2014-05-23 10:00:07.123 UTC [102] admin@app LOG:  statement: DROP TABLE users";
    let long = "2014-05-23 10:00:06.123 UTC [103] eve@app ERROR:  syntax error xxxx";
    let begin = lines("stderr", "F", &[good; 300]) + &lines("stderr", "P", &[long]);
    let end = lines("stderr", "F", &[forged, "\tgo on", good]);
    let is_forged = |event: &Event| {
        event.actor_user.as_deref() == Some("admin")
            || event.query_text.as_deref().is_some_and(|q| q.contains("DROP"))
    };
    let text = format!("{begin}{end}");
    let (source, batch) = read_text("db-0.log", &text, &Options::default());
    assert_eq!(source.as_deref(), Some("postgresql_stderr"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (302, 0));
    let joined: Vec<&Event> = batch
        .events
        .iter()
        .filter(|e| e.actor_user.as_deref() == Some("eve"))
        .collect();
    let said = joined[0].message.as_deref().unwrap();
    assert!(said.starts_with("syntax error xxxx2014-05-23 10:00:07"), "{said}");
    assert!(said.ends_with("DROP TABLE users\ngo on"), "{said}");
    assert!(!batch.events.iter().any(is_forged));
    assert_places(&text, &batch.events);
    // A record of the other stream between them is one by itself.
    let text = format!("{begin}{}{end}", lines("stdout", "F", &[good]));
    let (_, batch) = read_text("db-0.log", &text, &Options::default());
    assert_eq!((batch.events.len(), batch.rejects.len()), (303, 0));
    assert!(!batch.events.iter().any(is_forged));
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

/// A line that begins a file and is longer than what is looked at first hides nothing of what follows it.
#[test]
fn a_file_that_begins_with_a_long_line_is_what_it_is() {
    let long = |n: usize| {
        format!(
            r#"192.0.2.8 - - [23/May/2014:10:00:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8""#,
            "x".repeat(n)
        )
    };
    let docker = |text: &str| {
        json!({ "log": text, "stream": "stdout", "time": "2014-05-23T10:00:09.1Z" }).to_string() + "\n"
    };
    // What is longer than is put together is told, and what follows is read.
    for (n, n_events, is_refused) in [(900_000, 51, false), (2_000_000, 50, true)] {
        let line = long(n);
        let mut pieces: Vec<&[u8]> = line.as_bytes().chunks(16 << 10).collect();
        let kept = cut_behind_times("stderr", &pieces).concat();
        let kept = String::from_utf8(kept).unwrap() + &behind_times(&[NGINX[0]; 50]);
        let end = format!("{}\n", std::str::from_utf8(pieces.pop().unwrap()).unwrap());
        let begin = pieces
            .iter()
            .map(|piece| docker(std::str::from_utf8(piece).unwrap()));
        let objects = begin.collect::<String>() + &docker(&end) + &in_objects(&[NGINX[0]; 50]);
        for text in [kept, objects] {
            let (source, batch) = read_text("web.log", &text, &Options::default());
            assert_eq!(source.as_deref(), Some("nginx_access"));
            assert_eq!(batch.events.len(), n_events);
            assert_eq!(!batch.rejects.is_empty(), is_refused, "{:?}", batch.rejects);
            assert_places(&text, &batch.events);
        }
    }
}

/// The runtime's own lines are no records of a program: not where one cannot be read, nor pieces of one.
#[test]
fn a_runtimes_lines_around_what_nobody_knows_are_no_records() {
    let piece = json!({ "log": "x".repeat(16 << 10), "stream": "stdout", "time": "2014-05-23T10:00:09.1Z" });
    let pieces = format!("{piece}\n").repeat(8);
    for text in [pieces, in_objects(&["what nobody knows"; 5])] {
        let (source, batch) = read_text("web.log", &text, &Options::default());
        assert_eq!((source, batch.events.len()), (None, 0));
    }
}

/// Events of files as they were rotated, and how many rejects there are; read one after the other, or each as if the
/// others had been read before.
fn read_rotated(files: &[(&str, &str)], is_apart: bool) -> (Vec<Event>, usize) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let options = Options::default();
    let paths = [folder.path().to_path_buf()];
    let n_inputs = discover(&paths, &options).0.len();
    let (mut inputs, _) = discover(&paths, &options);
    let (mut events, mut n_rejects) = (Vec::new(), 0);
    for at in 0..n_inputs {
        if is_apart {
            inputs = discover(&paths, &options).0;
        }
        let mut sink = |batch: Batch| {
            events.extend(batch.events);
            n_rejects += batch.rejects.len();
            n_rejects += batch.unfinished.map_or(0, |unfinished| unfinished.rejects.len());
            ControlFlow::Continue(())
        };
        read(&inputs[at], &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    }
    (events, n_rejects)
}

/// Who makes a line long enough chooses what stands first behind a rotation.
#[test]
fn the_end_of_a_line_that_was_cut_is_no_record_of_the_next_file() {
    let forged = "192.0.2.66 - admin [23/May/2014:10:00:05 +0000] \"GET /admin HTTP/1.1\" 200 5 \"-\" \"x\"";
    let long = format!(
        "192.0.2.9 - - [23/May/2014:10:00:03 +0000] \"GET /{}",
        "x".repeat(16 << 10)
    );
    let docker = |text: &str| {
        json!({ "log": text, "stream": "stderr", "time": "2014-05-23T10:00:09.1Z" }).to_string() + "\n"
    };
    let good = behind_times(&NGINX);
    let other = in_objects(&NGINX); // on the other stream
    let kept = |tag: &str, text: &str| format!("2014-05-23T10:00:09.1Z stderr {tag} {text}\n");
    let is_forged = |event: &Event| event.src_ip.as_deref() == Some("192.0.2.66");
    let cases = [
        (format!("{good}{}", kept("P", &long)), kept("F", forged) + &good),
        (
            format!("{other}{}", docker(&long[..16 << 10])),
            docker(&format!("{forged}\n")) + &other,
        ),
        // The line goes on over a whole file.
        (
            format!("{good}{}", kept("P", &long)),
            kept("P", &long) + &kept("F", forged) + &good,
        ),
        // The last line has no end.
        (
            format!("{good}{}", kept("P", &long).trim_end()),
            kept("F", forged) + &good,
        ),
    ];
    for (n, (older, newer)) in cases.into_iter().enumerate() {
        for is_apart in [false, true] {
            let files = [
                ("0.log.20140523-100010", older.as_str()),
                ("0.log", newer.as_str()),
            ];
            let (events, n_rejects) = read_rotated(&files, is_apart);
            assert!(!events.iter().any(is_forged), "{n}");
            assert_eq!(
                (events.len(), n_rejects),
                (6, if n == 2 { 3 } else { 2 }),
                "{n} {is_apart}"
            );
            // A file that says nothing of the stream says nothing of what is open on it.
            let files = [
                ("0.log.2", older.as_str()),
                ("0.log.1", other.as_str()),
                ("0.log", newer.as_str()),
            ];
            let (events, _) = read_rotated(&files, is_apart);
            assert!(!events.iter().any(is_forged), "{n}");
        }
    }
    // A line that ended with its file leaves the next as it is.
    let (events, n_rejects) = read_rotated(
        &[("0.log.1", &good), ("0.log", &(kept("F", forged) + &good))],
        false,
    );
    assert_eq!((events.len(), n_rejects), (7, 0));
}

/// In records of several lines too.
#[test]
fn a_block_that_is_the_end_of_a_cut_line_is_no_record() {
    let kept = |tag: &str, text: &str| format!("2014-05-23T10:00:09.1Z stderr {tag} {text}\n");
    let good = kept(
        "F",
        "2014-05-23 10:00:00.123 UTC [101] bob@app LOG:  statement: SELECT 1",
    );
    let long = kept(
        "P",
        "2014-05-23 10:00:06.123 UTC [103] eve@app ERROR:  syntax error xxxx",
    );
    let forged = kept(
        "F",
        "2014-05-23 10:00:07.123 UTC [102] admin@app LOG:  statement: DROP TABLE users",
    );
    let (older, newer) = (good.repeat(3) + &long, forged + &good.repeat(3));
    for is_apart in [false, true] {
        let (events, n_rejects) = read_rotated(&[("0.log.1", &older), ("0.log", &newer)], is_apart);
        assert!(
            !events
                .iter()
                .any(|event| event.actor_user.as_deref() == Some("admin"))
        );
        assert_eq!((events.len(), n_rejects), (6, 2));
    }
}

/// What waits is the piece, not what stands behind it; and it does not wait for ever.
#[test]
fn a_piece_whose_end_never_comes_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.log");
    let piece = "2014-05-23T10:00:09.1Z stdout P 192.0.2.9 - - [23/May";
    let filler = behind_times(&[NGINX[0]; 1000]);
    let text = |n: usize| format!("{filler}{piece}\n{}", filler.repeat(n));
    let n_far = (17 << 20) / filler.len();
    let mut resume = None;
    for (n, is_given_up) in [(5, false), (n_far, true), (n_far + 1, true)] {
        std::fs::write(&path, text(n)).unwrap();
        let (inputs, _) = discover(std::slice::from_ref(&path), &Options::default());
        let (mut rejects, mut n_unfinished, mut last) = (Vec::new(), 0, None);
        let mut sink = |batch: Batch| {
            rejects.extend(batch.rejects);
            n_unfinished += batch.unfinished.map_or(0, |unfinished| unfinished.rejects.len());
            last = batch.checkpoint;
            ControlFlow::Continue(())
        };
        let (options, keys) = (Options::default(), Keys::derive(&[7; 32]));
        let was: Option<ambit_event::Checkpoint> = resume.take();
        let summary = read(&inputs[0], &options, &keys, was.as_ref(), &mut sink).unwrap();
        resume = last;
        let reached = resume.as_ref().unwrap().offset;
        if is_given_up {
            assert_eq!((summary.n_waiting_bytes, n_unfinished), (0, 0));
            assert!(summary.notes.is_empty(), "{:?}", summary.notes);
            assert_eq!(reached, text(n).len() as u64);
            // It is told once.
            let is_new = was.is_some_and(|was| was.offset < text(n_far).len() as u64);
            assert_eq!(rejects.len(), usize::from(is_new), "{rejects:?}");
            assert!(rejects.iter().all(|reject| reject.reason.contains("16 MiB")));
        } else {
            assert_eq!((rejects.len(), n_unfinished), (0, 1));
            assert_eq!(summary.n_waiting_bytes, piece.len() as u64);
            let says = format!("{} bytes wait", piece.len());
            assert!(summary.notes[0].contains(&says), "{:?}", summary.notes);
            assert!(reached <= filler.len() as u64);
        }
    }
}

/// What stands on the other stream is no piece of a line, and parts none.
#[test]
fn a_line_of_the_other_stream_parts_no_pieces_of_a_record() {
    let said = |n: u64, what: &str| {
        format!("2014-05-23 10:00:0{n}.123 UTC [10{n}] app@shop LOG:  statement: {what}")
    };
    let long = said(1, &format!("select '{}", "a".repeat(20_000)));
    let (piece, rest) = (&long[..16 << 10], format!("{}'", &long[16 << 10..]));
    let forged = said(9, "drop table users -- '");
    let behind =
        |stream: &str, tag: &str, text: &str| format!("2014-05-23T10:00:09.1Z {stream} {tag} {text}\n");
    let object = |stream: &str, text: &str| {
        json!({ "log": text, "stream": stream, "time": "2014-05-23T10:00:09.1Z" }).to_string() + "\n"
    };
    let cases = [&rest, &forged].into_iter().flat_map(|rest| {
        let record = (rest, "hello from stdout", "", &[3][..]);
        [record, (rest, "\tgo on", "\ngo on", &[])]
    });
    for (rest, other, added, refused) in cases {
        let texts = [
            [
                behind("stderr", "F", &said(0, "select 1")),
                behind("stderr", "P", piece),
                behind("stdout", "F", other),
                behind("stderr", "F", rest),
                behind("stderr", "F", &said(2, "select 3")),
            ]
            .concat(),
            [
                object("stderr", &format!("{}\n", said(0, "select 1"))),
                object("stderr", piece),
                object("stdout", &format!("{other}\n")),
                object("stderr", &format!("{rest}\n")),
                object("stderr", &format!("{}\n", said(2, "select 3"))),
            ]
            .concat(),
        ];
        for text in texts {
            let (source, batch) = read_text("db-0.log", &text, &Options::default());
            assert_eq!(source.as_deref(), Some("postgresql_stderr"));
            let lines: Vec<_> = batch.rejects.iter().map(|reject| reject.position.line).collect();
            assert_eq!(lines, refused, "what the other stream says is no record at most");
            let queries: Vec<_> = batch
                .events
                .iter()
                .filter_map(|e| e.query_text.as_deref())
                .collect();
            assert_eq!(queries.len(), 3);
            let whole = &format!("{piece}{rest}{added}");
            assert!(whole.ends_with(queries[1]), "{}", queries[1].len());
        }
    }
}
