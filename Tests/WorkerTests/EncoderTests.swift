// What the libraries make of a body, and under which keys it is kept. Decoding is tested end to end, by other programs.
import CachePolicy
import Testing

@testable import Worker

struct EncoderTests {
    private static let text = [UInt8]((0..<400).map { "line \($0 % 7) of the page\n" }.joined().utf8)

    @Test func eachCodingIsShorterAndBeginsAsItShould() throws {
        let gzip = try #require(Encoder.encode(Self.text, as: .gzip))
        #expect(gzip.starts(with: [0x1F, 0x8B, 8]))
        let zstd = try #require(Encoder.encode(Self.text, as: .zstd))
        #expect(zstd.starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
        let br = try #require(Encoder.encode(Self.text, as: .br))
        for form in [gzip, zstd, br] { #expect(form.count < Self.text.count / 4) }
    }

    @Test func whatGainsNothingIsNotEncoded() {
        var state: UInt64 = 1
        let noise = (0..<4000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        for coding in [ContentCoding.gzip, .br, .zstd] {
            #expect(Encoder.encode(noise, as: coding) == nil)
            #expect(Encoder.encode([], as: coding) == nil)
        }
        #expect(Encoder.encode(Self.text, as: .identity) == nil)
    }

    @Test func keysAreTextAndTellCodingsAndObjectsApart() {
        func text(_ coding: ContentCoding, _ hash: UInt64) -> String {
            let key = EncodedKey(coding, of: hash)
            var bytes: [UInt8] = []
            for offset in 0..<key.bytes.byteCount {
                bytes.append(unsafe key.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text(.br, 0x0123_4567_89AB_CDEF) == "E1\nb0123456789abcdef")
        #expect(text(.gzip, .max) == "E1\ngffffffffffffffff")
        #expect(text(.zstd, 0) == "E1\nz0000000000000000")
    }
}
