// Lending raw bytes to the kernel: it sends them from where they lie (`sendfile`), and holds their pages until the
// client's kernel has acknowledged them, or on this machine until the client has read them; longer than any pin, and
// longer than the process that asked for it may live. So nothing of a segment that was lent is written in place again:
// before it is, its pages leave the file, whoever holds them keeps them as they are, and the segment gets new ones.
internal import CLinux

/// Where bytes of the cache lie in its file.
public struct FilePlace: Sendable {
    public let descriptor: Int32
    public let offset: Int64

    /// How many bytes lie before the next page.
    public var bytesBeforePage: Int { Int(-offset & Int64(RegionLayout.pageSize - 1)) }
}

/// A segment's word of the loans section: 1 from its first loan until it has new pages.
enum Loan {
    static let layoutVersion = 1
}

extension ItemView {
    /// Lends raw bytes of this object's body, as `bodyPiece(at:)` gave them, to the kernel. Nil where the region cannot
    /// do that (a file with a name, huge pages) and for bytes that do not lie in it: copy them.
    public func lend(_ bytes: RawSpan) -> FilePlace? {
        let map = unsafe mapPointer.pointee
        return unsafe bytes.withUnsafeBytes { unsafe map.lend($0) }
    }
}

extension RegionMap {
    private func loan(of segment: Int) -> SharedWord32 { word32(loans + segment * 4) }

    func isLent(_ segment: Int) -> Bool { loan(of: segment).acquired != 0 }

    /// A new region of a memory file, before anything else is written: lends if pages can leave the file one by one.
    func beginLending(_ length: Int) {
        guard cl_memory_files_have_single_pages() else { return }
        unsafe cl_map_single_pages(base, length)
        guard cl_punch_hole(descriptor, Int64(data), Int64(segmentSize)) == 0 else { return }
        global32(GlobalWords.lends).relax(1)
    }

    /// Huge pages leave a file only as a whole. To be called wherever a region is mapped.
    func keepSinglePages(_ length: Int) {
        if global32(GlobalWords.lends).relaxed == 1 { unsafe cl_map_single_pages(base, length) }
    }

    /// The caller holds an epoch or a pin: whoever takes the segment later sees the word.
    fileprivate func lend(_ bytes: UnsafeRawBufferPointer) -> FilePlace? {
        guard global32(GlobalWords.lends).relaxed == 1, let start = bytes.baseAddress else { return nil }
        let distance = unsafe start - UnsafeRawPointer(base) - data
        guard distance >= 0, distance + bytes.count <= segmentCount << segmentShift else { return nil }
        let word = loan(of: distance >> segmentShift)
        if word.relaxed == 0 { word.publish(1) }
        return FilePlace(descriptor: descriptor, offset: Int64(data + distance))
    }

    /// Takes a free segment, with new pages if it was lent. False when somebody else was first, or the kernel refuses
    /// them: it stays free then, and must not be written.
    func take(_ segment: Int, as taken: SegmentState, from free: SegmentState) -> Bool {
        let word = segment64(segment, SegmentWords.state)
        guard isLent(segment), !Faults.skips(.loanEnd) else { return word.swap(free.word, to: taken.word) }
        // Not yet as what it will be: others go on with what the dead have opened.
        guard word.swap(free.word, to: free.with(.evicting, owner: taken.owner).word) else { return false }
        let start = Int64(data + segment << segmentShift)
        guard cl_punch_hole(descriptor, start, Int64(segmentSize)) == 0 else {
            // It went well when the region was made: no more of this.
            global32(GlobalWords.lends).release(0)
            word.publish(free.word)
            return false
        }
        loan(of: segment).release(0)
        word.publish(taken.word)
        return true
    }
}
