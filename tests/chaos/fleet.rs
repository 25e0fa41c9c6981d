//! The hosts: real processes that are started, killed, held back and asked where they listen.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_tests::host::Setup;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::clock::FastClock;

/// A host that compiles its connectors on a busy machine.
const START: Duration = Duration::from_mins(1);
/// A host whose disk is full or whose database is gone does not start; whatever watches it tries again.
const STARTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(200);

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

struct Host {
    place: Place,
    config: PathBuf,
    authority: Mutex<Option<String>>,
    process: tokio::sync::Mutex<Option<Child>>,
}

/// All hosts of a campaign.
pub struct Fleet {
    program: Program,
    hosts: Vec<Host>,
}

impl Fleet {
    /// Starts the first `started` hosts; the others wait until they are launched.
    pub async fn start(program: Program, places: Vec<Place>, started: usize) -> Result<Self> {
        let gladhand = std::env::current_exe()?.with_file_name("gladhand");
        if matches!(program, Program::Serve) && !gladhand.is_file() {
            bail!(
                "{} is not built: start this with `cargo xtask chaos`, which builds it",
                gladhand.display()
            );
        }
        let mut hosts = Vec::new();
        for place in places {
            hosts.push(Host {
                config: place.setup.write()?,
                place,
                authority: Mutex::default(),
                process: tokio::sync::Mutex::default(),
            });
        }
        let fleet = Self { program, hosts };
        for number in 0..fleet.hosts.len() {
            fleet.share_key(number)?;
            if number < started {
                fleet.launch(number).await?;
            }
        }
        Ok(fleet)
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.hosts.len()
    }

    /// Where one of the living listens: the `turn`-th, counted around.
    pub fn authority(&self, turn: usize) -> Option<String> {
        let living: Vec<String> = self.hosts.iter().filter_map(Host::listens).collect();
        let place = turn.checked_rem(living.len())?;
        living.into_iter().nth(place)
    }

    /// Where one listens and what its admin API wants to be told, where it lives.
    pub fn admin(&self) -> Result<(String, String)> {
        for host in &self.hosts {
            if let Some(authority) = host.listens() {
                let token = fs::read_to_string(host.place.setup.dir.join("data/admin.token"))?;
                return Ok((authority, token.trim().to_owned()));
            }
        }
        bail!("no host lives")
    }

    /// Starts one that does not run, again and again until it does.
    pub async fn launch(&self, number: usize) -> Result<()> {
        let host = &self.hosts[number];
        let mut process = host.process.lock().await;
        if process.is_some() {
            return Ok(());
        }
        let mut refusal = None;
        for _ in 0..STARTS {
            match host.spawn(&self.program).await {
                Ok((child, authority)) => {
                    *process = Some(child);
                    *lock(&host.authority) = Some(authority);
                    return Ok(());
                }
                Err(error) => refusal = Some(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(refusal.expect("it was tried at least once"))
    }

    /// `kill -9`, and waits until the process is gone.
    pub async fn kill(&self, number: usize) -> Result<()> {
        let host = &self.hosts[number];
        *lock(&host.authority) = None;
        if let Some(mut child) = host.process.lock().await.take() {
            child.kill().await.context("killing a host")?;
        }
        Ok(())
    }

    /// The process of one that runs.
    pub async fn pid(&self, number: usize) -> Option<u32> {
        self.hosts[number].process.lock().await.as_ref()?.id()
    }

    /// Lets one's wall clock stand so far from the others'; only a host on such a clock can.
    pub async fn stand_off(&self, number: usize, ms: i64) -> Result<()> {
        let mut process = self.hosts[number].process.lock().await;
        if let Some(input) = process.as_mut().and_then(|child| child.stdin.as_mut()) {
            input.write_all(format!("{ms}\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// Hosts that share a database seal with the same key: the first one's.
    fn share_key(&self, number: usize) -> Result<()> {
        if number == 0 {
            return Ok(());
        }
        let key = |host: &Host| host.place.setup.dir.join("data/master.key");
        let own = key(&self.hosts[number]);
        fs::create_dir_all(own.parent().expect("it lies in the data folder"))?;
        fs::copy(key(&self.hosts[0]), own).context("copying the first host's master key")?;
        Ok(())
    }
}

impl Host {
    fn listens(&self) -> Option<String> {
        lock(&self.authority).clone()
    }

    async fn spawn(&self, program: &Program) -> Result<(Child, String)> {
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
            .context("the host does not say where it listens")??;
        match said.trim().strip_prefix("listening on http://") {
            Some(authority) => Ok((child, authority.to_owned())),
            None => bail!(
                "a host did not start: {}\n{}",
                said.trim(),
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
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What runs in a process of its own where a host is to have another clock: `gladhand serve` but for the time.
pub async fn serve(config: &std::path::Path, clock: FastClock) -> Result<bool> {
    use std::sync::Arc;

    use gladhand_server::config::{Config, Environment};
    use gladhand_server::host::{Host, World};
    use gladhand_server::system::{self, SystemIds};

    let environment = Environment::of_process();
    let config = Config::load(Some(config), &environment, &[])?;
    gladhand_server::telemetry::start_logs(&config.log.filter, config.log.format);
    let clock = Arc::new(clock);
    let world = World {
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    };
    let host = Host::start(&config, &environment, world).await?;
    crate::report::line(&format!("listening on http://{}", host.address));
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
