//! Blocks of addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An IPv4 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    first: u32,
    length: u32,
}

impl Block {
    /// Reads a block, host bits cleared as EC2 does.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        Some(Self {
            first: address & mask,
            length,
        })
    }

    /// Length of the prefix.
    pub fn length(self) -> u32 {
        self.length
    }

    /// How many addresses there are.
    pub fn size(self) -> u64 {
        1 << (32 - self.length)
    }

    fn last(self) -> u64 {
        u64::from(self.first) + self.size() - 1
    }

    /// Whether another block is within this one.
    pub fn holds(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }

    /// Whether the blocks have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        u64::from(self.first) <= other.last() && u64::from(other.first) <= self.last()
    }

    /// Addresses a host can have: not the first four nor the last.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let last = self.last();
        (u64::from(self.first) + 4..last)
            .filter_map(|address| u32::try_from(address).ok())
            .map(Ipv4Addr::from)
    }

    /// Whether a host can have this address.
    pub fn has_host(self, address: Ipv4Addr) -> bool {
        let address = u64::from(u32::from(address));
        address >= u64::from(self.first) + 4 && address < self.last()
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from(self.first), self.length)
    }
}

/// Reads an IPv6 block: its first address and the length of its prefix.
pub(super) fn parse_ipv6(text: &str) -> Option<(u128, u32)> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 128)?;
    let address = u128::from(address.parse::<Ipv6Addr>().ok()?);
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    Some((address & mask, length))
}

/// Whether one IPv6 block is within another.
pub(super) fn ipv6_holds(outer: (u128, u32), inner: (u128, u32)) -> bool {
    let mask = u128::MAX.checked_shl(128 - outer.1).unwrap_or(0);
    inner.1 >= outer.1 && inner.0 & mask == outer.0
}

/// Whether a host in an IPv6 block can have this address: AWS keeps the first four and the last.
pub(super) fn ipv6_gives(block: (u128, u32), address: Ipv6Addr) -> bool {
    let address = u128::from(address);
    let hosts = u128::MAX.checked_shr(block.1).unwrap_or(0);
    let number = address.wrapping_sub(block.0);
    ipv6_holds(block, (address, 128)) && (4..hosts).contains(&number)
}

/// The IPv6 address of a host of this number in a block.
pub(super) fn ipv6_host(block: (u128, u32), number: u64) -> String {
    Ipv6Addr::from(block.0 | u128::from(number)).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Block, ipv6_gives, ipv6_holds, ipv6_host, parse_ipv6};

    #[test]
    fn blocks() {
        let block = |text| Block::parse(text).unwrap();
        assert_eq!(block("10.0.1.7/24").to_string(), "10.0.1.0/24");
        assert_eq!(block("0.0.0.0/0").size(), 1 << 32);
        assert!(block("10.0.0.0/16").holds(block("10.0.255.0/24")));
        assert!(!block("10.0.0.0/24").overlaps(block("10.0.1.0/24")));
        assert!(block("10.0.0.0/24").overlaps(block("10.0.0.0/16")));
        assert_eq!(block("10.0.0.0/28").hosts().count(), 11);
        assert!(Block::parse("10.0.0.0/33").is_none());
        assert!(Block::parse("10.0.0/8").is_none());
        let outer = parse_ipv6("2600:1f18:0:100::/56").unwrap();
        let inner = parse_ipv6("2600:1f18:0:101::/64").unwrap();
        assert!(ipv6_holds(outer, inner) && !ipv6_holds(inner, outer));
        assert_eq!(ipv6_host(inner, 5), "2600:1f18:0:101::5");
        let gives = |text: &str| ipv6_gives(inner, text.parse().unwrap());
        assert!(gives("2600:1f18:0:101::4") && !gives("2600:1f18:0:101::3"));
        assert!(!gives("2600:1f18:0:101:ffff:ffff:ffff:ffff") && !gives("2600:1f18:0:102::4"));
    }
}
