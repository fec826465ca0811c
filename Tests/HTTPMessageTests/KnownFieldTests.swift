// The table of known names against the list it was made from, and FieldTable's lookups.
import Foundation
import HTTPMessage
import Testing

@Suite struct KnownFieldTests {
    static let names: [String] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Tables/known-fields.txt")
        return (try? String(contentsOf: file, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
    }()

    @Test func everyNameIsRecognised() {
        let names = Self.names
        #expect(names.count == KnownField.count)
        for (index, name) in names.enumerated() {
            for form in [name, name.uppercased(), name.capitalized] {
                let bytes = Array(form.utf8)
                #expect(KnownField.recognise(bytes.raw).rawValue == UInt8(index + 1), "\(form)")
                let framed = Array("x\(form): value and more".utf8)
                #expect(
                    KnownField.recognise(framed.raw.extracting(1..<1 + bytes.count)).rawValue == UInt8(index + 1))
            }
            #expect(written { KnownField(rawValue: UInt8(index + 1)).writeName(into: &$0) }.text == name)
        }
        #expect(names[Int(KnownField.retryAfter.rawValue) - 1] == "retry-after" && KnownField.retryAfter.rawValue == 63)
        #expect(names[Int(KnownField.useAsDictionary.rawValue) - 1] == "use-as-dictionary")
        #expect(names[Int(KnownField.cacheGroupInvalidation.rawValue) - 1] == "cache-group-invalidation")
    }

    /// One changed byte makes another name.
    @Test func nearMissesAreOther() {
        for name in Self.names {
            for position in 0..<name.utf8.count {
                for byte: UInt8 in [0x0D, 0x0A, 0x00, 0x20, 0x5F, 0x40, 0x5B, 0xC1, 0x7F, 0x3A] {
                    var bytes = Array(name.utf8)
                    bytes[position] = byte
                    #expect(KnownField.recognise(bytes.raw) == .other)
                }
            }
        }
    }

    /// What Connection names is as if it had not been sent, but for what it cannot take away.
    @Test func namedByConnection() {
        let lines = [
            "Host: a", "Connection: x-mine, referer, range, cookie, accept", "X-Mine: 1", "Referer: 2", "Accept: 3",
            "Cookie: 4",
        ]
        let bytes = Array(("GET / HTTP/1.1\r\n" + lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        var parser = RequestParser()
        var table = FieldTable(capacity: 16)
        _ = parser.parse(bytes.raw, into: &table)
        for name in ["x-mine", "referer", "accept"] {
            let wanted = Array(name.utf8)
            let index = table.index(named: wanted.raw, in: bytes.raw)
            #expect(index == nil, "\(name)")
        }
        #expect(!table.contains(.referer) && !table.contains(.accept) && table.contains(.cookie))
    }

    @Test func tableLookups() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: 1\r\nX-Mine: 2\r\nReferer: r\r\ncookie: 3\r\nx-mine: 4\r\n\r\n"
        let bytes = Array(text.utf8)
        var parser = RequestParser()
        var table = FieldTable(capacity: 16)
        _ = parser.parse(bytes.raw, into: &table)
        #expect(table.count == 6)
        #expect(
            table.contains(.cookie) && table.contains(.referer) && !table.contains(.origin) && !table.contains(.via))
        #expect(table.containsAny(FieldSet(.via) | .cookie) && !table.containsAny(FieldSet(.via) | .range))
        #expect(table.occurrences(of: .cookie) == 2 && table.only(.cookie) == nil)
        #expect(table.only(.referer).map { HTTPMessageTests.text(bytes, $0) } == "r")
        let name = Array("X-MINE".utf8)
        let first = table.index(named: name.raw, in: bytes.raw)
        #expect(first == 2)
        #expect(table.index(named: name.raw, in: bytes.raw, from: 3) == 5)
    }
}
