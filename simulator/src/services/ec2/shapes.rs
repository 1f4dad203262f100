//! Inputs as the model has them, under the names of the query.

use crate::validation::{Member, Shape, Structure};

static TEXT: Shape = Shape::any_text();
static TEXTS: Shape = Shape::list(&TEXT);
static FLAG: Shape = Shape::Boolean;
static NUMBER: Shape = Shape::Integer {
    min: None,
    max: None,
};
static PAGE: Shape = Shape::between(5, 1000);
static SMALL_PAGE: Shape = Shape::between(5, 100);
static SMALLER_PAGE: Shape = Shape::between(1, 100);

static TAG: Shape = Shape::structure(&[
    Member::optional("Key", &TEXT),
    Member::optional("Value", &TEXT),
]);
static TAGS: Shape = Shape::list(&TAG);
static TAG_SPECIFICATION: Shape = Shape::structure(&[
    Member::optional("ResourceType", &TEXT),
    Member::optional("Tag", &TAGS),
]);
static TAG_SPECIFICATIONS: Shape = Shape::list(&TAG_SPECIFICATION);
static FILTER: Shape = Shape::structure(&[
    Member::optional("Name", &TEXT),
    Member::optional("Value", &TEXTS),
]);
static FILTERS: Shape = Shape::list(&FILTER);
static SWITCH: Shape = Shape::structure(&[Member::optional("Value", &FLAG)]);
static DNS_OPTIONS: Shape = Shape::structure(&[
    Member::optional("DnsRecordIpType", &TEXT),
    Member::optional("PrivateDnsOnlyForInboundResolverEndpoint", &FLAG),
    Member::optional("PrivateDnsPreference", &TEXT),
    Member::optional("PrivateDnsSpecifiedDomain", &TEXTS),
]);
static SUBNET_CONFIGURATION: Shape = Shape::structure(&[
    Member::optional("SubnetId", &TEXT),
    Member::optional("Ipv4", &TEXT),
    Member::optional("Ipv6", &TEXT),
]);
static SUBNET_CONFIGURATIONS: Shape = Shape::list(&SUBNET_CONFIGURATION);
static GROUP_PAIR: Shape = Shape::structure(&[
    Member::optional("Description", &TEXT),
    Member::optional("UserId", &TEXT),
    Member::optional("GroupName", &TEXT),
    Member::optional("GroupId", &TEXT),
    Member::optional("VpcId", &TEXT),
    Member::optional("VpcPeeringConnectionId", &TEXT),
    Member::optional("PeeringStatus", &TEXT),
]);
static GROUP_PAIRS: Shape = Shape::list(&GROUP_PAIR);
static RANGE: Shape = Shape::structure(&[
    Member::optional("Description", &TEXT),
    Member::optional("CidrIp", &TEXT),
]);
static RANGES: Shape = Shape::list(&RANGE);
static IPV6_RANGE: Shape = Shape::structure(&[
    Member::optional("Description", &TEXT),
    Member::optional("CidrIpv6", &TEXT),
]);
static IPV6_RANGES: Shape = Shape::list(&IPV6_RANGE);
static PREFIX_LIST: Shape = Shape::structure(&[
    Member::optional("Description", &TEXT),
    Member::optional("PrefixListId", &TEXT),
]);
static PREFIX_LISTS: Shape = Shape::list(&PREFIX_LIST);
static PERMISSION: Shape = Shape::structure(&[
    Member::optional("IpProtocol", &TEXT),
    Member::optional("FromPort", &NUMBER),
    Member::optional("ToPort", &NUMBER),
    Member::optional("Groups", &GROUP_PAIRS),
    Member::optional("IpRanges", &RANGES),
    Member::optional("Ipv6Ranges", &IPV6_RANGES),
    Member::optional("PrefixListIds", &PREFIX_LISTS),
]);
static PERMISSIONS: Shape = Shape::list(&PERMISSION);

macro_rules! inputs {
    ($($name:ident = { $($member:literal $presence:ident $shape:ident),* };)+) => {
        $(pub(super) static $name: Structure = Structure::of(&[
            Member::optional("DryRun", &FLAG),
            $(Member::$presence($member, &$shape)),*
        ]);)+
    };
}

