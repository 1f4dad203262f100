use std::collections::{BTreeMap, BTreeSet};

use super::cost::{NotAPrice, Price, monthly};
use super::{Checked, examine};
use crate::api::common::{Finding, Severity};
use crate::api::vpc_endpoint::{EndpointType, PolicyPreset, PresetName};
use crate::resources::vpc_endpoint::observed::{
    Endpoint, Group, GroupRule, Interface, Network, Peer, RouteTable, ServiceInfo, State, Subnet,
    Type, VpcDns,
};
use crate::resources::vpc_endpoint::policy::{Policy, preset};

const REGION: &str = "eu-central-1";
const VPC: &str = "vpc-1";
const ACCOUNT: &str = "123456789012";

/// A VPC with everything that Incident Manager and Systems Manager need, as the examples make it.
#[derive(Clone)]
struct World {
    endpoints: BTreeMap<String, Endpoint>,
    subnets: BTreeMap<String, Subnet>,
    tables: BTreeMap<String, RouteTable>,
    groups: BTreeMap<String, Group>,
    interfaces: BTreeMap<String, Interface>,
    dns: BTreeMap<String, VpcDns>,
    service: Option<ServiceInfo>,
}

fn preset_policy(name: PresetName) -> String {
    let preset = PolicyPreset {
        name,
        principals: Some(vec![format!("arn:aws:iam::{ACCOUNT}:role/somebody")]),
    };
    preset::policy(&preset, ACCOUNT, REGION).unwrap().document()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn rule(protocol: &str, ports: Option<(i32, i32)>, peer: Peer) -> GroupRule {
    GroupRule {
        protocol: protocol.to_owned(),
        from_port: ports.map(|p| p.0),
        to_port: ports.map(|p| p.1),
        peer,
        description: None,
    }
}

fn range(cidr: &str) -> Peer {
    Peer::Cidr(cidr.to_owned())
}

/// The id of the endpoint for a service.
fn id(service: &str) -> String {
    format!("vpce-{service}")
}

impl World {
    fn good() -> Self {
        let subnet = |id: &str, zone: &str| {
            let subnet = Subnet {
                id: id.to_owned(),
                vpc_id: VPC.to_owned(),
                zone: zone.to_owned(),
                ..Subnet::default()
            };
            (id.to_owned(), subnet)
        };
        let table = |id: &str, main: bool, subnets: &[&str], to_internet: bool| {
            let table = RouteTable {
                id: id.to_owned(),
                vpc_id: VPC.to_owned(),
                main,
                subnet_ids: set(subnets),
                to_internet,
                ..RouteTable::default()
            };
            (id.to_owned(), table)
        };
        let group = |id: &str, name: &str, ingress: GroupRule| {
            let group = Group {
                id: id.to_owned(),
                vpc_id: VPC.to_owned(),
                name: name.to_owned(),
                ingress: BTreeSet::from([ingress]),
                ..Group::default()
            };
            (id.to_owned(), group)
        };
        let members = Peer::Group {
            id: "sg-default".to_owned(),
            account_id: None,
        };
        let mut world = Self {
            endpoints: BTreeMap::new(),
            subnets: BTreeMap::from([
                subnet("subnet-a", "eu-central-1a"),
                subnet("subnet-b", "eu-central-1b"),
                subnet("subnet-b2", "eu-central-1b"),
                subnet("subnet-public", "eu-central-1c"),
            ]),
            tables: BTreeMap::from([
                table("rtb-main", true, &[], false),
                table("rtb-public", false, &["subnet-public"], true),
            ]),
            groups: BTreeMap::from([
                group(
                    "sg-own",
                    "endpoints",
                    rule("tcp", Some((443, 443)), range("10.0.0.0/16")),
                ),
                group("sg-default", "default", rule("-1", None, members)),
            ]),
            interfaces: BTreeMap::new(),
            dns: BTreeMap::from([(
                VPC.to_owned(),
                VpcDns {
                    support: true,
                    hostnames: true,
                },
            )]),
            service: None,
        };
        for name in preset::ALL {
            let service = preset::service(*name);
            let gateway = service == "s3";
            world.endpoints.insert(
                id(service),
                Endpoint {
                    id: id(service),
                    vpc_id: VPC.to_owned(),
                    service_name: format!("com.amazonaws.{REGION}.{service}"),
                    type_: Type::Known(if gateway {
                        EndpointType::Gateway
                    } else {
                        EndpointType::Interface
                    }),
                    state: State::Available,
                    policy: Some(preset_policy(*name)),
                    route_table_ids: if gateway {
                        set(&["rtb-main"])
                    } else {
                        set(&[])
                    },
                    subnet_ids: if gateway {
                        set(&[])
                    } else {
                        set(&["subnet-a", "subnet-b"])
                    },
                    group_ids: if gateway { set(&[]) } else { set(&["sg-own"]) },
                    private_dns: !gateway,
                    ..Endpoint::default()
                },
            );
        }
        world
    }

    fn change(mut self, service: &str, change: impl FnOnce(&mut Endpoint)) -> Self {
        change(self.endpoints.get_mut(&id(service)).unwrap());
        self
    }

    fn without(mut self, services: &[&str]) -> Self {
        for service in services {
            self.endpoints.remove(&id(service)).unwrap();
        }
        self
    }

    fn with_rule(mut self, rule: GroupRule) -> Self {
        self.groups.get_mut("sg-own").unwrap().ingress.insert(rule);
        self
    }

    fn findings(&self, service: &str) -> Vec<Finding> {
        let network = Network {
            endpoints: self.endpoints.clone().into(),
            subnets: self.subnets.clone().into(),
            route_tables: self.tables.clone().into(),
            groups: self.groups.clone().into(),
            interfaces: self.interfaces.clone().into(),
            dns: self.dns.clone().into(),
            ..Network::default()
        };
        examine(Checked {
            endpoint: &self.endpoints[&id(service)],
            network: &network,
            region: REGION,
            service: self.service.as_ref(),
        })
    }

    /// Name, subject and severity of each finding.
    fn found(&self, service: &str) -> Vec<(String, String, Severity)> {
        let findings = self.findings(service);
        findings
            .into_iter()
            .map(|f| (f.id, f.subject, f.severity))
            .collect()
    }
}

fn one(id: &str, subject: &str, severity: Severity) -> Vec<(String, String, Severity)> {
    vec![(id.to_owned(), subject.to_owned(), severity)]
}

#[test]
fn the_nine_endpoints_of_the_examples_have_no_findings() {
    let world = World::good();
    assert_eq!(world.endpoints.len(), 9);
    for name in preset::ALL {
        let service = preset::service(*name);
        assert_eq!(world.findings(service), [], "{service}");
    }
}

#[test]
fn every_finding_says_what_to_do_and_has_its_number() {
    let poor = World::good()
        .without(&["ssm-incidents", "ec2", "ssmmessages", "ec2messages"])
        .with_rule(rule("tcp", Some((443, 443)), range("0.0.0.0/0")))
        .with_rule(rule("tcp", Some((22, 22)), range("10.0.0.0/16")))
        .change("ssm-contacts", |e| {
            e.subnet_ids = set(&["subnet-public"]);
            e.private_dns = false;
            e.policy = Some(Policy::full_access().document());
            e.group_ids = set(&["sg-own", "sg-default"]);
        });
    let found = poor.findings("ssm-contacts");
    let names: Vec<&str> = found.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(
        names,
        [
            "DefaultSecurityGroup",
            "FullAccessPolicy",
            "MissingCompanion",
            "NoEC2Endpoint",
            "OpenSecurityGroup",
            "PrivateDnsDisabled",
            "PublicSubnet",
            "SingleZone",
            "UnrelatedPorts"
        ]
    );
    let mut all = found;
    all.extend(what_the_poor_one_has_not());
    let names: BTreeSet<&str> = all.iter().map(|f| f.id.as_str()).collect();
    let source = include_str!("../posture.rs");
    // As the source has them: a call with the name first, on its own line or on that of the call. Written in two, or it would be one itself.
    let call = concat!("finding", "(");
    let made: BTreeSet<&str> = source
        .split(call)
        .filter_map(|after| after.trim_start().strip_prefix('"')?.split('"').next())
        .collect();
    assert_eq!(names, made, "one of each");
    let companions: BTreeSet<&str> = all
        .iter()
        .filter(|f| f.id == "MissingCompanion")
        .map(|f| f.subject.as_str())
        .collect();
    let services = [
        "ec2messages",
        "s3",
        "ssm",
        "ssm-contacts",
        "ssm-incidents",
        "ssmmessages",
    ];
    assert_eq!(companions, BTreeSet::from(services));
    for finding in &all {
        // Only what no check of the catalogue is about has no number.
        let numbered = finding.message.contains("(CHK-");
        assert_eq!(numbered, finding.id != "NoRouteTable", "{finding:?}");
        // What is wrong, then what to do.
        assert!(
            finding.message.contains(": ") || finding.message.contains(". "),
            "{finding:?}"
        );
    }
}

/// Findings of every other kind, each from an endpoint that has it.
fn what_the_poor_one_has_not() -> Vec<Finding> {
    let mut closed = World::good();
    closed.groups.get_mut("sg-own").unwrap().ingress.clear();
    let mut no_dns = World::good();
    no_dns.dns.insert(
        VPC.to_owned(),
        VpcDns {
            support: false,
            hostnames: false,
        },
    );
    let mut twins = World::good();
    let twin = Endpoint {
        id: id("twin"),
        ..twins.endpoints[&id("kms")].clone()
    };
    twins.endpoints.insert(id("twin"), twin);
    let nowhere = World::good().change("kms", |e| e.subnet_ids.clear());
    let twice = World::good().change("kms", |e| {
        e.subnet_ids = set(&["subnet-a", "subnet-b", "subnet-b2"]);
    });
    let unreadable = World::good().change("kms", |e| e.policy = Some("{".to_owned()));
    let elsewhere = World::good().change("kms", |e| {
        e.service_name = "com.amazonaws.us-east-1.kms".to_owned();
    });
    let no_table = World::good().change("s3", |e| e.route_table_ids.clear());
    let own = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::customers/*"}}"#;
    let no_patches = World::good().change("s3", |e| e.policy = Some(own.to_owned()));
    let alone = World::good().without(&["ssmmessages", "ec2messages", "s3"]);
    let without_ssm = World::good().without(&["ssm"]);
    let without_contacts = World::good().without(&["ssm-contacts"]);
    [
        closed.findings("kms"),
        no_dns.findings("kms"),
        twins.findings("kms"),
        nowhere.findings("kms"),
        twice.findings("kms"),
        unreadable.findings("kms"),
        elsewhere.findings("kms"),
        no_table.findings("s3"),
        no_patches.findings("s3"),
        alone.findings("ssm"),
        without_ssm.findings("ssmmessages"),
        without_contacts.findings("ssm-incidents"),
    ]
    .concat()
}

#[test]
fn one_zone_is_found_however_many_subnets_it_has() {
    let world = World::good().change("ssm", |e| e.subnet_ids = set(&["subnet-a"]));
    assert_eq!(
        world.found("ssm"),
        one("SingleZone", "eu-central-1a", Severity::Warning)
    );
    let world = World::good().change("ssm", |e| e.subnet_ids = set(&["subnet-b", "subnet-b2"]));
    let found = world.found("ssm");
    assert_eq!(
        found,
        [
            one("SingleZone", "eu-central-1b", Severity::Warning),
            one("SubnetsInSameZone", "eu-central-1b", Severity::Warning)
        ]
        .concat()
    );
    let world = World::good().change("ssm", |e| {
        e.subnet_ids = set(&["subnet-a", "subnet-b", "subnet-b2"]);
    });
    assert_eq!(
        world.found("ssm"),
        one("SubnetsInSameZone", "eu-central-1b", Severity::Warning)
    );
    let world = World::good().change("ssm", |e| e.subnet_ids = set(&[]));
    assert_eq!(world.found("ssm"), one("NoSubnet", "", Severity::Critical));
}

#[test]
fn a_subnet_that_was_not_read_is_not_judged() {
    let mut world = World::good();
    world.subnets.remove("subnet-b");
    assert_eq!(world.found("ssm"), []);
    // Its interface says which zone it is in.
    world.endpoints.get_mut("vpce-ssm").unwrap().interface_ids = set(&["eni-1"]);
    world.interfaces.insert(
        "eni-1".to_owned(),
        Interface {
            id: "eni-1".to_owned(),
            subnet_id: "subnet-b".to_owned(),
            zone: "eu-central-1a".to_owned(),
            ..Interface::default()
        },
    );
    assert_eq!(
        world.found("ssm"),
        [
            one("SingleZone", "eu-central-1a", Severity::Warning),
            one("SubnetsInSameZone", "eu-central-1a", Severity::Warning)
        ]
        .concat()
    );
    world.tables.clear();
    world.groups.clear();
    world.dns.clear();
    assert_eq!(world.found("kms"), []);
}

#[test]
fn a_public_subnet_is_found_by_its_own_route_table_or_the_main_one() {
    let public = |world: World| {
        world.change("ssm", |e| {
            e.subnet_ids = set(&["subnet-a", "subnet-public"]);
        })
    };
    assert_eq!(
        public(World::good()).found("ssm"),
        one("PublicSubnet", "subnet-public", Severity::Warning)
    );
    let mut world = World::good();
    world.tables.get_mut("rtb-main").unwrap().to_internet = true;
    world.tables.get_mut("rtb-public").unwrap().to_internet = false;
    assert_eq!(
        public(world).found("ssm"),
        one("PublicSubnet", "subnet-a", Severity::Warning),
        "its own table hides the main one"
    );
}

#[test]
fn private_names_are_asked_for_where_they_can_be() {
    let off = World::good().change("ssm", |e| e.private_dns = false);
    assert_eq!(
        off.found("ssm"),
        one("PrivateDnsDisabled", "", Severity::Warning)
    );
    // Somebody's own service that has no private names.
    let mut nameless = off.clone();
    nameless.service = Some(ServiceInfo::default());
    assert_eq!(nameless.found("ssm"), []);
    // An interface endpoint for S3 beside the gateway, for callers from elsewhere.
    let mut s3 = World::good();
    let beside = Endpoint {
        id: id("s3-interface"),
        service_name: format!("com.amazonaws.{REGION}.s3"),
        private_dns: false,
        ..s3.endpoints[&id("kms")].clone()
    };
    s3.endpoints.insert(id("s3-interface"), beside);
    assert_eq!(s3.found("s3-interface"), []);
    assert_eq!(s3.found("s3"), []);
}

#[test]
fn private_names_without_dns_in_the_vpc_are_critical() {
    for (support, hostnames, words) in [
        (false, true, "has enableDnsSupport off"),
        (true, false, "has enableDnsHostnames off"),
        (
            false,
            false,
            "has enableDnsSupport and enableDnsHostnames off",
        ),
    ] {
        let mut world = World::good();
        world
            .dns
            .insert(VPC.to_owned(), VpcDns { support, hostnames });
        assert_eq!(
            world.found("ssm"),
            one("VpcDnsDisabled", VPC, Severity::Critical)
        );
        assert!(world.findings("ssm")[0].message.starts_with(words));
        assert_eq!(world.found("s3"), [], "a gateway needs no names");
    }
}

#[test]
fn security_groups_are_neither_open_nor_closed() {
    let mut closed = World::good();
    closed.groups.get_mut("sg-own").unwrap().ingress.clear();
    assert_eq!(
        closed.found("kms"),
        one("ClosedSecurityGroup", "", Severity::Critical)
    );
    let udp = closed
        .clone()
        .with_rule(rule("udp", Some((443, 443)), range("10.0.0.0/16")));
    assert_eq!(
        udp.found("kms"),
        [
            one("ClosedSecurityGroup", "", Severity::Critical),
            one("UnrelatedPorts", "sg-own", Severity::Warning)
        ]
        .concat()
    );
    for everybody in ["0.0.0.0/0", "::/0"] {
        let open = World::good().with_rule(rule("tcp", Some((443, 443)), range(everybody)));
        assert_eq!(
            open.found("kms"),
            one("OpenSecurityGroup", "sg-own", Severity::Warning)
        );
        assert!(
            open.findings("kms")[0]
                .message
                .starts_with(&format!("lets in {everybody}:"))
        );
    }
    for (ports, protocol, words) in [
        (Some((22, 22)), "tcp", "tcp 22"),
        (Some((0, 65535)), "tcp", "tcp 0 to 65535"),
        (Some((80, 443)), "6", "tcp 80 to 443"),
        (Some((53, 53)), "17", "udp 53"),
        (None, "-1", "all protocols"),
        (None, "50", "50, all ports"),
    ] {
        let wide = World::good().with_rule(rule(protocol, ports, range("10.0.0.0/16")));
        assert_eq!(
            wide.found("kms"),
            one("UnrelatedPorts", "sg-own", Severity::Warning),
            "{words}"
        );
        assert!(
            wide.findings("kms")[0]
                .message
                .starts_with(&format!("lets in {words}:")),
            "{:?}",
            wide.findings("kms")
        );
    }
    let ping = World::good().with_rule(rule("icmp", Some((-1, -1)), range("10.0.0.0/16")));
    assert_eq!(ping.found("kms"), []);
    let default = World::good().change("kms", |e| e.group_ids = set(&["sg-default"]));
    assert_eq!(
        default.found("kms"),
        one("DefaultSecurityGroup", "sg-default", Severity::Warning)
    );
    let unread = World::good().change("kms", |e| e.group_ids = set(&["sg-of-somebody"]));
    assert_eq!(unread.found("kms"), []);
}

#[test]
fn an_open_policy_is_found() {
    let with = |text: &str| {
        let text = text.to_owned();
        World::good().change("ssm-contacts", |e| e.policy = Some(text))
    };
    let full = with(&Policy::full_access().document());
    assert_eq!(
        full.found("ssm-contacts"),
        one("FullAccessPolicy", "", Severity::Warning)
    );
    let wide = with(
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ssm-contacts:*", "Resource": "*"}}"#,
    );
    assert_eq!(
        wide.found("ssm-contacts"),
        one("FullAccessPolicy", "", Severity::Warning)
    );
    assert!(
        wide.findings("ssm-contacts")[0]
            .message
            .contains("do everything with ssm-contacts:")
    );
    assert_eq!(
        with("{").found("ssm-contacts"),
        one("UnreadablePolicy", "", Severity::Info)
    );
    let none = World::good().change("ssm-contacts", |e| e.policy = None);
    assert_eq!(none.found("ssm-contacts"), []);
}

#[test]
fn a_gateway_that_keeps_nodes_from_patches_is_found_only_where_there_are_nodes() {
    let own = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::customers/*", "arn:aws:s3:::aws-ssm-eu-central-1/*"]}}"#;
    let narrow = World::good().change("s3", |e| e.policy = Some(own.to_owned()));
    assert_eq!(
        narrow.found("s3"),
        one("PatchBucketsDenied", "", Severity::Warning)
    );
    assert!(
        narrow.findings("s3")[0]
            .message
            .contains(" read patch-baseline-snapshot-eu-central-1:")
    );
    assert_eq!(narrow.without(&["ssm"]).found("s3"), []);
}

#[test]
fn a_gateway_without_route_tables_is_found() {
    let world = World::good().change("s3", |e| e.route_table_ids.clear());
    assert_eq!(
        world.found("s3"),
        one("NoRouteTable", "", Severity::Warning)
    );
}

#[test]
fn a_service_of_another_region_is_found() {
    for name in [
        "com.amazonaws.us-east-1.kms",
        "com.amazonaws.vpce.us-east-1.vpce-svc-0123",
        "aws.api.us-east-1.kendra-ranking",
    ] {
        let world = World::good().change("kms", |e| e.service_name = name.to_owned());
        assert_eq!(
            world.found("kms"),
            one("ServiceInAnotherRegion", "us-east-1", Severity::Critical),
            "{name}"
        );
    }
    for name in [
        "com.amazonaws.s3-global.accesspoint",
        "com.amazonaws.vpce.eu-central-1.vpce-svc-0123",
    ] {
        let world = World::good().change("kms", |e| e.service_name = name.to_owned());
        assert_eq!(world.found("kms"), [], "{name}");
    }
}

#[test]
fn two_endpoints_for_one_service_are_found_on_both() {
    let mut world = World::good();
    let twin = |world: &World, private_dns| Endpoint {
        id: id("twin"),
        private_dns,
        ..world.endpoints[&id("kms")].clone()
    };
    world.endpoints.insert(id("twin"), twin(&world, false));
    assert_eq!(
        world.found("kms"),
        one("DuplicateEndpoint", "vpce-twin", Severity::Warning)
    );
    assert_eq!(
        world.found("twin"),
        one("DuplicateEndpoint", "vpce-kms", Severity::Warning)
    );
    for state in [
        State::Deleting,
        State::Failed,
        State::Rejected,
        State::Expired,
    ] {
        world.endpoints.get_mut(&id("twin")).unwrap().state = state;
        assert_eq!(world.found("kms"), []);
    }
    // Another VPC has its own.
    let elsewhere = Endpoint {
        vpc_id: "vpc-2".to_owned(),
        ..twin(&world, true)
    };
    world.endpoints.insert(id("twin"), elsewhere);
    assert_eq!(world.found("kms"), []);
}

#[test]
fn companions_are_missed() {
    let missing = |service: &str, severity| one("MissingCompanion", service, severity);
    let cases = [
        (
            "ssm-incidents",
            &["ssm-contacts"][..],
            missing("ssm-contacts", Severity::Warning),
        ),
        (
            "ssm-contacts",
            &["ssm-incidents"],
            missing("ssm-incidents", Severity::Warning),
        ),
        (
            "ssm",
            &["ssmmessages"],
            missing("ssmmessages", Severity::Warning),
        ),
        (
            "ssm",
            &["ec2messages"],
            missing("ec2messages", Severity::Info),
        ),
        (
            "ssm",
            &["ssmmessages", "ec2messages"],
            [
                missing("ec2messages", Severity::Warning),
                missing("ssmmessages", Severity::Warning),
            ]
            .concat(),
        ),
        ("ssm", &["s3"], missing("s3", Severity::Warning)),
        (
            "ssm",
            &["ec2"],
            one("NoEC2Endpoint", VPC, Severity::Warning),
        ),
        ("kms", &["ec2"], one("NoEC2Endpoint", VPC, Severity::Info)),
        ("ssmmessages", &["ssm"], missing("ssm", Severity::Warning)),
        ("ec2messages", &["ssm"], missing("ssm", Severity::Warning)),
        (
            "ssm",
            &["kms", "logs", "ssm-incidents", "ssm-contacts"],
            vec![],
        ),
    ];
    for (service, gone, expected) in cases {
        assert_eq!(
            World::good().without(gone).found(service),
            expected,
            "{service} without {gone:?}"
        );
        // One that failed is none.
        let mut failed = World::good();
        for name in gone {
            failed.endpoints.get_mut(&id(name)).unwrap().state = State::Failed;
        }
        assert_eq!(
            failed.found(service),
            expected,
            "{service} when {gone:?} failed"
        );
    }
    // One that is being made counts, and one with certified encryption, too.
    let pending = World::good().change("ssm-contacts", |e| e.state = State::Pending);
    assert_eq!(pending.found("ssm-incidents"), []);
    let fips = World::good().change("ec2", |e| {
        e.service_name = format!("com.amazonaws.{REGION}.ec2-fips");
    });
    assert_eq!(fips.found("ssm"), []);
}

#[test]
fn endpoints_of_other_types_are_only_looked_at_where_that_makes_sense() {
    let world = World::good().change("kms", |e| {
        e.type_ = Type::Known(EndpointType::GatewayLoadBalancer);
        e.service_name = "com.amazonaws.vpce.eu-central-1.vpce-svc-0123".to_owned();
        e.policy = None;
        e.subnet_ids = set(&["subnet-a"]);
        e.private_dns = false;
        e.group_ids.clear();
    });
    assert_eq!(world.found("kms"), []);
}

#[test]
fn no_finding_is_there_twice() {
    let mut world = World::good().without(&["ec2", "ssm-contacts"]);
    world.groups.get_mut("sg-own").unwrap().ingress.clear();
    for name in world
        .endpoints
        .keys()
        .map(|k| k.trim_start_matches("vpce-").to_owned())
        .collect::<Vec<_>>()
    {
        let keys: Vec<(String, String)> = world
            .findings(&name)
            .into_iter()
            .map(|f| (f.id, f.subject))
            .collect();
        assert_eq!(
            keys.iter().collect::<BTreeSet<_>>().len(),
            keys.len(),
            "{name}: {keys:?}"
        );
    }
}

#[test]
fn a_month_costs_by_the_hour_and_interface() {
    let hour = Price::INTERFACE_HOUR;
    assert_eq!(
        monthly(EndpointType::Interface, 2, hour).as_deref(),
        Some("14.60")
    );
    assert_eq!(
        monthly(EndpointType::Interface, 3, hour).as_deref(),
        Some("21.90")
    );
    assert_eq!(
        monthly(EndpointType::Interface, 0, hour).as_deref(),
        Some("0.00")
    );
    assert_eq!(
        monthly(EndpointType::Gateway, 2, hour).as_deref(),
        Some("0.00")
    );
    assert_eq!(monthly(EndpointType::Resource, 2, hour), None);
    let frankfurt: Price = "0.012".parse().unwrap();
    assert_eq!(
        monthly(EndpointType::Interface, 1, frankfurt).as_deref(),
        Some("8.76")
    );
    assert_eq!(
        monthly(EndpointType::Interface, 1, "0.0117".parse().unwrap()).as_deref(),
        Some("8.54")
    );
    assert_eq!(monthly(EndpointType::Interface, usize::MAX, hour), None);
}

#[test]
fn prices_are_read_and_written() {
    for (text, written) in [
        ("0.01", "0.01"),
        ("0.012", "0.012"),
        ("1", "1.00"),
        ("12.5", "12.50"),
        ("0.000001", "0.000001"),
    ] {
        assert_eq!(text.parse::<Price>().unwrap().to_string(), written);
    }
    for odd in [
        "",
        ".",
        ".5",
        "1.",
        "-1",
        "0,01",
        "1e-2",
        "0.0000001",
        "USD 1",
        "12345678",
    ] {
        assert_eq!(odd.parse::<Price>(), Err(NotAPrice), "{odd}");
    }
}
