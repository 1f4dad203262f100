//! `VpcEndpoint`: a private way from a VPC to an AWS service.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};

/// A VPC endpoint: a private way from a VPC to an AWS service, without the Internet.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "VpcEndpoint",
    namespaced,
    status = "VpcEndpointStatus",
    derive = "PartialEq",
    shortname = "vpce",
    category = "incident-manager",
    doc = "A VPC endpoint: a private way from a VPC to an AWS service, without the Internet. Interface and Gateway endpoints are managed; other types can be observed.",
    printcolumn(
        name = "Service",
        type_ = "string",
        json_path = ".status.summary.service"
    ),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.summary.id"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.summary.state"),
    printcolumn(name = "Zones", type_ = "string", json_path = ".status.summary.zones"),
    printcolumn(
        name = "Findings",
        type_ = "string",
        json_path = ".status.summary.findings"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "USD a month",
        type_ = "string",
        json_path = ".status.estimatedMonthlyCostUSD",
        priority = 1
    ),
    printcolumn(
        name = "VPC",
        type_ = "string",
        json_path = ".spec.vpcId",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.vpcId.matches('^vpc-[0-9a-f]{4,32}$')")
        .message("vpcId is the id of a VPC, such as vpc-0123456789abcdef0"),
    validation = Rule::new("!has(self.vpcEndpointId) || self.vpcEndpointId.matches('^vpce-[0-9a-f]{4,32}$')")
        .message("vpcEndpointId is the id of a VPC endpoint, such as vpce-0123456789abcdef0"),
    validation = Rule::new("has(self.service) != has(self.serviceName)")
        .message("give either service (a short name, such as ssm-contacts) or serviceName (the full one)"),
    validation = Rule::new("!has(self.service) || (size(self.service) <= 100 && self.service.matches('^[a-z0-9]+([.-][a-z0-9]+)*$') && !self.service.startsWith('com.') && !self.service.startsWith('aws.'))")
        .message("service is the short name of an AWS service, such as ssm-contacts; a full name such as com.amazonaws.eu-central-1.ssm-contacts goes into serviceName"),
    validation = Rule::new("!has(self.serviceName) || (size(self.serviceName) <= 255 && self.serviceName.matches('^[A-Za-z0-9-]+([.][A-Za-z0-9_-]+){2,}$'))")
        .message("serviceName is the full name of a service, such as com.amazonaws.eu-central-1.ssm-contacts; a short name goes into service"),
    validation = Rule::new("self.type in ['Interface', 'Gateway'] || (has(self.managementPolicy) && self.managementPolicy == 'Observe')")
        .message("only Interface and Gateway endpoints are managed: to watch one of another type, set managementPolicy: Observe"),
    validation = Rule::new("self.type == 'Interface' || !(has(self.subnetIds) || has(self.subnetSelector) || has(self.securityGroupIds) || has(self.managedSecurityGroup) || has(self.privateDnsEnabled) || has(self.dnsOptions))")
        .message("subnetIds, subnetSelector, securityGroupIds, managedSecurityGroup, privateDnsEnabled and dnsOptions are for type Interface only"),
    validation = Rule::new("self.type == 'Gateway' || !has(self.routeTableIds)")
        .message("routeTableIds is for type Gateway only"),
    validation = Rule::new("!(has(self.subnetIds) && has(self.subnetSelector))")
        .message("give either subnetIds or subnetSelector"),
    validation = Rule::new("self.type != 'Interface' || has(self.subnetIds) || has(self.subnetSelector) || (has(self.managementPolicy) && self.managementPolicy == 'Observe')")
        .message("an Interface endpoint needs subnetIds or subnetSelector: without a subnet it has no network interface, and nothing reaches it"),
    validation = Rule::new("self.type != 'Gateway' || has(self.routeTableIds) || (has(self.managementPolicy) && self.managementPolicy == 'Observe')")
        .message("a Gateway endpoint needs routeTableIds: without a route nothing goes through it"),
    validation = Rule::new("!has(self.subnetIds) || (size(self.subnetIds) >= 1 && size(self.subnetIds) <= 16 && self.subnetIds.all(id, id.matches('^subnet-[0-9a-f]{4,32}$')))")
        .message("subnetIds are 1 to 16 ids of subnets, such as subnet-0123456789abcdef0, each in another zone"),
    validation = Rule::new("!has(self.securityGroupIds) || (size(self.securityGroupIds) >= 1 && size(self.securityGroupIds) <= 16 && self.securityGroupIds.all(id, id.matches('^sg-[0-9a-f]{4,32}$')))")
        .message("securityGroupIds are 1 to 16 ids of security groups, such as sg-0123456789abcdef0"),
    validation = Rule::new("!has(self.routeTableIds) || (size(self.routeTableIds) >= 1 && size(self.routeTableIds) <= 100 && self.routeTableIds.all(id, id.matches('^rtb-[0-9a-f]{4,32}$')))")
        .message("routeTableIds are 1 to 100 ids of route tables, such as rtb-0123456789abcdef0"),
    validation = Rule::new("(has(self.policy) ? 1 : 0) + (has(self.policyJSON) ? 1 : 0) + (has(self.policyPreset) ? 1 : 0) <= 1")
        .message("give only one of policy, policyJSON and policyPreset"),
    validation = Rule::new("!has(self.policyJSON) || size(self.policyJSON) <= 20480")
        .message("policyJSON has at most 20480 characters: AWS takes no longer policy"),
    validation = Rule::new("!has(self.dnsOptions) || !has(self.dnsOptions.privateDnsOnlyForInboundResolverEndpoint) || (has(self.service) && self.service == 's3') || (has(self.serviceName) && self.serviceName.endsWith('.s3'))")
        .message("dnsOptions.privateDnsOnlyForInboundResolverEndpoint is for the service s3 only"),
    validation = Rule::new("!has(self.policyPreset) || [{'IncidentManagerIncidents': 'ssm-incidents', 'IncidentManagerContacts': 'ssm-contacts', 'SystemsManager': 'ssm', 'SessionManager': 'ssmmessages', 'EC2Messages': 'ec2messages', 'EC2': 'ec2', 'KMS': 'kms', 'CloudWatchLogs': 'logs', 'S3PatchBuckets': 's3'}[self.policyPreset.name]].exists(s, (has(self.service) ? '.' + self.service : has(self.serviceName) ? self.serviceName : '').endsWith('.' + s) || (has(self.service) ? '.' + self.service : has(self.serviceName) ? self.serviceName : '').endsWith('.' + s + '-fips'))")
        .message("policyPreset is for another service: IncidentManagerIncidents is for ssm-incidents, IncidentManagerContacts for ssm-contacts, SystemsManager for ssm, SessionManager for ssmmessages, EC2Messages for ec2messages, EC2 for ec2, KMS for kms, CloudWatchLogs for logs, S3PatchBuckets for s3"),
    validation = Rule::new("self.vpcId == oldSelf.vpcId")
        .message("vpcId cannot be changed: AWS has no way to move an endpoint. Make another object"),
    validation = Rule::new("self.type == oldSelf.type")
        .message("type cannot be changed: AWS has no way to. Make another object"),
    validation = Rule::new("has(self.service) == has(oldSelf.service) && (!has(self.service) || self.service == oldSelf.service)")
        .message("service cannot be changed: AWS has no way to. Make another object"),
    validation = Rule::new("has(self.serviceName) == has(oldSelf.serviceName) && (!has(self.serviceName) || self.serviceName == oldSelf.serviceName)")
        .message("serviceName cannot be changed: AWS has no way to. Make another object"),
    validation = Rule::new("!has(oldSelf.vpcEndpointId) || (has(self.vpcEndpointId) && self.vpcEndpointId == oldSelf.vpcEndpointId)")
        .message("vpcEndpointId cannot be changed once it is set: another endpoint needs another object")
)]
pub struct VpcEndpointSpec {
    /// The VPC in which the endpoint is. Cannot be changed.
    #[schemars(length(max = 60))]
    pub vpc_id: String,
    /// Id of an endpoint that exists, to adopt or to observe it. Absent = the one that was made for this object, else the one of this VPC
    /// and service. Cannot be changed once set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub vpc_endpoint_id: Option<String>,
    /// Short name of an AWS service, for example `ssm-contacts`, `ssm-incidents`, `ssm`, `ec2messages`, `ssmmessages`, `ec2`, `kms`, `logs`
    /// or `s3`: the one of the ProviderConfig's Region. Either this or `serviceName`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120))]
    pub service: Option<String>,
    /// Full name of a service, for example `com.amazonaws.eu-central-1.ssm-contacts`, or of one that somebody else offers. Either this or
    /// `service`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub service_name: Option<String>,
    /// `Interface`: a network interface in each subnet. `Gateway`: a route in each route table (s3 and dynamodb only). Other types can only
    /// be observed. Cannot be changed.
    #[serde(rename = "type")]
    pub type_: EndpointType,
    /// Subnets in which the endpoint has a network interface, one for each zone; two zones or more, so that one may fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(max = 60)), extend("x-kubernetes-list-type" = "set"))]
    pub subnet_ids: Option<Vec<String>>,
    /// The subnets by their tags instead of their ids: those of the VPC that carry them all. Of several in one zone, the one whose id comes
    /// first is taken, unless the endpoint is in another of them already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_selector: Option<SubnetSelector>,
    /// Security groups of the network interfaces. Absent, and no `managedSecurityGroup` = AWS takes the VPC's default group, and what is
    /// there is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(max = 60)), extend("x-kubernetes-list-type" = "set"))]
    pub security_group_ids: Option<Vec<String>>,
    /// A security group that the operator makes for this endpoint, keeps as it is written here, and deletes with the endpoint. It is used
    /// beside `securityGroupIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_security_group: Option<ManagedSecurityGroup>,
    /// Route tables that get a route to the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120), inner(length(max = 60)), extend("x-kubernetes-list-type" = "set"))]
    pub route_table_ids: Option<Vec<String>>,
    /// Whether the service's usual names resolve to this endpoint in the VPC, so that clients need no other address. Absent = true; in one that
    /// is only observed, either is as it should be. It needs
    /// the VPC's DNS support and DNS host names, and one endpoint of a service only can have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_enabled: Option<bool>,
    /// Addresses of the network interfaces: `IPv4`, `DualStack` or `IPv6`; service and subnets must have them. Absent = what AWS chooses, and
    /// what is there is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<IpAddressType>,
    /// How names resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_options: Option<DnsOptions>,
    /// Who may do what through the endpoint, as an IAM policy document. Compared by its meaning. At most one of `policy`, `policyJSON` and
    /// `policyPreset`. All absent = AWS gives full access when it makes the endpoint, and what is there is left alone: to go back to full access, write that policy here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyObject>,
    /// The same as JSON text, at most 20480 characters.
    #[serde(
        default,
        rename = "policyJSON",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 21000))]
    pub policy_json: Option<String>,
    /// The same as a policy of least privilege that the operator knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_preset: Option<PolicyPreset>,
    /// What becomes of subnets, security groups and route tables that the endpoint has and this object does not name. Absent = `Exclusive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_policy: Option<AssociationPolicy>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// Type of a VPC endpoint.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum EndpointType {
    /// A network interface in each subnet.
    Interface,
    /// A route in each route table.
    Gateway,
    /// A way to appliances behind a Gateway Load Balancer. Observed only.
    GatewayLoadBalancer,
    /// A way to a resource of VPC Lattice. Observed only.
    Resource,
    /// A way to a service network of VPC Lattice. Observed only.
    ServiceNetwork,
}

