// Memory that is used within one step and never across two: key text, header blocks, decoded chunks, response heads.

internal import HTTPMessage

struct Scratch: ~Copyable {
    /// The base key of the request at hand.
    var key: Buffer
    /// A variant key.
    var variantKey: Buffer
    /// A header block or Vary record being encoded.
    var block: Buffer
    /// One decoded chunk.
    var chunk: Buffer
    var responseParser: ResponseParser
    var responseFields: FieldTable

    init(chunkBytes: Int, limits: MessageLimits) {
        key = Buffer(capacity: 3 * limits.startLineBytes + 1024)
        variantKey = Buffer(capacity: 3 * limits.startLineBytes + 2 * limits.headBytes + 1024)
        block = Buffer(capacity: 2 * limits.headBytes + 1024)
        chunk = Buffer(capacity: chunkBytes)
        responseParser = ResponseParser(limits: limits)
        responseFields = FieldTable(capacity: limits.fieldCount)
    }
}

/// xorshift64* (Vigna 2014): for early refresh and boundaries, never for secrets.
struct RandomNumbers {
    private var state: UInt64

    init() {
        var generator = SystemRandomNumberGenerator()
        state = generator.next() | 1
    }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
