//! Finding files in all restore points, through server and agent: what is found is what was on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use holdfast_tests::stack::{PATIENCE, Stack, item};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

/// What a file was: its length and the seconds of its last change.
type State = (u64, u64);

/// A path and its versions, the newest first: each with the number of points that have it.
type Versions = BTreeMap<String, Vec<(State, u64)>>;

const NAMES: [&str; 5] = ["report.txt", "Report 2.txt", "notes.md", "port", "ü.txt"];
const FOLDERS: [&str; 3] = ["", "docs/", "docs/old/"];

/// Changes a few files; each gets a time of its own.
fn change(source: &Path, random: &mut StdRng, now: &mut u64) {
    for _ in 0..6 {
        let folder = FOLDERS[random.random_range(0..FOLDERS.len())];
        let name = NAMES[random.random_range(0..NAMES.len())];
        let path = source.join(format!("{folder}{name}"));
        if random.random_range(0..4) == 0 {
            // It may not be there.
            let _ = fs::remove_file(&path);
            continue;
        }
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(&path, vec![b'x'; random.random_range(0..500)]).expect("write a file");
        *now += 1;
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(*now);
        let file = fs::File::options()
            .write(true)
            .open(&path)
            .expect("open it");
        file.set_modified(at).expect("set its time");
    }
}

/// The files on the disk.
fn look(source: &Path) -> BTreeMap<String, State> {
    let mut found = BTreeMap::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(source.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let metadata = entry.metadata().expect("look at an entry");
            if !metadata.is_file() {
                continue;
            }
            let at = metadata.modified().expect("a time");
            let seconds = at
                .duration_since(SystemTime::UNIX_EPOCH)
                .expect("late enough");
            let name = entry.file_name().into_string().expect("UTF-8");
            found.insert(
                format!("{folder}{name}"),
                (metadata.len(), seconds.as_secs()),
            );
        }
    }
    found
}

/// What has to be found in what lay on the disk at each point, the oldest first.
fn expected(points: &[BTreeMap<String, State>], wanted: impl Fn(&str) -> bool) -> Versions {
    let mut all = Versions::new();
    for point in points {
        for (path, state) in point.iter().filter(|(path, _)| wanted(path)) {
            let versions = all.entry(path.clone()).or_default();
            // A state that comes back is the same version, and as new as its last point.
            let known = versions.iter().position(|(known, _)| known == state);
            let points = known.map_or(0, |at| versions.remove(at).1);
            versions.insert(0, (*state, points + 1));
        }
    }
    all
}

/// Searches and waits for the end; answers the result.
async fn search(stack: &Stack, request: Value) -> Value {
    let search = stack.api.post("/searches", request).await;
    assert_eq!(search["not_searched"], json!([]), "{search}");
    let command = item("/commands", &search["vaults"][0]["command"]);
    let done = stack
        .api
        .wait_within(PATIENCE, "the vault is searched", &command, |command| {
            command["status"] != "pending" && command["status"] != "delivered"
        })
        .await;
    assert_eq!(done["status"], "completed", "{done}");
    done["result"].clone()
}

