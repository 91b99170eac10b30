//! Whatever the map and the record hold, an answer comes back.

use super::{MAP, map, request, statement};
use crate::map::{DataMap, ReachContext};

proptest::proptest! {
    #[test]
    fn any_map_text_is_read(text in ".{0,300}") {
        let _ = DataMap::parse(&text, "x");
    }

    #[test]
    fn any_mixture_of_map_lines_is_read(lines in proptest::collection::vec(proptest::sample::select(MAP.lines().collect::<Vec<_>>()), 0..40)) {
        let _ = DataMap::parse(&lines.join("\n"), "x");
    }

    #[test]
    fn any_record_is_reached(path in ".{0,60}", query in ".{0,60}", text in ".{0,120}", status in 100_u16..600, bytes in -5_i64..9000) {
        let map = map();
        let mut http = request("GET", "/", status, bytes);
        (http.resource, http.query_text) = (Some(format!("/v1/{path}")), Some(query));
        let _ = map.reach(&http, &ReachContext::default());
        let _ = map.reach(&statement(&text, Some(bytes)), &ReachContext::default());
        let _ = map.reach(&statement(&format!("SELECT email FROM profiles WHERE {text}"), Some(bytes)), &ReachContext::default());
    }
}
