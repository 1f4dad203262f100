"""EC2's dialect on the wire, who may do what, faults, budgets, the state file, and the AWS CLI."""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as xml

import pytest
from botocore.exceptions import ClientError

from make import message, refused
from network import Net, where
from simulator import Simulator
from test_cli import Cli

MISSING = "vpce-0123456789abcdef0"


@pytest.fixture
def net(bare):
    return Net(bare)


def bare_call(account, **form):
    """A call that no client would let pass: status, headers, body."""
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "authorization": f"AWS4-HMAC-SHA256 Credential={account.key}/20261122/us-east-1/ec2/aws4_request,"
        " SignedHeaders=host, Signature=0",
    }
    body = urllib.parse.urlencode({"Version": "2016-11-15", **form})
    return account.simulator.raw("POST", "/", body, headers)


def code_of(text):
    return xml.fromstring(text).find("Errors/Error/Code").text


def test_errors_on_the_wire(bare):
    status, headers, text = bare_call(bare, Action="DescribeVpcEndpoints", **{"VpcEndpointId.1": MISSING})
    assert status == 400 and headers["content-type"] == "text/xml;charset=UTF-8"
    root = xml.fromstring(text)
    assert root.tag == "Response" and root.find("RequestID").text == headers["x-amzn-requestid"]
    assert code_of(text) == "InvalidVpcEndpointId.NotFound"


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("InvalidAction", {"Action": "DescribeDragons"}),
        ("UnknownParameter", {"Action": "DescribeVpcs", "Colour": "red"}),
        ("InvalidParameterValue", {"Action": "DescribeVpcs", "DryRun": "perhaps"}),
        ("InvalidParameterValue", {"Action": "DescribeVpcs", "MaxResults": "many"}),
        ("MissingParameter", {"Action": "CreateVpcEndpoint", "ServiceName": "com.amazonaws.us-east-1.s3"}),
        ("MissingParameter", {"Action": "CreateVpc"}),
        ("MissingParameter", {"Action": "DeleteVpcEndpoints"}),
    ],
)
def test_requests_that_make_no_sense(bare, code, form):
    status, _, text = bare_call(bare, **form)
    assert (status, code_of(text)) == (400, code)


def test_lists_may_have_gaps(net):
    form = {"VpcId.2": net.vpc, "VpcId.7": net.vpc, "Filter.3.Name": "vpc-id", "Filter.3.Value.9": net.vpc}
    status, _, text = bare_call(net.account, Action="DescribeVpcs", **form)
    assert status == 200 and text.count("<vpcId>") == 1


def test_every_answer_is_judged(bare):
    client = bare.ec2()

    def tamper(http_response, **_):
        http_response._content = http_response.content.replace(b"vpcSet", b"vpcs")

    client.meta.events.register_first("after-call.*.*", tamper)
    with pytest.raises(AssertionError, match="unknown to the model"):
        client.describe_vpcs()


def test_dry_run(net):
    error = refused("DryRunOperation", net.interface, DryRun=True)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert message(error) == "Request would have succeeded, but DryRun flag is set."
    assert net.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    net.account.iam(deny=["ec2:CreateVpcEndpoint"])
    refused("UnauthorizedOperation", net.interface, DryRun=True)


def test_permissions(net):
    net.account.iam(deny=["ec2:CreateTags"])
    net.interface()
    wish = {"TagSpecifications": [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "a", "Value": "b"}]}]}
    error = refused("UnauthorizedOperation", net.interface, short="ssm", **wish)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert message(error).startswith("You are not authorized to perform this operation. User: arn:aws:iam::")
    assert "is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:us-east-1:" in message(error)
    net.account.iam(allow=["ec2:Describe*"])
    net.ec2.describe_vpc_endpoints()
    refused("UnauthorizedOperation", net.ec2.delete_vpc, VpcId=net.vpc)
    [call] = net.account.calls(operation="DeleteVpc")
    assert call["iamActions"] == ["ec2:DeleteVpc"]
    assert call["resources"] == [f"arn:aws:ec2:us-east-1:{net.account.id}:vpc/{net.vpc}"]


def test_the_call_log(net):
    made = net.interface(ClientToken="token")
    [call] = net.account.calls(operation="CreateVpcEndpoint")
    assert (call["service"], call["token"], call["mutating"]) == ("ec2", "token", True)
    assert call["request"]["SubnetId"] == net.subnets[:2]
    assert any(resource.endswith(f"vpc-endpoint/{made['VpcEndpointId']}") for resource in call["resources"])


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "RequestLimitExceeded", 503),
        ("internal", "InternalError", 500),
        ("access-denied", "UnauthorizedOperation", 403),
        ("quota", "VpcEndpointLimitExceeded", 400),
        ("validation", "InvalidParameterValue", 400),
    ],
)
def test_faults(net, kind, code, status):
    net.account.fault(kind, service="ec2", operation="CreateVpcEndpoint", when="after")
    error = refused(code, net.interface)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(net.ec2.describe_vpc_endpoints()["VpcEndpoints"]) == 1


