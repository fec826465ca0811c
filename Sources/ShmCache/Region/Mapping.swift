// Owns one mapped file: its descriptor and its address range. Lives as long as anything made from it.
internal import CLinux

/// A mapped file.
@safe
final class Mapping: @unchecked Sendable {
    let descriptor: Int32
    let address: UnsafeMutableRawPointer
    /// Bytes of address space; the file may be shorter and grow up to it.
    let reserved: Int
    let path: String?

    /// Takes over the descriptor and maps `reserved` bytes of its file.
    init(descriptor: Int32, reserved: Int, path: String?, writable: Bool = true) throws(RegionError) {
        guard let address = unsafe cl_map_shared(descriptor, reserved, writable) else {
            let code = cl_errno()
            _ = cl_close_descriptor(descriptor)
            throw .system(call: "mmap", errno: code, path: path)
        }
        self.descriptor = descriptor
        unsafe self.address = address
        self.reserved = reserved
        self.path = path
    }

    deinit {
        unsafe cl_unmap(address, reserved)
        _ = cl_close_descriptor(descriptor)
    }

    /// The current length of the file.
    var fileSize: Int { Int(cl_file_size(descriptor)) }
}

/// An owned descriptor on its way into a Mapping: closed unless taken.
struct OwnedDescriptor: ~Copyable {
    private let raw: Int32

    init(_ raw: Int32) { self.raw = raw }

    var number: Int32 { raw }

    consuming func take() -> Int32 {
        let number = raw
        discard self
        return number
    }

    deinit { _ = cl_close_descriptor(raw) }
}

/// Reads the first page of a file without mapping it.
func readFirstPage(_ descriptor: Int32) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: RegionLayout.pageSize)
    let got = unsafe page.withUnsafeMutableBytes { unsafe cl_read_at($0.baseAddress!, $0.count, descriptor) }
    return got == page.count ? page : []
}

/// The kernel's name of this boot, as two words.
func currentBootID() -> (UInt64, UInt64) {
    var text = [UInt8](repeating: 0, count: 64)
    let count = unsafe text.withUnsafeMutableBytes { unsafe cl_boot_id($0.baseAddress!, $0.count) }
    let used = max(0, Int(count))
    let low = unsafe hash64(text.span.bytes.extracting(0..<used), seed: 1)
    return unsafe (low, hash64(text.span.bytes.extracting(0..<used), seed: 2) | 1)
}
