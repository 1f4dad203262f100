#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use prometheus_client::registry::Registry;

use super::*;
use crate::aws::{
    CallError, Dependent, RequestMetrics,
    canned::{CannedAws, PATIENCE, Reply, accounts, accounts_with, config, own},
};

const PHONE: &str = "+15005550199";

fn session(aws: &CannedAws, metrics: &RequestMetrics) -> Session {
    accounts(metrics)
        .account(&aws.config())
        .session(Priority::Edit, CancellationToken::new())
}

async fn create(session: &Session) -> Result<(), CallError> {
    let channel = session
        .contacts()
        .create_contact_channel()
        .contact_id("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice")
        .name("mobile")
        .r#type(aws_sdk_ssmcontacts::types::ChannelType::Sms)
        .delivery_address(
            aws_sdk_ssmcontacts::types::ContactChannelAddress::builder()
                .simple_address(PHONE)
                .build(),
        );
    session
        .send(Operation::CreateContactChannel, channel.send())
        .await
        .map(drop)
}

async fn get(session: &Session) -> Result<(), CallError> {
    session
        .send(
            Operation::GetContact,
            session.contacts().get_contact().contact_id("a").send(),
        )
        .await
        .map(drop)
}

/// The error that `reply` becomes as the answer to a write; it was sent once.
async fn failure(reply: impl Fn() -> Reply + Send + Sync + 'static) -> CallError {
    let aws = CannedAws::start(move |_| reply()).await;
    let error = create(&session(&aws, &RequestMetrics::default()))
        .await
        .unwrap_err();
    assert_eq!(
        aws.operations(),
        ["CreateContactChannel"],
        "sent once, whatever came of it"
    );
    assert!(!format!("{error} {error:?}").contains(&PHONE[1..]));
    error
}

#[tokio::test]
async fn a_refused_value_is_named_by_its_member_and_not_shown() {
    let error = failure(|| {
        let message = format!(
            "1 validation error detected: Value '{PHONE}' at 'deliveryAddress.simpleAddress' failed to satisfy \
             constraint: Member must have length less than or equal to 5"
        );
        Reply::contacts_error("ValidationException", &format!(r#","Message":"{message}","Reason":"OTHER""#))
    })
    .await;
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::Invalid, false)
    );
    assert_eq!(
        error.to_string(),
        "CreateContactChannel was refused (ValidationException): deliveryAddress.simpleAddress must have length less \
         than or equal to 5"
    );
    assert!(error.may_mean_not_onboarded());
    assert_eq!(error.request_id.as_deref(), Some("request-1"));
}

#[tokio::test]
async fn an_unknown_message_is_dropped_and_the_modelled_fields_are_named() {
    let error = failure(|| {
        let members = format!(
            r#","Message":"Invalid value provided - {PHONE} is odd","Reason":"FIELD_VALIDATION_FAILED",
               "Fields":[{{"Name":"deliveryAddress.simpleAddress","Message":"{PHONE} is odd"}}]"#
        );
        Reply::contacts_error("ValidationException", &members)
    })
    .await;
    assert_eq!(
        error.detail.as_deref(),
        Some("deliveryAddress.simpleAddress is not valid")
    );
}

