// RFC 9111 section 3: what may be stored, and the guards of the node.
import Testing

@testable import CachePolicy

@Suite struct StoreDecisionTests {
    @Test("RFC 9111 section 3: only GET is stored")
    func methods() {
        let fresh = ["Cache-Control: max-age=60"]
        #expect(decide(fresh).plan != nil)
        for method in ["HEAD /", "PUT /", "DELETE /", "OPTIONS /", "PATCH /", "FOO /"] {
            #expect(decide(fresh, request: method).refusal == .method, "\(method)")
        }
        #expect(decide(fresh, request: "POST /").refusal == .method)
    }

    @Test("RFC 9110 section 9.3.3: a POST answer that names its own URL")
    func post() {
        var facts = responseFacts(["Cache-Control: max-age=60", "Content-Location: /"])
        facts.namesOwnLocation = true
        func outcome(
            _ facts: ResponseFacts, _ settings: PolicySettings = PolicySettings(), asked fields: [String] = []
        ) -> StoreDecision {
            StoreDecision.decide(
                request: requestFacts("POST /", fields), response: facts, times: instant, settings: settings)
        }
        #expect(outcome(facts).plan != nil)
        #expect(outcome(facts, asked: ["X-Forwarded-Host: a"]).refusal == .method)
        var deflated = facts
        deflated.coding = .other
        #expect(outcome(deflated).refusal == .method)
        var settings = PolicySettings()
        settings.storesPostAnswers = false
        #expect(outcome(facts, settings).refusal == .method)
        var heuristic = responseFacts(["Last-Modified: \(date(-9999))"])
        heuristic.namesOwnLocation = true
        #expect(outcome(heuristic).refusal == .method)
    }

