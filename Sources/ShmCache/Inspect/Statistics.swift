// Walks the tables for figures. Reads only; concurrent changes make the result approximate.

extension CacheRegion {
    /// Figures of the region: walks the tables, so for operators and not for a hit.
    public func statistics() -> RegionStatistics {
        var result = RegionStatistics()
        result.regionBytes = sizeBytes
        result.tableBytes = map.data
        result.objectsPerClass = [Int](repeating: 0, count: SizeClass.count)
        countSegments(&result)
        map.forEachItem { slot, item in
            result.objects += 1
            var stored = item.itemLength
            for i in 0..<item.extentCount { stored += Int(item.extent(i, map).storedLength) }
            result.storedBytes += stored
            result.bodyBytes += item.bodyLength
            if item.flags.contains(.packed) { result.packedObjects += 1 }
            let state = map.state(slot.segment)
            if state.sizeClass < SizeClass.count { result.objectsPerClass[state.sizeClass] += 1 }
        }
        result.dictionaries = (0..<map.dictionaryCount).count { map.dictionaryState($0).isReadable }
        for fill in 0..<map.fillCount {
            let state = map.fillState(fill).state
            if state.isRunning { result.fillsRunning += 1 } else if state != .free { result.fillsLingering += 1 }
        }
        for lane in 0..<laneCount {
            switch laneState(lane) {
            case .free: break
            case .live: result.lanesLive += 1
            case .dead: result.lanesDead += 1
            }
            result.admittedBytes += map.lane64(lane, LaneWords.admitted).relaxed
            result.writtenBytes += map.lane64(lane, LaneWords.written).relaxed
            result.committedObjects += map.lane64(lane, LaneWords.committed).relaxed
            result.evictedObjects += map.lane64(lane, LaneWords.evicted).relaxed
        }
        return result
    }

    private func countSegments(_ result: inout RegionStatistics) {
        for segment in 0..<map.usableSegments {
            switch map.state(segment).phase {
            case .free: result.segmentsFree += 1
            case .open, .parked: result.segmentsOpen += 1
            case .sealed: result.segmentsSealed += 1
            case .evicting: result.segmentsEvicting += 1
            case .limbo: result.segmentsLimbo += 1
            case .staging, .filling: result.segmentsStaging += 1
            case .whole: result.segmentsWhole += 1
            case .index: result.segmentsIndex += 1
            }
        }
    }
}

extension RegionMap {
    /// Every live slot with its item, as far as the item makes sense.
    func forEachItem(_ body: (Slot, ItemHeader) -> Void) {
        forEachItem(inBuckets: 0..<Int(bucketCount), body)
    }

    /// The same for a part of the index.
    func forEachItem(inBuckets buckets: Range<Int>, _ body: (Slot, ItemHeader) -> Void) {
        forEachSlot(inBuckets: buckets) { index in
            let slot = Slot(word: slot(index).acquired)
            guard slot.kind == .live, slot.segment < usableSegments else { return }
            let offset = slot.unit << unitShift
            guard offset + ItemHeader.size <= segmentSize else { return }
            let item = unsafe ItemHeader(address(segment: slot.segment, offset: offset))
            guard item.gen & 255 == slot.gen, item.isPlausible(room: segmentSize - offset, chunkShift: chunkShift)
            else {
                return
            }
            body(slot, item)
        }
    }
}
