#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

#[test]
fn a_validation_keeps_the_member_and_the_constraint_and_drops_the_value() {
    let message = "1 validation error detected: Value '+1500555' at 'deliveryAddress.simpleAddress' failed to satisfy \
                   constraint: Member must have length less than or equal to 320";
    assert_eq!(
        detail(message).unwrap(),
        "deliveryAddress.simpleAddress must have length less than or equal to 320"
    );
}

#[test]
fn every_error_of_a_validation_is_kept_once() {
    let message = "3 validation errors detected: \
                   Value 'A; b' at 'alias' failed to satisfy constraint: Member must satisfy regular expression \
                   pattern: ^[a-z0-9_\\-]*$; \
                   Value null at 'plan.stages.1.member.targets' failed to satisfy constraint: Member must not be null; \
                   Value null at 'plan.stages.1.member.targets' failed to satisfy constraint: Member must not be null";
    assert_eq!(
        detail(message).unwrap(),
        "alias must match ^[a-z0-9_\\-]*$; plan.stages.1.member.targets must not be null"
    );
}

#[test]
fn enum_values_are_listed_in_order() {
    let message = "1 validation error detected: Value 'FAX' at 'type' failed to satisfy constraint: Member must satisfy \
                   enum value set: [VOICE, SMS, EMAIL]";
    assert_eq!(
        detail(message).unwrap(),
        "type must be one of EMAIL, SMS, VOICE"
    );
}

#[test]
fn an_unknown_constraint_still_names_the_member_and_an_unknown_member_is_dropped() {
    let at = |path| {
        format!(
            "1 validation error detected: Value '1' at '{path}' failed to satisfy constraint: Be nice"
        )
    };
    assert_eq!(
        detail(&at("tags.1.member.value")).unwrap(),
        "tags.1.member.value is not valid"
    );
    assert_eq!(detail(&at("alice.smith")), None);
}

#[test]
fn known_sentences_pass_without_what_follows_them() {
    let prefix = "Invalid value provided - ";
    assert_eq!(
        detail(&format!("{prefix}Account not found for the request")).unwrap(),
        "Account not found for the request"
    );
    assert_eq!(
        detail(&format!("{prefix}Invalid resource Arn alice@example.com")).unwrap(),
        "Invalid resource Arn"
    );
    assert_eq!(
        detail(&format!("{prefix}+15005550199 is not a phone number")),
        None
    );
    assert_eq!(detail(""), None);
}

#[test]
fn a_denial_names_the_action_and_the_reason_but_not_the_principal() {
    let message = "User: arn:aws:sts::123456789012:assumed-role/sso/alice@example.com is not authorized to perform: \
                   ssm-contacts:AssociateContact on resource: arn:aws:ssm-contacts:eu-west-1:123456789012:contact/a \
                   because no identity-based policy allows the ssm-contacts:AssociateContact action";
    assert_eq!(
        denied_action(message).unwrap(),
        "ssm-contacts:AssociateContact"
    );
    assert_eq!(detail(message).unwrap(), "no identity-based policy allows");
    assert_eq!(denied_action("not authorized to perform: nothing"), None);
}

#[test]
fn modelled_fields_are_named() {
    let given = [
        (
            "Alias",
            "Member must have length greater than or equal to 1",
        ),
        (
            "DeliveryAddress.SimpleAddress",
            "+15005550199 is nobody's number",
        ),
        ("alice@example.com", "Member must not be null"),
    ];
    assert_eq!(
        fields(given.into_iter()).unwrap(),
        "alias must have length greater than or equal to 1; deliveryAddress.simpleAddress is not valid"
    );
}

#[test]
fn resources_are_named_unless_they_could_be_an_address() {
    for id in [
        "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice",
        "arn:aws:ssm-contacts:eu-west-1:123456789012:contact-channel/alice/12345678-1234-5678-9abc-123456789012",
        "alice",
        "12345678-1234-5678-9abc-123456789012",
    ] {
        assert_eq!(resource_id(id).as_deref(), Some(id));
    }
    for id in [
        "",
        "+15005550199",
        "15005550199",
        "alice@example.com",
        "arn:aws:a:b:123456789012:contact/+15005550199",
    ] {
        assert_eq!(resource_id(id), None, "{id}");
    }
}

#[test]
fn codes_and_quotas_are_shown_by_their_form() {
    assert_eq!(
        code("com.amazonaws.ssmcontacts#ConflictException").unwrap(),
        "ConflictException"
    );
    assert_eq!(
        code("InvalidVpcEndpointId.NotFound").unwrap(),
        "InvalidVpcEndpointId.NotFound"
    );
    assert_eq!(code("alice@example.com"), None);
    assert_eq!(
        quota("ssm-contacts", "L-0AF5E1C3").unwrap(),
        "quota L-0AF5E1C3 of ssm-contacts"
    );
    assert_eq!(quota("ssm-contacts", "123456"), None);
}

