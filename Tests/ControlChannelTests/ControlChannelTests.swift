import Testing
@testable import ControlChannel
