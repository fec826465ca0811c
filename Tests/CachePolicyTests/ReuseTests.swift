// RFC 9111 section 4: reuse, stale rules, request directives; RFC 5861.
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

    @Test("RFC 9111 section 5.2.1: clients cannot bypass the cache by default")
    func requestIgnored() {
        for request in [
            "Cache-Control: no-cache", "Cache-Control: max-age=0", "Cache-Control: max-age=1", "Pragma: no-cache",
            "Cache-Control: min-fresh=100", "Cache-Control: no-store",
        ] {
            #expect(reuse([fresh], after: 10, request: [request])?.verdict == .fresh, "\(request)")
        }
    }

    @Test("RFC 9111 section 5.2.1.3: min-fresh is heeded up to the lifetime of what is stored")
    func minFresh() {
        var settings = PolicySettings()
        func verdict(_ seconds: Int) -> Reuse.Verdict? {
            reuse([fresh, tag], after: 10, request: ["Cache-Control: min-fresh=\(seconds)"], settings: settings)?.verdict
        }
        #expect(verdict(50) == .fresh)
        #expect(verdict(51) == .validate)
        #expect(verdict(60) == .validate)
        #expect(verdict(61) == .fresh)
        settings.requestMinFresh = .ignore
        #expect(verdict(51) == .fresh)
    }

    @Test("RFC 9111 section 5.2.1: unless the policy honours them")
    func requestHonoured() {
        var settings = PolicySettings()
        settings.requestNoCache = .honour
        settings.requestMaxAge = .honour
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

    @Test("RFC 9110 section 12.5.3: a stored coding that the client does not take")
    func codings() {
        let stored = [fresh, "Content-Encoding: gzip"]
        #expect(reuse(stored, after: 1)?.verdict == .unacceptableCoding)
        #expect(reuse(stored, after: 1, request: ["Accept-Encoding: br, gzip;q=0.1"])?.verdict == .fresh)
        #expect(reuse(stored, after: 1, request: ["Accept-Encoding: gzip;q=0"])?.verdict == .unacceptableCoding)
        #expect(reuse(stored, after: 1, request: ["Accept-Encoding: *"])?.verdict == .fresh)
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
            let plain = RequestFacts.isPlain(method: head.method, fields: fields)
            #expect(plain)
        }
        for field in ["Range: bytes=0-1", "Pragma: no-cache", "If-None-Match: *", "Authorization: x"] {
            withRequest("GET /", [field]) { head, _, fields in
                let plain = RequestFacts.isPlain(method: head.method, fields: fields)
                #expect(!plain, "\(field)")
            }
        }
    }

    @Test("Collapsed forwarding: who may wait, and use what came")
    func collapse() {
        let settings = PolicySettings()
        #expect(CollapsePolicy.mayWait(request: requestFacts(), settings: settings))
        #expect(!CollapsePolicy.mayWait(request: requestFacts("POST /"), settings: settings))
        #expect(CollapsePolicy.mayWait(request: requestFacts("GET /", ["Authorization: x"]), settings: settings))
        #expect(!CollapsePolicy.mayWait(request: requestFacts("GET /", ["If-Match: *"]), settings: settings))
        func mayUse(_ fields: [String], request: [String] = []) -> Bool? {
            withStored(fields) {
                CollapsePolicy.mayUse(stored: $0, request: requestFacts("GET /", request), settings: settings)
            }
        }
        #expect(mayUse([fresh]) == true)
        #expect(mayUse(["Cache-Control: max-age=0", tag]) == false)
        #expect(mayUse([fresh], request: ["Authorization: x"]) == false)
        #expect(mayUse(["Cache-Control: max-age=60, public"], request: ["Authorization: x"]) == true)
        #expect(mayUse(["Cache-Control: no-cache, max-age=60", tag]) == false)
        #expect(mayUse([fresh, "Content-Encoding: gzip"]) == false)
        #expect(mayUse([fresh, "Content-Encoding: gzip"], request: ["Accept-Encoding: gzip"]) == true)
    }

    @Test("XFetch: the rate follows the exponential law")
    func earlyRefresh() {
        #expect(!EarlyRefresh.isDue(remainingMilliseconds: 1, costMilliseconds: 0, betaPercent: 100, random: 0))
        #expect(!EarlyRefresh.isDue(remainingMilliseconds: 1, costMilliseconds: 9, betaPercent: 0, random: 0))
        var generator = SystemRandomNumberGenerator()
        for (remaining, expected) in [(100, 0.3679), (200, 0.1353), (50, 0.6065)] as [(Int64, Double)] {
            var due = 0
            for _ in 0..<20_000
            where EarlyRefresh.isDue(
                remainingMilliseconds: remaining, costMilliseconds: 100, betaPercent: 100, random: generator.next()
            ) { due += 1 }
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
