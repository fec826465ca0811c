// The snapshot's frame in its memfd: magic, version, length, checksum, then the fields in order. A worker refuses a
// frame of another version or with a wrong checksum. Within a version fields are only ever appended to the end.
import CLinux
import Glibc

extension ConfigurationSnapshot {
    /// Raised with every change of the layout that an older worker cannot read.
    package static let version: UInt16 = 1
    private static let magic: UInt32 = 0x4346_4C4D  // "MLFC"
    private static let headBytes = 18
    private static let maximumBytes = 16 << 20

    package func encoded() -> [UInt8] {
        var body = WireWriter(capacity: 4_096)
        encodeFields(into: &body)
        var frame = WireWriter(capacity: body.bytes.count + Self.headBytes)
        frame.put(Self.magic)
        frame.put(Self.version)
        frame.put(UInt32(body.bytes.count))
        frame.put(fnv1a(body.bytes, from: 0))
        frame.append(body.bytes)
        return frame.bytes
    }

    package init(decoding bytes: [UInt8]) throws(ControlError) {
        var reader = WireReader(bytes)
        guard try reader.take(UInt32.self) == Self.magic else { throw .malformed("not a configuration snapshot") }
        let version: UInt16 = try reader.take()
        guard version == Self.version else { throw .version(found: version, spoken: Self.version) }
        guard Int(try reader.take(UInt32.self)) == bytes.count - Self.headBytes else { throw .damaged }
        guard try reader.take(UInt64.self) == fnv1a(bytes, from: Self.headBytes) else { throw .damaged }
        self.init()
        try decodeFields(from: &reader)
    }

