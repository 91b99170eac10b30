//! Debian's nginx and PostgreSQL, started in a folder of their own.

use anyhow::{Context, Result, bail};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

/// A port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The servers run as users of their own and must be able to enter.
pub fn open_to_all(dir: &Path) -> Result<()> {
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777))?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !out.status.success() {
        bail!(
            "{command:?} failed: {}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(())
}

/// PostgreSQL 15 with pgaudit, logging CSV and JSON.
pub struct Database {
    dir: PathBuf,
    port: u16,
}

impl Database {
    pub fn start(root: &Path) -> Result<Self> {
        let dir = root.join("db");
        let port = free_port()?;
        let database = Self {
            dir: dir.clone(),
            port,
        };
        std::fs::create_dir(&dir)?;
        open_to_all(&dir)?;
        run(&mut database.as_postgres(&[
            "initdb",
            "-D",
            &database.data(),
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
        ]))?;
        std::fs::write(dir.join("data/conf.d.conf"), database.settings())?;
        let main = dir.join("data/postgresql.conf");
        let text = std::fs::read_to_string(&main)? + "\ninclude = 'conf.d.conf'\n";
        std::fs::write(main, text)?;
        run(&mut database.as_postgres(&[
            "pg_ctl",
            "-D",
            &database.data(),
            "-l",
            &database.path("start.log"),
            "-w",
            "start",
        ]))?;
        database.fill()?;
        Ok(database)
    }

    fn settings(&self) -> String {
        format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\n\
             shared_preload_libraries = 'pgaudit'\npgaudit.log = 'read, write, ddl, role'\npgaudit.log_catalog = off\n\
             pgaudit.log_parameter = on\npgaudit.log_rows = on\npgaudit.log_relation = off\n\
             logging_collector = on\nlog_destination = 'csvlog,jsonlog'\nlog_directory = 'log'\nlog_filename = 'postgresql.log'\n\
             log_file_mode = 0644\nlog_connections = on\nlog_disconnections = on\nlog_timezone = 'UTC'\n",
            self.port,
            self.dir.display()
        )
    }

    fn fill(&self) -> Result<()> {
        // A database is not made within a transaction, which several statements of one call are.
        for sql in [
            "CREATE ROLE app LOGIN",
            "CREATE ROLE batch LOGIN",
            "CREATE DATABASE music",
        ] {
            self.sql("postgres", "postgres", sql)?;
        }
        self.sql("music", "postgres", "CREATE EXTENSION pgaudit")?;
        let schema = "SET pgaudit.log = 'none';\n\
            CREATE TABLE profiles (user_id int PRIMARY KEY, email text, name text, card text);\n\
            CREATE TABLE sessions (sid text PRIMARY KEY, user_id int, revoked boolean DEFAULT false);\n\
            INSERT INTO profiles SELECT n, 'u' || n || '@example.org', 'User ' || n, '4000' || n FROM generate_series(1, 200) n;\n\
            GRANT ALL ON profiles, sessions TO app; GRANT SELECT ON profiles TO batch;";
        self.sql("music", "postgres", schema)
    }

    /// Runs statements as a role, as a person with psql would.
    pub fn sql(&self, database: &str, role: &str, sql: &str) -> Result<()> {
        let (host, port) = (self.dir.display().to_string(), self.port.to_string());
        run(Command::new("psql")
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                &host,
                "-p",
                &port,
                "-U",
                role,
                "-d",
                database,
            ])
            .arg("-c")
            .arg(sql))
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// PostgreSQL refuses to run as root.
    fn as_postgres(&self, args: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(format!("{POSTGRES}/{}", args[0]))
            .args(&args[1..]);
        command.current_dir(&self.dir);
        command
    }

    pub fn stop(&self) -> Result<()> {
        run(&mut self.as_postgres(&["pg_ctl", "-D", &self.data(), "-m", "fast", "-w", "stop"]))
    }
}

/// A test that fails half-way leaves no server behind.
impl Drop for Database {
    fn drop(&mut self) {
        let _stopped_already = self
            .as_postgres(&["pg_ctl", "-D", &self.data(), "-m", "immediate", "stop"])
            .output();
    }
}

/// nginx as the gateway, with a JSON access log.
pub struct Gateway {
    dir: PathBuf,
    port: u16,
}

const LOG_FORMAT: &str = r#"log_format json escape=json '{"time":"$time_iso8601","msec":"$msec","request_id":"$request_id","remote_addr":"$remote_addr","request_method":"$request_method","uri":"$uri","args":"$args","status":"$status","body_bytes_sent":"$body_bytes_sent","request_time":"$request_time","http_user_agent":"$http_user_agent","sid":"$cookie_sid","device_id":"$http_x_device_id","app_version":"$http_x_app_version","app_platform":"$http_x_app_platform"}';"#;

impl Gateway {
    pub fn start(root: &Path) -> Result<Self> {
        let dir = root.join("gate");
        std::fs::create_dir(&dir)?;
        open_to_all(&dir)?;
        Ok(Self {
            dir,
            port: free_port()?,
        })
    }

    /// Starts nginx before the service at this port.
    pub fn serve(&self, upstream: u16) -> Result<()> {
        let (dir, port) = (self.dir.display(), self.port);
        let config = format!(
            "worker_processes 1;\npid {dir}/nginx.pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\n{LOG_FORMAT}\n\
             access_log {dir}/access.json.log json;\nserver {{\nlisten 127.0.0.1:{port};\nlocation / {{\n\
             proxy_set_header X-Request-Id $request_id;\nproxy_pass http://127.0.0.1:{upstream};\n}}\n}}\n}}\n"
        );
        std::fs::write(self.dir.join("nginx.conf"), config)?;
        run(Command::new("nginx")
            .arg("-c")
            .arg(self.dir.join("nginx.conf"))
            .arg("-p")
            .arg(&self.dir))
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn stop(&self) -> Result<()> {
        run(Command::new("nginx")
            .arg("-c")
            .arg(self.dir.join("nginx.conf"))
            .args(["-s", "quit"]))?;
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _stopped_already = Command::new("nginx")
            .arg("-c")
            .arg(self.dir.join("nginx.conf"))
            .args(["-s", "stop"])
            .output();
    }
}
