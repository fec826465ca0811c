// Slab places: stable, reused, and safe against old identifiers.

import Testing

@testable import Worker

struct SlabTests {
    @Test func oldIdentifiersDoNotReachNewTenants() {
        var slab = Slab<Int>(limit: 4)
        let first = slab.insert(1) ?? .none
        let removed = slab.remove(first.index)
        let second = slab.insert(2) ?? .none
        let reachesOld = slab.contains(first) || slab.contains(Token(.client, first))
        let reachesNew = slab.contains(second) && slab.contains(Token(.client, second))
        #expect(removed == 1)
        #expect(second.index == first.index)
        #expect(!reachesOld)
        #expect(reachesNew)
    }

    @Test func stopsAtItsLimit() {
        var slab = Slab<Int>(limit: 300)
        for value in 0..<300 where slab.insert(value) == nil { Issue.record("no place for \(value)") }
        let isFull = slab.isFull
        let beyond = slab.insert(300)
        #expect(isFull)
        #expect(beyond == nil)
        for index in 0..<300 where index % 2 == 0 { _ = slab.remove(UInt32(index)) }
        let count = slab.count
        #expect(count == 150)
        for value in 0..<150 where slab.insert(value) == nil { Issue.record("no place for \(value)") }
        let again = slab.insert(0)
        #expect(again == nil)
    }

    @Test func tokensCarryKindPlaceAndGeneration() {
        let token = Token(.origin, SlabID(index: 0xFFFF_FFF0, generation: 0x12AB_CDEF))
        #expect(token.kind == .origin)
        #expect(token.index == 0xFFFF_FFF0)
        #expect(token.generation == 0xAB_CDEF)
    }
}
