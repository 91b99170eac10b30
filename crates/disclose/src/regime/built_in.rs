//! The regimes that come with the program.

use super::model::Regime;
use super::parse::parse;

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../regimes/", $name)))),*]
    };
}

/// Name and text of each file.
#[must_use]
pub const fn built_in_files() -> &'static [(&'static str, &'static str)] {
    files! {
        "au-ndb.toml" "br-lgpd.toml" "ca-pipeda.toml" "ca-qc-law25.toml" "ch-fadp.toml" "eu-611-2013.toml" "eu-cra.toml"
        "eu-digital-omnibus.toml" "eu-dora.toml" "eu-eidas.toml" "eu-gdpr.toml" "eu-nis2.toml" "in-certin.toml"
        "in-dpdp.toml" "jp-appi.toml" "kr-pipa.toml" "sg-pdpa.toml" "uk-gdpr.toml" "uk-pecr.toml" "us-banking-36h.toml"
        "us-circia.toml" "us-ftc-hbnr.toml" "us-ftc-safeguards.toml" "us-hipaa.toml" "us-nydfs.toml" "us-sec-8k.toml"
        "us-states.toml"
    }
}

/// All of them, in the order of their ids. A test holds that each can be read.
#[must_use]
pub fn built_in() -> Vec<Regime> {
    let mut regimes: Vec<Regime> = built_in_files()
        .iter()
        .flat_map(|(name, text)| parse(text, name).0)
        .collect();
    regimes.sort_by(|a, b| a.id.cmp(&b.id));
    regimes
}
