// The entries of the table of running fills, step by step.
import Testing

@testable import ShmCache

@Suite struct FillTableTests {
    /// A lane comes too late for a fill and finds the next one in its entry. While its bit stands there that one ends:
    /// who takes the bit away gives the entry back.
    @Test func anEntryIsGivenBackByWhoCameTooLateForTheOneBefore() throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 8 << 20))
        var owner = try region.attachLane(0)
        var late = try region.attachLane(1)
        let key = Sample.key(1)
        let hash = unsafe region.hash(key: key.span.bytes)
        owner.beginTurn(now: region.now())
        late.beginTurn(now: region.now())
        guard case .own(let permit) = unsafe owner.startFill(hash: hash, key: key.span.bytes) else { throw Failure() }
        let (fill, gen) = (permit.fill, permit.gen)
        permit.fail(.originFailed)
        guard case .own(let next) = unsafe owner.startFill(hash: hash, key: key.span.bytes) else { throw Failure() }
        #expect(next.fill == fill && next.gen != gen)
        late.core.waiters(fill).or(late.core.laneBit)
        next.fail(.originFailed)
        let lingers = region.map.fillState(fill).state
        #expect(lingers == .failed)
        let hasJoined = late.core.join(fill, gen: gen)
        #expect(!hasJoined)
        let after = region.map.fillState(fill).state
        #expect(after == .free)
        owner.endTurn()
        late.endTurn()
    }
}