/// The files among what was found.
fn found(result: &Value) -> Versions {
    let mut all = Versions::new();
    for hit in result["hits"].as_array().expect("hits") {
        let versions = hit["versions"].as_array().expect("versions");
        if versions[0]["kind"] != "file" {
            continue;
        }
        let versions: Vec<(State, u64)> = versions
            .iter()
            .map(|version| {
                let number = |value: &Value| value.as_u64().expect("a number");
                let modified: jiff::Timestamp = version["modified"]
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .expect("a time");
                let seconds = modified.as_second().unsigned_abs();
                (
                    (number(&version["size"]), seconds),
                    number(&version["points"]),
                )
            })
            .collect();
        assert_eq!(hit["version_count"], versions.len(), "{hit}");
        for seen in [&hit["versions"][0]["first"], &hit["versions"][0]["last"]] {
            assert!(
                seen["point_id"].is_string() && seen["snapshot_id"].is_string(),
                "{hit}"
            );
        }
        let path = hit["path"].as_str().expect("a path").to_owned();
        all.insert(path, versions);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_was_there() {
    let stack = Stack::start().await;
    let source = stack.path().join("source");
    fs::create_dir(&source).expect("make the source");
    let vault = stack.s3_vault("search").await;
    let job = stack.job(&vault, &source, None).await;
    let seed = 12;
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut points, mut now) = (Vec::new(), 1_700_000_000);
    for round in 0..5 {
        change(&source, &mut random, &mut now);
        // One whose name looks like a pattern changes each time, and one goes at last.
        fs::write(source.join("a[1].txt"), vec![b'y'; round]).expect("write a file");
        let once = source.join("once.txt");
        match round {
            0 => fs::write(once, "once").expect("write a file"),
            4 => fs::remove_file(once).expect("remove a file"),
            _ => {}
        }
        points.push(look(&source));
        let run = stack.run(&job).await;
        let ended = stack.wait_for_end(&run, Duration::from_secs(120)).await;
        assert_eq!(ended["status"], "success", "{ended}");
    }
    let name = |path: &str| path.rsplit('/').next().expect("a name").to_lowercase();

    let part = search(&stack, json!({ "pattern": "PORT" })).await;
    assert_eq!(
        (&part["points"], &part["points_done"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(
        found(&part),
        expected(&points, |path| name(path).contains("port"))
    );
    let glob = search(&stack, json!({ "pattern": "docs/*.txt" })).await;
    let in_docs = |path: &str| {
        let rest = path.strip_prefix("docs/");
        rest.is_some_and(|rest| !rest.contains('/') && rest.ends_with(".txt"))
    };
    assert_eq!(found(&glob), expected(&points, in_docs));

    // A pattern that matches everything ends after a page, and goes on behind it.
    let everything = expected(&points, |_| true);
    let mut request = json!({ "pattern": "*", "limit": 3, "vault_id": vault["id"] });
    let (mut joined, mut pages) = (Versions::new(), 0);
    loop {
        let page = search(&stack, request.clone()).await;
        assert!(page["hits"].as_array().expect("hits").len() <= 3, "{page}");
        joined.extend(found(&page));
        pages += 1;
        match page.get("next_cursor") {
            Some(cursor) => request["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!(joined, everything);
    assert!(pages > 2, "{pages}");

    // What is gone, and what is not.
    let last = points.last().expect("a point");
    let gone = search(&stack, json!({ "pattern": "*", "deleted": "only" })).await;
    let is_gone = |path: &str| !last.contains_key(path);
    assert_eq!(found(&gone), expected(&points, is_gone));
    assert!(found(&gone).contains_key("once.txt"));
    let left = search(&stack, json!({ "pattern": "*", "deleted": "exclude" })).await;
    assert_eq!(found(&left), expected(&points, |path| !is_gone(path)));

    // Only the two points in the middle.
    let listed = stack.api.get("/points").await;
    let time = |back: usize| listed["items"][back]["time"].clone();
    let between = json!({ "pattern": "*", "from": time(3), "to": time(2) });
    let between = search(&stack, between).await;
    assert_eq!(found(&between), expected(&points[1..3], |_| true));

    // All versions of one path, by a name that looks like a pattern.
    let (path, versions) = everything
        .iter()
        .find(|(path, versions)| path.contains('[') && versions.len() > 1)
        .expect("it changes each time");
    let point = item("/points", &listed["items"][0]);
    let asked = json!({ "path": path });
    let answer = stack.api.post(&format!("{point}/versions"), asked).await;
    let only = BTreeMap::from([(path.clone(), versions.clone())]);
    assert_eq!(found(&answer["result"]), only);

    let agents = stack.api.get("/agents").await;
    let own = json!({ "pattern": "*", "agent_id": agents["items"][0]["id"] });
    assert_eq!(found(&search(&stack, own).await), everything);
}
