//! Whether this machine can mount with FUSE.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

/// What a test that mounts with FUSE lacks on this machine, in the words of `tests/skips.txt`.
pub fn missing_for_fuse() -> Option<&'static str> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse");
    if device.is_err() {
        return Some("/dev/fuse");
    }
    if works(Command::new("fusermount3").arg("-V")) || may_mount() {
        return None;
    }
    Some("permission to mount")
}

/// Whether this process may mount by itself.
fn may_mount() -> bool {
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let mut mount = Command::new("mount");
    let mounted = works(mount.args(["-t", "tmpfs", "tmpfs"]).arg(folder.path()));
    mounted && works(Command::new("umount").arg(folder.path()))
}

fn works(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
