// What all fuzz targets need: the input as an array, and a check that names what it checks.
import Glibc

/// The fuzzer's input. A copy of exactly its size, so that the sanitizer sees every read beyond the end.
func input(_ data: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    guard let data = unsafe data else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: data, count: count))
}

extension [UInt8] {
    /// The bytes as the parsers take them.
    var raw: RawSpan {
        @_lifetime(borrow self) borrowing get { unsafe span.bytes }
    }
}

/// Ends the run with a finding.
func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}
