//! The hosts: real processes that are started, killed, held back and asked where they listen.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_tests::http::Client;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::time::timeout;

use crate::host::{Host, Place, Program};

/// A host whose disk is full or whose database is gone does not start; whatever watches it tries again, for so long. No
/// fault lasts longer.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(200);
/// A process that was killed is gone by then.
const DEATH: Duration = Duration::from_secs(10);
/// A host that can reach what it stores in is up and ready by then.
const READY: Duration = Duration::from_mins(4);

/// All hosts of a campaign.
pub struct Fleet {
    program: Program,
    hosts: Vec<Host>,
    /// How many of them work from the beginning.
    started: usize,
    /// How many ended by themselves.
    ended: AtomicU32,
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
            hosts.push(Host::new(place)?);
        }
        let fleet = Self {
            program,
            hosts,
            started,
            ended: AtomicU32::new(0),
        };
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
        bail!("no host runs, so nobody can say what the tables hold")
    }

    /// How many hosts ended though nobody killed them.
    pub fn ended(&self) -> u32 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Starts one that does not run, again and again until it does.
    pub async fn launch(&self, number: usize) -> Result<()> {
        let host = &self.hosts[number];
        let mut process = host.process.lock().await;
        if let Some(child) = process.as_mut() {
            if child.try_wait()?.is_none() {
                return Ok(());
            }
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        host.listen(None);
        *process = None;
        let mut refusal = None;
        let launching = async {
            loop {
                match host.spawn(&self.program).await {
                    Ok(started) => return started,
                    Err(error) => refusal = Some(error),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let Ok((child, authority)) = timeout(PATIENCE, launching).await else {
            let refusal = refusal.map_or("no start came to an end".to_owned(), |error| {
                format!("{error:#}")
            });
            bail!("host {number} was not up after {PATIENCE:?} of starts: {refusal}");
        };
        *process = Some(child);
        host.listen(Some(authority));
        Ok(())
    }

    /// Starts those again that ended by themselves.
    pub async fn revive(&self) -> Result<()> {
        for (number, host) in self.hosts.iter().enumerate() {
            let mut process = host.process.lock().await;
            let ended = process.as_mut().map(Child::try_wait).transpose()?.flatten();
            drop(process);
            if ended.is_some() {
                self.launch(number).await?;
            }
        }
        Ok(())
    }

    /// Waits until each that works from the beginning says that it can take events; one that ended is started.
    pub async fn ready(&self) -> Result<()> {
        for (number, host) in self.hosts.iter().enumerate().take(self.started) {
            let mut said = "it does not answer".to_owned();
            let asking = async {
                loop {
                    self.launch(number).await?;
                    let authority = host.listens().unwrap_or_default();
                    match Client::new(&authority).get("/readyz", &[]).await {
                        Ok(answer) if answer.status == 200 => return anyhow::Ok(()),
                        Ok(answer) => said = String::from_utf8_lossy(&answer.body).into_owned(),
                        Err(error) => said = format!("{error:#}"),
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            };
            let Ok(asked) = timeout(READY, asking).await else {
                bail!(
                    "host {number} was not ready after {READY:?}, with its database and its disk whole: {}",
                    said.trim()
                );
            };
            asked?;
        }
        Ok(())
    }

    /// `kill -9`, and waits until the process is gone; false where there was none any more.
    pub async fn kill(&self, number: usize) -> Result<bool> {
        let host = &self.hosts[number];
        let mut process = host.process.lock().await;
        host.listen(None);
        let Some(mut child) = process.take() else {
            return Ok(false);
        };
        if child.try_wait()?.is_some() {
            self.ended.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
        timeout(DEATH, child.kill())
            .await
            .with_context(|| format!("host {number} is still there {DEATH:?} after it was killed"))?
            .context("killing a host")?;
        Ok(true)
    }

    /// The process of one that runs.
    pub async fn pid(&self, number: usize) -> Option<u32> {
        self.hosts[number].process.lock().await.as_ref()?.id()
    }

    /// Lets one's wall clock stand so far from the others', where it runs and is on such a clock; whether it does.
    pub async fn stand_off(&self, number: usize, ms: i64) -> bool {
        let mut process = self.hosts[number].process.lock().await;
        match process.as_mut().and_then(|child| child.stdin.as_mut()) {
            Some(input) => input.write_all(format!("{ms}\n").as_bytes()).await.is_ok(),
            None => false,
        }
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
