//! Manifests in the docs are taken as they stand there.

use std::collections::BTreeMap;

use harness::World;
use harness::cluster::documents;
use harness::documentation::all;
use harness::setup::GROUP;
use kube::ResourceExt as _;

#[tokio::test]
async fn manifests_in_the_docs_are_taken_as_they_stand() {
    let world = World::builder("docs")
        .without_operator()
        .without_provider()
        .build()
        .await;
    let (mut run, mut objects, mut wrong) = (0, 0, vec![]);
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for (page, fences) in all().unwrap() {
        for fence in fences.iter().filter(|fence| fence.language == "yaml") {
            let at = format!("docs/{page}:{}", fence.line);
            if let Some(reason) = &fence.not_run {
                *left_out.entry(reason.clone()).or_default() += 1;
                continue;
            }
            let found = documents(&fence.script).unwrap_or_else(|error| panic!("{at}: {error}"));
            if found.is_empty() {
                wrong.push(format!("{at}: nothing is in it"));
            }
            run += 1;
            for mut object in found {
                let Some(kind) = object["kind"].as_str().map(ToOwned::to_owned) else {
                    wrong.push(format!(
                        "{at}: this is no object: say `<!-- not run: why -->` above it"
                    ));
                    continue;
                };
                objects += 1;
                // In a namespace that is there, and beside whatever else is.
                if object["metadata"]["namespace"].is_string() {
                    object["metadata"]["namespace"] = world.namespace.clone().into();
                } else {
                    let name = object["metadata"]["name"].as_str().unwrap();
                    let own = format!("{}-{name}", world.namespace);
                    object["metadata"]["name"] = own.into();
                }
                let ours = object["apiVersion"]
                    .as_str()
                    .is_some_and(|version| version.starts_with(GROUP));
                match world.cluster.try_apply_dry(&object).await {
                    Ok(taken) if ours && taken.data["spec"] != object["spec"] => {
                        wrong.push(format!("{at}: {kind} {} is changed", taken.name_any()));
                    }
                    Ok(_) => {}
                    Err(refused) => wrong.push(format!("{at}: {kind}: {refused:#}")),
                }
            }
        }
    }
    println!(
        "manifests of the docs: {run} blocks taken, with {objects} objects; {} not run",
        left_out.values().sum::<usize>()
    );
    for (reason, count) in &left_out {
        println!("  {count} not run: {reason}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        run > 14,
        "manifests are written in another way by now: {run}"
    );
    world.finish().await;
}
