#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::*;
use crate::aws::canned::{ACCOUNT, CannedAws, Reply, Request, accounts};

const ROLE: &str = "arn:aws:iam::123456789012:role/operator";
const SET: &str = "arn:aws:ssm-incidents::123456789012:replication-set/1";

fn with_role(mut config: AccountConfig) -> AccountConfig {
    config.assume_role = Some(AssumeRole {
        role_arn: ROLE.to_owned(),
        external_id: Some(Redacted::new("example".to_owned())),
        session_name: None,
    });
    config
}

fn assumed(request: &Request) -> Reply {
    if request.operation != "AssumeRole" {
        return Reply::identity(ACCOUNT);
    }
    Reply::new(
        200,
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    )
}

async fn confirm(account: &Arc<Account>) -> Result<Identity, ConfirmError> {
    account
        .confirm(Priority::Edit, CancellationToken::new())
        .await
}

#[tokio::test]
async fn the_account_is_confirmed_once_for_everybody() {
    let aws = CannedAws::start(|_| Reply::identity(ACCOUNT)).await;
    let account = accounts(&RequestMetrics::default()).account(&aws.config());
    let mut askers = JoinSet::new();
    for _ in 0..20 {
        let account = Arc::clone(&account);
        askers.spawn(async move { confirm(&account).await });
    }
    for identity in askers.join_all().await {
        assert_eq!(identity.unwrap().account_id, ACCOUNT);
    }
    assert_eq!(aws.operations(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn another_account_is_refused_and_asked_about_again() {
    let aws = CannedAws::start(|_| Reply::identity("210987654321")).await;
    let account = accounts(&RequestMetrics::default()).account(&aws.config());
    let error = confirm(&account).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credentials belong to account 210987654321, not 123456789012"
    );
    assert!(confirm(&account).await.is_err());
    assert_eq!(aws.operations().len(), 2);
}

#[tokio::test]
async fn a_failure_to_ask_is_not_remembered() {
    let failing = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&failing);
    let aws = CannedAws::start(move |_| {
        if switch.load(Ordering::Relaxed) {
            Reply::sts_error(403, "ExpiredToken", "expired")
        } else {
            Reply::identity(ACCOUNT)
        }
    })
    .await;
    let account = accounts(&RequestMetrics::default()).account(&aws.config());
    let ConfirmError::Call(error) = confirm(&account).await.unwrap_err() else {
        panic!("the call fails");
    };
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::AccessDenied, Some("ExpiredToken"))
    );
    failing.store(false, Ordering::Relaxed);
    assert!(confirm(&account).await.is_ok());
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_clients_of_an_account() {
    let aws = CannedAws::start(|request| match request.operation.as_str() {
        "/listReplicationSets" => Reply::new(200, r#"{"replicationSetArns":[]}"#),
        "GetContact" => Reply::contacts_error("ResourceNotFoundException", r#","Message":"x""#),
        _ => assumed(request),
    })
    .await;
    let account = accounts(&RequestMetrics::default()).account(&with_role(aws.config()));
    confirm(&account).await.unwrap();
    let give_way = CancellationToken::new();
    let set = account
        .replication_set(Duration::ZERO, Priority::Edit, give_way.clone())
        .await
        .unwrap();
    assert_eq!(set, None);
    let session = account.session(Priority::Edit, give_way);
    let request = session.contacts().get_contact().contact_id("a").send();
    let error = session
        .send(Operation::GetContact, request)
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);

    assert_eq!(
        aws.operations(),
        [
            "AssumeRole",
            "GetCallerIdentity",
            "/listReplicationSets",
            "GetContact"
        ]
    );
    let requests = aws.requests();
    assert!(requests[0].authorization.contains("Credential=AKIAOWN/"));
    assert!(
        requests[0].body.contains("ExternalId=example")
            && requests[0].body.contains("incident-operator")
    );
    assert!(
        requests[1..]
            .iter()
            .all(|request| request.authorization.contains("Credential=ASIAROLE/"))
    );
    for (request, scope) in requests[1..]
        .iter()
        .zip(["sts", "ssm-incidents", "ssm-contacts"])
    {
        assert!(
            request
                .authorization
                .contains(&format!("/eu-west-1/{scope}/aws4_request"))
        );
    }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_what_the_error_is_about() {
    let aws = CannedAws::start(|_| {
        let message = "User: x is not authorized to perform: sts:AssumeRole on resource: y";
        Reply::sts_error(403, "AccessDenied", message)
    })
    .await;
    let account = accounts(&RequestMetrics::default()).account(&with_role(aws.config()));
    let session = account.session(Priority::Edit, CancellationToken::new());
    let request = session.contacts().delete_contact().contact_id("a").send();
    let error = session
        .send(Operation::DeleteContact, request)
        .await
        .unwrap_err();
    assert_eq!(
        (error.operation, error.class),
        (Operation::AssumeRole, ErrorClass::AccessDenied)
    );
    assert_eq!(error.iam_action(), "sts:AssumeRole");
    assert!(!error.effect_unknown, "nothing was sent");
    assert_eq!(aws.operations(), ["AssumeRole"]);
}

fn set_with(region: &str) -> String {
    format!(
        r#"{{"replicationSet":{{"arn":"{SET}","createdBy":"a","createdTime":1,"deletionProtected":false,
        "lastModifiedBy":"a","lastModifiedTime":1,"status":"ACTIVE","regionMap":{{
        "eu-west-1":{{"status":"ACTIVE","statusUpdateDateTime":1}},
        "us-east-1":{region}}}}}}}"#
    )
}

