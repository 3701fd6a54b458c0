//! Ignore files and schedules: texts that people write.

use std::str::from_utf8;

use holdfast_planning::ignore::{IgnoreFile, Pattern, RelativePath, Rules, is_cache_tag};
use holdfast_planning::schedule::{Cron, TimeOfDay, without_comment};
use jiff::tz::TimeZone;

use crate::{Flood, Target};

pub(super) const IGNORE_FILE: Target = Target {
    name: "ignore_file",
    run: ignore_file,
    floods: &[
        Flood::new("", "*\n", ""),
        Flood::new("", "**/", "\n"),
        Flood::new("", "[a-z]", "\n"),
        Flood::new("[", "a", "]\n"),
        Flood::new("[", "[:alpha:]", "]\n"),
    ],
};

fn ignore_file(input: &[u8]) {
    let _ = is_cache_tag(input);
    let root = RelativePath::root();
    let path = root.child(b"folder").child(b"file.txt");
    if let Ok(rules) = Rules::none().enter(&root, None, &[IgnoreFile { content: input }]) {
        let _ = rules.decide(&path, false);
        let _ = rules.decide(&root.child(b"folder"), true);
    }
    // The path is as hostile as the pattern, and both together take time when stars are tried everywhere.
    if let Ok(text) = from_utf8(&input[..input.len().min(64)])
        && let Ok(pattern) = Pattern::parse("", text)
    {
        let _ = pattern.matches(root.child(text.as_bytes()).characters(), true);
    }
}

pub(super) const SCHEDULES: Target = Target {
    name: "schedules",
    run: schedules,
    floods: &[
        Flood::new("", "1,", "1 * * * *"),
        Flood::new("", "0-59,", "1 * * * *"),
        Flood::new("0 0 * * * ", "1970-2099,", "2000"),
        Flood::new("", "* ", ""),
    ],
};

fn schedules(input: &[u8]) {
    let Ok(text) = from_utf8(input) else { return };
    if let Ok(cron) = Cron::parse(without_comment(text)) {
        let from = 1_700_000_000_000_000_000;
        if let Some(next) = cron.next_after(from, &TimeZone::UTC) {
            assert!(next > from, "the next run lies in the past");
        }
    }
    if let Ok(time) = text.parse::<TimeOfDay>() {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}
