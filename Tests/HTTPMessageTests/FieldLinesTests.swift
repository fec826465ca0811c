// Random field sections against a plain reading of the same text: the parser works eight bytes at a time, this one not.
import Dice
import HTTPMessage
import Testing

@Suite struct FieldLinesTests {
    private func randomName(_ dice: inout Dice) -> [UInt8] {
        if Bool.random(using: &dice), let known = KnownFieldTests.names.randomElement(using: &dice) {
            return known.utf8.map { Bool.random(using: &dice) && $0 >= 0x61 ? $0 - 0x20 : $0 }
        }
        let letters = Array("!#$%&'*+-.^`|~0189azAZ".utf8)
        return (0..<Int.random(in: 1...40, using: &dice)).map { _ in letters.randomElement(using: &dice) ?? 0x61 }
    }

    private func randomValue(_ dice: inout Dice) -> [UInt8] {
        (0..<Int.random(in: 0...40, using: &dice)).map { _ in
            switch Int.random(in: 0..<6, using: &dice) {
            case 0: 0x20
            case 1: 0x09
            case 2: UInt8.random(in: 0x80...0xFF, using: &dice)
            default: UInt8.random(in: 0x20...0x7E, using: &dice)
            }
        }
    }

    @Test func randomSections() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(seed: seed)
        for round in 0..<3000 {
            var bytes = Array("HTTP/1.1 200 OK\r\n".utf8)
            var expected: [(name: [UInt8], value: [UInt8])] = []
            for _ in 0..<Int.random(in: 0...8, using: &dice) {
                let name = randomName(&dice)
                let isFraming = ["content-length", "transfer-encoding", "connection"].contains(
                    String(decoding: name, as: UTF8.self).lowercased())
                if isFraming { continue }
                let value = randomValue(&dice)
                bytes += name + [0x3A] + value + [13, 10]
                let blank: Set<UInt8> = [0x20, 0x09]
                let trimmed = value.drop { blank.contains($0) }.reversed().drop { blank.contains($0) }.reversed()
                expected.append((name, Array(trimmed)))
            }
            bytes += [13, 10]
            var parser = ResponseParser()
            parser.reset(requestMethod: .get)
            var table = FieldTable(capacity: 8)
            let progress = parser.parse(bytes.raw, into: &table)
            #expect(progress == .complete(headLength: bytes.count), "seed \(seed), round \(round)")
            #expect(table.count == expected.count, "seed \(seed), round \(round)")
            for index in 0..<min(table.count, expected.count) {
                let entry = table[index]
                let (name, value) = expected[index]
                #expect(Array(bytes[entry.name.range]) == name, "seed \(seed), round \(round)")
                #expect(Array(bytes[entry.value.range]) == value, "seed \(seed), round \(round)")
                let known = KnownFieldTests.names.firstIndex(of: String(decoding: name, as: UTF8.self).lowercased())
                #expect(Int(entry.field.rawValue) == (known ?? -1) + 1, "seed \(seed), round \(round)")
            }
        }
    }
}
