//! What every call goes through: scope, protocol, permissions, validation, tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, onboarded};
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_needs_a_scope() {
    let (_server, client) = onboarded().await;
    let target = ("x-amz-target", "SSMContacts.ListContacts".to_owned());
    let answer = client
        .send("POST", "/", std::slice::from_ref(&target), "{}")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (403, "MissingAuthenticationTokenException")
    );
    assert!(answer.header("x-amzn-requestid").is_some());
    let bad = ("authorization", "AWS4-HMAC-SHA256 Credential=x".to_owned());
    let answer = client
        .send("POST", "/", &[target, bad], "{}")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "IncompleteSignatureException")
    );
    let form = (
        "content-type",
        "application/x-www-form-urlencoded".to_owned(),
    );
    let answer = client
        .send("POST", "/", &[form], "Action=GetCallerIdentity")
        .await
        .unwrap();
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .text
            .contains("<Code>MissingAuthenticationToken</Code>")
    );
}

#[tokio::test]
async fn unknown_operations_and_bodies() {
    let (_server, client) = onboarded().await;
    let answer = client.contacts("Nonsense", json!({})).await;
    assert_eq!(answer.error(), "UnknownOperationException");
    assert_eq!(answer.json()["__type"], "UnknownOperationException");
    let answer = client.incidents("POST", "/nonsense", Value::Null).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (404, "UnknownOperationException")
    );
    let answer = client
        .incidents("GET", "/listReplicationSets", Value::Null)
        .await;
    assert_eq!(answer.status, 404);
    let answer = client.sts("Action=Nonsense&Version=2011-06-15").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("<Code>InvalidAction</Code>"));
    let headers = [
        client.authorization("ssm-contacts"),
        ("x-amz-target", "SSMContacts.ListContacts".to_owned()),
    ];
    for body in ["{", "[]", "{\"MaxResults\": \"x\"}", "{\"AliasPrefix\": 1}"] {
        let answer = client.send("POST", "/", &headers, body).await.unwrap();
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "SerializationException"),
            "{body}"
        );
    }
    let answer = client.send("POST", "/", &headers, "").await.unwrap();
    assert_eq!(answer.status, 200, "an empty body is an empty structure");
    let answer = client
        .send("POST", "/", &headers, "{\"Unknown\": 1, \"Type\": null}")
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "unknown members and nulls are ignored");
}

