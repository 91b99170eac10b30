//! A small answer for tests, with one text wherever a log could have put it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_scope::Scope;
use serde_json::{Value, json};

/// One confirmed person `user:1042`, a gap, an unmapped operation; every free text is `text`.
pub fn scope(text: &str) -> Scope {
    let event = "0123456789abcdef0123456789abcdef";
    let at = "2014-05-23T10:00:00Z";
    let span = json!({ "from": at, "until": "2014-05-23T11:00:00Z" });
    let bounds = |least: u64, most: Value| json!({ "at_least": least, "at_most": most, "because": [text] });
    let access = json!({
        "event": event, "time": at, "source": text, "operation": text, "store": text, "effect": "read",
        "classes": ["contact"], "subjects": ["user:1042"], "basis": "named", "grade": "certain",
        "completion": "done", "hops": ["hop:1"], "because": text,
    });
    let seed = json!({ "kind": "session", "value": text });
    let account = json!({ "kind": "account", "realm": "app", "value": "1042" });
    let hop = |id: &str, from: &Value, to: &Value| {
        json!({ "id": id, "rule": "seed", "from": from, "to": to, "control": span, "grade": "certain",
                "reason": text, "evidence": [event], "n_events": 3 })
    };
    serde_json::from_value(json!({
        "content_root": text, "window": span, "mapped": true, "seeds": [text],
        "assertions": [{ "kind": "seed", "text": text, "reason": text, "contradicted_by": text }],
        "subjects": {
            "at_least": 1, "at_most": null, "because": [text], "confirmed": ["user:1042"], "probable": [],
            "possible": [], "unnamed": [{
                "subject": text, "store": text, "classes": [text], "effect": "read", "at_most": null,
                "because": text, "gap": "gap:1", "evidence": [],
            }],
        },
        "records": bounds(1, Value::Null),
        "classes": { "contact": bounds(1, json!(5)), "payment": bounds(0, json!(0)), "health": bounds(0, Value::Null) },
        "effects": { "read": { "contact": bounds(1, json!(5)), "health": bounds(0, Value::Null) },
                     "changed": { "contact": bounds(0, json!(3)) } },
        "pairs": [{ "subject": "user", "key": "1042", "class": "contact", "effect": "read", "grade": "certain",
                    "evidence": [event] }],
        "accesses": [access], "attempts": [access],
        "unmapped": [{ "operation": text, "source": text, "n_events": 2, "grade": "possible", "seen": span,
                       "why": text, "examples": [event] }],
        "internal": [{ "store": text, "object": text, "effect": "read", "grade": "possible",
                       "records": bounds(0, Value::Null), "evidence": [event] }],
        "trace": [hop("hop:1", &Value::Null, &seed), hop("hop:2", &seed, &account)],
        "n_attributed": 7,
        "gaps": [{ "id": "gap:1", "source": text, "host": text, "span": span, "state": "absent", "because": text,
                   "channel": text, "role": "attributing", "consequence": text }],
        "coverage": [{ "source": text, "host": text, "worst": "absent", "spans": [
            { "span": span, "state": "absent", "at_most": null, "because": text }] }],
        "claims": [
            { "id": "only_these_persons", "text": text, "verdict": "undecided", "because": [text], "would_settle": text },
            { "id": "class:payment:read", "text": text, "verdict": "supported", "because": [text], "would_settle": null },
        ],
        "exposed": [{ "by": "route", "value": text, "counted": text, "n": bounds(3, Value::Null) }],
        "same_method": text, "clock_skew": [text],
        "timeline": {
            "first_activity": at, "last_activity": at, "control_from": null, "control_until": null,
            "first_noticeable": at, "first_noticeable_because": text, "first_noticed": null,
            "first_noticed_because": text, "n_entries": 1,
            "entries": [{ "event": event, "time": at, "grade": "certain", "source": text, "text": text }],
        },
    }))
    .unwrap()
}
