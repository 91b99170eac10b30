//! Claims that stand or fall for the same reasons, said together.

use crate::gaps::distinct;
use crate::words::either;
use ambit_scope::{Claim, Verdict};

/// Claims with one verdict and one set of reasons.
pub struct Group<'a> {
    pub verdict: Verdict,
    /// Once each, without the gaps that they name.
    pub because: Vec<&'a str>,
    /// Without how many persons that would settle, which differs from claim to claim.
    pub would_settle: Option<&'a str>,
    texts: Vec<&'a str>,
    /// Of `class:…:read`, `effect:…` and `platform:…`: what they are about.
    classes: Vec<&'a str>,
    effects: Vec<&'a str>,
    platforms: Vec<&'a str>,
}

/// The groups, in the order of their first claim.
pub fn groups<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for claim in claims {
        let known = groups.iter().position(|group| group.fits(claim));
        let at = known.unwrap_or_else(|| {
            groups.push(Group::of(claim));
            groups.len() - 1
        });
        groups[at].add(claim);
    }
    groups
}

/// The class of a claim that it was not read.
pub fn class_of(claim: &Claim) -> Option<&str> {
    claim.id.strip_prefix("class:")?.strip_suffix(":read")
}

/// What would settle it, up to the number of persons.
fn settle(claim: &Claim) -> Option<&str> {
    let text = claim.would_settle.as_deref()?;
    Some(
        text.split_once("; it would settle")
            .or(text.split_once("; they would settle"))
            .map_or(text, |(what, _)| what),
    )
}

impl<'a> Group<'a> {
    fn of(claim: &'a Claim) -> Self {
        Self {
            verdict: claim.verdict,
            because: distinct(&claim.because),
            would_settle: settle(claim),
            texts: Vec::new(),
            classes: Vec::new(),
            effects: Vec::new(),
            platforms: Vec::new(),
        }
    }

    fn fits(&self, claim: &Claim) -> bool {
        self.verdict == claim.verdict
            && self.would_settle == settle(claim)
            && self.because == distinct(&claim.because)
    }

    fn add(&mut self, claim: &'a Claim) {
        if let Some(class) = class_of(claim) {
            self.classes.push(class);
        } else if let Some(effect) = claim.id.strip_prefix("effect:") {
            self.effects.push(effect);
        } else if let Some(platform) = claim.id.strip_prefix("platform:") {
            self.platforms.push(platform);
        } else {
            self.texts.push(&claim.text);
        }
    }

    pub fn sentences(&self) -> Vec<String> {
        let mut out: Vec<String> = self
            .texts
            .iter()
            .map(|text| format!("{}.", text.trim_end_matches('.')))
            .collect();
        if !self.classes.is_empty() {
            out.push(format!("No {} data was read.", either(&self.classes)));
        }
        if !self.effects.is_empty() {
            let effects: Vec<&str> = self
                .effects
                .iter()
                .map(|effect| {
                    if *effect == "unavailable" {
                        "made unavailable"
                    } else {
                        effect
                    }
                })
                .collect();
            out.push(format!("No personal data was {}.", either(&effects)));
        }
        if !self.platforms.is_empty() {
            out.push(format!(
                "Nothing was reached through platform {}.",
                either(&self.platforms)
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(id: &str, text: &str, because: &str) -> Claim {
        Claim {
            id: id.into(),
            text: text.into(),
            verdict: Verdict::Supported,
            because: vec![because.into()],
            would_settle: None,
        }
    }

    #[test]
    fn claims_with_the_same_reasons_are_one_group() {
        let claims = [
            claim("only_these_persons", "Only these.", "a"),
            claim("class:contact:read", "", "a"),
            claim("effect:unavailable", "", "a"),
            claim("effect:changed", "", "b"),
            claim("class:payment:read", "", "a"),
            claim("platform:ios", "", "a"),
        ];
        let groups = groups(&claims);
        assert_eq!(groups.len(), 2);
        assert_eq!(
            groups[0].sentences(),
            [
                "Only these.",
                "No contact or payment data was read.",
                "No personal data was made unavailable.",
                "Nothing was reached through platform ios."
            ]
        );
        assert_eq!(groups[1].sentences(), ["No personal data was changed."]);
    }
}
