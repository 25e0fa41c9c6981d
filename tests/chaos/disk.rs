//! The disk that the hosts store on: a small one that can be filled, and a limit past which writes fail.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// More than hours of load leave behind; only what lies in it takes memory.
const SIZE: &str = "4g";
/// Who writes at the same moment lets the disk grow between measuring it and making it so small.
const TRIES: u32 = 50;

/// A folder, and whether it is a disk of its own.
pub struct Disk {
    dir: TempDir,
    is_mounted: bool,
    /// Held while there is no space, and by whoever needs some.
    space: Mutex<()>,
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
            let size = format!("size={SIZE}");
            let mount = ["-t", "tmpfs", "-o", &size, "gladhand-chaos"];
            run(Command::new("mount").args(mount).arg(dir.path()))
                .context("mounting a small disk; --fault chooses the faults that do without")?;
        }
        Ok(Self {
            dir,
            is_mounted: is_small,
            space: Mutex::default(),
        })
    }

    /// Whether it is one of its own, that can be full.
    pub fn is_small(&self) -> bool {
        self.is_mounted
    }

    /// Where.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The database of the one host that stores in a file.
    pub fn database(&self) -> PathBuf {
        self.path().join("host-0/gladhand.db")
    }

    /// Leaves no space for a while: the disk is as small as what lies in it.
    pub async fn full_for(&self, duration: Duration) -> Result<()> {
        let _none = self.space.lock().await;
        let mut more = 1..TRIES;
        while let Err(error) = self.shrink() {
            if more.next().is_none() {
                return Err(error.context("filling the small disk"));
            }
        }
        tokio::time::sleep(duration).await;
        self.resize(SIZE).context("making space again")
    }

    /// Waits until there is space; there is some for as long as what is returned lives.
    pub async fn keep_space(&self) -> MutexGuard<'_, ()> {
        self.space.lock().await
    }

    /// A folder in it that belongs to whom `like` belongs to.
    pub fn folder_like(&self, like: &Path) -> Result<PathBuf> {
        let owner = fs::metadata(like)?;
        let folder = self.path().join("database");
        fs::create_dir(&folder)?;
        chown(&folder, Some(owner.uid()), Some(owner.gid()))?;
        Ok(folder)
    }

    fn shrink(&self) -> Result<()> {
        let mut df = Command::new("df");
        df.args(["--block-size=1024", "--output=used"]);
        let said = run(df.arg(self.path()))?;
        let used: u64 = said
            .lines()
            .nth(1)
            .and_then(|line| line.trim().parse().ok())
            .with_context(|| format!("df says no number: {said}"))?;
        self.resize(&format!("{used}k"))
    }

    fn resize(&self, size: &str) -> Result<()> {
        let options = format!("remount,size={size}");
        run(Command::new("mount")
            .args(["-o", &options])
            .arg(self.path()))?;
        Ok(())
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

/// For a while a process can write to no file; whether it is still there then.
pub async fn refuse_writes_of(pid: u32, duration: Duration) -> Result<bool> {
    limit(pid, "0")?;
    tokio::time::sleep(duration).await;
    limit(pid, "unlimited")?;
    Ok(!is_gone(pid))
}

/// The soft limit on file sizes of a process. One that was killed meanwhile needs none.
fn limit(pid: u32, bytes: &str) -> Result<()> {
    let Ok(owner) = fs::metadata(process(pid)) else {
        return Ok(());
    };
    let mut prlimit = Command::new("prlimit");
    prlimit
        .args([format!("--pid={pid}"), format!("--fsize={bytes}:")])
        // Whose process it is may do it everywhere, root not.
        .uid(owner.uid())
        .gid(owner.gid());
    match run(&mut prlimit) {
        Err(_) if is_gone(pid) => Ok(()),
        limited => limited.map(drop),
    }
}

/// Whether it has ended; its parent may not have noticed yet.
fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(process(pid).join("stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

fn process(pid: u32) -> PathBuf {
    format!("/proc/{pid}").into()
}

/// Runs a program that is soon done; what it says.
fn run(command: &mut Command) -> Result<String> {
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
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
