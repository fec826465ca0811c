// The canonical key: RFC 3986 section 6, RFC 9110 section 4.2.3; references by RFC 3986 section 5.
import Dice
import HTTPMessage
import Testing

@testable import CachePolicy

/// The key's text and parts for a request target.
func key(
    _ target: String, host: String = "example.com", secure: Bool = false, sortsQuery: Bool = false
) -> (text: String, target: String)? {
    withRequest("GET \(target)", host: host) { head, bytes, _ in
        var storage = [UInt8](repeating: 0, count: 4096)
        var span = storage.mutableSpan
        var sink = unsafe ByteSink(span.mutableBytes)
        return withBytes("site") { site in
            let key = CacheKey.write(
                head: head, bytes: bytes, site: site, secure: secure, sortsQuery: sortsQuery, into: &sink)
            guard let key else { return nil }
            return (string(sink.written.slice(key.text)), string(sink.written.slice(key.target)))
        }
    }
}

@Suite struct CacheKeyTests {
    @Test("The text of a key describes itself")
    func form() {
        #expect(key("/a?b=c")?.text == "M1\nsite\nhttp\nexample.com\n/a?b=c")
        #expect(key("/", secure: true)?.text == "M1\nsite\nhttps\nexample.com\n/")
    }

    @Test(
        "RFC 3986 section 6.2.2: one form of path and query",
        arguments: [
            ("/", "/"), ("/a/b", "/a/b"), ("/a//b/", "/a//b/"), ("/%41%7e%2D", "/A~-"), ("/%2f%3A", "/%2F%3A"),
            ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/..", "/a/"), ("/a/b/.", "/a/b/"), ("/..", "/"),
            ("/../../a", "/a"), ("/.", "/"), ("/./", "/"), ("/%2e%2E/a", "/a"), ("/a/%2e/b", "/a/b"),
            ("/a/.b/..c/d..", "/a/.b/..c/d.."), ("/...", "/..."), ("/a//../b", "/a/b"), ("/?", "/?"),
            ("/a?x=%7e&y=%2f", "/a?x=~&y=%2F"), ("/a?b=../c", "/a?b=../c"), ("/a?b&a&b", "/a?b&a&b"),
            ("/a?b=%", "/a?b=%25"), ("/a?b=%4", "/a?b=%254"), ("/a?b=%zz", "/a?b=%25zz"),
            ("/a?b=%%341", "/a?b=%2541"), ("/a;b=c,d", "/a;b=c,d"), ("/A", "/A"), ("/a%20b", "/a%20b"),
        ])
    func target(from: String, to: String) {
        #expect(key(from)?.target == to)
    }

    @Test(
        "A sorted query: by name, and in their order where the names are the same",
        arguments: [
            ("/a?c&b&a", "/a?a&b&c"), ("/a?b=1&a=2&b=0", "/a?a=2&b=1&b=0"), ("/a?ab=1&a=2", "/a?a=2&ab=1"),
            ("/a?", "/a?"), ("/a?&b", "/a?&b"), ("/a?b&", "/a?&b"), ("/a?z=%7e&y=%2f", "/a?y=%2F&z=~"),
            ("/a?%7eu&z&%3d", "/a?%3D&z&~u"), ("/a?%&%41&%%", "/a?%25&%25%25&A"),
        ])
    func sorted(from: String, to: String) {
        #expect(key(from, sortsQuery: true)?.target == to)
        #expect(key(to, sortsQuery: true)?.target == to)
    }

    @Test("A query of more arguments than can be sorted keeps its order")
    func unsorted() {
        let query = (0..<65).map { "a\(99 - $0)" }.joined(separator: "&")
        #expect(key("/?" + query, sortsQuery: true)?.target == "/?" + query)
    }

    @Test(
        "RFC 9110 section 4.2.3: one form of the authority",
        arguments: [
            ("EXAMPLE.com", false, "example.com"), ("example.com:80", false, "example.com"),
            ("example.com:443", false, "example.com:443"), ("example.com:443", true, "example.com"),
            ("example.com:80", true, "example.com:80"), ("example.com:8080", false, "example.com:8080"),
            ("[::1]", false, "[::1]"), ("[::A]:80", false, "[::a]"), ("[::1]:81", false, "[::1]:81"),
        ])
    func authority(from: String, secure: Bool, to: String) {
        let scheme = secure ? "https" : "http"
        #expect(key("/", host: from, secure: secure)?.text == "M1\nsite\n\(scheme)\n\(to)\n/")
    }

