//! Full logs of runs: no line doubled or lost, found again, downloaded, and kept from strangers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, ScriptedAgent, TestServer, ready};

fn line(seq: u64, level: &str, text: &str) -> Value {
    json!({ "seq": seq, "time": "2026-11-24T00:00:00Z", "level": level, "text": text })
}

async fn push(agent: &ScriptedAgent, run: i64, attempt: u32, lines: &[Value]) {
    try_push(agent, run, attempt, lines).await.expect(200);
}

async fn try_push(
    agent: &ScriptedAgent,
    run: i64,
    attempt: u32,
    lines: &[Value],
) -> crate::support::Answer {
    let body = json!({ "run_id": run, "attempt": attempt, "lines": lines });
    agent.call(&format!("/agent/v1/runs/{run}/log"), body).await
}

fn texts(log: &Value) -> Vec<&str> {
    let items = log["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["text"].as_str().expect("a text"))
        .collect()
}

async fn log(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200)
}

// Requirements: API-C-7, API-C-9, DB-4, LOG-8
#[tokio::test(flavor = "multi_thread")]
async fn lines_are_stored_once_and_read_in_both_directions() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let run = ready.start(&admin).await;
    let path = format!("/runs/{}/log", run["id"].as_str().expect("an id"));
    let empty = log(&admin, &path).await;
    assert_eq!(
        (&empty["items"], &empty["lines"], &empty["more"]),
        (&json!([]), &json!(0), &json!(false))
    );
    assert_eq!(run["log_ref"], Value::Null);
    let work = ready.agent.take_run().await;
    let wire = work.run_id.0;
    let batch = [
        line(1, "info", "one"),
        line(2, "warn", "two"),
        line(3, "error", "three"),
    ];
    push(&ready.agent, wire, 1, &batch[..2]).await;
    // Repeated, overlapping, and after a gap.
    push(&ready.agent, wire, 1, &batch[..2]).await;
    push(&ready.agent, wire, 1, &batch).await;
    push(&ready.agent, wire, 1, &[line(6, "trace", "six")]).await;
    let all = log(&admin, &path).await;
    let missing =
        "2 lines are missing here: the agent could not keep them while the server was away.";
    assert_eq!(texts(&all), ["one", "two", "three", missing, "six"]);
    assert_eq!(
        (
            &all["items"][1]["level"],
            &all["items"][1]["line"],
            &all["items"][4]["level"]
        ),
        (&json!("warn"), &json!(2), &json!("info"))
    );
    assert_eq!(
        (&all["from"], &all["to"], &all["more"], &all["lines"]),
        (&json!(1), &json!(5), &json!(false), &json!(5))
    );
    // Nothing is said under a claim that was never given out.
    try_push(&ready.agent, wire, 2, &[line(1, "info", "ahead")])
        .await
        .refused(409, "stale_attempt");

    let newest = log(&admin, &format!("{path}?limit=2")).await;
    assert_eq!(texts(&newest), [missing, "six"]);
    assert_eq!(
        (&newest["from"], &newest["more"]),
        (&json!(4), &json!(true))
    );
    let older = log(&admin, &format!("{path}?limit=2&before=4")).await;
    assert_eq!(texts(&older), ["two", "three"]);
    let newer = log(&admin, &format!("{path}?after=3&limit=1")).await;
    assert_eq!(
        (texts(&newer), &newer["to"], &newer["more"]),
        (vec![missing], &json!(4), &json!(true))
    );
    let loud = log(&admin, &format!("{path}?level=warn,error")).await;
    assert_eq!(texts(&loud), ["two", "three", missing]);
    let found = log(&admin, &format!("{path}?q=TH")).await;
    assert_eq!(texts(&found), ["three", missing]);
    let run = admin
        .get(&format!("/runs/{}", run["id"].as_str().expect("an id")))
        .await
        .expect(200);
    assert_eq!(
        (&run["log_ref"], &run["log_lines"]),
        (&run["id"], &json!(5))
    );
    for (query, field) in [
        ("limit=0", "?limit"),
        ("limit=1001", "?limit"),
        ("level=loud", "?level"),
        ("before=1&after=1", "?after"),
    ] {
        admin
            .get(&format!("{path}?{query}"))
            .await
            .wrong_field(field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_comes_back_line_by_line_and_as_one_file() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let run = ready.start(&admin).await;
    let path = format!("/runs/{}/log", run["id"].as_str().expect("an id"));
    let wire = ready.agent.take_run().await.run_id.0;
    let count = 3000_u64;
    let text = |seq: u64| format!("line {seq} {}", "abcdefgh".repeat((seq % 17) as usize));
    let lines: Vec<Value> = (1..=count)
        .map(|seq| line(seq, "info", &text(seq)))
        .collect();
    for batch in lines.chunks(250) {
        push(&ready.agent, wire, 1, batch).await;
    }
    let hostile = "a\nb\u{1b}[31m<script>alert(1)</script>\u{202e}";
    push(&ready.agent, wire, 1, &[line(count + 1, "error", hostile)]).await;
    let mut before = None;
    let mut back = Vec::new();
    loop {
        let from = before
            .map(|line: i64| format!("&before={line}"))
            .unwrap_or_default();
        let part = log(&admin, &format!("{path}?limit=700{from}")).await;
        let mut items = part["items"].as_array().expect("items").clone();
        items.reverse();
        back.extend(items);
        before = part["from"].as_i64();
        if part["more"] == false {
            break;
        }
    }
    back.reverse();
    let numbers: Vec<i64> = back
        .iter()
        .map(|item| item["line"].as_i64().expect("a number"))
        .collect();
    assert!(numbers.iter().copied().eq(1..=3001));
    assert!((1..=count).all(|seq| back[seq as usize - 1]["text"] == text(seq)));
    assert_eq!(back[3000]["text"], hostile, "stored as it was sent");
    // One that is rare is found although most of the log does not match.
    let rare = log(&admin, &format!("{path}?level=error")).await;
    assert_eq!(
        (texts(&rare), &rare["more"]),
        (vec![hostile], &json!(false))
    );

    let answer = admin
        .request(Method::GET, &format!("{path}/download"))
        .send()
        .await
        .expect("an answer");
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    let name = headers["content-disposition"].to_str().expect("a text");
    assert!(name.starts_with("attachment; filename=\"run-"), "{name}");
    let file = answer.text().await.expect("a text");
    assert_eq!(file.lines().count(), 3001);
    assert!(
        file.lines()
            .next()
            .is_some_and(|first| first.starts_with("2026-11-24T00:00:00.000Z INFO  line 1 "))
    );
    assert!(
        file.ends_with("<script>alert(1)</script>\u{202e}\n") && file.contains("a\\nb\\u{1b}[31m")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_runs_own_agent_writes_and_only_its_tenant_reads() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let run = ready.start(&admin).await;
    let wire = ready.agent.take_run().await.run_id.0;
    push(&ready.agent, wire, 1, &[line(1, "info", "mine")]).await;
    let other = server.agent(&admin, "other").await;
    try_push(&other, wire, 1, &[line(2, "info", "theirs")])
        .await
        .refused(404, "not_found");
    let path = format!("/runs/{}/log", run["id"].as_str().expect("an id"));
    assert_eq!(texts(&log(&admin, &path).await), ["mine"]);
    let stranger = server.second_tenant().await;
    stranger.get(&path).await.refused(404, "not_found");
    stranger
        .get(&format!("{path}/download"))
        .await
        .refused(404, "not_found");
}
