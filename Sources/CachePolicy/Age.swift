// Age arithmetic of RFC 9111 section 4.2.3 over plain numbers. No fields and no parsing here.

/// Whole seconds as cache fields carry them.
package enum Seconds {
    /// Delta-seconds saturate here (RFC 9111 section 1.2.2).
    package static let maximum: UInt32 = 2_147_483_648

    /// Whole seconds of a time in milliseconds, rounded down.
    package static func whole(_ milliseconds: Int64) -> Int64 {
        let quotient = milliseconds / 1000
        return milliseconds % 1000 < 0 ? quotient - 1 : quotient
    }

    /// Clamps to what a lifetime may be.
    package static func saturating(_ value: Int64) -> UInt32 {
        value <= 0 ? 0 : UInt32(min(value, Int64(maximum)))
    }
}

/// When the request was sent and the answer's head received, in Unix milliseconds on the node's cache clock.
package struct ExchangeTimes: Sendable, Equatable {
    package var requestMilliseconds: Int64
    package var responseMilliseconds: Int64

    package init(requestMilliseconds: Int64, responseMilliseconds: Int64) {
        self.requestMilliseconds = requestMilliseconds
        self.responseMilliseconds = responseMilliseconds
    }
}

/// RFC 9111 section 4.2.3.
package enum Age {
    /// The corrected initial age in milliseconds: never negative, at most `Seconds.maximum` seconds.
    package static func correctedInitial(
        ageSeconds: UInt32,
        dateSeconds: Int64?,
        times: ExchangeTimes
    ) -> Int64 {
        let ceiling = Int64(Seconds.maximum) * 1000
        let responseSeconds = Seconds.whole(times.responseMilliseconds)
        // Date has whole seconds: comparing seconds keeps a fresh answer from looking up to a second old.
        var apparent: Int64 = 0
        if let dateSeconds {
            let (difference, overflow) = responseSeconds.subtractingReportingOverflow(dateSeconds)
            apparent = overflow ? 0 : max(0, min(difference, Int64(Seconds.maximum))) * 1000
        }
        let delay = max(0, times.responseMilliseconds &- times.requestMilliseconds)
        let corrected = Int64(ageSeconds) * 1000 &+ min(delay, ceiling)
        return min(max(apparent, corrected), ceiling)
    }

    /// The moment at which the answer was of age zero: age is a subtraction from now on.
    package static func zeroMoment(ageSeconds: UInt32, dateSeconds: Int64?, times: ExchangeTimes) -> Int64 {
        times.responseMilliseconds
            &- correctedInitial(ageSeconds: ageSeconds, dateSeconds: dateSeconds, times: times)
    }

    /// Current age in milliseconds; a clock that stepped back gives zero.
    package static func current(zeroMoment: Int64, now: Int64) -> Int64 {
        max(0, now &- zeroMoment)
    }
}
