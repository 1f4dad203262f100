//! S3 buckets that belong to AWS and that managed nodes read: what AWS's page "Amazon S3 buckets for patching operations" and the one on the
//! minimum permissions of SSM Agent list. Each by its full name: a pattern would let in buckets that anybody may make.

/// Regions whose patching buckets AWS has published: Region, suffix of the buckets of Patch Manager, suffix of the one of baseline snapshots.
const PUBLISHED: &[(&str, &str, &str)] = &[
    ("af-south-1", "-bdd5f65a9", "-tbxdb5b9"),
    ("ap-east-1", "-632356271", ""),
    ("ap-northeast-1", "-4849fa78f", ""),
    ("ap-northeast-2", "-10467995c", ""),
    ("ap-northeast-3", "-67373598a", ""),
    ("ap-south-1", "-cb7c62ff9", ""),
    ("ap-south-2", "-32f4b4128", "-50209442"),
    ("ap-southeast-1", "-7fdfd9ef7", ""),
    ("ap-southeast-2", "-17283a275", ""),
    ("ap-southeast-3", "-aa48fc462", "-be0a3174"),
    ("ap-southeast-4", "-01e2c40d3", "-dc6f76ce"),
    ("ca-central-1", "-3148e69e3", ""),
    ("ca-west-1", "-9e3a4b2f9", ""),
    ("eu-central-1", "-9163fdaaf", ""),
    ("eu-central-2", "-184ce43c8", ""),
    ("eu-north-1", "-795879e9b", ""),
    ("eu-south-1", "-c52f3f594", ""),
    ("eu-south-2", "-a4cf248b1", "-df2c9d70"),
    ("eu-west-1", "-5522fb710", ""),
    ("eu-west-2", "-902a2bc74", ""),
    ("eu-west-3", "-29bf85721", ""),
    ("il-central-1", "-e221cb57b", ""),
    ("me-central-1", "-2932f2f80", ""),
    ("me-south-1", "-a53fc9dce", "-uduvl7q8"),
    ("sa-east-1", "-ddf4b6a09", ""),
    ("us-east-1", "-1970c647d", ""),
    ("us-east-2", "-552881074", ""),
    ("us-west-1", "-8badb4304", ""),
    ("us-west-2", "-34d7f99f8", ""),
];

/// The one Region whose documents' modules are in Patch Manager's bucket instead of `aws-ssm-<region>`.
const WITHOUT_MODULES: &str = "me-south-1";

/// Without these, patching fails (CHK-65): baseline snapshots and the modules of the documents. `None` = AWS has not published this Region's.
pub fn patching(region: &str) -> Option<Vec<String>> {
    let (manager, snapshots) = suffixes(region)?;
    let modules = if region == WITHOUT_MODULES {
        format!("aws-patch-manager-{region}{manager}")
    } else {
        format!("aws-ssm-{region}")
    };
    Some(vec![
        format!("patch-baseline-snapshot-{region}{snapshots}"),
        modules,
    ])
}

/// All that SSM Agent, Distributor and Patch Manager read.
pub fn systems_manager(region: &str) -> Option<Vec<String>> {
    let (manager, _) = suffixes(region)?;
    let mut buckets = patching(region)?;
    buckets.extend(
        [
            "amazon-ssm-",
            "amazon-ssm-packages-",
            "aws-ssm-distributor-file-",
            "aws-ssm-document-attachments-",
            "aws-windows-downloads-",
        ]
        .map(|prefix| format!("{prefix}{region}")),
    );
    buckets.push(format!("{region}-birdwatcher-prod"));
    if !manager.is_empty() {
        buckets.push(format!("aws-patch-manager-{region}{manager}"));
        buckets.push(format!("aws-patchmanager-macos-{region}{manager}"));
    }
    buckets.sort();
    buckets.dedup();
    Some(buckets)
}

/// Package repositories of Amazon Linux 2 and 2023.
pub fn amazon_linux(region: &str) -> Vec<String> {
    vec![
        format!("al2023-repos-{region}-de612dc2"),
        format!("amazonlinux-2-repos-{region}"),
        format!("amazonlinux.{region}.amazonaws.com"),
    ]
}

fn suffixes(region: &str) -> Option<(&'static str, &'static str)> {
    // In China and GovCloud, Patch Manager has no buckets of its own.
    if region.starts_with("cn-") || region.starts_with("us-gov-") {
        return Some(("", ""));
    }
    let published = PUBLISHED.iter().find(|(name, ..)| *name == region);
    published.map(|(_, manager, snapshots)| (*manager, *snapshots))
}
