// What may stand behind --url, --prefix and --host, and how a complaint helps.
import Testing

@testable import Supervisor

struct PurgeTargetTests {
    @Test(arguments: [
        "foo:bar", "mailto:a@example.com", "ftp://example.com/", "http:/example.com/", "http:example.com", "http://",
        "https:///path", "/path", "?query", "http://user@example.com/", "http://example.com:0/", "http://[::1/",
        "http://example.com:99999/", "http://exa mple.com/", "http://example.com/a b", "http://example.com/\u{e9}",
        "example.com\n/", "://example.com/", "http://example.com:/",
    ])
    func whatIsNoURLIsRefused(_ text: String) {
        for request in [PurgeRequest(url: text), PurgeRequest(prefix: text)] {
            do {
                try request.check()
                Issue.record("\(text) was taken")
            } catch {
                #expect(error.kind == .usage && error.description.contains("http://HOST/PATH"), "\(error)")
            }
        }
    }

    @Test func partsOfURLs() throws {
        let both = try PurgeTarget("example.com:8080/a?b=c?d#e")
        #expect(both.schemes == [false, true] && both.authority == Array("example.com:8080".utf8))
        #expect(both.path == Array("/a".utf8) && both.query == Array("b=c?d".utf8))
        let bare = try PurgeTarget("HTTPS://[2001:db8::1]:444?")
        #expect(bare.schemes == [true] && bare.authority == Array("[2001:db8::1]:444".utf8))
        #expect(bare.path == Array("/".utf8) && bare.query == [])
        #expect(try PurgeTarget("http://a_b-c.example").query == nil)
    }

    @Test func oneThingIsPurgedHardOrSoftly() throws {
        try PurgeRequest(url: "http://example.com/", soft: true).check()
        try PurgeRequest(prefix: "example.com/a", soft: true).check()
        try PurgeRequest(host: "example.com:81", soft: true).check()
        #expect(throws: Failure.self) { try PurgeRequest(host: "example.com/path").check() }
        #expect(throws: Failure.self) { try PurgeRequest(host: "a", tag: "b").check() }
        #expect(throws: Failure.self) { try PurgeRequest().check() }
    }
}
