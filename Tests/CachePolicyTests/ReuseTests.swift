// RFC 9111 section 4: reuse, stale rules, request directives; RFC 5861, RFC 8246.
import Dice
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct ReuseTests {
    private let fresh = "Cache-Control: max-age=60"
    private let tag = "ETag: \"a\""

    @Test("RFC 9111 section 4.2: fresh, then validate")
    func basic() {
        let early = reuse([fresh, tag], after: 10)
        #expect(early?.verdict == .fresh)
        #expect(early?.ageSeconds == 10)
        #expect(early?.ttlSeconds == 50)
        let late = reuse([fresh, tag], after: 70)
        #expect(late?.verdict == .validate)
        #expect(late?.mayValidate == true)
        #expect(late?.ttlSeconds == -10)
        #expect(reuse([fresh], after: 70)?.mayValidate == false)
    }

    @Test("RFC 9111 section 5.2.2.4: no-cache is always validated, and never used when that fails")
    func noCache() {
        let outcome = reuse(["Cache-Control: no-cache, max-age=60, stale-if-error=60", tag], after: 1)
        #expect(outcome?.verdict == .validate)
        #expect(outcome?.fallback == .never)
    }

    @Test("RFC 5861 section 3: stale-while-revalidate and its window")
    func staleWhileRevalidate() {
        let fields = ["Cache-Control: max-age=60, stale-while-revalidate=30", tag]
        #expect(reuse(fields, after: 59)?.verdict == .fresh)
        #expect(reuse(fields, after: 60)?.verdict == .staleRefresh)
        #expect(reuse(fields, after: 89)?.verdict == .staleRefresh)
        #expect(reuse(fields, after: 91)?.verdict == .validate)
        let strict = ["Cache-Control: max-age=60, stale-while-revalidate=30, must-revalidate", tag]
        #expect(reuse(strict, after: 61)?.verdict == .validate)
    }

    @Test("RFC 5861 section 4: stale-if-error and its window")
    func staleIfError() {
        let fields = ["Cache-Control: max-age=60, stale-if-error=30", tag]
        #expect(reuse(fields, after: 61)?.fallback == .onError)
        #expect(reuse(fields, after: 95)?.fallback == .never)
        #expect(reuse(["Cache-Control: max-age=60, stale-if-error=0"], after: 61)?.fallback == .never)
        var settings = PolicySettings()
        settings.staleIfErrorSeconds = 5
        #expect(reuse([fresh, tag], after: 61, settings: settings)?.fallback == .onError)
        #expect(Reuse.isError(status: 503) && Reuse.isError(status: 500))
        #expect(!Reuse.isError(status: 501) && !Reuse.isError(status: 404))
    }

    @Test("RFC 9111 section 4.2.4: disconnected, but not where it is forbidden")
    func unreachable() {
        #expect(reuse([fresh], after: 61)?.fallback == .whenUnreachable)
        #expect(reuse([fresh], after: 90_000)?.fallback == .never)
        for directive in ["must-revalidate", "proxy-revalidate", "s-maxage=60"] {
            let fields = ["Cache-Control: max-age=60, stale-if-error=99, \(directive)", tag]
            #expect(reuse(fields, after: 61)?.fallback == .never, "\(directive)")
            #expect(reuse(fields, after: 61)?.verdict == .validate)
        }
    }

    private let advice = [
        "Cache-Control: no-cache", "Pragma: no-cache", "Cache-Control: max-age=0", "Cache-Control: max-age=1",
        "Cache-Control: min-fresh=51", "Cache-Control: min-fresh=100",
    ]

    @Test("RFC 9111 section 5.2.1: clients cannot bypass the cache where the policy ignores them")
    func requestIgnored() {
        var settings = PolicySettings()
        settings.requestNoCache = .ignore
        settings.requestMaxAge = .ignore
        settings.requestMinFresh = .ignore
        for request in advice + ["Cache-Control: no-store"] {
            let found = reuse([fresh, tag], after: 10, request: [request], settings: settings)
            #expect(found?.verdict == .fresh && found?.isDemand == false, "\(request)")
        }
    }

    @Test("RFC 9111 section 5.2.1: by default they are heeded, and the stored answer covers a failure")
    func requestLimited() {
        for request in advice {
            let found = reuse([fresh, tag], after: 10, request: [request])
            #expect(found?.verdict == .validate && found?.isDemand == true, "\(request)")
            #expect(found?.fallback == .onError)
        }
        for request in ["Cache-Control: max-age=10", "Cache-Control: min-fresh=50", "Cache-Control: no-store"] {
            #expect(reuse([fresh, tag], after: 10, request: [request])?.verdict == .fresh, "\(request)")
        }
        #expect(reuse([fresh, tag], after: 70)?.isDemand == false)
        #expect(reuse(["Cache-Control: no-cache", tag], after: 10)?.isDemand == false)
    }

    @Test("RFC 9111 section 5.2.1: what was fetched on demand is new enough for a second")
    func demandedLately() {
        for request in advice {
            for (seconds, verdict) in [(0.9, Reuse.Verdict.fresh), (1.9, .fresh), (2, .validate), (9, .validate)] {
                let zero = request.contains("max-age=1") ? 5.0 : 0
                let fields = ["Cache-Control: max-age=60", tag, "Age: \(Int(zero))"]
                let found = withStored(fields, isDemand: true) { stored in
                    Reuse.decide(
                        stored: stored, request: requestFacts("GET /", [request]),
                        now: noon * 1000 + Int64(seconds * 1000), random: .max, settings: PolicySettings())
                }
                let late = request.contains("min-fresh=51") ? Reuse.Verdict.fresh : verdict
                #expect(found?.verdict == late, "\(request) after \(seconds)")
            }
        }
        var settings = PolicySettings()
        settings.requestNoCache = .honour
        let found = withStored([fresh, tag], isDemand: true) { stored in
            Reuse.decide(
                stored: stored, request: requestFacts("GET /", ["Cache-Control: no-cache"]), now: noon * 1000,
                random: .max, settings: settings)
        }
        #expect(found?.verdict == .validate)
    }

    @Test("RFC 9111 section 5.2.1.4: no-cache beside a condition is the condition's")
    func conditionalNoCache() {
        for condition in ["If-None-Match: \"a\"", "If-Modified-Since: \(noonText)", "If-Range: \"a\""] {
            for demand in ["Cache-Control: no-cache", "Pragma: no-cache"] {
                #expect(
                    reuse([fresh, tag], after: 10, request: [condition, demand])?.verdict == .fresh, "\(condition)")
            }
        }
        var settings = PolicySettings()
        settings.requestNoCache = .honour
        let asked = ["If-None-Match: \"a\"", "Cache-Control: no-cache"]
        #expect(reuse([fresh, tag], after: 10, request: asked, settings: settings)?.verdict == .validate)
    }

    @Test("RFC 8246 section 2.1: a reload does not ask again for what cannot change")
    func immutable() {
        let fields = ["Cache-Control: max-age=60, immutable", tag]
        #expect(reuse(fields, after: 10, request: ["Cache-Control: max-age=0"])?.verdict == .fresh)
        #expect(reuse(fields, after: 10, request: ["Cache-Control: max-age=5"])?.verdict == .validate)
        #expect(reuse(fields, after: 10, request: ["Cache-Control: no-cache"])?.verdict == .validate)
        #expect(reuse(fields, after: 70, request: ["Cache-Control: max-age=0"])?.verdict == .validate)
    }

    @Test("RFC 9110 section 12.5.3: a coding that the origin was not asked for is for everybody")
    func unaskedCoding() {
        let fields = [fresh, tag, "Content-Encoding: gzip"]
        func verdict(_ asked: [String], _ request: [String]) -> Reuse.Verdict? {
            withStored(fields, requestFields: asked) { stored in
                Reuse.decide(
                    stored: stored, request: requestFacts("GET /", request), now: noon * 1000, random: .max,
                    settings: PolicySettings()
                ).verdict
            }
        }
        #expect(verdict([], []) == .fresh)
        #expect(verdict([], ["Accept-Encoding: gzip"]) == .fresh)
        #expect(verdict([], ["Accept-Encoding: identity"]) == .fresh)
        #expect(verdict(["Accept-Encoding: gzip"], []) == .unacceptableCoding)
        #expect(verdict(["Accept-Encoding: gzip"], ["Accept-Encoding: br"]) == .unacceptableCoding)
        #expect(verdict(["Accept-Encoding: gzip"], ["Accept-Encoding: br, gzip;q=0.1"]) == .fresh)
        #expect(verdict(["Accept-Encoding: gzip"], ["Accept-Encoding: gzip;q=0"]) == .unacceptableCoding)
        #expect(verdict(["Accept-Encoding: gzip"], ["Accept-Encoding: *"]) == .fresh)
    }

    @Test("RFC 9111 section 5.2.1: unless the policy honours them")
    func requestHonoured() {
        var settings = PolicySettings()
        settings.requestNoCache = .honour
        settings.requestMaxAge = .honour
        settings.requestMinFresh = .honour
        func verdict(_ request: String) -> Reuse.Verdict? {
            reuse([fresh, tag], after: 10, request: [request], settings: settings)?.verdict
        }
        #expect(verdict("Cache-Control: no-cache") == .validate)
        #expect(verdict("Pragma: no-cache") == .validate)
        #expect(verdict("Pragma: foo") == .fresh)
        #expect(verdict("Cache-Control: max-age=0") == .validate)
        #expect(verdict("Cache-Control: max-age=9") == .validate)
        #expect(verdict("Cache-Control: max-age=10") == .fresh)
        #expect(verdict("Cache-Control: max-age=x") == .validate)
        #expect(verdict("Cache-Control: min-fresh=51") == .validate)
        #expect(verdict("Cache-Control: min-fresh=50") == .fresh)
        let both = ["Cache-Control: foo", "Pragma: no-cache"]
        #expect(reuse([fresh], after: 10, request: both, settings: settings)?.verdict == .fresh)
        #expect(
            reuse([fresh], after: 10, request: ["Cache-Control: max-age=0"], settings: settings)?.fallback
                == .onError)
    }

    @Test("RFC 9111 section 5.2.1.2: max-stale")
    func maxStale() {
        func verdict(_ value: String, after seconds: Double = 70, control: String = "max-age=60") -> Reuse.Verdict? {
            reuse(["Cache-Control: \(control)", tag], after: seconds, request: ["Cache-Control: \(value)"])?.verdict
        }
        #expect(verdict("max-stale") == .staleOnRequest)
        #expect(verdict("max-stale=10") == .staleOnRequest)
        #expect(verdict("max-stale=9") == .validate)
        #expect(verdict("max-stale=x") == .validate)
        #expect(verdict("max-stale", control: "max-age=60, must-revalidate") == .validate)
        #expect(verdict("max-stale", control: "s-maxage=60") == .validate)
        #expect(verdict("max-stale", after: 60 + 86_401) == .validate)
    }

    @Test("RFC 9111 section 5.2.1.7: only-if-cached")
    func onlyIfCached() {
        let asked = ["Cache-Control: only-if-cached"]
        #expect(reuse([fresh], after: 10, request: asked)?.verdict == .fresh)
        #expect(reuse([fresh, tag], after: 70, request: asked)?.verdict == .unavailable)
        #expect(
            reuse(["Cache-Control: max-age=60, stale-while-revalidate=60"], after: 70, request: asked)?.verdict
                == .staleRefresh)
        #expect(Reuse.refusesFetch(request: requestFacts("GET /", asked)))
        #expect(!Reuse.refusesFetch(request: requestFacts()))
    }

    @Test("RFC 9111 section 3.5: a request with Authorization")
    func authorization() {
        let asked = ["Authorization: Basic eA=="]
        #expect(reuse([fresh], after: 1, request: asked)?.verdict == .notForThisRequest)
        #expect(reuse(["Cache-Control: max-age=60, public"], after: 1, request: asked)?.verdict == .fresh)
        var settings = PolicySettings()
        settings.authorizationBypasses = false
        #expect(reuse([fresh], after: 1, request: asked, settings: settings)?.verdict == .fresh)
    }

    @Test("RFC 9111 section 4.3.2: If-Match and If-Unmodified-Since are for the origin")
    func originConditions() {
        for field in ["If-Match: \"a\"", "If-Unmodified-Since: \(noonText)"] {
            #expect(reuse([fresh, tag], after: 1, request: [field])?.verdict == .notForThisRequest)
        }
    }

    @Test("The plain path agrees with the long one")
    func plain() {
        withStored([fresh, tag], cost: 100) { stored in
            let plain = [0, 56, 57].map { stored.isPlain(now: (noon + $0) * 1000) }
            #expect(plain == [true, true, false])
        }
        withStored(["Cache-Control: no-cache", tag]) { stored in
            let plain = stored.isPlain(now: noon * 1000)
            #expect(!plain)
        }
        withStored([fresh, "Content-Encoding: gzip"]) { stored in
            let plain = stored.isPlain(now: noon * 1000)
            #expect(!plain)
        }
        withRequest("GET /", ["Accept: x", "User-Agent: y", "Accept-Encoding: gzip"]) { head, _, fields in
            let plain = RequestFacts.isPlain(method: head.method, names: fields.presence)
            #expect(plain)
        }
        for field in ["Range: bytes=0-1", "Pragma: no-cache", "If-None-Match: *", "Authorization: x"] {
            withRequest("GET /", [field]) { head, _, fields in
                let plain = RequestFacts.isPlain(method: head.method, names: fields.presence)
                #expect(!plain, "\(field)")
            }
        }
    }

    @Test("Collapsed forwarding: a validation is for one request where it makes nothing fresh")
    func validatesForOne() {
        for (control, isForOne) in [
            ("no-cache", true), ("max-age=0", true), ("public, max-age=0", true), ("max-age=60", false),
            ("max-age=60, must-revalidate", false), ("s-maxage=0, max-age=60", true),
        ] {
            let found = withStored(["Cache-Control: \(control)", "ETag: \"a\""]) { CollapsePolicy.isForOne(stored: $0) }
            #expect(found == isForOne, "\(control)")
        }
        var settings = PolicySettings()
        let named = requestFacts("GET /", ["Authorization: x"])
        #expect(CollapsePolicy.isPersonal(request: named, settings: settings))
        #expect(!CollapsePolicy.isPersonal(request: requestFacts(), settings: settings))
        settings.authorizationBypasses = false
        #expect(!CollapsePolicy.isPersonal(request: named, settings: settings))
    }

    @Test("Collapsed forwarding: who may wait, and use what came")
    func collapse() {
        let settings = PolicySettings()
        #expect(CollapsePolicy.mayWait(request: requestFacts(), settings: settings))
        #expect(!CollapsePolicy.mayWait(request: requestFacts("POST /"), settings: settings))
        #expect(CollapsePolicy.mayWait(request: requestFacts("GET /", ["Authorization: x"]), settings: settings))
        #expect(!CollapsePolicy.mayWait(request: requestFacts("GET /", ["If-Match: *"]), settings: settings))
        func mayUse(_ fields: [String], asked: [String] = [], request: [String] = []) -> Bool? {
            withStored(fields, requestFields: asked) {
                CollapsePolicy.mayUse(stored: $0, request: requestFacts("GET /", request), settings: settings)
            }
        }
        #expect(mayUse([fresh]) == true)
        #expect(mayUse(["Cache-Control: max-age=0", tag]) == false)
        #expect(mayUse([fresh], request: ["Authorization: x"]) == false)
        #expect(mayUse(["Cache-Control: max-age=60, public"], request: ["Authorization: x"]) == true)
        #expect(mayUse(["Cache-Control: no-cache, max-age=60", tag]) == false)
        let zipped = [fresh, "Content-Encoding: gzip"]
        #expect(mayUse(zipped) == true)
        #expect(mayUse(zipped, asked: ["Accept-Encoding: gzip"]) == false)
        #expect(mayUse(zipped, asked: ["Accept-Encoding: gzip"], request: ["Accept-Encoding: gzip"]) == true)
    }

    @Test("XFetch: the rate follows the exponential law")
    func earlyRefresh() {
        func isDue(_ remaining: Int64, of life: Int64 = 60_000, cost: UInt32, beta: UInt32, _ random: UInt64) -> Bool {
            EarlyRefresh.isDue(
                remainingMilliseconds: remaining, lifetimeMilliseconds: life, costMilliseconds: cost,
                betaPercent: beta, random: random)
        }
        #expect(!isDue(1, cost: 0, beta: 100, 0))
        #expect(!isDue(1, cost: 9, beta: 0, 0))
        #expect(isDue(500, of: 2_000, cost: 1_000, beta: 100, 0))
        #expect(!isDue(501, of: 2_000, cost: 1_000, beta: 100, 0), "not in the first three quarters")
        var generator = SystemRandomNumberGenerator()
        for (remaining, expected) in [(100, 0.3679), (200, 0.1353), (50, 0.6065)] as [(Int64, Double)] {
            var due = 0
            for _ in 0..<20_000 where isDue(remaining, cost: 100, beta: 100, generator.next()) { due += 1 }
            #expect(abs(Double(due) / 20_000 - expected) < 0.03, "\(remaining): \(due)")
        }
    }

    @Test("Admission: what has to do with the cache at all")
    func admission() {
        func outcome(_ line: String, _ fields: [String] = []) -> Admission {
            withRequest(line, fields) {
                Admission.decide(head: $0, facts: RequestFacts(head: $0, bytes: $1, fields: $2))
            }
        }
        #expect(outcome("GET /") == .lookUp)
        #expect(outcome("HEAD /") == .lookUp)
        #expect(outcome("POST /", ["Content-Length: 0"]) == .relay(.method))
        #expect(outcome("OPTIONS *") == .relay(.method))
        #expect(outcome("GET /", ["If-Match: \"a\""]) == .relay(.request))
        #expect(outcome("GET /", ["Content-Length: 3"]) == .relay(.request))
        #expect(outcome("GET /", ["Connection: upgrade", "Upgrade: websocket"]) == .relay(.bypass))
    }
}