    /// A memfd with the encoded snapshot.
    package func writeToMemoryFile() throws(ControlError) -> Int32 {
        let fd = unsafe cl_memfd_create("martlet-configuration")
        guard fd >= 0 else { throw .system(call: "memfd_create", errno: cl_errno()) }
        let bytes = encoded()
        let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(fd, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else {
            let error = cl_errno()
            close(fd)
            throw .system(call: "pwrite", errno: error)
        }
        return fd
    }

    /// Reads the snapshot of a descriptor without moving its offset, which other processes share.
    package init(descriptor fd: Int32) throws(ControlError) {
        var facts = stat()
        guard unsafe fstat(fd, &facts) == 0 else { throw .system(call: "fstat", errno: cl_errno()) }
        guard facts.st_size >= Self.headBytes, facts.st_size <= Self.maximumBytes else {
            throw .malformed("configuration snapshot of \(facts.st_size) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe pread(fd, $0.baseAddress, $0.count, 0) }
        guard got == bytes.count else { throw .system(call: "pread", errno: cl_errno()) }
        try self.init(decoding: bytes)
    }
}

/// FNV-1a, 64 bits: enough to notice a torn or foreign file; nobody hostile can write to the memfd.
private func fnv1a(_ bytes: [UInt8], from start: Int) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes[start...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
}

extension ConfigurationSnapshot {
    private func encodeFields(into writer: inout WireWriter) {
        writer.put(revision)
        writer.put(list: addresses) { writer, one in
            one.address.encode(into: &writer)
            writer.put(one.isActive)
        }
        writer.put(list: sites) { writer, site in
            writer.put(site.name)
            writer.put(list: site.hosts) { $0.put($1) }
            writer.put(site.origin)
        }
        writer.put(list: origins) { writer, origin in
            writer.put(origin.scheme.rawValue)
            writer.put(origin.host)
            writer.put(origin.port)
            writer.put(list: origin.addresses) { $1.encode(into: &$0) }
            writer.put(origin.hostHeader.rawValue)
        }
        timeouts.encode(into: &writer)
        limits.encode(into: &writer)
        policy.encode(into: &writer)
        writer.put(pool.idleConnections)
        writer.put(pool.connections)
        writer.put(cache.objectSharePerMille)
        writer.put(cache.compressFromBytes)
        writer.put(cache.compresses)
        writer.put(pseudonym)
        writer.put(backend.rawValue)
        writer.put(policy.rangeOnlyBytes)
        encodeOriginSettings(into: &writer)
        policy.choices.encode(into: &writer)
        writer.put(policy.encodedVariants.rawValue)
    }

    private mutating func decodeFields(from reader: inout WireReader) throws(ControlError) {
        revision = try reader.take()
        addresses = try reader.takeList { (reader) throws(ControlError) in
            ListenAddress(address: try SocketAddress(from: &reader), isActive: try reader.takeBool())
        }
        sites = try reader.takeList { (reader) throws(ControlError) in
            Site(
                name: try reader.takeText(),
                hosts: try reader.takeList { (reader) throws(ControlError) in try reader.takeText() },
                origin: try reader.take())
        }
        origins = try reader.takeList { (reader) throws(ControlError) in
            Origin(
                scheme: try reader.takeCase(), host: try reader.takeText(), port: try reader.take(),
                addresses: try reader.takeList { (reader) throws(ControlError) in try SocketAddress(from: &reader) },
                hostHeader: try reader.takeCase())
        }
        timeouts = try Timeouts(from: &reader)
        limits = try Limits(from: &reader)
        policy = try PolicyNumbers(from: &reader)
        pool.idleConnections = try reader.take()
        pool.connections = try reader.take()
        cache.objectSharePerMille = try reader.take()
        cache.compressFromBytes = try reader.take()
        cache.compresses = try reader.takeBool()
        pseudonym = try reader.takeText()
        backend = try reader.takeCase()
        if reader.remaining >= 8 { policy.rangeOnlyBytes = try reader.take() }
        for site in sites where Int(site.origin) >= origins.count {
            throw .malformed("site \(site.name) has no origin")
        }
        if reader.remaining > 0 { try decodeOriginSettings(from: &reader) }
        if reader.remaining > 0 { policy.choices = try PolicyChoices(from: &reader) }
        if reader.remaining > 0 { policy.encodedVariants = EncodedVariants(rawValue: try reader.take()) }
    }
}

extension Timeouts {
    func encode(into writer: inout WireWriter) {
        for value in [
            idleMilliseconds, requestHeadMilliseconds, requestBodyMilliseconds, sendMilliseconds,
            originConnectMilliseconds, originFirstByteMilliseconds, originBetweenBytesMilliseconds,
            originIdleMilliseconds, fillWaitMilliseconds, tunnelIdleMilliseconds,
        ] { writer.put(value) }
    }

    init(from reader: inout WireReader) throws(ControlError) {
        idleMilliseconds = try reader.take()
        requestHeadMilliseconds = try reader.take()
        requestBodyMilliseconds = try reader.take()
        sendMilliseconds = try reader.take()
        originConnectMilliseconds = try reader.take()
        originFirstByteMilliseconds = try reader.take()
        originBetweenBytesMilliseconds = try reader.take()
        originIdleMilliseconds = try reader.take()
        fillWaitMilliseconds = try reader.take()
        tunnelIdleMilliseconds = try reader.take()
    }
}

extension Limits {
    func encode(into writer: inout WireWriter) {
        for value in [
            requestLineBytes, fieldCount, fieldSectionBytes, responseFieldSectionBytes, connections,
            requestsPerConnection, pipelined,
        ] { writer.put(value) }
        writer.put(requestBodyBytes)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        requestLineBytes = try reader.take()
        fieldCount = try reader.take()
        fieldSectionBytes = try reader.take()
        responseFieldSectionBytes = try reader.take()
        connections = try reader.take()
        requestsPerConnection = try reader.take()
        pipelined = try reader.take()
        requestBodyBytes = try reader.take()
    }
}

extension PolicyNumbers {
    func encode(into writer: inout WireWriter) {
        for value in [
            defaultLifetimeSeconds, heuristicPercent, heuristicMaximumSeconds, maximumLifetimeSeconds,
            staleWhileRevalidateSeconds, staleIfErrorSeconds, keepStaleSeconds, hitForMissSeconds,
        ] { writer.put(value) }
        writer.put(requestDirectives.rawValue)
        writer.put(sortsQuery)
        writer.put(cachesCookieResponses)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        defaultLifetimeSeconds = try reader.take()
        heuristicPercent = try reader.take()
        heuristicMaximumSeconds = try reader.take()
        maximumLifetimeSeconds = try reader.take()
        staleWhileRevalidateSeconds = try reader.take()
        staleIfErrorSeconds = try reader.take()
        keepStaleSeconds = try reader.take()
        hitForMissSeconds = try reader.take()
        requestDirectives = try reader.takeCase()
        sortsQuery = try reader.takeBool()
        cachesCookieResponses = try reader.takeBool()
    }
}
