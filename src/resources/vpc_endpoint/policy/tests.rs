use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_LENGTH, Policy, Reach, buckets, matches, preset};
use crate::api::vpc_endpoint::{PolicyPreset, PresetName};

/// What AWS writes for a gateway endpoint that is made without a policy.
const GATEWAY_DEFAULT: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
/// The same of an interface endpoint.
const INTERFACE_DEFAULT: &str = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}";

fn policy(value: &Value) -> Policy {
    Policy::from_value(value).unwrap()
}

fn of(statement: &Value) -> Policy {
    policy(&json!({"Version": "2012-10-17", "Statement": statement}))
}

fn problem(text: &str) -> String {
    Policy::parse(text).unwrap_err().to_string()
}

#[test]
fn what_aws_gives_by_default_is_full_access() {
    let gateway = Policy::parse(GATEWAY_DEFAULT).unwrap();
    let interface = Policy::parse(INTERFACE_DEFAULT).unwrap();
    assert_eq!(gateway, interface);
    assert_eq!(gateway, Policy::full_access());
    assert!(gateway.is_full_access());
    let newer = json!({"Version": "2012-10-17", "Id": "x", "Statement": {
        "Sid": "All", "Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["*"], "Resource": ["*"]}});
    assert!(policy(&newer).is_full_access());
    assert!(
        !of(&json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}))
            .is_full_access()
    );
    assert!(
        !of(&json!({"Effect": "Allow", "Principal": "*", "Action": "ssm:*", "Resource": "*"}))
            .is_full_access()
    );
}

#[test]
fn what_iam_reads_alike_is_equal() {
    let base = |change: &[(&str, Value)]| {
        let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "ssm:GetDocument", "Resource": "*"});
        for (name, value) in change {
            statement[*name] = value.clone();
        }
        of(&statement)
    };
    let pairs = [
        (
            ("Principal", json!("*")),
            ("Principal", json!({"AWS": "*"})),
        ),
        (
            ("Principal", json!({"AWS": ["*"]})),
            ("Principal", json!({"AWS": ["*", "123456789012"]})),
        ),
        (
            ("Principal", json!({"AWS": "123456789012"})),
            (
                "Principal",
                json!({"AWS": ["arn:aws:iam::123456789012:root"]}),
            ),
        ),
        (
            ("Principal", json!({"AWS": "123456789012"})),
            (
                "Principal",
                json!({"AWS": "arn:aws-us-gov:iam::123456789012:root"}),
            ),
        ),
        (
            ("Action", json!("ssm:GetDocument")),
            ("Action", json!(["SSM:getdocument"])),
        ),
        (
            ("Action", json!(["a:B", "a:C"])),
            ("Action", json!(["a:C", "A:b", "a:B"])),
        ),
        (
            ("Action", json!("*")),
            ("Action", json!(["ssm:GetDocument", "*"])),
        ),
        (
            ("Resource", json!("*")),
            ("Resource", json!(["*", "arn:aws:s3:::x/*"])),
        ),
        (
            ("Condition", json!({})),
            ("Condition", json!({"StringEquals": {}})),
        ),
        (
            (
                "Condition",
                json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": true}}),
            ),
            (
                "Condition",
                json!({"Bool": {"AWS:securetransport": ["true"]}, "StringEquals": {"aws:sourceVpc": ["vpc-1"]}}),
            ),
        ),
        (
            (
                "Condition",
                json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 60}}),
            ),
            (
                "Condition",
                json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}),
            ),
        ),
        (("Sid", json!("")), ("Effect", json!("Allow"))),
    ];
    for ((a, left), (b, right)) in pairs {
        assert_eq!(
            base(&[(a, left.clone())]),
            base(&[(b, right.clone())]),
            "{a} {left} and {b} {right}"
        );
    }
    assert_eq!(base(&[]), base(&[("Condition", json!({}))]));
}

