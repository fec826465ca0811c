// RFC 9111 section 4.4: invalidation; RFC 9875: groups; tags.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct InvalidationTests {
    private func decide(_ method: Method, _ fields: [String] = [], status: String = "200 OK") -> Invalidation {
        withResponse(fields, status: status) { head, _, table in
            Invalidation.decide(method: method, status: head.status, fields: table)
        }
    }

    @Test("RFC 9111 section 4.4: unsafe and unknown methods invalidate, safe ones do not")
    func methods() {
        for method in [.post, .put, .delete, .patch, .other] as [Method] { #expect(decide(method).target) }
        for method in [.get, .head, .options, .trace] as [Method] { #expect(decide(method).isEmpty) }
    }

    @Test("RFC 9111 section 4.4: only non-error answers invalidate")
    func statuses() {
        for status in ["200 X", "201 X", "204 X", "303 X"] { #expect(decide(.put, status: status).target) }
        for status in ["400 X", "404 X", "500 X", "503 X"] { #expect(decide(.put, status: status).isEmpty) }
    }

    @Test("RFC 9111 section 4.4: Location and Content-Location")
    func locations() {
        let found = decide(.post, ["Location: /a", "Content-Location: /b", "Cache-Group-Invalidation: \"x\""])
        #expect(found.location != nil && found.contentLocation != nil && found.groups)
        #expect(decide(.post).location == nil)
    }

    private func tags(_ fields: [String], _ walker: TagWalker = .ofAnswer()) -> [String] {
        withResponse(fields) { _, bytes, table in
            var walker = walker
            var result: [String] = []
            while let tag = walker.next(bytes: bytes, fields: table) {
                result.append((tag.kind == .group ? "g:" : "t:") + string(bytes.slice(tag.text)))
            }
            return result
        }
    }

    @Test("RFC 9875 section 2: groups are a list of strings; tags are words")
    func tagWalk() {
        #expect(
            tags(["Surrogate-Key: a b  c", "Cache-Tag: d,e ,f", "Surrogate-Key: g"])
                == ["t:a", "t:b", "t:c", "t:g", "t:d", "t:e", "t:f"])
        #expect(
            tags(["Cache-Groups: \"one\", \"two\";x=1, tok", "Cache-Groups: \"three\""]) == [
                "g:one", "g:two", "g:three",
            ])
        #expect(tags(["Cache-Groups: \"one\", &"]) == [])
        #expect(tags(["Surrogate-Key:", "Cache-Tag: ,,"]) == [])
        #expect(
            tags(["Cache-Group-Invalidation: \"a\", \"b\"", "Cache-Groups: \"c\""], .invalidated()) == ["g:a", "g:b"])
    }
}
