//! Volumes by the kernel's list of mounts.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::Volume;
use crate::mounts::{self, Mount};

/// File systems that hold data of people on disks of this machine.
const LOCAL: [&str; 16] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "jfs", "ntfs",
    "ntfs3", "fuseblk", "reiserfs", "vfat", "xfs", "zfs",
];

/// File systems of other machines.
const NETWORK: [&str; 9] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.sshfs",
    "glusterfs",
    "nfs",
    "nfs4",
    "smb3",
];

pub(super) fn list() -> io::Result<Vec<Volume>> {
    let mounts = match mounts::list() {
        Ok(mounts) => mounts,
        // Systems without /proc have one tree.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(vec![with_sizes(Volume {
                path: "/".into(),
                ..Volume::default()
            })]);
        }
        Err(error) => return Err(error),
    };
    Ok(choose(mounts).into_iter().map(with_sizes).collect())
}

pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let figures = rustix::fs::statvfs(folder)?;
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

fn with_sizes(mut volume: Volume) -> Volume {
    // A network volume whose server is gone would hold this call up for minutes.
    if !volume.is_network
        && let Ok(figures) = rustix::fs::statvfs(volume.path.as_str())
    {
        volume.size = figures.f_blocks.saturating_mul(figures.f_frsize);
        volume.free = figures.f_bavail.saturating_mul(figures.f_frsize);
    }
    volume
}

/// Drops virtual file systems and second mounts of the same device (bind mounts); `/` always stays.
fn choose(mounts: Vec<Mount>) -> Vec<Volume> {
    let mut seen = HashSet::new();
    let mut volumes = Vec::new();
    for mount in mounts {
        let is_network = NETWORK.contains(&mount.file_system.as_str());
        let is_root = mount.path == "/";
        if !is_root && !is_network && !LOCAL.contains(&mount.file_system.as_str()) {
            continue;
        }
        let is_bind = !is_network && mount.root != "/" && !mount.file_system.starts_with("btrfs");
        if !is_root && (is_bind || !seen.insert((mount.device.clone(), mount.root.clone()))) {
            continue;
        }
        if is_root {
            seen.insert((mount.device, mount.root));
        }
        volumes.push(Volume {
            path: mount.path,
            file_system: mount.file_system,
            remote: if is_network {
                mount.source
            } else {
                String::new()
            },
            is_network,
            ..Volume::default()
        });
    }
    volumes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::parse;

    const LIST: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 8:2 / /home\\040of\\134us rw shared:2 - xfs /dev/sda2 rw
25 22 8:2 /deep /bind rw - xfs /dev/sda2 rw
26 22 8:2 / /again rw - xfs /dev/sda2 rw
27 22 0:50 / /net rw master:3 propagate_from:2 - nfs4 server:/export rw
28 22 0:51 / /tmp rw - tmpfs tmpfs rw
broken line
";

    #[test]
    fn disks_and_network_mounts_are_kept_once() {
        let volumes = choose(parse(LIST));
        let paths: Vec<&str> = volumes.iter().map(|volume| volume.path.as_str()).collect();
        assert_eq!(paths, ["/", "/home of\\us", "/net"]);
        assert_eq!(volumes[2].remote, "server:/export");
        assert!(volumes[2].is_network && !volumes[1].is_network);
    }

    #[test]
    fn the_root_stays_whatever_it_is() {
        let volumes = choose(parse("1 0 0:9 / / rw - overlay overlay rw"));
        assert_eq!(volumes.len(), 1);
        assert_eq!(volumes[0].file_system, "overlay");
    }
}
