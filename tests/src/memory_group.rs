//! A program with little memory: a memory cgroup, of version 1 or 2, around one call of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cli::Finished;

/// How often the program's memory is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// A cgroup with a limit; it goes when it is dropped.
#[derive(Debug)]
pub struct MemoryGroup {
    directory: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// What a call took.
#[derive(Debug)]
pub struct Measured {
    /// What it printed and how it ended.
    pub finished: Finished,
    /// Time on the clock.
    pub wall: Duration,
    /// The most anonymous memory that it had when it was looked at, in bytes: what the program holds for itself.
    pub anonymous: u64,
    /// The most memory that the group was charged with, in bytes, cached pages of files included, which the system takes
    /// back when memory is short.
    pub charged: u64,
}

impl MemoryGroup {
    /// A group of at most `limit` bytes, swap included; nothing when this machine does not let this user make one.
    pub fn new(limit: u64) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("holdfast-test-{}-{number}", std::process::id());
        places().into_iter().find_map(|(version, place)| {
            let directory = place.join(&name);
            fs::create_dir(&directory).ok()?;
            // From here on it is removed when something fails.
            let group = Self { directory, version };
            fs::write(group.file(version.limit()), limit.to_string()).ok()?;
            // Where swap is not counted there is no such file.
            let (file, most) = version.swap(limit);
            fs::write(group.file(file), most.to_string()).ok();
            Some(group)
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A program that will run within the group; arguments and environment are still to be given.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"echo $$ > "$0" && exec "$@""#])
            .arg(self.file("cgroup.procs"))
            .arg(program);
        command
    }

    /// Runs a command of [`Self::command`] to its end.
    pub fn measure(&self, command: &mut Command) -> Measured {
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start sh");
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut anonymous = 0;
        let output = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| child.wait_with_output());
            while !waiting.is_finished() {
                anonymous = anonymous.max(anonymous_memory(&status).unwrap_or(0));
                std::thread::sleep(PAUSE);
            }
            waiting.join().expect("the waiting thread")
        });
        let charged = fs::read_to_string(self.file(self.version.peak()));
        Measured {
            finished: Finished::from(output.expect("wait for the program")),
            wall: started.elapsed(),
            anonymous,
            charged: charged
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
        }
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The last process may need a moment to leave it.
        for _ in 0..100 {
            if fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Version {
    fn limit(self) -> &'static str {
        match self {
            Self::One => "memory.limit_in_bytes",
            Self::Two => "memory.max",
        }
    }

    fn swap(self, limit: u64) -> (&'static str, u64) {
        match self {
            Self::One => ("memory.memsw.limit_in_bytes", limit),
            Self::Two => ("memory.swap.max", 0),
        }
    }

    fn peak(self) -> &'static str {
        match self {
            Self::One => "memory.max_usage_in_bytes",
            Self::Two => "memory.peak",
        }
    }
}

/// Where groups may be made: below the group of this process, or beside it, because version 2 allows none below one that
/// has processes.
fn places() -> Vec<(Version, PathBuf)> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (groups, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let mut places = Vec::new();
    for mount in mounts.lines().filter_map(Mount::parse) {
        let Some(own) = groups.lines().find_map(|line| mount.own_group(line)) else {
            continue;
        };
        // In a container the mount may begin at the group itself.
        let inside = Path::new(own)
            .strip_prefix(mount.root)
            .or_else(|_| Path::new(own).strip_prefix("/"))
            .unwrap_or(Path::new(""));
        let own = Path::new(mount.point).join(inside);
        let beside = own
            .parent()
            .filter(|parent| parent.starts_with(mount.point))
            .map(Path::to_owned);
        places.push((mount.version, own));
        places.extend(beside.map(|place| (mount.version, place)));
    }
    places
}

/// A mounted hierarchy that counts memory.
struct Mount<'m> {
    version: Version,
    root: &'m str,
    point: &'m str,
}

impl<'m> Mount<'m> {
    /// From a line of `/proc/self/mountinfo`.
    fn parse(line: &'m str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut words = mount.split(' ').skip(3);
        let (root, point) = (words.next()?, words.next()?);
        let mut words = system.split(' ');
        let version = match words.next()? {
            "cgroup" if words.nth(1)?.split(',').any(|option| option == "memory") => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        Some(Self {
            version,
            root,
            point,
        })
    }

    /// The group of this process, from a line of `/proc/self/cgroup` if that is about this hierarchy.
    fn own_group<'g>(&self, line: &'g str) -> Option<&'g str> {
        let (_, line) = line.split_once(':')?;
        let (controllers, group) = line.split_once(':')?;
        let ours = match self.version {
            Version::One => controllers.split(',').any(|name| name == "memory"),
            Version::Two => controllers.is_empty(),
        };
        ours.then_some(group)
    }
}

/// Anonymous memory of a process, in bytes.
fn anonymous_memory(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_and_groups() {
        let one = "40 33 0:37 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory";
        let mount = Mount::parse(one).expect("version 1");
        assert_eq!(
            (mount.version, mount.root, mount.point),
            (Version::One, "/", "/sys/fs/cgroup/memory")
        );
        assert_eq!(mount.own_group("4:memory:/a/b"), Some("/a/b"));
        assert_eq!(mount.own_group("4:cpu,memory:/a"), Some("/a"));
        assert_eq!(mount.own_group("0::/a"), None);
        let two = "30 24 0:26 /x /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let mount = Mount::parse(two).expect("version 2");
        assert_eq!((mount.version, mount.root), (Version::Two, "/x"));
        assert_eq!(mount.own_group("0::/x/y"), Some("/x/y"));
        assert_eq!(mount.own_group("4:memory:/a"), None);
        for other in [
            "40 33 0:37 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
            "22 1 0:20 / /proc rw - proc proc rw",
            "",
        ] {
            assert!(Mount::parse(other).is_none(), "{other}");
        }
    }

    /// The limit is one: a program that wants more is killed.
    #[test]
    fn a_program_that_takes_more_is_killed() {
        let Some(group) = MemoryGroup::new(32 << 20) else {
            println!("skipped: needs a memory cgroup");
            return;
        };
        let modest = group.measure(group.command("true").arg("--"));
        assert_eq!(modest.finished.code, 0, "{modest:?}");
        // `tail` holds the last line, which never ends; should the group not stop it, its address space does.
        let endless = "ulimit -v 400000; exec tail -n 1 /dev/zero";
        let greedy = group.measure(group.command("sh").args(["-c", endless]));
        assert_eq!(greedy.finished.code, -1, "no signal ended it: {greedy:?}");
        assert!(greedy.anonymous > 16 << 20, "{greedy:?}");
        assert!(greedy.charged > 24 << 20, "{greedy:?}");
    }
}
