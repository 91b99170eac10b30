//! What a drill promises: the same plan gives the same bytes, the logs are what their producers would write,
//! and the truth says what the logs hold.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_drill::{Attack, Deed, Folder, GapSpec, Memory, Owner, Plan, Truth, map_toml, publish, run};
use ambit_event::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

fn drill(plan: &Plan) -> (Memory, Truth) {
    let mut logs = Memory::default();
    let truth = run(plan, &mut logs).unwrap();
    (logs, truth)
}

fn small(attack: Attack) -> Plan {
    let mut plan = Plan::new(attack).users(30).hours(5).random_seed(11).with_cloud();
    plan.start = plan.start.plus_secs(15 * 3600);
    plan.features.requests_per_day = 40;
    plan
}

fn lines<'l>(logs: &'l Memory, folder: &str) -> Vec<&'l str> {
    logs.files
        .iter()
        .filter(|(path, _)| path.starts_with(folder) && !path.ends_with("manifest.jsonl"))
        .flat_map(|(_, bytes)| std::str::from_utf8(bytes).unwrap().lines())
        .collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    for seed in 0..12 {
        let plan = Plan::random(seed);
        let (first, again) = (drill(&plan), drill(&plan));
        assert!(first == again, "seed {seed}");
        assert_eq!(map_toml(&plan), map_toml(&plan));
    }
    assert!(drill(&small(Attack::Insider)).0 != drill(&small(Attack::Insider).random_seed(12)).0);
}

#[test]
fn small_drills_are_small_and_most_intruders_reach_somebody() {
    let (mut n_reached, mut attacks) = (0, BTreeSet::new());
    for seed in 0..120 {
        let plan = Plan::random(seed);
        let (_, truth) = drill(&plan);
        assert!(
            (100..6_000).contains(&truth.n_records),
            "seed {seed}: {} records",
            truth.n_records
        );
        assert!(!truth.seeds.is_empty() && !truth.events.is_empty(), "seed {seed}");
        assert!(
            truth
                .pairs
                .iter()
                .all(|pair| truth.persons.iter().any(|p| p.keys.contains(&pair.key)))
        );
        n_reached += u32::from(!truth.pairs.is_empty());
        attacks.insert(plan.attack);
    }
    assert!(n_reached > 110, "{n_reached} of 120 reached somebody");
    assert_eq!(attacks.len(), Attack::ALL.len());
}

#[test]
fn every_intruder_record_stands_where_the_truth_says() {
    for seed in 0..60 {
        let (logs, truth) = drill(&Plan::random(seed));
        for event in &truth.events {
            assert!(event.found.is_some() != event.lost.is_some());
            let Some(found) = &event.found else { continue };
            let text = text_of(&found.file, &logs.files[&found.file]);
            let line = text.lines().nth(found.line as usize - 1).unwrap();
            assert!(
                line.contains(&event_mark(event)),
                "seed {seed}: {event:?} is not `{line}`"
            );
        }
    }
}

/// The text of a file, unpacked where it is packed.
fn text_of(path: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    if path.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes)
            .read_to_string(&mut text)
            .unwrap();
    } else {
        std::str::from_utf8(bytes).unwrap().clone_into(&mut text);
    }
    text
}

/// What the record's line must hold.
fn event_mark(event: &ambit_drill::TrueEvent) -> String {
    let at = event.at.to_string();
    match event.source.as_str() {
        "nginx_access" => format!(
            "\"msec\":{}.{:03}",
            event.at.0 / 1_000_000_000,
            event.at.0 / 1_000_000 % 1_000
        ),
        "postgresql" => at[..19].replace('T', " "),
        "aws_cloudtrail" => format!("\"eventTime\":\"{}Z\"", &at[..19]),
        _ => at[..19].to_owned(),
    }
}

