//! The service's data map, its log mappings and its snapshots, as files that go with the logs. What they say is
//! true of the world, and may be less than all.

use crate::Error;
use crate::clock::{Style, Written};
use crate::logs::{BASTION_HOST, DATABASE, gateway_host};
use crate::plan::{MapDetail, Plan};
use crate::record::{BUCKET, PUBLIC, arn_of};
use crate::rng::Rng;
use crate::service::{BACKED_UP, EXPORTED, ROUTES, Route, RouteSpec, TABLES, Table, classes_of};
use crate::sim::STAFF;
use crate::sink::Sink;
use crate::world::{BASTION, World, closing};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// Pairs of aliases that stand in the map itself; more go into a file beside it.
const MOST_INLINE: usize = 200;
/// The profiles before the window and after everything that happens in it, beside the map.
const SNAPSHOTS: [&str; 2] = ["snapshots/profiles.csv", "snapshots/profiles-later.csv"];
const ALIASES: &str = "aliases.csv";

/// The data map of the plan's world, as TOML. The files that it names are written by [`write_beside`].
#[must_use]
pub fn map_toml(plan: &Plan) -> String {
    let world = World::new(plan);
    let mut out = String::new();
    push_subject(&mut out, plan, &world);
    push_stores(&mut out, plan);
    for spec in ROUTES {
        if !is_left_out(plan, spec.route) {
            push_operation(&mut out, plan, spec);
        }
    }
    if plan.features.cloud {
        push_objects(&mut out, plan);
    }
    push_channels(&mut out, plan);
    push_hosts(&mut out, plan);
    let _ = write!(
        out,
        "\n[[issuer]]\nsource = \"app\"\nissues = \"session\"\n\n[trust]\ntrace = [\"nginx_access\"]\n\n[retention]\nfrom = \"{}\"\n",
        plan.start
    );
    out
}

/// The mappings that declare the sources of the drill: file name and TOML. Both name a session by the same
/// text, although the gateway writes its secret and the services write a hash of it.
#[must_use]
pub fn mappings() -> [(&'static str, &'static str); 2] {
    [
        ("nginx_access.toml", include_str!("mappings/nginx_access.toml")),
        ("app.toml", include_str!("mappings/app.toml")),
    ]
}

/// Writes the files that the map names: aliases where there are many, and the snapshot.
///
/// # Errors
/// [`Error::Write`] where the sink does not take a file.
pub fn write_beside(plan: &Plan, out: &mut dyn Sink) -> Result<(), Error> {
    let world = World::new(plan);
    let aliases = aliases(&world);
    if aliases.len() > MOST_INLINE {
        let rows: String = aliases.iter().map(|(a, b)| format!("{a},{b}\n")).collect();
        append(out, ALIASES, &format!("key,same_as\n{rows}"))?;
    }
    if plan.features.snapshot {
        // Whoever edits a profile saves it as it was, so that both states are the same.
        for path in SNAPSHOTS {
            append(out, path, "user_id,email,phone,display_name,birth_date,country\n")?;
            for user in 0..world.users {
                append(out, path, &format!("{}\n", world.profile_row(user)))?;
            }
        }
    }
    Ok(())
}

