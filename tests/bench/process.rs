//! A host in a process of its own: `gladhand serve`, or this program as one whose retention never rests.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use gladhand_core::clock::Clock as _;
use gladhand_server::config::{Config, Environment};
use gladhand_server::host::{Host, World};
use gladhand_server::system::{self, SystemClock, SystemIds};
use gladhand_store::Retention as _;
use gladhand_store::retention::Keep;
use gladhand_tests::host::Setup;
use gladhand_tests::http::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::report::{self, line};

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `gladhand serve`.
    Serve,
    /// The same host, and what has settled is removed within seconds.
    Forgetful,
}

/// A running host; it is killed when dropped.
pub struct Process {
    /// `host:port`
    pub authority: String,
    child: Child,
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
        BufReader::new(output).read_line(&mut said).await?;
        let Some(authority) = said.trim().strip_prefix("listening on http://") else {
            bail!("the host did not start:\n{}", fs::read_to_string(&log)?);
        };
        let token = fs::read_to_string(setup.dir.join("data/admin.token"))?;
        Ok(Self {
            authority: authority.to_owned(),
            child,
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
    let swept: Result<()> = tokio::select! {
        swept = sweep(&host, &clock) => swept.map(|never| match never {}),
        // Whoever started this is gone.
        _ = input.read_to_end(&mut nothing) => Ok(()),
    };
    host.stop().await;
    swept
}

async fn sweep(host: &Host, clock: &SystemClock) -> Result<Infallible> {
    const KEPT: Duration = Duration::from_secs(2);
    const ROWS: u32 = 512;
    const REST: Duration = Duration::from_millis(50);
    let keep = Keep {
        events: KEPT,
        unreadable: KEPT,
        exchanges: KEPT,
        dead: KEPT,
        link_history: KEPT,
        audit: KEPT,
    };
    loop {
        let swept = host.store.sweep(&keep, ROWS, clock.now()).await?;
        if swept.is_done {
            tokio::time::sleep(REST).await;
        }
    }
}