#[test]
fn the_database_log_is_csv_of_26_columns_with_sound_audit_records() {
    for attack in [Attack::SqlDump, Attack::Injection, Attack::Insider] {
        let (logs, _) = drill(&small(attack));
        for (path, bytes) in logs.files.iter().filter(|(path, _)| path.ends_with(".csv")) {
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(bytes.as_slice());
            for row in reader.records() {
                let row = row.unwrap();
                assert_eq!(row.len(), 26, "{path}");
                let (line, before) = (
                    row[6].parse::<u64>().unwrap(),
                    last.entry(row[5].to_owned()).or_default(),
                );
                assert!(
                    *before == 0 || line == *before + 1,
                    "{path}: line {line} of {}",
                    &row[5]
                );
                *before = line;
                if let Some(audit) = row[13].strip_prefix("AUDIT: ") {
                    let mut inner = csv::ReaderBuilder::new()
                        .has_headers(false)
                        .from_reader(audit.as_bytes());
                    assert_eq!(inner.records().next().unwrap().unwrap().len(), 10, "{audit}");
                }
            }
        }
    }
}

#[test]
fn json_logs_parse_and_services_number_their_lines() {
    let (logs, _) = drill(&small(Attack::CredentialStuffing));
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines(&logs, "app/") {
        let value: Value = serde_json::from_str(line).unwrap();
        let host = value["host"].as_str().unwrap().to_owned();
        let seq = value["seq"].as_u64().unwrap();
        assert_eq!(seq, last.insert(host, seq).unwrap_or(0) + 1);
    }
    for line in lines(&logs, "nginx/") {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["request_id"].as_str().unwrap().len(), 32);
    }
}

/// The manifest lines of a folder, after their chain was checked.
fn manifest(logs: &Memory, folder: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&logs.files[&format!("{folder}/logs.manifest.jsonl")]).unwrap();
    let mut previous = String::new();
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["prev"], previous.as_str());
            previous = hex::encode(Sha256::digest(line));
            value
        })
        .collect()
}

fn fits(logs: &Memory, folder: &str, link: &Value) -> bool {
    let bytes = &logs.files[&format!("{folder}/{}", link["file"].as_str().unwrap())];
    hex::encode(Sha256::digest(bytes)) == link["sha256"] && bytes.len() as u64 == link["bytes"]
}

#[test]
fn manifests_chain_and_fit_their_files() {
    let (logs, _) = drill(&small(Attack::StolenSession));
    for folder in ["nginx", "app", "postgresql", "bastion"] {
        let links = manifest(&logs, folder);
        let n_files = logs.files.keys().filter(|path| path.starts_with(folder)).count();
        assert_eq!(links.len() + 1, n_files);
        assert!(links.iter().all(|link| fits(&logs, folder, link)), "{folder}");
    }
}

fn with_gap(attack: Attack, gap: &str) -> (Memory, Truth) {
    drill(&small(attack).gap(GapSpec::parse(gap).unwrap()))
}

#[test]
fn a_gap_takes_lines_away_and_changes_nothing_else() {
    let (whole, all) = drill(&small(Attack::StolenSession));
    for gap in [
        "nginx:20m",
        "postgresql:1h",
        "app:30m:host",
        "both:20m",
        "all:40m@random",
        "cloudtrail:2h",
        "cloudtrail:1h:truncated",
        "nginx:1h:truncated",
    ] {
        let (logs, truth) = with_gap(Attack::StolenSession, gap);
        let lost: u64 = truth.gaps.iter().map(|gap| gap.n_records).sum();
        assert!(
            lost > 0 && truth.n_records + lost == all.n_records,
            "{gap}: {lost} lost"
        );
        assert_eq!((&truth.pairs, &truth.seeds), (&all.pairs, &all.seeds), "{gap}");
        for folder in ["nginx/", "app/", "postgresql/", "bastion/"] {
            let known: BTreeSet<&str> = lines(&whole, folder).into_iter().collect();
            let strange = lines(&logs, folder)
                .into_iter()
                .filter(|line| !known.contains(line))
                .count();
            let n_cut = truth.gaps.iter().filter(|g| g.kind == "truncated").count();
            assert!(strange <= n_cut, "{gap}: {strange} lines of {folder} are new");
        }
    }
}

