//! Maintenance of vaults: who is asked, when, and what the page is told.

use holdfast_protocol::agent::{CommandPayload, commands::Maintain};
use serde_json::{Value, json};

use crate::support::{
    Client, ScriptedAgent, TestServer, bucket, eventually, ready,
    server::{number, sql},
};

/// An agent that knows what maintenance is.
async fn able(server: &TestServer, agent: &ScriptedAgent) {
    let known = format!(
        "UPDATE agents SET capabilities = json_set(capabilities, '$.commands[#]', 'maintenance_full') WHERE id = {}",
        agent.id
    );
    sql(server, &known).await;
}

async fn shown(admin: &Client, vault: &str) -> Value {
    admin.get(&format!("/vaults/{vault}")).await.expect(200)["maintenance"].clone()
}

/// The maintenance that waits for an agent: command, kind and order.
async fn waiting(agent: &ScriptedAgent) -> Option<(i64, String, Maintain)> {
    let answer = agent.poll(0, 0).await;
    for command in answer.commands {
        let payload = CommandPayload::parse(&command.kind, &command.payload).expect("is known");
        if let CommandPayload::MaintenanceQuick(order) | CommandPayload::MaintenanceFull(order) =
            payload
        {
            return Some((command.command_id.0, command.kind, order));
        }
    }
    None
}

fn done(owner: &str, freed: u64) -> Value {
    let next =
        |hours: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)).to_string();
    json!({ "status": "completed", "result": { "owner": owner, "done": { "seconds": 3.5, "freed_blobs": 2,
        "freed_bytes": freed, "later": [{ "from": next(24), "blobs": 1, "bytes": 7 }],
        "next_quick_at": next(1), "next_full_at": next(24) } } })
}

// Requirements: ENG-KOPIA-16, API-C-12
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_maintains_a_vault_when_it_is_due_and_on_request() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    able(&server, &ready.agent).await;
    let vault = ready.vault_id().to_owned();
    let agent = &ready.agent;
    let fresh = eventually("the vault has an owner", async || {
        let shown = shown(&admin, &vault).await;
        shown["agent"].is_object().then_some(shown)
    })
    .await;
    assert_eq!(
        (&fresh["agent"]["name"], &fresh["full"]),
        (&json!("box"), &Value::Null)
    );
    assert!(
        waiting(agent).await.is_none(),
        "nothing is due for a new vault"
    );
    // As if it was there for two days.
    sql(
        &server,
        "UPDATE vaults SET created_at = created_at - 172800000",
    )
    .await;
    let (command, kind, order) = eventually("maintenance is due", || waiting(agent)).await;
    assert_eq!(kind, "maintenance_full");
    assert_eq!(
        (order.identity.user.as_str(), order.identity.host.as_str()),
        ("root", "box")
    );
    assert!(
        order.take_over_from.contains(&"root@box".to_owned()),
        "{order:?}"
    );
    assert_eq!(shown(&admin, &vault).await["running"], "full");
    // Asking for what is under way asks for nothing more.
    let path = format!("/vaults/{vault}/maintenance");
    let now = json!({ "mode": "full", "wait_seconds": 0 });
    admin.post(&path, now.clone()).await.expect(202);
    assert_eq!(
        number(
            &server,
            "SELECT count(*) FROM commands WHERE kind LIKE 'maintenance%'"
        )
        .await,
        Some(1)
    );
    agent
        .complete(command, done("root@box", 4096))
        .await
        .expect(200);
    let after = shown(&admin, &vault).await;
    assert_eq!(
        (
            &after["full"]["freed_bytes"],
            &after["full"]["later"][0]["bytes"]
        ),
        (&json!(4096), &json!(7))
    );
    assert_eq!(
        (&after["running"], &after["failure"]),
        (&Value::Null, &Value::Null)
    );
    // The list of points is brought up to date once a day.
    agent.serve("list_points", json!({ "points": [] })).await;
    assert!(waiting(agent).await.is_none());

    let request = admin
        .post(&path, json!({ "mode": "quick", "wait_seconds": 0 }))
        .await;
    assert_eq!(request.expect(202)["type"], "maintenance_quick");
    let (command, _, _) = waiting(agent).await.expect("on request");
    let failed = json!({ "status": "failed", "code": "clock_wrong", "message": "an hour apart" });
    agent.complete(command, failed).await.expect(200);
    let after = shown(&admin, &vault).await;
    assert_eq!(after["failure"]["code"], "clock_wrong");
    assert!(
        after["failing_since"].is_string() && after["full"].is_object(),
        "{after}"
    );
    // Of another program's repository the owner is told, and nothing else happens.
    admin.post(&path, now).await.expect(202);
    let (command, _, _) = waiting(agent).await.expect("on request");
    let foreign = json!({ "status": "completed", "result": { "owner": "ann@laptop" } });
    agent.complete(command, foreign).await.expect(200);
    let after = shown(&admin, &vault).await;
    assert_eq!(
        (&after["foreign_owner"], &after["failure"]),
        (&json!("ann@laptop"), &Value::Null)
    );
    admin
        .post(&path, json!({ "mode": "weekly" }))
        .await
        .wrong_field("/mode");
}

// Requirements: ENG-KOPIA-16
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_moves_to_another_machine_when_its_own_is_gone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let first = server.agent(&admin, "first").await;
    let second = server.agent(&admin, "second").await;
    able(&server, &first).await;
    able(&server, &second).await;
    let vault = bucket(&admin, &first).await;
    let owner = async |name: &str| {
        eventually(name, async || {
            let shown = shown(&admin, &vault).await;
            (shown["agent"]["name"] == name).then_some(())
        })
        .await;
    };
    owner("first").await;
    let path = format!("/vaults/{vault}/maintenance");
    admin
        .post(&path, json!({ "mode": "full", "wait_seconds": 0 }))
        .await
        .expect(202);
    let (command, _, _) = waiting(&first).await.expect("on request");
    // It was begun by a machine that is disabled then: another one takes over what is under way.
    let disable = format!("/agents/{}/disable", first.uuid);
    admin.post(&disable, json!({})).await.expect(200);
    owner("second").await;
    let (again, kind, order) = eventually("the next machine is asked", || waiting(&second)).await;
    assert_ne!(again, command);
    assert_eq!(
        (kind.as_str(), order.identity.host.as_str()),
        ("maintenance_full", "second")
    );
    assert!(
        order.take_over_from.contains(&"root@first".to_owned()),
        "{order:?}"
    );
    second
        .complete(again, done("root@second", 1))
        .await
        .expect(200);
    assert_eq!(shown(&admin, &vault).await["full"]["freed_bytes"], 1);
}