#[test]
fn what_iam_reads_otherwise_differs() {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*",
        "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}});
    let changes = [
        ("Effect", json!("Deny")),
        ("Principal", json!("*")),
        ("Principal", json!({"AWS": "123456789013"})),
        ("Principal", json!({"Service": "123456789012"})),
        (
            "Principal",
            json!({"AWS": "arn:aws:iam::123456789012:role/root"}),
        ),
        ("Action", json!("s3:PutObject")),
        ("Resource", json!("arn:aws:s3:::X/*")),
        ("Condition", json!({})),
        (
            "Condition",
            json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}),
        ),
        (
            "Condition",
            json!({"stringequals": {"aws:SourceVpc": "vpc-1"}}),
        ),
        (
            "Condition",
            json!({"StringEquals": {"aws:SourceVpc": "VPC-1"}}),
        ),
        (
            "Condition",
            json!({"StringEquals": {"aws:SourceVpce": "vpc-1"}}),
        ),
        ("Sid", json!("Named")),
    ];
    for (name, value) in changes {
        let mut other = statement.clone();
        other[name] = value.clone();
        assert_ne!(of(&statement), of(&other), "{name} {value}");
    }
    for name in ["Principal", "Action", "Resource"] {
        let mut other = statement.clone();
        let value = other.as_object_mut().unwrap().remove(name).unwrap();
        assert_ne!(of(&statement), of(&other), "without {name}");
        other[format!("Not{name}")] = value;
        assert_ne!(of(&statement), of(&other), "Not{name}");
    }
    let older = policy(&json!({"Version": "2008-10-17", "Statement": statement}));
    assert_ne!(of(&statement), older);
    assert_eq!(policy(&json!({"Statement": statement})), older);
    assert_ne!(policy(&json!({"Id": "x", "Statement": statement})), older);
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_do() {
    let cases = [
        (
            "",
            "is not JSON that can be read: EOF while parsing a value at line 1 column 0",
        ),
        ("[]", "is a JSON object"),
        ("{}", "Statement is a list of at least one statement"),
        (
            r#"{"Statement": []}"#,
            "Statement is a list of at least one statement",
        ),
        (
            r#"{"Version": "2012-10-18", "Statement": []}"#,
            r#"Version is the version of the policy language, "2012-10-17" (or "2008-10-17")"#,
        ),
        (
            r#"{"Statements": []}"#,
            r#"has "Statements", which IAM does not know: write "Statement""#,
        ),
        (
            r#"{"Statement": [{"Effect": "allow"}]}"#,
            r#"Statement[0].Effect is "Allow" or "Deny""#,
        ),
        (
            r#"{"Statement": [{"effect": "Allow"}]}"#,
            r#"Statement[0] has "effect", which IAM does not know: write "Effect""#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Actions": "*"}}"#,
            r#"Statement has "Actions", which IAM does not know: write "Action""#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": 1}}"#,
            "Statement.Action is text or a list of texts",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "a", "NotAction": "b"}}"#,
            "Statement has Action and NotAction: IAM takes one of them",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "a", "Action": "b"}}"#,
            r#"is not JSON that can be read: "Action" is there twice at line 1 column 57"#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "arn:aws:iam::123456789012:role/a"}}"#,
            r#"Statement.Principal is "*" or an object such as {"AWS": ["arn:aws:iam::123456789012:role/name"]}"#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": {"Aws": "*"}}}"#,
            r#"Statement.Principal has "Aws", which IAM does not know: write "AWS""#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Condition": {"StringEquals": {"aws:A": "1", "aws:a": "2"}}}}"#,
            r#"Statement.Condition.StringEquals has the key "aws:a" twice: IAM reads it in either case"#,
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Condition": {"Bool": {"aws:A": {}}}}}"#,
            "Statement.Condition.Bool.aws:A is a value or a list of values",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problem(text), expected, "{text}");
    }
}