#[tokio::test]
async fn a_validation_without_any_text_is_still_understood() {
    let error = failure(|| Reply::contacts_error("ValidationException", r#","Message":"""#)).await;
    assert_eq!(error.class, ErrorClass::Invalid);
    assert_eq!(
        error.to_string(),
        "CreateContactChannel was refused (ValidationException)"
    );
}

#[tokio::test]
async fn a_conflict_lists_what_stands_in_the_way() {
    let error = failure(|| {
        let members = r#","Message":"x","ResourceId":"arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice",
            "ResourceType":"CONTACT","DependentEntities":[{"RelationType":"ROTATION","DependentResourceIds":
            ["arn:aws:ssm-contacts:eu-west-1:123456789012:rotation/r1"]}]"#;
        Reply::contacts_error("ConflictException", members)
    })
    .await;
    assert_eq!(error.class, ErrorClass::Conflict);
    let alice = "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice";
    assert_eq!(
        error.conflict,
        Some(("CONTACT".to_owned(), alice.to_owned()))
    );
    let rotation = "arn:aws:ssm-contacts:eu-west-1:123456789012:rotation/r1".to_owned();
    assert_eq!(
        error.dependents,
        [Dependent {
            relation: "ROTATION".to_owned(),
            ids: vec![rotation.clone()]
        }]
    );
    assert!(
        error
            .to_string()
            .ends_with(&format!(": CONTACT {alice}; ROTATION: {rotation}"))
    );
}

#[tokio::test]
async fn a_throttled_answer_says_how_long_to_wait() {
    let error = failure(|| {
        Reply::contacts_error(
            "ThrottlingException",
            r#","Message":"x","RetryAfterSeconds":7"#,
        )
    })
    .await;
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::Throttled, false)
    );
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    let error = failure(|| {
        Reply::contacts_error("ThrottlingException", r#","Message":"x""#).header("retry-after", "3")
    })
    .await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_throttled_answer_pauses_the_budget_it_was_paid_from() {
    let aws = CannedAws::start(|_| {
        Reply::contacts_error(
            "ThrottlingException",
            r#","Message":"x","RetryAfterSeconds":60"#,
        )
    })
    .await;
    let session = session(&aws, &RequestMetrics::default());
    assert!(create(&session).await.is_err());
    let next = tokio::time::timeout(Duration::from_millis(50), create(&session)).await;
    assert!(next.is_err(), "waits for its token");
    assert!(
        get(&session).await.is_err(),
        "reads have a budget of their own"
    );
    assert_eq!(aws.operations(), ["CreateContactChannel", "GetContact"]);
}

#[tokio::test]
async fn a_server_error_may_come_after_the_effect_but_a_read_has_none() {
    let error = failure(|| {
        Reply::contacts_error(
            "InternalServerException",
            r#","Message":"x","RetryAfterSeconds":2"#,
        )
    })
    .await;
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::Transient, true)
    );
    assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
    assert!(
        error
            .to_string()
            .ends_with("whether it took effect is not known")
    );
    let aws = CannedAws::start(|_| Reply::new(503, "<html>busy</html>")).await;
    let error = get(&session(&aws, &RequestMetrics::default()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::Transient, false)
    );
}

#[tokio::test]
async fn silence_and_a_broken_connection_leave_the_effect_unknown() {
    let metrics = RequestMetrics::default();
    for (reply, patience) in [
        ((|| Reply::Cut) as fn() -> Reply, PATIENCE),
        (|| Reply::Silence, Duration::from_millis(300)),
        (|| Reply::new(200, "{not json"), PATIENCE),
    ] {
        let aws = CannedAws::start(move |_| reply()).await;
        let account = accounts_with(own(), patience, &metrics).account(&aws.config());
        let session = account.session(Priority::Edit, CancellationToken::new());
        let error = create(&session).await.unwrap_err();
        assert_eq!(
            (error.class, error.effect_unknown),
            (ErrorClass::Transient, true),
            "{error}"
        );
        assert_eq!(error.code, None);
        assert_eq!(aws.operations(), ["CreateContactChannel"]);
    }
}

#[tokio::test]
async fn a_request_that_reached_nobody_had_no_effect() {
    let metrics = RequestMetrics::default();
    // A port that is free again.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let session = accounts(&metrics)
        .account(&config(&url))
        .session(Priority::Edit, CancellationToken::new());
    let error = create(&session).await.unwrap_err();
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::Transient, false),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "CreateContactChannel failed: AWS could not be reached"
    );
}