/// Which subnets.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("size(self.tags) >= 1").message("tags names one tag at least: without one every subnet of the VPC would be meant"))]
pub struct SubnetSelector {
    /// Tags that a subnet carries, all of them.
    #[schemars(extend("maxProperties" = 10, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    pub tags: BTreeMap<String, String>,
}

/// A security group that is made for an endpoint. It lets nothing out: an endpoint's network interfaces only answer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.ingress) >= 1 && size(self.ingress) <= 60")
        .message("ingress names 1 to 60 sources: without one nothing reaches the endpoint"),
    validation = Rule::new("!has(self.description) || (size(self.description) <= 255 && self.description.matches('^[-a-zA-Z0-9. _:/()#,@+=&;{}!$*]+$'))")
        .message("description has 1 to 255 letters, digits, spaces and the characters . _ - : / ( ) # , @ + = & ; { } ! $ *"),
    validation = Rule::new("has(self.description) == has(oldSelf.description) && (!has(self.description) || self.description == oldSelf.description)")
        .message("description cannot be changed: AWS has no way to")
)]
pub struct ManagedSecurityGroup {
    /// Who may reach the endpoint, by HTTPS (TCP port 443).
    #[schemars(length(max = 80), extend("x-kubernetes-list-type" = "atomic"))]
    pub ingress: Vec<IngressSource>,
    /// What the group is for; absent = `HTTPS to` and the service. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub description: Option<String>,
}

