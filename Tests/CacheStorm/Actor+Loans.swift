// Bytes of the cache that the kernel holds: sent from where they lie, and read by the other end many turns later.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache

/// A part of a body in a socket's queue.
struct QueuedBytes {
    let ends: (Int32, Int32)
    let content: Content
    let offset: Int
    let count: Int

    /// Sends a raw piece of a body into a socket of its own. Nil when there is none, or no socket.
    init?(_ view: borrowing ItemView, _ content: Content) {
        guard case .raw(let bytes) = view.bodyPiece(at: 0), bytes.byteCount > 0, let place = view.lend(bytes) else {
            return nil
        }
        var ends: [Int32] = [-1, -1]
        guard unsafe cl_stream_pair(&ends) == 0 else { return nil }
        let sent = cl_send_file(ends[0], place.descriptor, place.offset, bytes.byteCount)
        guard sent > 0 else {
            close(ends[0])
            close(ends[1])
            return nil
        }
        self.ends = (ends[0], ends[1])
        self.content = content
        offset = 0
        count = sent
    }

    /// Whether the other end reads what was sent, whatever has become of the object. Ends both.
    func isRight(_ library: borrowing Library, _ buffer: inout [UInt8]) -> Bool {
        defer {
            close(ends.0)
            close(ends.1)
        }
        var done = 0
        while done < count {
            let got = unsafe recv(ends.1, &buffer, min(buffer.count, count - done), 0)
            guard got > 0, unsafe content.matches(buffer.span.bytes.extracting(0..<got), at: offset + done, library)
            else { return false }
            done += got
        }
        return true
    }
}

extension Actor {
    mutating func checkQueued(_ world: borrowing World) {
        guard let held = queued, dice.next() % 16 == 0 else { return }
        queued = nil
        if !held.isRight(world.library, &buffer) { count(.wrongReads) }
    }
}
