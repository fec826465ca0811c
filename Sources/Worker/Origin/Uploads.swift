// Request bodies on their way to the origin, with back-pressure: what the origin does not take is not read from the
// client.

internal import ControlChannel
internal import HTTPMessage

extension Worker {
    mutating func prepareUpload(_ x: UInt32, _ head: RequestHead) {
        switch head.framing {
        case .none, .untilClose, .length(0): return
        case .length(let length): contexts[x].upload.remaining = length
        case .chunked:
            contexts[x].upload.decoder = ChunkedDecoder(limits: settings.limits)
            contexts[x].upload.decoder?.dropsTrailers = head.connection.contains(.others)
        }
        boundUnread(clients[contexts[x].client.index].descriptor, of: head.framing)
        contexts[x].upload.state = head.expectContinue ? .awaitingContinue : .flowing
        if head.expectContinue { armContextTimer(x) } else { armClientTimer(contexts[x].client.index) }
    }

    /// What has arrived of a chunked body is looked at before anybody is asked: of a malformed request the origin then
    /// sees nothing, and its answer does not overtake the refusal.
    mutating func refusalOfChunks(_ r: UInt32) -> Rejection? {
        guard case .chunked = requests[r].head.framing else { return nil }
        return Self.refusalOfChunks(requests, r, ChunkedDecoder(limits: settings.limits), &scratch)
    }

    private static func refusalOfChunks(
        _ requests: borrowing RequestBuffers, _ r: UInt32, _ start: consuming ChunkedDecoder, _ scratch: inout Scratch
    ) -> Rejection? {
        var decoder = start
        var position = 0
        while true {
            switch decoder.next(requests[r].unread, &position, trailers: &scratch.responseFields) {
            case .data: continue
            case .needMore, .end: return nil
            case .rejected(let reason): return reason
            }
        }
    }

    /// The origin wants the body: so the client is told to send it.
    mutating func continueUpload(_ x: UInt32) {
        guard contexts[x].upload.state == .awaitingContinue else { return }
        let c = contexts[x].client.index
        provideSendBuffer(c)
        let interim: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        _ = clients[c].sink.write { $0.append(interim) }
        _ = clients[c].sink.flush()
        beginUpload(x)
    }

    /// From here on the client has `timeouts.request-body` between two reads of its body.
    private mutating func beginUpload(_ x: UInt32) {
        contexts[x].upload.state = .flowing
        contexts[x].lastProgressMilliseconds = clock.milliseconds
        armClientTimer(contexts[x].client.index)
        pumpUpload(x)
    }

    /// Since when the client owes more of a request body; nil while it owes none, or the origin has to take what is
    /// there first.
    borrowing func owesBody(_ c: UInt32) -> Int64? {
        let id = clients[c].context
        guard contexts.contains(id), contexts[id.index].upload.state == .flowing else { return nil }
        return max(clients[c].lastProgressMilliseconds, contexts[id.index].lastProgressMilliseconds)
    }

    /// Whether the upload stands still because the origin is not there yet or does not take what it was sent.
    borrowing func isHeldByOrigin(_ c: UInt32) -> Bool {
        let e = contexts[clients[c].context.index].exchange
        guard e != .max, exchanges[e].connection != .max else { return true }
        let o = exchanges[e].connection
        return !origins[o].takesRequest || origins[o].outputCount > 0
    }

    /// Whether an origin cannot answer yet because its request is not all there.
    borrowing func awaitsUpload(_ o: UInt32) -> Bool {
        let e = origins[o].exchange
        guard e != .max, contexts.contains(exchanges[e].context), origins[o].outputCount == 0 else { return false }
        let state = contexts[exchanges[e].context.index].upload.state
        return state == .flowing || state == .awaitingContinue
    }

    /// The client owes more of its body for too long: that is not the origin's fault.
    mutating func uploadExpired(_ c: UInt32) {
        let x = clients[c].context.index
        if isHeldByOrigin(c) {
            contexts[x].lastProgressMilliseconds = clock.milliseconds
            return armClientTimer(c)
        }
        guard contexts[x].phase == .awaitingOrigin else { return abortClient(c) }
        dropContext(x)
        clients[c].context = .none
        clients[c].phase = .reading
        refuse(c, status: 408)
        if clients.isTaken(c) { progress(c) }
    }

    /// The final answer is here before the body was sent: the rest of the body is of no use to anybody.
    mutating func responseOvertakesUpload(_ x: UInt32) {
        guard contexts[x].upload.state == .awaitingContinue else { return }
        abandonUpload(x)
    }

    mutating func abandonUpload(_ x: UInt32) {
        guard contexts[x].upload.state != .done else { return }
        contexts[x].upload.state = .abandoned
        clients[contexts[x].client.index].cutShort()
    }

    /// The client's socket may have more of the body.
    mutating func receiveUpload(_ x: UInt32) {
        switch contexts[x].upload.state {
        case .flowing: pumpUpload(x)
        case .awaitingContinue:
            // A client may send without waiting.
            let r = contexts[x].request
            if requests[r].unreadCount > 0 || receiveBody(x) { beginUpload(x) }
        case .done, .abandoned: break
        }
    }

