//! Endpoints and alternate contacts in the commands: imported, planned, taken over and let go of, and nothing but tags is changed.

use std::path::Path;

use harness::World;
use harness::cluster::documents;
use serde_json::{Value, json};

use crate::alternate_contact::{by_hand, in_aws};
use crate::company;
use crate::import::import;
use crate::release::run;
use crate::support::{mutations, stage};
use crate::vpc_endpoint_net::{Net, tags};

/// A plan of files, as text.
async fn plan(world: &World, path: &Path) -> String {
    let path = path.to_string_lossy();
    let arguments = ["plan", "-f", &path];
    run(world, &arguments, world.simulator.endpoint()).await.1
}

#[tokio::test]
async fn what_others_made_is_imported_planned_taken_over_and_let_go_of() {
    let world = stage("account-commands").await;
    let net = Net::new(&world).await;
    let id = net.by_hand("ssm", true, &[("floor", "first")]).await;
    by_hand(&world, "SECURITY", "quandaries@quux.example").await;
    let (before, account) = (net.one(&id).await, world.account.clone());
    let contact = in_aws(&world, &account, "SECURITY").await;

    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("oncall");
    let since = world.last_call().await;
    let asked = ["--vpc-endpoints", "adopt", "--alternate-contacts"];
    let (code, text) = import(&world, &out, &asked).await;
    assert_eq!(code, Some(0), "{text}");
    let told = plan(&world, &out).await;
    let security = format!("AlternateContact {}-security: adopt", world.id);
    assert!(told.contains(&security), "{told}");
    let endpoint = format!("VpcEndpoint {}/", world.namespace);
    let line = told.lines().find(|line| line.contains(&endpoint));
    assert!(line.is_some_and(|l| l.contains(": adopt")), "{told}");
    assert!(!told.contains("quux.example"), "{told}");
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());

    company::kubectl(
        &world,
        &["apply", "--server-side", "-R", "-f", &out.to_string_lossy()],
    )
    .await;
    // What is in no namespace is this world's by a label.
    let file = out.join("cluster/01-alternatecontacts.yaml");
    for object in documents(&std::fs::read_to_string(file).unwrap()).unwrap() {
        world.apply_value(object).await;
    }
    let name = format!("{}-security", world.id);
    world.ready("AlternateContact", &name).await;
    let endpoints = world.cluster.list("VpcEndpoint", Some(&world.namespace));
    let endpoints = endpoints.await.unwrap();
    assert_eq!(endpoints.len(), 1);
    let endpoint = kube::ResourceExt::name_any(&endpoints[0]);
    let object = world.ready("VpcEndpoint", &endpoint).await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(mutations(&world, since).await, ["CreateTags"]);
    let told = plan(&world, &out).await;
    // The replication set is not this story's.
    let nothing = "Nothing to do for 1 AlternateContact, 1 ProviderConfig, 1 VpcEndpoint";
    assert!(told.contains(nothing), "{told}");

    // An edit is told before it is made.
    let mut edited = Vec::new();
    for (kind, name, spec) in [
        (
            "AlternateContact",
            &name,
            json!({"title": "Chief of change"}),
        ),
        (
            "VpcEndpoint",
            &endpoint,
            json!({"tags": {"floor": "second"}}),
        ),
    ] {
        let object = world.get(kind, name).await;
        let mut object = json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": object.metadata.namespace}, "spec": object.data["spec"],
        });
        for (field, value) in spec.as_object().into_iter().flatten() {
            object["spec"][field] = value.clone();
        }
        edited.push(object);
    }
    let file = directory.path().join("edited.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": edited});
    std::fs::write(&file, list.to_string()).unwrap();
    let told = plan(&world, &file).await;
    assert!(told.contains("Update `title`"), "{told}");
    assert!(told.contains("floor"), "{told}");
    assert_eq!(mutations(&world, since).await, ["CreateTags"]);

    // Let go of, both are as they were.
    let namespace = world.namespace.clone();
    let which = [
        format!("vpce/{endpoint}"),
        format!("alternatecontact/{name}"),
    ];
    let arguments = ["release", "-n", &namespace, "--yes", &which[0], &which[1]];
    let (code, text) = run(&world, &arguments, world.simulator.endpoint()).await;
    assert_eq!(code, Some(0), "{text}");
    let mut after = net.one(&id).await;
    let sorted = |endpoint: &aws_sdk_ec2::types::VpcEndpoint| tags(endpoint.tags());
    assert_eq!(sorted(&after), sorted(&before));
    after.tags.clone_from(&before.tags);
    assert_eq!(after, before);
    assert_eq!(in_aws(&world, &account, "SECURITY").await, contact);
    for (kind, name) in [("AlternateContact", &name), ("VpcEndpoint", &endpoint)] {
        world.delete_and_wait(kind, name).await;
    }
    assert_eq!(
        mutations(&world, since).await,
        ["CreateTags", "DeleteTags"],
        "deleting what was let go of does nothing"
    );
    let set: Option<Value> = in_aws(&world, &account, "SECURITY").await;
    assert_eq!(set, contact);
    world.finish().await;
}