/// Somebody who may reach the endpoint.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.cidr) ? 1 : 0) + (has(self.securityGroupId) ? 1 : 0) + (has(self.prefixListId) ? 1 : 0) == 1")
        .message("a source is one of cidr, securityGroupId and prefixListId"),
    validation = Rule::new("!has(self.cidr) || isCIDR(self.cidr)")
        .message("cidr is an address range, such as 10.0.0.0/16 or 2001:db8::/56"),
    validation = Rule::new("!has(self.cidr) || !isCIDR(self.cidr) || cidr(self.cidr).masked() == cidr(self.cidr)")
        .message("cidr has bits set beyond its prefix: AWS keeps such a range as another one, such as 10.0.0.0/16 for 10.0.1.2/16"),
    validation = Rule::new("!has(self.securityGroupId) || self.securityGroupId.matches('^sg-[0-9a-f]{4,32}$')")
        .message("securityGroupId is the id of a security group, such as sg-0123456789abcdef0"),
    validation = Rule::new("!has(self.prefixListId) || self.prefixListId.matches('^pl-[0-9a-f]{4,32}$')")
        .message("prefixListId is the id of a prefix list, such as pl-0123456789abcdef0"),
    validation = Rule::new("!has(self.description) || (size(self.description) <= 255 && self.description.matches('^[-a-zA-Z0-9. _:/()#,@+=&;{}!$*]+$'))")
        .message("description has 1 to 255 letters, digits, spaces and the characters . _ - : / ( ) # , @ + = & ; { } ! $ *")
)]
pub struct IngressSource {
    /// Address range, IPv4 or IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub cidr: Option<String>,
    /// Whoever is in this security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub security_group_id: Option<String>,
    /// Whoever is in this prefix list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub prefix_list_id: Option<String>,
    /// What the rule is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub description: Option<String>,
}

