"""What endpoints stand on: VPCs, subnets, route tables, groups and their rules, tags."""

from __future__ import annotations

import re

import pytest

from make import message, refused
from network import Net, tagged, tags_of, where

IN_HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


@pytest.fixture
def net(bare):
    return Net(bare)


def tcp(**peers):
    return [{**IN_HTTPS, **peers}]


def test_vpcs(bare):
    ec2 = bare.ec2()
    made = ec2.create_vpc(CidrBlock="10.1.2.3/16", TagSpecifications=tagged("vpc", Name="main"))["Vpc"]
    name = made["VpcId"]
    assert (made["State"], made["CidrBlock"], made["IsDefault"]) == ("pending", "10.1.0.0/16", False)
    [shown] = ec2.describe_vpcs(VpcIds=[name])["Vpcs"]
    assert (shown["State"], tags_of(shown)) == ("available", {"Name": "main"})

    def attribute(which):
        got = ec2.describe_vpc_attribute(VpcId=name, Attribute=which)
        return got[which[0].upper() + which[1:]]["Value"]

    assert attribute("enableDnsSupport") is True and attribute("enableDnsHostnames") is False
    ec2.modify_vpc_attribute(VpcId=name, EnableDnsHostnames={"Value": True})
    assert attribute("enableDnsHostnames") is True
    both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
    refused("InvalidParameterCombination", ec2.modify_vpc_attribute, VpcId=name, **both)
    refused("InvalidParameterValue", ec2.describe_vpc_attribute, VpcId=name, Attribute="colour")
    [main] = ec2.describe_route_tables(Filters=[where("vpc-id", name), where("association.main", "true")])["RouteTables"]
    assert [route["DestinationCidrBlock"] for route in main["Routes"]] == ["10.1.0.0/16"]
    [acl] = ec2.describe_network_acls(Filters=[where("vpc-id", name), where("default", "true")])["NetworkAcls"]
    assert len(acl["Entries"]) == 4
    refused("DependencyViolation", ec2.delete_route_table, RouteTableId=main["RouteTableId"])
    ec2.delete_vpc(VpcId=name)
    error = refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[name])
    assert message(error) == f"The vpc ID '{name}' does not exist"
    assert ec2.describe_tags()["Tags"] == []
    assert ec2.describe_security_groups()["SecurityGroups"] == []


@pytest.mark.parametrize(
    ("code", "cidr"),
    [("InvalidVpc.Range", "10.0.0.0/8"), ("InvalidParameterValue", "10.0.0/16"), ("InvalidVpc.Range", "10.0.0.0/29")],
)
def test_bad_vpcs(bare, code, cidr):
    refused(code, bare.ec2().create_vpc, CidrBlock=cidr)


def test_as_many_vpcs_as_the_quota_says(bare):
    ec2 = bare.ec2()
    for _ in range(5):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    refused("VpcLimitExceeded", ec2.create_vpc, CidrBlock="10.0.0.0/16")
    bare.ec2("eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == 5


def test_subnets(net):
    ec2 = net.ec2
    [shown] = ec2.describe_subnets(SubnetIds=net.subnets[:1])["Subnets"]
    assert (shown["AvailabilityZone"], shown["AvailabilityZoneId"]) == ("us-east-1a", "use1-az6")
    assert (shown["AvailableIpAddressCount"], shown["MapPublicIpOnLaunch"]) == (251, False)
    net.interface()
    [shown] = ec2.describe_subnets(SubnetIds=net.subnets[:1])["Subnets"]
    assert shown["AvailableIpAddressCount"] == 250
    ec2.modify_subnet_attribute(SubnetId=net.subnets[0], MapPublicIpOnLaunch={"Value": True})
    listed = ec2.describe_subnets(Filters=[where("map-public-ip-on-launch", "true")])["Subnets"]
    assert [each["SubnetId"] for each in listed] == net.subnets[:1]
    make = {"VpcId": net.vpc}
    refused("InvalidSubnet.Conflict", ec2.create_subnet, CidrBlock="10.0.0.128/25", **make)
    refused("InvalidSubnet.Range", ec2.create_subnet, CidrBlock="10.1.0.0/24", **make)
    refused("InvalidParameterValue", ec2.create_subnet, CidrBlock="10.0.8.0/24", AvailabilityZone="us-east-1z", **make)
    refused("DependencyViolation", ec2.delete_vpc, **make)
    refused("InvalidParameterValue", net.account.ec2(validate=False).describe_subnets, MaxResults=4)
    pages = list(ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5}))
    assert sum(len(page["Subnets"]) for page in pages) == 3


def test_zones_and_regions(bare):
    ec2 = bare.ec2()
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [zone["ZoneName"][-1] for zone in zones] == list("abcdef")
    assert len(ec2.describe_availability_zones(Filters=[where("zone-name", "us-east-1a")])["AvailabilityZones"]) == 1
    refused("InvalidParameterValue", ec2.describe_availability_zones, ZoneNames=["mars-1a"])
    assert "eu-west-1" in [region["RegionName"] for region in ec2.describe_regions()["Regions"]]