inputs! {
    CREATE_VPC = { "CidrBlock" optional TEXT, "InstanceTenancy" optional TEXT,
        "AmazonProvidedIpv6CidrBlock" optional FLAG, "TagSpecification" optional TAG_SPECIFICATIONS };
    ON_VPC = { "VpcId" required TEXT };
    DESCRIBE_VPCS = { "VpcId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };
    VPC_ATTRIBUTE = { "VpcId" required TEXT, "Attribute" required TEXT };
    MODIFY_VPC_ATTRIBUTE = { "VpcId" required TEXT, "EnableDnsHostnames" optional SWITCH,
        "EnableDnsSupport" optional SWITCH, "EnableNetworkAddressUsageMetrics" optional SWITCH };
    DESCRIBE_ZONES = { "ZoneName" optional TEXTS, "ZoneId" optional TEXTS, "AllAvailabilityZones" optional FLAG, "Filter" optional FILTERS };
    DESCRIBE_REGIONS = { "RegionName" optional TEXTS, "AllRegions" optional FLAG, "Filter" optional FILTERS };
    DESCRIBE_ACLS = { "NetworkAclId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };

    CREATE_SUBNET = { "VpcId" required TEXT, "CidrBlock" optional TEXT, "Ipv6CidrBlock" optional TEXT,
        "AvailabilityZone" optional TEXT, "AvailabilityZoneId" optional TEXT, "TagSpecification" optional TAG_SPECIFICATIONS };
    ON_SUBNET = { "SubnetId" required TEXT };
    DESCRIBE_SUBNETS = { "SubnetId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };
    MODIFY_SUBNET_ATTRIBUTE = { "SubnetId" required TEXT, "MapPublicIpOnLaunch" optional SWITCH, "AssignIpv6AddressOnCreation" optional SWITCH };
    DESCRIBE_INTERFACES = { "NetworkInterfaceId" optional TEXTS, "IncludeManagedResources" optional FLAG, "Filter" optional FILTERS,
        "MaxResults" optional PAGE, "NextToken" optional TEXT };

    CREATE_ROUTE_TABLE = { "VpcId" required TEXT, "ClientToken" optional TEXT, "TagSpecification" optional TAG_SPECIFICATIONS };
    ON_ROUTE_TABLE = { "RouteTableId" required TEXT };
    DESCRIBE_ROUTE_TABLES = { "RouteTableId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional SMALL_PAGE, "NextToken" optional TEXT };
    ASSOCIATE = { "RouteTableId" required TEXT, "SubnetId" optional TEXT, "GatewayId" optional TEXT };
    DISASSOCIATE = { "AssociationId" required TEXT };
    CREATE_ROUTE = { "RouteTableId" required TEXT, "DestinationCidrBlock" optional TEXT, "DestinationIpv6CidrBlock" optional TEXT,
        "DestinationPrefixListId" optional TEXT, "GatewayId" optional TEXT, "VpcEndpointId" optional TEXT, "NatGatewayId" optional TEXT };
    DELETE_ROUTE = { "RouteTableId" required TEXT, "DestinationCidrBlock" optional TEXT, "DestinationIpv6CidrBlock" optional TEXT,
        "DestinationPrefixListId" optional TEXT };
    CREATE_GATEWAY = { "TagSpecification" optional TAG_SPECIFICATIONS };
    ON_GATEWAY = { "InternetGatewayId" required TEXT };
    GATEWAY_AND_VPC = { "InternetGatewayId" required TEXT, "VpcId" required TEXT };
    DESCRIBE_GATEWAYS = { "InternetGatewayId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };

    CREATE_GROUP = { "GroupName" required TEXT, "GroupDescription" required TEXT, "VpcId" optional TEXT, "TagSpecification" optional TAG_SPECIFICATIONS };
    DELETE_GROUP = { "GroupId" optional TEXT, "GroupName" optional TEXT };
    DESCRIBE_GROUPS = { "GroupId" optional TEXTS, "GroupName" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };
    AUTHORIZE = { "GroupId" required TEXT, "IpPermissions" optional PERMISSIONS, "IpProtocol" optional TEXT, "FromPort" optional NUMBER,
        "ToPort" optional NUMBER, "CidrIp" optional TEXT, "TagSpecification" optional TAG_SPECIFICATIONS };
    REVOKE = { "GroupId" required TEXT, "SecurityGroupRuleId" optional TEXTS, "IpPermissions" optional PERMISSIONS, "IpProtocol" optional TEXT,
        "FromPort" optional NUMBER, "ToPort" optional NUMBER, "CidrIp" optional TEXT };
    DESCRIBE_RULES_INGRESS = { "GroupId" required TEXT, "IpPermissions" optional PERMISSIONS };
    DESCRIBE_RULES = { "SecurityGroupRuleId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional PAGE, "NextToken" optional TEXT };

    DESCRIBE_PREFIX_LISTS = { "PrefixListId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional NUMBER, "NextToken" optional TEXT };
    DESCRIBE_MANAGED_PREFIX_LISTS = { "PrefixListId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional SMALLER_PAGE, "NextToken" optional TEXT };

    CREATE_ENDPOINT = { "VpcEndpointType" optional TEXT, "VpcId" required TEXT, "ServiceName" optional TEXT, "PolicyDocument" optional TEXT,
        "RouteTableId" optional TEXTS, "SubnetId" optional TEXTS, "SecurityGroupId" optional TEXTS, "IpAddressType" optional TEXT,
        "DnsOptions" optional DNS_OPTIONS, "ClientToken" optional TEXT, "PrivateDnsEnabled" optional FLAG,
        "TagSpecification" optional TAG_SPECIFICATIONS, "SubnetConfiguration" optional SUBNET_CONFIGURATIONS,
        "ServiceNetworkArn" optional TEXT, "ResourceConfigurationArn" optional TEXT, "ServiceRegion" optional TEXT };
    MODIFY_ENDPOINT = { "VpcEndpointId" required TEXT, "ResetPolicy" optional FLAG, "PolicyDocument" optional TEXT,
        "AddRouteTableId" optional TEXTS, "RemoveRouteTableId" optional TEXTS, "AddSubnetId" optional TEXTS, "RemoveSubnetId" optional TEXTS,
        "AddSecurityGroupId" optional TEXTS, "RemoveSecurityGroupId" optional TEXTS, "IpAddressType" optional TEXT,
        "DnsOptions" optional DNS_OPTIONS, "PrivateDnsEnabled" optional FLAG, "SubnetConfiguration" optional SUBNET_CONFIGURATIONS };
    DELETE_ENDPOINTS = { "VpcEndpointId" required TEXTS };
    DESCRIBE_ENDPOINTS = { "VpcEndpointId" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional NUMBER, "NextToken" optional TEXT };
    DESCRIBE_SERVICES = { "ServiceName" optional TEXTS, "Filter" optional FILTERS, "MaxResults" optional NUMBER, "NextToken" optional TEXT,
        "ServiceRegion" optional TEXTS };

    CREATE_TAGS = { "ResourceId" required TEXTS, "Tag" required TAGS };
    DELETE_TAGS = { "ResourceId" required TEXTS, "Tag" optional TAGS };
    DESCRIBE_TAGS = { "Filter" optional FILTERS, "MaxResults" optional NUMBER, "NextToken" optional TEXT };
}
