// The node region: who has promised to turn its loop also at rest.
import Testing

@testable import ShmCache

@Suite struct NodeRegionTests {
    @Test func aBeatIsPromisedByOneProcessOfALane() throws {
        let region = try NodeRegion.create(laneCount: 4, slotCount: 8, counterCount: 16)
        let other = try NodeRegion.attach(descriptor: region.descriptor)
        let before = other.hasPromisedBeat(lane: 2, processID: 77)
        region.promiseBeat(lane: 2, processID: 77)
        let after = other.hasPromisedBeat(lane: 2, processID: 77)
        #expect(!before && after)
        let others = [(2, 78), (1, 77), (4, 0)].map { other.hasPromisedBeat(lane: $0.0, processID: Int32($0.1)) }
        #expect(others == [false, false, false])
        let shape = [other.slotCount, other.laneCount, other.counterCount]
        let (slot, total) = (other.slot(7), other.total(counter: 15))
        #expect(shape == [8, 4, 16] && slot == SlotRecord() && total == 0)
    }

    /// What an earlier release made has no place for promises: nobody there is held to one.
    @Test func aRegionOfAnEarlierReleaseHasNone() throws {
        let layout = try NodeLayout(laneCount: 4, slotCount: 8, counterCount: 16)
        let later = try NodeLayout(page: layout.encoded(), fileSize: layout.length)
        #expect(later.beats == layout.slots + 64 && later.length == layout.length)
        let earlier = try NodeLayout(page: layout.encoded(sectionCount: 2), fileSize: layout.length)
        #expect(earlier.beats == 0 && earlier.slots == layout.slots && earlier.laneCount == 4)
    }
}
