import Testing
@testable import CachePolicy
