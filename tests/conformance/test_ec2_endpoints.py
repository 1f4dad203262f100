"""VPC endpoints as boto3 sees them."""

from __future__ import annotations

import json
import re

import pytest

from make import message, refused
from network import CUSTOM, Net, tagged, tags_of, where

ENDPOINT = re.compile(r"vpce-0[0-9a-f]{16}")
MISSING = "vpce-0123456789abcdef0"
GATEWAY_POLICY = (
    '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
)
INTERFACE_POLICY = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n      "Principal": "*", \n'
    '      "Resource": "*"\n    }\n  ]\n}'
)


@pytest.fixture
def net(bare):
    return Net(bare)


def names(shown):
    return [entry["DnsName"] for entry in shown["DnsEntries"]]


def test_interface(net):
    group = net.group()
    made = net.interface(
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
        TagSpecifications=tagged("vpc-endpoint", Name="contacts", team="ops"),
    )
    assert ENDPOINT.fullmatch(made["VpcEndpointId"])
    assert made["State"] == "pending"
    shown = net.get(made)
    assert shown["State"] == "available"
    assert (shown["VpcId"], shown["ServiceName"]) == (net.vpc, net.service("ssm-contacts"))
    assert (shown["VpcEndpointType"], shown["IpAddressType"]) == ("Interface", "ipv4")
    assert shown["SubnetIds"] == net.subnets[:2]
    assert shown["Groups"] == [{"GroupId": group, "GroupName": "endpoints"}]
    assert shown["DnsOptions"] == {"DnsRecordIpType": "ipv4"}
    assert shown["PrivateDnsEnabled"] is True and shown["RequesterManaged"] is False
    assert shown["OwnerId"] == net.account.id and shown["RouteTableIds"] == []
    assert shown["PolicyDocument"] == INTERFACE_POLICY
    assert tags_of(shown) == {"Name": "contacts", "team": "ops"}
    regional, *zonal, private = names(shown)
    host = rf"{shown['VpcEndpointId']}-[0-9a-z]{{8}}"
    base = r"\.ssm-contacts\.us-east-1\.vpce\.amazonaws\.com"
    assert re.fullmatch(host + base, regional)
    assert len(zonal) == 2
    assert all(re.fullmatch(host + f"-us-east-1{zone}" + base, name) for zone, name in zip("ab", zonal))
    assert private == "ssm-contacts.us-east-1.amazonaws.com"
    assert shown["DnsEntries"][0]["HostedZoneId"] == "Z7HUB22UULQXV"
    cards = net.interfaces(made)
    assert sorted(card["SubnetId"] for card in cards) == sorted(net.subnets[:2])
    assert {card["NetworkInterfaceId"] for card in cards} == set(shown["NetworkInterfaceIds"])
    for card in cards:
        assert card["RequesterManaged"] is True and card["InterfaceType"] == "vpc_endpoint"
        assert [each["GroupId"] for each in card["Groups"]] == [group]


def test_gateway(net):
    table = net.table()
    made = net.gateway("s3", table)
    assert (made["State"], made["VpcEndpointType"]) == ("available", "Gateway")
    assert made["PolicyDocument"] == GATEWAY_POLICY
    assert made["RouteTableIds"] == [table]
    [lists] = net.ec2.describe_prefix_lists(Filters=[where("prefix-list-name", net.service("s3"))])["PrefixLists"]
    routes = [route for route in net.routes(table) if "DestinationPrefixListId" in route]
    assert routes == [
        {
            "DestinationPrefixListId": lists["PrefixListId"],
            "GatewayId": made["VpcEndpointId"],
            "Origin": "CreateRoute",
            "State": "active",
        }
    ]
    error = refused("RouteAlreadyExists", net.gateway, short="s3", RouteTableIds=[table])
    assert f"already has a route with destination-prefix-list-id {lists['PrefixListId']}" in message(error)
    assert net.delete(made) == []
    assert [route["GatewayId"] for route in net.routes(table)] == ["local"]
    refused("InvalidVpcEndpointId.NotFound", net.get, endpoint=made)


def test_deletion(net):
    made = net.interface()
    net.account.knobs(state_delay_ms=60_000)
    assert net.delete(made) == []
    assert net.get(made)["State"] == "deleting"
    assert len(net.interfaces(made)) == 2
    refused("DependencyViolation", net.ec2.delete_subnet, SubnetId=net.subnets[0])
    refused("DependencyViolation", net.ec2.delete_vpc, VpcId=net.vpc)
    # Its name is not free before it has gone.
    error = refused("InvalidParameter", net.interface)
    assert "already a conflicting DNS domain for ssm-contacts.us-east-1.amazonaws.com in the VPC" in message(error)


