// Fingerprints of what was evicted lately, and how much each size class suffers from eviction. All of it is a hint: a
// lost or torn store costs a hit, nothing else.
internal import CLinux

// A bucket is eight 16-bit fingerprints, newest first; the oldest falls out.
extension RegionMap {
    private func ghostBucket(_ hash: UInt64) -> Int {
        ghosts + Int(truncatingIfNeeded: (hash >> 32 &* UInt64(ghostBuckets)) >> 32) * 16
    }

    private func fingerprint(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash >> 14) | 1 }

    func rememberGhost(_ hash: UInt64) {
        let low = word64(ghostBucket(hash))
        let high = word64(ghostBucket(hash) + 8)
        let carried = low.relaxed >> 48
        low.relax(low.relaxed << 16 | UInt64(fingerprint(hash)))
        high.relax(high.relaxed << 16 | carried)
    }

    /// Whether the key was evicted lately.
    func isGhost(_ hash: UInt64) -> Bool {
        let wanted = UInt64(fingerprint(hash))
        for offset in [0, 8] {
            let value = word64(ghostBucket(hash) + offset).relaxed
            for lane in stride(from: 0, to: 64, by: 16) where value >> UInt64(lane) & 0xffff == wanted { return true }
        }
        return false
    }

    /// Whether the key was evicted lately; forgets it.
    func takeGhost(_ hash: UInt64) -> Bool {
        let wanted = UInt64(fingerprint(hash))
        for offset in [0, 8] {
            let word = word64(ghostBucket(hash) + offset)
            let value = word.relaxed
            for lane in stride(from: 0, to: 64, by: 16) where value >> UInt64(lane) & 0xffff == wanted {
                word.relax(value & ~(0xffff << UInt64(lane)))
                return true
            }
        }
        return false
    }

    /// Hits on ghosts of a class, weighted, in 1/16.
    func ghostHits(_ sizeClass: Int) -> SharedWord64 { global64(GlobalWords.ghostFigures + sizeClass * 16) }
    /// Bytes that the class lost to eviction.
    func ghostBytes(_ sizeClass: Int) -> SharedWord64 { global64(GlobalWords.ghostFigures + sizeClass * 16 + 8) }
}

extension LaneCore {
    /// Notes that a key missed that had been evicted lately.
    func countGhostHit(sizeClass: Int, size: Int) {
        let weight = map.byteWeight > 0 ? 16 + 16 * size / map.byteWeight : 16
        map.ghostHits(sizeClass).add(UInt64(weight))
    }

    /// Notes bytes that a class lost; halves all figures when they are old.
    func countEvicted(sizeClass: Int, bytes: Int) {
        map.ghostBytes(sizeClass).add(UInt64(bytes))
    }

    /// Halves the figures of all classes once they cover two whole caches.
    func decayGhostFigures() {
        var total: UInt64 = 0
        for c in 0..<SizeClass.count { total &+= map.ghostBytes(c).relaxed }
        guard total > UInt64(map.usableSegments << map.segmentShift) else { return }
        for c in 0..<SizeClass.count {
            map.ghostHits(c).relax(map.ghostHits(c).relaxed / 2)
            map.ghostBytes(c).relax(map.ghostBytes(c).relaxed / 2)
        }
    }
}
