//! Names of time zones.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Why a zone is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Not in the IANA database.
    #[error("\"{0}\" is not an IANA time zone such as Europe/Paris or UTC")]
    Unknown(String),
    /// In the database, written otherwise.
    #[error("\"{given}\" is not an IANA time zone; \"{exact}\" is")]
    Spelling {
        /// As given.
        given: String,
        /// As the database has it.
        exact: String,
    },
    /// The name of an offset or of a legacy code, not of a place.
    #[error(
        "\"{0}\" is a code without a place, which AWS refuses; use an IANA time zone such as America/New_York, or UTC"
    )]
    Code(String),
}

/// Names of the IANA database that stand for an offset rather than for a place's rules. AWS's model: "Designators for time zones that don't support Daylight
/// Savings Time rules, such as Pacific Standard Time (PST), are not supported." `PST` itself is not in the database. `Etc/GMT+0` has a character that
/// AWS's pattern of a zone does not take.
const CODES: [&str; 18] = [
    "EST",
    "MST",
    "HST",
    "EST5EDT",
    "CST6CDT",
    "MST7MDT",
    "PST8PDT",
    "WET",
    "CET",
    "MET",
    "EET",
    "GMT",
    "GMT0",
    "GMT+0",
    "GMT-0",
    "Etc/GMT+0",
    "UCT",
    "Factory",
];

/// The database that came with the program, so that the machine it runs on does not matter.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that name. Taken are the names of the bundled IANA database, links included (`Asia/Calcutta`, `Japan`), exactly as written there, `UTC` and the other names of UTC among them;
/// refused are codes (`EST`, `CET`, `EST5EDT`, `GMT`) and fixed offsets (`Etc/GMT+9`, whose sign is the opposite of what it seems), as they have no daylight saving rules or name no place,
/// and every form that is not a name (`+09:00`, POSIX rules).
pub fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    let fixed = |rest: &str| {
        rest.trim_start_matches(['+', '-', '0'])
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_digit())
    };
    if CODES.contains(&name) || name.strip_prefix("Etc/GMT").is_some_and(fixed) {
        return Err(ZoneError::Code(name.to_owned()));
    }
    exactly(name)
}

/// The zone of that name, codes and fixed offsets included: whatever AWS took, it reckons with.
pub(super) fn exactly(name: &str) -> Result<TimeZone, ZoneError> {
    let unknown = || ZoneError::Unknown(name.to_owned());
    let found = DATABASE.get(name).map_err(|_| unknown())?;
    // UTC is a constant of jiff and not always a zone of the database.
    let exact = found.iana_name().unwrap_or("UTC");
    if found.is_unknown() {
        return Err(unknown());
    }
    if exact != name {
        return Err(ZoneError::Spelling {
            given: name.to_owned(),
            exact: exact.to_owned(),
        });
    }
    Ok(found)
}
