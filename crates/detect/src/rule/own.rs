//! The rules that are built in: what accounts, services and settings became, by what producers document of their events.

/// Each file by the name under which its rules are told, with its text.
pub(super) const OWN: [(&str, &str); 2] = [
    ("built-in/aws.yml", include_str!("../../../../rules/aws.yml")),
    (
        "built-in/windows.yml",
        include_str!("../../../../rules/windows.yml"),
    ),
];

#[cfg(test)]
mod tests {
    use super::super::{Pipelines, Placeholders, RuleSet};
    use ambit_event::Level;
    use std::path::PathBuf;

    fn own(given: &[PathBuf]) -> RuleSet {
        RuleSet::load_with_own(given, &Placeholders::none(), &Pipelines::none())
    }

    #[test]
    fn each_rule_that_is_built_in_can_be_used_and_says_its_level_and_technique() {
        let rules = own(&[]);
        assert!(
            rules.refused().is_empty() && rules.remarks().is_empty(),
            "{:?} {:?}",
            rules.refused(),
            rules.remarks()
        );
        assert_eq!(rules.n_given(), 0);
        assert!(rules.rules().iter().all(|rule| !rule.is_idle()));
        let referred = ["windows_service_ticket", "aws_secret_read"];
        let heads = rules.rules().iter().map(|rule| &rule.head);
        for head in heads.chain(rules.correlations().iter().map(|rule| &rule.head)) {
            let says = head.level.is_some() && head.techniques().next().is_some();
            let is_part = head.name.as_deref().is_some_and(|name| referred.contains(&name));
            assert!(says || is_part, "{}", head.title);
            assert!(head.level < Some(Level::Critical), "{}", head.title);
        }
    }

    #[test]
    fn a_rule_that_is_given_takes_the_place_of_the_one_that_is_built_in() {
        let given = [concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules").into()];
        let (both, alone) = (own(&given), own(&[]));
        assert_eq!(both.n_loaded(), alone.n_loaded());
        assert_eq!(both.n_given(), both.n_loaded());
        assert!(both.refused().is_empty(), "{:?}", both.refused());
    }
}