/// Kinds of addresses.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum IpAddressType {
    /// IPv4 only.
    IPv4,
    /// Both.
    DualStack,
    /// IPv6 only.
    IPv6,
}

/// How names resolve.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsOptions {
    /// Which records the names have. Absent = what AWS chooses, and what is there is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_record_ip_type: Option<DnsRecordIpType>,
    /// For s3 with private DNS: whether only names that come from outside the VPC, through an inbound resolver endpoint, resolve to this
    /// endpoint, while those of the VPC go through its gateway endpoint, which must exist then. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_only_for_inbound_resolver_endpoint: Option<bool>,
}

/// Records of an endpoint's names.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum DnsRecordIpType {
    /// A records.
    IPv4,
    /// A and AAAA records.
    DualStack,
    /// AAAA records.
    IPv6,
    /// What the service says.
    ServiceDefined,
}

/// What becomes of associations that the object does not name.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum AssociationPolicy {
    /// They are removed.
    #[default]
    Exclusive,
    /// They are left alone; only what this object had named before is removed.
    Additive,
}

/// An IAM policy document.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct PolicyObject(pub serde_json::Map<String, serde_json::Value>);

impl JsonSchema for PolicyObject {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PolicyObject".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

/// A policy of least privilege that the operator knows.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.principals) || (size(self.principals) >= 1 && size(self.principals) <= 50)")
        .message("principals names 1 to 50 roles, users or accounts"),
    validation = Rule::new("!has(self.principals) || self.principals.all(p, p.matches('^[0-9]{12}$') || p.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[a-zA-Z0-9_+=,.@/-]{1,600})$'))")
        .message("a principal is the ARN of a role or user without patterns, such as arn:aws:iam::123456789012:role/responders, or the id of an account"),
    validation = Rule::new("has(self.principals) || !(self.name in ['IncidentManagerIncidents', 'IncidentManagerContacts', 'EC2', 'KMS'])")
        .message("this preset needs principals: it is for the roles and users that are named, not for a whole account")
)]
pub struct PolicyPreset {
    /// Which one; it must be the one for the service of the endpoint.
    pub name: PresetName,
    /// Who may use the endpoint: ARNs of roles and users, or ids of accounts. `IncidentManagerIncidents`, `IncidentManagerContacts`, `EC2` and
    /// `KMS` need it. Absent, for the others = whoever belongs to the ProviderConfig's account; for `S3PatchBuckets` anybody in the VPC,
    /// since the buckets are AWS's own and public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60), inner(length(max = 700)), extend("x-kubernetes-list-type" = "set"))]
    pub principals: Option<Vec<String>>,
}

