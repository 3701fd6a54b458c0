//! `bench`.

use std::fs;

use serde_json::Value;

use crate::program::{Place, holdfast, run};

fn measured(words: &[&str]) -> Vec<Value> {
    let ended = run(holdfast().args(words).args(["--time", "1", "--json"]));
    assert_eq!(ended.code, 0, "{ended:#?}");
    let document: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    document.as_array().expect("an array").clone()
}

#[test]
fn every_algorithm_has_a_speed_and_the_defaults_are_marked() {
    for (word, count, defaults) in [
        (
            "crypto",
            13,
            &["AES256-GCM-HMAC-SHA256", "BLAKE2B-256-128"][..],
        ),
        ("splitter", 21, &["DYNAMIC-4M-BUZHASH"]),
    ] {
        let speeds = measured(&["bench", word]);
        assert_eq!(speeds.len(), count, "{word}");
        assert!(
            speeds
                .iter()
                .all(|speed| speed["mb_per_second"].as_f64() > Some(0.0))
        );
        let mut marked: Vec<&str> = speeds
            .iter()
            .filter(|speed| speed["default"] == true)
            .filter_map(|speed| speed["name"].as_str())
            .collect();
        marked.sort_unstable();
        assert_eq!(marked, defaults, "{word}");
    }
    let text = run(holdfast().args(["bench", "crypto", "--time", "1"])).stdout;
    let line = text.lines().find(|line| line.contains("BLAKE2B-256-128 "));
    assert!(
        line.is_some_and(|line| line.ends_with(" MB/s  default")),
        "{text}"
    );
}

#[test]
fn compressors_are_measured_on_text_or_on_a_file() {
    let place = Place::new();
    let noise = place.path("noise");
    let bytes = holdfast_testkit::tree::random_bytes(1, 200_000);
    fs::write(&noise, bytes).expect("write a file");
    for (words, shrinks) in [
        (vec!["bench", "compression"], true),
        (
            vec![
                "bench",
                "compression",
                "--data-file",
                noise.to_str().expect("text"),
            ],
            false,
        ),
    ] {
        let speeds = measured(&words);
        let zstd = speeds.iter().find(|speed| speed["name"] == "zstd");
        let zstd = zstd.expect("it is measured");
        assert_eq!(
            zstd["percent_left"].as_f64() < Some(60.0),
            shrinks,
            "{zstd}"
        );
        assert_eq!(zstd["decompress_mb_per_second"].is_f64(), shrinks, "{zstd}");
    }
}

#[test]
fn wrong_values_are_refused() {
    let place = Place::new();
    let empty = place.path("empty");
    fs::write(&empty, "").expect("write a file");
    let empty = empty.to_str().expect("text");
    for (words, exit) in [
        (&["bench"][..], 2),
        (&["bench", "crypto", "--time", "0"], 2),
        (&["bench", "crypto", "--repo", "/r"], 2),
        (&["bench", "compression", "--data-file", empty], 2),
        (&["bench", "compression", "--data-file", "/none/such"], 1),
    ] {
        assert_eq!(run(holdfast().args(words)).code, exit, "{words:?}");
    }
}
