// Slab places: stable, reused, and safe against old identifiers.

import Testing

@testable import Worker

struct SlabTests {
    @Test func oldIdentifiersDoNotReachNewTenants() throws {
        var slab = Slab<Int>(limit: 4)
        let first = try #require(slab.insert(1))
        #expect(slab.remove(first.index) == 1)
        let second = try #require(slab.insert(2))
        #expect(second.index == first.index)
        #expect(!slab.contains(first))
        #expect(slab.contains(second))
        #expect(!slab.contains(Token(.client, first)))
        #expect(slab.contains(Token(.client, second)))
    }

    @Test func stopsAtItsLimit() {
        var slab = Slab<Int>(limit: 300)
        for value in 0..<300 { #expect(slab.insert(value) != nil) }
        #expect(slab.insert(300) == nil)
        #expect(slab.isFull)
        for index in 0..<300 where index % 2 == 0 { _ = slab.remove(UInt32(index)) }
        #expect(slab.count == 150)
        for value in 0..<150 { #expect(slab.insert(value) != nil) }
        #expect(slab.insert(0) == nil)
    }

    @Test func tokensCarryKindPlaceAndGeneration() {
        let token = Token(.origin, SlabID(index: 0xFFFF_FFF0, generation: 0x12AB_CDEF))
        #expect(token.kind == .origin)
        #expect(token.index == 0xFFFF_FFF0)
        #expect(token.generation == 0xAB_CDEF)
    }
}
