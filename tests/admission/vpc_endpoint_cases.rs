//! The rules of VpcEndpoint.

use serde_json::{Value, json};

use super::{Rule, long, merge};

const KIND: &str = "VpcEndpoint";
const ROLE: &str = "arn:aws:iam::123456789012:role/responders";

/// The least spec that the API server takes.
pub fn least() -> Value {
    json!({
        "vpcId": "vpc-0a1b2c3d4e5f60718", "service": "ssm-contacts", "type": "Interface", "subnetIds": ["subnet-0a1b2c3d4e5f60718"],
    })
}

fn gateway(patch: &Value) -> Value {
    let mut spec = json!({"type": "Gateway", "service": "s3", "subnetIds": null, "routeTableIds": ["rtb-0a1b2c3d4e5f60718"]});
    merge(&mut spec, patch);
    // A merge takes null for taking away, and here it is to be said.
    spec["subnetIds"] = Value::Null;
    spec
}

fn observed(patch: &Value) -> Value {
    let mut spec = json!({"managementPolicy": "Observe", "subnetIds": null});
    merge(&mut spec, patch);
    spec["subnetIds"] = Value::Null;
    spec
}

fn full(name: &str) -> Value {
    json!({"service": null, "serviceName": name})
}

fn source(source: &Value) -> Value {
    json!({"managedSecurityGroup": {"ingress": [source]}})
}

fn described(description: &str) -> Value {
    json!({"managedSecurityGroup": {"description": description, "ingress": [{"cidr": "10.0.0.0/16"}]}})
}

fn preset(service: &str, preset: &Value) -> Value {
    json!({"service": service, "policyPreset": preset})
}

fn principals(principals: &Value) -> Value {
    preset(
        "ssm-contacts",
        &json!({"name": "IncidentManagerContacts", "principals": principals}),
    )
}

fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:08x}")).collect()
}

/// Every rule.
pub fn rules() -> Vec<Rule> {
    let mut rules = identity();
    rules.extend(types());
    rules.extend(lists());
    rules.extend(policies());
    rules.extend(groups());
    rules.extend(fixed());
    rules
}

fn identity() -> Vec<Rule> {
    let vpc = |id: &str| json!({"vpcId": id});
    let endpoint = |id: &str| json!({"vpcEndpointId": id});
    let service = |name: &str| json!({"service": name});
    vec![
        Rule::new(KIND, "spec", "vpcId is the id of a VPC, such as vpc-0123456789abcdef0")
            .accepts("an id", &vpc("vpc-0123456789abcdef0"))
            .accepts("one of the old, short ones", &vpc("vpc-1a2b3c4d"))
            .refuses("nothing", &vpc(""))
            .refuses("a subnet", &vpc("subnet-0123456789abcdef0"))
            .refuses("upper case", &vpc("vpc-0123456789ABCDEF0")),
        Rule::new(KIND, "spec", "vpcEndpointId is the id of a VPC endpoint, such as vpce-0123456789abcdef0")
            .accepts("an id", &endpoint("vpce-0123456789abcdef0"))
            .refuses("a VPC", &endpoint("vpc-0123456789abcdef0"))
            .refuses("nothing", &endpoint("")),
        Rule::new(KIND, "spec", "give either service (a short name, such as ssm-contacts) or serviceName (the full one)")
            .accepts("a short name", &service("kms"))
            .accepts("a full name", &full("com.amazonaws.eu-central-1.kms"))
            .refuses("neither", &json!({"service": null}))
            .refuses("both", &json!({"serviceName": "com.amazonaws.eu-central-1.kms"})),
        Rule::new(
            KIND,
            "spec",
            "service is the short name of an AWS service, such as ssm-contacts; a full name such as com.amazonaws.eu-central-1.ssm-contacts goes into serviceName",
        )
        .accepts("one with a dot", &service("execute-api.test"))
        .refuses("a full name", &service("com.amazonaws.eu-central-1.kms"))
        .refuses("a full name of the newer kind", &service("aws.api.eu-central-1.kendra-ranking"))
        .refuses("upper case", &service("KMS"))
        .refuses("nothing", &service("")),
        Rule::new(
            KIND,
            "spec",
            "serviceName is the full name of a service, such as com.amazonaws.eu-central-1.ssm-contacts; a short name goes into service",
        )
        .accepts("a service of AWS", &full("com.amazonaws.eu-central-1.ssm-contacts"))
        .accepts("one of China", &full("cn.com.amazonaws.cn-north-1.kms"))
        .accepts("one of somebody", &full("com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0"))
        .refuses("a short name", &full("kms"))
        .refuses("a space", &full("com.amazonaws.eu-central-1.k ms")),
    ]
}

