// HTTP dates (RFC 9110 section 5.6.7) to seconds since 1970 and back. The clock is the caller's.

package enum HTTPDate {
    /// Bytes of an IMF-fixdate.
    package static let length = 29

    /// Seconds since 1970 of a date in any of the three formats, matched without regard to case (RFC 9111 section
    /// 4.2); nil if it is anything else. `now` decides the century of two-digit years.
    package static func parse(_ bytes: RawSpan, now: Int64) -> Int64? { nil }

    /// Writes `seconds` since 1970 (from year 1 to 9999, else the nearest) as IMF-fixdate.
    package static func write(_ seconds: Int64, into sink: inout ByteSink) {}
}
