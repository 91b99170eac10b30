//! The cloud account: roles of the services, staff, a report with a key of its own, and what an intruder does.

use super::{Actor, Sim};
use crate::clock::{HOUR, MINUTE, Style, Written};
use crate::plan::{Attack, Owner, Plan};
use crate::record::{
    ACCOUNT, ApiCall, BUCKET, Body, Caller, PUBLIC, Refusal, SqlLine, Statement, key_id, mixed_case,
    unique_id,
};
use crate::rng::{Rng, mix};
use crate::service::{BACKED_UP, EXPORTED, classes_of};
use crate::trail::{REGIONS, SOURCE};
use crate::world::{BATCH, CLOUD_DESK, OFFICE, REPORT_HOST, User, World};
use ambit_event::Timestamp;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What the account remembers.
#[derive(Debug)]
pub struct Cloud {
    rng: Rng,
    /// Sessions of the services' roles, and until when they last.
    roles: BTreeMap<&'static str, (Caller, Timestamp)>,
    /// The intruder's session of a role, and the key that the intruder had made.
    assumed: Option<Caller>,
    minted: Option<Caller>,
}

/// One of the account's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// Reads a public file, as often as a monitor does.
    Monitor,
    /// The nightly backup.
    Backup,
    /// The job that reports on what lies in the bucket.
    Report,
    /// Staff in the console.
    Console,
    /// The report's key is replaced.
    Rotation,
}