#[test]
fn manifests_vouch_for_no_gap() {
    for gap in ["nginx:20m", "nginx:20m:host"] {
        let (logs, truth) = with_gap(Attack::StolenSession, gap);
        let links = manifest(&logs, "nginx");
        assert!(links.iter().all(|link| fits(&logs, "nginx", link)));
        for made in &truth.gaps {
            let (from, until) = (made.span.from.to_string(), made.span.until.to_string());
            let of_host = links.iter().filter(|link| link["host"] == made.host.as_str());
            let vouched = of_host
                .filter(|link| link["until"].as_str() > Some(&from) && link["from"].as_str() < Some(&until));
            assert_eq!(vouched.count(), 0, "{gap}");
        }
    }
    let (logs, _) = with_gap(Attack::StolenSession, "nginx:20m:truncated");
    assert!(
        manifest(&logs, "nginx")
            .iter()
            .any(|link| !fits(&logs, "nginx", link))
    );
}

#[test]
fn garbled_lines_cannot_be_read() {
    let (logs, truth) = with_gap(Attack::StolenSession, "all:20m:garbled");
    let unreadable = |folder: &str| {
        let bad = |line: &&str| serde_json::from_str::<Value>(line).is_err();
        lines(&logs, folder).into_iter().filter(bad).count() as u64
    };
    let garbled = |source: &str| {
        let gaps = truth.gaps.iter().filter(|g| g.source == source);
        gaps.map(|g| g.n_records).sum::<u64>()
    };
    assert_eq!(unreadable("nginx/"), garbled("nginx_access"));
    assert_eq!(unreadable("app/"), garbled("app"));
}

#[test]
fn a_wiped_gateway_holds_nothing_of_the_intruder_and_its_manifest_does_not_show_it() {
    let (logs, truth) = drill(&small(Attack::LogDeletion));
    let wiped: Vec<_> = truth
        .events
        .iter()
        .filter(|e| e.lost.as_deref() == Some("deleted"))
        .collect();
    assert!(
        !wiped.is_empty()
            && wiped
                .iter()
                .all(|e| e.host == "gw-1" && e.source == "nginx_access")
    );
    assert!(
        manifest(&logs, "nginx")
            .iter()
            .all(|link| fits(&logs, "nginx", link))
    );
    assert!(
        truth
            .events
            .iter()
            .any(|e| e.source == "app" && e.found.is_some())
    );
}

#[test]
fn the_story_is_about_one_person() {
    let (logs, truth) = drill(&Plan::story().users(300));
    assert!(truth.exact && truth.gaps.is_empty() && truth.internal.is_empty());
    let expects = truth.expects.as_ref().unwrap();
    for (class, range) in expects {
        let n = u64::from(matches!(class.as_str(), "contact" | "identity"));
        assert_eq!((range.at_least, range.at_most), (n, n), "{class}");
    }
    let owner = truth.persons[0].keys[0].as_str();
    let seed = truth.seeds[0].strip_prefix("session=").unwrap();
    let mut sides: Vec<(f64, String)> = Vec::new();
    for line in lines(&logs, "nginx/") {
        let hit: Value = serde_json::from_str(line).unwrap();
        let from = hit["remote_addr"].as_str().unwrap().to_owned();
        if hash(hit["sid"].as_str().unwrap()) == seed {
            sides.push((hit["msec"].as_f64().unwrap(), from));
        } else {
            assert_ne!(from, "203.0.113.77", "the intruder's address is nobody else's");
        }
    }
    sides.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let turns = sides.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert!(turns >= 8, "both sides are active at once: {turns} turns");
    let homes: BTreeSet<&str> = sides.iter().map(|(_, from)| from.as_str()).collect();
    assert_eq!(homes.len(), 2, "owner {owner} at home, the intruder elsewhere");
    let (_, after): (Vec<_>, Vec<&str>) = lines(&logs, "app/")
        .into_iter()
        .partition(|l| !l.contains("session refused"));
    assert!(after.iter().filter(|line| line.contains(seed)).count() >= 3);
}

