//! Places where persons live, as law names them: a country, a region of one, or the Union.

use std::fmt;

/// A country (`se`), a region of one (`us-ca`), or `eu`, somewhere in the Union.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Territory(String);

/// Whether who lives in one place lives in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Yes,
    No,
    /// The one says less than the other asks.
    Perhaps,
}

/// ISO 3166-1 alpha-2. `NA` is what many tools write for an empty cell, so that Namibia is only meant where the map
/// says so.
const COUNTRIES: &str = " ad ae af ag ai al am ao aq ar at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br \
    bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et \
    fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gw gy hk hm hn hr ht hu id ie il im in io iq ir \
    is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm \
    mn mo mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn ps pt pw py \
    qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so ss st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr \
    tt tv tw tz ua ug um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw ";

/// Where the GDPR binds: the Union with its outermost regions, and Iceland, Liechtenstein and Norway.
const UNION: &str = " at be bg hr cy cz dk ee fi ax fr gf gp mq re yt mf de gr hu ie it lv lt lu mt nl pl pt ro sk si \
    es se is li no ";

/// States, the District of Columbia and the territories, which have laws of their own.
const STATES: &str = " al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm \
    ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr gu vi as mp um ";

const PROVINCES: &str = " ab bc mb nb nl ns nt nu on pe qc sk yt ";

impl Territory {
    /// Reads a code, letters without case, `-` or `_` before the region: `SE`, `US-CA`, `us_ca`, `UK`. A region that
    /// is none leaves the country. `None` where it is no code of a country.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase().replace('_', "-");
        let (country, region) = match text.split_once('-') {
            Some((country, region)) => (country.trim(), Some(region.trim())),
            None => (text.as_str(), None),
        };
        let country = match country {
            "uk" => "gb",
            "el" => "gr",
            // Territories with a country code of their own are under the law of the United States.
            territory @ ("pr" | "gu" | "vi" | "as" | "mp" | "um") => {
                return Some(Self(format!("us-{territory}")));
            }
            other => other,
        };
        if country != "eu" && !has(COUNTRIES, country) {
            return None;
        }
        let known = |region: &&str| match country {
            "eu" => false,
            "us" => has(STATES, region),
            "ca" => has(PROVINCES, region),
            _ => (1..=3).contains(&region.len()) && region.bytes().all(|b| b.is_ascii_alphanumeric()),
        };
        Some(match region.filter(known) {
            Some(region) => Self(format!("{country}-{region}")),
            None => Self(country.to_owned()),
        })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country, or `eu`.
    #[must_use]
    pub fn country(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    #[must_use]
    pub fn has_region(&self) -> bool {
        self.0.contains('-')
    }

    /// Whether it lies in the Union, or where its law binds.
    #[must_use]
    pub fn is_in_union(&self) -> bool {
        self.0 == "eu" || has(UNION, self.country())
    }

    /// Whether who lives here lives in the other place.
    #[must_use]
    pub fn within(&self, other: &Self) -> Within {
        let yes = |yes: bool| if yes { Within::Yes } else { Within::No };
        match (self.0.as_str(), other.0.as_str()) {
            (a, b) if a == b => Within::Yes,
            (_, "eu") => yes(self.is_in_union()),
            ("eu", _) if other.is_in_union() => Within::Perhaps,
            _ if self.country() != other.country() => Within::No,
            _ if !other.has_region() => Within::Yes,
            _ if !self.has_region() => Within::Perhaps,
            _ => Within::No,
        }
    }

    /// Itself and the greater places that it lies in.
    #[must_use]
    pub fn and_around(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        if self.has_region() {
            all.push(Self(self.country().to_owned()));
        }
        if self.is_in_union() && self.0 != "eu" {
            all.push(Self("eu".to_owned()));
        }
        all
    }
}

impl fmt::Display for Territory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn has(list: &str, word: &str) -> bool {
    word.len() == 2 && list.split(' ').any(|one| one == word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        for (text, read) in [
            ("SE", Some("se")),
            (" us_CA ", Some("us-ca")),
            ("UK", Some("gb")),
            ("PR", Some("us-pr")),
            ("us-06", Some("us")),
            ("se-Stockholm", Some("se")),
            ("de-by", Some("de-by")),
            ("eu", Some("eu")),
            ("Sweden", None),
            ("xx", None),
            ("", None),
            ("ü-ö", None),
        ] {
            assert_eq!(
                Territory::parse(text).as_ref().map(Territory::as_str),
                read,
                "{text}"
            );
        }
    }

    #[test]
    fn a_country_may_be_any_of_its_regions_and_a_region_is_in_its_country() {
        use Within::{No, Perhaps, Yes};
        for (a, b, expected) in [
            ("us-ca", "us-ca", Yes),
            ("us-ca", "us", Yes),
            ("us", "us-ca", Perhaps),
            ("us-ny", "us-ca", No),
            ("ca", "us-ca", No),
            ("se", "eu", Yes),
            ("no", "eu", Yes),
            ("gb", "eu", No),
            ("ch", "eu", No),
            ("eu", "se", Perhaps),
            ("eu", "gb", No),
            ("de-by", "eu", Yes),
        ] {
            let place = |text| Territory::parse(text).unwrap();
            assert_eq!(place(a).within(&place(b)), expected, "{a} in {b}");
        }
    }
}
