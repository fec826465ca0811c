// Encoded forms: what may be encoded, what a client gets (RFC 9110 section 12.5.3), and how the head differs (8.8.3).
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct EncodingTests {
    private static let page = ["Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8"]

    private func order(_ fields: [String], offered: CodingSet = .all) -> [ContentCoding] {
        withRequest("GET /", fields) { _, bytes, table in
            let order = CodingOrder(accepting: table, bytes: bytes, offered: offered)
            return (0..<order.count).map { order[$0] }
        }
    }

    private func isEncodable(_ fields: [String], status: String = "200 OK") -> Bool {
        withStored(fields, status: status) { $0.flags.contains(.encodable) } ?? false
    }

    @Test("RFC 9110 section 12.5.3: by weight, of equal ones the denser first, none unasked")
    func orders() {
        #expect(order([]) == [])
        #expect(order(["Accept-Encoding:"]) == [])
        #expect(order(["Accept-Encoding: gzip, deflate, br, zstd"]) == [.br, .zstd, .gzip])
        #expect(order(["Accept-Encoding: gzip;q=1.0, br;q=0.5"]) == [.gzip, .br])
        #expect(order(["Accept-Encoding: gzip", "Accept-Encoding: zstd;q=0.9"]) == [.gzip, .zstd])
        #expect(order(["Accept-Encoding: X-GZip"]) == [.gzip])
        #expect(order(["Accept-Encoding: br;q=0, gzip"]) == [.gzip])
        #expect(order(["Accept-Encoding: *"]) == [.br, .zstd, .gzip])
        #expect(order(["Accept-Encoding: *;q=0.5, gzip"]) == [.gzip, .br, .zstd])
        #expect(order(["Accept-Encoding: *, br;q=0"]) == [.zstd, .gzip])
        #expect(order(["Accept-Encoding: *;q=0"]) == [])
        #expect(order(["Accept-Encoding: identity;q=0, gzip;q=0.1"]) == [.gzip])
        #expect(order(["Accept-Encoding: identity;q=1, *;q=0"]) == [])
        #expect(order(["Accept-Encoding: identity, br;q=0.9"]) == [], "identity is wanted more")
        #expect(order(["Accept-Encoding: gzip, br"], offered: .gzip) == [.gzip])
        #expect(order(["Accept-Encoding: gzip, br"], offered: []) == [])
        #expect(order(["Accept-Encoding: deflate, compress"]) == [])
    }

    @Test("Whole text in no coding may be encoded, and nothing that speaks of the very bytes")
    func encodable() {
        let fresh = "Cache-Control: max-age=60"
        for type in [
            "text/html", "text/css", "TEXT/Plain; charset=utf-8", "application/javascript", "application/json",
            "application/ld+json", "application/xml", "image/svg+xml", "application/wasm",
        ] { #expect(isEncodable([fresh, "Content-Type: \(type)"]), "\(type)") }
        for type in [
            "image/png", "video/mp4", "text/event-stream", "application/octet-stream", "application/zip",
            "textual/html",
            "text", "",
        ] { #expect(!isEncodable([fresh, "Content-Type: \(type)"]), "\(type)") }
        #expect(!isEncodable([fresh]))
        for field in [
            "Content-Encoding: gzip", "Content-Encoding: identity", "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
            "Digest: sha-256=AAAA", "Repr-Digest: sha-256=:AAAA:", "Content-Digest: sha-256=:AAAA:", "ETag: \"a\"",
            "Content-Type: text/css", "Cache-Control: No-Transform",
        ] {
            let fields = Self.page + ["ETag: \"b\"", field]
            #expect(!isEncodable(fields), "\(field)")
        }
        #expect(!isEncodable(["Cache-Control: no-transform", "CDN-Cache-Control: max-age=60", Self.page[1]]))
        #expect(!isEncodable(Self.page, status: "404 Not Found"))
    }

    @Test func aFormIsKeptIfItSavesATenth() {
        #expect(Encodable.isWorthKeeping(encodedBytes: 384, of: 512))
        #expect(!Encodable.isWorthKeeping(encodedBytes: 385, of: 512))
        #expect(Encodable.isWorthKeeping(encodedBytes: 90_000, of: 100_000))
        #expect(!Encodable.isWorthKeeping(encodedBytes: 90_001, of: 100_000))
        #expect(!Encodable.isWorthKeeping(encodedBytes: 0, of: 100_000))
    }

    @Test func aHeadBlockComesBackAndOthersAreRefused() {
        let head = EncodedHead(coding: .zstd, stamp: 0x1122_3344_5566_7788, length: 12_345)
        var block = [UInt8](repeating: 0xAA, count: EncodedHead.byteCount)
        var span = block.mutableSpan
        var target = unsafe span.mutableBytes
        head.write(into: &target)
        #expect(EncodedHead(unsafe block.span.bytes) == head)
        #expect(EncodedHead(unsafe block.span.bytes.extracting(0..<23)) == nil)
        block[0] = StoredKind.response.rawValue
        #expect(EncodedHead(unsafe block.span.bytes) == nil)
    }

    // MARK: Heads

    private func hit(_ fields: [String], _ coding: ContentCoding, length: UInt64 = 5000) -> String {
        withStored(Self.page + fields) { stored in
            text {
                ClientHead.writeHit(
                    stored: stored, bodyLength: coding == .identity ? length : 700, objectLength: length,
                    coding: coding, now: noon * 1000, keepAlive: true, minorVersion: 1, settings: PolicySettings(),
                    into: &$0)
            }
        } ?? ""
    }

    private func answer(_ selection: Selection, _ fields: [String], _ coding: ContentCoding) -> String {
        withStored(Self.page + fields) { stored in
            text {
                var report = CacheStatus.hit(ttlSeconds: 60)
                report.coding = coding
                ClientHead.write(
                    stored: stored, selection: selection, length: 5000, now: noon * 1000,
                    delivery: Delivery(framing: .length(700), keepAlive: true), boundary: 1, report: report,
                    key: RawSpan(), settings: PolicySettings(), into: &$0)
            }
        } ?? ""
    }

    @Test("RFC 9110 section 8.8.3: an encoded form has the tag of the object, weak; sections 8.4 and 12.5.5")
    func encodedHit() {
        for head in [hit(["ETag: \"a\"", "X-A: b"], .br), answer(.whole, ["ETag: \"a\"", "X-A: b"], .br)] {
            #expect(head.contains("\r\nETag: W/\"a\"\r\nX-A: b\r\n"))
            #expect(head.contains("\r\nContent-Encoding: br\r\n"))
            #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
            #expect(head.contains("\r\nContent-Length: 700\r\n"))
            #expect(head.contains("; hit; ttl=60; detail=encoded-br\r\n"))
        }
        #expect(hit(["ETag: W/\"a\""], .gzip).contains("\r\nETag: W/\"a\"\r\n"))
        #expect(hit(["ETag: unquoted"], .zstd).contains("\r\nETag: unquoted\r\n"))
        #expect(hit([], .zstd).contains("\r\nContent-Encoding: zstd\r\n"))
    }

    @Test("RFC 9110 section 12.5.5: Vary stands on the object's own answers as well, once, and only where it is true")
    func vary() {
        #expect(hit(["ETag: \"a\""], .identity).contains("\r\nVary: Accept-Encoding\r\n"))
        #expect(hit(["ETag: \"a\""], .identity).contains("\r\nETag: \"a\"\r\n"))
        let own = hit(["Vary: Foo, Accept-encoding"], .gzip)
        #expect(own.contains("\r\nVary: Foo, Accept-encoding\r\n") && !own.contains("\r\nVary: Accept-Encoding\r\n"))
        #expect(hit(["Vary: Foo"], .identity).contains("\r\nVary: Accept-Encoding\r\n"))
        #expect(!hit([], .identity, length: 511).contains("Vary"))
        #expect(!hit([], .identity, length: 5 << 20).contains("Vary"))
        #expect(answer(.range(ByteRange(first: 0, last: 9)), [], .identity).contains("\r\nVary: Accept-Encoding\r\n"))
    }

    @Test("RFC 9110 section 15.4.5: a 304 has the tag and the Vary that the 200 would have had")
    func notModified() {
        for extra in [[], ["Content-Language: en"]] as [[String]] {
            let head = answer(.notModified, ["ETag: \"a\"", "Last-Modified: \(date(-1000))"] + extra, .br)
            #expect(head.contains("\r\nETag: W/\"a\"\r\n"))
            #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
            #expect(!head.contains("Content-Encoding") && !head.contains("Content-Type"))
        }
    }

    @Test(
        "RFC 9110 section 13.1.5: a date does not tell codings apart, so it allows no range where there may be several")
    func ifRange() {
        func isWhole(_ condition: String, _ fields: [String]) -> Bool {
            let stored = Self.page + ["ETag: \"a\"", "Last-Modified: \(date(-1000))"]
            return withStored(stored) { stored in
                withRequest("GET /", ["Range: bytes=0-9", "If-Range: \(condition)"] + fields) { _, bytes, table in
                    let selection = Selection.decide(
                        stored: stored, method: .get, bytes: bytes, fields: table, length: 5000, now: noon * 1000,
                        settings: PolicySettings())
                    if case .whole = selection { return true }
                    return false
                }
            } ?? false
        }
        #expect(isWhole("W/\"a\"", []))
        #expect(!isWhole("\"a\"", ["Accept-Encoding: br"]))
        #expect(!isWhole(date(-1000), []))
        #expect(!isWhole(date(-1000), ["Accept-Encoding: identity"]))
        #expect(isWhole(date(-1000), ["Accept-Encoding: br"]))
    }

    @Test("RFC 9111 section 5.2.1.6")
    func requestNoTransform() {
        #expect(requestFacts("GET /", ["Cache-Control: No-Transform"]).directives.noTransform)
        #expect(!requestFacts("GET /", ["Cache-Control: max-age=1"]).directives.noTransform)
    }
}