fn types() -> Vec<Rule> {
    let mut only_interface = Rule::new(
        KIND,
        "spec",
        "subnetIds, subnetSelector, securityGroupIds, managedSecurityGroup, privateDnsEnabled and dnsOptions are for type Interface only",
    )
    .accepts("a gateway without them", &gateway(&json!({})));
    for (what, patch) in [
        (
            "a selector",
            json!({"subnetSelector": {"tags": {"tier": "private"}}}),
        ),
        ("groups", json!({"securityGroupIds": ["sg-01234567"]})),
        ("a managed group", source(&json!({"cidr": "10.0.0.0/16"}))),
        ("private DNS", json!({"privateDnsEnabled": false})),
        (
            "DNS options",
            json!({"dnsOptions": {"dnsRecordIpType": "IPv4"}}),
        ),
    ] {
        only_interface = only_interface.refuses(what, &gateway(&patch));
    }
    let only_s3 = "dnsOptions.privateDnsOnlyForInboundResolverEndpoint is for the service s3 only";
    let resolver = json!({"dnsOptions": {"privateDnsOnlyForInboundResolverEndpoint": false}});
    let with = |mut patch: Value| {
        merge(&mut patch, &resolver);
        patch
    };
    vec![
        Rule::new(KIND, "spec", "only Interface and Gateway endpoints are managed: to watch one of another type, set managementPolicy: Observe")
            .accepts("an observed one", &observed(&json!({"type": "GatewayLoadBalancer"})))
            .refuses("a managed one", &json!({"type": "GatewayLoadBalancer", "subnetIds": null}))
            .refuses("one of VPC Lattice", &json!({"type": "Resource", "subnetIds": null})),
        only_interface,
        Rule::new(KIND, "spec", "routeTableIds is for type Gateway only")
            .accepts("a gateway", &gateway(&json!({})))
            .refuses("an interface", &json!({"routeTableIds": ["rtb-01234567"]})),
        Rule::new(KIND, "spec", "give either subnetIds or subnetSelector")
            .accepts("a selector", &json!({"subnetIds": null, "subnetSelector": {"tags": {"tier": "private"}}}))
            .refuses("both", &json!({"subnetSelector": {"tags": {"tier": "private"}}})),
        Rule::new(
            KIND,
            "spec",
            "an Interface endpoint needs subnetIds or subnetSelector: without a subnet it has no network interface, and nothing reaches it",
        )
        .accepts("an observed one without", &observed(&json!({})))
        .refuses("neither", &json!({"subnetIds": null})),
        Rule::new(KIND, "spec", "a Gateway endpoint needs routeTableIds: without a route nothing goes through it")
            .accepts("an observed one without", &observed(&json!({"type": "Gateway", "service": "s3"})))
            .refuses("none", &json!({"type": "Gateway", "service": "s3", "subnetIds": null})),
        Rule::new(KIND, "spec", only_s3)
            .accepts("s3", &with(json!({"service": "s3"})))
            .accepts("s3 by its full name", &with(full("com.amazonaws.eu-central-1.s3")))
            .refuses("another", &with(json!({"service": "kms"})))
            .refuses("another by its full name", &with(full("com.amazonaws.eu-central-1.kms"))),
    ]
}

fn lists() -> Vec<Rule> {
    let list = |field: &'static str| move |ids: Vec<String>| json!({field: ids});
    let subnets = list("subnetIds");
    let groups = list("securityGroupIds");
    let tables = |ids: Vec<String>| gateway(&json!({"routeTableIds": ids}));
    vec![
        Rule::new(KIND, "spec", "subnetIds are 1 to 16 ids of subnets, such as subnet-0123456789abcdef0, each in another zone")
            .accepts("16", &subnets(ids("subnet", 16)))
            .refuses("none", &subnets(vec![]))
            .refuses("17", &subnets(ids("subnet", 17)))
            .refuses("a group", &subnets(ids("sg", 1))),
        Rule::new(KIND, "spec", "securityGroupIds are 1 to 16 ids of security groups, such as sg-0123456789abcdef0")
            .accepts("16", &groups(ids("sg", 16)))
            .refuses("none", &groups(vec![]))
            .refuses("17", &groups(ids("sg", 17)))
            .refuses("a name", &groups(vec!["default".to_owned()])),
        Rule::new(KIND, "spec", "routeTableIds are 1 to 100 ids of route tables, such as rtb-0123456789abcdef0")
            .accepts("100", &tables(ids("rtb", 100)))
            .refuses("none", &tables(vec![]))
            .refuses("101", &tables(ids("rtb", 101)))
            .refuses("a subnet", &tables(ids("subnet", 1))),
        Rule::new(KIND, "spec.subnetSelector", "tags names one tag at least: without one every subnet of the VPC would be meant")
            .accepts("one", &json!({"subnetIds": null, "subnetSelector": {"tags": {"tier": "private"}}}))
            .refuses("none", &json!({"subnetIds": null, "subnetSelector": {"tags": {}}})),
    ]
}

