//! Every AWS operation the operator sends, and what must be known of it before it is sent. No I/O.

use std::fmt;

use super::{Service, limiter::BudgetGroup};

/// What is known of one operation.
struct Facts {
    service: Service,
    name: &'static str,
    iam_action: &'static str,
    group: BudgetGroup,
    effect: Effect,
}

/// What a call leaves behind.
#[derive(PartialEq, Eq)]
enum Effect {
    Reads,
    Writes,
    /// Writes, and somebody's phone or mailbox hears of it: sent at most once, never repeated on an unknown outcome.
    ReachesHuman,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident: $service:ident $prefix:literal $name:literal, $group:ident, $effect:ident;)*) => {
        /// An operation of AWS.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[$doc])* $variant,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$variant => Facts {
                        service: Service::$service,
                        name: $name,
                        iam_action: concat!($prefix, ":", $name),
                        group: BudgetGroup::$group,
                        effect: Effect::$effect,
                    },)*
                }
            }
        }
    };
}

operations! {
    /// Creates a contact, schedule or escalation plan.
    CreateContact: SSMContacts "ssm-contacts" "CreateContact", ContactsWrite, Writes;
    /// Changes display name or plan.
    UpdateContact: SSMContacts "ssm-contacts" "UpdateContact", ContactsWrite, Writes;
    /// Deletes a contact; references to it dangle.
    DeleteContact: SSMContacts "ssm-contacts" "DeleteContact", ContactsWrite, Writes;
    /// Reads one contact and its plan.
    GetContact: SSMContacts "ssm-contacts" "GetContact", ContactsRead, Reads;
    /// One page of contacts, without plans.
    ListContacts: SSMContacts "ssm-contacts" "ListContacts", ContactsRead, Reads;
    /// Creates a channel. The caller always defers activation, so that nobody is written to.
    CreateContactChannel: SSMContacts "ssm-contacts" "CreateContactChannel", ContactsWrite, Writes;
    /// Renames a channel or changes its address.
    UpdateContactChannel: SSMContacts "ssm-contacts" "UpdateContactChannel", ContactsWrite, Writes;
    /// Deletes a channel; stages that use it are skipped from then on.
    DeleteContactChannel: SSMContacts "ssm-contacts" "DeleteContactChannel", ContactsWrite, Writes;
    /// Reads one channel.
    GetContactChannel: SSMContacts "ssm-contacts" "GetContactChannel", ContactsRead, Reads;
    /// One page of a contact's channels.
    ListContactChannels: SSMContacts "ssm-contacts" "ListContactChannels", ContactsRead, Reads;
    /// Sends a code to the channel's address.
    SendActivationCode: SSMContacts "ssm-contacts" "SendActivationCode", ContactsWrite, ReachesHuman;
    /// Gives the code back.
    ActivateContactChannel: SSMContacts "ssm-contacts" "ActivateContactChannel", ContactsWrite, Writes;
    /// Stops a channel from being engaged.
    DeactivateContactChannel: SSMContacts "ssm-contacts" "DeactivateContactChannel", ContactsWrite, Writes;
    /// Creates a rotation. Nothing makes its name unique.
    CreateRotation: SSMContacts "ssm-contacts" "CreateRotation", ContactsWrite, Writes;
    /// Changes a rotation; its recurrence has to be said every time.
    UpdateRotation: SSMContacts "ssm-contacts" "UpdateRotation", ContactsWrite, Writes;
    /// Deletes a rotation and takes it out of every schedule.
    DeleteRotation: SSMContacts "ssm-contacts" "DeleteRotation", ContactsWrite, Writes;
    /// Reads one rotation.
    GetRotation: SSMContacts "ssm-contacts" "GetRotation", RotationsRead, Reads;
    /// One page of rotations.
    ListRotations: SSMContacts "ssm-contacts" "ListRotations", RotationsRead, Reads;
    /// One page of a rotation's shifts, as AWS computes them.
    ListRotationShifts: SSMContacts "ssm-contacts" "ListRotationShifts", RotationsRead, Reads;
    /// Puts other people on call for a time.
    CreateRotationOverride: SSMContacts "ssm-contacts" "CreateRotationOverride", ContactsWrite, Writes;
    /// Deletes an override; there is no way to change one.
    DeleteRotationOverride: SSMContacts "ssm-contacts" "DeleteRotationOverride", ContactsWrite, Writes;
    /// One page of a rotation's overrides in a window of time.
    ListRotationOverrides: SSMContacts "ssm-contacts" "ListRotationOverrides", RotationsRead, Reads;
    /// `TagResource` on a contact or rotation.
    TagContact: SSMContacts "ssm-contacts" "TagResource", ContactsWrite, Writes;
    /// `UntagResource` on a contact or rotation.
    UntagContact: SSMContacts "ssm-contacts" "UntagResource", ContactsWrite, Writes;
    /// `ListTagsForResource` on a contact or rotation.
    ListTagsForContact: SSMContacts "ssm-contacts" "ListTagsForResource", ContactsRead, Reads;
    /// Engages a contact, schedule or escalation plan: somebody is paged.
    StartEngagement: SSMContacts "ssm-contacts" "StartEngagement", EngagementsWrite, ReachesHuman;
    /// Stops an engagement from going further.
    StopEngagement: SSMContacts "ssm-contacts" "StopEngagement", EngagementsWrite, Writes;
    /// One page of the engagements of an incident or of a time.
    ListEngagements: SSMContacts "ssm-contacts" "ListEngagements", EngagementLists, Reads;
    /// One page of the pages that an engagement sent.
    ListPagesByEngagement: SSMContacts "ssm-contacts" "ListPagesByEngagement", EngagementLists, Reads;
    /// One page of the account's replication sets, of which there is at most one.
    ListReplicationSets: SSMIncidents "ssm-incidents" "ListReplicationSets", IncidentsRead, Reads;
    /// Reads the replication set.
    GetReplicationSet: SSMIncidents "ssm-incidents" "GetReplicationSet", IncidentsRead, Reads;
    /// Makes the replication set: from then on the account has Incident Manager.
    CreateReplicationSet: SSMIncidents "ssm-incidents" "CreateReplicationSet", ReplicationSetWrite, Writes;
    /// Adds or removes one Region of the replication set.
    UpdateReplicationSet: SSMIncidents "ssm-incidents" "UpdateReplicationSet", ReplicationSetWrite, Writes;
    /// Whether the last Region of the replication set may be removed.
    UpdateDeletionProtection: SSMIncidents "ssm-incidents" "UpdateDeletionProtection", ReplicationSetWrite, Writes;
    /// Deletes the replication set and with it all data of Incident Manager in the account.
    DeleteReplicationSet: SSMIncidents "ssm-incidents" "DeleteReplicationSet", ReplicationSetWrite, Writes;
    /// Creates a response plan.
    CreateResponsePlan: SSMIncidents "ssm-incidents" "CreateResponsePlan", IncidentsWrite, Writes;
    /// Changes a response plan: what is left out stays.
    UpdateResponsePlan: SSMIncidents "ssm-incidents" "UpdateResponsePlan", IncidentsWrite, Writes;
    /// Deletes a response plan; alarms and rules that name it open no incidents any more.
    DeleteResponsePlan: SSMIncidents "ssm-incidents" "DeleteResponsePlan", IncidentsWrite, Writes;
    /// Reads one response plan.
    GetResponsePlan: SSMIncidents "ssm-incidents" "GetResponsePlan", IncidentsRead, Reads;
    /// One page of response plans, by name.
    ListResponsePlans: SSMIncidents "ssm-incidents" "ListResponsePlans", IncidentsRead, Reads;
    /// Opens an incident: whom the response plan names is paged.
    StartIncident: SSMIncidents "ssm-incidents" "StartIncident", IncidentsWrite, ReachesHuman;
    /// Changes title, impact or status of an incident.
    UpdateIncidentRecord: SSMIncidents "ssm-incidents" "UpdateIncidentRecord", IncidentsWrite, Writes;
    /// Reads one incident.
    GetIncidentRecord: SSMIncidents "ssm-incidents" "GetIncidentRecord", IncidentsRead, Reads;
    /// One page of incidents.
    ListIncidentRecords: SSMIncidents "ssm-incidents" "ListIncidentRecords", IncidentsRead, Reads;
    /// Adds or removes one related item of an incident.
    UpdateRelatedItems: SSMIncidents "ssm-incidents" "UpdateRelatedItems", IncidentsWrite, Writes;
    /// One page of an incident's related items.
    ListRelatedItems: SSMIncidents "ssm-incidents" "ListRelatedItems", IncidentsRead, Reads;
    /// One page of an incident's timeline.
    ListTimelineEvents: SSMIncidents "ssm-incidents" "ListTimelineEvents", IncidentsRead, Reads;
    /// Reads one event of a timeline.
    GetTimelineEvent: SSMIncidents "ssm-incidents" "GetTimelineEvent", IncidentsRead, Reads;
    /// One page of the deployments and stack updates that may have caused an incident.
    ListIncidentFindings: SSMIncidents "ssm-incidents" "ListIncidentFindings", IncidentsRead, Reads;
    /// Reads such findings.
    BatchGetIncidentFindings: SSMIncidents "ssm-incidents" "BatchGetIncidentFindings", IncidentsRead, Reads;
    /// `TagResource` on a replication set, response plan or incident.
    TagIncidentResource: SSMIncidents "ssm-incidents" "TagResource", IncidentsWrite, Writes;
    /// `UntagResource` on a replication set, response plan or incident.
    UntagIncidentResource: SSMIncidents "ssm-incidents" "UntagResource", IncidentsWrite, Writes;
    /// `ListTagsForResource` on a replication set, response plan or incident.
    ListTagsForIncidentResource: SSMIncidents "ssm-incidents" "ListTagsForResource", IncidentsRead, Reads;
    /// Sets an alternate contact of an account, whether there was one or not.
    PutAlternateContact: Account "account" "PutAlternateContact", AccountWrite, Writes;
    /// Reads one alternate contact of an account.
    GetAlternateContact: Account "account" "GetAlternateContact", AccountRead, Reads;
    /// Deletes an alternate contact: AWS then writes to the root user's address alone.
    DeleteAlternateContact: Account "account" "DeleteAlternateContact", AccountWrite, Writes;
    /// Makes a VPC endpoint. Its token makes it one request.
    CreateVpcEndpoint: EC2 "ec2" "CreateVpcEndpoint", EC2Write, Writes;
    /// Changes what of a VPC endpoint can be changed: what is left out stays.
    ModifyVpcEndpoint: EC2 "ec2" "ModifyVpcEndpoint", EC2Write, Writes;
    /// Deletes VPC endpoints. What it could not do stands in an answer that looks like success.
    DeleteVpcEndpoints: EC2 "ec2" "DeleteVpcEndpoints", EC2Write, Writes;
    /// One page of VPC endpoints.
    DescribeVpcEndpoints: EC2 "ec2" "DescribeVpcEndpoints", EC2Read, Reads;
    /// One page of the catalogue of services that have VPC endpoints.
    DescribeVpcEndpointServices: EC2 "ec2" "DescribeVpcEndpointServices", EC2Read, Reads;
    /// One page of VPCs.
    DescribeVpcs: EC2 "ec2" "DescribeVpcs", EC2Read, Reads;
    /// One attribute of a VPC.
    DescribeVpcAttribute: EC2 "ec2" "DescribeVpcAttribute", EC2Read, Reads;
    /// One page of subnets.
    DescribeSubnets: EC2 "ec2" "DescribeSubnets", EC2Read, Reads;
    /// One page of route tables.
    DescribeRouteTables: EC2 "ec2" "DescribeRouteTables", EC2Read, Reads;
    /// One page of security groups.
    DescribeSecurityGroups: EC2 "ec2" "DescribeSecurityGroups", EC2Read, Reads;
    /// One page of network interfaces.
    DescribeNetworkInterfaces: EC2 "ec2" "DescribeNetworkInterfaces", EC2Read, Reads;
    /// Makes a security group. Its name is unique in the VPC.
    CreateSecurityGroup: EC2 "ec2" "CreateSecurityGroup", EC2Write, Writes;
    /// Adds rules to what a security group lets in.
    AuthorizeSecurityGroupIngress: EC2 "ec2" "AuthorizeSecurityGroupIngress", EC2Write, Writes;
    /// Takes rules from what a security group lets in.
    RevokeSecurityGroupIngress: EC2 "ec2" "RevokeSecurityGroupIngress", EC2Write, Writes;
    /// Says what rules of a security group are for.
    UpdateSecurityGroupRuleDescriptionsIngress: EC2 "ec2" "UpdateSecurityGroupRuleDescriptionsIngress", EC2Write, Writes;
    /// Takes rules from what a security group lets out.
    RevokeSecurityGroupEgress: EC2 "ec2" "RevokeSecurityGroupEgress", EC2Write, Writes;
    /// Deletes a security group that nothing uses.
    DeleteSecurityGroup: EC2 "ec2" "DeleteSecurityGroup", EC2Write, Writes;
    /// Sets tags of a VPC endpoint or security group.
    CreateTags: EC2 "ec2" "CreateTags", EC2Write, Writes;
    /// Takes tags off a VPC endpoint or security group.
    DeleteTags: EC2 "ec2" "DeleteTags", EC2Write, Writes;
    /// Which account and principal the credentials belong to. Needs no permission.
    GetCallerIdentity: STS "sts" "GetCallerIdentity", Identity, Reads;
    /// Credentials of a role. Sent by the credential provider, never by a pass.
    AssumeRole: STS "sts" "AssumeRole", Identity, Reads;
}

