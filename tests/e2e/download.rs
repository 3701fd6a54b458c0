//! Downloads through server and agent: what the browser gets is what was backed up, or visibly broken.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use holdfast_testkit::tree::{Compare, assert_same, write_random_file};
use holdfast_tests::stack::{Stack, item};
use serde_json::{Value, json};

/// Backs a folder up; answers the address of its restore point.
async fn back_up(stack: &Stack, vault: &Value, source: &Path) -> String {
    let job = stack.job(vault, source, None).await;
    let run = stack.run(&job).await;
    let ended = stack.wait_for_end(&run, Duration::from_secs(120)).await;
    assert_eq!(ended["status"], "success", "{ended}");
    format!("/points/{}", ended["point_id"].as_str().expect("an id"))
}

/// Asks for a download and waits until it is ready; answers its address.
async fn ready(stack: &Stack, point: &str, path: &str, form: &str) -> String {
    let asked = json!({ "path": path, "form": form });
    let download = stack.api.post(&format!("{point}/downloads"), asked).await;
    let address = item("/downloads", &download);
    let is_ready = |download: &Value| download["state"] != "preparing";
    let download = stack
        .api
        .wait_until("it is ready", &address, is_ready)
        .await;
    assert_eq!(download["state"], "ready", "{download}");
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_come_as_they_were() {
    let stack = Stack::start().await;
    let source = stack.path().join("source");
    fs::create_dir_all(source.join("docs/deep")).expect("make the source");
    write_random_file(&source.join("large.bin"), 1, 12 << 20).expect("write a file");
    fs::write(source.join("empty"), "").expect("write a file");
    for number in 0..30 {
        let path = source.join(format!("docs/deep/{number}.txt"));
        fs::write(path, format!("text {number}\n").repeat(number * 50)).expect("write a file");
    }
    let vault = stack.s3_vault("download").await;
    let point = back_up(&stack, &vault, &source).await;
    for name in ["large.bin", "empty", "docs/deep/7.txt"] {
        let address = ready(&stack, &point, name, "file").await;
        let content = stack.api.bytes(&format!("{address}/content")).await;
        let expected = fs::read(source.join(name)).expect("read the source");
        assert!(content.expect("all of it") == expected, "{name}");
        let is_over =
            |download: &Value| matches!(download["state"].as_str(), Some("done" | "failed"));
        let done = stack.api.wait_until("it is over", &address, is_over).await;
        assert_eq!(done["state"], "done", "{done}");
    }
    for (form, program, arguments) in [
        ("tar", "tar", &["--extract", "--file"][..]),
        ("zip", "unzip", &["-q"][..]),
    ] {
        let address = ready(&stack, &point, "", form).await;
        let content = stack.api.bytes(&format!("{address}/content")).await;
        let archive = stack.path().join(format!("source.{form}"));
        fs::write(&archive, content.expect("all of it")).expect("write the archive");
        let unpacked = stack.path().join(form);
        fs::create_dir(&unpacked).expect("make a folder");
        let status = Command::new(program)
            .current_dir(&unpacked)
            .args(arguments)
            .arg(&archive)
            .status();
        assert!(status.expect("unpack").success(), "{form}");
        // The archives have whole seconds at worst.
        let compare = Compare {
            time_step: 2_000_000_000,
            root: false,
            ..Compare::default()
        };
        assert_same(&source, &unpacked, &compare);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_in_the_middle_leaves_no_file_that_looks_whole() {
    let mut stack = Stack::start().await;
    let source = stack.path().join("source");
    fs::create_dir(&source).expect("make the source");
    // More than all buffers on the way take.
    write_random_file(&source.join("large.bin"), 1, 48 << 20).expect("write a file");
    let vault = stack.s3_vault("broken").await;
    let point = back_up(&stack, &vault, &source).await;
    for (path, form) in [("large.bin", "file"), ("", "zip")] {
        let address = ready(&stack, &point, path, form).await;
        let mut answer = stack.api.open(&format!("{address}/content")).await;
        let first = answer.chunk().await.expect("it begins");
        assert!(first.is_some_and(|first| !first.is_empty()));
        stack.kill_agent();
        let mut rest = 0;
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(piece)) => rest += piece.len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken, "{form} came to an end after {rest} more bytes");
        let failed = stack.api.get(&address).await;
        assert_eq!(failed["state"], "failed", "{failed}");
        assert_eq!(failed["failure"]["code"], "transfer_broken", "{failed}");
        stack.start_agent();
    }
    // The next one works.
    let address = ready(&stack, &point, "large.bin", "file").await;
    let content = stack.api.bytes(&format!("{address}/content")).await;
    let expected = fs::read(source.join("large.bin")).expect("read the source");
    assert!(content.expect("all of it") == expected);
}
