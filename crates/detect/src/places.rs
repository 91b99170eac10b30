//! Where an address probably is, by a MaxMind database that the user brings.
//!
//! A database says where most who use an address are, not where one is: behind a VPN, a proxy or a carrier's gateway
//! it names the gateway's place. What is read from it is a reason to look, never a fact about a person.

use crate::Error;
use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Larger files are refused: the largest that MaxMind sells are a third of it.
const MOST_BYTES: u64 = 1 << 30;
/// Networks that are looked at to see whether a database has places at all.
const SAMPLE: usize = 20_000;

/// A database of places: any in MaxMind's format that has `location` or `country`, as GeoLite2 City and Country have.
pub struct Places {
    reader: Reader<Vec<u8>>,
    has_coordinates: bool,
    n_unreadable: AtomicU64,
}

/// A place on the map, and how sure the database is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    pub latitude: f32,
    pub longitude: f32,
    /// Two thirds of those who use the address are within it, MaxMind says. `None` where the database does not say.
    pub radius_km: Option<u16>,
}

/// What the database says of an address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub country: Option<Country>,
    pub spot: Option<Spot>,
}

/// Two letters of ISO 3166.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Country([u8; 2]);

impl Country {
    fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// What is read of a record; all else in it is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row<'a> {
    #[serde(borrow)]
    country: Named<'a>,
    location: Location,
    traits: Traits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

/// Addresses whose users may be anywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Traits {
    is_anycast: bool,
    is_anonymous_proxy: bool,
    is_satellite_provider: bool,
}

impl Row<'_> {
    fn spot(&self) -> Option<Spot> {
        let (latitude, longitude) = (self.location.latitude?, self.location.longitude?);
        let is_on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_on_earth.then_some(Spot {
            latitude: latitude as f32,
            longitude: longitude as f32,
            radius_km: self.location.accuracy_radius,
        })
    }

    fn place(&self) -> Option<Place> {
        let Traits {
            is_anycast,
            is_anonymous_proxy,
            is_satellite_provider,
        } = self.traits;
        if is_anycast || is_anonymous_proxy || is_satellite_provider {
            return None;
        }
        let (country, spot) = (self.country.iso_code.and_then(Country::parse), self.spot());
        (country.is_some() || spot.is_some()).then_some(Place { country, spot })
    }
}

impl Places {
    /// Reads a database.
    ///
    /// # Errors
    /// [`Error::Places`] where the file cannot be read, is none, or has neither places nor countries.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let origin = path.display().to_string();
        let bad = |why: String| Error::Places {
            origin: origin.clone(),
            why,
        };
        let size = fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
        if size > MOST_BYTES {
            return Err(bad(format!(
                "{size} bytes are more than a database of places has"
            )));
        }
        Self::parse(fs::read(path).map_err(|error| bad(error.to_string()))?, &origin)
    }

    /// The database of these bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn parse(bytes: Vec<u8>, origin: &str) -> Result<Self, Error> {
        let bad = |why: String| Error::Places {
            origin: origin.to_owned(),
            why,
        };
        let reader = Reader::from_source(bytes)
            .map_err(|error| bad(format!("it is no database in MaxMind's format: {error}")))?;
        let mut places = Self {
            reader,
            has_coordinates: false,
            n_unreadable: AtomicU64::new(0),
        };
        let (n_countries, n_spots) = places.sample().map_err(&bad)?;
        if n_countries + n_spots == 0 {
            let kind = &places.reader.metadata().database_type;
            return Err(bad(format!(
                "it has neither places nor countries; it calls itself `{}`: GeoLite2 City is one that has both",
                ambit_event::printable(kind, 60)
            )));
        }
        places.has_coordinates = n_spots > 0;
        Ok(places)
    }

    /// How many of the first networks have a country, and how many a place.
    fn sample(&self) -> Result<(usize, usize), String> {
        let networks = self
            .reader
            // Those without data too, so that a tree without any has an end.
            .networks(WithinOptions::default().include_networks_without_data())
            .map_err(|error| error.to_string())?;
        let (mut n_countries, mut n_spots) = (0, 0);
        for found in networks.take(SAMPLE) {
            let found = found.map_err(|error| error.to_string())?;
            if let Some(row) = found.decode::<Row<'_>>().map_err(|error| error.to_string())? {
                n_countries += usize::from(row.country.iso_code.is_some());
                n_spots += usize::from(row.spot().is_some());
            }
        }
        Ok((n_countries, n_spots))
    }

    /// Whether it has places; a database of countries alone has none.
    #[must_use]
    pub const fn has_coordinates(&self) -> bool {
        self.has_coordinates
    }

    /// How many look-ups met a record that could not be read: the file is damaged there.
    #[must_use]
    pub fn n_unreadable(&self) -> u64 {
        self.n_unreadable.load(Ordering::Relaxed)
    }

    /// `None` for addresses of no place: private ones, and those that the database does not know, or calls anycast,
    /// anonymous or a satellite's.
    pub(crate) fn of(&self, address: IpAddr) -> Option<Place> {
        if is_of_no_place(address) {
            return None;
        }
        let found = self.reader.lookup(address);
        match found.and_then(|found| found.decode::<Row<'_>>()) {
            Ok(row) => row.as_ref().and_then(Row::place),
            // In a database of the fourth version alone the sixth is not there.
            Err(maxminddb::MaxMindDbError::InvalidInput { .. }) => None,
            Err(_) => {
                self.n_unreadable.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("has_coordinates", &self.has_coordinates)
            .finish_non_exhaustive()
    }
}

impl Spot {
    /// Kilometres along the surface, on a sphere: at most half a percent wrong.
    pub fn km_to(&self, other: &Self) -> f64 {
        let radians = |degrees: f32| f64::from(degrees).to_radians();
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let turn = radians(other.longitude) - radians(self.longitude);
        let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (turn / 2.0).sin().powi(2);
        2.0 * 6371.0 * half.sqrt().min(1.0).asin()
    }
}

/// Addresses within an organisation or a carrier, and those that are nobody's.
fn is_of_no_place(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || a == 0
                || a >= 240
                || is_shared
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            let (is_local, is_link) = (first & 0xfe00 == 0xfc00, first & 0xffc0 == 0xfe80);
            ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || is_local || is_link
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_atlas() {
        let spot = |latitude, longitude| Spot {
            latitude,
            longitude,
            radius_km: None,
        };
        let (stockholm, new_york) = (spot(59.33, 18.07), spot(40.71, -74.01));
        assert!((stockholm.km_to(&new_york) - 6_320.0).abs() < 30.0);
        assert!(stockholm.km_to(&stockholm) < 0.001);
        assert!((spot(0.0, 0.0).km_to(&spot(0.0, 180.0)) - 20_015.0).abs() < 1.0);
        assert!((spot(0.0, 179.9).km_to(&spot(0.0, -179.9)) - 22.2).abs() < 0.1);
    }

    #[test]
    fn addresses_within_have_no_place() {
        for (address, is_none) in [
            ("10.1.2.3", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("127.0.0.1", true),
            ("169.254.1.1", true),
            ("192.168.7.7", true),
            ("192.0.2.7", false),
            ("255.255.255.255", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(address.parse().map(is_of_no_place), Ok(is_none), "{address}");
        }
    }

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!(
            Country::parse("SE").map(|one| one.to_string()),
            Some("SE".to_owned())
        );
        for text in ["", "S", "se", "S\u{7}", "SWE", "é"] {
            assert_eq!(Country::parse(text), None);
        }
    }
}
