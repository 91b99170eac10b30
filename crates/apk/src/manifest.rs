//! What the app declares of itself: its version, its permissions, its doors.

use crate::error::{Error, Result};
use crate::resources::Resources;
use crate::xml::{Element, Held};
use serde::Serialize;
use std::cell::Cell;

/// A kind of component that the system can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentKind {
    Activity,
    Service,
    Receiver,
    Provider,
}

impl ComponentKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Service => "service",
            Self::Receiver => "receiver",
            Self::Provider => "provider",
        }
    }
}

/// A permission that the app asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub name: String,
    /// The last Android version that it is asked of; `None` where of all.
    pub max_sdk: Option<u32>,
}

/// A permission that the app makes. `level` is as it is declared: `None` where it is not, which means *normal*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Declared {
    pub name: String,
    pub level: Option<u32>,
}

/// What an address must look like to be handed to a component.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Address {
    pub scheme: Option<String>,
    pub host: Option<String>,
    pub path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Filter {
    pub actions: Vec<String>,
    pub categories: Vec<String>,
    pub addresses: Vec<Address>,
    pub auto_verify: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    pub kind: ComponentKind,
    /// The name of its class, in full.
    pub name: String,
    /// As declared; `None` where the manifest is silent.
    pub exported: Option<bool>,
    pub enabled: bool,
    /// What is asked of whoever uses it; an empty name is none.
    pub permission: Option<String>,
    pub read_permission: Option<String>,
    pub write_permission: Option<String>,
    pub grants_uris: bool,
    pub task_affinity: Option<String>,
    pub launch_mode: Option<u32>,
    pub reparents: bool,
    /// It runs in a process of its own that has none of the app's permissions and files.
    pub is_isolated: bool,
    pub authorities: Option<String>,
    pub filters: Vec<Filter>,
}

/// The app's manifest, references resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Manifest {
    pub package: String,
    pub version_code: Option<u64>,
    pub version_name: Option<String>,
    pub min_sdk: Option<u32>,
    pub target_sdk: Option<u32>,
    pub shared_user: Option<String>,
    pub asked: Vec<Asked>,
    pub declared: Vec<Declared>,
    pub debuggable: bool,
    pub test_only: bool,
    /// As declared; `None` where silent, which means yes.
    pub allow_backup: Option<bool>,
    pub has_backup_rules: bool,
    pub cleartext: Option<bool>,
    pub legacy_storage: bool,
    pub task_affinity: Option<String>,
    pub components: Vec<Component>,
    /// Keys and texts that libraries read.
    pub meta: Vec<(String, String)>,
    #[serde(skip)]
    pub(crate) network_config: Option<Held>,
}

/// Bytes of texts that references stand for: many can stand for one long text.
const REFERRED: usize = 32 << 20;

/// Reads attributes with references resolved.
struct Reader<'r, 'b> {
    resources: &'r Resources<'b>,
    /// Bytes of texts that references may still stand for; `None` where it were more.
    left: Cell<Option<usize>>,
}

impl Reader<'_, '_> {
    fn held(&self, element: &Element, name: &str) -> Option<Held> {
        let held = element.held(name)?;
        let resolved = self.resources.resolve(held);
        if let (Held::Reference(_), Held::Text(text)) = (held, &resolved) {
            self.left
                .set(self.left.get().and_then(|left| left.checked_sub(text.len())));
            self.left.get()?;
        }
        Some(resolved)
    }

    fn text(&self, element: &Element, name: &str) -> Option<String> {
        match self.held(element, name)? {
            Held::Text(text) => Some(text),
            Held::Number(number) => Some(number.to_string()),
            Held::Flag(flag) => Some(flag.to_string()),
            Held::Reference(id) => Some(
                self.resources
                    .name_of(id)
                    .map_or(format!("@{id:#x}"), |name| format!("@{name}")),
            ),
            Held::Nothing => None,
        }
    }

