//! Pages of a list. A token is bound to its list, Region, account and filters, and says where to go on.

use crate::error::AwsError;
use crate::services::Call;

use super::errors;

const DEFAULT_SIZE: usize = 100;

/// Where a page starts and how long it is.
pub(super) struct Page {
    binding: String,
    /// The key after which it starts.
    pub(super) after: Option<String>,
    size: usize,
}

/// Reads `MaxResults` and `NextToken`; `filters` is what the token is bound to besides the call.
pub(super) fn page(call: &Call<'_>, filters: &str) -> Result<Page, AwsError> {
    let size = call
        .input
        .get("MaxResults")
        .and_then(serde_json::Value::as_u64)
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .unwrap_or(DEFAULT_SIZE);
    let binding = format!(
        "{}|{}|{}|{filters}",
        call.operation.name, call.scope.account, call.scope.region
    );
    let after = call
        .text("NextToken")
        .map(|token| {
            crate::paging::open(&binding, token)
                .ok_or_else(|| errors::invalid("NextToken is not valid for this request"))
        })
        .transpose()?;
    Ok(Page {
        binding,
        after,
        size,
    })
}

impl Page {
    /// Whether so many items are a page, and one to show that there is another.
    pub(super) fn is_full(&self, items: usize) -> bool {
        items > self.size
    }

    /// Cuts the page out of the items that follow; with the token of the next one.
    pub(super) fn cut<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let mut found: Vec<T> = items.take(self.size + 1).collect();
        if found.len() <= self.size {
            return (found, None);
        }
        found.truncate(self.size);
        let token = found
            .last()
            .map(|last| crate::paging::seal(&self.binding, &key(last)));
        (found, token)
    }
}