#[test]
fn what_aws_refuses_is_refused_before() {
    let complete = |statement: Value| of(&statement).complete().map_err(|e| e.to_string());
    let whole = json!({"Sid": "S", "Effect": "Allow", "Principal": "*", "Action": "ssm:GetDocument", "Resource": "*"});
    assert_eq!(complete(whole.clone()), Ok(()));
    for (name, start) in [
        ("Principal", "Statement \"S\" has no Principal"),
        ("Action", "Statement \"S\" has no Action"),
        ("Resource", "Statement \"S\" has no Resource"),
    ] {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(name);
        let problem = complete(less).unwrap_err();
        assert!(problem.starts_with(start), "{problem}");
    }
    for (name, value) in [
        ("Principal", json!({"AWS": []})),
        ("Action", json!([])),
        ("Resource", json!([])),
    ] {
        let mut empty = whole.clone();
        empty[name] = value;
        assert_eq!(
            complete(empty).unwrap_err(),
            format!("Statement \"S\" has an empty {name}: AWS takes no empty lists")
        );
    }
    let mut odd = whole.clone();
    odd["Action"] = json!(["GetDocument"]);
    assert_eq!(
        complete(odd).unwrap_err(),
        "Statement \"S\" has the action \"GetDocument\", which is not of the form service:Action"
    );

    let of_length = |length: usize| {
        let mut long = whole.clone();
        long["Resource"] = json!("");
        let rest = of(&long).document().len();
        long["Resource"] = json!("x".repeat(length - rest));
        of(&long)
    };
    assert_eq!(of_length(MAX_LENGTH).complete(), Ok(()));
    let problem = of_length(MAX_LENGTH + 1)
        .complete()
        .unwrap_err()
        .to_string();
    assert!(
        problem.starts_with("has 20481 characters, and AWS takes 20480 at most"),
        "{problem}"
    );
}

#[test]
fn an_open_policy_is_told_from_a_limited_one() {
    let statement = |change: &[(&str, Value)]| {
        let mut statement =
            json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        for (name, value) in change {
            statement[*name] = value.clone();
        }
        statement
    };
    let reach = |change: &[(&str, Value)]| of(&statement(change)).reach();
    assert_eq!(reach(&[]), Reach::Everything);
    assert_eq!(
        reach(&[("Action", json!("ssm-contacts:*"))]),
        Reach::WholeService
    );
    assert_eq!(
        reach(&[("Action", json!(["ec2:*", "ssm:GetDocument"]))]),
        Reach::WholeService
    );
    assert_eq!(reach(&[("Action", json!("ec2:Describe*"))]), Reach::Limited);
    assert_eq!(
        reach(&[("Principal", json!({"AWS": "123456789012"}))]),
        Reach::Limited
    );
    assert_eq!(
        reach(&[("Resource", json!("arn:aws:s3:::x/*"))]),
        Reach::Limited
    );
    let only_mine = json!({"StringEquals": {"aws:PrincipalAccount": "123456789012"}});
    assert_eq!(reach(&[("Condition", only_mine)]), Reach::Limited);
    // Whatever comes through the endpoint comes from its VPC.
    let no_limit = json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}});
    assert_eq!(reach(&[("Condition", no_limit)]), Reach::Everything);
    let mut but = statement(&[]);
    but.as_object_mut().unwrap().remove("Action");
    but["NotAction"] = json!("iam:*");
    assert_eq!(of(&but).reach(), Reach::Everything);

    let with_deny = |deny: Value| of(&json!([statement(&[]), deny])).reach();
    let strangers = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}});
    assert_eq!(
        with_deny(statement(&[
            ("Effect", json!("Deny")),
            ("Condition", strangers)
        ])),
        Reach::Limited
    );
    let plain = json!({"Bool": {"aws:SecureTransport": "false"}});
    assert_eq!(
        with_deny(statement(&[
            ("Effect", json!("Deny")),
            ("Condition", plain)
        ])),
        Reach::Everything
    );
}

#[test]
fn a_bucket_that_may_be_read_is_found() {
    let allows = |statements: Value| of(&statements).lets_read_bucket("aws-ssm-us-east-1");
    let allow = |action: &str, resource: &str| json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource});
    assert!(Policy::full_access().lets_read_bucket("aws-ssm-us-east-1"));
    assert!(allows(allow(
        "s3:getobject",
        "arn:aws:s3:::aws-ssm-us-east-1/*"
    )));
    assert!(allows(allow("s3:Get*", "arn:aws:s3:::aws-ssm-*/patch/*")));
    assert!(allows(allow("s3:*", "arn:aws:s3:::*")));
    assert!(!allows(allow("s3:PutObject", "*")));
    assert!(!allows(allow(
        "s3:GetObject",
        "arn:aws:s3:::aws-ssm-us-east-2/*"
    )));
    let mut deny = allow("s3:GetObject", "arn:aws:s3:::aws-ssm-us-east-1/*");
    deny["Effect"] = json!("Deny");
    assert!(!allows(json!([allow("*", "*"), deny.clone()])));
    deny["Condition"] = json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}});
    assert!(allows(json!([allow("*", "*"), deny])));
}

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

