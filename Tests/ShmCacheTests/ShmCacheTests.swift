import Testing
@testable import ShmCache
