//! A PostgreSQL cluster that lives as long as one command: made, started, stopped and removed.
//!
//! The programs that need one are told by `GLADHAND_TEST_POSTGRES` where it is, and each test makes its own database
//! in it. `GLADHAND_TEST_POSTGRES_CONTROL` names a script that takes the arguments of `pg_ctl`, for whoever restarts it.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// Where the cluster is: `postgres://gladhand@127.0.0.1:PORT/postgres`.
pub const URL_VARIABLE: &str = "GLADHAND_TEST_POSTGRES";
/// A program that takes what `pg_ctl` takes, such as `restart --mode immediate`.
pub const CONTROL_VARIABLE: &str = "GLADHAND_TEST_POSTGRES_CONTROL";

const MISSING: &str =
    "PostgreSQL's programs (initdb, pg_ctl) are missing: on Debian, apt install postgresql";

/// Where Debian puts the programs of each version, beside `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Two free ports in a row that somebody else takes first are bad luck, more are something else.
const PORTS_TRIED: u32 = 5;

/// Whether a commit survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production.
    Kept,
    /// No `fsync`: for tests that ask what is stored and not whether it stays.
    Dropped,
}

/// A running cluster; dropping it stops and removes it.
pub struct Cluster {
    url: String,
    control: PathBuf,
    guard: Child,
}

impl Cluster {
    /// One for whoever says `--store postgres`.
    pub fn start_if_asked(arguments: &[OsString], durability: Durability) -> Result<Option<Self>> {
        let is_asked = arguments
            .windows(2)
            .any(|pair| pair == ["--store", "postgres"]);
        is_asked.then(|| Self::start(durability)).transpose()
    }

    /// Makes and starts one.
    pub fn start(durability: Durability) -> Result<Self> {
        let programs = programs().context(MISSING)?;
        let user = User::unprivileged()?;
        let dir = folder(&user)?;
        // From here on the folder goes whatever happens, also where this process is killed.
        let guard = guard(&dir)?;
        let data = dir.join("data");
        user.make(&data)?;
        let mut initdb = user.command(&programs.join("initdb"));
        initdb.arg("--pgdata").arg(&data).args([
            "--username=gladhand",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        quietly(initdb.current_dir(&dir))?;
        let control = dir.join("control");
        fs::write(&control, control_script(&programs, &user, &dir))?;
        fs::set_permissions(&control, fs::Permissions::from_mode(0o755))?;
        let mut cluster = Self {
            url: String::new(),
            control,
            guard,
        };
        cluster.listen(&data, durability)?;
        Ok(cluster)
    }

    /// What the programs that use it are told.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            (URL_VARIABLE, self.url.clone()),
            (CONTROL_VARIABLE, self.control.display().to_string()),
        ]
    }