fn append(out: &mut dyn Sink, path: &str, text: &str) -> Result<(), Error> {
    out.append(path, text.as_bytes()).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn aliases(world: &World) -> Vec<(u32, u32)> {
    (0..world.users)
        .filter_map(|user| Some((World::key(user), World::key(world.alias(user)?))))
        .collect()
}

/// Operations that a partial map does not know.
fn is_left_out(plan: &Plan, route: Route) -> bool {
    const OFTEN_FORGOTTEN: &[Route] = &[
        Route::History,
        Route::Messages,
        Route::Playlists,
        Route::Report,
        Route::Me,
    ];
    let mut rng = Rng::of(plan.random_seed, 0x9a7 + route as u64);
    plan.map == MapDetail::Partial && OFTEN_FORGOTTEN.contains(&route) && rng.percent(50)
}

fn push_subject(out: &mut String, plan: &Plan, world: &World) {
    let _ = writeln!(out, "[[subject]]\nname = \"user\"");
    if plan.map != MapDetail::Bare {
        let _ = writeln!(out, "population = {}", world.population());
    }
    let _ = writeln!(
        out,
        "distinct = true\npersons_per_key = {}\nkeys = \"[0-9]+\"",
        world.most_persons()
    );
    let aliases = aliases(world);
    if aliases.len() > MOST_INLINE {
        let _ = writeln!(out, "aliases = \"{ALIASES}\"");
    } else if !aliases.is_empty() {
        let pairs: Vec<String> = aliases
            .iter()
            .map(|(a, b)| format!("[\"{a}\", \"{b}\"]"))
            .collect();
        let _ = writeln!(out, "alias = [{}]", pairs.join(", "));
    }
}

fn push_stores(out: &mut String, plan: &Plan) {
    out.push_str("\n[[store]]\nname = \"users_db\"\nkind = \"postgresql\"\nsubject = \"user\"\n");
    for table in TABLES {
        push_table(out, plan, table);
    }
    if plan.features.cache {
        out.push_str("\n[[store]]\nname = \"profile_cache\"\nkind = \"redis\"\nsubject = \"user\"\ncopy_of = \"users_db\"\nclasses = [\"contact\", \"identity\"]\n");
    }
    out.push_str("\n[[store]]\nname = \"export_files\"\nkind = \"object store\"\nsubject = \"user\"\ncopy_of = \"users_db\"\nclasses = [\"behaviour\", \"contact\", \"content\", \"identity\"]\n");
    if plan.features.cloud {
        let mut classes: Vec<&str> = BACKED_UP
            .iter()
            .flat_map(|table| classes_of(table, &[]))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        let _ = write!(
            out,
            "\n[[store]]\nname = \"backups\"\nkind = \"s3\"\nsubject = \"user\"\ncopy_of = \"users_db\"\nclasses = [{}]\nholds = [\"password\"]\n",
            quoted(&classes)
        );
    }
    out.push_str("\n[[store]]\nname = \"documents\"\nkind = \"file share\"\ninternal = true\n");
}

fn push_table(out: &mut String, plan: &Plan, table: &Table) {
    let pairs = |list: &[(&str, &str)]| {
        let pairs: Vec<String> = list
            .iter()
            .map(|(name, what)| format!("{name} = \"{what}\""))
            .collect();
        pairs.join(", ")
    };
    let _ = writeln!(out, "[[store.table]]\nname = \"public.{}\"", table.name);
    if let Some(key) = table.subject_key {
        let _ = writeln!(out, "subject_key = \"{key}\"");
    }
    let _ = writeln!(out, "classes = {{ {} }}", pairs(table.columns));
    if !table.holds.is_empty() {
        let _ = writeln!(out, "holds = {{ {} }}", pairs(table.holds));
    }
    if table.name == "profiles" && plan.features.snapshot {
        let times = [plan.start, closing(plan)].map(|at| Written(at, Style::Millis));
        let states: Vec<String> = SNAPSHOTS
            .iter()
            .zip(times)
            .map(|(file, at)| format!("{{ file = \"{file}\", at = \"{at}\" }}"))
            .collect();
        let _ = writeln!(out, "snapshot = [{}]", states.join(", "));
    }
}

fn quoted(list: &[&str]) -> String {
    let texts: Vec<String> = list.iter().map(|text| format!("\"{text}\"")).collect();
    texts.join(", ")
}

fn push_operation(out: &mut String, plan: &Plan, spec: &RouteSpec) {
    let _ = write!(
        out,
        "\n[[operation]]\nname = \"{}\"\nmatch = \"{} {}\"\nstore = \"{}\"\nsubjects = \"{}\"\n",
        spec.title,
        spec.method,
        spec.path,
        store_of(spec.route),
        spec.subjects
    );
    if !spec.classes.is_empty() {
        let _ = writeln!(
            out,
            "classes = [{}]\neffect = \"{}\"",
            quoted(spec.classes),
            spec.effect
        );
    }
    let grammars: Vec<String> = spec
        .parameters
        .iter()
        .map(|(name, g)| format!("{name} = \"{g}\""))
        .collect();
    let _ = writeln!(out, "parameters = {{ {} }}", grammars.join(", "));
    if plan.map != MapDetail::Bare {
        let _ = writeln!(out, "max_bytes = {}", spec.max_bytes);
        if spec.max_records > 0 {
            let _ = writeln!(out, "max_records = {}", spec.max_records);
        }
    }
    out.push_str(match spec.route {
        Route::Login => "issues = \"session\"\nlookups = [\"public.accounts\"]\n",
        Route::StartExport => "starts = \"job\"\n",
        Route::GetExport => "takes = \"job\"\ntakes_from = \"path.job_id\"\n",
        Route::Password => "sets = \"password\"\n",
        _ => "",
    });
}

/// What can be done with the objects of the cloud account, and what is done there without touching any.
fn push_objects(out: &mut String, plan: &Plan) {
    let most = match plan.map {
        MapDetail::Bare => "",
        _ => "max_bytes = 65536\nmax_records = 1\n",
    };
    for (name, api, effect) in [
        ("fetch an export", "GetObject", "read"),
        ("replace an export", "PutObject", "changed"),
        ("delete an export", "DeleteObject", "destroyed"),
    ] {
        push_object(
            out,
            (
                name,
                api,
                &format!("{BUCKET}/exports/{{user_id}}/{{job}}.json.gz"),
            ),
            "export_files",
            "path.user_id",
        );
        let _ = write!(
            out,
            "classes = [{}]\neffect = \"{effect}\"\n{most}",
            quoted(EXPORTED)
        );
    }
    for table in BACKED_UP {
        let object = format!("{BUCKET}/backups/{{date}}/{table}.csv.gz");
        let name = format!("fetch the backup of {table}");
        push_object(out, (&name, "GetObject", &object), "backups", "everyone");
        let _ = writeln!(out, "classes = [{}]", quoted(&classes_of(table, &[])));
        if *table != "accounts" {
            out.push_str("opens = []\n");
        }
    }
    let public = format!("{PUBLIC}/{{file...}}");
    push_object(
        out,
        ("read what is public", "GetObject", &public),
        "backups",
        "none",
    );
    for (name, api) in [
        ("list objects", "s3:List*"),
        ("sessions of roles", "sts:*"),
        ("users and their keys", "iam:*"),
    ] {
        if api.starts_with("s3")
            && Rng::of(plan.random_seed, 0x0b7).percent(50)
            && plan.map == MapDetail::Partial
        {
            continue;
        }
        let _ = write!(
            out,
            "\n[[operation]]\nname = \"{name}\"\nsource = \"aws_cloudtrail\"\napi = \"{api}\"\nstore = \"backups\"\nsubjects = \"none\"\n"
        );
    }
}

fn push_object(out: &mut String, (name, api, object): (&str, &str, &str), store: &str, subjects: &str) {
    let _ = write!(
        out,
        "\n[[operation]]\nname = \"{name}\"\nsource = \"aws_cloudtrail\"\napi = \"s3:{api}\"\nresource = \"s3://{object}\"\nstore = \"{store}\"\nsubjects = \"{subjects}\"\n"
    );
}

/// The ways into the bucket: keys, those of roles included, and staff in the console.
fn push_cloud_channels(out: &mut String) {
    let staff: Vec<String> = STAFF.iter().map(|user| format!("\"{}\"", arn_of(user))).collect();
    for store in ["export_files", "backups"] {
        for (name, principal, roles) in [
            ("keys", "token", String::new()),
            ("console", "account", staff.join(", ")),
        ] {
            let _ = write!(
                out,
                "\n[[channel]]\nstore = \"{store}\"\nname = \"{store} by {name}\"\nprincipal = \"{principal}\"\nattributing = \"aws_cloudtrail\"\naccounting = \"aws_cloudtrail\"\nroles = [{roles}]\npooled = false\nshown_by = \"s3:GetObject\"\n"
            );
        }
    }
}

const fn store_of(route: Route) -> &'static str {
    match route {
        Route::Report => "documents",
        Route::GetExport => "export_files",
        _ => "users_db",
    }
}

