//! Each rule of docs/shifts.md by example.

use super::*;

#[test]
fn the_first_shift_ends_at_the_first_hand_off() {
    let rotation = made(daily(
        "Europe/London",
        "2026-01-05T07:00:00Z",
        &["a", "b", "c"],
    ));
    let pieces = rotation.pieces(&[], window("2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z"));
    assert_eq!(
        told(&pieces),
        [
            "2026-01-05T07:00:00Z 2026-01-05T09:00:00Z a",
            "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z b",
            "2026-01-06T09:00:00Z 2026-01-07T09:00:00Z c",
        ]
    );
    assert_eq!(
        pieces.iter().map(|piece| piece.number).collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

#[test]
fn a_start_at_a_hand_off_begins_a_whole_shift() {
    let rotation = made(daily("Europe/London", "2026-01-05T09:00:00Z", &["a", "b"]));
    let pieces = rotation.pieces(&[], window("2026-01-05T00:00:00Z", "2026-01-06T10:00:00Z"));
    assert_eq!(
        told(&pieces),
        [
            "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z a",
            "2026-01-06T09:00:00Z 2026-01-07T09:00:00Z b"
        ]
    );
}