impl Operation {
    /// The service it belongs to.
    pub const fn service(self) -> Service {
        self.facts().service
    }

    /// AWS's name for it.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The IAM action that allows it.
    pub const fn iam_action(self) -> &'static str {
        self.facts().iam_action
    }

    /// Further IAM actions that AWS asks for when the request says more than the bare minimum, and which it may name
    /// instead of [`Self::iam_action`].
    pub const fn further_iam_actions(self) -> &'static [&'static str] {
        match self {
            Self::CreateContact => &["ssm-contacts:TagResource", "ssm-contacts:AssociateContact"],
            Self::UpdateContact => &["ssm-contacts:AssociateContact"],
            Self::CreateRotation => &["ssm-contacts:TagResource"],
            Self::CreateReplicationSet => &[
                "ssm-incidents:TagResource",
                "iam:CreateServiceLinkedRole",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
            Self::CreateResponsePlan => &["ssm-incidents:TagResource", "iam:PassRole"],
            Self::UpdateResponsePlan => &["ssm-incidents:TagResource", "iam:PassRole"],
            Self::StartIncident => &["ssm-incidents:TagResource"],
            // Private DNS is a hosted zone that AWS puts into the VPC.
            Self::CreateVpcEndpoint => &["ec2:CreateTags", "route53:AssociateVPCWithHostedZone"],
            Self::ModifyVpcEndpoint => &["route53:AssociateVPCWithHostedZone"],
            Self::CreateSecurityGroup => &["ec2:CreateTags"],
            _ => &[],
        }
    }

    /// The budget it is paid from.
    pub const fn group(self) -> BudgetGroup {
        self.facts().group
    }

    /// Whether it may leave AWS changed.
    pub const fn is_mutating(self) -> bool {
        !matches!(self.facts().effect, Effect::Reads)
    }

    /// Whether a human is written to or called: sent at most once.
    pub const fn reaches_human(self) -> bool {
        matches!(self.facts().effect, Effect::ReachesHuman)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_iam_action_is_the_signing_name_and_the_operations_name() {
        for operation in Operation::ALL {
            let expected = format!(
                "{}:{}",
                operation.service().signing_name(),
                operation.name()
            );
            assert_eq!(operation.iam_action(), expected);
        }
    }

    #[test]
    fn no_two_operations_share_an_iam_action() {
        let actions: BTreeSet<_> = Operation::ALL.iter().map(|o| o.iam_action()).collect();
        assert_eq!(actions.len(), Operation::ALL.len());
    }

    #[test]
    fn names_that_read_are_not_mutating_and_the_others_are() {
        for operation in Operation::ALL {
            let reads = ["Get", "List", "Describe", "BatchGet", "AssumeRole"]
                .iter()
                .any(|verb| operation.name().starts_with(verb));
            assert_eq!(operation.is_mutating(), !reads, "{operation}");
        }
    }

    #[test]
    fn a_group_pays_for_its_own_service_and_either_reads_or_writes() {
        for operation in Operation::ALL {
            let (service, mutating) = match operation.group() {
                BudgetGroup::ContactsRead | BudgetGroup::RotationsRead => {
                    (Service::SSMContacts, false)
                }
                BudgetGroup::EngagementsRead | BudgetGroup::EngagementLists => {
                    (Service::SSMContacts, false)
                }
                BudgetGroup::ContactsWrite | BudgetGroup::EngagementsWrite => {
                    (Service::SSMContacts, true)
                }
                BudgetGroup::IncidentsRead => (Service::SSMIncidents, false),
                BudgetGroup::IncidentsWrite | BudgetGroup::ReplicationSetWrite => {
                    (Service::SSMIncidents, true)
                }
                BudgetGroup::AccountRead => (Service::Account, false),
                BudgetGroup::AccountWrite => (Service::Account, true),
                BudgetGroup::EC2Read => (Service::EC2, false),
                BudgetGroup::EC2Write => (Service::EC2, true),
                BudgetGroup::Identity => (Service::STS, false),
            };
            assert_eq!(operation.service(), service, "{operation}");
            assert_eq!(operation.is_mutating(), mutating, "{operation}");
        }
    }

    #[test]
    fn codes_engagements_and_incidents_reach_a_human() {
        let reaching: Vec<_> = Operation::ALL
            .iter()
            .filter(|o| o.reaches_human())
            .collect();
        assert_eq!(
            reaching,
            [
                &Operation::SendActivationCode,
                &Operation::StartEngagement,
                &Operation::StartIncident
            ]
        );
    }

    #[test]
    fn tagging_a_contact_goes_by_awss_own_name() {
        assert_eq!(Operation::TagContact.name(), "TagResource");
        assert_eq!(
            Operation::UntagContact.iam_action(),
            "ssm-contacts:UntagResource"
        );
        assert_eq!(
            Operation::ListTagsForContact.to_string(),
            "ListTagsForResource"
        );
    }
}
