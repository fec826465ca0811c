import Testing
@testable import ShmCache

@Test func instantsCountWholeSeconds() {
    #expect(CacheInstant(nanoseconds: 1_999_999_999).seconds == 1)
}
