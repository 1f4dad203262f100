"""Furnishes simulated accounts with networks."""

from __future__ import annotations

import json

SERVICE = "com.amazonaws.us-east-1."
CUSTOM = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "ssm-contacts:Get*", "Resource": "*"}
]})


class Net:
    """A VPC that resolves names, with a subnet in each of three zones."""

    def __init__(self, account, region="us-east-1", dns=True, cidr="10.0.0.0/16"):
        self.account = account
        self.region = region
        self.ec2 = account.ec2(region)
        self.vpc = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        if dns:
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        prefix = cidr.rsplit(".", 2)[0]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{prefix}.{n}.0/24", AvailabilityZone=f"{region}{zone}")[
                "Subnet"
            ]["SubnetId"]
            for n, zone in enumerate("abc")
        ]
        [self.default_group] = [
            group["GroupId"]
            for group in self.ec2.describe_security_groups(Filters=[where("vpc-id", self.vpc)])["SecurityGroups"]
        ]

    def service(self, short):
        return f"com.amazonaws.{self.region}.{short}"

    def group(self, name="endpoints", **rest):
        return self.ec2.create_security_group(GroupName=name, Description="of endpoints", VpcId=self.vpc, **rest)["GroupId"]

    def table(self, **rest):
        return self.ec2.create_route_table(VpcId=self.vpc, **rest)["RouteTable"]["RouteTableId"]

    def interface(self, short="ssm-contacts", subnets=2, **rest):
        """Creates an interface endpoint; as the call answers it."""
        wish = {"VpcId": self.vpc, "VpcEndpointType": "Interface", "ServiceName": self.service(short), **rest}
        wish.setdefault("SubnetIds", self.subnets[:subnets])
        return self.ec2.create_vpc_endpoint(**wish)["VpcEndpoint"]

    def gateway(self, short="s3", *tables, **rest):
        """Creates a gateway endpoint; as the call answers it."""
        wish = {"VpcId": self.vpc, "ServiceName": self.service(short), "RouteTableIds": list(tables), **rest}
        return self.ec2.create_vpc_endpoint(**wish)["VpcEndpoint"]

    def get(self, endpoint):
        """How an endpoint, or the id of one, is shown now."""
        name = endpoint if isinstance(endpoint, str) else endpoint["VpcEndpointId"]
        [shown] = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
        return shown

    def modify(self, endpoint, **rest):
        return self.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], **rest)

    def delete(self, *endpoints):
        names = [each if isinstance(each, str) else each["VpcEndpointId"] for each in endpoints]
        return self.ec2.delete_vpc_endpoints(VpcEndpointIds=names)["Unsuccessful"]

    def interfaces(self, endpoint):
        listed = self.ec2.describe_network_interfaces(
            Filters=[where("description", f"VPC Endpoint Interface {endpoint['VpcEndpointId']}")]
        )
        return listed["NetworkInterfaces"]

    def routes(self, table):
        [shown] = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return shown["Routes"]

    def decide(self, endpoint, decision, **rest):
        body = {"account": self.account.id, "region": self.region, "vpcEndpointId": endpoint["VpcEndpointId"]}
        self.account.simulator.control("POST", "/endpoints", {**body, "decision": decision, **rest})

    def offer(self, **rest):
        """A service of somebody else; its name."""
        body = {"account": self.account.id, "region": self.region, **rest}
        return self.account.simulator.control("POST", "/endpoint-services", body)["serviceName"]


def where(name, *values):
    return {"Name": name, "Values": list(values)}


def tags_of(shown):
    return {tag["Key"]: tag["Value"] for tag in shown.get("Tags", [])}


def tagged(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