    fn flag(&self, element: &Element, name: &str) -> Option<bool> {
        match self.held(element, name)? {
            Held::Flag(flag) => Some(flag),
            Held::Number(number) => Some(number != 0),
            Held::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn number(&self, element: &Element, name: &str) -> Option<u32> {
        match self.held(element, name)? {
            Held::Number(number) => Some(number),
            Held::Text(text) => parse_number(&text),
            _ => None,
        }
    }
}

fn parse_number(text: &str) -> Option<u32> {
    text.strip_prefix("0x").map_or_else(
        || text.parse().ok(),
        |digits| u32::from_str_radix(digits, 16).ok(),
    )
}

impl Manifest {
    pub(crate) fn of(root: &Element, resources: &Resources<'_>) -> Result<Self> {
        if root.name != "manifest" {
            let why = format!("the document is a `{}`, no manifest", root.name);
            return Err(Error::bad("manifest", 0, why));
        }
        let read = Reader {
            resources,
            left: Cell::new(Some(REFERRED)),
        };
        let package = read.text(root, "package").unwrap_or_default();
        let sdk = root.first("uses-sdk");
        let low = read.number(root, "versionCode").map(u64::from);
        let high = read.number(root, "versionCodeMajor").map_or(0, u64::from);
        let mut manifest = Self {
            version_code: low.map(|low| high << 32 | low),
            version_name: read.text(root, "versionName"),
            min_sdk: sdk.and_then(|sdk| read.number(sdk, "minSdkVersion")),
            target_sdk: sdk.and_then(|sdk| read.number(sdk, "targetSdkVersion")),
            shared_user: read.text(root, "sharedUserId"),
            asked: asked(root, &read),
            declared: declared(root, &read),
            package,
            ..Self::default()
        };
        if let Some(application) = root.first("application") {
            manifest.application(application, &read);
        }
        if read.left.get().is_none() {
            return Err(Error::TooMuch {
                what: "bytes of texts that the manifest refers to",
                limit: REFERRED as u64,
            });
        }
        Ok(manifest)
    }

    fn application(&mut self, application: &Element, read: &Reader<'_, '_>) {
        let flag = |name| read.flag(application, name);
        self.debuggable = flag("debuggable").unwrap_or(false);
        self.test_only = flag("testOnly").unwrap_or(false);
        self.allow_backup = flag("allowBackup");
        self.has_backup_rules = ["dataExtractionRules", "fullBackupContent"].iter().any(|name| {
            application
                .held(name)
                .is_some_and(|held| !matches!(held, Held::Flag(true)))
        });
        self.cleartext = flag("usesCleartextTraffic");
        self.legacy_storage = flag("requestLegacyExternalStorage").unwrap_or(false);
        self.task_affinity = read.text(application, "taskAffinity");
        self.network_config = application.held("networkSecurityConfig").cloned();
        let permission = read.text(application, "permission");
        for child in &application.children {
            let kind = match child.name.as_str() {
                "activity" | "activity-alias" => ComponentKind::Activity,
                "service" => ComponentKind::Service,
                "receiver" => ComponentKind::Receiver,
                "provider" => ComponentKind::Provider,
                "meta-data" => {
                    let value = read.text(child, "value").or_else(|| read.text(child, "resource"));
                    self.meta.extend(
                        read.text(child, "name")
                            .map(|name| (name, value.unwrap_or_default())),
                    );
                    continue;
                }
                _ => continue,
            };
            let mut component = component(kind, child, read, &self.package);
            // Another name for an activity asks what it says itself, and nothing where it is silent.
            if child.name != "activity-alias" && component.permission.is_none() {
                component.permission.clone_from(&permission);
            }
            component.permission = component.permission.filter(|name| !name.is_empty());
            self.components.push(component);
        }
    }

    /// The version that the app says it was made for, as Android fills it in.
    #[must_use]
    pub fn target(&self) -> u32 {
        self.target_sdk.unwrap_or_else(|| self.min())
    }

    /// The first Android version that it runs on, as Android fills it in.
    #[must_use]
    pub fn min(&self) -> u32 {
        self.min_sdk.unwrap_or(1)
    }

    /// Whether others can start a component: declared, or by having filters, or by being an old provider.
    #[must_use]
    pub fn is_exported(&self, component: &Component) -> bool {
        let silent = match component.kind {
            ComponentKind::Provider => self.target() < 17,
            _ => !component.filters.is_empty(),
        };
        component.enabled && component.exported.unwrap_or(silent)
    }

    /// Whether the app may use the network: asked for, or possibly got from an app that shares its user.
    #[must_use]
    pub fn may_use_network(&self) -> bool {
        self.asks("android.permission.INTERNET") || self.shared_user.is_some()
    }

    #[must_use]
    pub fn asks(&self, permission: &str) -> bool {
        self.asked.iter().any(|asked| asked.name == permission)
    }
}

fn asked(root: &Element, read: &Reader<'_, '_>) -> Vec<Asked> {
    let all = root
        .children
        .iter()
        .filter(|child| child.name.starts_with("uses-permission"));
    let of = |element| {
        read.text(element, "name").map(|name| Asked {
            name,
            max_sdk: read.number(element, "maxSdkVersion"),
        })
    };
    all.filter_map(of).collect()
}

fn declared(root: &Element, read: &Reader<'_, '_>) -> Vec<Declared> {
    let level = |element: &Element| match read.held(element, "protectionLevel")? {
        Held::Number(level) => Some(level),
        Held::Text(text) => protection(&text),
        _ => None,
    };
    let of = |element| {
        read.text(element, "name").map(|name| Declared {
            name,
            level: level(element),
        })
    };
    root.all("permission").filter_map(of).collect()
}

/// A level as bundles spell it: `signature|privileged`.
fn protection(text: &str) -> Option<u32> {
    match text.split('|').next()? {
        "normal" => Some(0),
        "dangerous" => Some(1),
        "signature" => Some(2),
        "signatureOrSystem" => Some(3),
        "internal" => Some(4),
        other => parse_number(other),
    }
}

fn component(kind: ComponentKind, element: &Element, read: &Reader<'_, '_>, package: &str) -> Component {
    let text = |name| read.text(element, name);
    let flag = |name| read.flag(element, name);
    Component {
        kind,
        name: class_name(&text("name").unwrap_or_default(), package),
        exported: flag("exported"),
        enabled: flag("enabled").unwrap_or(true),
        permission: text("permission"),
        read_permission: text("readPermission").filter(|name| !name.is_empty()),
        write_permission: text("writePermission").filter(|name| !name.is_empty()),
        grants_uris: flag("grantUriPermissions").unwrap_or(false),
        task_affinity: text("taskAffinity"),
        launch_mode: read.number(element, "launchMode"),
        reparents: flag("allowTaskReparenting").unwrap_or(false),
        is_isolated: kind == ComponentKind::Service && flag("isolatedProcess").unwrap_or(false),
        authorities: text("authorities"),
        filters: element
            .all("intent-filter")
            .map(|filter| filter_of(filter, read))
            .collect(),
    }
}

fn filter_of(element: &Element, read: &Reader<'_, '_>) -> Filter {
    let names = |kind| {
        element
            .all(kind)
            .filter_map(|child| read.text(child, "name"))
            .collect()
    };
    let address = |data: &Element| Address {
        scheme: read.text(data, "scheme"),
        host: read.text(data, "host"),
        path: ["path", "pathPrefix", "pathPattern"]
            .iter()
            .find_map(|name| read.text(data, name)),
    };
    Filter {
        actions: names("action"),
        categories: names("category"),
        addresses: element.all("data").map(address).collect(),
        auto_verify: read.flag(element, "autoVerify").unwrap_or(false),
    }
}

/// `.Main` and `Main` are in the app's package.
fn class_name(written: &str, package: &str) -> String {
    if written.starts_with('.') {
        format!("{package}{written}")
    } else if written.contains('.') {
        written.to_owned()
    } else {
        format!("{package}.{written}")
    }
}