    /// Moves body bytes from the client's buffer to the origin's, reads more, until one side has no more to give or to
    /// take.
    mutating func pumpUpload(_ x: UInt32) {
        let id = contexts.id(at: x)
        var total = 0
        while contexts.contains(id), contexts[x].upload.state == .flowing {
            guard total < BodyPump.pieceLimit else { return continueLater(x) }
            let e = contexts[x].exchange
            guard e != .max, exchanges[e].connection != .max else { return }
            let o = exchanges[e].connection
            guard origins[o].takesRequest else { return }
            let r = contexts[x].request
            let moved = Self.move(&contexts[x].upload, &requests[r], &origins[o], &scratch)
            if case .refused(let rejection) = moved { return uploadRefused(x, rejection) }
            if moved != .nothing {
                contexts[x].upload.hasBegun = true
                contexts[x].lastProgressMilliseconds = clock.milliseconds
            }
            if moved == .complete { contexts[x].upload.state = .done }
            let sent = origins[o].flush()
            if sent < 0 { return abandonUpload(x) }
            if sent > 0 {
                total += sent
                count(.bytesToOrigin, UInt64(sent))
                origins[o].lastProgressMilliseconds = clock.milliseconds
            }
            if moved == .complete || origins[o].outputCount > 0 { return }
            if moved == .nothing, !receiveBody(x) { return }
        }
    }

    private enum UploadStep: Equatable {
        case nothing, some, complete
        case refused(Rejection)
    }

    private static func move(
        _ upload: inout Upload, _ request: inout RequestBuffer, _ connection: inout OriginConnection,
        _ scratch: inout Scratch
    ) -> UploadStep {
        guard var output = connection.output.take() else { return .nothing }
        output.compact()
        let step =
            upload.decoder == nil
            ? movePlain(&upload, &request, &output) : moveChunked(&upload, &request, &output, &scratch)
        connection.output = consume output
        return step
    }

    private static func movePlain(
        _ upload: inout Upload, _ request: inout RequestBuffer, _ output: inout Buffer
    ) -> UploadStep {
        let available = min(request.unreadCount, output.writableCount, Int(clamping: upload.remaining))
        guard available > 0 else { return upload.remaining == 0 ? .complete : .nothing }
        output.append(request.unread.extracting(0..<available))
        request.consumeBody(available)
        upload.remaining -= UInt64(available)
        return upload.remaining == 0 ? .complete : .some
    }

    /// Chunk framing on one side is not repeated on the other: each piece becomes a chunk of its own.
    private static func moveChunked(
        _ upload: inout Upload, _ request: inout RequestBuffer, _ output: inout Buffer, _ scratch: inout Scratch
    ) -> UploadStep {
        var moved = UploadStep.nothing
        while output.writableCount > 2 * ChunkedEncoder.maxHeaderBytes + scratch.trailerAllowance {
            var position = 0
            let step = copyPiece(&upload, request, &output, &scratch, &position)
            request.consumeBody(position)
            switch step {
            case .some: moved = .some
            case .nothing: return moved
            case .complete, .refused: return step
            }
        }
        return moved
    }

    /// One step of the decoder; its data, if any, is in the output as a chunk.
    private static func copyPiece(
        _ upload: inout Upload, _ request: borrowing RequestBuffer, _ output: inout Buffer, _ scratch: inout Scratch,
        _ position: inout Int
    ) -> UploadStep {
        let room = output.writableCount - 2 * ChunkedEncoder.maxHeaderBytes
        let window = request.unread.extracting(0..<min(request.unreadCount, room))
        switch upload.decoder?.next(window, &position, trailers: &scratch.responseFields) ?? .needMore {
        case .data(let extent):
            output.write { ChunkedEncoder.writeHeader(size: extent.length, into: &$0) }
            output.append(window.slice(extent))
            output.write { $0.appendLineEnd() }
            return .some
        case .needMore: return .nothing
        case .end:
            writeEnd(scratch.responseFields, window, &output)
            return .complete
        case .rejected(let rejection): return .refused(rejection)
        }
    }

    private static func writeEnd(_ trailers: borrowing FieldTable, _ input: RawSpan, _ output: inout Buffer) {
        var sink = output.sink()
        ChunkedEncoder.writeLastChunk(into: &sink)
        writeTrailers(trailers, input, &sink)
        sink.appendLineEnd()
        let count = sink.count
        output.commit(count)
    }

    static func writeTrailers(_ trailers: borrowing FieldTable, _ input: RawSpan, _ sink: inout ByteSink) {
        for index in 0..<trailers.count where !trailers[index].isDropped {
            sink.append(trailers[index].name, of: input)
            sink.append(": ")
            sink.append(trailers[index].value, of: input)
            sink.appendLineEnd()
        }
    }

    /// Reads more of the body. False when the kernel has nothing.
    private mutating func receiveBody(_ x: UInt32) -> Bool {
        let c = contexts[x].client.index
        guard clients[c].mayRead else { return false }
        let r = contexts[x].request
        requests[r].makeRoomForBody()
        let space = requests[r].bytes.writableCount
        guard space > 0 else { return false }
        let received = requests[r].bytes.receive(from: clients[c].descriptor)
        noteRead(c, received, space)
        if received > 0 {
            count(.bytesIn, UInt64(received))
            clients[c].lastProgressMilliseconds = clock.milliseconds
            return true
        }
        if received == 0 || !isWouldBlock(received) { uploadCut(x) }
        return false
    }

    /// The client went away in the middle of its body: the origin must not take what it has for the whole.
    private mutating func uploadCut(_ x: UInt32) {
        let c = contexts[x].client.index
        clients[c].peerClosed = true
        abortClient(c)
    }

    /// The client's chunked body is malformed: nothing behind it can be trusted (RFC 9112 section 7.1).
    private mutating func uploadRefused(_ x: UInt32, _ rejection: Rejection) {
        let c = contexts[x].client.index
        let canAnswer = contexts[x].phase == .awaitingOrigin
        guard canAnswer else { return abortClient(c) }
        dropContext(x)
        clients[c].context = .none
        clients[c].phase = .reading
        refuse(c, rejection)
        // The origin's event may have brought us here: nobody else would send the answer.
        if clients.isTaken(c) { progressLater(c) }
    }
}
