//! The real program as a process, spoken to as an operator would: its output and its admin API.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_tests::host::Setup;
use gladhand_tests::http::Client;
use serde_json::Value;

use crate::show::Show;

/// A running host.
pub struct Process {
    /// `host:port`
    pub authority: String,
    child: Child,
    token: String,
    log: PathBuf,
}

impl Process {
    /// Starts `gladhand serve` and waits until it says where it listens.
    pub fn start(setup: &Setup) -> Result<Self> {
        let config = setup.write()?;
        let program = std::env::current_exe()?.with_file_name("gladhand");
        let log = setup.dir.join("host.log");
        let mut child = Command::new(&program)
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut said = String::new();
        let stdout = child.stdout.take().context("the host's output is piped")?;
        BufReader::new(stdout).read_line(&mut said)?;
        let Some(authority) = said
            .trim()
            .strip_prefix("listening on http://")
            .map(str::to_owned)
        else {
            let _already_gone = child.kill();
            bail!("the host did not start:\n{}", fs::read_to_string(&log)?);
        };
        let token = fs::read_to_string(setup.dir.join("data/admin.token"))?
            .trim()
            .to_owned();
        Ok(Self {
            authority,
            child,
            token,
            log,
        })
    }

    /// Waits until every delivery is done, showing what arrives.
    pub async fn settle(&self, show: &mut Show<'_>) -> Result<()> {
        let mut client = Client::new(&self.authority);
        // A delivery that waits for a later time would keep this from ending; the day has none.
        for _ in 0..600 {
            show.arrived();
            let mut left = 0;
            for state in ["pending", "running", "waiting"] {
                let headers = [("authorization", format!("Bearer {}", self.token))];
                let answer = client
                    .get(
                        &format!("/api/v1/deliveries?state={state}&limit=1"),
                        &headers,
                    )
                    .await?;
                let page: Value = serde_json::from_slice(&answer.body)?;
                left += page["items"].as_array().map_or(1, Vec::len);
            }
            if left == 0 {
                show.arrived();
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "deliveries are still on their way after a minute:\n{}",
            fs::read_to_string(&self.log)?
        )
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .context("asking the host to stop")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only where the demonstration failed or was ended: it was not asked to stop then.
        if let Ok(None) = self.child.try_wait() {
            let _already_gone = self.child.kill();
            // Its folder is removed next, and nothing may be written there any more.
            let _already_gone = self.child.wait();
        }
    }
}
