//! What AWS offers in a Region: zones, prefix lists, endpoint services. The zones' ids and what is where are fixed choices.

use super::state::{EndpointType, Network};

/// A zone.
pub(super) struct Zone {
    /// For example `us-east-1a`.
    pub name: String,
    /// For example `use1-az6`.
    pub id: String,
}

/// Regions with ssm-incidents and ssm-contacts.
const INCIDENT_MANAGER: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Regions that answer DescribeRegions: those that need no opt-in.
pub(super) const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// `us-east-1` is `use1`, `ap-southeast-2` is `apse2`, `us-gov-west-1` is `usgw1`.
fn short(region: &str) -> String {
    region
        .split('-')
        .enumerate()
        .map(|(at, part)| match part {
            _ if at == 0 => part.to_owned(),
            "northeast" => "ne".to_owned(),
            "northwest" => "nw".to_owned(),
            "southeast" => "se".to_owned(),
            "southwest" => "sw".to_owned(),
            other => other.chars().take(1).collect(),
        })
        .collect()
}

/// The zones of a Region.
pub(super) fn zones(region: &str) -> Vec<Zone> {
    let zones: &[(char, u8)] = match region {
        "us-east-1" => &[('a', 6), ('b', 1), ('c', 2), ('d', 4), ('e', 3), ('f', 5)],
        "us-west-2" => &[('a', 1), ('b', 2), ('c', 3), ('d', 4)],
        "us-west-1" => &[('a', 1), ('c', 3)],
        "ca-central-1" => &[('a', 1), ('b', 2), ('d', 4)],
        "ap-northeast-1" => &[('a', 4), ('c', 1), ('d', 2)],
        _ => &[('a', 1), ('b', 2), ('c', 3)],
    };
    zones
        .iter()
        .map(|(letter, number)| Zone {
            name: format!("{region}{letter}"),
            id: format!("{}-az{number}", short(region)),
        })
        .collect()
}

/// The id of a zone.
pub(super) fn zone_id(region: &str, name: &str) -> String {
    zones(region)
        .into_iter()
        .find(|zone| zone.name == name)
        .map(|zone| zone.id)
        .unwrap_or_default()
}

/// FNV, for ids that must always be the same.
fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A prefix list of AWS.
pub(super) struct PrefixList {
    /// `pl-` and eight digits.
    pub id: String,
    /// `com.amazonaws.REGION.s3`.
    pub name: String,
    /// What is in it.
    pub cidrs: &'static [&'static str],
}

/// The prefix lists of the gateway services.
pub(super) fn prefix_lists(region: &str) -> Vec<PrefixList> {
    let known = |service: &str| match (region, service) {
        ("us-east-1", "s3") => Some("pl-63a5400a"),
        ("us-east-1", "dynamodb") => Some("pl-02cd2c6b"),
        ("us-east-2", "s3") => Some("pl-7ba54012"),
        ("us-east-2", "dynamodb") => Some("pl-4ca54025"),
        ("us-west-2", "s3") => Some("pl-68a54001"),
        ("us-west-2", "dynamodb") => Some("pl-00a54069"),
        ("eu-west-1", "s3") => Some("pl-6da54004"),
        ("eu-west-1", "dynamodb") => Some("pl-6fa54006"),
        _ => None,
    };
    let list = |service: &str, cidrs| {
        let name = format!("com.amazonaws.{region}.{service}");
        let id = known(service).map_or_else(
            || format!("pl-{:08x}", number_of(&name) & 0xffff_ffff),
            str::to_owned,
        );
        PrefixList { id, name, cidrs }
    };
    vec![
        list(
            "dynamodb",
            &["3.218.180.0/22", "52.94.0.0/22", "52.119.224.0/20"],
        ),
        list(
            "s3",
            &[
                "3.5.0.0/19",
                "16.15.192.0/18",
                "52.216.0.0/15",
                "54.231.0.0/16",
            ],
        ),
    ]
}

/// The prefix list that a gateway endpoint of a service routes to.
pub(super) fn prefix_list_of(region: &str, service: &str) -> Option<String> {
    prefix_lists(region)
        .into_iter()
        .find(|list| list.name == service)
        .map(|list| list.id)
}

/// An endpoint service as seen by one account.
#[derive(Clone)]
pub(super) struct EndpointService {
    /// Full name.
    pub name: String,
    /// `vpce-svc-…`.
    pub id: String,
    /// What endpoints of it can be.
    pub kind: EndpointType,
    /// `amazon`, or an account.
    pub owner: String,
    /// Zones it is in.
    pub zones: Vec<String>,
    /// What comes after the name of an endpoint in its DNS name.
    pub base_name: String,
    /// Names that lead to the endpoint if it has private DNS.
    pub private_names: Vec<String>,
    /// Whether endpoints can have a policy other than full access.
    pub policy_supported: bool,
    /// Whether the owner accepts each endpoint.
    pub acceptance_required: bool,
    /// Whether it has IPv6.
    pub ipv6: bool,
}