#[tokio::test]
async fn validation_says_what_coral_says() {
    let (_server, client) = onboarded().await;
    let answer = client.contacts("CreateContact", json!({"Plan": {}})).await;
    assert_eq!(
        answer.message(),
        "2 validation errors detected: Value null at 'alias' failed to satisfy constraint: Member must not be null; Value null at 'type' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(answer.json()["Reason"], "FIELD_VALIDATION_FAILED");
    assert_eq!(
        answer.json()["Fields"][1],
        json!({"Name": "type", "Message": "Member must not be null"})
    );
    let answer = client
        .contacts(
            "CreateContact",
            json!({"Alias": "", "Type": "PERSONAL", "Plan": {"Stages": [
                {"DurationInMinutes": 31, "Targets": [{"ChannelTargetInfo": {"ContactChannelId": "x"}}]},
            ]}}),
        )
        .await;
    let message = answer.message();
    assert!(
        message.starts_with("3 validation errors detected: "),
        "{message}"
    );
    assert!(message.contains("Value '' at 'alias' failed to satisfy constraint: Member must have length greater than or equal to 1"));
    assert!(message.contains("Value '31' at 'plan.stages.1.member.durationInMinutes' failed to satisfy constraint: Member must have value less than or equal to 30"));
    assert!(message.contains("Value 'x' at 'plan.stages.1.member.targets.1.member.channelTargetInfo.contactChannelId' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws|aws-cn|aws-us-gov):ssm-contacts:"));
    let answer = client
        .contacts("ListContacts", json!({"Type": "TEAM", "NextToken": "a b"}))
        .await;
    assert!(answer.message().contains("Value 'TEAM' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [PERSONAL, ESCALATION, ONCALL_SCHEDULE]"));
    // The whole value has to match, not a part of it.
    for id in [
        "x arn:aws:ssm-contacts:us-east-1:222222222222:contact/a",
        "arn:aws:ssm-contacts:us-east-1:222222222222:contact/a b",
        "arn:aws:ssm-contacts:us-east-1:222222222222:contact/a\n",
        "arn:aws-iso:ssm-contacts:us-east-1:222222222222:contact/a",
    ] {
        let answer = client
            .contacts("GetContact", json!({"ContactId": id}))
            .await;
        assert!(
            answer.message().contains("at 'contactId' failed"),
            "{id}: {}",
            answer.text
        );
    }
    let answer = client
        .contacts(
            "UntagResource",
            json!({"ResourceARN": client.contact_arn("a"), "TagKeys": ["ok", ""]}),
        )
        .await;
    assert!(answer.message().contains("Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, "), "{}", answer.message());
}

#[tokio::test]
async fn status_codes_follow_the_knob() {
    let (_server, client) = onboarded().await;
    let missing = json!({"ContactId": client.contact_arn("nobody")});
    let answer = client.contacts("GetContact", missing.clone()).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ResourceNotFoundException")
    );
    client
        .steer(
            "PUT",
            &format!("knobs?account={ACCOUNT}"),
            json!({"contacts_error_http_status": "smithy"}),
        )
        .await;
    assert_eq!(
        client.contacts("GetContact", missing.clone()).await.status,
        404
    );
    let other = client.of_account("333333333333");
    let missing = json!({"ContactId": other.contact_arn("nobody")});
    assert_eq!(other.contacts("GetContact", missing).await.status, 400);
    let answer = client.control("PUT", "knobs", json!({"no_such": 1})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("no_such"));
    let answer = client
        .control("PUT", "knobs", json!({"onboarding": "maybe"}))
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn tokens_repeat_answers() {
    let (_server, client) = onboarded().await;
    let contact = client.person("bob").await;
    let create = |name: &str, token: &str| {
        json!({
            "ContactId": contact, "Name": name, "Type": "EMAIL", "IdempotencyToken": token,
            "DeliveryAddress": {"SimpleAddress": format!("{name}@example.com")},
        })
    };
    let first = client.ok("CreateContactChannel", create("a", "t1")).await;
    let again = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_eq!(first, again);
    let codes = client.steer("GET", "codes", Value::Null).await;
    assert_eq!(
        codes["codes"].as_array().unwrap().len(),
        1,
        "no second code"
    );
    let other = client
        .contacts("CreateContactChannel", create("b", "t1"))
        .await;
    assert_eq!(other.error(), "ConflictException");
    assert_eq!(other.json()["ResourceId"], first["ContactChannelArn"]);
    let fresh = client
        .contacts("CreateContactChannel", create("a", "t2"))
        .await;
    assert_eq!(fresh.error(), "ConflictException", "{}", fresh.text);
    // After the resource has gone, the token still answers, unless the knob says otherwise.
    let channel = json!({"ContactChannelId": first["ContactChannelArn"]});
    client.ok("DeleteContactChannel", channel.clone()).await;
    let again = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_eq!(first, again);
    assert_eq!(
        client.contacts("GetContactChannel", channel).await.error(),
        "ResourceNotFoundException"
    );
    client
        .steer("PUT", "knobs", json!({"token_after_delete": "new"}))
        .await;
    let new = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_ne!(first, new);
    // The window runs in simulated time.
    client
        .steer("POST", "clock/advance", json!({"seconds": 601}))
        .await;
    let late = client.ok("CreateContactChannel", create("b", "t1")).await;
    assert_ne!(late, new);
    client
        .steer("PUT", "knobs", json!({"idempotency_window_seconds": 0}))
        .await;
    let off = client
        .contacts("CreateContactChannel", create("b", "t1"))
        .await;
    assert_eq!(off.error(), "ConflictException", "the name is taken");
}

#[tokio::test]
async fn a_refused_create_does_not_use_up_its_token() {
    let (_server, client) = onboarded().await;
    let input = |kind: &str| {
        json!({"Alias": "bob", "Type": kind, "IdempotencyToken": "t",
               "Plan": {"Stages": [{"DurationInMinutes": 0, "Targets": []}]}})
    };
    assert_eq!(
        client
            .contacts("CreateContact", input("PERSONAL"))
            .await
            .error(),
        "ValidationException"
    );
    client
        .ok(
            "CreateContact",
            json!({"Alias": "bob", "Type": "PERSONAL", "IdempotencyToken": "t", "Plan": {}}),
        )
        .await;
}

#[tokio::test]
async fn permissions_can_be_taken_away() {
    let (_server, client) = onboarded().await;
    client.person("bob").await;
    let iam = format!("iam?account={ACCOUNT}");
    client
        .steer("PUT", &iam, json!({"deny": ["ssm-contacts:Associate*"]}))
        .await;
    let plan = json!({"Stages": [{"DurationInMinutes": 5, "Targets": [
        {"ContactTargetInfo": {"ContactId": client.contact_arn("bob"), "IsEssential": true}},
    ]}]});
    let create = json!({"Alias": "plan", "Type": "ESCALATION", "Plan": plan});
    let answer = client.contacts("CreateContact", create.clone()).await;
    assert_eq!(answer.error(), "AccessDeniedException");
    assert_eq!(
        answer.message(),
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/simulated is not authorized to perform: ssm-contacts:AssociateContact on resource: {} with an explicit deny in an identity-based policy",
            client.contact_arn("bob")
        )
    );
    client
        .steer("PUT", &iam, json!({"allow": ["ssm-contacts:Get*"]}))
        .await;
    let answer = client.contacts("ListContacts", json!({})).await;
    assert!(answer.message().ends_with(
        "on resource: * because no identity-based policy allows the ssm-contacts:ListContacts action"
    ));
    let answer = client
        .sts("Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::333333333333:role/ops&RoleSessionName=op")
        .await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("<Code>AccessDenied</Code>"));
    client.steer("PUT", &iam, json!({})).await;
    client.ok("CreateContact", create).await;
}

