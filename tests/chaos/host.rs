//! One host: a real process, where it keeps what it keeps, and what runs in it where it is to have another clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::World;
use gladhand_server::system::{self, SystemIds};
use gladhand_tests::host::Setup;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::clock::FastClock;
use crate::report;

/// A host that compiles its connectors on a busy machine.
const START: Duration = Duration::from_mins(1);

/// How a host is started.
pub enum Program {
    /// `gladhand serve`, on the machine's clock.
    Serve,
    /// The same host in this program, on a clock that runs faster and can be made to jump.
    OnClock { origin_ms: i64, speed: u32 },
}

/// Where one host keeps what it keeps.
pub struct Place {
    /// Its configuration; its folder may lie on a disk that gets full.
    pub setup: Setup,
    /// What it says, on a disk that does not.
    pub log: PathBuf,
    /// What it is told beside its configuration.
    pub environment: &'static [(&'static str, &'static str)],
}

/// One host, whether it runs or not.
pub struct Host {
    pub place: Place,
    /// Held by whoever starts it, kills it or asks after it.
    pub process: tokio::sync::Mutex<Option<Child>>,
    config: PathBuf,
    authority: Mutex<Option<String>>,
}

impl Host {
    /// Writes its configuration.
    pub fn new(place: Place) -> Result<Self> {
        Ok(Self {
            config: place.setup.write()?,
            place,
            process: tokio::sync::Mutex::default(),
            authority: Mutex::default(),
        })
    }

    /// Where it listens, where it is thought to live.
    pub fn listens(&self) -> Option<String> {
        self.authority().clone()
    }

    /// Remembers where it listens from now on.
    pub fn listen(&self, authority: Option<String>) {
        *self.authority() = authority;
    }

    /// Starts it once; says where it listens.
    pub async fn spawn(&self, program: &Program) -> Result<(Child, String)> {
        let own = std::env::current_exe()?;
        // A write past a limit on file sizes must fail as on a bad disk, and not kill the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        match program {
            Program::Serve => command
                .arg(own.with_file_name("gladhand"))
                .arg("--config")
                .arg(&self.config)
                .arg("serve"),
            Program::OnClock { origin_ms, speed } => command
                .arg(own)
                .arg("host")
                .arg(&self.config)
                .args([origin_ms.to_string(), speed.to_string()]),
        };
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.place.log)?;
        let mut child = command
            .env("GLADHAND__LOG__FILTER", "warn")
            .envs(self.place.environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting a host")?;
        let output = child.stdout.take().context("the host's output is piped")?;
        let mut said = String::new();
        let mut output = BufReader::new(output);
        timeout(START, output.read_line(&mut said))
            .await
            .with_context(|| format!("it does not say where it listens within {START:?}"))??;
        match said.trim().strip_prefix("listening on http://") {
            Some(authority) => Ok((child, authority.to_owned())),
            None => bail!(
                "it ended, and {} ends with:\n{}",
                self.place.log.display(),
                self.last_words()
            ),
        }
    }

    fn last_words(&self) -> String {
        const LINES: usize = 20;
        let log = fs::read_to_string(&self.place.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn authority(&self) -> MutexGuard<'_, Option<String>> {
        self.authority
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What runs in a process of its own where a host is to have another clock: `gladhand serve` but for the time.
pub async fn serve(config: &Path, clock: FastClock) -> Result<bool> {
    let environment = Environment::of_process();
    let config = Config::load(Some(config), &environment, &[])?;
    gladhand_server::telemetry::start_logs(&config.log.filter, config.log.format);
    let clock = Arc::new(clock);
    let world = World {
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    };
    let host = gladhand_server::host::Host::start(&config, &environment, world).await?;
    report::line(&format!("listening on http://{}", host.address));
    let told = async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Ok(ms) = line.trim().parse() {
                clock.stand_off(ms);
            }
        }
    };
    tokio::select! {
        clean = host.tasks.until_signalled() => Ok(clean?),
        // Whoever started this is gone.
        () = told => Ok(false),
    }
}