def test_deletion_ends(own, number):
    simulator = own()
    net = Net(simulator.account(number(), onboard=()))
    made = net.interface()
    net.account.knobs(state_delay_ms=60_000, vpce_deleted_visible_ms=60_000)
    net.delete(made)
    simulator.advance(61)
    shown = net.get(made)
    assert (shown["State"], shown["NetworkInterfaceIds"]) == ("deleted", [])
    assert net.interfaces(made) == []
    assert net.delete(made)[0]["Error"]["Code"] == "InvalidVpcEndpoint.NotFound"
    simulator.advance(61)
    refused("InvalidVpcEndpointId.NotFound", net.get, endpoint=made)
    for subnet in net.subnets:
        net.ec2.delete_subnet(SubnetId=subnet)
    net.ec2.delete_vpc(VpcId=net.vpc)


def test_both_spellings_of_missing(net):
    error = refused("InvalidVpcEndpointId.NotFound", net.get, endpoint=MISSING)
    assert message(error) == f"The Vpc Endpoint Id '{MISSING}' does not exist"
    refused("InvalidVpcEndpointId.NotFound", net.ec2.modify_vpc_endpoint, VpcEndpointId=MISSING)
    refused("InvalidVpcEndpointId.Malformed", net.get, endpoint="vpce-x")
    kept = net.interface()
    unsuccessful = net.delete(MISSING, "vpce-x", kept)
    codes = {each["ResourceId"]: each["Error"]["Code"] for each in unsuccessful}
    assert codes == {MISSING: "InvalidVpcEndpoint.NotFound", "vpce-x": "InvalidVpcEndpointId.Malformed"}
    refused("InvalidVpcEndpointId.NotFound", net.get, endpoint=kept)


def test_defaults(net):
    made = net.interface()
    assert [group["GroupId"] for group in made["Groups"]] == [net.default_group]
    assert made["PrivateDnsEnabled"] is True
    net.account.knobs(private_dns_default="false")
    assert net.interface()["PrivateDnsEnabled"] is False
    error = refused("InvalidParameter", net.interface, VpcEndpointType="Gateway", SubnetIds=[])
    assert message(error) == "Endpoint type (Gateway) does not match available service types ([Interface])."
    assert net.interface("ssm", SubnetIds=[])["NetworkInterfaceIds"] == []


def test_private_dns(bare):
    net = Net(bare, dns=False)
    error = refused("InvalidParameter", net.interface, PrivateDnsEnabled=True)
    assert "requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true" in message(error)
    made = net.interface(PrivateDnsEnabled=False)
    assert len(names(made)) == 3
    net.ec2.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": True})
    net.modify(made, PrivateDnsEnabled=True)
    assert "ssm-contacts.us-east-1.amazonaws.com" in names(net.get(made))
    other = net.interface(PrivateDnsEnabled=False)
    error = refused("InvalidParameter", net.modify, endpoint=other, PrivateDnsEnabled=True)
    assert message(error) == (
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
        f"ssm-contacts.us-east-1.amazonaws.com in the VPC {net.vpc}"
    )
    net.modify(made, PrivateDnsEnabled=False)
    net.modify(other, PrivateDnsEnabled=True)
    assert net.get(made)["PrivateDnsEnabled"] is False


def test_a_change_is_not_judged_by_what_it_leaves_alone(net):
    made = net.interface(PrivateDnsEnabled=True)
    net.ec2.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": False})
    net.modify(made, PolicyDocument=CUSTOM, AddSubnetIds=[net.subnets[2]])
    assert len(net.interfaces(made)) == 3
    net.modify(made, PrivateDnsEnabled=False)
    refused("InvalidParameter", net.modify, endpoint=made, PrivateDnsEnabled=True)


def test_a_rejected_endpoint_holds_no_name(net):
    made = net.interface(PrivateDnsEnabled=True)
    net.get(made)
    refused("InvalidParameter", net.interface, PrivateDnsEnabled=True)
    net.decide(made, "reject")
    assert net.interface(PrivateDnsEnabled=True)["PrivateDnsEnabled"] is True