#[tokio::test]
async fn the_replication_set_is_listed_then_read_and_shared() {
    let aws = CannedAws::start(|request| match request.operation.as_str() {
        "/listReplicationSets" => Reply::new(200, format!(r#"{{"replicationSetArns":["{SET}"]}}"#)),
        _ => Reply::new(
            200,
            set_with(r#"{"status":"MENDING","statusMessage":"Tagging inaccessible","statusUpdateDateTime":1}"#),
        ),
    })
    .await;
    let accounts = accounts(&RequestMetrics::default());
    let minute = Duration::from_mins(1);
    let read = async |name: &str| {
        let account = accounts.account(&AccountConfig {
            name: name.to_owned(),
            ..aws.config()
        });
        account
            .replication_set(minute, Priority::Drift, CancellationToken::new())
            .await
            .unwrap()
            .unwrap()
    };
    let set = read("one").await;
    assert_eq!(
        (set.arn.as_str(), set.status.clone()),
        (SET, ReplicationSetStatus::Active)
    );
    assert_eq!(
        set.regions["eu-west-1"],
        RegionInfo {
            status: RegionStatus::Active,
            taggable: true
        }
    );
    let unknown = RegionStatus::Unknown("MENDING".to_owned());
    assert_eq!(
        set.regions["us-east-1"],
        RegionInfo {
            status: unknown,
            taggable: false
        }
    );
    assert_eq!(read("another").await, set);
    assert_eq!(aws.operations().len(), 2, "one list and one read for both");
}

#[tokio::test]
async fn a_listed_set_that_cannot_be_found_is_not_taken_for_absent() {
    let aws = CannedAws::start(|request| match request.operation.as_str() {
        "/listReplicationSets" => Reply::new(200, format!(r#"{{"replicationSetArns":["{SET}"]}}"#)),
        _ => Reply::new(404, r#"{"message":"x"}"#)
            .header("x-amzn-errortype", "ResourceNotFoundException"),
    })
    .await;
    let account = accounts(&RequestMetrics::default()).account(&aws.config());
    let read = account
        .replication_set(Duration::ZERO, Priority::Drift, CancellationToken::new())
        .await;
    assert_eq!(read.unwrap_err().class, ErrorClass::Transient);
}

#[tokio::test]
async fn an_account_stays_the_same_until_its_configuration_changes() {
    let accounts = accounts(&RequestMetrics::default());
    let config = crate::aws::canned::config("http://127.0.0.1:1");
    let account = accounts.account(&config);
    assert!(Arc::ptr_eq(&account, &accounts.account(&config)));
    let renamed = accounts.account(&AccountConfig {
        name: "other".to_owned(),
        ..config.clone()
    });
    assert!(
        Arc::ptr_eq(&account.clients, &renamed.clients),
        "only the name differs"
    );
    let edited = accounts.account(&with_role(config.clone()));
    assert!(!Arc::ptr_eq(&account.clients, &edited.clients));
    accounts.forget("default");
    accounts.forget("other");
    let gone = Arc::downgrade(&renamed.clients);
    drop((account, renamed, edited));
    assert!(gone.upgrade().is_none(), "clients go with the last account");
}

#[test]
fn a_configuration_does_not_show_its_external_id() {
    let config = with_role(crate::aws::canned::config("http://127.0.0.1:1"));
    assert!(!format!("{config:?}").contains("example"));
}

#[tokio::test]
async fn lists_are_kept_apart_by_type_and_shared_by_account() {
    let accounts = accounts(&RequestMetrics::default());
    let config = crate::aws::canned::config("http://127.0.0.1:1");
    let account = accounts.account(&config);
    let renamed = accounts.account(&AccountConfig {
        name: "other".to_owned(),
        ..config
    });
    assert!(Arc::ptr_eq(&account.list::<u8>(), &renamed.list::<u8>()));
    let got = account
        .list::<u8>()
        .get(None, Duration::from_mins(1), async { Ok(1) })
        .await;
    assert_eq!(got.map(|value| *value), Ok(1));
    let other = account
        .list::<u16>()
        .get(None, Duration::from_mins(1), async { Ok(2) })
        .await;
    assert_eq!(other.map(|value| *value), Ok(2));
}
