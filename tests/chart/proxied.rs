//! `proxy` in the values sets `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`: the operator goes that way.

use harness::{Simulator, World};
use serde_json::json;

#[tokio::test]
async fn aws_is_reached_through_the_proxy() {
    // Nobody knows this name but the proxy: whoever asks it for the name gets the simulator.
    let proxy = Simulator::shared().await.unwrap().endpoint().to_owned();
    let world = World::builder("proxied")
        .environment("AWS_ENDPOINT_URL", "http://aws.invalid")
        .environment("HTTP_PROXY", &proxy)
        .build()
        .await;
    let contact = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"},
        "spec": {"displayName": "Alice", "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550123"}], "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]},
    });
    world.apply_value(contact).await;
    world.ready("Contact", "alice").await;
    assert_eq!(world.aws().await.len(), 1);
    world.delete_and_wait("Contact", "alice").await;
    world.finish().await;
}
