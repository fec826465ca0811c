// Why a message or snapshot could not be sent, received or understood.

import Glibc

package enum ControlError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The peer closed its end.
    case closed
    /// A system call failed.
    case system(call: String, errno: Int32)
    /// The bytes are not a message or snapshot of ours.
    case malformed(String)
    /// The peer speaks a version that this binary does not.
    case version(found: UInt16, spoken: UInt16)
    /// A message came with fewer descriptors than it names.
    case missingDescriptors(expected: Int, found: Int)
    /// A snapshot whose checksum does not fit its bytes.
    case damaged

    package var description: String {
        switch self {
        case .closed: "the other side closed the control channel"
        case .system(let call, let errno): "\(call): \(unsafe String(cString: strerror(errno)))"
        case .malformed(let why): "malformed message: \(why)"
        case .version(let found, let spoken): "the other side speaks version \(found), this binary speaks \(spoken)"
        case .missingDescriptors(let expected, let found):
            "expected \(expected) descriptors, got \(found): too many open descriptors (ulimit -n)?"
        case .damaged: "the configuration snapshot is damaged (checksum)"
        }
    }
}
