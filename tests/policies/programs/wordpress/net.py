import pulumi
import pulumi_aws as aws


class Network(pulumi.ComponentResource):
    def __init__(self, name, cidr, azs, tags, opts=None):
        super().__init__("blog:net:Network", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(name, cidr_block=cidr, tags=tags, opts=child)
        igw = aws.ec2.InternetGateway(name, vpc_id=self.vpc.id, opts=child)
        table = aws.ec2.RouteTable(
            f"{name}-public",
            vpc_id=self.vpc.id,
            routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": igw.id}],
            opts=child,
        )
        self.public_ids, self.private_ids = [], []
        for index, zone in enumerate(azs):
            public = aws.ec2.Subnet(
                f"{name}-public-{index}",
                vpc_id=self.vpc.id,
                cidr_block=f"10.8.{index}.0/24",
                availability_zone=zone,
                map_public_ip_on_launch=True,
                tags=tags,
                opts=child,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-{index}", subnet_id=public.id, route_table_id=table.id, opts=child
            )
            private = aws.ec2.Subnet(
                f"{name}-private-{index}",
                vpc_id=self.vpc.id,
                cidr_block=f"10.8.{index + 100}.0/24",
                availability_zone=zone,
                tags=tags,
                opts=child,
            )
            self.public_ids.append(public.id)
            self.private_ids.append(private.id)
        aws.ec2.DefaultSecurityGroup(name, vpc_id=self.vpc.id, opts=child)
        self.register_outputs({"vpc_id": self.vpc.id})