impl EndpointService {
    /// Whether it is one of AWS's own.
    pub fn is_amazon(&self) -> bool {
        self.owner == "amazon"
    }

    /// Whether DNS names of its endpoints begin with `*.`, as those of S3 do.
    pub fn has_wildcard(&self) -> bool {
        self.is_amazon() && self.name.rsplit('.').next() == Some("s3")
    }
}

/// Interface services of AWS that have IPv6 too.
const DUAL_STACK: &[&str] = &["ec2", "kms", "logs", "secretsmanager", "sts"];

/// Interface services of AWS that are in every zone; the others are not in us-east-1e.
const EVERYWHERE: &[&str] = &[
    "ec2",
    "ec2messages",
    "kms",
    "logs",
    "s3",
    "ssm",
    "ssmmessages",
    "sts",
];

const SERVICES: &[&str] = &[
    "autoscaling",
    "cloudformation",
    "dynamodb",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "elasticloadbalancing",
    "events",
    "execute-api",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssm-contacts",
    "ssm-incidents",
    "ssmmessages",
    "sts",
];

fn private_names(service: &str, region: &str, domain: &str) -> Vec<String> {
    let name = |label: &str| format!("{label}.{region}.{domain}");
    match service {
        "ecr.api" => vec![name("api.ecr")],
        "ecr.dkr" => vec![name("dkr.ecr"), name("*.dkr.ecr")],
        "execute-api" => vec![name("execute-api"), name("*.execute-api")],
        "s3" => vec![
            name("s3"),
            name("*.s3"),
            name("*.s3-accesspoint"),
            name("*.s3-control"),
        ],
        other => vec![name(other)],
    }
}

/// The services that an account can use in a Region, by name and type.
pub(super) fn services(region: &str, network: &Network) -> Vec<EndpointService> {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let all: Vec<String> = zones(region).into_iter().map(|zone| zone.name).collect();
    let mut services = Vec::new();
    for service in SERVICES {
        let incident_manager = ["ssm-contacts", "ssm-incidents"].contains(service);
        if incident_manager && !INCIDENT_MANAGER.contains(&region) {
            continue;
        }
        let name = format!("com.amazonaws.{region}.{service}");
        let mut zones = all.clone();
        if !EVERYWHERE.contains(service) {
            zones.retain(|zone| zone != "us-east-1e");
        }
        let interface = EndpointService {
            id: format!("vpce-svc-0{:016x}", number_of(&name)),
            kind: EndpointType::Interface,
            owner: "amazon".to_owned(),
            zones,
            base_name: format!("{service}.{region}.vpce.{domain}"),
            private_names: private_names(service, region, domain),
            policy_supported: true,
            acceptance_required: false,
            ipv6: DUAL_STACK.contains(service),
            name: name.clone(),
        };
        if prefix_list_of(region, &name).is_some() {
            services.push(EndpointService {
                id: format!("vpce-svc-0{:016x}", number_of(&format!("{name}/gateway"))),
                kind: EndpointType::Gateway,
                zones: all.clone(),
                base_name: format!("{service}.{region}.{domain}"),
                private_names: Vec::new(),
                ..interface.clone()
            });
        }
        services.push(interface);
    }
    for (name, offer) in &network.offers {
        let id = name.rsplit('.').next().unwrap_or_default().to_owned();
        services.push(EndpointService {
            name: name.clone(),
            base_name: format!("{id}.{region}.vpce.{domain}"),
            id,
            kind: EndpointType::Interface,
            owner: offer.owner.clone(),
            zones: offer.zones.clone(),
            private_names: offer.private_dns_name.iter().cloned().collect(),
            policy_supported: offer.policy_supported,
            acceptance_required: offer.acceptance_required,
            ipv6: offer.ipv6,
        });
    }
    services
}

/// The hosted zone in which the names of endpoints of a Region are.
pub(super) fn hosted_zone(region: &str) -> String {
    if region == "us-east-1" {
        return "Z7HUB22UULQXV".to_owned();
    }
    let mut number = number_of(region);
    let mut zone = "Z".to_owned();
    for _ in 0..12 {
        zone.push(char::from(b'A' + u8::try_from(number % 26).unwrap_or(0)));
        number /= 26;
    }
    zone
}

#[cfg(test)]
mod tests {
    use super::{Network, services, short, zones};

    #[test]
    fn names_of_regions() {
        assert_eq!(short("us-east-1"), "use1");
        assert_eq!(short("ap-southeast-2"), "apse2");
        assert_eq!(short("us-gov-west-1"), "usgw1");
        assert_eq!(zones("eu-west-1").len(), 3);
    }

    #[test]
    fn incident_manager_is_not_everywhere() {
        let has = |region| {
            services(region, &Network::default())
                .iter()
                .any(|service| service.name.ends_with(".ssm-incidents"))
        };
        assert!(has("us-east-1"));
        assert!(!has("ap-northeast-3"));
    }
}
