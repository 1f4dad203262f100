//! What AWS holds, as lines that a model can be written in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// Everything an account holds that a scenario can change. Read from the simulator's own memory, so that looking disturbs no hold and no fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    lines: BTreeSet<String>,
    /// What stands twice or belongs to nothing: never right.
    faults: Vec<String>,
}

impl Held {
    /// A model: `contact alias: Display Name` with indented `channel`, `stage` and `tag` lines under it, `rotation name: members` with
    /// `override` and `tag` lines, `set main: Regions` with `tag` lines or `set none:`,
    /// `response-plan name: title, impact N` with a line for each thing that it has. Order means nothing but for stages.
    /// `endpoint service: type` has a line for each place, group, policy and tag, `security-group name:` for each rule and tag.
    /// `alternate-contact TYPE: name, title, mail address, phone number` stands alone.
    /// `record plan: title, state` has `related` and `tag` lines, `engagement alias: who was paged` stands alone.
    pub fn parse(text: &str) -> Self {
        let mut lines = BTreeSet::new();
        let mut under = String::new();
        let mut stages = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let line_text = line.trim();
            let begins = [
                "contact ",
                "rotation ",
                "set ",
                "response-plan ",
                "record ",
                "engagement ",
                "endpoint ",
                "security-group ",
                "alternate-contact ",
            ];
            if begins.iter().any(|begin| line_text.starts_with(begin)) {
                line_text
                    .split([' ', ':'])
                    .nth(1)
                    .unwrap_or_default()
                    .clone_into(&mut under);
                stages = 0;
                lines.insert(line_text.to_owned());
            } else if let Some(stage) = line_text.strip_prefix("stage ") {
                stages += 1;
                lines.insert(format!("{under}: stage {stages} {stage}"));
            } else {
                lines.insert(format!("{under}: {line_text}"));
            }
        }
        Self {
            lines,
            faults: vec![],
        }
    }

    /// What the simulator says an account holds.
    pub fn read(account: &Value) -> Self {
        let mut held = Self::default();
        for region in account["contacts"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::values)
        {
            held.read_region(region);
        }
        held.read_set(&account["replicationSet"]);
        let records = account["incidentManager"]["records"].as_object();
        for record in records.into_iter().flat_map(serde_json::Map::values) {
            held.read_record(record);
        }
        let plans = account["incidentManager"]["plans"].as_object();
        for plan in plans.into_iter().flat_map(serde_json::Map::values) {
            held.read_response_plan(plan);
        }
        let contacts = account["alternateContacts"].as_object();
        for (type_, slot) in contacts.into_iter().flatten() {
            let contact = &slot["current"];
            if !contact.is_null() {
                let fields = ["name", "title", "emailAddress", "phoneNumber"];
                let values = fields.map(|field| text(contact, &[field]));
                held.add(&format!("alternate-contact {type_}: {}", values.join(", ")));
            }
        }
        let networks = account["networks"].as_object();
        for network in networks.into_iter().flat_map(serde_json::Map::values) {
            held.read_network(network);
        }
        held
    }

    /// Endpoints that are not on their way out, and groups that were made; the rest of a network is no business of anybody here.
    fn read_network(&mut self, network: &Value) {
        let empty = serde_json::Map::new();
        let all = |what: &str| network[what].as_object().unwrap_or(&empty);
        let ids = |list: &Value| -> Vec<String> {
            let ids = list.as_array().into_iter().flatten();
            ids.filter_map(|id| id.as_str().map(str::to_owned))
                .collect()
        };
        let called = |id: &str| text(&network["tags"][id], &["Name"]);
        for (id, endpoint) in all("endpoints") {
            if ["deleting", "deleted"].contains(&text(endpoint, &["state"]).as_str()) {
                continue;
            }
            let service = text(endpoint, &["service"]);
            let name = service.rsplit('.').next().unwrap_or_default().to_owned();
            let mut head = format!("endpoint {name}: {}", text(endpoint, &["kind"]));
            if endpoint["privateDns"] == true {
                head.push_str(", private DNS");
            }
            self.add(&head);
            let subnets = ids(&endpoint["subnets"]);
            let zones = subnets
                .iter()
                .map(|s| text(&network["subnets"][s], &["zone"]));
            let tables = ids(&endpoint["routeTables"]);
            for place in zones.chain(tables.iter().map(|t| called(t))) {
                self.add(&format!("{name}: in {place}"));
            }
            for group in ids(&endpoint["groups"]) {
                let group = text(&network["groups"][group], &["name"]);
                self.add(&format!("{name}: group {group}"));
            }
            let policy: Value =
                serde_json::from_str(&text(endpoint, &["policy"])).unwrap_or_default();
            if policy["Statement"][0]["Action"] != "*" {
                self.add(&format!("{name}: allows something"));
            }
            self.add_tags(&name, &network["tags"][id]);
        }
        for (id, group) in all("groups") {
            let name = text(group, &["name"]);
            if name == "default" {
                continue;
            }
            self.add(&format!("security-group {name}:"));
            for rule in group["rules"].as_array().into_iter().flatten() {
                let way = if rule["egress"] == true { "out" } else { "in" };
                let peer = rule["peer"].as_object().into_iter().flatten();
                let peer: Vec<&str> = peer.filter_map(|(_, peer)| peer.as_str()).collect();
                self.add(&format!(
                    "{name}: lets {way} {} {} {}",
                    peer.join(" "),
                    text(rule, &["protocol"]),
                    rule["from"]
                ));
            }
            self.add_tags(&name, &network["tags"][id]);
        }
    }

    fn add_tags(&mut self, name: &str, tags: &Value) {
        for (key, value) in tags.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            self.add(&format!("{name}: tag {key} = {value}"));
        }
    }

    fn read_response_plan(&mut self, plan: &Value) {
        let name = text(plan, &["name"]);
        let template = &plan["template"];
        let mut lines = vec![];
        for (word, value) in [
            ("display name", &plan["displayName"]),
            ("summary", &template["summary"]),
            ("dedupe", &template["dedupeString"]),
        ] {
            if let Some(value) = value.as_str().filter(|v| !v.is_empty()) {
                lines.push(format!("{word} {value}"));
            }
        }
        for (word, arns) in [
            ("tells", &template["notificationTargets"]),
            ("engages", &plan["engagements"]),
            ("chat", &plan["chat"]),
        ] {
            for arn in arns.as_array().into_iter().flatten() {
                let short = arn.as_str().and_then(|a| a.rsplit([':', '/']).next());
                lines.push(format!("{word} {}", short.unwrap_or_default()));
            }
        }
        for (word, tags) in [
            ("tag", &plan["tags"]),
            ("incident tag", &template["incidentTags"]),
        ] {
            for (key, value) in tags.as_object().into_iter().flatten() {
                lines.push(format!(
                    "{word} {key} = {}",
                    value.as_str().unwrap_or_default()
                ));
            }
        }
        for action in plan["actions"].as_array().into_iter().flatten() {
            let runbook = &action["ssmAutomation"];
            let role = text(runbook, &["roleArn"]);
            let role = role.rsplit('/').next().unwrap_or_default();
            lines.push(format!(
                "runbook {} as {role}",
                text(runbook, &["documentName"])
            ));
            for (key, values) in runbook["parameters"].as_object().into_iter().flatten() {
                let values = values.as_array().into_iter().flatten();
                let values: Vec<&str> = values.filter_map(Value::as_str).collect();
                lines.push(format!("parameter {key} = {}", values.join(", ")));
            }
            for (key, value) in runbook["dynamicParameters"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let variable = text(value, &["variable"]);
                lines.push(format!("dynamic parameter {key} = {variable}"));
            }
        }
        for integration in plan["integrations"].as_array().into_iter().flatten() {
            let service = &integration["pagerDutyConfiguration"];
            let id = text(&service["pagerDutyIncidentConfiguration"], &["serviceId"]);
            let (name, secret) = (text(service, &["name"]), text(service, &["secretId"]));
            lines.push(format!("PagerDuty {name} {id} {secret}"));
        }
        let (title, impact) = (text(template, &["title"]), &template["impact"]);
        self.add(&format!("response-plan {name}: {title}, impact {impact}"));
        for line in lines {
            self.add(&format!("{name}: {line}"));
        }
    }

    /// The replication set, unless it is as every case has it at first: of one Region, without protection and tags.
    fn read_set(&mut self, set: &Value) {
        if set.is_null() {
            self.add("set none:");
            return;
        }
        let empty = serde_json::Map::new();
        let regions = set["regions"].as_object().unwrap_or(&empty);
        let tags = set["tags"].as_object().unwrap_or(&empty);
        let protected = set["protected"] == true;
        if regions.len() == 1 && !protected && tags.is_empty() {
            return;
        }
        let names: Vec<&str> = regions.keys().map(String::as_str).collect();
        let protection = if protected { ", protected" } else { "" };
        self.add(&format!("set main: {}{protection}", names.join(", ")));
        for (key, value) in tags {
            let value = value.as_str().unwrap_or_default();
            self.add(&format!("main: tag {key} = {value}"));
        }
    }

    fn add(&mut self, line: &str) {
        if !self.lines.insert(line.to_owned()) {
            self.faults.push(format!("twice: {line}"));
        }
    }

    fn read_region(&mut self, region: &Value) {
        let empty = serde_json::Map::new();
        let channels = region["channels"].as_object().unwrap_or(&empty);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (id, channel) in channels {
            let alias = text(channel, &["alias"]);
            names.insert(id.clone(), text(channel, &["name"]));
            if region["contacts"][&alias].is_null() {
                self.faults.push(format!(
                    "a channel of {alias}, which does not exist, is left"
                ));
            }
        }
        let engagements = region["engagements"].as_object().unwrap_or(&empty);
        for engagement in engagements.values() {
            self.read_engagement(engagement);
        }
        for rotation in region["rotations"].as_object().unwrap_or(&empty).values() {
            self.read_rotation(rotation);
        }
        for (alias, contact) in region["contacts"].as_object().unwrap_or(&empty) {
            let display = text(contact, &["displayName", "display_name"]);
            self.add(format!("contact {alias}: {display}").trim_end());
            for id in contact["channels"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                let channel = &channels[id];
                let activated = if channel["activated"] == true {
                    ", activated"
                } else {
                    ""
                };
                self.add(&format!(
                    "{alias}: channel {}: {} {}{activated}",
                    text(channel, &["name"]),
                    text(channel, &["kind"]),
                    text(channel, &["address"])
                ));
            }
            for (number, stage) in contact["plan"]["Stages"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let mut targets: Vec<String> = stage["Targets"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|target| {
                        let engaged = &target["ContactTargetInfo"];
                        if let Some(arn) = engaged["ContactId"].as_str() {
                            let alias = arn.rsplit('/').next().unwrap_or_default();
                            let stops = engaged["IsEssential"] == true;
                            return format!("{alias}{}", if stops { " stops" } else { "" });
                        }
                        let info = &target["ChannelTargetInfo"];
                        let arn = info["ContactChannelId"].as_str().unwrap_or_default();
                        let id = arn.rsplit('/').next().unwrap_or_default();
                        let name = names.get(id).cloned().unwrap_or("<gone>".to_owned());
                        match info["RetryIntervalInMinutes"].as_i64().unwrap_or(0) {
                            0 => name,
                            minutes => format!("{name} every {minutes} min"),
                        }
                    })
                    .collect();
                targets.sort();
                self.add(&format!(
                    "{alias}: stage {} {} min: {}",
                    number + 1,
                    stage["DurationInMinutes"],
                    targets.join(", ")
                ));
            }
            for tag in contact["tags"].as_array().into_iter().flatten() {
                self.add(&format!(
                    "{alias}: tag {} = {}",
                    tag[0].as_str().unwrap_or_default(),
                    tag[1].as_str().unwrap_or_default()
                ));
            }
        }
    }

    fn read_record(&mut self, record: &Value) {
        let plan = text(record, &["plan"]);
        let state = if record["resolved"].is_null() {
            "open"
        } else {
            "resolved"
        };
        self.add(&format!(
            "record {plan}: {}, {state}",
            text(record, &["title"])
        ));
        for item in record["related"].as_array().into_iter().flatten() {
            if let Some(title) = item["title"].as_str()
                && !item.to_string().contains("PARENT")
            {
                self.add(&format!("{plan}: related {title}"));
            }
        }
        for (key, value) in record["tags"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            self.add(&format!("{plan}: tagged {key} = {value}"));
        }
    }

    fn read_engagement(&mut self, engagement: &Value) {
        let alias = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let sent = engagement["pages"].as_array().into_iter().flatten();
        let mut paged: Vec<String> = sent.map(|p| alias(&text(p, &["contactArn"]))).collect();
        paged.sort();
        let of = text(&engagement["start"], &["contactArn", "contact_arn"]);
        self.add(&format!("engagement {}: {}", alias(&of), paged.join(", ")));
    }

    fn read_rotation(&mut self, rotation: &Value) {
        let name = text(rotation, &["name"]);
        let people = |of: &Value| {
            let arns = of["contactIds"].as_array().into_iter().flatten();
            let aliases = arns.filter_map(|arn| arn.as_str()?.rsplit('/').next());
            aliases.collect::<Vec<_>>().join(", ")
        };
        self.add(&format!("rotation {name}: {}", people(rotation)));
        let none = serde_json::Map::new();
        for one in rotation["overrides"].as_object().unwrap_or(&none).values() {
            let at = |field: &str| {
                let time = one[field].as_i64().unwrap_or_default();
                jiff::Timestamp::from_millisecond(time).unwrap_or_default()
            };
            let (start, end) = (at("start"), at("end"));
            self.add(&format!(
                "{name}: override {start} to {end}: {}",
                people(one)
            ));
        }
        for tag in rotation["tags"].as_array().into_iter().flatten() {
            self.add(&format!(
                "{name}: tag {} = {}",
                tag[0].as_str().unwrap_or_default(),
                tag[1].as_str().unwrap_or_default()
            ));
        }
    }

    /// How many channels of a contact are activated.
    pub fn activated(&self, alias: &str) -> usize {
        let channel = format!("{alias}: channel ");
        self.lines
            .iter()
            .filter(|line| line.starts_with(&channel) && line.ends_with(", activated"))
            .count()
    }

    /// What differs from a model.
    pub fn difference(&self, model: &Self) -> Result<(), String> {
        let mut text = self.faults.clone();
        text.extend(
            model
                .lines
                .difference(&self.lines)
                .map(|line| format!("AWS lacks: {line}")),
        );
        text.extend(
            self.lines
                .difference(&model.lines)
                .map(|line| format!("AWS has: {line}")),
        );
        if text.is_empty() {
            Ok(())
        } else {
            Err(text.join("\n"))
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(formatter, "{line}")?;
        }
        Ok(())
    }
}

fn text(value: &Value, names: &[&str]) -> String {
    names
        .iter()
        .find_map(|name| value[*name].as_str())
        .unwrap_or_default()
        .to_owned()
}