def test_s3_interface(net):
    error = refused("InvalidParameter", net.interface, short="s3", PrivateDnsEnabled=True)
    assert "must have a Gateway endpoint for the service" in message(error)
    no = {"PrivateDnsOnlyForInboundResolverEndpoint": False}
    made = net.interface("s3", PrivateDnsEnabled=True, DnsOptions=no)
    assert names(made)[0].startswith("*.vpce-")
    assert made["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"] is False
    net.gateway("s3")
    net.modify(made, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True})
    assert net.get(made)["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"] is True
    error = refused("InvalidParameter", net.gateway, short="dynamodb", DnsOptions=no)
    assert "applicable only to Interface VPC Endpoints." in message(error)


def test_subnets(net):
    twin = net.ec2.create_subnet(VpcId=net.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    refused("DuplicateSubnetsInSameZone", net.interface, SubnetIds=[net.subnets[0], twin])
    far = net.ec2.create_subnet(VpcId=net.vpc, CidrBlock="10.0.10.0/24", AvailabilityZone="us-east-1e")["Subnet"]["SubnetId"]
    error = refused("InvalidParameter", net.interface, SubnetIds=[far])
    assert "does not support the availability zone of the subnet: " + far in message(error)
    made = net.interface()
    before = {card["SubnetId"]: card["NetworkInterfaceId"] for card in net.interfaces(made)}
    net.modify(made, AddSubnetIds=[twin], RemoveSubnetIds=[net.subnets[0]])
    after = {card["SubnetId"]: card["NetworkInterfaceId"] for card in net.interfaces(made)}
    assert set(after) == {twin, net.subnets[1]}
    assert after[net.subnets[1]] == before[net.subnets[1]]
    refused("DuplicateSubnetsInSameZone", net.modify, endpoint=made, AddSubnetIds=[net.subnets[0]])
    refused("InvalidSubnetID.NotFound", net.modify, endpoint=made, AddSubnetIds=["subnet-0123456789abcdef0"])


def test_subnet_configuration(net):
    ask = {"SubnetId": net.subnets[0], "Ipv4": "10.0.0.77"}
    made = net.interface(subnets=1, SubnetConfigurations=[ask])
    [card] = net.interfaces(made)
    assert card["PrivateIpAddress"] == "10.0.0.77"
    refused("InvalidIPAddress.InUse", net.interface, short="ssm", subnets=1, SubnetConfigurations=[ask])
    net.modify(made, SubnetConfigurations=[{**ask, "Ipv4": "10.0.0.78"}])
    [moved] = net.interfaces(made)
    assert moved["PrivateIpAddress"] == "10.0.0.78"
    assert moved["NetworkInterfaceId"] != card["NetworkInterfaceId"]
    net.modify(made, SubnetConfigurations=[{**ask, "Ipv4": "10.0.0.78"}])
    assert net.interfaces(made) == [moved]
    for address in ("10.0.1.78", "10.0.0.3", "10.0.0.255"):
        refused("InvalidParameter", net.modify, endpoint=made, SubnetConfigurations=[{**ask, "Ipv4": address}])
    for address in ({}, {"Ipv6": "2001:db8::78"}, {"Ipv4": "10.0.0.79", "Ipv6": "2001:db8::78"}):
        refused("InvalidParameter", net.modify, endpoint=made, SubnetConfigurations=[{"SubnetId": net.subnets[0], **address}])
    refused("InvalidParameter", net.modify, endpoint=made, SubnetConfigurations=[{"SubnetId": net.subnets[1], "Ipv4": "10.0.1.78"}])
    net.modify(made, AddSubnetIds=[net.subnets[1]], SubnetConfigurations=[{"SubnetId": net.subnets[1], "Ipv4": "10.0.1.78"}])
    assert {card["SubnetId"]: card["PrivateIpAddress"] for card in net.interfaces(made)} == {
        net.subnets[0]: "10.0.0.78",
        net.subnets[1]: "10.0.1.78",
    }


def test_groups(net):
    one, two = net.group("one"), net.group("two")
    made = net.interface(SecurityGroupIds=[one])
    refused("DependencyViolation", net.ec2.delete_security_group, GroupId=one)
    net.modify(made, AddSecurityGroupIds=[two], RemoveSecurityGroupIds=[one])
    assert [group["GroupId"] for group in net.get(made)["Groups"]] == [two]
    net.ec2.delete_security_group(GroupId=one)
    refused("InvalidParameter", net.modify, endpoint=made, RemoveSecurityGroupIds=[two])
    refused("InvalidSecurityGroupID.NotFound", net.modify, endpoint=made, AddSecurityGroupIds=[one])


def test_noop_entries(net):
    made = net.interface(subnets=1)
    net.modify(made, AddSubnetIds=[net.subnets[0]], RemoveSubnetIds=[net.subnets[2]])
    assert net.get(made)["SubnetIds"] == net.subnets[:1]
    net.account.knobs(modify_noop_entries="error")
    refused("InvalidParameter", net.modify, endpoint=made, AddSubnetIds=[net.subnets[0]])
    refused("InvalidParameter", net.modify, endpoint=made, RemoveSubnetIds=[net.subnets[2]])


def test_policies(net):
    spaced = CUSTOM.replace(", ", ",\n   ")
    made = net.interface(PolicyDocument=spaced)
    assert net.get(made)["PolicyDocument"] == spaced
    net.modify(made, ResetPolicy=True)
    assert net.get(made)["PolicyDocument"] == INTERFACE_POLICY
    for bad in ("no JSON", "{}", '{"Statement":[]}', json.dumps({"Statement": [{"Effect": "Allow"}]}), " " * 20_481):
        refused("InvalidPolicyDocument", net.modify, endpoint=made, PolicyDocument=bad)
    refused("InvalidParameterCombination", net.modify, endpoint=made, PolicyDocument=CUSTOM, ResetPolicy=True)
    gateway = net.gateway(PolicyDocument=CUSTOM)
    net.modify(gateway, ResetPolicy=True)
    assert net.get(gateway)["PolicyDocument"] == GATEWAY_POLICY


def test_services_of_others(net):
    name = net.offer(acceptanceRequired=True, privateDnsName="api.example.com", policySupported=False, zones=["us-east-1a"])
    assert re.fullmatch(r"com\.amazonaws\.vpce\.us-east-1\.vpce-svc-0[0-9a-f]{16}", name)
    [detail] = net.ec2.describe_vpc_endpoint_services(ServiceNames=[name])["ServiceDetails"]
    assert (detail["AcceptanceRequired"], detail["VpcEndpointPolicySupported"]) == (True, False)
    wish = {"ServiceName": name, "subnets": 1}
    error = refused("InvalidParameter", net.interface, PolicyDocument=CUSTOM, **wish)
    assert "only supports the full-access endpoint policy" in message(error)
    error = refused("InvalidParameter", net.interface, PrivateDnsEnabled=True, **wish)
    assert "Private DNS can only be enabled after the endpoint connection is accepted by the owner" in message(error)
    made = net.interface(PolicyDocument=INTERFACE_POLICY, **wish)
    assert net.get(made)["State"] == "pendingAcceptance"
    assert net.get(made)["PrivateDnsEnabled"] is False
    refused("InvalidParameter", net.modify, endpoint=made, PrivateDnsEnabled=True)
    net.decide(made, "reject")
    assert net.get(made)["State"] == "rejected"
    net.decide(made, "accept")
    assert net.get(made)["State"] == "available"
    net.modify(made, PrivateDnsEnabled=True)
    assert "api.example.com" in names(net.get(made))
    late = net.interface(**wish)
    net.decide(late, "expire")
    assert net.get(late)["State"] == "expired"
    net.decide(made, "fail", code="InternalError", message="no capacity")
    shown = net.get(made)
    assert (shown["State"], shown["LastError"]) == ("failed", {"Code": "InternalError", "Message": "no capacity"})


def test_a_change_takes_its_time(net):
    made = net.interface(subnets=1)
    net.account.knobs(state_delay_ms=60_000)
    # A policy is changed at once, interfaces are not.
    net.modify(made, PolicyDocument=CUSTOM)
    assert net.get(made)["State"] == "available"
    net.modify(made, AddSubnetIds=[net.subnets[1]])
    assert net.get(made)["State"] == "pending"
    error = refused("OperationInProgress", net.modify, endpoint=made, AddSubnetIds=[net.subnets[2]])
    assert "VpcEndpoint modify operation in progress" in message(error)


def test_spelling_of_states(net):
    made = net.interface()
    net.account.knobs(vpce_state_case="Pascal")
    assert net.get(made)["State"] == "Available"
    listed = net.ec2.describe_vpc_endpoints(Filters=[where("vpc-endpoint-state", "available")])["VpcEndpoints"]
    assert len(listed) == 1


def test_client_tokens(net):
    wish = {"ClientToken": "one", "TagSpecifications": tagged("vpc-endpoint", Name="a")}
    first = net.ec2.create_vpc_endpoint(VpcId=net.vpc, ServiceName=net.service("s3"), **wish)
    again = net.ec2.create_vpc_endpoint(VpcId=net.vpc, ServiceName=net.service("s3"), **wish)
    assert first["ClientToken"] == "one"
    assert again["VpcEndpoint"] == first["VpcEndpoint"]
    assert len(net.ec2.describe_vpc_endpoints()["VpcEndpoints"]) == 1
    refused("IdempotentParameterMismatch", net.gateway, short="dynamodb", **wish)
    net.delete(first["VpcEndpoint"])
    gone = net.ec2.create_vpc_endpoint(VpcId=net.vpc, ServiceName=net.service("s3"), **wish)
    assert gone["VpcEndpoint"]["VpcEndpointId"] == first["VpcEndpoint"]["VpcEndpointId"]
    net.account.knobs(token_after_delete="new")
    fresh = net.ec2.create_vpc_endpoint(VpcId=net.vpc, ServiceName=net.service("s3"), **wish)
    assert fresh["VpcEndpoint"]["VpcEndpointId"] != first["VpcEndpoint"]["VpcEndpointId"]


def test_filters_and_pages(net):
    made = {each["VpcEndpointId"] for each in (net.interface("ssm"), net.interface("kms"), net.gateway("s3"))}
    ask = net.ec2.describe_vpc_endpoints

    def found(*filters):
        return [each["ServiceName"].rsplit(".", 1)[1] for each in ask(Filters=list(filters))["VpcEndpoints"]]

    assert found(where("vpc-endpoint-type", "Gateway")) == ["s3"]
    assert sorted(found(where("service-name", "*.ssm", "*.kms"))) == ["kms", "ssm"]
    assert found(where("vpc-id", net.vpc), where("service-name", net.service("kms"))) == ["kms"]
    assert found(where("vpc-id", "vpc-0123456789abcdef0")) == []
    net.ec2.create_tags(Resources=[min(made)], Tags=[{"Key": "team", "Value": "ops"}])
    assert len(found(where("tag:team", "ops"))) == len(found(where("tag-key", "team"))) == 1
    refused("InvalidParameterValue", ask, Filters=[where("colour", "red")])
    pages = list(net.ec2.get_paginator("describe_vpc_endpoints").paginate(PaginationConfig={"PageSize": 1}))
    assert [len(page["VpcEndpoints"]) for page in pages] == [1, 1, 1]
    assert {page["VpcEndpoints"][0]["VpcEndpointId"] for page in pages} == made
    refused("InvalidNextToken", ask, NextToken="00")
    assert len(ask(MaxResults=5000)["VpcEndpoints"]) == 3
    # AWS may answer with fewer than were asked for.
    net.account.knobs(ec2_page_items=2)
    pages = list(net.ec2.get_paginator("describe_vpc_endpoints").paginate())
    assert [len(page["VpcEndpoints"]) for page in pages] == [2, 1]
    assert len(ask(MaxResults=5000)["VpcEndpoints"]) == 2


def test_catalogue(net):
    names = net.ec2.describe_vpc_endpoint_services()["ServiceNames"]
    for short in ("ssm-incidents", "ssm-contacts", "ssm", "ssmmessages", "ec2messages", "ec2", "kms", "logs", "s3"):
        assert net.service(short) in names
    assert net.service("ssm-incidents").replace("us-east-1", "ap-northeast-3") not in (
        net.account.ec2("ap-northeast-3").describe_vpc_endpoint_services()["ServiceNames"]
    )
    s3 = net.ec2.describe_vpc_endpoint_services(ServiceNames=[net.service("s3")])["ServiceDetails"]
    assert sorted(each["ServiceType"][0]["ServiceType"] for each in s3) == ["Gateway", "Interface"]
    listed = net.ec2.describe_vpc_endpoint_services(Filters=[where("service-name", "*.ssm-contacts")])["ServiceDetails"]
    [contacts] = listed
    assert contacts["PrivateDnsName"] == "ssm-contacts.us-east-1.amazonaws.com"
    assert "us-east-1e" not in contacts["AvailabilityZones"] and "us-east-1a" in contacts["AvailabilityZones"]
    error = refused("InvalidServiceName", net.interface, short="nothing")
    assert message(error) == "The Vpc Endpoint Service 'com.amazonaws.us-east-1.nothing' does not exist"
    refused("InvalidServiceName", net.ec2.describe_vpc_endpoint_services, ServiceNames=["nothing"])


def test_ipv6(bare):
    ec2 = bare.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    assert block.endswith("::/56")
    make = {"VpcId": vpc["VpcId"], "AvailabilityZone": "us-east-1a"}
    both = ec2.create_subnet(CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block.replace("/56", "/64"), **make)["Subnet"]["SubnetId"]
    four = ec2.create_subnet(CidrBlock="10.0.1.0/24", **make)["Subnet"]["SubnetId"]
    wish = {"VpcId": vpc["VpcId"], "VpcEndpointType": "Interface", "PrivateDnsEnabled": False, "IpAddressType": "dualstack"}
    kms, ssm = "com.amazonaws.us-east-1.kms", "com.amazonaws.us-east-1.ssm"
    refused("InvalidParameter", ec2.create_vpc_endpoint, ServiceName=kms, SubnetIds=[four], **wish)
    refused("InvalidParameter", ec2.create_vpc_endpoint, ServiceName=ssm, SubnetIds=[both], **wish)
    made = ec2.create_vpc_endpoint(ServiceName=kms, SubnetIds=[both], **wish)["VpcEndpoint"]
    assert made["DnsOptions"]["DnsRecordIpType"] == "dualstack"
    [card] = ec2.describe_network_interfaces(Filters=[where("subnet-id", both)])["NetworkInterfaces"]
    assert card["Ipv6Addresses"] and card["PrivateIpAddress"]
    stays, ask = {"SubnetId": both, "Ipv4": card["PrivateIpAddress"]}, block.replace("/56", "")
    change = {"VpcEndpointId": made["VpcEndpointId"]}
    refused("InvalidParameter", ec2.modify_vpc_endpoint, SubnetConfigurations=[{"SubnetId": both, "Ipv6": ask + "42"}], **change)
    refused("InvalidParameter", ec2.modify_vpc_endpoint, SubnetConfigurations=[{**stays, "Ipv6": ask + "3"}], **change)
    ec2.modify_vpc_endpoint(SubnetConfigurations=[{**stays, "Ipv6": ask + "42"}], **change)
    [moved] = ec2.describe_network_interfaces(Filters=[where("subnet-id", both)])["NetworkInterfaces"]
    assert moved["Ipv6Addresses"][0]["Ipv6Address"] == ask + "42"
    assert moved["PrivateIpAddress"] == card["PrivateIpAddress"]
    refused(
        "InvalidParameter",
        ec2.create_vpc_endpoint,
        ServiceName=kms,
        SubnetIds=[four],
        **{**wish, "IpAddressType": "ipv4"},
        DnsOptions={"DnsRecordIpType": "ipv6"},
    )


def test_quotas(net):
    net.account.knobs(interface_endpoints_quota=1, gateway_endpoints_quota=1)
    net.interface("ssm")
    net.gateway("s3")
    refused("VpcEndpointLimitExceeded", net.interface, short="kms")
    refused("VpcEndpointLimitExceeded", net.gateway, short="dynamodb")


def test_consistency(net):
    net.account.knobs(consistency_delay_ms=60_000)
    made = net.interface()
    refused("InvalidVpcEndpointId.NotFound", net.get, endpoint=made)
    assert net.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    net.modify(made, PolicyDocument=CUSTOM)
    assert net.delete(made) == []


@pytest.mark.parametrize(
    ("code", "wish"),
    [
        ("InvalidVpcID.NotFound", {"VpcId": "vpc-0123456789abcdef0"}),
        ("InvalidVpcID.Malformed", {"VpcId": "x"}),
        ("InvalidParameterValue", {"VpcEndpointType": "Tube"}),
        ("UnsupportedOperation", {"VpcEndpointType": "Resource"}),
        ("InvalidParameter", {"RouteTableIds": ["rtb-0123456789abcdef0"]}),
        ("InvalidParameter", {"ServiceRegion": "eu-west-1"}),
        ("InvalidParameterValue", {"IpAddressType": "ipv5"}),
        ("InvalidParameterValue", {"TagSpecifications": tagged("vpc", Name="x")}),
        ("InvalidParameter", {"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": True}}),
        ("InvalidSecurityGroupID.NotFound", {"SecurityGroupIds": ["sg-0123456789abcdef0"]}),
        ("InvalidSubnetID.Malformed", {"SubnetIds": ["subnet-x"]}),
    ],
)
def test_bad_creates(net, code, wish):
    refused(code, net.interface, **wish)
    assert net.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert net.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
