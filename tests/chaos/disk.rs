//! The disk that the hosts store on: a small one that can be filled, and a limit past which writes fail.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
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

    /// How long the log of that database is.
    pub fn log_bytes(&self) -> u64 {
        let log = self.database().with_extension("db-wal");
        fs::metadata(log).map_or(0, |log| log.len())
    }

    /// A folder in it that belongs to whom `like` belongs to.
    pub fn folder_like(&self, like: &Path) -> Result<PathBuf> {
        let owner = fs::metadata(like)?;
        let folder = self.path().join("database");
        fs::create_dir(&folder)?;
        chown(&folder, Some(owner.uid()), Some(owner.gid()))?;
        Ok(folder)
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

/// For a while a process can write to no file beyond `bytes`.
pub async fn refuse_writes_of(pid: u32, bytes: u64, duration: Duration) -> Result<()> {
    limit(pid, &bytes.to_string())?;
    tokio::time::sleep(duration).await;
    limit(pid, "unlimited")
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
    let process = PathBuf::from(format!("/proc/{pid}"));
    let Ok(owner) = fs::metadata(&process) else {
        return Ok(());
    };
    let mut prlimit = Command::new("prlimit");
    prlimit
        .args([format!("--pid={pid}"), format!("--fsize={bytes}:")])
        // Whose process it is may do it everywhere, root not.
        .uid(owner.uid())
        .gid(owner.gid());
    match run(&mut prlimit) {
        Err(_) if !process.exists() => Ok(()),
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
