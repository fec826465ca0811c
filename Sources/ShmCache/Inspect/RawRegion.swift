// The mapped bytes themselves and what the kernel does to them, for tests that copy, damage or stop regions. Package
// access only: nothing here belongs to the library's interface.
internal import CLinux

extension CacheRegion {
    /// The reserved address range. Bytes behind the end of the file may not be touched.
    package var mappedRange: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: mapping.address, count: mapping.reserved)
    }

    /// Bytes of the file, as it is now.
    package var fileBytes: Int { mapping.fileSize }

    /// What the kernel does when a thread ends: every lane's word that the thread holds says that its owner died. For
    /// copies of a region, which the kernel does not know.
    package func noteDeath(ofThread thread: Int32) {
        for lane in 0..<laneCount {
            let word = map.lane32(lane, LaneWords.liveness)
            let seen = word.relaxed
            if seen & UInt32(CL_THREAD_MASK) == UInt32(bitPattern: thread) {
                word.relax(seen & CL_WAITERS | UInt32(CL_OWNER_DIED))
            }
        }
    }

    /// Buckets of the index section that no chain has taken yet.
    package var unusedSpareBuckets: Int {
        let word = map.global64(GlobalWords.spareBucket).relaxed
        return word >> 32 == 0 ? map.spareBuckets - Int(word & 0xffff_ffff) : 0
    }
}
