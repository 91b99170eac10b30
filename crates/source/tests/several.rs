//! Records that stand in several places of one: each is read, or what is not is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::Keys;
use ambit_source::{Context, decode_all, formats};

fn trail(id: u8) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"ann"}},"eventTime":"2024-05-23T09:00:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":"Call{id}","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","eventID":"10000000-0000-4000-8000-00000000000{id}","eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#
    )
}

/// What the calls are that were read, and how many rejects there are.
fn read(text: &str) -> (Vec<String>, usize) {
    let format = formats::built_in()
        .into_iter()
        .find(|format| format.name() == "aws_cloudtrail")
        .unwrap();
    let batch = decode_all(&format, text.as_bytes(), &Context::bare(Keys::derive(&[7; 32]))).unwrap();
    let call = |op: Option<&str>| op.unwrap().rsplit(['.', ':']).next().unwrap().to_owned();
    let mut calls: Vec<_> = batch
        .events
        .iter()
        .map(|e| call(e.operation.as_deref()))
        .collect();
    calls.sort();
    (calls, batch.rejects.len())
}

#[test]
fn no_place_hides_another() {
    let [a, b, c] = [trail(1), trail(2), trail(3)];
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let listed = quoted(&format!(r#"{{"Records":[{b}]}}"#));
    for (text, calls, n_rejects) in [
        (
            format!(r#"{{"detail":{{"Records":[{a}]}},"message":{listed},"Records":[{c}]}}"#),
            &["Call1", "Call2", "Call3"][..],
            0,
        ),
        (
            format!(r#"{{"message":{},"Records":[{b}]}}"#, quoted(&a)),
            &["Call1", "Call2"],
            0,
        ),
        // A shipper may keep the record as it came.
        (
            format!(r#"{{"message":{},"detail":{a}}}"#, quoted(&a)),
            &["Call1"],
            0,
        ),
        (
            format!(r#"{{"more":{{"Records":[{a}]}},"Records":[{b}],"rest":{{"Records":[{c}]}}}}"#),
            &["Call2"],
            1,
        ),
        (
            format!(r#"{{"Records":[{a},{b}],"rest":{{"Records":[{c}]}}}}"#),
            &["Call1", "Call2"],
            1,
        ),
    ] {
        let calls: Vec<String> = calls.iter().map(|&call| call.to_owned()).collect();
        assert_eq!(read(&text), (calls, n_rejects), "{text}");
    }
}

#[test]
fn base64_that_is_no_record_hides_none() {
    let entry = r#"{"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"storage.googleapis.com","methodName":"storage.objects.get","resourceName":"projects/_/buckets/b/objects/o"},"insertId":"i1","resource":{"type":"gcs_bucket"},"timestamp":"2024-05-23T09:00:00Z","logName":"projects/p/logs/cloudaudit.googleapis.com%2Fdata_access"}"#;
    let format = formats::built_in()
        .into_iter()
        .find(|format| format.name() == "gcp_audit")
        .unwrap();
    let message = serde_json::to_string(entry).unwrap();
    // `{garbage`, and `{"a":1}`
    for data in ["e2dhcmJhZ2U=", "eyJhIjoxfQ=="] {
        let text = format!(r#"{{"data":"{data}","message":{message}}}"#);
        let context = Context::bare(Keys::derive(&[7; 32]));
        let batch = decode_all(&format, text.as_bytes(), &context).unwrap();
        assert_eq!((batch.events.len(), batch.rejects.len()), (1, 0), "{data}");
    }
}

/// A byte that is no letter becomes three where the text is read: what stood behind escapes has the place of the whole.
#[test]
fn what_stood_behind_escapes_has_its_place_in_the_file() {
    let inner = format!("{{\"Records\":[{},{{\"eventVersion\":\"1.08\"}}]}}", trail(1));
    let text = serde_json::json!({ "message": inner }).to_string();
    let mut bytes = text.into_bytes();
    let at = bytes.windows(9).position(|part| part == b"eventName").unwrap();
    let end = at + bytes[at..].iter().position(|byte| *byte == b'}').unwrap();
    let filler = [b"\\\"".as_slice(), b",\\\"x\\\":\\\"", &[0xe9; 4000]].concat();
    let quote = end - 2;
    bytes.splice(quote..quote, filler);
    let format = formats::built_in();
    let format = format
        .iter()
        .find(|format| format.name() == "aws_cloudtrail")
        .unwrap();
    let context = Context::bare(Keys::derive(&[7; 32]));
    let batch = decode_all(format, &bytes, &context).unwrap();
    let ends = batch.events.iter().map(|event| {
        let place = &event.provenance;
        place.offset + place.length
    });
    let ends = ends.chain(
        batch
            .rejects
            .iter()
            .map(|reject| reject.position.offset + reject.n_bytes),
    );
    let ends: Vec<u64> = ends.collect();
    assert_eq!(ends.len(), 2, "{:?}", batch.rejects);
    assert!(
        ends.iter().all(|end| *end <= bytes.len() as u64),
        "{ends:?} of {}",
        bytes.len()
    );
}
