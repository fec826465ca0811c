// Which requests are kept parsed, and that only the same bytes find them.

import CachePolicy
import HTTPMessage
import Testing

@testable import ShmCache
@testable import Worker

struct RepeatedRequestsTests {
    private static let hash = KeyHash(seed: 1, final: 2)

    private static func buffer(_ text: String) -> RequestBuffer {
        var buffer = RequestBuffer(capacity: 4096, limits: MessageLimits(), fieldCapacity: 100)
        append(text, to: &buffer)
        return buffer
    }

    private static func append(_ text: String, to buffer: inout RequestBuffer) {
        let bytes = Array(text.utf8)
        unsafe buffer.bytes.append(bytes.span.bytes)
    }

    private static func find(_ text: String, in repeated: borrowing RepeatedRequests) -> UInt32? {
        repeated.find(buffer(text), hash)
    }

    private static func request(_ path: String, _ field: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a.example\r\n\(field)\r\n"
    }

    private static func offer(_ text: String, keyHash: UInt64 = 7, to repeated: inout RepeatedRequests) {
        let probe = CacheProbe(
            key: .none, hash: keyHash, closing: false, moment: Moment(now: 0, random: 0, turn: 0))
        let bytes = Array(text.utf8)
        let key = Buffer(capacity: 16)
        unsafe repeated.offer(bytes.span.bytes, Route(site: 1, origin: 2), probe, key, hash)
    }

    @Test func whatIsOfferedTwiceIsFoundByTheSameBytesAlone() throws {
        var repeated = RepeatedRequests(limits: MessageLimits())
        let text = Self.request("/one", "Accept: */*\r\n")
        #expect(Self.find(text, in: repeated) == nil)
        Self.offer(text, to: &repeated)
        #expect(Self.find(text, in: repeated) == nil, "seen once")
        Self.offer(text, to: &repeated)
        let found = Self.find(text, in: repeated)
        let place = try #require(found)
        let facts = (repeated[place].keyHash, repeated[place].route.site, repeated[place].request.fields.count)
        #expect(facts == (7, 1, 2))
        for other in [
            Self.request("/one", "Accept: */+\r\n"), Self.request("/onf", "Accept: */*\r\n"), text + text,
            text + "G", String(text.dropLast()),
        ] {
            #expect(Self.find(other, in: repeated) == nil, "\(other)")
        }
    }

    @Test func aRequestThatIsBeingParsedIsNotLookedUp() {
        var repeated = RepeatedRequests(limits: MessageLimits())
        let text = Self.request("/one")
        Self.offer(text, to: &repeated)
        Self.offer(text, to: &repeated)
        var buffer = Self.buffer(String(text.dropLast(4)))
        let progress = buffer.parse()
        #expect(progress == .needMore)
        Self.append("\r\n\r\n", to: &buffer)
        let begun = repeated.find(buffer, Self.hash)
        #expect(begun == nil)
        buffer.clear()
        Self.append(text, to: &buffer)
        let untouched = repeated.find(buffer, Self.hash)
        #expect(untouched != nil)
    }

    @Test func longRequestsAreNotKept() {
        var repeated = RepeatedRequests(limits: MessageLimits())
        let text = Self.request("/one", "X: " + String(repeating: "x", count: 1024) + "\r\n")
        for _ in 0..<3 { Self.offer(text, to: &repeated) }
        #expect(Self.find(text, in: repeated) == nil)
    }

    /// However many come, each that is found is the one that was offered, and a few are always found.
    @Test func placesAreTakenOver() {
        var repeated = RepeatedRequests(limits: MessageLimits())
        for number in 0..<1000 {
            for _ in 0..<2 { Self.offer(Self.request("/\(number)"), keyHash: UInt64(number), to: &repeated) }
        }
        var found = 0
        for number in 0..<1000 {
            guard let place = Self.find(Self.request("/\(number)"), in: repeated) else { continue }
            let keyHash = repeated[place].keyHash
            #expect(keyHash == UInt64(number))
            found += 1
        }
        #expect(found > RepeatedRequests.placeCount / 2 && found <= RepeatedRequests.placeCount)
    }
}