#[tokio::test]
async fn a_policy_binds_whom_it_names() {
    let (_server, client) = onboarded().await;
    client.person("bob").await;
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ssm-contacts:GetContact", "Resource": client.contact_arn("bob"),
    }});
    let attached =
        json!({"policies": [{"principals": ["arn:aws:iam::*:user/operator"], "policy": policy}]});
    client.steer("PUT", "policies", attached.clone()).await;
    let operator = client.of_account(&format!("{ACCOUNT}OPERATOR"));
    let get = json!({"ContactId": client.contact_arn("bob")});
    operator.ok("GetContact", get.clone()).await;
    let answer = operator.contacts("ListContacts", json!({})).await;
    assert_eq!(answer.error(), "AccessDeniedException");
    assert_eq!(
        answer.message(),
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/operator is not authorized to perform: ssm-contacts:ListContacts on resource: * because no identity-based policy allows the ssm-contacts:ListContacts action"
        )
    );
    client.ok("ListContacts", json!({})).await;
    // What is not understood would be judged half.
    let mut odd = attached;
    odd["policies"][0]["policy"]["Statement"]["NotAction"] = json!("sts:*");
    assert_eq!(client.control("PUT", "policies", odd).await.status, 400);
    client
        .steer("PUT", "policies", json!({"policies": []}))
        .await;
    operator.ok("ListContacts", json!({})).await;
}

#[tokio::test]
async fn roles_belong_to_their_account() {
    let (_server, client) = onboarded().await;
    let answer = client
        .sts("Action=GetCallerIdentity&Version=2011-06-15")
        .await;
    assert!(
        answer
            .text
            .contains(&format!("<Account>{ACCOUNT}</Account>"))
    );
    assert!(answer.text.starts_with("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"));
    let assume = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A333333333333%3Arole%2Fteam%2Fops&RoleSessionName=op";
    let answer = client.sts(assume).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let key = answer
        .text
        .split("<AccessKeyId>")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap()
        .to_owned();
    assert!(key.starts_with("ASIA333333333333"));
    let headers = [(
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=abc"
        ),
    )];
    let answer = client
        .send("POST", "/?Action=GetCallerIdentity", &headers, "")
        .await
        .unwrap();
    assert!(
        answer
            .text
            .contains("<Arn>arn:aws:sts::333333333333:assumed-role/ops/op</Arn>")
    );
    let answer = client
        .sts("Action=AssumeRole&RoleArn=x&RoleSessionName=a&DurationSeconds=1")
        .await;
    assert!(answer.text.contains("<Code>ValidationError</Code>"));
    assert!(answer.text.contains("3 validation errors detected: "));
    client
        .steer(
            "PUT",
            "knobs?account=333333333333",
            json!({"assume_role_external_id": "secret"}),
        )
        .await;
    assert_eq!(client.sts(assume).await.status, 403);
    assert_eq!(
        client
            .sts(&format!("{assume}&ExternalId=secret"))
            .await
            .status,
        200
    );
}