fn push_channels(out: &mut String, plan: &Plan) {
    let mut channels = vec![
        (
            "users_db",
            "app",
            "session",
            "nginx_access",
            "postgresql",
            "\"app\"",
            true,
        ),
        (
            "users_db",
            "keys",
            "token",
            "nginx_access",
            "postgresql",
            "\"app\"",
            true,
        ),
        (
            "users_db",
            "staff",
            "account",
            "postgresql",
            "postgresql",
            "\"dana\", \"erin\"",
            false,
        ),
        (
            "users_db",
            "jobs",
            "service",
            "postgresql",
            "postgresql",
            if plan.features.cloud {
                "\"batch\", \"sessiond\", \"exporter\", \"backup\""
            } else {
                "\"batch\", \"sessiond\", \"exporter\""
            },
            false,
        ),
        (
            "export_files",
            "downloads",
            "session",
            "nginx_access",
            "app",
            "",
            false,
        ),
        (
            "documents",
            "sessions",
            "session",
            "nginx_access",
            "nginx_access",
            "",
            false,
        ),
        (
            "documents",
            "back office",
            "token",
            "nginx_access",
            "nginx_access",
            "",
            false,
        ),
    ];
    if plan.features.cache {
        channels.push((
            "profile_cache",
            "app cache",
            "session",
            "nginx_access",
            "app",
            "",
            false,
        ));
        channels.push((
            "profile_cache",
            "key cache",
            "token",
            "nginx_access",
            "app",
            "",
            false,
        ));
    }
    for (store, name, principal, attributing, accounting, roles, pooled) in channels {
        let _ = write!(
            out,
            "\n[[channel]]\nstore = \"{store}\"\nname = \"{name}\"\nprincipal = \"{principal}\"\nattributing = \"{attributing}\"\naccounting = \"{accounting}\"\nroles = [{roles}]\npooled = {pooled}\n"
        );
    }
    if plan.features.cloud {
        push_cloud_channels(out);
    }
}