fn hash(secret: &str) -> String {
    hex::encode(&Sha256::digest(secret)[..8])
}

#[test]
fn quiet_plans_are_exact_where_the_attack_allows_it() {
    for attack in Attack::ALL {
        let plan = small(*attack).quiet();
        let (_, truth) = drill(&plan);
        assert_eq!(truth.exact, truth.expects.is_some());
        let single = matches!(
            attack,
            Attack::StolenSession
                | Attack::CredentialStuffing
                | Attack::IdEnumeration
                | Attack::Insider
                | Attack::StolenApiKey
                | Attack::BucketTheft
        );
        assert_eq!(truth.exact, single, "{attack}");
    }
    let mut busy = small(Attack::StolenSession);
    busy.conduct.owner = Owner::Works;
    assert!(!busy.is_exact());
}

#[test]
fn an_exercise_is_published_whole_and_only_into_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = small(Attack::StolenApiKey);
    plan.features.snapshot = true;
    let truth = publish(&plan, &mut Folder::create(folder.path()).unwrap()).unwrap();
    for file in [
        "map.toml",
        "truth.json",
        "mappings/app.toml",
        "snapshots/profiles.csv",
        "snapshots/profiles-later.csv",
        "logs/nginx/logs.manifest.jsonl",
    ] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    let text = std::fs::read_to_string(folder.path().join("truth.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["pairs"].as_array().unwrap().len(), truth.pairs.len());
    assert!(Folder::create(folder.path()).is_err());
}

#[test]
fn an_exported_copy_holds_the_same_bytes() {
    let mut plan = small(Attack::StolenSession);
    plan.features.copies = true;
    let (logs, _) = drill(&plan);
    let copies: Vec<_> = logs
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("exported/"))
        .collect();
    assert!(!copies.is_empty());
    for (path, bytes) in copies {
        let name = path.trim_start_matches("exported/").trim_end_matches(".copy.log");
        assert_eq!(bytes, &logs.files[&format!("nginx/{name}")]);
    }
}

#[test]
fn a_skewed_clock_moves_the_database_log_alone() {
    let mut plan = small(Attack::StolenSession);
    let (straight, _) = drill(&plan);
    plan.features.clock_skew_ms = 400;
    let (skewed, truth) = drill(&plan);
    assert_eq!(lines(&straight, "nginx/"), lines(&skewed, "nginx/"));
    assert_ne!(lines(&straight, "postgresql/"), lines(&skewed, "postgresql/"));
    assert!(truth.events.iter().any(|event| event.source == "postgresql"));
}

/// The digests of a region, in order, with the hash of each.
fn digests(logs: &Memory, region: &str) -> Vec<(String, Value, String)> {
    let folder = format!("/CloudTrail-Digest/{region}/");
    let of_region = logs.files.iter().filter(|(path, _)| path.contains(&folder));
    of_region
        .map(|(path, bytes)| {
            let text = text_of(path, bytes);
            let object = path.trim_start_matches("cloudtrail/").to_owned();
            (
                object,
                serde_json::from_str(&text).unwrap(),
                hex::encode(Sha256::digest(&text)),
            )
        })
        .collect()
}

/// The log files that a digest names, each with its text where it is there and can be unpacked.
fn named<'l>(logs: &'l Memory, digest: &'l Value) -> impl Iterator<Item = (&'l Value, Option<String>)> {
    digest["logFiles"].as_array().unwrap().iter().map(|file| {
        let path = format!("cloudtrail/{}", file["s3Object"].as_str().unwrap());
        let bytes = logs.files.get(&path);
        let mut text = String::new();
        let read = bytes.and_then(|bytes| {
            flate2::read::GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut text)
                .ok()
        });
        (file, read.map(|_| text))
    })
}

fn is_whole((file, text): &(&Value, Option<String>)) -> bool {
    let hash = |text: &String| hex::encode(Sha256::digest(text));
    text.as_ref().is_some_and(|text| hash(text) == file["hashValue"])
}