#[tokio::test]
async fn a_denial_names_the_action_that_aws_named() {
    let error = failure(|| {
        let message = "User: arn:aws:sts::123456789012:assumed-role/x/alice@example.com is not authorized to perform: \
                       ssm-contacts:AssociateContact because no identity-based policy allows it";
        Reply::contacts_error("AccessDeniedException", &format!(r#","Message":"{message}""#))
    })
    .await;
    assert_eq!(
        (error.class, error.iam_action()),
        (ErrorClass::AccessDenied, "ssm-contacts:AssociateContact")
    );
    assert_eq!(
        error.to_string(),
        "CreateContactChannel was denied, it needs the IAM action ssm-contacts:AssociateContact \
         (AccessDeniedException): no identity-based policy allows"
    );
    let error =
        failure(|| Reply::contacts_error("AccessDeniedException", r#","Message":"no""#)).await;
    assert_eq!(error.iam_action(), "ssm-contacts:CreateContactChannel");
    let error =
        failure(|| Reply::contacts_error("UnrecognizedClientException", r#","Message":"no""#))
            .await;
    assert_eq!(
        error.to_string(),
        "CreateContactChannel was denied, AWS does not accept the credentials (UnrecognizedClientException)"
    );
}

#[tokio::test]
async fn without_an_error_code_the_status_decides() {
    for (status, class) in [
        (403, ErrorClass::AccessDenied),
        (429, ErrorClass::Throttled),
        (404, ErrorClass::Invalid),
        (502, ErrorClass::Transient),
    ] {
        let error = failure(move || Reply::new(status, "<html></html>")).await;
        assert_eq!(error.class, class);
        assert!(
            error.to_string().contains(&format!("HTTP status {status}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_account_that_never_onboarded_is_told_that_it_is_too_late() {
    let error =
        failure(|| Reply::contacts_error("UnsupportedOperationException", r#","Message":"x""#))
            .await;
    assert_eq!(error.class, ErrorClass::Invalid);
    assert!(error.to_string().contains("closed to new customers"));
}

#[tokio::test]
async fn a_refused_code_is_a_wrong_code() {
    let aws = CannedAws::start(|_| {
        Reply::contacts_error(
            "ValidationException",
            r#","Message":"Invalid value provided - 123456""#,
        )
    })
    .await;
    let session = session(&aws, &RequestMetrics::default());
    let request = session
        .contacts()
        .activate_contact_channel()
        .contact_channel_id("c")
        .activation_code("123456");
    let error = session
        .send(Operation::ActivateContactChannel, request.send())
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::WrongCode);
    assert!(!format!("{error:?}").contains("123456"));
}

#[tokio::test]
async fn errors_of_the_other_service_are_read_from_their_header() {
    let aws = CannedAws::start(|_| {
        Reply::new(
            402,
            r#"{"message":"x","quotaCode":"L-0AF5E1C3","serviceCode":"ssm-incidents"}"#,
        )
        .header("x-amzn-errortype", "ServiceQuotaExceededException")
    })
    .await;
    let session = session(&aws, &RequestMetrics::default());
    let request = session.incidents().create_replication_set().regions(
        "eu-west-1",
        aws_sdk_ssmincidents::types::RegionMapInputValue::builder().build(),
    );
    let error = session
        .send(Operation::GetReplicationSet, request.send())
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::QuotaExceeded);
    assert_eq!(
        error.detail.as_deref(),
        Some("quota L-0AF5E1C3 of ssm-incidents")
    );
}

#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let aws = CannedAws::start(|_| Reply::new(200, "{}")).await;
    let nobody = SharedCredentialsProvider::new(Nobody);
    let accounts = accounts_with(nobody, PATIENCE, &RequestMetrics::default());
    let session = accounts
        .account(&aws.config())
        .session(Priority::Edit, CancellationToken::new());
    let error = create(&session).await.unwrap_err();
    assert_eq!(aws.operations(), [""; 0]);
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::AccessDenied, false)
    );
    assert!(error.to_string().contains("no AWS credentials"), "{error}");
}

#[tokio::test]
async fn a_pass_that_gave_way_sends_nothing() {
    let aws = CannedAws::start(|_| Reply::new(200, "{}")).await;
    let session = session(&aws, &RequestMetrics::default());
    session.give_way.cancel();
    let error = create(&session).await.unwrap_err();
    assert_eq!(
        (error.class, error.effect_unknown),
        (ErrorClass::GaveWay, false)
    );
    assert_eq!(aws.operations(), [""; 0]);
}

#[tokio::test]
async fn every_call_is_counted_by_outcome() {
    let aws = CannedAws::start(|request| match request.operation.as_str() {
        "GetContact" => Reply::contacts_error(
            "ThrottlingException",
            r#","Message":"x","RetryAfterSeconds":0"#,
        ),
        _ => Reply::new(200, r#"{"ContactChannelArn":"arn"}"#),
    })
    .await;
    let metrics = RequestMetrics::default();
    let session = session(&aws, &metrics);
    create(&session).await.unwrap();
    get(&session).await.unwrap_err();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"incident_operator_aws_requests_total{service="SSMContacts",operation="CreateContactChannel",outcome="ok"} 1"#,
        r#"incident_operator_aws_requests_total{service="SSMContacts",operation="GetContact",outcome="throttled"} 1"#,
        r#"incident_operator_aws_request_duration_seconds_count{service="SSMContacts",operation="GetContact"} 1"#,
        r#"incident_operator_aws_limiter_wait_seconds_count{group="ContactsWrite",priority="edit"} 1"#,
        r#"incident_operator_aws_throttles_total{group="ContactsRead"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
