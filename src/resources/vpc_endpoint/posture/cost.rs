//! What an endpoint costs in a month, without the data that goes through it. Pure.

use std::fmt;
use std::str::FromStr;

use crate::api::vpc_endpoint::EndpointType;

/// Hours of a month, as AWS's own calculator counts them.
const HOURS: u64 = 730;
const MICROS: u64 = 1_000_000;
/// Digits after the point.
const DIGITS: usize = 6;

/// US dollars, to the millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    micros: u64,
}

/// Why a text is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price is an amount of US dollars such as 0.01, with at most 6 digits after the point")]
pub struct NotAPrice;

impl Price {
    /// What an interface endpoint costs an hour in each zone, in most Regions: others ask for up to half as much again.
    pub const INTERFACE_HOUR: Self = Self { micros: 10_000 };
}

impl Default for Price {
    fn default() -> Self {
        Self::INTERFACE_HOUR
    }
}

impl FromStr for Price {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > DIGITS || whole.len() > DIGITS {
            return Err(NotAPrice);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| NotAPrice);
        let micros = number(whole)? * MICROS + number(&format!("{part:0<DIGITS$}"))?;
        Ok(Self { micros })
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0DIGITS$}", self.micros % MICROS);
        let part = part.trim_end_matches('0');
        write!(f, "{}.{part:0<2}", self.micros / MICROS)
    }
}

/// US dollars a month, in cents; `None` = not known for this type. `interfaces` is how many network interfaces it has or will have.
pub fn monthly(type_: EndpointType, interfaces: usize, hour: Price) -> Option<String> {
    let micros = match type_ {
        EndpointType::Gateway => 0,
        EndpointType::Interface | EndpointType::GatewayLoadBalancer => u64::try_from(interfaces)
            .ok()?
            .checked_mul(hour.micros)?
            .checked_mul(HOURS)?,
        EndpointType::Resource | EndpointType::ServiceNetwork => return None,
    };
    let cents = (micros + MICROS / 200) / (MICROS / 100);
    Some(format!("{}.{:02}", cents / 100, cents % 100))
}
