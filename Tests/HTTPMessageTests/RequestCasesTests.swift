// Replays Cases/requests.json: whole connections through parser and decoder, as the node takes them in.
import Foundation
import HTTPMessage
import Testing

/// A case of Cases/requests.json; requests.py says what its members mean.
struct RequestCase: Decodable, Sendable, CustomTestStringConvertible {
    enum Part: Decodable {
        case text(String)
        case repeated(String, Int)

        private enum Key: String, CodingKey { case `repeat`, times }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .text(text)
                return
            }
            let container = try decoder.container(keyedBy: Key.self)
            self = .repeated(
                try container.decode(String.self, forKey: .repeat), try container.decode(Int.self, forKey: .times))
        }
    }

    enum End: Decodable, Equatable, CustomStringConvertible {
        case word(String)
        case status(Int)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let status = try? container.decode(Int.self) {
                self = .status(status)
            } else {
                self = .word(try container.decode(String.self))
            }
        }

        var description: String {
            switch self {
            case .word(let word): word
            case .status(let status): "\(status)"
            }
        }
    }

    let name: String
    let rule: String
    let raw: [Part]
    let requests: [String]
    let end: End

    var testDescription: String { name }

    var bytes: [UInt8] {
        raw.flatMap { part -> [UInt8] in
            switch part {
            case .text(let text): text.unicodeScalars.map { UInt8($0.value) }
            case .repeated(let text, let times):
                Array(repeatElement(text.unicodeScalars.map { UInt8($0.value) }, count: times).joined())
            }
        }
    }

    static let all: [RequestCase] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Cases/requests.json")
        guard let data = try? Data(contentsOf: file) else { return [] }
        return (try? JSONDecoder().decode([RequestCase].self, from: data)) ?? []
    }()
}

/// What a connection with these bytes comes to.
struct ConnectionOutcome: Equatable {
    var requests: [String] = []
    var end = "open"

    init(_ bytes: [UInt8], limits: MessageLimits = MessageLimits()) {
        var parser = RequestParser(limits: limits)
        var table = FieldTable(capacity: limits.fieldCount)
        var start = 0
        while start < bytes.count {
            parser.reset()
            switch parser.parse(bytes.raw.extracting(start..<bytes.count), into: &table) {
            case .needMore, .routable:
                // An empty line alone between requests is nothing to wait for.
                if bytes.count - start == 2 && bytes[start] == 13 { return }
                end = "waiting"
                return
            case .rejected(let reason):
                end = "\(reason.status)"
                return
            case .complete(let length):
                let head = parser.head
                let request = [head.methodText, head.target].map { text(bytes, $0.shifted(by: start)) }.joined(
                    separator: " ")
                start += length
                guard let body = takeBody(head.framing, bytes, &start, limits) else { return }
                requests.append("\(request) \(body)")
                if !head.keepAlive {
                    end = "close"
                    return
                }
            }
        }
    }

    /// The body's length in bytes; nil if `end` was set.
    private mutating func takeBody(
        _ framing: BodyFraming, _ bytes: [UInt8], _ start: inout Int, _ limits: MessageLimits
    ) -> UInt64? {
        switch framing {
        case .none, .untilClose: return 0
        case .length(let count):
            guard count <= UInt64(bytes.count - start) else {
                end = "waiting"
                return nil
            }
            start += Int(count)
            return count
        case .chunked:
            var decoder = ChunkedDecoder(limits: limits)
            var trailers = FieldTable(capacity: limits.trailerCount)
            while true {
                switch decoder.next(bytes.raw, &start, trailers: &trailers) {
                case .data: continue
                case .needMore: end = "waiting"
                case .rejected(let reason): end = "\(reason.status)"
                case .end: return decoder.bodyBytes
                }
                return nil
            }
        }
    }
}

@Suite struct RequestCasesTests {
    @Test func thereAreEnough() { #expect(RequestCase.all.count >= 400) }

    @Test func replay() {
        for example in RequestCase.all {
            let outcome = ConnectionOutcome(example.bytes)
            let comment = "\(example.name) (\(example.rule)): \(outcome.requests) \(outcome.end)"
            #expect(outcome.requests == example.requests, "\(comment)")
            #expect(outcome.end == example.end.description, "\(comment)")
        }
    }

    /// What is refused stays refused however the bytes arrive, and what is accepted stays accepted.
    @Test func replayInPieces() {
        for example in RequestCase.all {
            let bytes = example.bytes
            guard bytes.count < 2000 else { continue }
            for piece in [1, 5] {
                var parser = RequestParser()
                var table = FieldTable(capacity: 128)
                var length = 0
                var progress = RequestProgress.needMore
                while length < bytes.count, progress == .needMore || progress == .routable {
                    length = min(length + piece, bytes.count)
                    progress = parser.parse(bytes.raw.extracting(0..<length), into: &table)
                }
                let whole = parseRequest(bytes)
                let isSame =
                    progress == whole.progress || (progress == .needMore && whole.progress == .routable)
                    || (progress.isRefusal && whole.progress.isRefusal)
                #expect(isSame, "\(example.name) by \(piece): \(progress), in one piece \(whole.progress)")
            }
        }
    }
}

extension RequestProgress {
    var isRefusal: Bool { if case .rejected = self { true } else { false } }
}