/// Names of presets.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum PresetName {
    /// What responders do with incidents (ssm-incidents).
    IncidentManagerIncidents,
    /// Engaging people, acknowledging, and activating one's own channel (ssm-contacts).
    IncidentManagerContacts,
    /// What SSM Agent on managed nodes needs (ssm).
    SystemsManager,
    /// Channels of SSM Agent and Session Manager (ssmmessages).
    SessionManager,
    /// Messages of SSM Agent (ec2messages).
    EC2Messages,
    /// Looking at instances and volumes, and making snapshots of volumes (ec2).
    EC2,
    /// Using keys of the account for sessions and parameters (kms).
    KMS,
    /// Writing logs of sessions, commands and the agent to the account's log groups (logs).
    CloudWatchLogs,
    /// Reading AWS's own buckets that SSM Agent and Patch Manager need, and repositories of Amazon Linux (s3). Nothing else of S3 can be
    /// reached through the endpoint then.
    S3PatchBuckets,
}

/// What is known of a VPC endpoint.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct VpcEndpointStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// State in AWS: `PendingAcceptance`, `Pending`, `Available`, `Deleting`, `Deleted`, `Rejected`, `Failed`, `Expired` or `Partial`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Full name of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Id of the security group that the operator has made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
    /// Whether the service's usual names resolve to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_enabled: Option<bool>,
    /// Names under which it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub dns_entries: Vec<DnsEntryStatus>,
    /// Its network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub network_interfaces: Vec<NetworkInterfaceStatus>,
    /// Subnets that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub subnet_ids: Vec<String>,
    /// Security groups that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub security_group_ids: Vec<String>,
    /// Route tables that have a route to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub route_table_ids: Vec<String>,
    /// Subnets, security groups and route tables that this object has named, so that taking one out of the manifest takes it out of AWS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub associated: Vec<String>,
    /// What AWS last said went wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastErrorStatus>,
    /// What it costs in a month of 730 hours, without the data that goes through it, in US dollars.
    #[serde(
        default,
        rename = "estimatedMonthlyCostUSD",
        skip_serializing_if = "Option::is_none"
    )]
    pub estimated_monthly_cost_usd: Option<String>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<VpcEndpointSummary>,
}

/// A name under which an endpoint is reached.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsEntryStatus {
    /// The name.
    pub dns_name: String,
    /// The hosted zone in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
}

/// A network interface of an endpoint.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceStatus {
    /// Its id.
    pub id: String,
    /// The subnet in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The zone in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What AWS last said went wrong.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastErrorStatus {
    /// AWS's code.
    pub code: String,
    /// AWS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VpcEndpointSummary {
    /// Short name of the service.
    pub service: String,
    /// Id of the endpoint, or `-`.
    pub id: String,
    /// State in AWS.
    pub state: String,
    /// Zones in which it has an interface; route tables of a gateway.
    pub zones: String,
    /// How many findings are open, the worst severity first, and how many are accepted.
    pub findings: String,
}