    @Test("Normalisation is idempotent, never grows a dot segment, and never writes a control character")
    func idempotent() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Dice(seed: seed)
        let pieces = [
            "/", ".", "..", "%2e", "%2F", "%", "%25", "a", "%41", "?", "&", "%zz", "~", "%7E", "//", "\u{e9}",
        ]
        for _ in 0..<2000 {
            let count = Int(generator.next() % 12)
            let raw = "/" + (0..<count).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            let once = normalised(raw)
            #expect(normalised(once) == once, "seed \(seed): \(raw)")
            let path = once.prefix { $0 != "?" }
            #expect(!path.split(separator: "/").contains { $0 == "." || $0 == ".." }, "seed \(seed): \(raw)")
            #expect(once.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "seed \(seed): \(raw)")
        }
    }

    private func normalised(_ target: String) -> String {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return withBytes(String(parts[0])) { path in
            withBytes(parts.count > 1 ? String(parts[1]) : "") { query in
                var storage = [UInt8](repeating: 0, count: 4096)
                var span = storage.mutableSpan
                var sink = unsafe ByteSink(span.mutableBytes)
                let key = CacheKey.write(
                    path: path, query: query, hasQuery: parts.count > 1, authority: RawSpan(), site: RawSpan(),
                    secure: false, into: &sink)
                guard let key else { return "" }
                return string(sink.written.slice(key.target))
            }
        }
    }

    @Test("A key that does not fit is none")
    func tooLong() {
        withBytes("/" + String(repeating: "a", count: 100)) { path in
            var storage = [UInt8](repeating: 0, count: 64)
            var span = storage.mutableSpan
            var sink = unsafe ByteSink(span.mutableBytes)
            let key = CacheKey.write(
                path: path, query: RawSpan(), hasQuery: false, authority: RawSpan(), site: RawSpan(), secure: false,
                into: &sink)
            #expect(key == nil)
        }
    }

    private func resolved(_ reference: String, from base: String, secure: Bool = false) -> String? {
        withRequest("GET \(base)") { head, bytes, _ in
            withBytes("site") { site in
                var storage = [UInt8](repeating: 0, count: 4096)
                var span = storage.mutableSpan
                var sink = unsafe ByteSink(span.mutableBytes)
                guard let key = CacheKey.write(head: head, bytes: bytes, site: site, secure: secure, into: &sink)
                else { return nil }
                var other = [UInt8](repeating: 0, count: 4096)
                var otherSpan = other.mutableSpan
                var target = unsafe ByteSink(otherSpan.mutableBytes)
                return withBytes(reference) { text in
                    let found = CacheKey.write(
                        reference: text, seenFrom: key, in: sink.written, site: site, secure: secure, into: &target)
                    return found.map { string(target.written.slice($0.target)) }
                }
            }
        }
    }

    @Test(
        "RFC 3986 section 5.4: references as seen from /b/c/d;p?q",
        arguments: [
            ("g", "/b/c/g"), ("./g", "/b/c/g"), ("g/", "/b/c/g/"), ("/g", "/g"), ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"), ("#s", "/b/c/d;p?q"), ("g#s", "/b/c/g"), (";x", "/b/c/;x"), ("", "/b/c/d;p?q"),
            (".", "/b/c/"), ("..", "/b/"), ("../g", "/b/g"), ("../..", "/"), ("../../../g", "/g"),
            ("http://example.com/x", "/x"), ("HTTP://EXAMPLE.COM:80/x?y", "/x?y"), ("http://example.com", "/"),
            ("//example.com/z", "/z"), ("http://example.com?a", "/?a"), ("g?y/../x", "/b/c/g?y/../x"),
        ])
    func references(reference: String, expected: String) {
        #expect(resolved(reference, from: "/b/c/d;p?q") == expected)
    }

    @Test(
        "RFC 9111 section 4.4: other origins are not touched",
        arguments: [
            "http://other.com/x", "https://example.com/x", "//other.com/x", "http://example.com:8080/", "ftp://x/",
            "mailto:x", "http:x", "javascript:x", "http://user@example.com/",
        ])
    func otherOrigins(reference: String) {
        #expect(resolved(reference, from: "/b") == nil)
    }
}
