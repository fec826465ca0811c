// RFC 9110 section 13: preconditions; section 14: ranges. RFC 9111 section 4.3.2.
import Dice
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct SelectionTests {
    private static let modified = date(-1000)

    private func select(
        _ request: [String], stored: [String] = ["ETag: \"a\"", "Last-Modified: \(modified)"], method: String = "GET",
        status: String = "200 OK", length: UInt64? = 100
    ) -> String {
        let outcome: String? = withStored(
            ["Cache-Control: max-age=60", "Date: \(noonText)"] + stored, status: status
        ) { stored in
            withRequest("\(method) /", request) { head, bytes, fields in
                let selection = Selection.decide(
                    stored: stored, method: head.method, bytes: bytes, fields: fields, length: length,
                    now: noon * 1000, settings: PolicySettings())
                switch selection {
                case .whole: return "whole"
                case .notModified: return "304"
                case .unsatisfiable: return "416"
                case .range(let range): return "\(range.first)-\(range.last)"
                case .multipart(let plan):
                    return (0..<plan.count).map { "\(plan.ranges[$0].first)-\(plan.ranges[$0].last)" }
                        .joined(separator: ",")
                }
            }
        }
        return outcome ?? "nothing"
    }

    @Test("RFC 9110 section 13.1.2: If-None-Match, weakly, lists, any")
    func ifNoneMatch() {
        #expect(select(["If-None-Match: \"a\""]) == "304")
        #expect(select(["If-None-Match: W/\"a\""]) == "304")
        #expect(select(["If-None-Match: \"b\""]) == "whole")
        #expect(select(["If-None-Match: \"b\", \"a\", \"c\""]) == "304")
        #expect(select(["If-None-Match: \"b\",\"a\""]) == "304")
        #expect(select(["If-None-Match: \"b\"", "If-None-Match: \"a\""]) == "304")
        #expect(select(["If-None-Match: *"]) == "304")
        #expect(select(["If-None-Match: \"a\""], stored: ["ETag: W/\"a\""]) == "304")
        #expect(select(["If-None-Match: \"a"]) == "whole")
        #expect(select(["If-None-Match: a"]) == "whole")
        #expect(select(["If-None-Match: \"a\""], stored: []) == "whole")
        #expect(select(["If-None-Match: \"a\""], method: "HEAD") == "304")
    }

    @Test("RFC 9110 section 8.8.3: entity tags without quotes are compared as they are")
    func unquoted() {
        #expect(select(["If-None-Match: abc"], stored: ["ETag: abc"]) == "304")
        #expect(select(["If-None-Match: \"abc\""], stored: ["ETag: abc"]) == "whole")
    }

    @Test("RFC 9110 section 13.1.3: If-Modified-Since")
    func ifModifiedSince() {
        #expect(select(["If-Modified-Since: \(Self.modified)"]) == "304")
        #expect(select(["If-Modified-Since: \(date(-10))"]) == "304")
        #expect(select(["If-Modified-Since: \(date(-1001))"]) == "whole")
        #expect(select(["If-Modified-Since: Monday, 23-Nov-26 12:00:00 GMT"]) == "304")
        #expect(select(["If-Modified-Since: yesterday"]) == "whole")
        #expect(select(["If-Modified-Since: \(date(0))", "If-Modified-Since: \(date(0))"]) == "whole")
        // Without Last-Modified the Date counts (RFC 9111 section 4.3.2).
        #expect(select(["If-Modified-Since: \(noonText)"], stored: []) == "304")
        #expect(select(["If-Modified-Since: \(date(-1))"], stored: []) == "whole")
    }

    @Test("RFC 9110 section 13.2.2: If-None-Match wins over If-Modified-Since")
    func precedence() {
        #expect(select(["If-None-Match: \"b\"", "If-Modified-Since: \(noonText)"]) == "whole")
        #expect(select(["If-None-Match: \"a\"", "If-Modified-Since: \(date(-9999))"]) == "304")
    }

    @Test("RFC 9110 section 13.2.1: errors are sent whole whatever is asked")
    func errors() {
        #expect(select(["If-None-Match: \"a\""], status: "404 X") == "whole")
        #expect(select(["Range: bytes=0-1"], status: "404 X") == "whole")
        #expect(select(["Range: bytes=0-1"], status: "203 X") == "whole")
    }

    @Test("RFC 9110 section 14: ranges of 100 bytes")
    func ranges() {
        #expect(select(["Range: bytes=0-9"]) == "0-9")
        #expect(select(["Range: bytes=90-"]) == "90-99")
        #expect(select(["Range: bytes=-5"]) == "95-99")
        #expect(select(["Range: bytes=-500"]) == "0-99")
        #expect(select(["Range: bytes=0-"]) == "0-99")
        #expect(select(["Range: bytes=50-5000"]) == "50-99")
        #expect(select(["Range: bytes=100-"]) == "416")
        #expect(select(["Range: bytes=-0"]) == "416")
        #expect(select(["Range: bytes=0-1, 5-6"]) == "0-1,5-6")
        #expect(select(["Range: bytes=5-6,0-1, 500-"]) == "5-6,0-1")
        #expect(select(["Range: bytes=500-,0-1"]) == "0-1")
        #expect(select(["Range: bytes=0-60,40-99"]) == "whole")
        #expect(select(["Range: bytes=9-5"]) == "whole")
        #expect(select(["Range: items=0-5"]) == "whole")
        #expect(select(["Range: bytes=0-1", "Range: bytes=3-4"]) == "whole")
        #expect(select(["Range: bytes=0-1"], method: "HEAD") == "whole")
        #expect(select(["Range: bytes=0-1"], length: nil) == "whole")
        #expect(select(["Range: bytes=0-1"], length: 0) == "416")
        #expect(select(["If-None-Match: \"a\"", "Range: bytes=0-1"]) == "304")
    }

    @Test("RFC 9110 section 13.1.5: If-Range, strongly")
    func ifRange() {
        func range(_ value: String, stored: [String] = ["ETag: \"a\"", "Last-Modified: \(Self.modified)"]) -> String {
            select(["Range: bytes=0-9", "If-Range: \(value)"], stored: stored)
        }
        #expect(range("\"a\"") == "0-9")
        #expect(range("\"b\"") == "whole")
        #expect(range("W/\"a\"") == "whole")
        #expect(range("W/\"a\"", stored: ["ETag: W/\"a\""]) == "whole")
        #expect(range(Self.modified) == "0-9")
        #expect(range(date(-999)) == "whole")
        #expect(range(date(-1001)) == "whole")
        #expect(range(noonText, stored: ["Last-Modified: \(noonText)"]) == "whole")
        #expect(range("nonsense") == "whole")
    }

    @Test("RFC 9110 section 14.6: a multipart body is as long as announced")
    func multipart() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
        for _ in 0..<200 {
            var plan = RangePlan()
            plan.count = Int.random(in: 1...16, using: &generator)
            let length = UInt64.random(in: 1...1 << 40, using: &generator)
            for index in 0..<plan.count {
                let first = UInt64.random(in: 0..<length, using: &generator)
                let last = min(length - 1, first + UInt64.random(in: 0...50, using: &generator))
                plan.ranges[index] = ByteRange(first: first, last: last)
            }
            let boundary = generator.next()
            for type in ["", "text/plain"] {
                withBytes(type) { contentType in
                    var bytes: UInt64 = 0
                    let heads = text(capacity: 1 << 16) { sink in
                        for index in 0..<plan.count {
                            MultipartRanges.writePartHead(
                                plan: plan, index: index, length: length, contentType: contentType,
                                boundary: boundary, into: &sink)
                            bytes += plan.ranges[index].count
                        }
                        MultipartRanges.writeEnd(boundary: boundary, into: &sink)
                    }
                    let total = MultipartRanges.totalLength(
                        plan: plan, length: length, contentType: contentType, boundary: boundary)
                    #expect(UInt64(heads.utf8.count) + bytes == total, "seed \(seed)")
                }
            }
        }
    }
}