def test_a_fault_of_any_code(net):
    net.account.fault("error", operation="ModifyVpcEndpoint", code="OperationInProgress", message="busy")
    made = net.interface()
    assert message(refused("OperationInProgress", net.modify, endpoint=made)) == "busy"
    net.modify(made)


def test_budgets(own, number):
    simulator = own("--quotas", "published", "--quota-multiplier", "0.05", "--burst", "1")
    ec2 = simulator.account(number(), onboard=()).ec2()
    codes = []
    for _ in range(3):
        try:
            ec2.delete_vpc_endpoints(VpcEndpointIds=[MISSING])
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["RequestLimitExceeded"] * 2


def test_state_file(tmp_path, number):
    state = tmp_path / "state.json"
    account = number()
    simulator = Simulator("--state", str(state))
    net = Net(simulator.account(account, onboard=()))
    made = net.interface(ClientToken="token")
    table = net.table()
    net.gateway("s3", table)
    before = net.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert simulator.stop() == 0
    again = Simulator("--state", str(state))
    try:
        ec2 = again.account(account, onboard=()).ec2()
        assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == before
        assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 2
        same = ec2.create_vpc_endpoint(
            VpcId=net.vpc,
            VpcEndpointType="Interface",
            ServiceName=net.service("ssm-contacts"),
            SubnetIds=net.subnets[:2],
            ClientToken="token",
        )
        assert same["VpcEndpoint"]["VpcEndpointId"] == made["VpcEndpointId"]
    finally:
        again.kill()


def test_control_calls_that_make_no_sense(net):
    for body in ({"decision": "accept"}, {"decision": "promote"}):
        status, _, _ = net.account.simulator.raw(
            "POST", "/_control/endpoints", str(body).replace("'", '"'), {"content-type": "application/json"}
        )
        assert status == 400
    made = net.interface()
    net.get(made)
    with pytest.raises(Exception, match="the endpoint is in the state available"):
        net.decide(made, "accept")


def test_cli(net):
    cli = Cli(net.account)
    made = cli(
        *("ec2", "create-vpc-endpoint", "--vpc-id", net.vpc, "--vpc-endpoint-type", "Interface"),
        *("--service-name", net.service("ssm-incidents"), "--subnet-ids", *net.subnets[:2], "--private-dns-enabled"),
        *("--tag-specifications", "ResourceType=vpc-endpoint,Tags=[{Key=Name,Value=incidents}]"),
    )["VpcEndpoint"]
    name = made["VpcEndpointId"]
    [shown] = cli("ec2", "describe-vpc-endpoints", "--filters", "Name=tag:Name,Values=incidents")["VpcEndpoints"]
    assert (shown["VpcEndpointId"], shown["State"]) == (name, "available")
    group = cli("ec2", "create-security-group", "--group-name", "g", "--description", "d", "--vpc-id", net.vpc)["GroupId"]
    cli(
        *("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp"),
        *("--port", "443", "--cidr", "10.0.0.0/16"),
    )
    listed = cli("ec2", "describe-security-group-rules", "--filters", f"Name=group-id,Values={group}")
    assert sorted(rule["FromPort"] for rule in listed["SecurityGroupRules"]) == [-1, 443]
    changed = cli(
        *("ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", name, "--add-security-group-ids", group),
        *("--remove-security-group-ids", net.default_group, "--no-private-dns-enabled"),
    )
    assert changed == {"Return": True}
    assert net.get(name)["PrivateDnsEnabled"] is False
    assert cli("ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids", name) == {"Unsuccessful": []}
    cli.refused("InvalidVpcEndpointId.NotFound", "ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", name)


def test_cli_furnishes_an_account(bare):
    cli = Cli(bare)
    vpc = cli("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    cli("ec2", "modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
    subnet = cli("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.0.0/24")["Subnet"]["SubnetId"]
    table = cli("ec2", "create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
    cli("ec2", "associate-route-table", "--route-table-id", table, "--subnet-id", subnet)
    cli("ec2", "create-tags", "--resources", vpc, subnet, "--tags", "Key=Name,Value=main")
    assert len(cli("ec2", "describe-tags")["Tags"]) == 2
    listed = cli("ec2", "describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}", "--query", "Subnets[].SubnetId")
    assert listed == [subnet]
    cli("ec2", "delete-subnet", "--subnet-id", subnet)
    cli("ec2", "delete-route-table", "--route-table-id", table)
    cli("ec2", "delete-vpc", "--vpc-id", vpc)
    assert bare.ec2().describe_vpcs(Filters=[where("vpc-id", vpc)])["Vpcs"] == []
