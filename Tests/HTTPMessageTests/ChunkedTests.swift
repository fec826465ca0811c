// The chunked transfer coding both ways (RFC 9112 section 7.1): data, extensions, trailers, limits, cuts.
import Dice
import HTTPMessage
import Testing

/// Decodes bytes offered in pieces of `piece` bytes as a connection would.
func decodeChunked(
    _ bytes: [UInt8], piece: Int = .max, limits: MessageLimits = MessageLimits(), dropsTrailers: Bool = false
) -> (body: String, outcome: String, rest: Int) {
    var decoder = ChunkedDecoder(limits: limits)
    decoder.dropsTrailers = dropsTrailers
    var trailers = FieldTable(capacity: limits.trailerCount + 1)
    var body: [UInt8] = []
    var start = 0
    var end = min(piece, bytes.count)
    while true {
        let window = bytes.raw.extracting(start..<end)
        var position = 0
        stepping: while true {
            switch decoder.next(window, &position, trailers: &trailers) {
            case .data(let extent): body += bytes[start + extent.lower..<start + extent.upper]
            case .needMore: break stepping
            case .rejected(let reason):
                return (String(decoding: body, as: UTF8.self), "\(reason)", bytes.count - start - position)
            case .end:
                let fields = (0..<trailers.count).map { trailers[$0] }.filter { !$0.isDropped }.map {
                    String(decoding: bytes[start + $0.name.lower..<start + $0.name.upper], as: UTF8.self)
                }
                return (
                    String(decoding: body, as: UTF8.self), (["end"] + fields).joined(separator: " "),
                    bytes.count - start - position
                )
            }
        }
        start += position
        guard end < bytes.count else { return (String(decoding: body, as: UTF8.self), "more", 0) }
        end = min(end + piece, bytes.count)
    }
}

@Suite struct ChunkedTests {
    @Test("RFC 9110 section 7.6.1: where Connection names fields no trailer is kept")
    func trailersForOneConnection() {
        let bytes = Array("2\r\nok\r\n0\r\nX-One: 1\r\nTwo: 2\r\n\r\n".utf8)
        #expect(decodeChunked(bytes, dropsTrailers: true).outcome == "end")
        #expect(decodeChunked(bytes).outcome == "end X-One Two")
    }

    static let bodies: [(String, String, String)] = [
        ("5\r\nhello\r\n0\r\n\r\n", "hello", "end"),
        ("005\r\nhello\r\n3;a\r\nabc\r\n0;b=c\r\n\r\n", "helloabc", "end"),
        (
            "a;x=\"q\\\"q;\";y ; z = 1\r\n0123456789\r\n0\r\nX-One: 1\r\nDate: x\r\nTwo: 2\r\n\r\n", "0123456789",
            "end X-One Two"
        ),
        ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789", "end"), ("5\r\nhel", "hel", "more"), ("", "", "more"),
        ("5\r\nhello\r\n0\r\nX: y\r\n", "hello", "more"),
        ("5\nhello", "", "invalidChunkSize"), ("\r\n", "", "invalidChunkSize"), (";a\r\n", "", "invalidChunkSize"),
        ("-5\r\n", "", "invalidChunkSize"), ("+5\r\n", "", "invalidChunkSize"), ("0x5\r\n", "", "invalidChunkSize"),
        (" 5\r\n", "", "invalidChunkSize"), ("5_0\r\n", "", "invalidChunkSize"), ("5.\r\n", "", "invalidChunkSize"),
        ("g\r\n", "", "invalidChunkSize"), ("10000000000000005\r\n", "", "invalidChunkSize"),
        ("00000000000000005\r\nhello\r\n00000000000000000\r\n\r\n", "hello", "end"),
        (String(repeating: "0", count: 513), "", "more"), (String(repeating: "0", count: 514), "", "invalidChunkSize"),
        ("8000000000000000\r\n", "", "invalidChunkSize"), ("ffffffffffffffff\r\n", "", "invalidChunkSize"),
        ("5 \r\nhello", "", "invalidChunkExtension"), ("5;\r\nhello", "", "invalidChunkExtension"),
        ("5;a=\r\n", "", "invalidChunkExtension"), ("5;a\nhello", "", "invalidChunkExtension"),
        ("5;a\rb\r\n", "", "invalidChunkExtension"), ("5;a=\"b\nc\"\r\n", "", "invalidChunkExtension"),
        ("5;a=\"b\r\n", "", "invalidChunkExtension"), ("5;=b\r\n", "", "invalidChunkExtension"),
        ("5;a \r\n", "", "invalidChunkExtension"), ("5 a\r\n", "", "invalidChunkExtension"),
        ("5\r5\r\n", "", "invalidChunkExtension"), ("5;a=b c\r\n", "", "invalidChunkExtension"),
        ("5;\0\r\n", "", "invalidChunkExtension"), ("5;a==b\r\n", "", "invalidChunkExtension"),
        ("5\r\nhelloX", "hello", "missingChunkEnd"), ("5\r\nhello\n0\r\n\r\n", "hello", "missingChunkEnd"),
        ("5\r\nhello\rX", "hello", "missingChunkEnd"), ("5\r\nhello0\r\n\r\n", "hello", "missingChunkEnd"),
        ("0\r\nContent-Length: 5\r\n\r\n", "", "forbiddenTrailer"), ("0\r\nHost: x\r\n\r\n", "", "forbiddenTrailer"),
        ("0\r\ntransfer-ENCODING: x\r\n\r\n", "", "forbiddenTrailer"), ("0\r\n X: y\r\n\r\n", "", "foldedField"),
        ("0\r\nX : y\r\n\r\n", "", "malformedField"), ("0\r\nX: y\n\r\n", "", "bareLineFeed"),
        ("0\r\n\n", "", "bareLineFeed"), ("0\r\nGET / HTTP/1.1\r\n\r\n", "", "malformedField"),
        ("0\r\nX: a\0b\r\n\r\n", "", "invalidFieldValue"), ("0\r\nContent_Length: 1\r\n\r\n", "", "ambiguousFieldName"),
    ]

