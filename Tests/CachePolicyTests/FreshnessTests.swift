// RFC 9111 section 4.2: lifetimes, heuristics, ages.
import Testing

@testable import CachePolicy

@Suite struct FreshnessTests {
    private func lifetime(_ fields: [String], status: String = "200 OK") -> UInt32? {
        decide(fields + ["ETag: \"x\""], status: status).plan?.freshnessSeconds
    }

    @Test("RFC 9111 section 4.2.1: s-maxage, then max-age, then Expires")
    func precedence() {
        let expires = "Expires: \(date(50))"
        let now = "Date: \(noonText)"
        #expect(lifetime(["Cache-Control: max-age=10, s-maxage=20", expires, now]) == 20)
        #expect(lifetime(["Cache-Control: s-maxage=5", "Cache-Control: max-age=100", now]) == 5)
        #expect(lifetime(["Cache-Control: max-age=10", expires, now]) == 10)
        #expect(lifetime([expires, now]) == 50)
    }

    @Test(
        "RFC 9111 section 4.2.1: invalid and repeated max-age",
        arguments: [
            ("max-age=100", 100), ("MaX-aGe=100", 100), ("max-age=0100", 100), ("max-age=\"100\"", 100),
            ("foo, max-age=100", 100), ("max-age=100, max-age=5", 5), ("max-age=5, max-age=100", 5),
            ("max-age='100'", 0), ("max-age=100.0", 0), ("max-age=100.5", 0), ("max-age=a100", 0), ("max-age=100a", 0),
            ("max-age=-100", 0), ("max-age=+100", 0), ("max-age =100", 0), ("max-age= 100", 0), ("max-age=", 0),
            ("max-age", 0), ("max-age=100, max-age=x", 0), ("max-age=2147483647", 2_147_483_647),
            ("max-age=2147483648", 2_147_483_648), ("max-age=99999999999", 2_147_483_648),
            ("max-age=340282366920938463463374607431768211456", 2_147_483_648), ("max-age=1, ext=\"max-age=100\"", 1),
            ("ext=\"max-age=100\", max-age=1", 1), ("s-maxage=x, max-age=100", 0),
        ] as [(String, UInt32)])
    func maxAge(value: String, seconds: UInt32) {
        #expect(lifetime(["Cache-Control: \(value)"]) == seconds)
    }

    @Test("RFC 9111 section 5.2: what follows an unclosed quotation is not trusted")
    func unclosed() {
        for value in ["ext=\"no-store", "\"a, no-store", "=\", private", "\"a"] {
            #expect(decide(["Cache-Control: max-age=100, \(value)"]).refusal == .noStore)
        }
        #expect(decide(["Cache-Control: must-understand, max-age=100, \"a, private"]).refusal == .privateResponse)
        #expect(decide(["Cache-Control: max-age=100, =, @a"]).plan?.freshnessSeconds == 100)
    }

    @Test(
        "RFC 9111 section 5.3: invalid Expires is in the past",
        arguments: [
            "0", "-1", "tomorrow", "Mon, 23 Nov 2026 12:00:00 UTC", "Mon, 23 Nov 2026 12:00:00 AEST",
            "Mon, 23 Nov 26 12:00:00 GMT", "Mon, 23-Nov-2026 12:00:00 GMT", "Mon, 23 Nov 2026 1:00:00 GMT",
            "Mon, 23 Nov 2026 12.00.00 GMT",
        ])
    func expiresInvalid(value: String) {
        #expect(lifetime(["Expires: \(value)", "Date: \(noonText)"]) == 0)
    }

    @Test("RFC 9111 section 5.3: valid Expires in the three formats, relative to Date")
    func expiresValid() {
        let day = "Date: \(noonText)"
        #expect(lifetime(["Expires: Mon, 23 Nov 2026 13:00:00 GMT", day]) == 3600)
        #expect(lifetime(["Expires: Monday, 23-Nov-26 13:00:00 GMT", day]) == 3600)
        #expect(lifetime(["Expires: Mon Nov 23 13:00:00 2026", day]) == 3600)
        #expect(lifetime(["Expires: Mon, 23 Nov 2026 13:00:00 GMT"]) == 3600)
        #expect(lifetime(["Expires: \(noonText)", day]) == 0)
        #expect(lifetime(["Expires: \(date(-10))", day]) == 0)
        #expect(lifetime(["Expires: Fri, 31 Dec 9999 23:59:59 GMT", day]) == 2_147_483_648)
        #expect(lifetime(["Expires: \(date(10))", "Expires: \(date(10))", day]) == 10)
        #expect(lifetime(["Expires: \(date(10))", "Expires: \(date(99))", day]) == 0)
    }

    @Test("RFC 9111 section 4.2.1: an old Date makes Expires longer and the answer as much older")
    func expiresOldDate() {
        let plan = decide(["Expires: \(date(-3600))", "Date: \(date(-7200))", "ETag: \"x\""]).plan
        #expect(plan?.freshnessSeconds == 3600)
        #expect(plan?.isFresh(at: noon * 1000) == false)
    }

