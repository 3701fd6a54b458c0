//! Enrolment by a token in the configuration.

use holdfast_agent::config::AgentConfig;
use holdfast_agent::enrol::{Credential, enrol};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::AgentId;

use crate::script::ScriptedServer;

// Requirements: ENR-3
#[tokio::test]
async fn the_token_leaves_the_configuration_when_it_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.conf");
    std::fs::write(
        &path,
        "api_base_url = \"https://h\"\nenrollment_token = \"hfe_once\"\nfuture = 3\n",
    )
    .unwrap();
    let server = ScriptedServer::new();
    let ask = async || {
        let token = AgentConfig::load_file(&path).unwrap().enrollment_token;
        let credential = Credential::Token(token.unwrap());
        enrol(&*server, &path, None, &credential).await
    };
    // An attempt that fails keeps it, and the identity of the machine.
    server.set_outage(true);
    ask().await.unwrap_err();
    let device = AgentConfig::load_file(&path).unwrap().device_id.unwrap();
    server.set_outage(false);
    ask().await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("enrollment_token") && text.contains("future = 3"),
        "{text}"
    );
    let (id, token) = AgentConfig::load_file(&path).unwrap().identity().unwrap();
    assert_eq!((id, token.expose()), (AgentId(7), "hfa_given"));
    let [asked] = &server.heard().enrolments[..] else {
        panic!("asked once")
    };
    assert_eq!(
        (asked.enrollment_token.expose(), asked.host.device_id),
        (Secret::new("hfe_once").expose(), device)
    );
}
