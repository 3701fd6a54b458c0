//! Mounting a tree with FUSE, and what can stand in the way of it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use fuser::{Config, MountOption, Session, SessionACL};
use holdfast_host::{Cancel, mounts};

use crate::fuse::Front;
use crate::tree::Tree;

/// By this name the kernel lists our mounts.
const NAME: &str = "holdfast";
/// The door to FUSE.
const DEVICE: &str = "/dev/fuse";
/// How many requests are answered at a time by default.
const THREADS: usize = 16;
/// How long programs may finish by default.
const GRACE: Duration = Duration::from_secs(5);

/// Why a tree is not mounted. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The mount point does not exist.
    #[error("the folder {path} does not exist; make it with `mkdir`, a mount needs an empty folder", path = .0.display())]
    Missing(PathBuf),
    /// The mount point is a file.
    #[error("{path} is not a folder; name an empty folder", path = .0.display())]
    NotAFolder(PathBuf),
    /// The mount point holds something, which the mount would hide.
    #[error("the folder {path} is not empty, and what is in it would be hidden; name an empty folder", path = .0.display())]
    NotEmpty(PathBuf),
    /// Something is mounted there by FUSE.
    #[error(
        "{source} is mounted at {path} already; name another folder, or end that with `fusermount3 -u {path}` or `umount {path}`",
        path = .path.display(), source = .mounted
    )]
    Mounted {
        /// The mount point.
        path: PathBuf,
        /// What is mounted there.
        mounted: String,
    },
    /// A mount whose process is gone could not be taken away.
    #[error(
        "{path} is the mount of a process that is gone, and it cannot be taken away: {reason}; do it with \
         `fusermount3 -u {path}`, or as root with `umount -l {path}`",
        path = .path.display()
    )]
    Dead {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The mount point cannot be looked at.
    #[error("look at the folder {path}: {source}", path = .path.display())]
    Look {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This system has no FUSE.
    #[error(
        "there is no {DEVICE}: load the module of the kernel with `modprobe fuse`; a container needs `--device {DEVICE} \
         --cap-add SYS_ADMIN`"
    )]
    NoDevice,
    /// The door to FUSE is closed to this user.
    #[error(
        "{DEVICE} cannot be opened: {0}; run it as root, or let an administrator give you access to {DEVICE} (a group `fuse` \
         on some systems)"
    )]
    DeviceClosed(#[source] io::Error),
    /// This process may not mount, and there is no helper that may.
    #[error(
        "this process may not mount, and `fusermount3`, which does it for ordinary users, is not there: install the package \
         fuse3, or run it as root (in a container with `--cap-add SYS_ADMIN`)"
    )]
    NoHelper,
    /// Others may not be let in.
    #[error(
        "the administrator does not allow --allow-other: {0}; leave it out, or write `user_allow_other` into /etc/fuse.conf"
    )]
    OthersNotAllowed(String),
    /// The system refused for another reason.
    #[error("mount at {path}: {reason}", path = .path.display())]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The mount broke off.
    #[error("the mount at {path} broke off: {source}", path = .path.display())]
    Broken {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A mount point that can be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Prepared {
    path: PathBuf,
    /// Whether a mount was there whose process is gone. It was taken away.
    pub had_dead_mount: bool,
}

/// How to mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountRequest {
    /// Whether other users may look into it. The kernel then checks the permissions of entries; else who mounts reads all.
    pub allow_other: bool,
    /// How many requests are answered at a time.
    pub threads: usize,
    /// How long programs that have files open may still read them after the mount was taken away.
    pub grace: Duration,
}

impl Default for MountRequest {
    fn default() -> Self {
        Self {
            allow_other: false,
            threads: THREADS,
            grace: GRACE,
        }
    }
}

/// How a mount ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody else unmounted it.
    FromOutside,
    /// It was unmounted because that was asked for.
    OnRequest,
    /// The same, but programs still have files open in it, which get errors from now on.
    InUse,
}

/// Looks whether a folder can be mounted on, and whether there is FUSE. A mount of ours whose process is gone is taken away.
///
/// # Errors
/// [`MountError`].
pub fn prepare(path: &Path) -> Result<Prepared, MountError> {
    let look = |source| MountError::Look {
        path: path.to_owned(),
        source,
    };
    let mut had_dead_mount = false;
    let mut metadata = fs::metadata(path);
    if is_dead(&metadata) {
        take_away(path)?;
        had_dead_mount = true;
        metadata = fs::metadata(path);
    }
    let metadata = metadata.map_err(|error| match error.kind() {
        ErrorKind::NotFound => MountError::Missing(path.to_owned()),
        ErrorKind::NotADirectory => MountError::NotAFolder(path.to_owned()),
        _ => look(error),
    })?;
    if !metadata.is_dir() {
        return Err(MountError::NotAFolder(path.to_owned()));
    }
    let path = path.canonicalize().map_err(look)?;
    // Without the kernel's list the mount itself tells.
    if let Ok(Some(mount)) = mounts::at(&path)
        && mount.file_system.starts_with("fuse")
    {
        return Err(MountError::Mounted {
            path,
            mounted: mount.source,
        });
    }
    if fs::read_dir(&path).map_err(look)?.next().is_some() {
        return Err(MountError::NotEmpty(path));
    }
    open_device()?;
    Ok(Prepared {
        path,
        had_dead_mount,
    })
}

