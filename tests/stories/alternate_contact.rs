//! Alternate contacts: whose they are although AWS has no place to note it, values from Secrets that nobody sees, one object for each account
//! and type, other accounts of the organization, and what the account is without.

use harness::simulator::{SimulatorOptions, When};
use harness::{Fault, World, aws, checks, seconds};
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{build, condition_now, event, findings, mutations, pending, secret, stage};

const KIND: &str = "AlternateContact";
const ASK: &str = "incident-operator.dev/reconcile-requested-at";

/// An object of this world: names of the cluster's objects are shared by all tests.
fn contact(world: &World, type_: &str) -> Value {
    let type_name = type_.to_lowercase();
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND,
        "metadata": {"name": format!("{}-{type_name}", world.id)},
        "spec": {
            "type": type_,
            "name": "Zephyrine Quackenbush", "title": "Chief of quandaries",
            "email": "quandaries@quux.example", "phone": "+1 (500) 555-0147",
        },
    })
}

/// The same with fields of the spec set; null takes one away.
fn with(mut object: Value, spec: &Value) -> Value {
    for (field, value) in spec.as_object().into_iter().flatten() {
        if value.is_null() {
            object["spec"].as_object_mut().unwrap().remove(field);
        } else {
            object["spec"][field] = value.clone();
        }
    }
    object
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// What AWS has in an account.
pub async fn in_aws(world: &World, account: &str, type_: &str) -> Option<Value> {
    let asked = json!({"AlternateContactType": type_});
    let got = world
        .simulator
        .alternate_contact(account, "getAlternateContact", &asked)
        .await
        .unwrap();
    Some(got?["AlternateContact"].clone())
}

/// Somebody sets a contact by hand.
pub async fn by_hand(world: &World, type_: &str, email: &str) {
    let wish = json!({
        "AlternateContactType": type_, "Name": "Zephyrine Quackenbush", "Title": "Chief of quandaries",
        "EmailAddress": email, "PhoneNumber": "+1 (500) 555-0147",
    });
    world
        .simulator
        .alternate_contact(&world.account, "putAlternateContact", &wish)
        .await
        .unwrap();
    world.sensitive(email);
}

async fn ask(world: &World, name: &str, value: &str) {
    let patch = json!({"metadata": {"annotations": {ASK: value}}});
    world.patch(KIND, name, &patch).await;
    world
        .eventually("it was looked at", harness::world::SOON, async || {
            let object = world.get(KIND, name).await;
            (object.data["status"]["lastHandledReconcileAt"] == value).then_some(())
        })
        .await;
}

async fn message(world: &World, name: &str) -> String {
    let ready = condition_now(world, KIND, name, "Ready").await;
    ready.map(|c| c.message).unwrap_or_default()
}

fn writes(of: &[&str]) -> Vec<String> {
    of.iter().map(|o| format!("{o}AlternateContact")).collect()
}

/// Waits until an object has these findings.
async fn found(world: &World, name: &str, wanted: &[&str]) -> DynamicObject {
    world
        .eventually(
            &format!("{name} has the findings {wanted:?}"),
            harness::world::SOON,
            async || {
                let object = world.get(KIND, name).await;
                let found = findings(&object);
                if found == wanted {
                    Ok(object)
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
        .await
}

#[tokio::test]
async fn set_changed_put_back_and_deleted_without_incident_manager() {
    let world = build(World::builder("alternate-life").not_onboarded()).await;
    let object = contact(&world, "Security");
    let name = name(&object);
    world.apply_value(object.clone()).await;
    let ready = world.ready(KIND, &name).await;
    let account = world.account.clone();
    let there = in_aws(&world, &account, "SECURITY").await.unwrap();
    assert_eq!(there["EmailAddress"], "quandaries@quux.example");
    let status = &ready.data["status"];
    assert_eq!(status["origin"], "Created");
    assert_eq!(status["arn"], format!("{account}/SECURITY"));
    assert_eq!(status["effectiveDeletionPolicy"], "Delete");
    assert_eq!(status["summary"], json!({"account": account, "set": "Yes"}));
    assert_eq!(status["applied"]["tags"], Value::Null);
    event(&world, KIND, &name, "Created", "set the Security contact").await;
    found(
        &world,
        &name,
        &[
            "AlternateContactMissing/Billing",
            "AlternateContactMissing/Operations",
        ],
    )
    .await;

    // Nothing changes, nothing is sent.
    let before = world.last_call().await;
    ask(&world, &name, "1").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // An edit is one call.
    let edited = with(object, &json!({"phone": "+1 (500) 555-0148"}));
    world.apply_value(edited).await;
    event(&world, KIND, &name, "Updated", "changed phone of").await;
    assert_eq!(mutations(&world, before).await, writes(&["Put"]));

    // What somebody changes by hand is put back.
    by_hand(&world, "SECURITY", "mallory@quux.example").await;
    ask(&world, &name, "2").await;
    event(
        &world,
        KIND,
        &name,
        "DriftCorrected",
        "changed email, phone of",
    )
    .await;
    let there = in_aws(&world, &account, "SECURITY").await.unwrap();
    assert_eq!(there["EmailAddress"], "quandaries@quux.example");
    assert_eq!(there["PhoneNumber"], "+1 (500) 555-0148");

    // What somebody deletes is set again.
    let kind = json!({"AlternateContactType": "SECURITY"});
    let simulator = &world.simulator;
    simulator
        .alternate_contact(&account, "deleteAlternateContact", &kind)
        .await
        .unwrap();
    world
        .eventually("it is there again", seconds(60), async || {
            ask(&world, &name, &world.last_call().await.to_string()).await;
            in_aws(&world, &account, "SECURITY").await
        })
        .await;

    world.delete_and_wait(KIND, &name).await;
    assert_eq!(in_aws(&world, &account, "SECURITY").await, None);
    world.finish().await;
}

#[tokio::test]
async fn what_is_there_is_somebodys() {
    let world = stage("alternate-adopt").await;
    by_hand(&world, "BILLING", " quandaries@quux.example ").await;
    let object = contact(&world, "Billing");
    let name = name(&object);
    let account = world.account.clone();
    let before = world.last_call().await;
    world.apply_value(object.clone()).await;
    let said = world.stalled(KIND, &name, "AlreadyExists").await.message;
    assert!(said.contains("a Billing contact of the account"), "{said}");

    // Adopt changes nothing, so it refuses where it would have to.
    let differs = json!({"adoptionPolicy": "Adopt", "title": "Chief of everything"});
    world.apply_value(with(object.clone(), &differs)).await;
    let said = world
        .stalled(KIND, &name, "AdoptionWouldChange")
        .await
        .message;
    assert!(said.contains("Update title"), "{said}");
    assert_eq!(pending(&world.get(KIND, &name).await), ["Update title"]);

    let same = with(object.clone(), &json!({"adoptionPolicy": "Adopt"}));
    world.apply_value(same.clone()).await;
    let ready = world.ready(KIND, &name).await;
    assert_eq!(ready.data["status"]["origin"], "Adopted");
    assert_eq!(ready.data["status"]["effectiveDeletionPolicy"], "Retain");
    event(&world, KIND, &name, "Adopted", "taken over as it is").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Deleted and made again, it goes on.
    world.delete_and_wait(KIND, &name).await;
    assert!(in_aws(&world, &account, "BILLING").await.is_some());
    world.apply_value(same).await;
    world.ready(KIND, &name).await;
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    let other = json!({"adoptionPolicy": "AdoptAndOverwrite", "title": "Chief of everything"});
    world.apply_value(with(object, &other)).await;
    world.ready(KIND, &name).await;
    assert_eq!(mutations(&world, before).await, writes(&["Put"]));
    let there = in_aws(&world, &account, "BILLING").await.unwrap();
    assert_eq!(there["Title"], "Chief of everything");
    world.delete_and_wait(KIND, &name).await;
    assert!(in_aws(&world, &account, "BILLING").await.is_some());
    world.finish().await;
}

/// What nobody can tell from what somebody else has set is left alone.
#[tokio::test]
async fn what_somebody_sets_meanwhile_stays() {
    let mut world = stage("alternate-meanwhile").await;
    let account = world.account.clone();
    let object = contact(&world, "Security");
    let name = name(&object);
    // It was begun, and nobody knows what came of it.
    let refused = Fault::new("internal")
        .operation("PutAlternateContact")
        .times(0);
    let refused = world.fault(refused).await;
    world.apply_value(object.clone()).await;
    world
        .eventually("it is begun", seconds(30), async || {
            let object = world.get(KIND, &name).await;
            let begun = object.data["status"]["pending"].as_array().map(Vec::len);
            let tried = world.operator_calls(0).await;
            let tried = tried.iter().any(|c| c.operation == "PutAlternateContact");
            (begun == Some(1) && tried).then_some(())
        })
        .await;
    world.operator().kill9();
    world.simulator.clear_fault(Some(&refused)).await.unwrap();
    by_hand(&world, "SECURITY", "successor@quux.example").await;
    let before = world.last_call().await;
    world.operator_mut().restart().await.unwrap();
    world.stalled(KIND, &name, "AlreadyExists").await;
    let shown = world.get(KIND, &name).await;
    assert_eq!(
        shown.data["status"]["summary"],
        json!({"account": account, "set": "Yes"})
    );
    // Having looked at it makes it nobody's own.
    let observe = json!({"spec": {"managementPolicy": "Observe"}});
    world.patch(KIND, &name, &observe).await;
    world
        .eventually("it is observed", seconds(30), async || {
            (pending(&world.get(KIND, &name).await) == ["Update email"]).then_some(())
        })
        .await;
    let manage = json!({"spec": {"managementPolicy": null}});
    world.patch(KIND, &name, &manage).await;
    world.stalled(KIND, &name, "AlreadyExists").await;
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Asked to, the operator sets it. While nobody looks, somebody sets another one; then the object goes.
    let mine = with(
        object,
        &json!({"adoptionPolicy": "AdoptAndOverwrite", "deletionPolicy": "Delete"}),
    );
    world.apply_value(mine.clone()).await;
    world.ready(KIND, &name).await;
    world.operator().kill9();
    by_hand(&world, "SECURITY", "successor@quux.example").await;
    world.delete(KIND, &name).await;
    let before = world.last_call().await;
    world.operator_mut().restart().await.unwrap();
    world.gone(KIND, &name).await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    event(&world, KIND, &name, "Released", "left alone").await;
    let there = in_aws(&world, &account, "SECURITY").await.unwrap();
    assert_eq!(there["EmailAddress"], "successor@quux.example");

    // What was adopted stays adopted when somebody deletes it and it is set again.
    let kept = with(mine, &json!({"deletionPolicy": null}));
    world.apply_value(kept).await;
    world.ready(KIND, &name).await;
    let which = json!({"AlternateContactType": "SECURITY"});
    world
        .simulator
        .alternate_contact(&account, "deleteAlternateContact", &which)
        .await
        .unwrap();
    world
        .eventually("it is there again", seconds(60), async || {
            ask(&world, &name, &world.last_call().await.to_string()).await;
            in_aws(&world, &account, "SECURITY").await
        })
        .await;
    let again = world.ready(KIND, &name).await;
    assert_eq!(again.data["status"]["effectiveDeletionPolicy"], "Retain");
    world.delete_and_wait(KIND, &name).await;
    assert!(in_aws(&world, &account, "SECURITY").await.is_some());
    world.finish().await;
}

/// `iam-policy --kinds AlternateContact` is enough, and `--read-only` to look.
#[tokio::test]
async fn it_needs_the_rights_of_its_kind_alone() {
    let builder = World::builder("alternate-rights").not_onboarded();
    let builder = builder.own_simulator(SimulatorOptions::default());
    let world = build(builder).await;
    let object = contact(&world, "Security");
    let name = name(&object);
    let only = async |arguments: &[&str]| {
        let mut policies = aws::policies().unwrap().clone();
        policies["policies"][0]["policy"] = aws::iam_policy(arguments).unwrap();
        let set = world.simulator.control("PUT", "policies", Some(&policies));
        set.await.unwrap();
    };
    only(&["--kinds", "AlternateContact"]).await;
    let since = world.last_call().await;
    world.apply_value(object.clone()).await;
    world.ready(KIND, &name).await;
    world
        .apply_value(with(object.clone(), &json!({"title": "Chief of all"})))
        .await;
    event(&world, KIND, &name, "Updated", "changed title of").await;
    world.delete_and_wait(KIND, &name).await;

    only(&["--kinds", "AlternateContact", "--read-only"]).await;
    by_hand(&world, "SECURITY", "quandaries@quux.example").await;
    let observed = with(object.clone(), &json!({"managementPolicy": "Observe"}));
    world.apply_value(observed).await;
    world.ready(KIND, &name).await;
    world.delete_and_wait(KIND, &name).await;
    let calls = world.operator_calls(since).await;
    let refused = calls.iter().filter(|c| c.http_status == Some(403));
    assert_eq!(refused.count(), 0);
    let name = format!("{name}-more");
    let mut more = with(object, &json!({"type": "Billing"}));
    more["metadata"]["name"] = json!(name);
    world.apply_value(more).await;
    world.stalled(KIND, &name, "AccessDenied").await;
    world.delete_and_wait(KIND, &name).await;
    world.finish().await;
}

/// Somebody who may read one type only is not told about the others.
#[tokio::test]
async fn what_may_not_be_read_is_not_judged() {
    let world = stage("alternate-blind").await;
    // The other types are read before its own.
    let denied = Fault::new("access-denied")
        .operation("GetAlternateContact")
        .times(2);
    world.fault(denied).await;
    let object = contact(&world, "Security");
    let name = name(&object);
    world.apply_value(object).await;
    world.ready(KIND, &name).await;
    found(&world, &name, &[]).await;
    ask(&world, &name, "1").await;
    let missing = ["Billing", "Operations"].map(|t| format!("AlternateContactMissing/{t}"));
    found(&world, &name, &missing.each_ref().map(String::as_str)).await;
    world.delete_and_wait(KIND, &name).await;
    world.finish().await;
}

/// A status that a backup brought along says that the contact is ours; it is not believed.
#[tokio::test]
async fn a_restored_status_is_not_believed() {
    let mut world = stage("alternate-restored").await;
    let object = with(
        contact(&world, "Security"),
        &json!({"deletionPolicy": "Retain"}),
    );
    let name = name(&object);
    world.apply_value(object.clone()).await;
    let status = world.ready(KIND, &name).await.data["status"].clone();
    world.delete_and_wait(KIND, &name).await;
    by_hand(&world, "SECURITY", "successor@quux.example").await;

    world.operator().kill9();
    let restored = with(object, &json!({"deletionPolicy": "Delete"}));
    // Times are kept in whole seconds.
    tokio::time::sleep(seconds(2)).await;
    // Somebody asks for a look, too: that is no news of AWS.
    let mut restored = restored;
    restored["metadata"]["annotations"] = json!({ASK: "look"});
    world.apply_value(restored).await;
    let api = world.cluster.api(KIND, None).await.unwrap();
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(&name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    let before = world.last_call().await;
    world.operator_mut().restart().await.unwrap();
    world.stalled(KIND, &name, "AlreadyExists").await;
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    let account = world.account.clone();
    let there = in_aws(&world, &account, "SECURITY").await.unwrap();
    assert_eq!(there["EmailAddress"], "successor@quux.example");
    world.finish().await;
}

#[tokio::test]
async fn values_come_from_secrets_of_the_operators_namespace() {
    let mut world = stage("alternate-secret").await;
    let home = world.identity.namespace.clone();
    let namespaces = format!("{},{home}", world.namespace);
    let flags = ["--secret-namespaces".to_owned(), namespaces];
    world.operator_mut().options_mut().flags.extend(flags);
    world.operator_mut().restart().await.unwrap();
    let from = |key: &str| json!({"secretKeyRef": {"name": "quandaries", "key": key}});
    let spec = json!({
        "name": null, "nameFrom": from("name"), "email": null, "emailFrom": from("email"),
        "phone": null, "phoneFrom": from("phone"),
    });
    let object = with(contact(&world, "Security"), &spec);
    let name = name(&object);
    let account = world.account.clone();
    world.apply_value(object).await;
    let waits = world
        .condition(
            KIND,
            &name,
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(waits.message.contains(&home), "{}", waits.message);

    let mut values = secret(
        "quandaries",
        &json!({"name": "Zephyrine Quackenbush\n", "email": "quandaries@quux.example", "phone": "+1 500 555 0147"}),
    );
    values["metadata"]["namespace"] = json!(home);
    world.apply_value(values.clone()).await;
    world.ready(KIND, &name).await;
    let there = in_aws(&world, &account, "SECURITY").await.unwrap();
    assert_eq!(there["Name"], "Zephyrine Quackenbush");
    let before = world.last_call().await;
    values["stringData"]["phone"] = json!("+1 500 555 0148");
    world.apply_value(values.clone()).await;
    event(&world, KIND, &name, "Updated", "changed phone of").await;
    assert_eq!(mutations(&world, before).await, writes(&["Put"]));

    // What AWS would refuse is not sent, and is not shown.
    values["stringData"]["email"] = json!("quandaries.quux.example");
    world.apply_value(values).await;
    let said = world.stalled(KIND, &name, "InvalidSpec").await.message;
    assert!(said.starts_with("email is not what AWS takes"), "{said}");
    assert_eq!(mutations(&world, before).await, writes(&["Put"]));
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(in_aws(&world, &account, "SECURITY").await, None);
    world.finish().await;
}

#[tokio::test]
async fn one_object_for_each_account_and_type() {
    let world = stage("alternate-twice").await;
    let first = contact(&world, "Operations");
    let mut second = first.clone();
    second["metadata"]["name"] = json!(format!("{}-second", world.id));
    let (one, two) = (name(&first), name(&second));
    world.apply_value(first).await;
    world.ready(KIND, &one).await;
    let before = world.last_call().await;
    world
        .apply_value(with(
            second,
            &json!({"title": "Somebody else", "accountId": world.account}),
        ))
        .await;
    let said = world
        .stalled(KIND, &two, "DuplicateAlternateContact")
        .await
        .message;
    assert!(
        said.contains(&one) && said.contains("Nothing was touched"),
        "{said}"
    );
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    // It goes without a trace, and takes over when the first goes.
    world.delete_and_wait(KIND, &one).await;
    world.ready(KIND, &two).await;
    let account = world.account.clone();
    let there = in_aws(&world, &account, "OPERATIONS").await.unwrap();
    assert_eq!(there["Title"], "Somebody else");
    assert_eq!(mutations(&world, before).await, writes(&["Delete", "Put"]));
    world.delete_and_wait(KIND, &two).await;
    world.finish().await;
}

#[tokio::test]
async fn what_the_account_is_without_and_who_is_to_be_asked_again() {
    let world = stage("alternate-findings").await;
    let security = with(
        contact(&world, "Security"),
        &json!({"email": "zephyrine.quackenbush@quux.example", "reviewIntervalDays": 30, "reviewedOn": "2026-01-01"}),
    );
    let billing = contact(&world, "Billing");
    let (one, two) = (name(&security), name(&billing));
    world.apply_value(security.clone()).await;
    world.ready(KIND, &one).await;
    let without = [
        "AlternateContactMissing/Billing",
        "AlternateContactMissing/Operations",
    ];
    let mine = ["PersonalMailbox/email", "ReviewDue"];
    let object = found(&world, &one, &[without[0], without[1], mine[0], mine[1]]).await;
    assert_eq!(object.data["status"]["summary"]["review"], "2026-01-31");
    assert!(checks::is_ready(&object), "findings stop nothing");

    // Another object of the account is news to the first.
    world.apply_value(billing).await;
    world.ready(KIND, &two).await;
    found(&world, &one, &[without[1], mine[0], mine[1]]).await;
    found(&world, &two, &[without[1]]).await;

    // Reviewed, and with another mailbox, what is missing remains.
    let reviewed = json!({"reviewedOn": "2099-01-01", "email": "quandaries@quux.example"});
    world.apply_value(with(security, &reviewed)).await;
    found(&world, &one, &[without[1]]).await;
    by_hand(&world, "OPERATIONS", "quandaries@quux.example").await;
    ask(&world, &one, "1").await;
    found(&world, &one, &[]).await;
    for name in [&one, &two] {
        world.delete_and_wait(KIND, name).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn members_of_the_organization() {
    let world = stage("alternate-member").await;
    let member = format!("9{}", &world.account[1..]);
    let object = with(contact(&world, "Security"), &json!({"accountId": member}));
    let name = name(&object);
    world.apply_value(object).await;
    world.stalled(KIND, &name, "AccessDenied").await;
    let said = message(&world, &name).await;
    assert!(
        said.contains("account:GetAlternateContact") && said.contains("management account"),
        "{said}"
    );
    let organization = json!({"members": [member]});
    let path = format!("accounts/{}/organization", world.account);
    world
        .simulator
        .control("PUT", &path, Some(&organization))
        .await
        .unwrap();
    ask(&world, &name, "1").await;
    world.ready(KIND, &name).await;
    assert!(in_aws(&world, &member, "SECURITY").await.is_some());
    let own = world.account.clone();
    assert_eq!(in_aws(&world, &own, "SECURITY").await, None);
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(in_aws(&world, &member, "SECURITY").await, None);
    world.finish().await;
}

#[tokio::test]
async fn late_reads_throttling_and_lost_answers_end_well() {
    let world = stage("alternate-late").await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"consistency_delay_ms": 8000}))
        .await
        .unwrap();
    // The first is set, and nobody hears of it; the next are refused while it does not show yet.
    world
        .fault(
            Fault::new("cut")
                .operation("PutAlternateContact")
                .when(When::After),
        )
        .await;
    world
        .fault(
            Fault::new("throttle")
                .operation("PutAlternateContact")
                .nth(2)
                .times(2),
        )
        .await;
    let object = contact(&world, "Security");
    let name = name(&object);
    world.apply_value(object).await;
    world
        .eventually("it is Ready", seconds(90), async || {
            world.find(KIND, &name).await.filter(checks::is_ready)
        })
        .await;
    let account = world.account.clone();
    world
        .eventually("AWS shows it", seconds(30), async || {
            in_aws(&world, &account, "SECURITY").await
        })
        .await;
    let object = world.get(KIND, &name).await;
    assert_eq!(object.data["status"]["origin"], "Created");
    world.delete_and_wait(KIND, &name).await;
    world
        .eventually("AWS shows that it is gone", seconds(30), async || {
            in_aws(&world, &account, "SECURITY").await.is_none()
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn observed_it_is_only_looked_at() {
    let world = stage("alternate-observe").await;
    let object = with(
        contact(&world, "Security"),
        &json!({"managementPolicy": "Observe"}),
    );
    let name = name(&object);
    let before = world.last_call().await;
    world.apply_value(object).await;
    world
        .condition(KIND, &name, "Ready", "False", "NotFoundInAws")
        .await;
    by_hand(&world, "SECURITY", "mallory@quux.example").await;
    ask(&world, &name, "1").await;
    assert_eq!(pending(&world.get(KIND, &name).await), ["Update email"]);
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    world.delete_and_wait(KIND, &name).await;
    world.finish().await;
}