/// The machines on which somebody can log in, and that of the database. A partial map may not name them.
fn push_hosts(out: &mut String, plan: &Plan) {
    if plan.features.cloud {
        // Nobody of ours can be on the machines that write the trail.
        out.push_str("\n[[host]]\nname = \"cloudtrail.amazonaws.com\"\nsources = [\"aws_cloudtrail\"]\n");
    }
    if plan.map == MapDetail::Partial && Rng::of(plan.random_seed, 0x4057).percent(50) {
        return;
    }
    let gateways = (0..plan.features.n_gateways).map(|n| {
        let address = Ipv4Addr::new(10, 0, 0, 60 + n);
        (gateway_host(usize::from(n)), Some(address), "nginx_access")
    });
    let bastion = (BASTION_HOST.to_owned(), Some(BASTION), "sshd");
    let database = (DATABASE.to_owned(), None, "postgresql");
    for (name, address, source) in gateways.chain([bastion, database]) {
        let _ = write!(out, "\n[[host]]\nname = \"{name}\"\nsources = [\"{source}\"]\n");
        if let Some(address) = address {
            let _ = writeln!(out, "addresses = [\"{address}\"]");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attack;

    #[test]
    fn a_partial_map_knows_less_and_nothing_else() {
        let mut plan = Plan::new(Attack::Injection).random_seed(3);
        let full = map_toml(&plan);
        plan.map = MapDetail::Partial;
        let partial = map_toml(&plan);
        assert!(partial.len() < full.len());
        assert!(
            partial
                .lines()
                .all(|line| full.lines().any(|known| known == line))
        );
        assert!(full.contains("match = \"GET /v1/users/{user_id}/profile\""));
    }
}