    @Test(
        "RFC 9111 section 4.2.2: heuristics only for statuses cacheable by default",
        arguments: [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
    func heuristicStatuses(status: Int) {
        let plan = decide(
            ["Last-Modified: \(date(-1000))", "Date: \(noonText)"], status: "\(status) X"
        ).plan
        #expect(plan?.freshnessSeconds == 100)
        #expect(plan?.source == .heuristic)
    }

    @Test(
        "RFC 9111 section 3: other statuses need explicit freshness",
        arguments: [201, 202, 299, 302, 303, 307, 400, 403, 499, 500, 502, 503, 504, 599])
    func otherStatuses(status: Int) {
        let fields = ["Last-Modified: \(date(-1000))", "Date: \(noonText)"]
        #expect(decide(fields, status: "\(status) X").refusal == .noFreshness)
        #expect(decide(fields + ["Cache-Control: max-age=9"], status: "\(status) X").plan?.freshnessSeconds == 9)
        #expect(decide(fields + ["Expires: \(date(9))"], status: "\(status) X").plan?.freshnessSeconds == 9)
        #expect(decide(fields + ["Cache-Control: public"], status: "\(status) X").plan?.freshnessSeconds == 100)
    }

    @Test("RFC 9111 section 4.2.2: a tenth, capped, never beside explicit freshness")
    func heuristicLimits() {
        #expect(lifetime(["Last-Modified: \(date(-100 * 86400))", "Date: \(noonText)"]) == 86_400)
        #expect(lifetime(["Last-Modified: \(date(100))", "Date: \(noonText)"]) == 0)
        #expect(lifetime(["Last-Modified: yesterday", "Date: \(noonText)"]) == 0)
        #expect(lifetime(["Last-Modified: \(date(-1000))", "Expires: 0"]) == 0)
        #expect(lifetime(["Last-Modified: \(date(-1000))", "Cache-Control: max-age=x"]) == 0)
        #expect(lifetime(["Last-Modified: \(date(-1000))"]) == 100)
        var settings = PolicySettings()
        settings.heuristicPercent = 0
        let fields = ["Last-Modified: \(date(-1000))"]
        #expect(decide(fields, settings: settings).plan?.freshnessSeconds == 0)
    }

    @Test("RFC 9111 section 5.4: Pragma in a response only stops heuristics")
    func pragma() {
        #expect(lifetime(["Pragma: no-cache", "Last-Modified: \(date(-1000))"]) == 0)
        #expect(lifetime(["Pragma: no-cache", "Cache-Control: max-age=7"]) == 7)
        #expect(lifetime(["Pragma: foo", "Last-Modified: \(date(-1000))"]) == 100)
    }

    @Test("RFC 9111 section 4.2.3: age from Date, Age and the delay")
    func ages() {
        func initial(_ fields: [String], delay: Int64 = 0) -> Int64? {
            let times = ExchangeTimes(
                requestMilliseconds: noon * 1000 - delay, responseMilliseconds: noon * 1000)
            let plan = decide(fields + ["Cache-Control: max-age=100", "ETag: \"x\""], times: times).plan
            return plan.map { (noon * 1000 - $0.zeroMoment) / 1000 }
        }
        #expect(initial(["Date: \(noonText)"]) == 0)
        #expect(initial([]) == 0)
        #expect(initial(["Date: \(date(-30))"]) == 30)
        #expect(initial(["Date: \(date(30))"]) == 0)
        #expect(initial(["Date: nonsense"]) == 0)
        #expect(initial(["Date: \(date(-30))", "Age: 50"]) == 50)
        #expect(initial(["Age: 50"], delay: 4000) == 54)
        #expect(initial(["Age: 50, 60"]) == 50)
        #expect(initial(["Age: 0", "Age: 60"]) == 0)
        for invalid in ["-50", "50.0", "x", "50a", "50;x", "\"50\"", ""] {
            #expect(initial(["Age: \(invalid)"]) == 0, "Age: \(invalid)")
        }
        #expect(decide(["Age: 99999999999", "Cache-Control: max-age=100", "ETag: \"x\""]).refusal == .neverUsable)
    }

    @Test("RFC 9111 section 4.2: fresh while the age is below the lifetime, to the millisecond")
    func boundary() {
        #expect(reuse(["Cache-Control: max-age=2"], after: 1.999)?.verdict == .fresh)
        #expect(reuse(["Cache-Control: max-age=2", "ETag: \"x\""], after: 2)?.verdict == .validate)
        #expect(
            reuse(["Cache-Control: max-age=3600", "Date: \(date(-7200))", "ETag: \"x\""], after: 0)?.verdict
                == .validate)
        #expect(reuse(["Cache-Control: max-age=3600", "Age: 7200", "ETag: \"x\""], after: 0)?.verdict == .validate)
    }

    @Test("Negative caching by status")
    func negative() {
        #expect(decide([], status: "404 Not Found").plan?.freshnessSeconds == 10)
        #expect(decide([], status: "404 Not Found").plan?.source == .statusRule)
        #expect(decide(["Cache-Control: max-age=60"], status: "404 Not Found").plan?.freshnessSeconds == 60)
        #expect(decide([], status: "503 Service Unavailable").refusal == .noFreshness)
    }

    @Test("A default lifetime is for answers that say nothing, and are heuristically cacheable")
    func defaultLifetime() {
        var settings = PolicySettings()
        settings.defaultLifetimeSeconds = 7
        #expect(decide([], settings: settings).plan?.freshnessSeconds == 7)
        #expect(decide(["Cache-Control: max-age=3"], settings: settings).plan?.freshnessSeconds == 3)
        #expect(decide(["Cache-Control: max-age=0", "ETag: \"a\""], settings: settings).plan?.freshnessSeconds == 0)
        #expect(decide([], status: "302 X", settings: settings).refusal == .noFreshness)
        #expect(decide(["Cache-Control: no-store"], settings: settings).refusal == .noStore)
    }
}
