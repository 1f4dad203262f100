use super::*;

/// Every code the table knows, as the answer to anything but an activation.
const TABLE: &[(ErrorClass, &[&str])] = &[
    (ErrorClass::NotFound, &["ResourceNotFoundException"]),
    (ErrorClass::Conflict, &["ConflictException"]),
    (
        ErrorClass::Invalid,
        &[
            "ValidationException",
            "ValidationError",
            "SerializationException",
            "UnsupportedOperationException",
        ],
    ),
    (
        ErrorClass::AccessDenied,
        &[
            "AccessDeniedException",
            "AccessDenied",
            "UnrecognizedClientException",
            "ExpiredTokenException",
            "ExpiredToken",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "RegionDisabledException",
        ],
    ),
    (
        ErrorClass::QuotaExceeded,
        &["ServiceQuotaExceededException"],
    ),
    (
        ErrorClass::Throttled,
        &[
            "ThrottlingException",
            "Throttling",
            "TooManyRequestsException",
            "RequestLimitExceeded",
        ],
    ),
    (ErrorClass::DataEncryption, &["DataEncryptionException"]),
    (
        ErrorClass::Transient,
        &[
            "InternalServerException",
            "InternalFailure",
            "ServiceUnavailable",
            "RequestExpired",
            "NeverHeardOf",
        ],
    ),
];

#[test]
fn a_code_means_the_same_for_every_operation_but_one() {
    for operation in Operation::ALL {
        for (class, codes) in TABLE {
            for code in *codes {
                let wrong_code = *operation == Operation::ActivateContactChannel
                    && *code == "ValidationException";
                let expected = if wrong_code {
                    ErrorClass::WrongCode
                } else {
                    *class
                };
                assert_eq!(
                    classify(*operation, Some(code)),
                    expected,
                    "{operation} {code}"
                );
            }
        }
        assert_eq!(classify(*operation, None), ErrorClass::Transient);
    }
}

#[test]
fn every_class_but_giving_way_is_some_codes() {
    let from_table = |class| TABLE.iter().any(|(known, _)| *known == class);
    for class in ErrorClass::ALL {
        let without_a_code = matches!(class, ErrorClass::GaveWay | ErrorClass::WrongCode);
        assert_eq!(from_table(class), !without_a_code, "{}", class.as_str());
    }
}

#[test]
fn only_a_validation_of_ssm_contacts_may_mean_a_missing_replication_set() {
    let mut error = CallError::new(Operation::GetContact, ErrorClass::Invalid);
    assert!(!error.may_mean_not_onboarded());
    error.code = Some("ValidationException".to_owned());
    assert!(error.may_mean_not_onboarded());
    error.operation = Operation::GetReplicationSet;
    assert!(!error.may_mean_not_onboarded());
}

#[test]
fn every_class_reads_as_a_sentence_and_shows_no_request_id() {
    for class in ErrorClass::ALL {
        let mut error = CallError::new(Operation::DeleteContact, class).with_detail("because");
        error.request_id = Some("request-1".to_owned());
        let text = error.to_string();
        assert!(
            text.starts_with("DeleteContact ") && !text.contains("request-1"),
            "{text}"
        );
        assert!(text.ends_with(": because"), "{text}");
    }
}

#[test]
fn an_error_stays_small_enough_to_be_returned_by_value() {
    assert!(size_of::<CallError>() <= size_of::<usize>());
}
