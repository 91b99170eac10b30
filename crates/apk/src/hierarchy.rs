//! Who is whose child: the classes of all DEX files of a package, and what is known of the platform's own.

use crate::dex::{Dex, NONE};
use std::collections::{BTreeSet, HashMap};

/// Parents of the classes of all DEX files, by descriptor.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy<'b>(HashMap<&'b [u8], Above<'b>>, usize);

/// The parent of a class, and its interfaces.
type Above<'b> = (&'b [u8], Vec<&'b [u8]>);

/// Interfaces of all classes together: hostile ones can share one long list.
const INTERFACES: usize = 1_000_000;
/// Steps upwards at most: hostile classes can be their own parents.
const CLIMB: usize = 40;

/// Parents among the platform's own classes, which are not in a package.
const PLATFORM_PARENTS: &[(&str, &str)] = &[
    ("android/app/Activity", "android/content/Context"),
    ("android/app/Application", "android/content/Context"),
    ("android/app/Service", "android/content/Context"),
    ("android/app/IntentService", "android/content/Context"),
    ("android/content/ContextWrapper", "android/content/Context"),
    ("android/view/ContextThemeWrapper", "android/content/Context"),
    (
        "androidx/appcompat/app/AppCompatActivity",
        "android/content/Context",
    ),
    (
        "androidx/fragment/app/FragmentActivity",
        "android/content/Context",
    ),
    ("android/app/job/JobService", "android/content/Context"),
    ("javax/net/ssl/HttpsURLConnection", "java/net/URLConnection"),
    ("java/net/HttpURLConnection", "java/net/URLConnection"),
    ("java/io/BufferedOutputStream", "java/io/OutputStream"),
    (
        "android/net/SSLCertificateSocketFactory",
        "javax/net/ssl/SSLSocketFactory",
    ),
];

impl<'b> Hierarchy<'b> {
    pub(crate) fn add(&mut self, dex: &Dex<'b>) {
        for class in dex.classes() {
            let parent = if class.parent == NONE {
                &[]
            } else {
                dex.descriptor(class.parent)
            };
            let kind = dex.descriptor(class.kind);
            if self.0.contains_key(kind) {
                continue;
            }
            let listed = dex.interfaces(&class);
            let left = INTERFACES.saturating_sub(self.1);
            let interfaces: Vec<&[u8]> = listed
                .iter()
                .take(left)
                .map(|kind| dex.descriptor(*kind))
                .collect();
            self.1 += interfaces.len();
            self.0.insert(kind, (parent, interfaces));
        }
    }

    /// The class, and its parents as far as the package and the little table above know them, in slashes.
    pub(crate) fn line(&self, descriptor: &'b [u8]) -> Vec<String> {
        let mut line = Vec::new();
        let mut at = descriptor;
        while let (false, Some((parent, _))) = (line.len() > CLIMB, self.0.get(at)) {
            line.push(slashes(at));
            at = parent;
        }
        line.push(slashes(at));
        while let Some((_, parent)) = line
            .last()
            .and_then(|last| PLATFORM_PARENTS.iter().find(|(child, _)| child == last))
        {
            line.push((*parent).to_owned());
        }
        line
    }

    /// Every parent and interface of a class, as descriptors.
    pub(crate) fn kinds(&self, descriptor: &'b [u8]) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        let mut open = vec![descriptor];
        while let Some(at) = open.pop() {
            let name = String::from_utf8_lossy(at).into_owned();
            if kinds.len() > 100 || !kinds.insert(name) {
                continue;
            }
            if let Some((parent, interfaces)) = self.0.get(at) {
                open.push(parent);
                open.extend(interfaces);
            }
        }
        kinds
    }
}

/// `Ljava/lang/String;` as `java/lang/String`.
fn slashes(descriptor: &[u8]) -> String {
    let inner = descriptor
        .strip_prefix(b"L")
        .and_then(|rest| rest.strip_suffix(b";"))
        .unwrap_or(descriptor);
    String::from_utf8_lossy(inner).into_owned()
}
