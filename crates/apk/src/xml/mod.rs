//! Documents of a package, whichever of Android's two binary forms they have: one tree of elements.

mod binary;
mod proto;
mod strings;

pub(crate) use binary::parse as parse_binary;
pub(crate) use proto::parse as parse_proto;
pub(crate) use strings::{POOL, Strings};

use crate::error::Result;

/// Elements of one document at most, attributes of one element, and levels.
const ELEMENTS: usize = 200_000;
const ATTRIBUTES: usize = 2_000;
const LEVELS: usize = 100;
/// Bytes of all its texts: attributes can share one long string.
const TEXT: usize = 32 << 20;

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Held {
    #[default]
    Nothing,
    Text(String),
    Number(u32),
    Flag(bool),
    /// The id of a resource.
    Reference(u32),
}

/// One attribute, under the name that Android's own resources give it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) held: Held,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn held(&self, name: &str) -> Option<&Held> {
        self.attributes.iter().find(|a| a.name == name).map(|a| &a.held)
    }

    /// The children of that name.
    pub(crate) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(crate) fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// A tree under construction, so that depth costs no stack of the machine.
#[derive(Debug, Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    n_elements: usize,
    n_text: usize,
}

impl Tree {
    fn begin(&mut self, element: Element) -> Result<()> {
        self.n_elements += 1;
        let held = |a: &Attribute| match &a.held {
            Held::Text(text) => text.len(),
            _ => 0,
        };
        self.n_text += element.name.len();
        self.n_text += element
            .attributes
            .iter()
            .map(|a| a.name.len() + held(a))
            .sum::<usize>();
        if self.n_text > TEXT {
            return Err(crate::Error::TooMuch {
                what: "bytes of a document's texts",
                limit: TEXT as u64,
            });
        }
        if self.n_elements > ELEMENTS {
            return Err(crate::Error::TooMuch {
                what: "elements of a document",
                limit: ELEMENTS as u64,
            });
        }
        if self.open.len() == LEVELS {
            return Err(crate::Error::TooMuch {
                what: "levels of a document",
                limit: LEVELS as u64,
            });
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) {
        let Some(done) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => {
                self.root.get_or_insert(done);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.n_text += text.len();
        if let Some(element) = self.open.last_mut().filter(|_| self.n_text <= TEXT) {
            element.text.push_str(text);
        }
    }

    /// The document; what is still open when the bytes end is closed.
    fn finish(mut self) -> Option<Element> {
        while !self.open.is_empty() {
            self.end();
        }
        self.root
    }
}

/// Names of the attributes that are asked for, by Android's resource id: a package can leave the names out.
const ATTRIBUTE_IDS: &[(u32, &str)] = &[
    (0x0101_0001, "label"),
    (0x0101_0003, "name"),
    (0x0101_0006, "permission"),
    (0x0101_0007, "readPermission"),
    (0x0101_0008, "writePermission"),
    (0x0101_0009, "protectionLevel"),
    (0x0101_000b, "sharedUserId"),
    (0x0101_000e, "enabled"),
    (0x0101_000f, "debuggable"),
    (0x0101_0010, "exported"),
    (0x0101_0011, "process"),
    (0x0101_0012, "taskAffinity"),
    (0x0101_0018, "authorities"),
    (0x0101_001b, "grantUriPermissions"),
    (0x0101_001d, "launchMode"),
    (0x0101_0021, "targetPackage"),
    (0x0101_0024, "value"),
    (0x0101_0025, "resource"),
    (0x0101_0026, "mimeType"),
    (0x0101_0027, "scheme"),
    (0x0101_0028, "host"),
    (0x0101_0029, "port"),
    (0x0101_002a, "path"),
    (0x0101_002b, "pathPrefix"),
    (0x0101_002c, "pathPattern"),
    (0x0101_0202, "targetActivity"),
    (0x0101_0204, "allowTaskReparenting"),
    (0x0101_020c, "minSdkVersion"),
    (0x0101_021b, "versionCode"),
    (0x0101_021c, "versionName"),
    (0x0101_0270, "targetSdkVersion"),
    (0x0101_0271, "maxSdkVersion"),
    (0x0101_0272, "testOnly"),
    (0x0101_0280, "allowBackup"),
    (0x0101_028e, "required"),
    (0x0101_03a9, "isolatedProcess"),
    (0x0101_04ea, "extractNativeLibs"),
    (0x0101_04eb, "fullBackupContent"),
    (0x0101_04ec, "usesCleartextTraffic"),
    (0x0101_04ee, "autoVerify"),
    (0x0101_0527, "networkSecurityConfig"),
    (0x0101_0576, "versionCodeMajor"),
    (0x0101_0603, "requestLegacyExternalStorage"),
    (0x0101_063e, "dataExtractionRules"),
];

/// The name under which an attribute is kept: by its id where that is known, else as it is written.
fn attribute_name(id: Option<u32>, written: String) -> String {
    id.and_then(|id| ATTRIBUTE_IDS.iter().find(|(known, _)| *known == id))
        .map_or(written, |(_, name)| (*name).to_owned())
}

/// Whether the platform knows an attribute of that name by that id.
fn is_of_platform(name: &str, id: u32) -> bool {
    ATTRIBUTE_IDS.contains(&(id, name))
}

/// Whether the platform has an attribute of that name.
fn is_reserved(name: &str) -> bool {
    ATTRIBUTE_IDS.iter().any(|(_, known)| *known == name)
}
