//! Persons, classes, effects and grades with their evidence, as CSV.

use ambit_scope::Scope;
use anyhow::Result;
use std::collections::BTreeSet;

const EVERYONE: &str = "everyone in the store";

/// One row per person, class and effect: `domain,key,class,effect,grade,evidence`. Persons whom nobody
/// can name have an empty key and their number in `evidence`; everyone stands there once for each reason.
pub fn table(scope: &Scope) -> Result<Vec<u8>> {
    let named = scope.pairs.iter().map(|pair| {
        let evidence: Vec<String> = pair.evidence.iter().map(ToString::to_string).collect();
        vec![
            pair.subject.clone(),
            pair.key.clone(),
            pair.class.clone(),
            pair.effect.clone(),
            pair.grade.to_string(),
            evidence.join(" "),
        ]
    });
    let mut said = BTreeSet::new();
    let unnamed = scope.subjects.unnamed.iter().flat_map(|unnamed| {
        let most = unnamed
            .at_most
            .map_or(EVERYONE.to_owned(), |n| format!("at most {n} persons"));
        unnamed.classes.iter().map(move |class| {
            vec![
                unnamed.subject.clone(),
                String::new(),
                class.clone(),
                unnamed.effect.clone(),
                "possible".to_owned(),
                format!("{most}: {}", unnamed.because),
            ]
        })
    });
    // Everyone is everyone, however many accesses may have reached them for the same reason.
    let once = unnamed.filter(|row| !row[5].starts_with(EVERYONE) || said.insert(row.clone()));
    super::table(
        &["domain", "key", "class", "effect", "grade", "evidence"],
        named.chain(once),
    )
}
