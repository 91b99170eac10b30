//! What is known of each method that a DEX file names, before any class is read: who watches its calls, and what it
//! does to values.

use super::{Reader, Watch};
use crate::check::{CHECKS, Look, is_noted};
use crate::dex::{self, Effect, Interest};
use std::collections::HashMap;

/// A call behind which other code runs than what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hiding {
    Reflection,
    Loader,
}

fn hiding(class: &[u8], name: &str) -> Option<Hiding> {
    match (class, name) {
        (b"Ljava/lang/reflect/Method;", "invoke") | (b"Ljava/lang/reflect/Constructor;", "newInstance") => {
            Some(Hiding::Reflection)
        }
        (
            b"Ldalvik/system/DexClassLoader;"
            | b"Ldalvik/system/PathClassLoader;"
            | b"Ldalvik/system/InMemoryDexClassLoader;"
            | b"Ldalvik/system/DelegateLastClassLoader;",
            "<init>",
        )
        | (b"Ldalvik/system/DexFile;", "loadDex") => Some(Hiding::Loader),
        _ => None,
    }
}

impl Reader<'_, '_> {
    /// Says of each method that the file names what it does to values, and who watches it.
    pub(super) fn know_methods(&mut self) {
        let mut by_name: HashMap<&str, Vec<Watch>> = HashMap::new();
        for check in CHECKS {
            for look in check.looks {
                let Look::Calls(targets, look) = look else {
                    continue;
                };
                for target in *targets {
                    by_name.entry(target.1).or_default().push(Watch {
                        check,
                        look: *look,
                        target: *target,
                    });
                }
            }
        }
        let lines: Vec<std::cell::OnceCell<Vec<String>>> = (0..self.dex.n_types())
            .map(|_| std::cell::OnceCell::new())
            .collect();
        for id in 0..self.dex.n_methods() {
            let interest = self.know_method(id, &by_name, &lines);
            self.interests.push(interest);
        }
    }

    fn know_method(
        &mut self,
        id: u32,
        by_name: &HashMap<&str, Vec<Watch>>,
        lines: &[std::cell::OnceCell<Vec<String>>],
    ) -> Interest {
        let nothing = Interest {
            is_watched: false,
            effect: Effect::Plain,
            is_platform: false,
        };
        let Some(method) = self.dex.method(id) else {
            return nothing;
        };
        let Some(line) = lines.get(method.class as usize) else {
            return nothing;
        };
        let line = line.get_or_init(|| self.hierarchy.line(self.dex.descriptor(method.class)));
        let name = self.dex.string(method.name).unwrap_or_default();
        let watched: Vec<Watch> = by_name
            .get(name.as_ref())
            .into_iter()
            .flatten()
            .filter(|watch| line.iter().any(|class| class == watch.target.0))
            .copied()
            .collect();
        if let Some(class) = line.iter().find(|class| is_noted(class, &name)) {
            self.noted.insert(id, format!("{class}.{name}"));
        }
        if let Some(hiding) = hiding(self.dex.descriptor(method.class), &name) {
            self.hiding.insert(id, hiding);
        }
        let is_watched = !watched.is_empty();
        if is_watched {
            self.watches.insert(id, watched);
        }
        let own = line.first().map(String::as_str).unwrap_or_default();
        let is_platform = is_of_platform(own);
        let effect = dex::effect(line.iter().map(String::as_str), &name)
            .filter(|effect| is_platform || *effect != Effect::Joins || is_library(own))
            .unwrap_or(Effect::Plain);
        Interest {
            is_watched,
            effect,
            is_platform,
        }
    }
}

fn is_of_platform(class: &str) -> bool {
    [
        "java/",
        "javax/",
        "android/",
        "androidx/",
        "kotlin/",
        "dalvik/",
        "org/json/",
        "org/w3c/",
        "org/xml/",
    ]
    .iter()
    .any(|begin| class.starts_with(begin))
}

/// Libraries whose builders put what they are given into themselves.
fn is_library(class: &str) -> bool {
    [
        "okhttp3/",
        "com/google/gson/",
        "com/squareup/okhttp/",
        "org/apache/http/",
    ]
    .iter()
    .any(|begin| class.starts_with(begin))
}