fn preset_of(name: PresetName, principals: &[&str], region: &str) -> Result<Policy, String> {
    let principals: Vec<String> = principals.iter().map(|p| (*p).to_owned()).collect();
    let preset = PolicyPreset {
        name,
        principals: Some(principals).filter(|p| !p.is_empty()),
    };
    preset::policy(&preset, ACCOUNT, region).map_err(|e| e.to_string())
}

/// Actions of IAM by service: the operations in AWS's models, and those that only agents use and models do not have.
fn real_actions() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut actions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let operations = include_str!("operations.txt")
        .lines()
        .filter(|l| !l.starts_with('#'));
    for line in operations {
        let (service, names) = line.split_once(": ").unwrap();
        actions.entry(service).or_default().extend(names.split(' '));
    }
    // AWS's "Reference: ec2messages, ssmmessages, and other API operations", and AmazonSSMManagedInstanceCore.
    let agents = [
        (
            "ssm",
            "GetManifest ListInstanceAssociations PutConfigurePackageResult UpdateInstanceAssociationStatus UpdateInstanceInformation RegisterManagedInstance RequestManagedInstanceRoleToken UpdateManagedInstancePublicKey",
        ),
        (
            "ssmmessages",
            "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel",
        ),
        (
            "ec2messages",
            "AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply",
        ),
    ];
    for (service, names) in agents {
        actions.entry(service).or_default().extend(names.split(' '));
    }
    actions
}

fn actions_of(policy: &Policy) -> BTreeSet<String> {
    let value = policy.to_value();
    let statements = value["Statement"].as_array().unwrap();
    let texts = |value: &Value| match value {
        Value::Array(list) => list
            .iter()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect(),
        single => vec![single.as_str().unwrap().to_owned()],
    };
    statements
        .iter()
        .flat_map(|s| texts(&s["Action"]))
        .collect()
}

#[test]
fn every_preset_is_a_policy_of_least_privilege_with_real_actions() {
    let known = real_actions();
    let role = "arn:aws:iam::123456789012:role/managed-nodes";
    for name in preset::ALL {
        let service = preset::service(*name);
        for principals in [
            &[][..],
            &[role][..],
            &[
                role,
                "210987654321",
                "arn:aws:iam::123456789012:user/ops/alice",
            ][..],
        ] {
            if principals.is_empty() && preset::needs_principals(*name) {
                let problem = preset_of(*name, principals, REGION).unwrap_err();
                assert_eq!(
                    problem,
                    format!(
                        "principals is missing: {name:?} is for those who are named, as ARNs of roles and users"
                    )
                );
                continue;
            }
            let policy = preset_of(*name, principals, REGION).unwrap();
            policy.complete().unwrap();
            let text = policy.document();
            assert_eq!(Policy::parse(&text).unwrap(), policy);
            assert!(
                text.len() < MAX_LENGTH / 2,
                "{name:?} is too long: {}",
                text.len()
            );
            assert!(!policy.is_full_access());
            assert_eq!(policy.reach(), Reach::Limited, "{name:?}");
            for action in actions_of(&policy) {
                let (prefix, operation) = action.split_once(':').unwrap();
                assert_eq!(prefix, service, "{name:?}");
                // S3's operation and IAM's action of reading an object have the same name; so have all of these.
                assert!(known[prefix].contains(operation), "{action} is no action");
            }
            let accounts: BTreeSet<&str> = ["123456789012", "210987654321"].into();
            let mentions = |id: &&str| text.contains(*id);
            if !principals.is_empty() {
                assert_eq!(
                    accounts.iter().filter(|id| mentions(id)).count(),
                    principals.len().min(2),
                    "{name:?} {text}"
                );
            }
        }
    }
}

