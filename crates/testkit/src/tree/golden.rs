//! One specimen of everything a backup must bring back.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{random_bytes, set_modified, write_text_file};

/// Fills `root`, which must exist and be empty, with small, large, sparse and empty files, empty
/// and deep directories, and names of many kinds; on Unix also names that are not text, symbolic
/// links, hard links, modes and times at their limits. About 30 MiB, always the same.
pub fn golden(root: &Path) -> io::Result<()> {
    fs::write(root.join("readme.txt"), "one specimen of everything\n")?;
    sizes(&directory(root, "sizes")?)?;
    names(&directory(root, "names")?)?;
    directories(&directory(root, "directories")?)?;
    times(&directory(root, "times")?)?;
    #[cfg(unix)]
    {
        unix::names(&root.join("names"))?;
        unix::links(&directory(root, "links")?)?;
        unix::modes(&directory(root, "modes")?)?;
    }
    fix_directory_times(root, 1_700_000_000)
}

fn directory(above: &Path, name: &str) -> io::Result<PathBuf> {
    let path = above.join(name);
    fs::create_dir(&path)?;
    Ok(path)
}

fn sizes(at: &Path) -> io::Result<()> {
    fs::write(at.join("empty"), b"")?;
    for (seed, length) in [1, 2, 4095, 4096, 4097, 65_536, 1 << 20]
        .into_iter()
        .enumerate()
    {
        fs::write(
            at.join(format!("{length}-bytes")),
            random_bytes(seed as u64, length),
        )?;
    }
    // Several chunks, once and again with a byte inserted, so that the two share most of them.
    let large = random_bytes(100, 13_000_001);
    fs::write(at.join("large"), &large)?;
    let mut shifted = fs::File::create(at.join("large-shifted"))?;
    shifted.write_all(&large[..1000])?;
    shifted.write_all(b"!")?;
    shifted.write_all(&large[1000..])?;
    fs::write(at.join("zeros"), vec![0; 3 << 20])?;
    write_text_file(&at.join("text"), 101, 700_000)?;
    let mut sparse = fs::File::create(at.join("sparse"))?;
    sparse.write_all(b"begin")?;
    sparse.seek(SeekFrom::Start(4 << 20))?;
    sparse.write_all(b"middle")?;
    sparse.set_len(9 << 20)?;
    fs::File::create(at.join("only-a-hole"))?.set_len(5 << 20)?;
    for copy in ["copy-1", "copy-2"] {
        fs::write(at.join(copy), random_bytes(102, 300_000))?;
    }
    Ok(())
}

fn names(at: &Path) -> io::Result<()> {
    let longest = "n".repeat(255);
    let names = [
        "two words",
        "Grüße aus Köln",
        "e\u{301} decomposed",
        "\u{e9} composed",
        "日本語のファイル",
        "العربية",
        "🦀 crab.rs",
        "zero\u{200b}width",
        ".hidden",
        "-dash",
        "~tilde",
        "a'quote",
        "percent%20",
        "amp&ersand;",
        "UPPER",
        &longest,
    ];
    for name in names {
        fs::write(at.join(name), name.as_bytes())?;
    }
    let inside = directory(at, "ordner mit ümlaut")?;
    fs::write(inside.join("datei ß"), b"inside")
}

fn directories(at: &Path) -> io::Result<()> {
    directory(at, "empty")?;
    let mut deep = at.to_owned();
    for level in 0..20 {
        deep = directory(&deep, &format!("level-{level}"))?;
    }
    fs::write(deep.join("bottom"), b"deep below")?;
    let wide = directory(at, "wide")?;
    for number in 0..300 {
        fs::write(wide.join(format!("{number:04}")), format!("file {number}"))?;
    }
    // Order by bytes and order by directory level differ for these.
    let order = directory(at, "order")?;
    fs::write(order.join("a.txt"), b"1")?;
    fs::write(directory(&order, "a")?.join("b"), b"2")?;
    fs::write(order.join("a-b"), b"3")
}

fn times(at: &Path) -> io::Result<()> {
    for (name, seconds, nanoseconds) in [
        ("nanoseconds", 1_234_567_890, 123_456_789),
        ("epoch", 0, 0),
        ("before-1970", -86_400, 500_000_000),
        ("far", 4_102_444_799, 999_999_900),
        ("whole-second", 1_000_000_000, 0),
    ] {
        let path = at.join(name);
        fs::write(&path, name)?;
        set_modified(&path, seconds, nanoseconds)?;
    }
    Ok(())
}

/// Gives every directory a time of its own, children first, because filling one changes it.
fn fix_directory_times(at: &Path, seconds: i64) -> io::Result<()> {
    let mut children: Vec<_> = fs::read_dir(at)?.collect::<io::Result<_>>()?;
    children.sort_by_key(fs::DirEntry::file_name);
    for (number, child) in children.iter().enumerate() {
        if child.file_type()?.is_dir() {
            fix_directory_times(&child.path(), seconds + 60 * (1 + number as i64))?;
        }
    }
    set_modified(at, seconds, 250_000_000)
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::directory;
    use crate::tree::set_modified;

    pub(super) fn names(at: &Path) -> io::Result<()> {
        let names: [&[u8]; 14] = [
            b"back\\slash",
            b"star*question?",
            b"double\"quote",
            b"less<more>pipe|colon:",
            b" leading and trailing ",
            b"line\nfeed",
            b"tab\tand\x01control\x7f",
            b"latin1-\xe9t\xe9",
            b"\xff\xfe",
            b"cut-\xe2\x82",
            // These three become one text when what is not text is replaced.
            b"clash-\xff",
            b"clash-\xfe",
            "clash-\u{fffd}".as_bytes(),
            b"trailing dot.",
        ];
        for name in names {
            fs::write(at.join(OsStr::from_bytes(name)), name)?;
        }
        let inside = at.join(OsStr::from_bytes(b"folder-\xc3\x28"));
        fs::create_dir(&inside)?;
        fs::write(
            inside.join(OsStr::from_bytes(b"\x80")),
            b"in a folder whose name is not text",
        )
    }

    pub(super) fn links(at: &Path) -> io::Result<()> {
        fs::write(at.join("target"), b"pointed at")?;
        let folder = directory(at, "folder")?;
        fs::write(folder.join("inside"), b"inside")?;
        let links: [(&str, &[u8]); 8] = [
            ("to-file", b"target"),
            ("to-folder", b"folder"),
            ("up-and-down", b"../links/folder/inside"),
            ("dangling", b"no such file"),
            ("absolute", b"/etc/hostname"),
            ("loop", b"loop"),
            ("not-text", b"targ\xff\xfet"),
            ("to-root", b"/"),
        ];
        for (number, (name, target)) in links.into_iter().enumerate() {
            let path = at.join(name);
            symlink(OsStr::from_bytes(target), &path)?;
            set_modified(&path, 1_600_000_000 + number as i64, 1_000)?;
        }
        fs::write(at.join("hard-1"), b"one file with two names")?;
        fs::hard_link(at.join("hard-1"), at.join("hard-2"))
    }

    pub(super) fn modes(at: &Path) -> io::Result<()> {
        for mode in [
            0o600, 0o644, 0o755, 0o444, 0o400, 0o777, 0o000, 0o4755, 0o2755, 0o640,
        ] {
            let path = at.join(format!("file-{mode:04o}"));
            fs::write(&path, format!("{mode:o}"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        for mode in [0o700, 0o755, 0o1777, 0o2775, 0o555] {
            let path = directory(at, &format!("folder-{mode:04o}"))?;
            fs::write(path.join("inside"), b"inside")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}
