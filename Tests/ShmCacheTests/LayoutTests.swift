// The file format: sizes, offsets and numbers that a release must not change unnoticed.
import Testing

@testable import ShmCache

@Suite struct LayoutTests {
    @Test func recordsHaveTheirDocumentedSizes() {
        #expect(ItemHeader.size == 64)
        #expect(ExtentReference.size(inRaw: true) == 4 && ExtentReference.size(inRaw: false) == 12)
        #expect(MemoryLayout<ChunkEntry>.size == ChunkEntry.size && ChunkEntry.size == 8)
        #expect(SegmentWords.size == 64 && LaneWords.size == 256 && FillWords.size == 256 && GlobalWords.size == 4096)
        #expect(FillWords.blocks + FillWords.maximumBlocks * 4 <= FillWords.size)
        #expect(FillWords.wholes % 8 == 0 && LaneWords.robust % 8 == 0)
        #expect(LaneWords.liveness == LaneWords.robust + 8)
        #expect(GlobalWords.ghostFigures + SizeClass.count * 16 <= GlobalWords.janitor)
        #expect(GlobalWords.sweptClock + 4 <= GlobalWords.size && DictionaryWords.size == 64)
    }

    @Test func aSlotKeepsItsParts() {
        let slot = Slot(kind: .live, tag: 0x3fff, frequency: 2, gen: 0x1ff, segment: 0xfffff, unit: 0x3ffff)
        #expect(slot.tag == 0x3fff && slot.frequency == 2 && slot.kind == .live && slot.gen == 0xff)
        #expect(slot.segment == 0xfffff && slot.unit == 0x3ffff)
        #expect(slot.with(frequency: 0).place == slot.place && slot.with(kind: .pending).place == slot.place)
        #expect(Slot(kind: .live, tag: 1, frequency: 0, gen: 1, segment: 1, unit: 1).word == 0x0004_4040_0004_0001)
    }

    @Test func stateWordsKeepTheirParts() {
        let state = SegmentState(.sealed, gen: 0xdead_beef, owner: 127, sizeClass: 5, main: true)
        #expect(state.phase == .sealed && state.gen == 0xdead_beef && state.owner == 127)
        #expect(state.sizeClass == 5 && state.isMain)
        let fill = FillStateWord(.committing, owner: 9, gen: 77)
        #expect(fill.state == .committing && fill.owner == 9 && fill.gen == 77)
    }

    @Test func tinyAndHugeRegionsAreLaidOutAlike() throws {
        for size in [2 << 20, 4 << 20, 100 << 20, 1 << 30, 1 << 40] {
            let layout = try RegionLayout(options: RegionOptions(sizeBytes: size))
            #expect(layout.length(segments: layout.usableSegments) <= size)
            #expect(layout.usableSegments >= 100, "\(size)")
            let tables = layout.sections[layout.sections.count - 1].offset
            #expect(tables < size / 20 + (1 << 20), "\(size): \(tables) bytes of tables")
            for (a, b) in zip(layout.sections, layout.sections.dropFirst()) {
                #expect(a.offset + a.length <= b.offset && b.offset % 64 == 0)
            }
        }
    }

    @Test func largeRegionsHaveEntriesForManyFills() throws {
        for (size, fills) in [(4 << 20, 256), (512 << 20, 2048), (1 << 40, 4096)] {
            let layout = try RegionLayout(options: RegionOptions(sizeBytes: size))
            #expect(layout.sections.first { $0.kind == .fills }?.count == fills, "\(size)")
        }
    }

    @Test func optionsOutOfRangeAreExplained() {
        for options in [
            RegionOptions(sizeBytes: 1000), RegionOptions(sizeBytes: 4 << 20, segmentSizeBytes: 5000),
            RegionOptions(sizeBytes: 4 << 20, laneCount: 500),
            RegionOptions(sizeBytes: 4 << 20, segmentSizeBytes: 1 << 20),
            RegionOptions(sizeBytes: 8 << 20, maximumSizeBytes: 4 << 20),
        ] {
            #expect(throws: RegionError.self) { _ = try CacheRegion.create(options).sizeBytes }
        }
    }
}
