//! What of AWS's words may be shown. AWS's messages quote values: phone numbers, addresses, codes. So nothing is passed
//! on because it looks harmless, only because it is one of the words known here. No I/O.

/// The members and constraints a message names, or the sentence it is known by.
pub(super) fn detail(_message: &str) -> Option<String> {
    None
}

/// The members a validation names, each with its constraint where that is known.
pub(super) fn fields<'a>(_fields: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    None
}

/// The IAM action a denial names.
pub(super) fn denied_action(_message: &str) -> Option<String> {
    None
}

/// A quota, by the name Service Quotas knows it under.
pub(super) fn quota(_service: &str, _code: &str) -> Option<String> {
    None
}

/// An error code.
pub(super) fn code(code: &str) -> Option<String> {
    let name = code.rsplit('#').next().unwrap_or(code);
    let safe = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'.');
    safe.then(|| name.to_owned())
}

/// A word of AWS's for a type or a relation.
pub(super) fn word(text: &str) -> Option<String> {
    let safe = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b"_- ".contains(&b));
    safe.then(|| text.to_owned())
}

/// The ARN or alias of a resource.
pub(super) fn resource_id(id: &str) -> Option<String> {
    crate::aws::Arn::parse(id).ok().map(String::from)
}

/// A request id.
pub(super) fn request_id(id: &str) -> Option<String> {
    let safe = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    safe.then(|| id.to_owned())
}
