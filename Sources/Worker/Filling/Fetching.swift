// A miss: own the fetch, join the one that is under way, or go alone. And the refresh that no client waits for.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Gets what the cache could not give: for the connection's current request.
    mutating func fetch(_ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult) {
        let r = clients[c].request
        let facts = Self.facts(requests[r])
        var report = CacheStatus()
        report.forward = lookup.forward
        if lookup.alone, lookup.forward == .varyMiss { report.note = .coding }
        // HEAD is not turned into GET: an answer to HEAD updates what is stored, a miss is relayed.
        guard facts.method == .get, !lookup.alone, CollapsePolicy.mayWait(request: facts, settings: settings.policy)
        else {
            return pass(c, route, report: report, probe: probe, besides: facts.method == .head ? lookup : nil)
        }
        // Nobody waits for an answer that must not be stored: they would all have to ask by themselves afterwards.
        if facts.directives.noStore, settings.policy.requestNoStore == .honour, !lookup.isStored {
            report.refusal = .requestNoStore
            return pass(c, route, report: report, probe: probe)
        }
        // Nor for somebody's range of what is theirs alone, most likely: the whole would be asked for in vain.
        let isPersonal = !lookup.hasAnswer && CollapsePolicy.isPersonal(request: facts, settings: settings.policy)
        if isPersonal, facts.hasRange { return pass(c, route, report: report, probe: probe) }
        if lookup.isMarked { return fetchMarked(c, route, probe, lookup, report, hasRange: facts.hasRange) }
        if isPersonal { return fetchPersonal(c, route, probe, lookup, report) }
        if lookup.hasAnswer, lookup.part == .asAsked { return fetchSlice(c, route, probe, lookup, report) }
        // Nobody waits for another's validation where it is no use to him, nor for a second one.
        if lookup.isForOne || returning.isValidated, lookup.isFallback {
            return validateBesides(c, route, probe, lookup, report)
        }
        let start = Self.startFill(lane, lookup, scratch, refreshing: lookup.isStored)
        begin(start, c, route, probe, lookup, report)
    }

    /// The last answer could not be shared. One request at a time asks for one that can be; the others do not wait for
    /// it. A range goes as it is: nobody gains from the whole of what will not be stored.
    private mutating func fetchMarked(
        _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult, _ report: CacheStatus, hasRange: Bool
    ) {
        var report = report
        report.note = .hitForMiss
        guard !hasRange else { return pass(c, route, report: report, probe: probe) }
        switch Self.startFill(lane, lookup, scratch, refreshing: true) {
        case .own(let permit): own(permit, c, route, probe, lookup, report)
        default: pass(c, route, report: report, probe: probe)
        }
    }

    /// The answer is one client's, most likely: it is stored if it says that it is everybody's, and joined if it has
    /// said so already. It is not waited for.
    private mutating func fetchPersonal(
        _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult, _ report: CacheStatus
    ) {
        switch Self.startFill(lane, lookup, scratch, refreshing: lookup.isStored) {
        case .own(let permit): own(permit, c, route, probe, lookup, report)
        case .join(let ticket):
            guard Self.mayUse(ticket, requests[clients[c].request], clock.unixMilliseconds, settings) else {
                return pass(c, route, report: report, probe: probe)
            }
            begin(.join(ticket), c, route, probe, lookup, report)
        case .appeared: waitOutTurn(c, route, report)
        default: pass(c, route, report: report, probe: probe)
        }
    }

    /// One request at a time asks on the cache's behalf; those that come meanwhile ask beside it, each for itself and
    /// with what is stored to be confirmed.
    private mutating func validateBesides(
        _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult, _ report: CacheStatus
    ) {
        switch Self.startFill(lane, lookup, scratch, refreshing: true) {
        case .own(let permit): own(permit, c, route, probe, lookup, report)
        default: validateAlone(c, route, probe, lookup, report)
        }
    }

    /// Asks the origin for this request alone whether what is stored is still good. A 304 changes nothing that is
    /// stored, and another answer is relayed.
    private mutating func validateAlone(
        _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult, _ report: CacheStatus
    ) {
        guard lookup.mayValidate else { return pass(c, route, report: report, probe: probe, besides: lookup) }
        count(.passes)
        guard let x = makeContext(c, route, .awaitingOrigin) else { return refuse(c, status: 503) }
        contexts[x].report = report
        startExchange(
            .validate, request: clients[c].request, context: contexts.id(at: x), route, probe, lookup, permit: nil)
    }

    mutating func begin(
        _ start: consuming FillStart, _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult,
        _ report: CacheStatus
    ) {
        switch consume start {
        case .own(let permit):
            own(permit, c, route, probe, lookup, report)
        case .join(let ticket):
            count(.fillsCollapsed)
            var report = report
            report.isCollapsed = true
            join(ticket, c, route, report)
        case .appeared: waitOutTurn(c, route, report)
        case .retryNextTurn: waitOutTurn(c, route, report)
        case .unavailable:
            count(.fillsRefused)
            var report = report
            report.refusal = .noRoom
            pass(c, route, report: report, probe: probe)
        }
    }

    /// The key is in motion: the request asks again in the next turn.
    private mutating func waitOutTurn(_ c: UInt32, _ route: Route, _ report: CacheStatus) {
        guard let x = makeContext(c, route, .waitingForFill) else { return refuse(c, status: 503) }
        contexts[x].report = report
        contexts[x].waitsOutTurn = turn
        awaitFill(x)
        looksAgain = true
    }

    mutating func own(
        _ permit: consuming FillPermit, _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult,
        _ report: CacheStatus
    ) {
        count(.fillsStarted)
        let ticket = permit.ticket()
        guard let x = makeContext(c, route, .waitingForFill) else {
            permit.fail(.abandoned)
            return refuse(c, status: 503)
        }
        contexts[x].report = report
        contexts[x].body = BodySource(fill: ticket)
        awaitFill(x)
        startExchange(
            Self.purpose(lookup), request: clients[c].request, context: contexts.id(at: x), route, probe, lookup,
            permit: permit)
    }

    private static func purpose(_ lookup: LookupResult) -> ExchangePurpose {
        if case .rest = lookup.part { return .rest }
        return lookup.mayValidate ? .validate : .fill
    }

    private mutating func join(
        _ ticket: consuming FillTicket, _ c: UInt32, _ route: Route, _ report: CacheStatus
    ) {
        guard let x = makeContext(c, route, .waitingForFill) else { return refuse(c, status: 503) }
        contexts[x].report = report
        contexts[x].body = BodySource(fill: ticket)
        awaitFill(x)
        armContextTimer(x)
        // The head may be there already.
        progressFillContext(x)
    }

    /// A refresh that belongs to the cache: nobody waits for it, and one runs at a time.
    mutating func refreshInBackground(_ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult) {
        let start = Self.startFill(lane, lookup, scratch, refreshing: true)
        switch consume start {
        case .own(let permit):
            count(.fillsStarted)
            let purpose = lookup.mayValidate ? ExchangePurpose.validate : .fill
            startExchange(
                purpose, request: clients[c].request, context: .none, route, probe, lookup, permit: permit)
        default:
            break
        }
    }

    static func startFill(
        _ lane: borrowing Lane, _ lookup: LookupResult, _ scratch: borrowing Scratch, refreshing: Bool
    ) -> FillStart {
        lookup.isVariant
            ? lane.startFill(hash: lookup.hash, key: scratch.variantKey.readable, refreshing: refreshing)
            : lane.startFill(hash: lookup.hash, key: scratch.key.readable, refreshing: refreshing)
    }

    static func facts(_ request: borrowing RequestBuffer) -> RequestFacts {
        RequestFacts(head: request.head, bytes: request.bytes.readable, fields: request.fields)
    }

    /// Asks the origin for this request alone; nothing is stored. `besides`: what is, which may stand in for an error.
    mutating func pass(
        _ c: UInt32, _ route: Route, report: CacheStatus, probe: CacheProbe? = nil, besides stored: LookupResult? = nil
    ) {
        count(.passes)
        let r = clients[c].request
        let head = requests[r].head
        if let rejection = refusalOfChunks(r) { return refuse(c, rejection) }
        guard let probe = probe ?? makeProbe(c, request: r, route) else { return refuse(c, status: 414) }
        guard let x = makeContext(c, route, .awaitingOrigin) else { return refuse(c, status: 503) }
        contexts[x].report = report
        prepareUpload(x, head)
        var lookup = LookupResult(hash: probe.hash)
        if let stored {
            (lookup.forward, lookup.fallback, lookup.isDemand) = (stored.forward, stored.fallback, stored.isDemand)
        }
        startExchange(
            .relay, request: r, context: contexts.id(at: x), route, probe, lookup, permit: nil)
    }
}
