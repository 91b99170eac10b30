//! Laws of SCOPE.md about where the records lie: on disk or in memory, in one lake or in two, with others'
//! traffic or without it.

use crate::drills::{ask, exercise, lake_of};
use ambit_drill::Plan;
use ambit_event::{Batch, Event, EventId};
use ambit_scope::Answer;

fn body(answer: &Answer) -> String {
    serde_json::to_string(&answer.scope).unwrap()
}

/// Records of a source that no map and no operation speaks of, in the midst of everything else.
fn of_a_printer(near: &Batch) -> Batch {
    let printed = |event: &Event| Event {
        id: EventId::nth("printer", "", b"", event.time.0.unsigned_abs()),
        time: event.time,
        source: "printer".into(),
        message: Some("page printed".into()),
        ..Event::default()
    };
    Batch {
        events: near.events.iter().take(40).map(printed).collect(),
        ..Batch::default()
    }
}

/// Everything that is told, but for the sum of all records.
fn told(answer: &Answer) -> serde_json::Value {
    let mut body = serde_json::to_value(&answer.scope).unwrap();
    body.as_object_mut().unwrap().remove("content_root");
    body
}

#[tokio::test]
async fn what_has_no_part_in_it_changes_nothing() {
    for seed in 0..12 {
        let exercise = exercise(&Plan::random(seed));
        let alone = ask(
            &lake_of(exercise.batches.clone()).await,
            &exercise,
            &exercise.truth.seeds,
        )
        .await;
        let printer = exercise.batches.iter().map(of_a_printer).collect::<Vec<_>>();
        let batches = exercise.batches.iter().cloned().chain(printer);
        let beside = ask(&lake_of(batches).await, &exercise, &exercise.truth.seeds).await;
        assert_ne!(
            body(&alone),
            body(&beside),
            "drill {seed}: the printer was not read"
        );
        assert_eq!(told(&alone), told(&beside), "drill {seed}");
    }
}

#[cfg(feature = "engine")]
mod on_disk {
    use super::*;
    use crate::drills::{SECRET, unsound};
    use ambit_lake::Lake;
    use std::path::Path;

    /// A lake on disk with the secret of the lakes in memory, so that fingerprints and ids agree.
    async fn lake_at(dir: &Path) -> Lake {
        std::fs::create_dir_all(dir.join("keys")).unwrap();
        std::fs::write(dir.join("keys/secret"), SECRET).unwrap();
        Lake::create(dir).await.unwrap()
    }

    async fn ingest(lake: &Lake, batches: &[Batch]) -> Lake {
        let mut writer = lake.writer().await.unwrap();
        for several in batches.chunks(8) {
            for batch in several {
                writer.push(batch.clone()).await.unwrap();
            }
            writer.commit().await.unwrap();
        }
        drop(writer);
        lake.refresh().await.unwrap()
    }

    /// The promise holds on disk, and the answer is that of memory: read in two sittings, compacted, and
    /// as of the version before.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_answer_is_the_same_byte_for_byte() {
        for seed in 0..20 {
            let exercise = exercise(&Plan::random(seed));
            let seeds = &exercise.truth.seeds;
            let expected = body(&ask(&lake_of(exercise.batches.clone()).await, &exercise, seeds).await);
            let dir = tempfile::tempdir().unwrap();
            let lake = lake_at(dir.path()).await;
            let (first, second) = exercise.batches.split_at(exercise.batches.len() / 2);
            ingest(&lake, first).await;
            let lake = ingest(&Lake::open(dir.path()).await.unwrap(), second).await;
            let answer = ask(&lake, &exercise, seeds).await;
            let broken = unsound(&answer, &exercise.truth, &exercise.map);
            assert!(broken.is_empty(), "drill {seed}: {}", broken.join("\n"));
            assert_eq!(body(&answer), expected, "drill {seed} on disk");
            lake.compact().await.unwrap();
            let compacted = lake.refresh().await.unwrap();
            assert!(compacted.version() >= lake.version());
            assert_eq!(
                body(&ask(&compacted, &exercise, seeds).await),
                expected,
                "drill {seed} compacted"
            );
            let before = compacted.at(lake.version()).await.unwrap();
            assert_eq!(
                body(&ask(&before, &exercise, seeds).await),
                expected,
                "drill {seed} as it was"
            );
        }
    }
}
