//! The disk that the hosts store on: a small one that can be filled, and a limit past which writes fail.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

/// Room for what minutes of load leave behind.
const SIZE_MIB: u32 = 256;

/// A folder, and whether it is a disk of its own.
pub struct Disk {
    dir: TempDir,
    is_mounted: bool,
}

impl Disk {
    /// Whether this user may mount one.
    pub fn can_be_small() -> bool {
        fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
    }

    /// A folder; a small disk of its own where `is_small`.
    pub fn new(is_small: bool) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("gladhand-chaos-")
            .tempdir()?;
        if is_small {
            let size = format!("size={SIZE_MIB}m");
            let mount = ["-t", "tmpfs", "-o", &size, "gladhand-chaos"];
            run(Command::new("mount").args(mount).arg(dir.path()))
                .context("mounting a small disk; --fault chooses the faults that do without")?;
        }
        Ok(Self {
            dir,
            is_mounted: is_small,
        })
    }

    /// Where.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The database of the one host that stores in a file.
    pub fn database(&self) -> PathBuf {
        self.path().join("host-0/gladhand.db")
    }

    /// Leaves no space for a while.
    pub async fn full_for(&self, duration: Duration) -> Result<()> {
        let ballast = self.path().join("ballast");
        let path = ballast.clone();
        tokio::task::spawn_blocking(move || fill(&path)).await??;
        tokio::time::sleep(duration).await;
        fs::remove_file(ballast).context("making space again")
    }

    /// For a while a process can write to no file beyond the size that the database's log has now.
    pub async fn refuse_writes_of(&self, pid: u32, duration: Duration) -> Result<()> {
        let log = self.database().with_extension("db-wal");
        let size = fs::metadata(log).map_or(0, |log| log.len());
        limit(pid, &size.to_string())?;
        tokio::time::sleep(duration).await;
        limit(pid, "unlimited")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // A process that was killed a moment ago may still hold it.
            let _left_to_the_machine =
                run(Command::new("umount").arg("--lazy").arg(self.dir.path()));
        }
    }
}

fn fill(path: &Path) -> Result<()> {
    let block = vec![0; 1 << 20];
    let mut file = fs::File::create(path)?;
    // One more than fits, and then byte by byte what is left of a page.
    for _ in 0..=SIZE_MIB {
        if file.write_all(&block).is_err() {
            return Ok(());
        }
    }
    bail!("the small disk takes more than it has")
}

/// The soft limit on file sizes of a process. One that was killed meanwhile needs none.
fn limit(pid: u32, bytes: &str) -> Result<()> {
    let mut prlimit = Command::new("prlimit");
    prlimit.args([format!("--pid={pid}"), format!("--fsize={bytes}:")]);
    match run(&mut prlimit) {
        Err(_) if !Path::new(&format!("/proc/{pid}")).exists() => Ok(()),
        limited => limited,
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("starting {program}"))?;
    if !output.status.success() {
        bail!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
