//! The rules of AlternateContact.

use serde_json::{Value, json};

use super::{Rule, long};

const KIND: &str = "AlternateContact";

/// The least spec that the API server takes.
pub fn least() -> Value {
    json!({
        "type": "Security", "name": "Security team", "title": "On call",
        "email": "security@example.com", "phone": "+1 (500) 555-0140",
    })
}

fn from(key: &str) -> Value {
    json!({"secretKeyRef": {"name": "security", "key": key}})
}

/// Exactly one of a value and the Secret that holds it.
fn one_of(field: &str, source: &str, message: &'static str) -> Rule {
    Rule::new(KIND, "spec", message)
        .accepts("the value", &json!({}))
        .accepts("a Secret", &json!({field: null, source: from(field)}))
        .refuses("neither", &json!({field: null}))
        .refuses("both", &json!({source: from(field)}))
}

/// Every rule.
pub fn rules() -> Vec<Rule> {
    let text = |field: &str, value: &str| json!({field: value});
    let account = |id: &str| json!({"accountId": id});
    let email = |address: &str| text("email", address);
    let phone = |number: &str| text("phone", number);
    vec![
        Rule::new(
            KIND,
            "spec",
            "type cannot be changed: make another AlternateContact",
        )
        .accepts_change("no change", &json!({}), &json!({"title": "Other"}))
        .refuses_change("another", &json!({}), &json!({"type": "Billing"})),
        Rule::new(
            KIND,
            "spec",
            "accountId cannot be changed: make another AlternateContact",
        )
        .accepts_change(
            "no change",
            &account("123456789012"),
            &json!({"accountId": "123456789012", "title": "Other"}),
        )
        .refuses_change("another", &account("123456789012"), &account("210987654321"))
        .refuses_change("set later", &json!({}), &account("123456789012"))
        .refuses_change("taken out", &account("123456789012"), &json!({})),
        Rule::new(KIND, "spec", "accountId has 12 digits; write it in quotes")
            .accepts("12 digits", &account("012345678901"))
            .refuses("11 digits", &account("12345678901"))
            .refuses("a name", &account("production-1")),
        one_of("name", "nameFrom", "give either name or nameFrom"),
        one_of("email", "emailFrom", "give either email or emailFrom"),
        one_of("phone", "phoneFrom", "give either phone or phoneFrom"),
        Rule::new(
            KIND,
            "spec",
            "name has 1 to 64 characters that are not all blank",
        )
        .accepts("64 characters", &text("name", &long("ü", 64)))
        .server_only()
        .accepts("one character", &text("name", "S"))
        .refuses("65 characters", &text("name", &long("a", 65)))
        .refuses("empty", &text("name", ""))
        .refuses("blanks", &text("name", "  ")),
        Rule::new(
            KIND,
            "spec",
            "title has 1 to 50 characters that are not all blank",
        )
        .accepts("50 characters", &text("title", &long("ü", 50)))
        .server_only()
        .refuses("51 characters", &text("title", &long("a", 51)))
        .refuses("empty", &text("title", ""))
        .refuses("blanks", &text("title", " \t")),
        Rule::new(
            KIND,
            "spec",
            "email is a mail address of at most 254 characters: before the @ letters, digits and the characters _ + = . # | ! & -, after it a domain with a dot, no blanks",
        )
        .accepts("what AWS takes before the @", &email("a_B+c=d.e#f|g!h&i-9@mail.example.com"))
        .accepts("254 characters", &email(&format!("security@{}.com", long("a", 241))))
        .refuses("255 characters", &email(&format!("security@{}.com", long("a", 242))))
        .refuses("no @", &email("security.example.com"))
        .refuses("two of them", &email("security@example@example.com"))
        .refuses("no dot behind it", &email("security@example"))
        .refuses("a quote", &email("o'hara@example.com"))
        .refuses("a blank", &email("security team@example.com"))
        .refuses("a name before it", &email("Team <security@example.com>"))
        .refuses("an umlaut", &email("sicherhät@example.com"))
        .refuses("empty", &email("")),
        Rule::new(
            KIND,
            "spec",
            "phone has at most 25 digits, spaces and the characters ( ) + -, a digit among them",
        )
        .accepts("every character", &phone("+49 (500) 555-0199"))
        .accepts("25 characters", &phone(&long("5", 25)))
        .refuses("26 characters", &phone(&long("5", 26)))
        .refuses("letters", &phone("1-500-CALL-AWS"))
        .refuses("a slash", &phone("0500/5550199"))
        .refuses("no digit", &phone("+ ( ) -"))
        .refuses("empty", &phone("")),
        Rule::new(KIND, "spec", "reviewIntervalDays is 1 to 3650")
            .accepts("a quarter", &json!({"reviewIntervalDays": 90}))
            .refuses("zero", &json!({"reviewIntervalDays": 0}))
            .refuses("more than ten years", &json!({"reviewIntervalDays": 3651})),
        Rule::new(
            KIND,
            "spec",
            "reviewedOn is a day of the calendar, YYYY-MM-DD",
        )
        .accepts("a day", &json!({"reviewedOn": "2026-11-22"}))
        .refuses("no day", &json!({"reviewedOn": "2026-02-30"}))
        .refuses("a moment", &json!({"reviewedOn": "2026-11-22T10:00:00Z"})),
    ]
}