#[test]
fn the_trails_digests_chain_and_name_every_log_file() {
    for copies in [false, true] {
        let mut plan = small(Attack::BucketTheft);
        plan.features.copies = copies;
        let (logs, truth) = drill(&plan);
        let mut n_named = 0;
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        for region in ["eu-west-1", "us-east-1"] {
            let chain = digests(&logs, region);
            assert_eq!(
                chain.len() as u32,
                plan.hours + 1,
                "one an hour, and one after the window"
            );
            for pair in chain.windows(2) {
                assert_eq!(pair[1].1["previousDigestS3Object"], pair[0].0.as_str());
                assert_eq!(pair[1].1["previousDigestHashValue"], pair[0].2.as_str());
                assert_eq!(pair[1].1["digestStartTime"], pair[0].1["digestEndTime"]);
            }
            for (_, digest, _) in &chain {
                for file in named(&logs, digest) {
                    assert!(is_whole(&file), "{}", file.0);
                    n_named += 1;
                    let content: Value = serde_json::from_str(&file.1.unwrap()).unwrap();
                    for record in content["Records"].as_array().unwrap() {
                        *ids.entry(record["eventID"].as_str().unwrap().to_owned())
                            .or_default() += 1;
                    }
                }
            }
        }
        let n_files = logs
            .files
            .keys()
            .filter(|path| path.contains("/CloudTrail/"))
            .count();
        assert_eq!(n_named, n_files);
        assert_eq!(ids.values().any(|n| *n > 1), copies, "some are delivered twice");
        assert!(truth.events.iter().all(|e| e.source == "aws_cloudtrail") && truth.events.len() > 6);
    }
}

#[test]
fn a_hole_in_the_trail_is_told_by_a_digest_or_takes_the_digest_away() {
    let n_digests = |gap: &str| {
        let (logs, truth) = with_gap(Attack::BucketTheft, gap);
        assert!(truth.gaps.iter().any(|g| g.source == "aws_cloudtrail"), "{gap}");
        let chain = digests(&logs, "eu-west-1");
        let missing = chain
            .iter()
            .flat_map(|(_, digest, _)| named(&logs, digest))
            .filter(|file| !is_whole(file))
            .count();
        (chain.len(), missing)
    };
    // A while after a digest was due, and before the next one is.
    let plan = small(Attack::BucketTheft);
    let ends = digests(&drill(&plan).0, "eu-west-1")[0].1["digestEndTime"].clone();
    let ends = Timestamp::parse(ends.as_str().unwrap()).unwrap();
    let at = (ends.0 - plan.start.0) / 1_000_000_000 + 3_600 + 900;
    let n_all = plan.hours as usize + 1;
    let (whole, missing) = n_digests(&format!("cloudtrail:20m@{at}s"));
    assert!(
        whole == n_all && missing > 0,
        "{whole} digests, {missing} files missing"
    );
    assert!(n_digests(&format!("cloudtrail:2h@{at}s")).0 < n_all);
    for altered in ["1h:truncated", "20m:garbled"] {
        let (digests, altered) = n_digests(&format!("cloudtrail:{altered}@{at}s"));
        assert!(digests == n_all && altered > 0);
    }
}

#[test]
fn the_thief_reaches_who_lies_in_the_objects() {
    let (_, truth) = drill(&small(Attack::BucketTheft).quiet());
    let fetched = truth.keys("contact", "read").len();
    assert_eq!(fetched, 5, "the exports of single persons");
    let mut bold = small(Attack::BucketTheft);
    bold.conduct.deeds = [Deed::Export, Deed::Destruction].into();
    let (_, truth) = drill(&bold);
    assert_eq!(
        truth.keys("financial", "read").len(),
        30,
        "everyone is in a backup"
    );
    assert_eq!(truth.keys("content", "destroyed").len(), 1);
}

#[test]
fn the_story_has_no_cloud() {
    let (logs, _) = drill(&Plan::story().users(50).hours(6));
    assert!(!logs.files.keys().any(|path| path.starts_with("cloudtrail")));
    assert!(!map_toml(&Plan::story()).contains("cloudtrail"));
}