def test_route_tables(net):
    ec2 = net.ec2
    table = net.table(TagSpecifications=tagged("route-table", Name="private"), ClientToken="t")
    assert net.table(TagSpecifications=tagged("route-table", Name="private"), ClientToken="t") == table
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=net.subnets[0])["AssociationId"]
    refused("Resource.AlreadyAssociated", ec2.associate_route_table, RouteTableId=table, SubnetId=net.subnets[0])
    listed = ec2.describe_route_tables(Filters=[where("association.subnet-id", net.subnets[0])])["RouteTables"]
    assert [each["RouteTableId"] for each in listed] == [table]
    refused("DependencyViolation", ec2.delete_route_table, RouteTableId=table)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    out = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    refused("InvalidParameter", ec2.create_route, GatewayId=gateway, **out)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=net.vpc)
    ec2.create_route(GatewayId=gateway, **out)
    refused("RouteAlreadyExists", ec2.create_route, GatewayId=gateway, **out)
    assert [route["GatewayId"] for route in net.routes(table)] == ["local", gateway]
    refused("DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=gateway)
    refused("DependencyViolation", ec2.delete_vpc, VpcId=net.vpc)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=net.vpc)
    assert [route["State"] for route in net.routes(table)] == ["active", "blackhole"]
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_route(**out)
    refused("InvalidRoute.NotFound", ec2.delete_route, **out)
    ec2.disassociate_route_table(AssociationId=made)
    # A route of an endpoint goes with the endpoint.
    endpoint = net.gateway("s3", table)
    prefix = net.routes(table)[-1]["DestinationPrefixListId"]
    refused("InvalidParameterValue", ec2.delete_route, RouteTableId=table, DestinationPrefixListId=prefix)
    other = net.table()
    net.modify(endpoint, AddRouteTableIds=[other], RemoveRouteTableIds=[table])
    assert (len(net.routes(table)), len(net.routes(other))) == (1, 2)
    ec2.delete_route_table(RouteTableId=table)
    refused("InvalidRouteTableID.NotFound", ec2.describe_route_tables, RouteTableIds=[table])
    refused("InvalidRouteTableId.NotFound", net.modify, endpoint=endpoint, AddRouteTableIds=[table])


def test_groups(net):
    ec2 = net.ec2
    group = net.group("web", TagSpecifications=tagged("security-group", Name="web"))
    refused("InvalidGroup.Duplicate", net.group, name="web")
    refused("InvalidParameterValue", net.group, name="default")
    [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert shown["IpPermissions"] == [] and tags_of(shown) == {"Name": "web"}
    [out] = shown["IpPermissionsEgress"]
    assert (out["IpProtocol"], out["IpRanges"]) == ("-1", [{"CidrIp": "0.0.0.0/0"}])
    peers = {"IpRanges": [{"CidrIp": "10.0.0.0/16", "Description": "VPC"}], "UserIdGroupPairs": [{"GroupId": net.default_group}]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(**peers))["SecurityGroupRules"]
    assert all(re.fullmatch("sgr-0[0-9a-f]{16}", rule["SecurityGroupRuleId"]) for rule in made)
    error = refused(
        "InvalidPermission.Duplicate",
        ec2.authorize_security_group_ingress,
        GroupId=group,
        IpPermissions=tcp(IpRanges=[{"CidrIp": "10.0.0.0/16"}]),
    )
    assert '"peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW" already exists' in message(error)
    [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    [permission] = shown["IpPermissions"]
    assert permission["IpRanges"] == peers["IpRanges"]
    assert [pair["GroupId"] for pair in permission["UserIdGroupPairs"]] == [net.default_group]
    rules = ec2.describe_security_group_rules(Filters=[where("group-id", group)])["SecurityGroupRules"]
    assert sorted(rule["IsEgress"] for rule in rules) == [False, False, True]
    [referring] = [rule for rule in rules if "ReferencedGroupInfo" in rule]
    assert referring["ReferencedGroupInfo"]["GroupId"] == net.default_group
    # What a rule is for can be said anew; without a word it is for nothing.
    for text in [{"Description": "clients"}, {}]:
        changed = tcp(IpRanges=[{"CidrIp": "10.0.0.0/16", **text}])
        assert ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=changed)["Return"] is True
        [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert shown["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/16", **text}]
    unknown = {"GroupId": group, "IpPermissions": tcp(IpRanges=[{"CidrIp": "10.1.0.0/16"}])}
    refused("InvalidPermission.NotFound", ec2.update_security_group_rule_descriptions_ingress, **unknown)
    # A group that another one names stays.
    other = net.group("other")
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=tcp(UserIdGroupPairs=[{"GroupId": group}]))
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.delete_security_group(GroupId=other)
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[referring["SecurityGroupRuleId"]])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=tcp(IpRanges=[{"CidrIp": "10.0.0.0/16"}]))
    error = {"GroupId": group, "IpPermissions": tcp(IpRanges=[{"CidrIp": "10.0.0.0/16"}])}
    refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, **error)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    assert ec2.describe_security_group_rules(Filters=[where("group-id", group)])["SecurityGroupRules"] == []
    refused("CannotDelete", ec2.delete_security_group, GroupId=net.default_group)
    ec2.delete_security_group(GroupId=group)
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[group])