    /// Starts the server on a free port, and on another where somebody took that one meanwhile.
    fn listen(&mut self, data: &Path, durability: Durability) -> Result<()> {
        let settings = data.join("postgresql.conf");
        let defaults = fs::read_to_string(&settings)?;
        let is_kept = durability == Durability::Kept;
        let mut failure = None;
        for _ in 0..PORTS_TRIED {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port();
            let own = format!(
                "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
                 fsync = {is_kept}\nsynchronous_commit = {is_kept}\nfull_page_writes = {is_kept}\n\
                 max_connections = 200\nshared_buffers = '64MB'\nlog_min_messages = 'warning'\n",
                data.display()
            );
            fs::write(&settings, format!("{defaults}\n{own}"))?;
            match quietly(Command::new(&self.control).arg("start")) {
                Ok(()) => {
                    self.url = format!("postgres://gladhand@127.0.0.1:{port}/postgres");
                    return Ok(());
                }
                Err(error) => failure = Some(error),
            }
        }
        let log = fs::read_to_string(data.join("log")).unwrap_or_default();
        Err(failure.expect("at least one port was tried"))
            .with_context(|| format!("PostgreSQL does not start, and its log says:\n{log}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The guard waits for the end of its input.
        drop(self.guard.stdin.take());
        let _gone_already = self.guard.wait();
    }
}

/// Runs a command that finds a cluster in its environment.
pub fn around(arguments: &[std::ffi::OsString]) -> Result<()> {
    let Some((program, arguments)) = arguments.split_first() else {
        bail!(
            "`cargo xtask postgres` needs a command, which then finds a cluster in {URL_VARIABLE}"
        );
    };
    let cluster = Cluster::start(Durability::Kept)?;
    cargo::run(
        Command::new(program)
            .args(arguments)
            .envs(cluster.variables()),
    )
}

/// The folder of the programs: what is on `PATH`, else the newest of Debian's.
fn programs() -> Option<PathBuf> {
    let is_whole = |dir: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|name| dir.join(name).is_file())
    };
    let path = cargo::environment("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(is_whole);
    on_path.or_else(|| {
        let version = |dir: &PathBuf| -> Option<u32> { dir.file_name()?.to_str()?.parse().ok() };
        let mut versions: Vec<_> = fs::read_dir(DEBIAN)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter_map(|dir| Some((version(&dir)?, dir.join("bin"))))
            .filter(|(_, dir)| is_whole(dir))
            .collect();
        versions.sort();
        versions.pop().map(|(_, dir)| dir)
    })
}

/// Who runs the server: PostgreSQL refuses to be root.
struct User {
    /// User and group to change to; none where this process is nobody special.
    becomes: Option<(u32, u32)>,
}

impl User {
    fn unprivileged() -> Result<Self> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(Self { becomes: None });
        }
        let known =
            fs::read_to_string("/etc/passwd").context("looking for an unprivileged user")?;
        let ids = |name: &str| {
            let line = known
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let becomes = ids("postgres").or_else(|| ids("nobody"));
        if becomes.is_none() {
            bail!(
                "PostgreSQL does not run as root, and there is neither a user postgres nor nobody"
            );
        }
        Ok(Self { becomes })
    }

    /// What to put before a command so that this user runs it.
    fn prefix(&self) -> Vec<String> {
        let Some((user, group)) = self.becomes else {
            return Vec::new();
        };
        vec![
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".to_owned(),
        ]
    }

    fn command(&self, program: &Path) -> Command {
        let prefix = self.prefix();
        match prefix.split_first() {
            Some((setpriv, rest)) => {
                let mut command = Command::new(setpriv);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// Makes a folder of this user's.
    fn make(&self, dir: &Path) -> Result<()> {
        fs::create_dir(dir).with_context(|| format!("making {}", dir.display()))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        if let Some((user, group)) = self.becomes {
            chown(dir, Some(user), Some(group))?;
        }
        Ok(())
    }
}

/// A new folder that `user` can reach; only what lies in it and is its own can it change.
fn folder(user: &User) -> Result<PathBuf> {
    let bases = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let is_reached =
        |base: &&PathBuf| cargo::succeeds(user.command(Path::new("test")).arg("-x").arg(base));
    let base = bases.iter().find(is_reached).context(
        "no temporary folder that PostgreSQL's user can reach: neither TMPDIR nor /tmp nor /var/tmp",
    )?;
    let process = std::process::id();
    for number in 0..u32::MAX {
        let dir = base.join(format!("gladhand-postgres-{process}-{number}"));
        match fs::create_dir(&dir) {
            Ok(()) => {
                fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
                return Ok(dir);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("making {}", dir.display())),
        }
    }
    bail!("{} is full of clusters", base.display())
}

/// `pg_ctl` for this cluster and by its user, in the cluster's folder, because the caller's may be closed to it.
fn control_script(programs: &Path, user: &User, dir: &Path) -> String {
    let (dir, prefix) = (dir.display(), user.prefix().join(" "));
    let pg_ctl = programs.join("pg_ctl");
    format!(
        "#!/bin/sh\ncd '{dir}' || exit 1\n\
         exec {prefix} '{}' --pgdata='{dir}/data' --log='{dir}/data/log' --silent --wait \"$@\"\n",
        pg_ctl.display()
    )
}

/// Stops the server and removes the folder when this process ends, however it ends: the pipe then closes.
fn guard(dir: &Path) -> Result<Child> {
    const SCRIPT: &str = "trap '' INT TERM HUP; cat > /dev/null; \
         if test -x \"$1/control\"; then \"$1/control\" stop --mode immediate; fi; rm -rf \"$1\"";
    Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the shell that removes the cluster at the end")
}

/// Runs a command whose words matter only where it fails.
fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}", command.get_program().display(), said.trim());
    }
    Ok(())
}
