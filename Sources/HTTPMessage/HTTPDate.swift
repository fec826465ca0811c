// HTTP dates (RFC 9110 section 5.6.7) to seconds since 1970 and back. The clock is the caller's.

package enum HTTPDate {
    /// Bytes of an IMF-fixdate.
    package static let length = 29

    /// Seconds since 1970 of a date in any of the three formats, matched without regard to case (RFC 9111 section
    /// 4.2); nil if it is anything else. `now` decides the century of two-digit years: a date more than 50 years
    /// ahead is in the past.
    package static func parse(_ bytes: RawSpan, now: Int64) -> Int64? {
        if bytes.byteCount == length { return parseFixed(bytes) }
        if bytes.byteCount == 24 { return parseAsctime(bytes) }
        return parseOld(bytes, now)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    private static func parseFixed(_ bytes: RawSpan) -> Int64? {
        guard weekday(bytes, 0) != nil, bytes.pair(at: 3) == 0x202C, bytes.byte(at: 7) == 0x20,
            bytes.byte(at: 11) == 0x20, bytes.byte(at: 16) == 0x20, isZone(bytes, 25),
            let day = digits(bytes, 5, 2), let month = month(bytes, 8), let year = digits(bytes, 12, 4)
        else { return nil }
        return seconds(year, month, day, bytes, 17)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    private static func parseOld(_ bytes: RawSpan, _ now: Int64) -> Int64? {
        var comma = 0
        while comma < bytes.byteCount, bytes.byte(at: comma) != 0x2C { comma &+= 1 }
        let at = comma &+ 2
        guard comma >= 6, bytes.byteCount == at &+ 22, isFullWeekday(bytes, comma), bytes.byte(at: comma &+ 1) == 0x20,
            bytes.byte(at: at &+ 2) == 0x2D, bytes.byte(at: at &+ 6) == 0x2D, bytes.byte(at: at &+ 9) == 0x20,
            isZone(bytes, at &+ 18), let day = digits(bytes, at, 2), let month = month(bytes, at &+ 3),
            let shortYear = digits(bytes, at &+ 7, 2)
        else { return nil }
        let limit = civil(daysSince1970: floorDivide(now, 86400)).year + 50
        var year = limit - limit % 100 + shortYear
        if year > limit { year -= 100 }
        return seconds(year, month, day, bytes, at &+ 10)
    }

    /// `Sun Nov  6 08:49:37 1994`
    private static func parseAsctime(_ bytes: RawSpan) -> Int64? {
        guard weekday(bytes, 0) != nil, bytes.byte(at: 3) == 0x20, bytes.byte(at: 7) == 0x20,
            bytes.byte(at: 10) == 0x20, bytes.byte(at: 19) == 0x20, let month = month(bytes, 4),
            let year = digits(bytes, 20, 4),
            let day = bytes.byte(at: 8) == 0x20 ? digits(bytes, 9, 1) : digits(bytes, 8, 2)
        else { return nil }
        return seconds(year, month, day, bytes, 11)
    }

    /// Writes `seconds` since 1970 (from year 1 to 9999, else the nearest) as IMF-fixdate.
    package static func write(_ seconds: Int64, into sink: inout ByteSink) {
        let moment = Swift.min(Swift.max(seconds, -62_135_596_800), 253_402_300_799)
        let days = floorDivide(moment, 86400)
        let ofDay = Int(moment - days * 86400)
        let date = civil(daysSince1970: days)
        let weekday = Int(((days + 4) % 7 + 7) % 7)
        appendName(weekdayNames, weekday, into: &sink)
        sink.append(", ")
        sink.appendTwoDigits(date.day)
        sink.append(0x20)
        appendName(monthNames, date.month - 1, into: &sink)
        sink.append(0x20)
        sink.appendTwoDigits(date.year / 100)
        sink.appendTwoDigits(date.year % 100)
        sink.append(0x20)
        sink.appendTwoDigits(ofDay / 3600)
        sink.append(0x3A)
        sink.appendTwoDigits(ofDay / 60 % 60)
        sink.append(0x3A)
        sink.appendTwoDigits(ofDay % 60)
        sink.append(" GMT")
    }

    private static var weekdayNames: StaticString { "SunMonTueWedThuFriSat" }
    private static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }

    private static func appendName(_ names: StaticString, _ index: Int, into sink: inout ByteSink) {
        for offset in 0..<3 { sink.append(names.byte(at: index * 3 + offset)) }
    }

    private static func index(of bytes: RawSpan, _ at: Int, in names: StaticString) -> Int? {
        var start = 0
        while start < names.utf8CodeUnitCount {
            if (0..<3).allSatisfy({ bytes.byte(at: at + $0) | 0x20 == names.byte(at: start + $0) | 0x20 }) {
                return start / 3
            }
            start += 3
        }
        return nil
    }

    private static func weekday(_ bytes: RawSpan, _ at: Int) -> Int? { index(of: bytes, at, in: weekdayNames) }

    private static func month(_ bytes: RawSpan, _ at: Int) -> Int? {
        guard let index = index(of: bytes, at, in: monthNames) else { return nil }
        return index + 1
    }

    private static func isFullWeekday(_ bytes: RawSpan, _ count: Int) -> Bool {
        let name = bytes.extracting(first: count)
        return equalIgnoringCase(name, "sunday") || equalIgnoringCase(name, "monday")
            || equalIgnoringCase(name, "tuesday") || equalIgnoringCase(name, "wednesday")
            || equalIgnoringCase(name, "thursday") || equalIgnoringCase(name, "friday")
            || equalIgnoringCase(name, "saturday")
    }

    /// ` GMT`
    private static func isZone(_ bytes: RawSpan, _ at: Int) -> Bool {
        bytes.byte(at: at) == 0x20 && bytes.byte(at: at + 1) | 0x20 == 0x67 && bytes.byte(at: at + 2) | 0x20 == 0x6D
            && bytes.byte(at: at + 3) | 0x20 == 0x74
    }

    private static func digits(_ bytes: RawSpan, _ at: Int, _ count: Int) -> Int? {
        var value = 0
        for offset in at..<at + count {
            guard ByteClass.isDigit(bytes.byte(at: offset)) else { return nil }
            value = value * 10 + Int(bytes.byte(at: offset) - 0x30)
        }
        return value
    }

    /// The moment, with `HH:MM:SS` at `at`; nil if there is no such day or time. A leap second is the next second.
    private static func seconds(_ year: Int, _ month: Int, _ day: Int, _ bytes: RawSpan, _ at: Int) -> Int64? {
        guard bytes.byte(at: at + 2) == 0x3A, bytes.byte(at: at + 5) == 0x3A, let hour = digits(bytes, at, 2),
            let minute = digits(bytes, at + 3, 2), let second = digits(bytes, at + 6, 2), hour < 24, minute < 60,
            second <= 60, day >= 1, day <= daysIn(month, year)
        else { return nil }
        return daysSince1970(year, month, day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    }

    private static func daysIn(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private static func floorDivide(_ value: Int64, _ by: Int64) -> Int64 {
        value >= 0 ? value / by : -((-value + by - 1) / by)
    }

    /// Days of the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + dayOfYear - 719_468)
    }

    private static func civil(daysSince1970 days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
