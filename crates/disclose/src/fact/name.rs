//! Names of families, `residents:se` or `class:contact:read`: a name that nothing looks up would be lost in silence.

use super::read::is_place;
use super::vocabulary::EFFECTS;
use crate::notice::is_language;
use ambit_event::printable;
use ambit_scope::Territory;
use std::collections::BTreeSet;

/// Whichever State of the United States most of the persons live in: rules on health data count State by State.
pub(super) const ONE_STATE: &str = "us-one-state";

/// Texts that are said once for each language.
const TEXTS: &[&str] = &["nature", "consequences", "measures", "advice"];

/// Whether a person can mean something by this name. Classes of one's own are those of the data map.
///
/// # Errors
/// Says which names there are.
pub fn check_name(name: &str, own_classes: &BTreeSet<String>) -> Result<(), String> {
    match name.split_once(':') {
        Some(("residents", place)) => residents(place),
        Some(("class", rest)) => class(rest, own_classes),
        Some(("residence", person)) => match person.split_once(':') {
            Some((domain, key)) if !domain.is_empty() && !key.is_empty() => Ok(()),
            _ => Err("name the person as the scope does: residence:user:1042".to_owned()),
        },
        Some((text, code)) if TEXTS.contains(&text) && !is_language(code) => Err(format!(
            "`{}` is no code of a language: {text}:de",
            printable(code, 20)
        )),
        _ => Ok(()),
    }
}

fn residents(place: &str) -> Result<(), String> {
    let shown = printable(place, 40);
    if place == ONE_STATE {
        return Ok(());
    }
    match Territory::parse(place).filter(|_| is_place(place)) {
        Some(read) if read.as_str() == place => Ok(()),
        Some(read) => Err(format!("write it as `residents:{read}`")),
        None => Err(format!(
            "`{shown}` is no code of a place: a country's two letters, with its State where laws differ by it, or eu \
             (residents:se, residents:us-ca, residents:eu)"
        )),
    }
}

fn class(rest: &str, own: &BTreeSet<String>) -> Result<(), String> {
    let form = "write class:CLASS:EFFECT, such as class:contact:read";
    let (class, effect) = rest.rsplit_once(':').ok_or(form)?;
    if !EFFECTS.contains(&effect) {
        let shown = printable(effect, 40);
        return Err(format!(
            "`{shown}` is no effect: {form}; effects are {}",
            EFFECTS.join(", ")
        ));
    }
    if ambit_scope::CLASSES.contains(&class) || own.contains(class) {
        return Ok(());
    }
    let more = match own.is_empty() {
        true => String::new(),
        false => format!(
            ", {}",
            own.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    };
    Err(format!(
        "`{}` is no class of data: they are {}{more}",
        printable(class, 40),
        ambit_scope::CLASSES.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nothing_looks_up_is_refused_with_those_that_there_are() {
        let own = BTreeSet::from(["playlists".to_owned()]);
        for name in [
            "residents:se",
            "residents:us-ca",
            "residents:eu",
            "residents:us-one-state",
            "class:contact:read",
            "class:playlists:changed",
            "residence:user:1042",
            "nature:de",
            "subjects",
        ] {
            assert_eq!(check_name(name, &own), Ok(()), "{name}");
        }
        for (name, because) in [
            ("residents:zz", "no code of a place"),
            ("residents:SE", "write it as `residents:se`"),
            ("residents:uk", "write it as `residents:gb`"),
            ("residents:us-zz", "no code of a place"),
            ("class:foo:read", "`foo` is no class of data: they are behaviour,"),
            ("class:contact:sold", "effects are read, changed"),
            ("class:contact", "write class:CLASS:EFFECT"),
            ("residence:1042", "residence:user:1042"),
            ("nature:german!", "no code of a language"),
        ] {
            let refused = check_name(name, &own);
            assert!(
                refused.as_ref().is_err_and(|why| why.contains(because)),
                "{name}: {refused:?}"
            );
        }
    }
}
