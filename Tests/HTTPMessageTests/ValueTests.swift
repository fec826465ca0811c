// Field values: numbers, dates, lists, directives, entity tags, ranges; and the sink they are written to.
import Dice
import Foundation
import HTTPMessage
import Testing

@Suite struct ValueTests {
    @Test func numbers() {
        func decimal(_ text: String) -> UInt64? {
            let bytes = Array(text.utf8)
            return Numbers.decimal(bytes.raw)
        }
        func seconds(_ text: String) -> UInt32? {
            let bytes = Array(text.utf8)
            return Numbers.deltaSeconds(bytes.raw)
        }
        #expect(decimal("0") == 0 && decimal("007") == 7 && decimal("9223372036854775807") == UInt64(Int64.max))
        for wrong in [
            "", "-1", "+1", " 1", "1 ", "1.0", "1,1", "0x1", "9223372036854775808", "18446744073709551616", "1e3",
        ] {
            #expect(decimal(wrong) == nil, "\(wrong)")
        }
        #expect(
            seconds("3600") == 3600 && seconds("2147483648") == 1 << 31 && seconds("99999999999999999999") == 1 << 31)
        #expect(seconds("") == nil && seconds("-1") == nil && seconds("1.5") == nil)
    }

    @Test func dates() {
        let now: Int64 = 1_700_000_000
        func parse(_ text: String) -> Int64? {
            let bytes = Array(text.utf8)
            return HTTPDate.parse(bytes.raw, now: now)
        }
        let same: Int64 = 784_111_777
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gmt",
        ] { #expect(parse(text) == same, "\(text)") }
        #expect(parse("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(parse("Thu, 29 Feb 2024 23:59:60 GMT") == 1_709_251_200)
        #expect(
            parse("Friday, 31-Dec-73 00:00:00 GMT") == 3_281_904_000 - 0
                || parse("Friday, 31-Dec-73 00:00:00 GMT") != nil)
        #expect((parse("Friday, 31-Dec-99 00:00:00 GMT") ?? 0) < now)
        for wrong in [
            "", "0", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +00", "Sun 06 Nov 1994 08:49:37 GMT ", "Sun, 06  Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Thu, 00 Nov 1994 08:49:37 GMT",
            "Sun Nov 06 08:49:37 94", "Sun Nov  6 08:49:37 199x", "Tue, 29 Feb 2023 00:00:00 GMT",
        ] { #expect(parse(wrong) == nil, "\(wrong)") }
    }

    @Test func datesRoundTrip() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        var dice = Dice(seed: 3)
        for _ in 0..<2000 {
            let moment = Int64.random(in: -2_000_000_000...200_000_000_000, using: &dice)
            let text = written { HTTPDate.write(moment, into: &$0) }.text
            #expect(text == formatter.string(from: Date(timeIntervalSince1970: Double(moment))))
            let bytes = Array(text.utf8)
            #expect(HTTPDate.parse(bytes.raw, now: 0) == moment)
        }
        #expect(written { HTTPDate.write(.max, into: &$0) }.text == "Fri, 31 Dec 9999 23:59:59 GMT")
    }

    @Test func lists() {
        func elements(_ text: String) -> [String] {
            let bytes = Array(text.utf8)
            var walker = ListWalker(whole(bytes))
            var found: [String] = []
            while let element = walker.next(in: bytes.raw) { found.append(HTTPMessageTests.text(bytes, element)) }
            return found
        }
        #expect(elements("a, b ,c") == ["a", "b", "c"])
        #expect(elements(",, a\t,,b,") == ["a", "b"])
        #expect(elements("x=\"a,b\\\",c\", d") == ["x=\"a,b\\\",c\"", "d"])
        #expect(
            elements("\"unclosed, a") == ["\"unclosed, a"] && elements("a\\") == ["a\\"] && elements("\"\\") == ["\"\\"]
        )
        #expect(elements("") == [] && elements(" , ") == [])
    }

    @Test func directives() {
        func walk(_ text: String) -> [String] {
            let bytes = Array(text.utf8)
            var walker = DirectiveWalker(whole(bytes))
            var found: [String] = []
            while let directive = walker.next(in: bytes.raw) {
                let name = HTTPMessageTests.text(bytes, directive.name)
                found.append("\(name)|\(directive.kind)|\(HTTPMessageTests.text(bytes, directive.argument))")
            }
            return found
        }
        #expect(walk("max-age=60, No-Cache") == ["max-age|token|60", "No-Cache|none|"])
        #expect(walk("private=\"a, b\", x=") == ["private|quoted|a, b", "x|token|"])
        #expect(
            walk("max-age =1, a=\"b\"c, =d, max-age= 1") == [
                "max-age|malformed| =1", "a|malformed|\"b\"c", "|malformed|=d", "max-age|malformed| 1",
            ])
        #expect(walk("a, \"b, c") == ["a|none|", "|malformed|\"b, c"])
        #expect(walk("a=\"b") == ["a|malformed|\"b"])
    }

    @Test func entityTags() {  // RFC 9110 section 8.8.3.2
        func match(_ list: String, _ tag: String, weakly: Bool) -> EntityTagMatch {
            let bytes = Array(list.utf8)
            let other = Array(tag.utf8)
            return EntityTagList.match(bytes.raw, whole(bytes), tag: other.raw, weakly: weakly)
        }
        #expect(
            match("W/\"1\"", "W/\"1\"", weakly: true) == .match
                && match("W/\"1\"", "W/\"1\"", weakly: false) == .noMatch)
        #expect(
            match("W/\"1\"", "\"1\"", weakly: true) == .match && match("W/\"1\"", "\"1\"", weakly: false) == .noMatch)
        #expect(match("\"1\"", "\"1\"", weakly: false) == .match && match("\"1\"", "\"2\"", weakly: true) == .noMatch)
        #expect(match("\"a\", W/\"b,c\" ,,\"d\"", "\"b,c\"", weakly: true) == .match)
        #expect(match("*", "\"x\"", weakly: false) == .any)
        for wrong in ["x", "\"a", "\"a\" \"b\"", "w/\"a\"", "W/ \"a\"", "\"a b\"", "*, \"a\"", "\"a\"x"] {
            #expect(match(wrong, "\"zz\"", weakly: true) == .malformed, "\(wrong)")
        }
    }

    @Test func ranges() {  // RFC 9110 section 14.1.2
        func parse(_ text: String, length: UInt64 = 1000) -> [String]? {
            let bytes = Array(text.utf8)
            guard let set = RangeSet.parse(bytes.raw, whole(bytes)) else { return nil }
            return (0..<set.count).map { index in
                set.specifications[index].resolved(length: length).map { "\($0.first)-\($0.last)" } ?? "none"
            }
        }
        #expect(
            parse("bytes=0-499") == ["0-499"] && parse("Bytes=500-") == ["500-999"]
                && parse("bytes=-200") == ["800-999"])
        #expect(parse("bytes=0-0, -1 ,, 5-99999999999999999999999") == ["0-0", "999-999", "5-999"])
        #expect(parse("bytes=1000-") == ["none"] && parse("bytes=-0") == ["none"] && parse("bytes=-99999") == ["0-999"])
        for wrong in [
            "bytes=", "bytes=a-b", "bytes=5-4", "bytes 0-1", "items=0-1", "bytes=1", "bytes=--1", "bytes=1-2-3",
            "bytes=1 -2",
            "bytes=" + Array(repeating: "1-2", count: 17).joined(separator: ","), "bytes=+1-2", "bytes=-",
            "bytes=0x1-2",
        ] {
            #expect(parse(wrong) == nil, "\(wrong)")
        }
        func content(_ text: String) -> ContentRange? {
            let bytes = Array(text.utf8)
            return ContentRange.parse(bytes.raw, whole(bytes))
        }
        #expect(content("bytes 0-4/10") == .bytes(ByteRange(first: 0, last: 4), length: 10))
        #expect(content("bytes 0-4/*") == .bytes(ByteRange(first: 0, last: 4), length: nil))
        #expect(content("bytes */10") == .unsatisfied(length: 10))
        for wrong in [
            "bytes 5-4/10", "bytes 0-10/10", "bytes 0-4", "bytes */*", "bytes=0-4/10", "bytes 0-4/x", "bytes -4/10",
            "bytes 0-/10",
        ] {
            #expect(content(wrong) == nil, "\(wrong)")
        }
    }

    @Test("Numbers of every length, at the end of the room too")
    func decimals() {
        var numbers: [UInt64] = [0, 9, 10, 99, 100, 9_999, 10_000, 99_999_999, 100_000_000]
        var power: UInt64 = 1
        while power < 10_000_000_000 {
            numbers += [power - 1, power, power + 1, power * 7 + 3]
            power *= 10
        }
        numbers += (0..<2000).map { _ in UInt64.random(in: 0..<200_000_000) }
        for number in numbers {
            let wanted = "\(number)"
            #expect(written { $0.appendDecimal(number) }.text == wanted)
            #expect(written(capacity: wanted.utf8.count) { $0.appendDecimal(number) }.text == wanted)
            #expect(written(capacity: wanted.utf8.count - 1) { $0.appendDecimal(number) }.overflowed)
        }
    }

    @Test("Lower case in words and behind them")
    func lowered() {
        for length in 0..<40 {
            let text = String(String(repeating: "AbZ-.:@[`z09~Q_", count: 4).prefix(length))
            let bytes = Array(text.utf8)
            let found = written { unsafe $0.appendLowered(bytes.span.bytes) }.text
            #expect(found == text.lowercased())
        }
    }

    @Test("A byte in a word, behind it, and nowhere")
    func index() {
        for length in 0..<30 {
            for place in 0...length {
                var text = Array(repeating: UInt8(ascii: "a"), count: length)
                if place < length { text[place] = UInt8(ascii: ":") }
                let found = unsafe text.span.bytes.firstIndex(of: 0x3A, from: 0)
                #expect(found == place)
            }
        }
    }

    @Test func sink() {
        #expect(
            written {
                $0.appendDecimal(0 as UInt64)
                $0.append(" ")
                $0.appendDecimal(UInt64.max)
                $0.append(" ")
                $0.appendDecimal(Int64.min)
            }.text
                == "0 18446744073709551615 -9223372036854775808")
        #expect(
            written {
                $0.appendHexadecimal(0)
                $0.append("/")
                $0.appendHexadecimal(255)
                $0.append("/")
                $0.appendHexadecimal(.max)
            }.text
                == "0/ff/ffffffffffffffff")
        #expect(
            written {
                $0.appendField("Age", decimal: 5)
                $0.appendField("A", "b")
            }.text == "Age: 5\r\nA: b\r\n")
        let full = written(capacity: 4) {
            $0.append("abc")
            $0.append("de")
            $0.append(0x66)
            $0.append(0x67)
        }
        #expect(full.text == "abcf" && full.overflowed)
        #expect(
            written {
                $0.append("abcdef")
                $0.truncate(to: 2)
            }.text == "ab")
    }
}
