//! Which calls a fault or a hold is meant for.

use serde::Deserialize;

/// Before or after the effect of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Nothing has happened yet.
    #[default]
    Before,
    /// The effect is there, the answer is not.
    After,
}

impl Moment {
    /// As the control endpoint spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A filter on calls; what is absent matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallMatch {
    /// Account of the caller.
    pub account: Option<String>,
    /// Region signed for.
    pub region: Option<String>,
    /// Signing name.
    pub service: Option<String>,
    /// Operation; `*` matches any.
    pub operation: Option<String>,
}

impl CallMatch {
    /// Whether a call is meant.
    pub fn matches(&self, account: &str, region: &str, service: &str, operation: &str) -> bool {
        let meant = |wanted: &Option<String>, value: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted == value || wanted == "*")
        };
        meant(&self.account, account)
            && meant(&self.region, region)
            && meant(&self.service, service)
            && meant(&self.operation, operation)
    }
}
