// RFC 9213: targeted fields, and how they fail.
import Testing

@testable import CachePolicy

@Suite struct TargetedTests {
    private func lifetime(_ fields: [String]) -> UInt32? { decide(fields + ["ETag: \"x\""]).plan?.freshnessSeconds }

    @Test("RFC 9213 section 2.2: the targeted field replaces Cache-Control and Expires")
    func replaces() {
        #expect(lifetime(["CDN-Cache-Control: max-age=100", "Cache-Control: max-age=1"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: max-age=1", "Cache-Control: max-age=100"]) == 1)
        #expect(lifetime(["CDN-Cache-Control: max-age=100", "Cache-Control: no-store"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: max-age=100", "Expires: 0"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: foo", "Expires: \(date(100))", "Date: \(noonText)"]) == 0)
        #expect(decide(["CDN-Cache-Control: no-store", "Cache-Control: max-age=100"]).refusal == .noStore)
        #expect(decide(["CDN-Cache-Control: private", "Cache-Control: max-age=100"]).refusal == .privateResponse)
        #expect(lifetime(["CDN-Cache-Control: max-age=100, s-maxage=5"]) == 5)
    }

    @Test("RFC 9213 section 2.2: the node's own field comes first")
    func order() {
        #expect(lifetime(["CDN-Cache-Control: max-age=1", "Martlet-Cache-Control: max-age=7"]) == 7)
        #expect(lifetime(["CDN-Cache-Control: max-age=1", "Martlet-Cache-Control: &"]) == 1)
    }

    @Test(
        "RFC 9213 section 2.1: a field that is empty or not a dictionary does not count",
        arguments: ["", "max-age=100, &&&&&", "MaX-aGe=100", "max-age=", "max-age==100", "max-age=100,", "max-age=\"x"])
    func malformed(value: String) {
        #expect(decide(["CDN-Cache-Control: \(value)", "Cache-Control: no-store"]).refusal == .noStore, "\(value)")
        #expect(lifetime(["CDN-Cache-Control: \(value)", "Cache-Control: max-age=9"]) == 9, "\(value)")
    }

    @Test(
        "RFC 9213 section 2.1: numbers of the wrong type", arguments: ["\"100\"", "100.0", "abc", "?1", "-1", "(100)"])
    func wrongType(value: String) {
        #expect(lifetime(["CDN-Cache-Control: max-age=\(value)", "Cache-Control: max-age=9"]) == 9)
        #expect(decide(["CDN-Cache-Control: max-age=\(value)", "Cache-Control: no-store"]).refusal == .noStore)
        #expect(
            decide(["CDN-Cache-Control: max-age=\(value), no-store", "Cache-Control: max-age=9"]).refusal
                == .noStore)
    }

    @Test("RFC 9213 section 2.1: parameters, unknown members, several lines, repeated keys")
    func tolerated() {
        #expect(lifetime(["CDN-Cache-Control: max-age=100;foo=bar"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: foobar, max-age=100, x=(a b)"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: foobar", "CDN-Cache-Control: max-age=100"]) == 100)
        #expect(lifetime(["CDN-Cache-Control: max-age=100, max-age=3"]) == 3)
        #expect(decide(["CDN-Cache-Control: no-store=?0, max-age=100", "Cache-Control: no-store"]).plan != nil)
        #expect(decide(["CDN-Cache-Control: no-store=1, max-age=100"]).refusal == .noStore)
    }

    @Test("RFC 9213: the setting turns targeted fields off")
    func off() {
        var settings = PolicySettings()
        settings.usesTargetedFields = false
        let fields = ["CDN-Cache-Control: max-age=100", "Cache-Control: no-store"]
        #expect(decide(fields, settings: settings).refusal == .noStore)
    }
}
