//! What to do with a request to activate. Pure, because a code at night reaches a human.

use jiff::{SignedDuration, Timestamp};

use crate::api::channel_activation::ActivationPhase;

/// Everything the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// How far the request has come.
    pub phase: ActivationPhase,
    /// AWS says that the channel is activated.
    pub activated: bool,
    /// `managementPolicy: Observe`.
    pub observe: bool,
    /// A backup tool put this object here.
    pub restored: bool,
    /// Name of the request.
    pub name: &'a str,
    /// The last code sent to the channel: by which request, and when.
    pub sent_before: Option<(&'a str, Timestamp)>,
    /// That record was made for this very object, not for an earlier one of its name. Before its own record nothing is sent, so as long as
    /// it is pending the pass that wrote the contact's record came no farther.
    pub sent_before_is_own: bool,
    /// When this request recorded that it would send.
    pub send_recorded_at: Option<Timestamp>,
    /// The Secret holds a code that was not refused before.
    pub new_code: bool,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The channel is activated: done, and nothing is sent.
    Activated,
    /// Send nothing; say this.
    Wait(String),
    /// Send nothing, for good; say this.
    Refuse(String),
    /// A code was sent for this very request at that time.
    SentBefore(Timestamp),
    /// Record the intention, then send one code.
    Send,
    /// The process died between recording and knowing.
    OutcomeUnknown,
    /// Give the code back.
    TryCode,
    /// Wait for the code.
    AwaitCode,
    /// Nobody gave the code back.
    Expire,
}

/// Another code is not sent to a channel so soon after the last.
pub const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);
/// A code that was not given back by then is given up.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The life of a request.
pub fn decide(facts: Facts<'_>) -> Step {
    if facts.activated {
        return Step::Activated;
    }
    match facts.phase {
        ActivationPhase::Pending => decide_pending(facts),
        ActivationPhase::Sending => Step::OutcomeUnknown,
        ActivationPhase::AwaitingCode
        | ActivationPhase::WrongCode
        | ActivationPhase::SendUnknown => {
            let expired = facts
                .send_recorded_at
                .is_some_and(|at| facts.now.duration_since(at) >= CODE_LIFETIME);
            match (facts.new_code && !facts.observe, expired) {
                (true, _) => Step::TryCode,
                (false, true) => Step::Expire,
                (false, false) => Step::AwaitCode,
            }
        }
        ActivationPhase::Activated | ActivationPhase::Refused | ActivationPhase::Expired => {
            Step::Wait("finished".to_owned())
        }
    }
}

fn decide_pending(facts: Facts<'_>) -> Step {
    if facts.observe {
        return Step::Wait("managementPolicy is Observe: no code is sent".to_owned());
    }
    if facts.restored {
        return Step::Refuse("this object was restored from a backup: a restore sends no codes. Make a new ChannelActivation if one is wanted".to_owned());
    }
    match facts.sent_before {
        Some(_) if facts.sent_before_is_own => Step::Send,
        Some((by, at)) if by == facts.name => Step::SentBefore(at),
        Some((by, at)) if facts.now.duration_since(at) < COOL_DOWN => {
            let free = at.checked_add(COOL_DOWN).unwrap_or(at);
            Step::Refuse(format!(
                "ChannelActivation \"{by}\" had a code sent to this channel at {at}: use that one, or make a new ChannelActivation after {free}"
            ))
        }
        _ => Step::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn fresh() -> Facts<'static> {
        Facts {
            phase: ActivationPhase::Pending,
            activated: false,
            observe: false,
            restored: false,
            name: "a",
            sent_before: None,
            sent_before_is_own: false,
            send_recorded_at: None,
            new_code: false,
            now: at(0),
        }
    }

    const PHASES: [ActivationPhase; 8] = [
        ActivationPhase::Pending,
        ActivationPhase::Sending,
        ActivationPhase::AwaitingCode,
        ActivationPhase::Activated,
        ActivationPhase::WrongCode,
        ActivationPhase::SendUnknown,
        ActivationPhase::Refused,
        ActivationPhase::Expired,
    ];

    #[test]
    fn a_code_is_sent_in_one_situation_only() {
        for phase in PHASES {
            for activated in [false, true] {
                for observe in [false, true] {
                    for restored in [false, true] {
                        for sent_before in [
                            None,
                            Some(("a", at(-600))),
                            Some(("b", at(-5))),
                            Some(("b", at(-11))),
                        ] {
                            for new_code in [false, true] {
                                let facts = Facts {
                                    phase,
                                    activated,
                                    observe,
                                    restored,
                                    sent_before,
                                    new_code,
                                    ..fresh()
                                };
                                let cooled = sent_before
                                    .is_none_or(|(by, when)| by != "a" && when <= at(-10));
                                let may = phase == ActivationPhase::Pending
                                    && !activated
                                    && !observe
                                    && !restored
                                    && cooled;
                                assert_eq!(decide(facts) == Step::Send, may, "{facts:?}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_crash_after_the_record_is_unknown_and_never_sends_again() {
        assert_eq!(
            decide(Facts {
                phase: ActivationPhase::Sending,
                ..fresh()
            }),
            Step::OutcomeUnknown
        );
    }

    #[test]
    fn a_crash_before_the_requests_own_record_has_sent_nothing() {
        assert_eq!(
            decide(Facts {
                sent_before: Some(("a", at(0))),
                sent_before_is_own: true,
                ..fresh()
            }),
            Step::Send
        );
        for phase in PHASES {
            let step = decide(Facts {
                phase,
                sent_before: Some(("a", at(0))),
                sent_before_is_own: true,
                ..fresh()
            });
            assert_eq!(step == Step::Send, phase == ActivationPhase::Pending);
        }
    }

    #[test]
    fn the_same_request_made_again_waits_for_the_code_that_was_sent() {
        assert_eq!(
            decide(Facts {
                sent_before: Some(("a", at(-100_000))),
                ..fresh()
            }),
            Step::SentBefore(at(-100_000))
        );
    }

    #[test]
    fn a_channel_that_is_activated_already_needs_no_code() {
        for phase in PHASES {
            assert_eq!(
                decide(Facts {
                    phase,
                    activated: true,
                    ..fresh()
                }),
                Step::Activated
            );
        }
    }

    #[test]
    fn a_code_is_tried_even_when_sending_was_uncertain_and_given_up_after_a_day() {
        for phase in [
            ActivationPhase::AwaitingCode,
            ActivationPhase::WrongCode,
            ActivationPhase::SendUnknown,
        ] {
            let facts = Facts {
                phase,
                send_recorded_at: Some(at(0)),
                ..fresh()
            };
            assert_eq!(
                decide(Facts {
                    new_code: true,
                    ..facts
                }),
                Step::TryCode
            );
            assert_eq!(
                decide(Facts {
                    now: at(24 * 60),
                    ..facts
                }),
                Step::Expire
            );
            assert_eq!(
                decide(Facts {
                    now: at(24 * 60 - 1),
                    ..facts
                }),
                Step::AwaitCode
            );
        }
    }
}
