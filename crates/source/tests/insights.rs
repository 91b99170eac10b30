//! The results of queries of CloudWatch Logs Insights: each row's message is of the format that it always is.
#![allow(clippy::unwrap_used)]

use ambit_event::{Batch, Event, Keys};
use ambit_source::{Options, discover, read};
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// What is read from a file with this text, and the source that it was taken for.
fn read_text(text: &str) -> (Option<String>, Batch) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results");
    std::fs::write(&path, text).unwrap();
    let options = Options::default();
    let (inputs, _) = discover(&[path], &options);
    let mut all = Batch::default();
    for input in &inputs {
        let mut sink = |batch: Batch| {
            all.events.extend(batch.events);
            all.rejects.extend(batch.rejects);
            all.losses.extend(batch.losses);
            ControlFlow::Continue(())
        };
        read(input, &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    }
    (inputs.first().map(|input| input.evidence.source.clone()), all)
}

fn row(time: &str, message: &str) -> Value {
    json!([
        { "field": "@timestamp", "value": time },
        { "field": "@message", "value": message },
        { "field": "@ptr", "value": "CmEKJgoi" },
    ])
}

fn nginx(ip: &str) -> String {
    format!(r#"{ip} - - [23/May/2014:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8""#)
}

fn trail(id: u8) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"ann"}},"eventTime":"2024-05-23T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"Call{id}","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","eventID":"10000000-0000-4000-8000-00000000000{id}","eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#
    )
}

fn document(rows: &[Value], status: &str, matched: f64) -> Value {
    json!({
        "results": rows,
        "statistics": { "recordsMatched": matched, "recordsScanned": 1000.0, "bytesScanned": 1.0e6 },
        "status": status,
    })
}

/// The bytes of an event are those at its place, and a row.
fn assert_rows(text: &str, events: &[Event]) {
    for event in events {
        let place = &event.provenance;
        let (begin, end) = (place.offset as usize, (place.offset + place.length) as usize);
        assert_eq!(text.as_bytes()[begin..end], event.raw[..], "{event:?}");
        assert_eq!(text[..begin].matches('\n').count() as u64 + 1, place.line);
        let row: Value = serde_json::from_slice(&event.raw).unwrap();
        assert!(row.is_array());
    }
}

#[test]
fn rows_are_read_by_the_format_of_their_messages() {
    let rows = [
        row("2014-05-23 10:00:00.000", &nginx("192.0.2.7")),
        row("2014-05-23 10:00:01.000", "what nobody knows"),
        json!([{ "field": "@timestamp", "value": "2014-05-23 10:00:02.000" }]),
        row("2014-05-23 10:00:03.000", &nginx("192.0.2.8")),
    ];
    let document = document(&rows, "Complete", 4.0);
    for text in [
        serde_json::to_string(&document).unwrap() + "\n",
        serde_json::to_string_pretty(&document).unwrap() + "\n",
    ] {
        let (source, batch) = read_text(&text);
        // A row without a message says what the query left out.
        assert_eq!(source.as_deref(), Some("nginx_access"), "{text}");
        let ips: Vec<_> = batch.events.iter().map(|e| e.src_ip.as_deref()).collect();
        assert_eq!(ips, [Some("192.0.2.7"), Some("192.0.2.8")]);
        assert_eq!(batch.rejects.len(), 2);
        assert!(batch.rejects[1].reason.contains("no message"));
        assert_eq!(batch.losses.len(), 0);
        assert_rows(&text, &batch.events);
    }
}

#[test]
fn json_in_messages_is_read_whatever_the_order() {
    let rows = [
        row("2024-05-23 09:00:02.000", &trail(2)),
        row("2024-05-23 09:00:01.000", &trail(1)),
    ];
    let text = serde_json::to_string_pretty(&document(&rows, "Complete", 2.0)).unwrap();
    let (source, batch) = read_text(&text);
    assert_eq!(source.as_deref(), Some("aws_cloudtrail"));
    let calls: Vec<_> = batch
        .events
        .iter()
        .map(|e| e.operation.as_deref().unwrap())
        .collect();
    assert!(
        calls[0].ends_with("Call1") && calls[1].ends_with("Call2"),
        "{calls:?}"
    );
    assert!(batch.rejects.is_empty());
    assert_rows(&text, &batch.events);
}

#[test]
fn what_the_results_leave_out_is_a_loss() {
    let rows = [row("2014-05-23 10:00:00.000", &nginx("192.0.2.7"))];
    for (status, matched, expected) in [
        ("Complete", 1.0, None),
        ("Complete", 4000.0, Some(Some(3999))),
        ("Running", 1.0, Some(None)),
    ] {
        let (_, batch) = read_text(&document(&rows, status, matched).to_string());
        assert_eq!(batch.events.len(), 1);
        let lost: Vec<_> = batch.losses.iter().map(|loss| loss.at_most).collect();
        assert_eq!(
            lost,
            expected.into_iter().collect::<Vec<_>>(),
            "{status} {matched}"
        );
    }
}

#[test]
fn the_consoles_csv_is_read() {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let text = format!(
        "@timestamp,@message,@logStream\n2024-05-23 09:00:02.000,{},i-1\n2024-05-23 09:00:01.000,{},i-1\n2024-05-23 09:00:00.000,{{broken,i-1\nonly one\n",
        quoted(&trail(1)),
        quoted(&trail(2)),
    );
    let (source, batch) = read_text(&text);
    assert_eq!(source.as_deref(), Some("aws_cloudtrail"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (2, 2));
    for event in &batch.events {
        let (begin, n) = (event.provenance.offset as usize, event.provenance.length as usize);
        assert_eq!(text.as_bytes()[begin..begin + n], event.raw[..]);
    }
    let text = format!(
        "@timestamp,@message\n2014-05-23 10:00:00.000,{}\n",
        quoted(&nginx("192.0.2.7"))
    );
    let (source, batch) = read_text(&text);
    assert_eq!(source.as_deref(), Some("nginx_access"));
    assert_eq!((batch.events.len(), batch.rejects.len()), (1, 0));
}

/// A document is one record: what is longer than is read is said to be that, not to be without its end.
#[test]
fn a_document_that_is_too_long_is_told_as_such() {
    let rows = vec![row("2014-05-23 10:00:00.000", &nginx("192.0.2.7")); 90_000];
    let document = document(&rows, "Complete", 90_000.0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results");
    let options = Options::default();
    for text in [
        serde_json::to_string(&document).unwrap(),
        serde_json::to_string_pretty(&document).unwrap(),
    ] {
        for end in ["", "\n"] {
            std::fs::write(&path, format!("{text}{end}")).unwrap();
            let (inputs, _) = discover(std::slice::from_ref(&path), &options);
            let mut reasons = Vec::new();
            let mut sink = |batch: Batch| {
                let unfinished = batch.unfinished.map_or_else(Vec::new, |end| end.rejects);
                reasons.extend(
                    batch
                        .rejects
                        .into_iter()
                        .chain(unfinished)
                        .map(|reject| reject.reason),
                );
                ControlFlow::Continue(())
            };
            let summary = read(&inputs[0], &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
            assert_eq!(reasons.len(), 1, "{reasons:?}");
            assert!(reasons[0].contains("longer than is read"), "{reasons:?}");
            let says = |note: &String| {
                note.contains("longer than is read") && note.contains("16777216") && note.contains("in parts")
            };
            assert!(summary.notes.iter().any(says), "{:?}", summary.notes);
            assert!(!summary.notes.iter().any(|note| note.contains("not complete")));
        }
    }
}
