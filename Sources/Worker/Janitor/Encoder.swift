// gzip, br and zstd of a whole body in memory, by their libraries. Only the janitor calls them: they take milliseconds
// and megabytes. Nothing here knows where the body comes from.

internal import CBrotli
internal import CZlib
internal import CZstd
internal import CachePolicy

enum Encoder {
    /// Dense, at some 10 MB/s: an object is encoded once and sent often. The highest levels take ten times as long for
    /// a few percent.
    private static let brotliQuality: Int32 = 9
    private static let zstdLevel: Int32 = 12
    private static let gzipLevel: Int32 = 9
    /// Of zlib: a window of 32 KiB with the frame of gzip around the data.
    private static let gzipWindowBits: Int32 = 15 + 16

    /// The body in that coding; nil when it would not be shorter, or cannot be had.
    static func encode(_ body: [UInt8], as coding: ContentCoding) -> [UInt8]? {
        guard !body.isEmpty, body.count <= Encodable.largestBytes else { return nil }
        // What does not fit is of no use.
        var output = [UInt8](repeating: 0, count: body.count)
        let count =
            switch coding {
            case .gzip: gzip(body, &output)
            case .br: brotli(body, &output)
            case .zstd: zstd(body, &output)
            case .identity, .other: 0
            }
        guard count > 0, count < body.count else { return nil }
        output.removeLast(output.count - count)
        return output
    }

    private static func gzip(_ body: [UInt8], _ output: inout [UInt8]) -> Int {
        var stream = unsafe z_stream()
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard
            unsafe deflateInit2_(
                &stream, gzipLevel, Z_DEFLATED, gzipWindowBits, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else { return 0 }
        defer { _ = unsafe deflateEnd(&stream) }
        return unsafe body.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                return unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
            }
        }
    }

    private static func brotli(_ body: [UInt8], _ output: inout [UInt8]) -> Int {
        var count = output.count
        let isDone = unsafe body.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe BrotliEncoderCompress(
                    brotliQuality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, source.count, source.baseAddress, &count,
                    target.baseAddress)
            }
        }
        return isDone != 0 ? count : 0
    }

    private static func zstd(_ body: [UInt8], _ output: inout [UInt8]) -> Int {
        let count = unsafe body.withUnsafeBytes { source in
            unsafe output.withUnsafeMutableBytes { target in
                unsafe ZSTD_compress(
                    target.baseAddress, target.count, source.baseAddress, source.count, zstdLevel)
            }
        }
        return ZSTD_isError(count) == 0 ? count : 0
    }
}