    @Test("RFC 9111 sections 3.3 and 4.3.3: 206 and 304 are not stored as they are")
    func partial() {
        #expect(
            decide(["Cache-Control: max-age=60", "Content-Range: bytes 0-1/9"], status: "206 X").refusal
                == .partialContent)
        #expect(decide(["Cache-Control: max-age=60"], status: "304 X").refusal == .statusNotFinal)
    }

    @Test(
        "RFC 9111 section 3: every final status with explicit freshness",
        arguments: [200, 201, 202, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599])
    func statuses(status: Int) {
        #expect(decide(["Cache-Control: max-age=60"], status: "\(status) X").plan?.freshnessSeconds == 60)
    }

    @Test("RFC 9111 section 5.2.2.5: no-store")
    func noStore() {
        #expect(decide(["Cache-Control: no-store"]).refusal == .noStore)
        #expect(decide(["Cache-Control: No-StOrE"]).refusal == .noStore)
        #expect(decide(["Cache-Control: max-age=60, no-store"]).refusal == .noStore)
        #expect(decide(["Cache-Control: max-age=60", "Cache-Control: no-store"]).refusal == .noStore)
        #expect(decide(["Cache-Control: max-age=60, no-store=foo"]).refusal == .noStore)
        #expect(decide(["Cache-Control: max-age=60, foo=\"no-store\""]).plan != nil)
    }

    @Test("RFC 9111 section 5.2.1.5: no-store of the request, honoured by default")
    func requestNoStore() {
        let fields = ["Cache-Control: max-age=60"]
        #expect(decide(fields, requestFields: ["Cache-Control: no-store"]).refusal == .requestNoStore)
        var settings = PolicySettings()
        settings.requestNoStore = .ignore
        #expect(decide(fields, requestFields: ["Cache-Control: no-store"], settings: settings).plan != nil)
    }

    @Test("RFC 9111 section 5.2.2.7: private, whole and with names")
    func privateAnswers() {
        #expect(decide(["Cache-Control: max-age=60, private"]).refusal == .privateResponse)
        #expect(decide(["Cache-Control: max-age=60, private=\"\""]).refusal == .privateResponse)
        #expect(decide(["Cache-Control: max-age=60, private=\"X-A\""]).plan != nil)
        for list in ["x y", "a;b", "a, \\b", "a, b/c"] {
            #expect(decide(["Cache-Control: max-age=60, private=\"\(list)\""]).refusal == .privateResponse)
        }
        #expect(decide(["CDN-Cache-Control: max-age=60, private=\"x y\""]).refusal == .privateResponse)
        #expect(decide(["CDN-Cache-Control: max-age=60, private=\"X-A, X-B\""]).plan != nil)
        var settings = PolicySettings()
        settings.qualifiedDirectivesCountAsWhole = true
        #expect(decide(["Cache-Control: max-age=60, private=\"X-A\""], settings: settings).refusal == .privateResponse)
    }

    @Test("RFC 9111 section 5.2.2.4: no-cache is stored for validation, if it can be validated")
    func noCache() {
        #expect(decide(["Cache-Control: no-cache, max-age=60", "ETag: \"a\""]).plan?.flags.contains(.noCache) == true)
        #expect(decide(["Cache-Control: no-cache, max-age=60"]).refusal == .neverUsable)
        let named = decide(["Cache-Control: no-cache=\"X-A\", max-age=60"]).plan
        #expect(named?.flags.contains(.noCache) == false)
        var settings = PolicySettings()
        settings.qualifiedDirectivesCountAsWhole = true
        let strict = decide(["Cache-Control: no-cache=\"X-A\", max-age=60", "ETag: \"a\""], settings: settings)
        #expect(strict.plan?.flags.contains(.noCache) == true)
    }

    @Test("RFC 9111 section 3.5: Authorization")
    func authorization() {
        let asked = ["Authorization: Basic eA=="]
        #expect(decide(["Cache-Control: max-age=60"], requestFields: asked).refusal == .authorization)
        for directive in ["public", "must-revalidate", "s-maxage=60"] {
            let fields = ["Cache-Control: max-age=60, \(directive)"]
            #expect(decide(fields, requestFields: asked).plan != nil, "\(directive)")
        }
        #expect(decide(["Cache-Control: max-age=60, proxy-revalidate"], requestFields: asked).refusal == .authorization)
        #expect(
            decide(["Cache-Control: max-age=60"], requestFields: asked)
                == .pass(.authorization, rememberSeconds: 0))
    }

    @Test("RFC 9111 section 5.2.2.3: must-understand")
    func mustUnderstand() {
        #expect(decide(["Cache-Control: max-age=60, must-understand, no-store"]).plan != nil)
        #expect(decide(["Cache-Control: max-age=60, must-understand"], status: "599 X").refusal == .statusNotUnderstood)
        #expect(
            decide(["Cache-Control: max-age=60, must-understand, no-store"], status: "499 X").refusal
                == .statusNotUnderstood)
    }

    @Test("RFC 9111 section 7.3: Set-Cookie only with explicit consent")
    func setCookie() {
        let cookie = "Set-Cookie: a=b"
        #expect(decide(["Cache-Control: max-age=60", cookie]).refusal == .setCookie)
        #expect(decide(["Cache-Control: max-age=60, public", cookie]).plan != nil)
        #expect(decide(["Cache-Control: s-maxage=60", cookie]).plan != nil)
        var settings = PolicySettings()
        settings.storesSetCookie = true
        #expect(decide(["Cache-Control: max-age=60", cookie], settings: settings).plan != nil)
    }

    @Test("RFC 9111 section 4.1: Vary: * in any place", arguments: ["*", "*, Foo", "Foo, *", ", *", "*, *"])
    func varyStar(value: String) {
        #expect(decide(["Cache-Control: max-age=60", "Vary: \(value)"]).refusal == .varyStar)
    }

    @Test("Deception: a static extension with a page behind it")
    func deception() {
        let page = ["Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8"]
        for path in [
            "/account/x.css", "/a.PNG", "/x%2Ejs", "/a/b.woff2", "/account.css/", "/a.css//", "/account.css;a",
            "/account;a.css", "/a.css;b=1;c", "/a.css%3Bx", "/a.css%3fx", "/a.css%0ax", "/a%2fx.css", "/a.css%2Fb",
            "/a%2eCSS;/",
        ] {
            #expect(decide(page, request: "GET \(path)").refusal == .deception, "\(path)")
        }
        for path in [
            "/account", "/a.css/b", "/a.html", "/a.json", "/a.css?x.html", "/acss", "/a.css1", "/a.csss", "/", "//",
            "/;;;",
            "/a;b", "/a.css;/b", "/%3b%3b", "/css",
        ] {
            let expected: PassReason? = path.hasPrefix("/a.css?") ? .deception : nil
            #expect(decide(page, request: "GET \(path)").refusal == expected, "\(path)")
        }
        let style = ["Cache-Control: max-age=60", "Content-Type: text/css"]
        #expect(decide(style, request: "GET /a.css").plan != nil)
        #expect(decide(page, status: "404 X", request: "GET /a.css").plan != nil)
        let json = ["Cache-Control: max-age=60", "Content-Type: application/problem+json"]
        #expect(decide(json, request: "GET /a.css").refusal == .deception)
    }

    @Test("What can never be used is not stored, and is remembered as such")
    func neverUsable() {
        #expect(decide(["Cache-Control: max-age=0"]) == .pass(.neverUsable, rememberSeconds: 10))
        #expect(decide([]).refusal == .neverUsable)
        #expect(decide(["ETag: \"a\""]).plan?.freshnessSeconds == 0)
        #expect(decide(["Cache-Control: max-age=0, stale-while-revalidate=9"]).plan?.staleWhileRevalidateSeconds == 9)
    }

    @Test("RFC 5861: stale windows, none where stale answers are forbidden")
    func windows() {
        let windows = "stale-while-revalidate=30, stale-if-error=90"
        let plan = decide(["Cache-Control: max-age=60, \(windows)"]).plan
        #expect(plan?.staleWhileRevalidateSeconds == 30)
        #expect(plan?.staleIfErrorSeconds == 90)
        for directive in ["must-revalidate", "proxy-revalidate", "s-maxage=60"] {
            let strict = decide(["Cache-Control: max-age=60, \(directive), \(windows)"]).plan
            #expect(strict?.staleWhileRevalidateSeconds == 0, "\(directive)")
            #expect(strict?.staleIfErrorSeconds == 0, "\(directive)")
            #expect(strict?.flags.contains(.mustRevalidate) == true)
        }
        var settings = PolicySettings()
        settings.sharedMaxAgeForbidsStale = false
        let loose = decide(["Cache-Control: s-maxage=60, \(windows)"], settings: settings).plan
        #expect(loose?.staleWhileRevalidateSeconds == 30)
    }

    @Test("Every refusal explains itself with a token")
    func details() {
        for reason in PassReason.allCases {
            let detail = reason.detail.description
            #expect(!detail.isEmpty && detail.allSatisfy { $0.isLowercase || $0 == "-" })
        }
    }
}
