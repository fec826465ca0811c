// The fills of a storm's process: its own, in steps over many turns, and those of others that it reads along or takes
// over.
import CLinux
import Dice
import ShmCache

extension Actor {
    /// Confirms the stored object with the same body; gives the permit back when there is none to confirm.
    mutating func freshen(
        _ permit: consuming FillPermit, _ world: borrowing World, _ hash: UInt64, _ bytes: [UInt8], _ new: Content
    ) -> FillPermit? {
        var permit = permit
        switch Actor.confirm(&permit, lane, hash, bytes, new) {
        case .nothing: return permit
        case .wrong:
            count(.wrongReads)
            return nil
        case .done:
            count(.freshened)
            return nil
        }
    }

    enum Confirmation { case nothing, wrong, done }

    private static func confirm(
        _ permit: inout FillPermit, _ lane: borrowing Lane, _ hash: UInt64, _ bytes: [UInt8], _ new: Content
    ) -> Confirmation {
        guard let view = unsafe lane.lookup(hash: hash, key: bytes.span.bytes), !view.isPassMarker else {
            return .nothing
        }
        guard var content = Content(key: new.key, header: view.header) else { return .wrong }
        // The origin was asked now, and says that the body is still right.
        content.confirmed = new.version
        let (header, tags) = (content.header, [UInt64(new.key % Purgeable.tags)])
        _ = unsafe permit.freshen(
            view, header: header.span.bytes, attributes: content.attributes, tags: tags.span)
        return .done
    }

    /// A step of the fill that this process owns.
    mutating func workOnFill(_ world: borrowing World) {
        guard var fill = permit.take() else { return }
        let content = permitContent
        if !fill.hasHead {
            if dice.next() % 16 == 0 { return fill.fail(.originFailed) }
            if dice.next() % 32 == 0 { return fill.fail(.pass, markerSeconds: 1) }
            let (header, tags) = (content.header, [UInt64(content.key % Purgeable.tags)])
            let outcome = unsafe fill.setHead(
                header.span.bytes, attributes: content.attributes, tags: tags.span,
                expectedBodyLength: content.length)
            if outcome == .accepted { permit = consume fill }
            return
        }
        let ready = fill.bytesReady
        if ready < content.length {
            let end = min(content.length, ready + 1 + Int(dice.next() % 32768))
            guard fill.append(content.run(ready..<end, world.library)) == .accepted else { return }
        } else {
            switch fill.finish(budgetBytes: 16384) {
            case .again: break
            case .committed: return count(.commits)
            case .rejected: return
            }
        }
        if dice.next() % 4 == 0 { fill.flush() }
        permit = consume fill
    }

    /// Reads on from somebody else's fill, or takes it over.
    mutating func followTicket(_ world: borrowing World) {
        guard let reader = ticket.take() else { return }
        switch reader.phase {
        case .failed: return
        case .waiting: break
        case .orphaned:
            guard permit == nil else { break }
            guard let new = reader.takeOver() else { return }
            count(.takeovers)
            permitContent =
                Actor.content(of: reader, reading.key)
                ?? Content(key: reading.key, version: World.time() & ~0xff | UInt64(index))
            permit = consume new
            return
        case .streaming, .complete:
            switch Actor.follow(reader, &reading, world) {
            case .goesOn: break
            case .ended: return
            case .wrong: return count(.wrongReads)
            case .purged: return count(.purgedReads)
            }
        }
        // Sometimes a client goes away in the middle.
        if dice.next() % 200 == 0 { return }
        ticket = consume reader
    }

    private static func content(of reader: borrowing FillTicket, _ key: Int) -> Content? {
        Content(key: key, header: reader.header)
    }

    enum Progress { case goesOn, ended, wrong, purged }

    /// Reads what is new of a fill and checks it.
    private static func follow(
        _ reader: borrowing FillTicket, _ reading: inout Reading, _ world: borrowing World
    ) -> Progress {
        let isComplete = reader.phase == .complete
        if !reading.began {
            // A confirmed object has no bytes here, a purged answer may not be begun.
            if reader.isPurged { return .ended }
            reading.began = true
        }
        guard let content = Content(key: reading.key, header: reader.header) else { return .wrong }
        if content.confirmed | 0xff < reading.oldest { return .purged }
        while reading.done < reader.bytesReady {
            let span = reader.read(at: reading.done)
            if span.byteCount == 0 { break }
            guard content.matches(span, at: reading.done, world.library) else { return .wrong }
            reading.done += span.byteCount
        }
        guard isComplete else { return .goesOn }
        return reading.done == content.length ? .ended : .wrong
    }
}

/// Reading stored objects whole.
enum Verifier {
    /// The content of a view, if every byte is right. Missing pieces of large objects that are not pinned whole are
    /// allowed, wrong ones are not.
    static func check(
        _ view: borrowing ItemView, key: Int, _ library: borrowing Library, _ buffer: inout [UInt8],
        isComplete: Bool = false
    ) -> Content? {
        guard let content = Content(key: key, header: view.header) else { return nil }
        return isBodyRight(view, content, library, &buffer, isComplete: isComplete) ? content : nil
    }

    static func isBodyRight(
        _ view: borrowing ItemView, _ content: Content, _ library: borrowing Library, _ buffer: inout [UInt8],
        isComplete: Bool = false
    ) -> Bool {
        guard view.bodyLength == content.length else { return false }
        var offset = 0
        while true {
            switch view.bodyPiece(at: offset) {
            case .end: return offset == content.length
            case .missing: return !isComplete
            case .raw(let span):
                guard content.matches(span, at: offset, library) else { return false }
                offset += span.byteCount
            case .compressed(let chunk):
                let (start, length) = (chunk.bodyOffset, chunk.rawLength)
                let isRight = unsafe buffer.withUnsafeMutableBytes { bytes in
                    var target = unsafe MutableRawSpan(_unsafeBytes: bytes)
                    guard chunk.decode(into: &target) else { return false }
                    return content.matches(target.bytes.extracting(0..<length), at: start, library)
                }
                guard isRight else { return false }
                offset = start + length
            }
        }
    }
}
