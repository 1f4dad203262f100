//! Who calls what: the scope of a SigV4 signature. Signatures are parsed, never verified.

use http::HeaderMap;

/// What an `Authorization` header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The access key id.
    pub access_key: String,
    /// The account the key belongs to.
    pub account: String,
    /// The Region signed for.
    pub region: String,
    /// The signing name of the service.
    pub service: String,
}

/// Why a request has no usable scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeError {
    /// No `Authorization` header.
    Missing,
    /// One that is not a SigV4 header.
    Malformed,
}

/// The account of keys that do not name one.
pub const DEFAULT_ACCOUNT: &str = "123456789012";

/// Reads the scope from the headers of a request.
pub fn scope(headers: &HeaderMap) -> Result<Scope, ScopeError> {
    let header = headers
        .get(http::header::AUTHORIZATION)
        .ok_or(ScopeError::Missing)?
        .to_str()
        .map_err(|_| ScopeError::Malformed)?;
    let parameters = header
        .strip_prefix("AWS4-HMAC-SHA256")
        .ok_or(ScopeError::Malformed)?;
    let part = |name: &str| {
        parameters
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name))
            .filter(|value| !value.is_empty())
            .ok_or(ScopeError::Malformed)
    };
    part("Signature=")?;
    part("SignedHeaders=")?;
    let credential: Vec<&str> = part("Credential=")?.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = credential.as_slice() else {
        return Err(ScopeError::Malformed);
    };
    if access_key.is_empty() || date.len() != 8 || region.is_empty() || service.is_empty() {
        return Err(ScopeError::Malformed);
    }
    Ok(Scope {
        access_key: (*access_key).to_owned(),
        account: account_of_key(access_key),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
    })
}

/// The first run of twelve digits in an access key id is its account.
pub fn account_of_key(access_key: &str) -> String {
    let bytes = access_key.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let run = bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if run >= 12 {
            return access_key[start..start + 12].to_owned();
        }
        start += run + 1;
    }
    DEFAULT_ACCOUNT.to_owned()
}

/// The partition a Region belongs to.
pub fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::account_of_key;

    #[test]
    fn the_account_is_in_the_key() {
        assert_eq!(account_of_key("AKIA222222222222XXXX"), "222222222222");
        assert_eq!(account_of_key("AKIAIOSFODNN7EXAMPLE"), "123456789012");
        assert_eq!(account_of_key("A1B333333333333"), "333333333333");
        assert_eq!(account_of_key("ASIA44444444444499"), "444444444444");
    }
}