fn policies() -> Vec<Rule> {
    let document = json!({"Statement": []});
    let text = |length: usize| json!({"policyJSON": long("a", length)});
    let all = json!({"name": "SystemsManager"});
    let at = "spec.policyPreset";
    vec![
        Rule::new(KIND, "spec", "give only one of policy, policyJSON and policyPreset")
            .accepts("none", &json!({}))
            .accepts("a document", &json!({"policy": document}))
            .accepts("a text", &text(2))
            .accepts("a preset", &preset("ssm", &all))
            .refuses("a document and a text", &json!({"policy": document, "policyJSON": "{}"}))
            .refuses("a document and a preset", &json!({"service": "ssm", "policy": document, "policyPreset": all}))
            .refuses("a text and a preset", &json!({"service": "ssm", "policyJSON": "{}", "policyPreset": all})),
        Rule::new(KIND, "spec", "policyJSON has at most 20480 characters: AWS takes no longer policy")
            .accepts("20480", &text(20480))
            .refuses("20481", &text(20481)),
        Rule::new(
            KIND,
            "spec",
            "policyPreset is for another service: IncidentManagerIncidents is for ssm-incidents, IncidentManagerContacts for ssm-contacts, SystemsManager for ssm, SessionManager for ssmmessages, EC2Messages for ec2messages, EC2 for ec2, KMS for kms, CloudWatchLogs for logs, S3PatchBuckets for s3",
        )
        .accepts("its service", &preset("ssm", &all))
        .accepts("its service with certified encryption", &preset("ssm-fips", &all))
        .accepts("its service by its full name", &json!({"service": null, "serviceName": "com.amazonaws.eu-central-1.ssm", "policyPreset": all}))
        .accepts("messages", &preset("ec2messages", &json!({"name": "EC2Messages"})))
        .refuses("another service", &preset("ssm-contacts", &all))
        .refuses("another service by its full name", &json!({"service": null, "serviceName": "com.amazonaws.eu-central-1.ssm-contacts", "policyPreset": all}))
        .refuses("logs for messages", &preset("ec2messages", &json!({"name": "CloudWatchLogs"}))),
        Rule::new(KIND, at, "principals names 1 to 50 roles, users or accounts")
            .accepts("50", &principals(&json!((0..50).map(|n| format!("{n:012}")).collect::<Vec<_>>())))
            .refuses("none", &principals(&json!([])))
            .refuses("51", &principals(&json!((0..51).map(|n| format!("{n:012}")).collect::<Vec<_>>()))),
        Rule::new(
            KIND,
            at,
            "a principal is the ARN of a role or user without patterns, such as arn:aws:iam::123456789012:role/responders, or the id of an account",
        )
        .accepts("a role", &principals(&json!([ROLE])))
        .accepts("a user with a path", &principals(&json!(["arn:aws-cn:iam::123456789012:user/ops/alice@example.org"])))
        .accepts("accounts", &principals(&json!(["123456789012", "arn:aws:iam::210987654321:root"])))
        .refuses("everybody", &principals(&json!(["*"])))
        .refuses("a pattern", &principals(&json!(["arn:aws:iam::123456789012:role/*"])))
        .refuses("a group", &principals(&json!(["arn:aws:iam::123456789012:group/ops"])))
        .refuses("a session", &principals(&json!(["arn:aws:sts::123456789012:assumed-role/a/b"])))
        .refuses("one of several", &principals(&json!([ROLE, "responders"]))),
        Rule::new(KIND, at, "this preset needs principals: it is for the roles and users that are named, not for a whole account")
            .accepts("with", &principals(&json!([ROLE])))
            .accepts("one for the account", &preset("ssm", &all))
            .refuses("contacts", &preset("ssm-contacts", &json!({"name": "IncidentManagerContacts"})))
            .refuses("keys", &preset("kms", &json!({"name": "KMS"}))),
    ]
}

