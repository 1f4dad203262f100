//! The rules of ReplicationSet.

use serde_json::{Value, json};

use super::Rule;

const KIND: &str = "ReplicationSet";
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// The least spec that the API server takes.
pub fn least() -> Value {
    json!({"regions": [{"name": "eu-central-1"}]})
}

fn regions(names: &[&str]) -> Value {
    let regions: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"regions": regions})
}

fn keyed(key: &str) -> Value {
    json!({"regions": [{"name": "eu-central-1", "sseKmsKeyId": key}]})
}

fn arn(region: &str, key: &str) -> String {
    format!("arn:aws:kms:{region}:123456789012:{key}")
}

/// Every rule.
pub fn rules() -> Vec<Rule> {
    let alias = "sseKmsKeyId is an alias, which AWS does not take: give the key's ARN or id";
    let shape =
        "sseKmsKeyId is the ARN or the id of a KMS key; leave it out for a key that AWS owns";
    let elsewhere = "sseKmsKeyId is a key of another Region: data is encrypted with a key of the Region that it is in";
    vec![
        Rule::new(KIND, "spec", "a replication set has 1 to 3 Regions (CHK-02)")
            .accepts("one", &regions(&["eu-central-1"]))
            .accepts("three", &regions(&["eu-central-1", "us-west-2", "ap-northeast-1"]))
            .refuses("none", &regions(&[]))
            .refuses(
                "four",
                &regions(&["eu-central-1", "us-west-2", "ap-northeast-1", "us-east-1"]),
            ),
        Rule::new(
            KIND,
            "spec",
            "either every Region has an sseKmsKeyId or none has: AWS does not mix its own keys with yours",
        )
        .accepts("none has", &regions(&["eu-central-1", "us-west-2"]))
        .accepts(
            "every one has",
            &json!({"regions": [{"name": "eu-central-1", "sseKmsKeyId": ID}, {"name": "us-west-2", "sseKmsKeyId": ID}]}),
        )
        .refuses(
            "one has",
            &json!({"regions": [{"name": "eu-central-1", "sseKmsKeyId": ID}, {"name": "us-west-2"}]}),
        ),
        Rule::new(KIND, "spec.regions[]", "name is an AWS Region such as eu-central-1")
            .accepts("a Region", &regions(&["ap-southeast-2"]))
            .accepts("one of the government's", &regions(&["us-gov-west-1"]))
            .refuses("a zone", &regions(&["eu-central-1a"]))
            .refuses("upper case", &regions(&["EU-CENTRAL-1"]))
            .refuses("a place", &regions(&["Frankfurt"]))
            .refuses("nothing", &regions(&[""]))
            .refuses("longer than AWS takes", &regions(&["eu-central-central-central-1"])),
        Rule::new(KIND, "spec.regions[]", alias)
            .accepts("an id", &keyed(ID))
            .refuses("an alias by its name", &keyed("alias/incidents"))
            .refuses("an alias by its ARN", &keyed(&arn("eu-central-1", "alias/incidents"))),
        Rule::new(KIND, "spec.regions[]", shape)
            .accepts("an id", &keyed(ID))
            .accepts("an ARN", &keyed(&arn("eu-central-1", &format!("key/{ID}"))))
            .accepts("one of a key in many Regions", &keyed("mrk-1234abcd12ab34cd56ef1234567890ab"))
            .refuses("AWS's word for its own", &keyed("DefaultKey"))
            .refuses("nothing", &keyed(""))
            .refuses("an ARN of something else", &keyed("arn:aws:iam::123456789012:role/key"))
            .refuses("half an ARN", &keyed(&format!("key/{ID}"))),
        Rule::new(KIND, "spec.regions[]", elsewhere)
            .accepts("of this Region", &keyed(&arn("eu-central-1", &format!("key/{ID}"))))
            .refuses("of another", &keyed(&arn("us-west-2", &format!("key/{ID}")))),
    ]
}