@pytest.mark.parametrize(
    ("code", "permission"),
    [
        ("InvalidParameterValue", {"IpProtocol": "ftp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}),
        ("InvalidParameterValue", {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}),
        ("InvalidParameterValue", {**IN_HTTPS, "ToPort": 70_000, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}),
        ("InvalidParameterValue", {**IN_HTTPS, "IpRanges": [{"CidrIp": "everywhere"}]}),
        ("InvalidGroup.NotFound", {**IN_HTTPS, "UserIdGroupPairs": [{"GroupId": "sg-0123456789abcdef0"}]}),
        ("InvalidPrefixListID.NotFound", {**IN_HTTPS, "PrefixListIds": [{"PrefixListId": "pl-01234567"}]}),
        ("MissingParameter", IN_HTTPS),
    ],
)
def test_bad_rules(net, code, permission):
    refused(code, net.ec2.authorize_security_group_ingress, GroupId=net.default_group, IpPermissions=[permission])


def test_a_group_has_room_for_so_many_rules(net):
    group = net.group()
    ranges = [{"CidrIp": f"10.0.{n}.0/24"} for n in range(61)]
    full = {"GroupId": group, "IpPermissions": tcp(IpRanges=ranges)}
    refused("RulesPerSecurityGroupLimitExceeded", net.ec2.authorize_security_group_ingress, **full)
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(IpRanges=ranges[:60]))


def test_prefix_lists(bare):
    ec2 = bare.ec2()
    lists = ec2.describe_prefix_lists()["PrefixLists"]
    assert {each["PrefixListName"].rsplit(".", 1)[1] for each in lists} == {"s3", "dynamodb"}
    assert all(each["Cidrs"] for each in lists)
    managed = ec2.describe_managed_prefix_lists(Filters=[where("prefix-list-name", "*.s3")])["PrefixLists"]
    assert [(each["PrefixListId"], each["OwnerId"]) for each in managed] == [("pl-63a5400a", "AWS")]


def test_tags(net):
    ec2 = net.ec2
    endpoint = net.interface()["VpcEndpointId"]
    resources = [net.vpc, endpoint]
    ec2.create_tags(Resources=resources, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "empty", "Value": ""}])
    assert tags_of(net.get(endpoint)) == {"team": "ops", "empty": ""}
    listed = ec2.describe_tags(Filters=[where("resource-type", "vpc-endpoint"), where("key", "team")])["Tags"]
    assert listed == [{"Key": "team", "ResourceId": endpoint, "ResourceType": "vpc-endpoint", "Value": "ops"}]
    ec2.delete_tags(Resources=[endpoint], Tags=[{"Key": "team", "Value": "other"}])
    assert "team" in tags_of(net.get(endpoint))
    ec2.delete_tags(Resources=[endpoint], Tags=[{"Key": "team"}])
    assert tags_of(net.get(endpoint)) == {"empty": ""}
    ec2.delete_tags(Resources=[endpoint])
    assert tags_of(net.get(endpoint)) == {}
    tag = [{"Key": "a", "Value": "b"}]
    refused("InvalidID", ec2.create_tags, Resources=["nothing"], Tags=tag)
    refused("InvalidVpcEndpointId.NotFound", ec2.create_tags, Resources=["vpce-0123456789abcdef0"], Tags=tag)
    for bad in ([{"Key": "aws:x", "Value": ""}], [{"Key": "k" * 129, "Value": ""}], [{"Key": "k", "Value": "v" * 257}], tag * 2):
        refused("InvalidParameterValue", ec2.create_tags, Resources=[endpoint], Tags=bad)
    many = [{"Key": str(n), "Value": ""} for n in range(51)]
    refused("TagLimitExceeded", ec2.create_tags, Resources=[endpoint], Tags=many)


def test_regions_and_accounts_are_apart(net, simulator, number):
    assert net.account.ec2("eu-west-1").describe_vpcs()["Vpcs"] == []
    assert simulator.account(number(), onboard=()).ec2().describe_vpcs()["Vpcs"] == []
    refused("InvalidVpcID.NotFound", net.account.ec2("eu-west-1").describe_vpcs, VpcIds=[net.vpc])
