//! Resource policies of contacts: kept and given back as sent.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::arn::find_contact;
use super::{errors, nothing};

pub(super) fn put(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = find_contact(account, call, call.required("ContactArn"))?;
    let text = call.required("Policy");
    let sound = serde_json::from_str::<Value>(text).is_ok_and(|policy| {
        policy
            .get("Statement")
            .is_some_and(|found| found.is_array() || found.is_object())
    });
    if !sound {
        return Err(errors::invalid("Policy is not a valid policy document"));
    }
    if let Some(contact) = account.region(&call.scope.region).contacts.get_mut(&alias) {
        contact.policy = Some(text.to_owned());
    }
    Ok(nothing())
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("ContactArn");
    let alias = find_contact(account, call, arn)?;
    let mut output = json!({"ContactArn": arn});
    if let Some(policy) = &account.region(&call.scope.region).contacts[&alias].policy {
        output["Policy"] = policy.clone().into();
    }
    Ok(output)
}