#[test]
fn a_preset_without_principals_is_for_the_account() {
    let policy = preset_of(PresetName::EC2Messages, &[], REGION).unwrap();
    let statement = &policy.to_value()["Statement"][0];
    assert_eq!(statement["Principal"], "*");
    assert_eq!(
        statement["Condition"],
        json!({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
    );
}

#[test]
fn principals_of_a_gateway_are_a_condition_and_calls_without_signature_pass() {
    let policy = preset_of(
        PresetName::S3PatchBuckets,
        &["arn:aws:iam::123456789012:role/nodes", "210987654321"],
        REGION,
    )
    .unwrap();
    let value = policy.to_value();
    let statements = value["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 4);
    assert!(statements.iter().all(|s| s["Principal"] == "*"));
    let conditions: BTreeSet<String> = statements
        .iter()
        .map(|s| s["Condition"].to_string())
        .collect();
    assert_eq!(
        conditions,
        BTreeSet::from([
            r#"{"ArnEqualsIfExists":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/nodes"}}"#
                .to_owned(),
            r#"{"StringEqualsIfExists":{"aws:PrincipalAccount":"210987654321"}}"#.to_owned(),
        ])
    );
}

#[test]
fn what_is_no_principal_is_refused() {
    for odd in [
        "*",
        "alice",
        "12345678901",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:group/ops",
        "arn:aws:iam::*:role/a",
        "arn:aws:sts::123456789012:assumed-role/a/b",
        "arn:aws:s3:::bucket",
    ] {
        let problem = preset_of(PresetName::KMS, &[odd], REGION).unwrap_err();
        assert!(
            problem.starts_with(&format!("principals has \"{odd}\": a principal is")),
            "{problem}"
        );
    }
}

#[test]
fn buckets_are_those_of_the_region() {
    let policy = preset_of(PresetName::S3PatchBuckets, &[], "us-east-2").unwrap();
    for bucket in [
        "aws-ssm-us-east-2",
        "patch-baseline-snapshot-us-east-2",
        "aws-patch-manager-us-east-2-552881074",
        "us-east-2-birdwatcher-prod",
    ] {
        assert!(policy.lets_read_bucket(bucket), "{bucket}");
    }
    for bucket in [
        "aws-ssm-us-east-1",
        "customers",
        "aws-patch-manager-us-east-2-somebody",
    ] {
        assert!(!policy.lets_read_bucket(bucket), "{bucket}");
    }
    assert!(
        !policy.document().contains("*-"),
        "a pattern in a bucket's name lets in other people's"
    );
    // The one Region with other names.
    assert_eq!(
        buckets::patching("me-south-1").unwrap(),
        [
            "patch-baseline-snapshot-me-south-1-uduvl7q8",
            "aws-patch-manager-me-south-1-a53fc9dce"
        ]
    );
    let bahrain = preset_of(PresetName::S3PatchBuckets, &[], "me-south-1").unwrap();
    assert!(
        !bahrain.lets_read_bucket("aws-ssm-me-south-1"),
        "AWS does not have it there"
    );
    let china = preset_of(PresetName::S3PatchBuckets, &[], "cn-north-1").unwrap();
    assert!(
        china
            .document()
            .contains("arn:aws-cn:s3:::aws-ssm-cn-north-1/*")
    );
    let problem = preset_of(PresetName::S3PatchBuckets, &[], "xx-west-9").unwrap_err();
    assert!(problem.starts_with("S3PatchBuckets does not know the names of the buckets in xx-west-9: write them into spec.policy"), "{problem}");
}

/// A statement as somebody may write it, in a small alphabet so that names collide.
fn any_statement() -> impl Strategy<Value = Value> {
    let names =
        |names: &'static [&'static str]| prop::collection::vec(prop::sample::select(names), 1..4);
    let principal = prop_oneof![
        Just(json!("*")),
        names(&[
            "*",
            "123456789012",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:role/a"
        ])
        .prop_map(|ids| json!({"AWS": ids})),
        names(&["ssm.amazonaws.com", "ec2.amazonaws.com"]).prop_map(|ids| json!({"Service": ids})),
    ];
    let condition = prop::collection::btree_map(
        prop::sample::select(&["StringEquals", "StringLike"][..]),
        prop::collection::btree_map(
            prop::sample::select(&["aws:A", "aws:B"][..]),
            names(&["x", "y", "X"]),
            1..3,
        ),
        0..3,
    );
    (
        any::<bool>(),
        principal,
        any::<[bool; 3]>(),
        names(&["s3:GetObject", "S3:getobject", "s3:PutObject", "s3:*", "*"]),
        names(&["*", "arn:aws:s3:::a/*", "arn:aws:s3:::A/*"]),
        condition,
        prop::option::of(prop::sample::select(&["One", "Two"][..])),
    )
        .prop_map(
            |(allow, principal, not, actions, resources, condition, sid)| {
                let name = |index: usize, name: &str| {
                    if not[index] {
                        format!("Not{name}")
                    } else {
                        name.to_owned()
                    }
                };
                let mut statement = json!({
                    "Effect": if allow { "Allow" } else { "Deny" },
                    name(0, "Principal"): principal,
                    name(1, "Action"): actions,
                    name(2, "Resource"): resources,
                    "Condition": condition,
                });
                if let Some(sid) = sid {
                    statement["Sid"] = json!(sid);
                }
                statement
            },
        )
}

fn any_policy() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(any_statement(), 1..4)
}

/// The same, written by somebody else: lists turned and with a name twice, a list of one as that one, actions and keys in other case.
fn rewritten(value: &Value, within: &str, seed: u64) -> Value {
    let swap = seed.is_multiple_of(2);
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list
                .iter()
                .map(|v| rewritten(v, within, seed / 2))
                .collect();
            if swap {
                list.reverse();
            }
            if seed.is_multiple_of(3) {
                list.push(list[0].clone());
            }
            if list.len() == 1 {
                list.remove(0)
            } else {
                Value::Array(list)
            }
        }
        Value::Object(map) => {
            let key = |key: &String| {
                if swap && key.starts_with("aws:") {
                    key.to_ascii_uppercase()
                } else {
                    key.clone()
                }
            };
            Value::Object(
                map.iter()
                    .map(|(k, v)| (key(k), rewritten(v, k, seed / 2)))
                    .collect(),
            )
        }
        Value::String(text) if within.ends_with("Action") && swap => {
            json!(text.to_ascii_uppercase())
        }
        Value::String(text) if within == "AWS" && text == "123456789012" && swap => {
            json!("arn:aws:iam::123456789012:root")
        }
        Value::String(text) if within.ends_with("Principal") && text == "*" => json!({"AWS": "*"}),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_policy_written_by_somebody_else_is_the_same(statements in any_policy(), seed in any::<u64>()) {
        let one = of(&json!(statements));
        let mut other: Vec<Value> = statements.iter().enumerate().map(|(i, s)| rewritten(s, "", seed.rotate_left(u32::try_from(i).unwrap()))).collect();
        other.reverse();
        other.push(statements[0].clone());
        prop_assert_eq!(&one, &of(&json!(other)));
    }

    #[test]
    fn a_policy_that_is_written_and_read_is_the_same(statements in any_policy()) {
        let one = of(&json!(statements));
        let again = Policy::parse(&one.document()).unwrap();
        prop_assert_eq!(&one, &again);
        prop_assert_eq!(one.document(), again.document());
    }

    #[test]
    fn a_policy_with_another_resource_action_or_value_differs(statements in any_policy(), what in 0..4_usize) {
        let one = of(&json!(statements));
        let mut other = statements.clone();
        let first = other[0].as_object_mut().unwrap();
        let list = |first: &serde_json::Map<String, Value>, name: &str| {
            let not = format!("Not{name}");
            if first.contains_key(name) { name.to_owned() } else { not }
        };
        match what {
            0 => { let name = list(first, "Resource"); first[&name] = json!("arn:aws:s3:::other/*"); }
            1 => { let name = list(first, "Action"); first[&name] = json!("s3:DeleteObject"); }
            2 => { let name = list(first, "Principal"); first[&name] = json!({"AWS": "210987654321"}); }
            _ => { first["Condition"] = json!({"StringEquals": {"aws:A": "other"}}); }
        }
        prop_assert_ne!(&one, &of(&json!(other)));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".{0,60}") {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn patterns_fit_as_by_definition(pattern in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.first(), text.first()) {
                (None, None) => true,
                (Some(b'*'), _) => by_definition(&pattern[1..], text) || (!text.is_empty() && by_definition(pattern, &text[1..])),
                (Some(b'?'), Some(_)) => by_definition(&pattern[1..], &text[1..]),
                (Some(p), Some(t)) if p == t => by_definition(&pattern[1..], &text[1..]),
                _ => false,
            }
        }
        prop_assert_eq!(matches(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
    }
}