/// The kernel's answer for a mount whose process is gone: "Transport endpoint is not connected".
fn is_dead(metadata: &io::Result<fs::Metadata>) -> bool {
    let error = metadata.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::NotConnected)
}

fn take_away(path: &Path) -> Result<(), MountError> {
    let dead = |reason: String| MountError::Dead {
        path: path.to_owned(),
        reason,
    };
    // The mount itself answers no call, the folder that it lies in does.
    let parent = path.parent().map(Path::canonicalize);
    let real = match (parent, path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    };
    let mount = mounts::at(&real).map_err(|error| dead(error.to_string()))?;
    match mount {
        Some(mount) if mount.source == NAME => {
            mounts::detach(&real).map_err(|error| dead(error.to_string()))
        }
        Some(mount) => Err(dead(format!("it belongs to {}", mount.source))),
        None => Err(dead("the system does not list it".to_owned())),
    }
}

fn open_device() -> Result<(), MountError> {
    match OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(MountError::DeviceClosed(error))
        }
        // Missing, or there without the module of the kernel.
        Err(_) => Err(MountError::NoDevice),
    }
}

/// Mounts a tree and answers the system until it is unmounted from outside or `stop` is raised, and unmounts it then.
/// `mounted` is called as soon as it can be used.
///
/// # Errors
/// [`MountError`].
pub fn mount(
    tree: &Arc<Tree>,
    place: &Prepared,
    request: &MountRequest,
    stop: &Cancel,
    mounted: impl FnOnce(),
) -> Result<Ended, MountError> {
    let broken = |source| MountError::Broken {
        path: place.path.clone(),
        source,
    };
    let mut session = Session::new(Front::new(Arc::clone(tree)), &place.path, &config(request))
        .map_err(|error| refused(place, &error))?;
    let mut unmounter = session.unmount_callable();
    let (sender, events) = channel();
    let ended = sender.clone();
    thread::Builder::new()
        .name("fuse".to_owned())
        .spawn(move || {
            // Nobody listens any more only when the mount is given up.
            let _ = ended.send(Some(session.run()));
        })
        .map_err(broken)?;
    mounted();
    let stopping = stop.on_cancel(move || drop(sender.send(None)));
    let first = events.recv();
    drop(stopping);
    match first {
        Ok(Some(result)) => return result.map(|()| Ended::FromOutside).map_err(broken),
        Ok(None) => {}
        Err(_) => return Err(broken(io::Error::other("a thread ended unexpectedly"))),
    }
    if unmounter.unmount().is_err() {
        // In use. It is gone from the folder at once all the same.
        mounts::detach(&place.path).map_err(broken)?;
    }
    loop {
        match events.recv_timeout(request.grace) {
            Ok(Some(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(Ended::OnRequest),
            Ok(None) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(Ended::InUse),
        }
    }
}

fn config(request: &MountRequest) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoSuid,
        MountOption::NoDev,
        MountOption::NoAtime,
        MountOption::FSName(NAME.to_owned()),
        MountOption::Subtype(NAME.to_owned()),
    ];
    if request.allow_other {
        config.acl = SessionACL::All;
        config.mount_options.push(MountOption::DefaultPermissions);
    }
    config.n_threads = Some(request.threads.max(1));
    config.clone_fd = true;
    config
}

fn refused(place: &Prepared, error: &io::Error) -> MountError {
    let text = error.to_string();
    match error.kind() {
        // The mount point and the device were there a moment ago.
        ErrorKind::NotFound => MountError::NoHelper,
        ErrorKind::PermissionDenied if text.contains("user_allow_other") => {
            MountError::OthersNotAllowed(text.trim().to_owned())
        }
        _ => MountError::Refused {
            path: place.path.clone(),
            reason: text.trim().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_that_cannot_be_are_refused_with_advice() {
        let folder = tempfile::tempdir().expect("make a folder");
        let file = folder.path().join("file");
        fs::write(&file, "x").expect("write a file");
        let text = |path: &Path| prepare(path).expect_err("it is refused").to_string();
        assert!(text(&folder.path().join("none")).contains("does not exist; make it"));
        assert!(text(&file).contains("is not a folder"));
        assert!(text(&file.join("below")).contains("is not a folder"));
        assert!(text(folder.path()).contains("is not empty"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let place = Prepared {
            path: "/mnt".into(),
            had_dead_mount: false,
        };
        let text = |kind, text: &str| refused(&place, &io::Error::new(kind, text)).to_string();
        assert!(text(ErrorKind::NotFound, "No such file").contains("install the package fuse3"));
        let others = "option allow_other only allowed if 'user_allow_other' is set";
        assert!(text(ErrorKind::PermissionDenied, others).contains("/etc/fuse.conf"));
        assert_eq!(text(ErrorKind::Other, "busy\n"), "mount at /mnt: busy");
    }
}
