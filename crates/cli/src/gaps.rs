//! Gaps as people meet them: one blind span, whatever number of channels it touches.

use crate::words::list;
use ambit_scope::ScopeGap;
use std::cmp::Reverse;

/// A span in which a source is blind, with everything that follows from it.
pub struct BlindSpan<'a> {
    /// The first of the gaps with this id, for what they share.
    pub gap: &'a ScopeGap,
    /// Role to channels, in the order in which they come.
    channels: Vec<(&'a str, Vec<&'a str>)>,
    /// Once each.
    pub consequences: Vec<&'a str>,
}

/// Those with consequences first, then the longest.
pub fn blind_spans(gaps: &[ScopeGap]) -> Vec<BlindSpan<'_>> {
    let mut spans: Vec<BlindSpan<'_>> = Vec::new();
    for gap in gaps {
        let at = spans
            .iter()
            .position(|span| span.gap.id == gap.id)
            .unwrap_or_else(|| {
                spans.push(BlindSpan {
                    gap,
                    channels: Vec::new(),
                    consequences: Vec::new(),
                });
                spans.len() - 1
            });
        spans[at].add_channel(&gap.role, &gap.channel);
        if !spans[at].consequences.contains(&gap.consequence.as_str()) {
            spans[at].consequences.push(&gap.consequence);
        }
    }
    for span in &mut spans {
        span.drop_idle();
    }
    spans.sort_by_key(|span| {
        (
            span.is_idle(),
            Reverse(span.gap.span.nanos()),
            span.gap.id.clone(),
        )
    });
    spans
}

impl<'a> BlindSpan<'a> {
    fn add_channel(&mut self, role: &'a str, channel: &'a str) {
        match self.channels.iter_mut().find(|(known, _)| *known == role) {
            Some((_, channels)) if channels.contains(&channel) => {}
            Some((_, channels)) => channels.push(channel),
            None => self.channels.push((role, vec![channel])),
        }
    }

    /// `attributing of app and keys`.
    pub fn roles(&self) -> String {
        let said: Vec<String> = self
            .channels
            .iter()
            .map(|(role, channels)| format!("{role} of {}", list(channels)))
            .collect();
        said.join("; ")
    }

    /// Nothing was found that the gap leaves open.
    pub fn is_idle(&self) -> bool {
        self.consequences.iter().all(|text| text.starts_with("0 "))
    }

    /// Beside a consequence, what has none need not be told.
    fn drop_idle(&mut self) {
        if !self.is_idle() {
            self.consequences.retain(|text| !text.starts_with("0 "));
        }
    }
}

/// Reasons without the gap that each names, once each: which gaps they are is told elsewhere.
pub fn distinct<'a>(reasons: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let mut out: Vec<&str> = Vec::new();
    for reason in reasons {
        let bare = reason
            .split_once(" (gap:")
            .map_or(reason.as_str(), |(bare, _)| bare);
        if !out.contains(&bare) {
            out.push(bare);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::{Span, Timestamp};

    fn gap(id: &str, channel: &str, consequence: &str) -> ScopeGap {
        ScopeGap {
            id: id.into(),
            source: "nginx_access".into(),
            host: None,
            span: Span::new(Timestamp(0), Timestamp(1)),
            state: "absent".into(),
            because: String::new(),
            channel: channel.into(),
            role: "attributing".into(),
            consequence: consequence.into(),
        }
    }

    #[test]
    fn one_blind_span_is_told_once_and_what_follows_goes_first() {
        let gaps = [
            gap("gap:a", "app", "0 accesses"),
            gap("gap:b", "app", "0 accesses"),
            gap("gap:b", "keys", "7 accesses"),
        ];
        let spans = blind_spans(&gaps);
        assert_eq!(spans.len(), 2);
        assert_eq!(
            (spans[0].gap.id.as_str(), spans[0].consequences.as_slice()),
            ("gap:b", &["7 accesses"][..])
        );
        assert_eq!(spans[0].roles(), "attributing of app and keys");
        assert!(spans[1].is_idle());
    }

    #[test]
    fn the_same_reason_for_several_gaps_is_said_once() {
        let reasons = [
            "blind (gap:1)".to_owned(),
            "blind (gap:2)".to_owned(),
            "other".to_owned(),
        ];
        assert_eq!(distinct(&reasons), ["blind", "other"]);
    }
}
