//! A host in a process of its own: `gladhand serve`, or this program as one whose retention never rests.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use async_trait::async_trait;
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::{Host, World};
use gladhand_server::system::{self, SystemClock, SystemIds};
use gladhand_server::upkeep;
use gladhand_store::retention::{Keep, Swept};
use gladhand_store::{Error, Retention, Store};
use gladhand_tests::host::Setup;
use gladhand_tests::http::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use crate::processor;
use crate::report::{self, line};

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `gladhand serve`.
    Serve,
    /// The same host, and what has settled is removed within seconds.
    Forgetful,
}

/// How long a forgetful host keeps what has settled, and how soon it looks again.
const KEPT: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(50);

/// A running host; it is killed when dropped.
pub struct Process {
    /// `host:port`
    pub authority: String,
    child: Child,
    output: BufReader<ChildStdout>,
    token: String,
}

impl Process {
    /// Starts it and waits until it says where it listens.
    pub async fn start(setup: &Setup, program: Program) -> Result<Self> {
        let config = setup.write()?;
        let own = std::env::current_exe()?;
        let mut command = match program {
            Program::Serve => Command::new(own.with_file_name("gladhand")),
            Program::Forgetful => Command::new(own),
        };
        match program {
            Program::Serve => command.arg("--config").arg(&config).arg("serve"),
            Program::Forgetful => command.arg("host").arg(&config),
        };
        let log = setup.dir.join("host.log");
        let mut child = command
            .env("GLADHAND__LOG__FILTER", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .context("starting a host: `cargo xtask bench` builds it")?;
        let output = child.stdout.take().context("the host's output is piped")?;
        let mut said = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut said).await?;
        let Some(authority) = said.trim().strip_prefix("listening on http://") else {
            bail!("the host did not start:\n{}", fs::read_to_string(&log)?);
        };
        let token = fs::read_to_string(setup.dir.join("data/admin.token"))?;
        Ok(Self {
            authority: authority.to_owned(),
            child,
            output,
            token: token.trim().to_owned(),
        })
    }

    /// Lets a connection run.
    pub async fn resume(&self, connection: &str) -> Result<()> {
        let path = format!("/api/v1/connections/{connection}/resume");
        let headers = [("authorization", format!("Bearer {}", self.token))];
        let mut client = Client::new(&self.authority);
        let answer = client.post(&path, &headers, Vec::new()).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "{path} was answered with {said}");
        Ok(())
    }

    /// How many connector versions it has.
    pub async fn connectors(&self) -> Result<usize> {
        let headers = [("authorization", format!("Bearer {}", self.token))];
        let mut client = Client::new(&self.authority);
        let answer = client.get("/api/v1/connectors", &headers).await?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        let items = page["items"].as_array();
        Ok(items.context("a list of connectors")?.len())
    }

    /// Its resident memory.
    pub fn rss_mb(&self) -> Result<f64> {
        let id = self.child.id().context("the host has ended")?;
        report::rss_mb(id).context("the host has ended")
    }

    /// Lets a forgetful host end, and takes down what its steps took: the 99th of a hundred, and the longest.
    pub async fn retention_steps_ms(mut self) -> Result<[f64; 2]> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said).await?;
        self.child.wait().await?;
        let steps = said.trim().split(' ').map(str::parse);
        let steps: Vec<f64> = steps.collect::<Result<_, _>>().context("figures")?;
        let found = steps.len();
        steps
            .try_into()
            .map_err(|_| anyhow!("two figures, and not {found}"))
    }

    /// Processor time that it has used, in microseconds.
    pub fn processor_us(&self) -> Result<u64> {
        let id = self.child.id().context("the host has ended")?;
        processor::of_process(id).context("the host has ended")
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("the host has ended by itself")?;
        let mut ask = Command::new("kill");
        ask.args(["-TERM", &id.to_string()]).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// What runs as `gladhand-bench host CONFIG`: a host that removes what has settled as soon as it may.
pub async fn forgetful(config: &Path) -> Result<()> {
    let environment = Environment::of_process();
    let config = Config::load(Some(config), &environment, &[])?;
    gladhand_server::telemetry::start_logs(&config.log.filter, config.log.format);
    let clock = Arc::new(SystemClock::new());
    let world = World {
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        jitter: system::jitter,
    };
    let host = Host::start(&config, &environment, world).await?;
    line(&format!("listening on http://{}", host.address));
    let mut nothing = Vec::new();
    let mut input = tokio::io::stdin();
    let stop = CancellationToken::new();
    let keep = Keep {
        events: KEPT,
        unreadable: KEPT,
        exchanges: KEPT,
        dead: KEPT,
        link_history: KEPT,
        audit: KEPT,
    };
    let timed = Arc::new(Timed {
        store: host.store.clone(),
        steps: Mutex::default(),
    });
    let swept = upkeep::sweep(timed.clone(), keep, AGAIN, clock, stop.clone());
    let swept = tokio::spawn(swept);
    // Whoever started this is gone when it ends.
    input.read_to_end(&mut nothing).await?;
    stop.cancel();
    swept.await?;
    host.stop().await;
    let mut steps = std::mem::take(&mut *timed.steps.lock().expect(NO_PANIC));
    steps.sort_unstable();
    let shares = [0.99, 1.0].map(|share| report::percentile(&steps, share));
    line(&shares.map(|step| step.to_string()).join(" "));
    Ok(())
}

/// Retention, with what each step that removed something took: its wait for the writer, its work and its commit.
struct Timed {
    store: Arc<Store>,
    steps: Mutex<Vec<Duration>>,
}

const NO_PANIC: &str = "nobody panics while counting";

#[async_trait]
impl Retention for Timed {
    async fn sweep(&self, keep: &Keep, rows: u32, now: Timestamp) -> Result<Swept, Error> {
        let clock = SystemClock::new();
        let began = clock.monotonic();
        let swept = self.store.sweep(keep, rows, now).await?;
        if swept.rows > 0 {
            let took = clock.monotonic().saturating_sub(began);
            self.steps.lock().expect(NO_PANIC).push(took);
        }
        Ok(swept)
    }
}