    @Test func decoding() {
        for (input, body, outcome) in Self.bodies {
            for piece in [Int.max, 1, 2, 3, 7] {
                let result = decodeChunked(Array(input.utf8), piece: piece)
                #expect(
                    result.body == body && result.outcome == outcome, "\(input.debugDescription) by \(piece): \(result)"
                )
            }
        }
        #expect(decodeChunked(Array("1\r\na\r\n0\r\n\r\nGET ".utf8)).rest == 4)
    }

    @Test func limits() {
        var limits = MessageLimits()
        limits.bodyBytes = 8
        limits.chunkLineBytes = 10
        limits.chunkExtensionBytes = 10
        limits.trailerBytes = 20
        limits.trailerCount = 2
        func outcome(_ text: String) -> String { decodeChunked(Array(text.utf8), limits: limits).outcome }
        #expect(outcome("8\r\n12345678\r\n0\r\n\r\n") == "end")
        #expect(outcome("8\r\n12345678\r\n1\r\nx") == "bodyTooLong")
        #expect(outcome("9\r\n") == "bodyTooLong")
        #expect(outcome("1;aaaaaaaaaa\r\n") == "chunkExtensionsTooLong")
        #expect(outcome("1;aaaa\r\nx\r\n1;aaaaa\r\nx\r\n0\r\n\r\n") == "chunkExtensionsTooLong")
        #expect(outcome("0\r\nA: 1\r\nB: 1\r\n\r\n") == "end A B")
        #expect(outcome("0\r\nA: 1\r\nB: 12345678\r\n\r\n") == "trailersTooLong")
        #expect(outcome("0\r\nA:\r\nB:\r\nC:\r\n\r\n") == "trailersTooLong")
        #expect(outcome("0\r\nA: 1234567890123456789012345") == "trailersTooLong")
    }

    /// What the encoder writes is what the decoder reads.
    @Test func roundTrip() {
        var dice = Dice(seed: 7)
        var message: [UInt8] = []
        var body: [UInt8] = []
        for _ in 0..<50 {
            let data = (0..<Int.random(in: 1...600, using: &dice)).map { _ in
                UInt8.random(in: 0x20...0x7E, using: &dice)
            }
            body += data
            message +=
                Array(written { ChunkedEncoder.writeHeader(size: data.count, into: &$0) }.text.utf8) + data + [13, 10]
        }
        message += Array(written { ChunkedEncoder.writeEnd(into: &$0) }.text.utf8)
        let result = decodeChunked(message, piece: 97)
        #expect(result.outcome == "end" && result.body == String(decoding: body, as: UTF8.self))
    }
}
