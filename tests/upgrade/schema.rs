//! Whether one CRD takes whatever another took. Structural schemas only, as CRDs have them; CEL rules are compared as text.

use std::collections::BTreeSet;

use serde_json::Value;

/// What of `earlier` the CRD `now` would refuse or drop.
pub fn incompatible(earlier: &Value, now: &Value) -> Vec<String> {
    let mut found = vec![];
    let name = earlier["metadata"]["name"].as_str().unwrap_or_default();
    for fixed in ["group", "scope"] {
        if earlier["spec"][fixed] != now["spec"][fixed] {
            found.push(format!("{name}: {fixed} has changed"));
        }
    }
    for field in ["plural", "kind"] {
        if earlier["spec"]["names"][field] != now["spec"]["names"][field] {
            found.push(format!("{name}: names.{field} has changed"));
        }
    }
    let versions = |crd: &Value| {
        crd["spec"]["versions"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    for version in versions(earlier) {
        let called = version["name"].as_str().unwrap_or_default();
        let same = versions(now).into_iter().find(|v| v["name"] == called);
        let Some(same) = same.filter(|v| v["served"] == true) else {
            found.push(format!("{name}: version {called} is not served any more"));
            continue;
        };
        let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
        compare(
            &format!("{name} {called}"),
            &schema(&version),
            &schema(&same),
            &mut found,
        );
    }
    found
}

fn compare(path: &str, earlier: &Value, now: &Value, found: &mut Vec<String>) {
    let mut say = |what: String| found.push(format!("{path}: {what}"));
    if earlier["type"] != now["type"] {
        say(format!("type was {}, is {}", earlier["type"], now["type"]));
    }
    for flag in ["nullable", "x-kubernetes-preserve-unknown-fields"] {
        if earlier[flag] == true && now[flag] != true {
            say(format!("{flag} is no longer set"));
        }
    }
    for key in [
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "format",
        "default",
    ] {
        if earlier[key] != now[key] {
            say(format!("{key} was {}, is {}", earlier[key], now[key]));
        }
    }
    for key in ["minimum", "minLength", "minItems", "minProperties"] {
        if now[key]
            .as_f64()
            .is_some_and(|n| earlier[key].as_f64().is_none_or(|e| n > e))
        {
            say(format!("{key} was {}, is {}", earlier[key], now[key]));
        }
    }
    for key in ["maximum", "maxLength", "maxItems", "maxProperties"] {
        if now[key]
            .as_f64()
            .is_some_and(|n| earlier[key].as_f64().is_none_or(|e| n < e))
        {
            say(format!("{key} was {}, is {}", earlier[key], now[key]));
        }
    }
    // Which of two patterns takes more is not for a program to say.
    if !now["pattern"].is_null() && earlier["pattern"] != now["pattern"] {
        say(format!(
            "pattern was {}, is {}",
            earlier["pattern"], now["pattern"]
        ));
    }
    let values = |schema: &Value| schema["enum"].as_array().cloned();
    if let Some(taken) = values(now) {
        match values(earlier) {
            None => say("takes only some values now".to_owned()),
            Some(before) => {
                for value in before.iter().filter(|value| !taken.contains(value)) {
                    say(format!("{value} is no longer taken"));
                }
            }
        }
    }
    let required = |schema: &Value| -> BTreeSet<String> {
        let names = schema["required"].as_array().into_iter().flatten();
        names
            .filter_map(|n| n.as_str().map(str::to_owned))
            .collect()
    };
    for name in required(now).difference(&required(earlier)) {
        // Of a field that is new with its default nobody has to know.
        say(format!("{name} is required now"));
    }
    let rules = |schema: &Value| -> BTreeSet<String> {
        let rules = schema["x-kubernetes-validations"].as_array();
        let rules = rules.into_iter().flatten();
        rules
            .filter_map(|r| r["rule"].as_str().map(str::to_owned))
            .collect()
    };
    for rule in rules(now).difference(&rules(earlier)) {
        say(format!("a rule is new or has changed: {rule}"));
    }
    let properties = earlier["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        let path = format!("{path}.{name}");
        match now["properties"].get(name) {
            Some(same) => compare(&path, property, same, found),
            None if now["x-kubernetes-preserve-unknown-fields"] == true => {}
            None => found.push(format!(
                "{path}: is gone, and what was written in it is dropped"
            )),
        }
    }
    for inner in ["items", "additionalProperties"] {
        match (&earlier[inner], &now[inner]) {
            (before @ Value::Object(_), after @ Value::Object(_)) => {
                compare(&format!("{path}[]"), before, after, found);
            }
            (before, after) if before != after => {
                found.push(format!("{path}: {inner} has changed"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(spec: &Value) -> Value {
        json!({"metadata": {"name": "things"}, "spec": {
            "group": "g", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}}],
        }})
    }

    #[test]
    fn whatever_takes_less_is_found() {
        let earlier = json!({
            "type": "object", "required": ["a"],
            "properties": {
                "a": {"type": "string", "maxLength": 10, "enum": ["x", "y"]},
                "b": {"type": "array", "items": {"type": "integer", "minimum": 1}},
                "c": {"type": "string"},
            },
        });
        assert_eq!(
            incompatible(&crd(&earlier), &crd(&earlier)),
            Vec::<String>::new()
        );
        let wider = json!({
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": 20, "enum": ["x", "y", "z"]},
                "b": {"type": "array", "items": {"type": "integer"}},
                "c": {"type": "string"}, "d": {"type": "string", "maxLength": 1},
            },
        });
        assert_eq!(
            incompatible(&crd(&earlier), &crd(&wider)),
            Vec::<String>::new()
        );
        let narrower: [(&str, Value); 9] = [
            ("/properties/a/maxLength", json!(9)),
            ("/properties/a/enum", json!(["x"])),
            ("/properties/a/type", json!("integer")),
            ("/properties/b/items/minimum", json!(2)),
            ("/properties/b/items", json!(null)),
            ("/properties/c", json!({"type": "string", "pattern": "^c"})),
            ("/properties/c", json!({"type": "string", "minLength": 1})),
            ("/required", json!(["a", "c"])),
            ("/properties", json!({})),
        ];
        for (place, value) in narrower {
            let mut now = earlier.clone();
            *now.pointer_mut(place).unwrap() = value;
            assert!(
                !incompatible(&crd(&earlier), &crd(&now)).is_empty(),
                "{place}"
            );
        }
    }
}
