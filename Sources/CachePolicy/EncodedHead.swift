// The header block of an encoded form: which coding it is, and of exactly which stored object. The head that a client
// gets is written from the object's own header block (ClientHead), so there is nothing here that could differ from it.
//
//  offset  size
//   0      1     kind (StoredKind.encoded)
//   1      1     content coding
//   2      6     unused, zero
//   8      8     stamp of the object: that of another commit differs
//  16      8     length of the object's body

import HTTPMessage

/// What an encoded form belongs to.
package struct EncodedHead: Sendable, Equatable {
    package static let byteCount = 24

    package var coding: ContentCoding
    package var stamp: UInt64
    package var length: UInt64

    package init(coding: ContentCoding, stamp: UInt64, length: UInt64) {
        self.coding = coding
        self.stamp = stamp
        self.length = length
    }

    /// nil when the block is something else: there is no encoded form then.
    package init?(_ block: RawSpan) {
        guard block.byteCount == EncodedHead.byteCount, StoredKind.of(block) == .encoded,
            let coding = ContentCoding(rawValue: block.byte(at: 1))
        else { return nil }
        self.coding = coding
        stamp = block.word(at: 8)
        length = block.word(at: 16)
    }

    /// Writes the block; `buffer` has `byteCount` bytes.
    package func write(into buffer: inout MutableRawSpan) {
        buffer.storeBytes(of: UInt64(StoredKind.encoded.rawValue).littleEndian, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: coding.rawValue, toByteOffset: 1, as: UInt8.self)
        buffer.storeBytes(of: stamp.littleEndian, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: length.littleEndian, toByteOffset: 16, as: UInt64.self)
    }
}
