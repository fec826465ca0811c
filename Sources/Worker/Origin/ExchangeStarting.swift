// Beginning an exchange: the request for the origin is rendered once, and sent again when a pooled connection turns out
// to be dead. Where it goes is OriginChoosing.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Attempts of one exchange, the first included.
    private static var maximumAttempts: UInt8 { 3 }

    /// What is added to a client's request on its way to the origin fits in this.
    private static var requestAllowance: Int { 16 * 1024 }

    /// Renders the request and sends it, for a context that knows of it from then on. Gives the exchange's index; nil
    /// when it is over already (whoever waited has been told).
    @discardableResult
    mutating func startExchange(
        _ purpose: ExchangePurpose, request r: UInt32, context: SlabID, _ route: Route, _ probe: CacheProbe,
        _ lookup: LookupResult, permit: consuming FillPermit?, range: ByteRange? = nil
    ) -> UInt32? {
        guard !exchanges.isFull else {
            refuseExchange(context, permit)
            return nil
        }
        let head = requests[r].head
        var text = buffers.take(atLeast: scratch.key.count)
        text.append(scratch.key.readable)
        var keys = ExchangeKeys(text: text, key: probe.key, baseHash: probe.hash)
        keys.origin = route.origin
        if lookup.isVariant { keys.setVariant(scratch.variantKey, hash: lookup.hash) }
        scratch.text.clear()
        if !context.isNone { Self.write(clients[contexts[context.index].client.index].peer, &scratch.text) }
        // What the client sent, the target as it is keyed, and what this node adds.
        var requestHead = buffers.take(atLeast: head.length + scratch.key.count + Self.requestAllowance)
        let upgrade = purpose == .relay && head.upgrade
        // Nobody's client has asked for a refresh; waiters, and a body that has begun, need one: no conditions then.
        let forwardsConditions = !context.isNone && !returning.isForWaiters && purpose != .resume
        let asksRange = lookup.part == .asAsked
        let isRefresh = context.isNone && purpose != .relay
        let rendered =
            range == nil
            ? Self.render(
                purpose, requests[r], keys, scratch.text, lane, settings, forwardsConditions: forwardsConditions,
                isRefresh: isRefresh, part: lookup.part, into: &requestHead)
            : Self.renderResume(
                requests, r, keys, scratch.text, contexts[context.index].body, range, lane, settings,
                into: &requestHead)
        requests.retain(r)
        let exchange = Exchange(
            purpose: purpose, route: route, request: r, context: context, requestHead: requestHead, keys: keys,
            permit: permit, body: OriginBody(limits: settings.responseLimits),
            method: purpose == .relay ? head.method : .get,
            clientMinorVersion: head.minorVersion, fallback: lookup.fallback,
            startedUnixMilliseconds: clock.unixMilliseconds, sentUnixMilliseconds: clock.unixMilliseconds,
            asksRange: asksRange, isSlice: lookup.isSlice, isDemand: lookup.isDemand, hasStored: lookup.isFallback,
            isRefresh: isRefresh, missing: lookup.part.missing, comparesSkipped: purpose == .resume && range == nil,
            wantsUpgrade: upgrade)
        guard let id = exchanges.insert(exchange) else {
            requests.release(r)
            return nil
        }
        guard rendered else {
            failExchange(id.index, .node)
            return nil
        }
        // The answer may be here before this returns, and end the context.
        if contexts.contains(context) { contexts[context.index].exchange = id.index }
        attempt(id.index)
        return exchanges.contains(id) ? id.index : nil
    }

    /// There are as many exchanges as there can be: whoever waited is told so, and whoever is in the middle of a body
    /// sees that it ends.
    private mutating func refuseExchange(_ context: SlabID, _ permit: consuming FillPermit?) {
        if let permit = consume permit {
            count(.fillsFailed)
            permit.fail(.originBusy)
        }
        guard contexts.contains(context), contexts[context.index].phase != .sending else { return }
        contexts[context.index].report.note = .originBusy
        answerFailure(context.index, status: 503)
    }

    static func write(_ peer: PeerAddress, _ text: inout Buffer) {
        text.write { peer.write(into: &$0) }
    }

    /// The head that goes to the origin.
    static func render(
        _ purpose: ExchangePurpose, _ request: borrowing RequestBuffer, _ keys: borrowing ExchangeKeys,
        _ peer: borrowing Buffer, _ lane: borrowing Lane, _ settings: borrowing WorkerSettings,
        forwardsConditions: Bool, isRefresh: Bool, part: PartRequest, into output: inout Buffer
    ) -> Bool {
        if purpose == .relay, request.head.method != .head {
            return render(.pass, request, keys, peer, nil, settings, into: &output)
        }
        // What a stored Vary names is part of the key: the origin has to see it.
        let recordView = lane.lookup(hash: keys.baseHash, key: keys.base)
        let record: VaryRecord? = if let recordView { VaryRecord(recordView.header) } else { nil }
        if purpose == .relay {
            return render(.pass, request, keys, peer, nil, settings, record: record, into: &output)
        }
        if purpose == .validate || purpose == .rest, let view = lane.lookup(hash: keys.hash, key: keys.object) {
            let stored = StoredHead(view.header)
            guard case .rest(let range) = part else {
                return render(
                    .validate, request, keys, peer, stored, settings, isRefresh: isRefresh, record: record,
                    into: &output)
            }
            return render(
                .range, request, keys, peer, stored, settings, range: range, record: record, into: &output)
        }
        return render(
            .fill, request, keys, peer, nil, settings, forwardsConditions: forwardsConditions,
            forwardsRange: part == .asAsked, isRefresh: isRefresh, record: record, into: &output)
    }

    /// Asks for the rest of the object whose head the context's source has.
    private static func renderResume(
        _ requests: borrowing RequestBuffers, _ r: UInt32, _ keys: borrowing ExchangeKeys, _ peer: borrowing Buffer,
        _ body: borrowing BodySource, _ range: ByteRange?, _ lane: borrowing Lane,
        _ settings: borrowing WorkerSettings, into output: inout Buffer
    ) -> Bool {
        body.withHead(lane) {
            render(.range, requests[r], keys, peer, $0, settings, range: range, into: &output)
        } ?? false
    }

    static func render(
        _ purpose: OriginRequest.Purpose, _ request: borrowing RequestBuffer, _ keys: borrowing ExchangeKeys,
        _ peer: borrowing Buffer, _ stored: borrowing StoredHead?, _ settings: borrowing WorkerSettings,
        range: ByteRange? = nil, forwardsConditions: Bool = false, forwardsRange: Bool = false,
        isRefresh: Bool = false, record: borrowing VaryRecord? = nil, into output: inout Buffer
    ) -> Bool {
        var context = ForwardContext()
        context.forwardsConditions = forwardsConditions
        context.forwardsRange = forwardsRange
        context.isRefresh = isRefresh
        // An answer to HEAD is not stored, but it changes what is.
        context.cacheable = purpose != .pass || request.head.method == .head
        context.framing = purpose == .pass ? request.head.framing : .none
        context.expectsContinue = purpose == .pass && request.head.expectContinue
        let base = keys.base
        let named = base.slice(keys.key.authority)
        // HTTP/1.0 may leave Host out, and HTTP/1.1 may not leave it empty for an http URL (RFC 9110 section 7.2).
        let names = named.isEmpty ? settings.authorities : settings.hostFields
        let ownName = names[Int(keys.origin)]
        var sink = output.sink()
        unsafe OriginRequest.write(
            purpose: purpose, head: request.head, bytes: request.bytes.readable, fields: request.fields,
            target: base.slice(keys.key.target),
            authority: ownName.isEmpty ? named : ownName.span.bytes,
            clientAddress: peer.readable, stored: stored, range: range, record: record, context: context,
            settings: settings.policy, into: &sink)
        let count = sink.overflowed ? 0 : sink.count
        output.commit(count)
        return count > 0
    }

    /// Whether the exchange may be sent once more: nothing of it was used and the method allows it (RFC 9110 section
    /// 9.2.2).
    borrowing func mayRetry(_ e: UInt32) -> Bool {
        guard exchanges[e].attempts < Self.maximumAttempts, !exchanges[e].hasResponse, !exchanges[e].hasBytes,
            exchanges[e].interims == 0
        else { return false }
        guard exchanges[e].method.isIdempotent else { return false }
        let context = exchanges[e].context
        return context.isNone || !contexts[context.index].upload.hasBegun
    }
}
