//! Resource policies of response plans: kept and given back as sent.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::data::{ResourcePolicy, ResponsePlan};
use super::pages::{Order, page};
use super::response_plan::find;
use super::{LARGEST_PAGE, errors};

fn plan<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<&'a mut ResponsePlan, AwsError> {
    let arn = call.required("resourceArn");
    let name = find(account, call, arn)?;
    let plan = account.incident_manager.plans.get_mut(&name);
    plan.ok_or_else(|| errors::not_found(arn))
}

pub(super) fn put(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let document = call.required("policy").to_owned();
    let region = call.scope.region.clone();
    let plan = plan(account, call)?;
    let sound = serde_json::from_str::<Value>(&document).is_ok_and(|policy| {
        policy
            .get("Statement")
            .is_some_and(|found| found.is_array() || found.is_object())
    });
    if !sound {
        return Err(errors::invalid("The policy is not a valid policy document"));
    }
    let known = plan
        .policies
        .iter()
        .find(|known| known.document == document);
    let id = match known {
        Some(known) => known.id.clone(),
        None => Uuid::new_v4().simple().to_string(),
    };
    plan.policies.retain(|known| known.id != id);
    plan.policies.push(ResourcePolicy {
        id: id.clone(),
        document,
        region,
    });
    Ok(json!({"policyId": id}))
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let plan = plan(account, call)?;
    let shown = plan
        .policies
        .iter()
        .map(|policy| {
            let shown = json!({
                "policyDocument": policy.document,
                "policyId": policy.id,
                "ramResourceShareRegion": policy.region,
            });
            (policy.id.clone(), shown)
        })
        .collect();
    let of = call.required("resourceArn");
    let order = Order::Ascending;
    page(call, "resourcePolicies", shown, order, LARGEST_PAGE, of)
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = call.required("policyId");
    let plan = plan(account, call)?;
    let before = plan.policies.len();
    plan.policies.retain(|policy| policy.id != id);
    if plan.policies.len() == before {
        return Err(errors::part_not_found("RESOURCE_POLICY", id));
    }
    Ok(json!({}))
}