/// What an intruder asks of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theft {
    /// Whose key is this?
    Identify,
    List,
    /// The export of a user, with the stolen key.
    Export(User),
    /// An export that is not there.
    Absent(u32),
    /// A backup, which the stolen key may not read.
    Refused(&'static str),
    Assume,
    /// A backup of a table, with the role's key.
    Backup(&'static str),
    Replace(User),
    Delete(User),
    /// A new key for the same user, and an export with it.
    Mint,
    ExportWithMinted(User),
    /// A member of staff signs in, and fetches an export.
    SignIn,
    ExportFromConsole(User),
}

const CLI: &str = "aws-cli/1.3.11 Python/2.7.6 Linux/3.13.0-24-generic";
const SDK: &str = "aws-sdk-java/1.7.9 Linux/3.13.0-24-generic OpenJDK_64-Bit_Server_VM/24.51-b03";
const REPORTER: &str = "Boto/2.28.0 Python/2.7.6 Linux/3.13.0-24-generic";
const BROWSER: &str = "S3Console/0.4";
/// The console, where it calls any other service.
const CONSOLE: &str = "console.amazonaws.com";
/// The user whose key leaks, and the role that it may assume.
pub const REPORTING: &str = "reporting";
const READER: &str = "backup-reader";
/// The member of staff who turns out to be an insider, with the account's own name.
pub const INSIDER: &str = "erin";
/// Staff that works in the console.
pub const STAFF: [&str; 3] = ["dana", INSIDER, "frank"];
/// How long a role's keys last.
const LASTS: i64 = 6 * HOUR;

/// The report's access key before and after it was replaced.
fn report_key(plan: &Plan, is_new: bool) -> String {
    let half = mix(&[plan.random_seed, 0xaa1a, u64::from(is_new)]);
    key_id("AKIA", (u128::from(half) << 64) | u128::from(mix(&[half])))
}

/// The key that leaks.
pub fn stolen_key(plan: &Plan) -> String {
    report_key(plan, true)
}

/// When the report's key is replaced: long before any intruder comes.
fn rotated_at(plan: &Plan) -> Timestamp {
    let window = plan.window();
    window.from.plus_nanos(window.nanos() / 5)
}

/// The name of an export that has lain in the bucket since before the window.
fn export_of(plan: &Plan, user: User) -> String {
    let job = mix(&[plan.random_seed, 0xe4, u64::from(user)]);
    export_name(World::key(user), job)
}

fn export_name(key: u32, job: u64) -> String {
    format!("exports/{key}/{job:016x}.json.gz")
}

fn backup_name(at: Timestamp, table: &str) -> String {
    format!("backups/{}/{table}.csv.gz", Written(at, Style::Date))
}

impl Cloud {
    pub fn new(plan: &Plan) -> Self {
        Self {
            rng: Rng::of(plan.random_seed, 0xc10d),
            roles: BTreeMap::new(),
            assumed: None,
            minted: None,
        }
    }
}

impl Sim<'_> {
    pub(super) fn begin_cloud(&mut self) {
        if !self.plan.features.cloud {
            return;
        }
        let start = self.plan.start;
        for (hand, secs) in [
            (Hand::Monitor, 11),
            (Hand::Report, 300),
            (Hand::Backup, 1_200),
            (Hand::Console, 2_400),
        ] {
            self.at(start.plus_secs(secs), Actor::Cloud(hand));
        }
        self.at(rotated_at(&self.plan), Actor::Cloud(Hand::Rotation));
    }

    pub(super) fn cloud_turn(&mut self, at: Timestamp, hand: Hand) {
        let (every, jitter) = match hand {
            Hand::Monitor => (5 * MINUTE, MINUTE),
            Hand::Report => (25 * MINUTE, 10 * MINUTE),
            Hand::Backup => (24 * HOUR, 0),
            Hand::Console => (3 * HOUR, HOUR),
            Hand::Rotation => {
                return self.rotate(at);
            }
        };
        match hand {
            Hand::Monitor => self.monitor(at),
            Hand::Report => self.report(at),
            Hand::Backup => self.back_up(at),
            Hand::Console | Hand::Rotation => self.work_in_console(at),
        }
        let wait = every + self.cloud.rng.below(jitter as u64 + 1) as i64;
        self.at(at.plus_nanos(wait), Actor::Cloud(hand));
    }

    /// A service stores the export that it has made.
    pub(super) fn store_export(&mut self, at: Timestamp, job: u64) {
        self.move_export(at, job, "export-worker", "PutObject", None);
    }

    /// A service fetches an export for a user, or for whoever is taken for the user.
    pub(super) fn fetch_export(&mut self, at: Timestamp, job: u64, deed: Option<&'static str>) {
        self.move_export(at, job, "exports-api", "GetObject", deed);
    }

    fn move_export(
        &mut self,
        at: Timestamp,
        job: u64,
        role: &'static str,
        name: &'static str,
        deed: Option<&'static str>,
    ) {
        let Some(user) = self.jobs.get(&job).map(|job| job.user) else {
            return;
        };
        if !self.plan.features.cloud {
            return;
        }
        let from = if role == "exports-api" {
            Ipv4Addr::new(10, 0, 1, 90)
        } else {
            BATCH
        };
        let caller = self.service_role(at, role);
        let call = ApiCall::new(caller, "s3", name, Some(from), SDK);
        let mut call = call.about(BUCKET, Some(export_name(World::key(user), job)));
        call.moves(export_size(user));
        self.call(at, call, deed);
    }

    /// The session of a service's role. Where it has ended, the machine gets another one.
    fn service_role(&mut self, at: Timestamp, role: &'static str) -> Caller {
        if let Some((caller, until)) = self.cloud.roles.get(role)
            && *until > at
        {
            return caller.clone();
        }
        let machine = Caller::Service("ec2.amazonaws.com");
        let mut call = ApiCall::new(machine, "sts", "AssumeRole", None, "ec2.amazonaws.com");
        let session = format!(
            "i-{:017x}",
            mix(&[self.plan.random_seed, 0x1d, role.len() as u64])
        );
        let caller = self.assume(at, &mut call, role, session);
        self.call(at, call, None);
        self.cloud
            .roles
            .insert(role, (caller.clone(), at.plus_nanos(LASTS)));
        caller
    }

    /// Fills in the request for a session of a role, and answers with the session.
    fn assume(&mut self, at: Timestamp, call: &mut ApiCall, role: &'static str, session: String) -> Caller {
        let key = key_id("ASIA", self.cloud.rng.wide());
        let until = Written(at.plus_nanos(LASTS), Style::Spoken);
        let token = mixed_case(self.cloud.rng.wide() as u64, 240);
        let (arn, id) = (
            format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
            unique_id("AROA", role),
        );
        call.request = format!(r#"{{"roleArn":"{arn}","roleSessionName":"{session}"}}"#);
        let assumed = match call.caller {
            Caller::Service(_) => String::new(),
            _ => format!(
                r#","assumedRoleUser":{{"assumedRoleId":"{id}:{session}","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"}}"#
            ),
        };
        call.response = format!(
            r#"{{"credentials":{{"accessKeyId":"{key}","sessionToken":"IQoJb3JpZ2luX2Vj{token}","expiration":"{until}"}}{assumed}}}"#
        );
        call.role = Some(arn);
        Caller::Role {
            role,
            session,
            key,
            since: at,
        }
    }

    /// Writes the record of a call.
    fn call(&mut self, at: Timestamp, mut call: ApiCall, deed: Option<&'static str>) {
        call.ids = (self.cloud.rng.wide(), self.cloud.rng.wide());
        // Signing in and users are global: they count to one region.
        let region = REGIONS[usize::from(matches!(call.service, "signin" | "iam"))];
        let stream = self.logs.stream(SOURCE, region);
        self.record(at, stream, Body::Api(Box::new(call)), deed);
    }

    fn monitor(&mut self, at: Timestamp) {
        let caller = self.service_role(at, "monitor");
        let call = ApiCall::new(caller, "s3", "GetObject", Some(BATCH), SDK);
        let mut call = call.about(PUBLIC, Some("status.json".to_owned()));
        call.bytes_out = 311;
        self.call(at.plus_secs(1), call, None);
    }

    fn reporting(&self, at: Timestamp) -> Caller {
        Caller::Key {
            user: REPORTING,
            key: report_key(&self.plan, at >= rotated_at(&self.plan)),
        }
    }

    /// The report lists the bucket, and reads what people listened to. While it must rest, it does not.
    fn report(&mut self, at: Timestamp) {
        let is_theft = self.plan.attack == Attack::BucketTheft;
        let owner = self.plan.conduct.owner;
        if is_theft && owner == Owner::Rests && at >= self.plan.attacked_at().plus_secs(-120) {
            return;
        }
        let caller = self.reporting(at);
        let list = ApiCall::new(caller.clone(), "s3", "ListObjects", Some(REPORT_HOST), REPORTER);
        let mut list = list.about(BUCKET, None);
        list.bytes_out = 4_211;
        self.call(at, list, None);
        if is_theft && owner != Owner::Works {
            return;
        }
        let name = backup_name(at.plus_nanos(-24 * HOUR), "plays");
        let get = ApiCall::new(caller, "s3", "GetObject", Some(REPORT_HOST), REPORTER);
        let mut get = get.about(BUCKET, Some(name));
        get.bytes_out = backup_size(self.world.users);
        self.call(at.plus_secs(3), get, None);
    }

    /// Copies tables out of the database into the bucket.
    fn back_up(&mut self, at: Timestamp) {
        // What is drawn for it changes nothing outside the cloud.
        std::mem::swap(&mut self.rng, &mut self.cloud.rng);
        let backend = self.connect(at, "backup", "pg_dump", BATCH, None);
        std::mem::swap(&mut self.rng, &mut self.cloud.rng);
        for (n, table) in BACKED_UP.iter().enumerate() {
            let at = at.plus_secs(2 * n as i64 + 1);
            let statement = Statement {
                command: "COPY",
                parameters: Some(Vec::new()),
                ..Statement::read(table, &format!("COPY public.{table} TO stdout"), 0)
            };
            self.sql(at, backend, SqlLine::Statement(statement), None);
            let caller = self.service_role(at, "backup");
            let put = ApiCall::new(caller, "s3", "PutObject", Some(BATCH), SDK);
            let mut put = put.about(BUCKET, Some(backup_name(at, table)));
            put.bytes_in = backup_size(self.world.users);
            self.call(at.plus_secs(1), put, None);
        }
        self.disconnect(at.plus_secs(20), backend, None);
    }

    /// Staff signs in and looks around; now and then somebody asks for help with an export.
    fn work_in_console(&mut self, at: Timestamp) {
        let (user, desk) = if self.cloud.rng.percent(50) {
            ("dana", OFFICE)
        } else {
            ("frank", CLOUD_DESK)
        };
        let caller = self.sign_in(at, (user, desk), None);
        let list = ApiCall::new(caller.clone(), "s3", "ListObjects", Some(desk), BROWSER);
        let mut list = list.about(BUCKET, None);
        list.bytes_out = 4_211;
        self.call(at.plus_secs(9), list, None);
        if self.cloud.rng.percent(50) {
            let helped = self.cloud.rng.below(u64::from(self.world.users)) as User;
            let call = self.export_call(caller, helped, "GetObject", desk, BROWSER);
            self.call(at.plus_secs(20), call, None);
        }
    }

    fn sign_in(
        &mut self,
        at: Timestamp,
        (user, desk): (&'static str, Ipv4Addr),
        deed: Option<&'static str>,
    ) -> Caller {
        let outside = Caller::Console { user, session: None };
        let mut call = ApiCall::new(
            outside,
            "signin",
            "ConsoleLogin",
            Some(desk),
            "Mozilla/5.0 (X11; Linux x86_64; rv:29.0) Gecko/20100101 Firefox/29.0",
        );
        call.response = r#"{"ConsoleLogin":"Success"}"#.to_owned();
        self.call(at, call, deed);
        Caller::Console {
            user,
            session: Some((key_id("ASIA", self.cloud.rng.wide()), at)),
        }
    }

    /// A member of staff gives the report a new key.
    fn rotate(&mut self, at: Timestamp) {
        let caller = self.sign_in(at.plus_secs(-30), ("frank", CLOUD_DESK), None);
        let key = report_key(&self.plan, true);
        self.call(
            at.plus_secs(-1),
            new_key(caller, CLOUD_DESK, CONSOLE, at, &key),
            None,
        );
    }

    fn export_call(
        &self,
        caller: Caller,
        user: User,
        name: &'static str,
        from: Ipv4Addr,
        agent: &'static str,
    ) -> ApiCall {
        let call = ApiCall::new(caller, "s3", name, Some(from), agent);
        let mut call = call.about(BUCKET, Some(export_of(&self.plan, user)));
        call.moves(export_size(user));
        call
    }

    /// An intruder's call, and what it reaches.
    pub(super) fn steal(&mut self, at: Timestamp, theft: Theft, from: Ipv4Addr) {
        let stolen = self.reporting(at);
        let about = |caller, name| ApiCall::new(caller, "s3", name, Some(from), CLI);
        match theft {
            Theft::Identify => {
                let call = ApiCall::new(stolen, "sts", "GetCallerIdentity", Some(from), CLI);
                self.call(at, call, Some("identify"));
            }
            Theft::List => {
                let mut call = about(stolen, "ListObjects").about(BUCKET, None);
                call.bytes_out = 4_211;
                self.call(at, call, Some("list"));
            }
            Theft::Absent(key) => {
                let mut call =
                    about(stolen, "GetObject").about(BUCKET, Some(export_name(key, u64::from(key))));
                call.refused = Some(Refusal::NoSuchKey);
                call.bytes_out = 296;
                self.call(at, call, Some("fetch export"));
            }
            Theft::Refused(table) => {
                let name = backup_name(at.plus_nanos(-24 * HOUR), table);
                let mut call = about(stolen, "GetObject").about(BUCKET, Some(name));
                call.refused = Some(Refusal::AccessDenied);
                call.bytes_out = 243;
                self.call(at, call, Some("fetch backup"));
            }
            Theft::Export(user) => self.take_export(at, stolen, user, "GetObject", from),
            Theft::Replace(user) => self.take_export(at, stolen, user, "PutObject", from),
            Theft::Delete(user) => self.take_export(at, stolen, user, "DeleteObject", from),
            Theft::Assume => {
                let mut call = ApiCall::new(stolen, "sts", "AssumeRole", Some(from), CLI);
                let assumed = self.assume(at, &mut call, READER, "report".to_owned());
                self.cloud.assumed = Some(assumed);
                self.call(at, call, Some("assume role"));
            }
            Theft::Backup(table) => self.take_backup(at, table, from),
            Theft::Mint => {
                let key = key_id("AKIA", self.cloud.rng.wide());
                self.call(at, new_key(stolen, from, CLI, at, &key), Some("create key"));
                self.cloud.minted = Some(Caller::Key { user: REPORTING, key });
            }
            Theft::ExportWithMinted(user) => {
                if let Some(caller) = self.cloud.minted.clone() {
                    self.take_export(at, caller, user, "GetObject", from);
                }
            }
            Theft::SignIn => {
                let caller = self.sign_in(at, (INSIDER, from), Some("sign in"));
                self.cloud.assumed = Some(caller);
            }
            Theft::ExportFromConsole(user) => {
                if let Some(caller) = self.cloud.assumed.clone() {
                    self.take_export(at, caller, user, "GetObject", from);
                }
            }
        }
    }

    fn take_export(&mut self, at: Timestamp, caller: Caller, user: User, name: &'static str, from: Ipv4Addr) {
        let agent = match caller {
            Caller::Console { .. } => BROWSER,
            _ => CLI,
        };
        let call = self.export_call(caller, user, name, from, agent);
        let (deed, effect) = match name {
            "PutObject" => ("replace export", "changed"),
            "DeleteObject" => ("delete export", "destroyed"),
            _ => ("fetch export", "read"),
        };
        self.call(at, call, Some(deed));
        self.truth.touch(user, EXPORTED, effect);
    }

    /// Whoever is in a backup is in it whole.
    fn take_backup(&mut self, at: Timestamp, table: &'static str, from: Ipv4Addr) {
        let Some(caller) = self.cloud.assumed.clone() else {
            return;
        };
        let name = backup_name(at.plus_nanos(-24 * HOUR), table);
        let mut call = ApiCall::new(caller, "s3", "GetObject", Some(from), CLI).about(BUCKET, Some(name));
        call.bytes_out = backup_size(self.world.users);
        self.call(at, call, Some("fetch backup"));
        let classes = classes_of(table, &[]);
        for user in 0..self.world.users {
            self.truth.touch(user, &classes, "read");
        }
    }
}

fn export_size(user: User) -> u64 {
    9_200 + u64::from(user) * 37 % 180 * 5
}

fn backup_size(users: u32) -> u64 {
    1_200 + 87 * u64::from(users)
}

/// A call that makes an access key for the report.
fn new_key(caller: Caller, from: Ipv4Addr, agent: &'static str, at: Timestamp, key: &str) -> ApiCall {
    let mut call = ApiCall::new(caller, "iam", "CreateAccessKey", Some(from), agent);
    call.request = format!(r#"{{"userName":"{REPORTING}"}}"#);
    call.response = format!(
        r#"{{"accessKey":{{"userName":"{REPORTING}","accessKeyId":"{key}","status":"Active","createDate":"{}"}}}}"#,
        Written(at, Style::Spoken)
    );
    call
}