fn groups() -> Vec<Rule> {
    let at = "spec.managedSecurityGroup";
    let item = "spec.managedSecurityGroup.ingress[]";
    let range = |cidr: &str| source(&json!({"cidr": cidr}));
    let sources = |count: usize| {
        let sources: Vec<Value> = (0..count)
            .map(|n| json!({"cidr": format!("10.{n}.0.0/16")}))
            .collect();
        json!({"managedSecurityGroup": {"ingress": sources}})
    };
    let text = "description has 1 to 255 letters, digits, spaces and the characters . _ - : / ( ) # , @ + = & ; { } ! $ *";
    let of_rule = |text: &str| source(&json!({"cidr": "10.0.0.0/16", "description": text}));
    vec![
        Rule::new(KIND, at, "ingress names 1 to 60 sources: without one nothing reaches the endpoint")
            .accepts("60", &sources(60))
            .refuses("none", &sources(0))
            .refuses("61", &sources(61)),
        Rule::new(KIND, at, text)
            .accepts("words", &described("HTTPS to ssm-contacts (from the VPC)"))
            .refuses("nothing", &described(""))
            .refuses("256 characters", &described(&long("a", 256)))
            .refuses("an apostrophe", &described("the team's")),
        Rule::new(KIND, at, "description cannot be changed: AWS has no way to")
            .accepts_change("kept", &described("one"), &described("one"))
            .refuses_change("another", &described("one"), &described("two"))
            .refuses_change("set", &range("10.0.0.0/16"), &described("one")),
        Rule::new(KIND, item, "a source is one of cidr, securityGroupId and prefixListId")
            .accepts("a range", &range("10.0.0.0/16"))
            .accepts("a group", &source(&json!({"securityGroupId": "sg-01234567"})))
            .accepts("a prefix list", &source(&json!({"prefixListId": "pl-01234567"})))
            .refuses("none", &source(&json!({})))
            .refuses("two", &source(&json!({"cidr": "10.0.0.0/16", "securityGroupId": "sg-01234567"}))),
        Rule::new(KIND, item, "cidr is an address range, such as 10.0.0.0/16 or 2001:db8::/56")
            .accepts("one of IPv6", &range("2001:db8::/56"))
            .refuses("an address", &range("10.0.0.1"))
            .refuses("a name", &range("example.org"))
            .refuses("a prefix that is too long", &range("10.0.0.0/33")),
        Rule::new(KIND, item, "cidr has bits set beyond its prefix: AWS keeps such a range as another one, such as 10.0.0.0/16 for 10.0.1.2/16")
            .accepts("none", &range("10.1.0.0/16"))
            .refuses("some", &range("10.0.1.2/16")),
        Rule::new(KIND, item, "securityGroupId is the id of a security group, such as sg-0123456789abcdef0")
            .accepts("an id", &source(&json!({"securityGroupId": "sg-0123456789abcdef0"})))
            .refuses("a name", &source(&json!({"securityGroupId": "default"}))),
        Rule::new(KIND, item, "prefixListId is the id of a prefix list, such as pl-0123456789abcdef0")
            .accepts("an id", &source(&json!({"prefixListId": "pl-0123456789abcdef0"})))
            .refuses("a name", &source(&json!({"prefixListId": "com.amazonaws.eu-central-1.s3"}))),
        Rule::new(KIND, item, text)
            .accepts("words", &of_rule("the VPC"))
            .refuses("nothing", &of_rule(""))
            .refuses("a line break", &of_rule("one\ntwo")),
    ]
}

fn fixed() -> Vec<Rule> {
    let none = json!({});
    let service = json!({"service": "kms"});
    let one = full("com.amazonaws.eu-central-1.kms");
    let endpoint = |id: &str| json!({"vpcEndpointId": id});
    vec![
        Rule::new(
            KIND,
            "spec",
            "vpcId cannot be changed: AWS has no way to move an endpoint. Make another object",
        )
        .accepts_change("kept", &none, &json!({"privateDnsEnabled": false}))
        .refuses_change("another", &none, &json!({"vpcId": "vpc-01234567"})),
        Rule::new(
            KIND,
            "spec",
            "type cannot be changed: AWS has no way to. Make another object",
        )
        .accepts_change("kept", &none, &json!({"privateDnsEnabled": false}))
        .refuses_change(
            "another",
            &observed(&none),
            &observed(&json!({"type": "Gateway"})),
        ),
        Rule::new(
            KIND,
            "spec",
            "service cannot be changed: AWS has no way to. Make another object",
        )
        .accepts_change("kept", &service, &service)
        .refuses_change("another", &none, &service),
        Rule::new(
            KIND,
            "spec",
            "serviceName cannot be changed: AWS has no way to. Make another object",
        )
        .accepts_change("kept", &one, &one)
        .refuses_change("another", &one, &full("com.amazonaws.eu-central-1.logs")),
        Rule::new(
            KIND,
            "spec",
            "vpcEndpointId cannot be changed once it is set: another endpoint needs another object",
        )
        .accepts_change("set", &none, &endpoint("vpce-01234567"))
        .accepts_change(
            "kept",
            &endpoint("vpce-01234567"),
            &endpoint("vpce-01234567"),
        )
        .refuses_change(
            "another",
            &endpoint("vpce-01234567"),
            &endpoint("vpce-12345678"),
        )
        .refuses_change("taken away", &endpoint("vpce-01234567"), &none),
    ]
}