#[test]
fn every_listed_word_is_what_the_tests_below_take_it_for() {
    for word in SENTENCES
        .iter()
        .chain(&DENIALS)
        .chain(&MEMBERS)
        .chain(&PATTERNS)
    {
        assert!(!holds_a_number(word), "{word}");
    }
    assert!(MEMBERS.is_sorted() && DENIALS.is_sorted());
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\+[1-9][0-9]{7,14}",
        "[1-9][0-9]{7,14}",
        "[a-z.]{1,12}@[a-z]{2,10}\\.(com|org)",
        "[0-9]{6,10}"
    ]
}

/// Messages of every known form, with a secret wherever something can be put in.
fn message(secret: &str, noise: &str) -> Vec<String> {
    let validation = |value: &str, path: &str, constraint: &str| {
        format!(
            "2 validation errors detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
        )
    };
    let rules = [
        "Member must not be null".to_owned(),
        format!("Member must have length less than or equal to {secret}"),
        format!("Member must satisfy regular expression pattern: {secret}"),
        format!("Member must satisfy enum value set: [{secret}]"),
        format!("Member must satisfy enum value set: [SMS, {secret}]; {noise}"),
        secret.to_owned(),
    ];
    let mut all = vec![
        secret.to_owned(),
        format!("{noise}{secret}{noise}"),
        format!("Invalid value provided - {secret}"),
        format!("Invalid value provided - Invalid resource Arn {secret}"),
        format!(
            "Invalid value provided - Invalid resource Arn arn:aws:ssm-contacts:r:123456789012:contact/{secret}"
        ),
        format!(
            "User: {secret} is not authorized to perform: {secret} because no session policy allows {secret}"
        ),
        format!("User: x is not authorized to perform: ssm:{secret}"),
        format!("User: x is not authorized to perform: {secret}:GetContact"),
        format!("L-{secret}"),
        format!("arn:aws:ssm-contacts:{secret}:123456789012:contact/{secret}"),
        format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/{secret}"),
    ];
    for rule in &rules {
        all.push(validation(secret, "deliveryAddress.simpleAddress", rule));
        all.push(validation(secret, secret, rule));
        all.push(validation(
            &format!("' at '{secret}' {rule}"),
            &format!("alias.{secret}"),
            rule,
        ));
        all.push(format!(
            "{}; {}",
            validation(secret, "alias", rule),
            validation(noise, secret, rule)
        ));
    }
    all
}

/// Everything that is made of a text of AWS's.
fn shown(text: &str) -> Vec<String> {
    [
        detail(text),
        fields(
            [
                (text, text),
                ("alias", text),
                (text, "Member must not be null"),
            ]
            .into_iter(),
        ),
        denied_action(text),
        quota("ssm-contacts", text),
        quota(text, "L-0AF5E1C3"),
        code(text),
        word(text),
        resource_id(text).map(|id| id.replace(":123456789012:", "")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

proptest! {
    #[test]
    fn no_address_or_code_survives_in_any_message(secret in secret(), noise in "[ -~]{0,20}") {
        for message in message(&secret, &noise) {
            for shown in shown(&message) {
                prop_assert!(!shown.contains(&secret), "{shown}");
                prop_assert!(!holds_a_number(&shown), "{shown}");
            }
        }
    }

    #[test]
    fn no_text_makes_it_fail(text in "\\PC{0,200}") {
        shown(&text);
    }
}

#[test]
fn what_ec2_says_is_told_in_our_words_with_the_ids_it_names() {
    let conflict = "private-dns-enabled cannot be set because there is already a conflicting DNS domain for ssm.eu-central-1.amazonaws.com in the VPC vpc-0a1b2c3d4e5f60718";
    assert_eq!(
        of_ec2(conflict).as_deref(),
        Some("there is already a conflicting DNS domain in the VPC (vpc-0a1b2c3d4e5f60718)")
    );
    let zone = "Found another VPC endpoint subnet in the availability zone of subnet-0a1b2c3d";
    assert_eq!(
        of_ec2(zone).as_deref(),
        Some("another subnet of the endpoint is in the same zone (subnet-0a1b2c3d)")
    );
    for quotes in [
        "Value ( +15005550199 ) for parameter description is invalid.",
        "Invalid id: \"sg-15005550199\" (expecting \"sg-...\")",
        "tag alice@example.com",
    ] {
        assert_eq!(of_ec2(quotes), None, "{quotes}");
    }
}
